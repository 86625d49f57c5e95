/*
 * A file's name and what it says: stem, tries, where and when it is due, extension. Pure.
 *
 *   STEM[.retry-TRIES[-QUEUE-DUE]].smx
 */
#ifndef SPOOL_INBOX_NAME_H
#define SPOOL_INBOX_NAME_H

#include "spool/inbox.h"

struct inbox_name {
    struct span stem;                   /* part of the text that was parsed, as is the extension */
    struct span extension;              /* with its dot */
    unsigned tries;
    bool waits;                         /* the next two are said: it lies in retry/ */
    unsigned queue;
    int64_t due;
};

/* Does it count: .smx or .smw, and no dot in front? */
bool inbox_name_counts(const char *name);

/* For a name that counts. */
void inbox_name_parse(const char *text, struct inbox_name *out);

/* The name with a number behind its stem, if that is not 0, in at most `most` bytes: the stem is cut off. */
void inbox_name_write(const struct inbox_name *name, unsigned number, size_t most, char out[NAME_MAX + 1]);

#endif
