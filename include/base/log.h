/*
 * The log: both line formats of spec/logs.md (1 and 2), written and parsed here and nowhere else.
 *
 * What it hides: making client text safe so that nobody can forge a line (logs.md 1.3), the cut of long lines, the
 * time stamps, rotation, and the thread that writes. A caller never waits for the disk of the log: records go to a
 * bounded buffer in memory. When it is full the caller waits a moment for the writer; what still does not fit is
 * counted, and the log says so later. A log that cannot be written stops nothing. log_close loses none.
 *
 * Calling sequence: log_open once, then from any thread log_info(...) for a single record, or a struct log_block on
 * the stack for records that must stand together; log_reopen after SIGHUP; log_close. Before log_open and after
 * log_close all of it goes to standard error. The one log of a process is global: it is one of the two mutable
 * globals of the house.
 * Pure floors do not log; errors travel up and the program logs them once.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/error.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

enum log_format { LOG_CCM, LOG_SITE };

/* The numbers are those of the format: type="2" is a warning. */
enum log_type { LOG_PLAIN, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* What is left out: log-level = verbose|default|warning|error (logs.md 3). */
enum log_level {
    LOG_LEVEL_VERBOSE,
    LOG_LEVEL_DEFAULT,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_NONE,              /* no setting: for who only tries whether the file can be opened */
};

struct log_settings {
    const char *path;            /* .../MP_Relay.log; its directory exists */
    const char *component;       /* MP_RelayEndpoint */
    enum log_format format;
    enum log_level level;
    bool local_time;             /* log-time = local: with the bias of logs.md 1.2; else UTC and +000 */
    size_t max_size;             /* log-max-size, bytes: then X.log becomes X.lo_ */
    unsigned max_history;        /* log-max-history: over 1, older files are X-YYYYMMDD-HHMMSS.log */
};

/* The path is copied, and so is the component. A log that cannot be opened now is an error here (the program says so
 * before it starts); one that fails later is tried again by itself. */
bool log_open(const struct log_settings *settings, struct error *err) MUST_CHECK;
/* New level, sizes and history; path, component, format and time as they were. */
void log_set(const struct log_settings *settings);
/* New path, format and time, from the next record on; the file is opened as by log_reopen. */
void log_move(const struct log_settings *settings);
void log_reopen(void);
void log_close(void);
bool log_wants(enum log_type type, bool verbose);

/* Records lost since the start, because the buffer was full or the file could not be written. */
uint64_t log_lost(void);
/* False, and why: the latest records could not be written, or nothing can be handed over. Then it is tried again with
 * what has to be said about them; who asks a moment later is told what came of that. */
bool log_works(struct error *err) MUST_CHECK;

#define log_info(...) log_write(LOG_INFO, __FILE__, __LINE__, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __FILE__, __LINE__, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __FILE__, __LINE__, __VA_ARGS__)
void log_write(enum log_type type, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Records that stand together in the file. Starts on the stack, grows in memory for the two body dumps; where memory
 * is refused the dump is cut, never the block. Records below the level are left out. */
enum { LOG_CONTEXT_SIZE = 9 };
struct log_block {
    struct buffer grown;
    size_t len;
    unsigned records;
    int64_t time;                /* of all its records, microseconds UTC */
    char context[LOG_CONTEXT_SIZE];
    char bytes[4096];
};

#define log_block_info(block, ...) log_block_add(block, LOG_INFO, __FILE__, __LINE__, __VA_ARGS__)
void log_block_begin(struct log_block *block);
/* A short number that all records of the block carry in the field `context` of the CCM format, in hexadecimal. */
void log_block_set_context(struct log_block *block, uint32_t number);
void log_block_add(struct log_block *block, enum log_type type, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* A dump: `title` and then the text (UTF-8, made safe), line breaks kept, long lines wrapped after '>' (logs.md 1.3).
 * Only where the level is verbose. */
void log_block_add_body(struct log_block *block, const char *file, int line, const char *title, struct span text);
void log_block_end(struct log_block *block);   /* hands it over and frees it */

/* Makes `text` safe by the rules of logs.md 1.3 for a value inside a one-line message, cut to `most` bytes on a
 * character boundary with the end marked "..."; writes a NUL. Returns out. `room` must be at least most + 4. */
const char *log_quote(struct span text, size_t most, char *out, size_t room);

/* One record, read back. Spans point into the bytes that were parsed. */
struct log_record {
    enum log_format format;
    struct span text;
    struct span component;
    struct span context;
    struct span file;            /* "relay.c:120", empty in the site format */
    enum log_type type;          /* site format: by the words error, fail, warn, as CMTrace colours (logs.md 2) */
    uint64_t thread;
    int64_t time;                /* microseconds UTC; INT64_MIN where the line has none */
};

/* Takes the first record off `bytes`. LOG_PARSED: `out` is filled and *used bytes belong to it (its line end, and
 * anything unframed before it is its own, earlier record of type LOG_PLAIN with no component). LOG_MORE: no whole
 * record yet, read on. At the end of a file call once more with `last`, which takes what is left as a record cut off.
 * LOG_NOTHING: empty. */
enum log_parsed { LOG_NOTHING, LOG_MORE, LOG_PARSED };
enum log_parsed log_parse(struct span bytes, bool last, struct log_record *out, size_t *used);

#endif
