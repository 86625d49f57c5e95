/*
 * The two files of the journal: where they are, that no other process has them, and whether they are still what the
 * next start will find. What is in them: segment.h.
 */
#ifndef SPOOL_JOURNAL_FILES_H
#define SPOOL_JOURNAL_FILES_H

#include "base/sys.h"

#include <stdint.h>

enum { JOURNAL_FILES = 2 };

struct journal_files {
    const char *path;                   /* of their directory: the caller's */
    int fds[JOURNAL_FILES];             /* all are open, or none (-1) */
    struct sys_identity places[JOURNAL_FILES];
};

void journal_files_init(struct journal_files *files, const char *path);
/* Makes what is missing. On false none is open. ERROR_BUSY: another process has them. */
bool journal_files_open(struct journal_files *files, struct error *err) MUST_CHECK;
/* Only to be read, and beside a process that has them: nothing is made or locked. False with ERROR_NOT_FOUND: there are
 * none. */
bool journal_files_open_to_read(struct journal_files *files, struct error *err) MUST_CHECK;
void journal_files_close(struct journal_files *files);
bool journal_files_are_open(const struct journal_files *files);

/* Not after they were removed or renamed, or another file system was mounted over them. */
bool journal_files_are_in_place(const struct journal_files *files);
/* Is there one? If in doubt, yes: then opening them says what is wrong. */
bool journal_files_exist(const char *path);

bool journal_files_find_sizes(const struct journal_files *files, uint64_t sizes[JOURNAL_FILES],
                              struct error *err) MUST_CHECK;
/* Empties both and writes them full of zeros; `bytes` hold JOURNAL_MOST_BATCH. On false both are empty. */
bool journal_files_fill(const struct journal_files *files, uint64_t size, char *bytes, struct error *err) MUST_CHECK;

#endif
