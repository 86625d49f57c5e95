/*
 * One message on its way: what the files of the inbox and the lines of the logs say of it, beside the database.
 *
 * Nothing here is an error: what cannot be read tells nothing, and is named as such on standard error.
 */
#ifndef SMX_TRACE_H
#define SMX_TRACE_H

#include "base/mem.h"
#include "place.h"

enum { TRACE_NAME_SIZE = 256 };

/* Shows each line in the logs of relay and state system that names the file. Returns how many. */
size_t trace_show_lines(const char *logs, const char *file);

/* Which message is wanted. */
struct trace_message {
    const char *key; /* SMSID */
    uint64_t serial;
};

/* Looks for the file that holds the message, in all places of the inbox; only so many files are read. */
struct trace_found {
    bool found;
    const char *where; /* "incoming/high", "corrupt"... */
    char name[TRACE_NAME_SIZE];
    size_t looked; /* files read */
    bool more;     /* and not all of them */
};
void trace_find_file(const struct place *place, const struct trace_message *message, struct trace_found *out);

#endif
