/*
 * What a record looks like in the file (spec/logs.md 1 to 3): safe text, its frame of fields, the cut of long lines.
 * Pure: bytes in, bytes out, the clock and the thread are arguments; only a time stamp is kept for each thread,
 * because it changes once a second and records come by the ten thousand. For log.c and the tests of the format.
 */
#ifndef BASE_LOG_TEXT_H
#define BASE_LOG_TEXT_H

#include "base/log.h"

enum {
    LOG_LINE_MOST = 7900,       /* bytes of a physical line, CR LF included: CMTrace gives up at 8000 */
    LOG_FIELD_MOST = 100,       /* bytes of component and file: what CMTrace scans */
    LOG_WRAP_AT = 4000,         /* a line of a dump ends after the first '>' from here on */
    LOG_DUMP_LEAST = 1024,      /* room that log_text_dump needs */
};

struct log_style {
    enum log_format format;
    bool local_time;
    char component[LOG_FIELD_MOST + 1];
};

/* Where and when a record was said. */
struct log_origin {
    enum log_type type;
    const char *file;
    int line;
    uint64_t thread;
    int64_t time;               /* microseconds UTC */
    const char *context;        /* NULL or "": none; at most LOG_CONTEXT_SIZE - 1 bytes, ours */
};

/* NULL and "" become the name of the program. */
void log_style_init(struct log_style *style, const struct log_settings *settings);

/* Copies what fits of `text` into `room`, made safe by rules 1 to 3 of logs.md 1.3 for a single line; characters stay
 * whole. Returns the bytes written; *used is what was taken of `text`. */
size_t log_text_safe(struct span text, bool keep_tabs, char *out, size_t room, size_t *used);

/* One record with its line end. `text` may be the beginning of `total` bytes: the rest counts as cut off. */
size_t log_text_record(const struct log_style *style, const struct log_origin *origin, struct span text, size_t total,
                       char out[LOG_LINE_MOST]);

struct log_dump {
    struct span title;          /* may end in a line break */
    struct span text;
};

/* One record that keeps the line breaks of its text (logs.md 1.3; the site format knows none). `room` is
 * LOG_DUMP_LEAST or more; what does not fit is cut off and said. */
size_t log_text_dump(const struct log_style *style, const struct log_origin *origin, const struct log_dump *what,
                     char *out, size_t room);

#endif
