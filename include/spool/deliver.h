/*
 * One file, or many, into a directory, under names that the caller chooses: whole and on stable storage, or not there.
 *
 * What it hides: the private file (a name with a dot in front that no reader takes), its sync, the name that nobody
 * else has, the sync of the directory. Who names files by their arrival uses the spool. After a power cut a private
 * file may be left, `.deliver-...`; deliver_sweep removes those that are older than an hour.
 * Any thread may call. Errors: ERROR_SYSTEM, ERROR_NO_SPACE; also ERROR_BUSY: the name is taken. After an error there
 * is nothing new, but for deliver_over where the last sync failed: then the new file is there, and a power cut may
 * bring back the old one; and but for those that deliver_many counts.
 * Source of the rules for names: spec/smx.md 2.
 */
#ifndef SPOOL_DELIVER_H
#define SPOOL_DELIVER_H

#include "base/error.h"
#include "base/mem.h"

#include <limits.h>
#include <stdint.h>

/* Never in place of another file. The directory must exist. */
bool deliver_new(const char *directory, const char *name, struct span content, struct error *err) MUST_CHECK;
/* In place of one of that name, if there is one: it is the old or the new one at any time. */
bool deliver_over(const char *directory, const char *name, struct span content, struct error *err) MUST_CHECK;
/* The one or the other, for a file that everybody may read, whatever the umask: from the moment when it has its name. */
bool deliver_public(const char *directory, const char *name, bool over, struct span content,
                    struct error *err) MUST_CHECK;

enum { DELIVER_MOST = 64 };

struct deliver_file {
    char name[NAME_MAX + 1];            /* ends in .smx or .smw; afterwards the one that it has there */
    struct span content;
};
/* Up to DELIVER_MOST of them, in their order, with one sync of the directory for all. Never in place of another file:
 * where a name is taken, a number goes before its end, as in an inbox. *count: so many are there, the first ones; on
 * false `err` says what is wrong with the next, and nothing is there of it and of those behind it. */
bool deliver_many(const char *directory, struct deliver_file *files, size_t *count, struct error *err) MUST_CHECK;

/* The same for files that an earlier try may have brought there: one of that name with the very same bytes gives it up to
 * ours, which is durable whatever became of that try. Others may try the same at the same time. So nothing is taken
 * back: on false what is beyond *count may be there all the same, whole. */
bool deliver_again(const char *directory, struct deliver_file *files, size_t *count, struct error *err) MUST_CHECK;

/* Could a file be put there now? One is made, and removed: *now is its time, by the clock of that file system,
 * microseconds since 1970. */
bool deliver_probe(const char *directory, int64_t *now, struct error *err) MUST_CHECK;

bool deliver_sweep(const char *directory, int64_t now, struct error *err) MUST_CHECK;

#endif
