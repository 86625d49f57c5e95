/*
 * The file of the log: appended to in blocks, renamed at its limit (spec/logs.md 3), opened again when it failed.
 *
 * Calling sequence: log_file_open, then log_file_append and log_file_reopen, log_file_close; one thread at a time.
 * Blocks are never torn over two files. What cannot be written is counted by the caller, never tried again.
 */
#ifndef BASE_LOG_FILE_H
#define BASE_LOG_FILE_H

#include "base/log.h"

#include <limits.h>

struct log_mark {
    size_t end;                 /* of a block, within the bytes of its batch */
    unsigned records;
};

/* Whole blocks, one behind the other. */
struct log_batch {
    char *bytes;
    size_t len;
    struct log_mark *marks;
    size_t count;
    size_t reopen_at;           /* blocks from here on belong into the file as it is then; SIZE_MAX: none */
};

struct log_file {
    int fd;
    bool regular;               /* else there is nothing to rename */
    bool torn;                  /* a block was cut off: the next begins on a line of its own */
    bool reopen_due;
    bool closing_line;          /* the site server's last line before the file is renamed */
    bool local_time;
    size_t size;
    size_t max_size;
    unsigned max_history;
    int os;                     /* errno of the last write that failed */
    char path[PATH_MAX];
};

bool log_file_open(struct log_file *file, const struct log_settings *settings, struct error *err) MUST_CHECK;
/* At once if possible, else before one of the next writes; until then the old file goes on. */
void log_file_reopen(struct log_file *file);
/* Blocks from..to. Returns the number of records that could not be written. */
unsigned log_file_append(struct log_file *file, const struct log_batch *batch, size_t from, size_t to);
void log_file_close(struct log_file *file);

#endif
