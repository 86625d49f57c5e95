/*
 * One message, or one report, on its way: what the files of the inbox and the lines of the logs say of it, beside the
 * database.
 *
 * Nothing of files and logs is an error: what cannot be read tells nothing, and is named as such on standard error.
 */
#ifndef SMX_TRACE_H
#define SMX_TRACE_H

#include "base/mem.h"
#include "command.h"

enum { TRACE_NAME_SIZE = 256 };

/* What is looked for in the logs of relay, mover and state system, from the oldest line to the newest. */
struct trace_lines {
    const char *logs;
    const char *word;               /* a file, whose end does not count, or the ID of a message */
    const char *but;                /* lines with this are left out; NULL: none */
    char kept[TRACE_NAME_SIZE];     /* the file of the last verdict among them that says "kept as"; else "" */
};
/* Returns how many. */
size_t trace_show_lines(struct trace_lines *lines);

/* Is that the ID of a message, "{...}", or the name of a file? */
bool trace_is_report(const char *word);
/* What was answered, and where it is now. A status of sysexits(3). */
int trace_report(const struct command *command, const char *word);

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
