/*
 * One file into a directory, under a name that the caller chooses: whole and on stable storage, or not there.
 *
 * What it hides: the private file (a name with a dot in front that no reader takes), its sync, the name that nobody
 * else has, the sync of the directory. For few files; who keeps many uses the spool. After a power cut a private file
 * may be left, `.deliver-...`; deliver_sweep removes those that are older than an hour.
 * Any thread may call. Errors: ERROR_SYSTEM, ERROR_NO_SPACE; deliver_new also ERROR_BUSY: the name is taken. After an
 * error there is nothing new, but for deliver_over where the last sync failed: then the new file is there, and a power
 * cut may bring back the old one.
 * Source of the rules for names: spec/smx.md 2.
 */
#ifndef SPOOL_DELIVER_H
#define SPOOL_DELIVER_H

#include "base/error.h"
#include "base/mem.h"

#include <stdint.h>

/* Never in place of another file. The directory must exist. */
bool deliver_new(const char *directory, const char *name, struct span content, struct error *err) MUST_CHECK;
/* In place of one of that name, if there is one: it is the old or the new one at any time. */
bool deliver_over(const char *directory, const char *name, struct span content, struct error *err) MUST_CHECK;
bool deliver_sweep(const char *directory, int64_t now, struct error *err) MUST_CHECK;

#endif
