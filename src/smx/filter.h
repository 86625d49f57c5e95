/*
 * What smx query is asked for: words like topic:500 state:2 client:PC-0* since:7d, and the SQL that they become.
 *
 * A state must fit all of them. What it hides: what may stand behind each colon; names of topics and states, which
 * become numbers here; how a `*` is written for each database so that an index can still be used.
 *
 * Calling sequence: filter_parse for each word, filter_write once. Filters point into their words. Pure: the time is an
 * argument, and nothing that was given stands in the SQL itself, but for numbers. Errors: ERROR_MALFORMED with the word
 * and what it should be; ERROR_TOO_BIG, ERROR_NO_MEMORY.
 */
#ifndef SMX_FILTER_H
#define SMX_FILTER_H

#include "base/error.h"
#include "base/mem.h"

#include <stdint.h>

enum filter_kind {
    FILTER_TOPIC,
    FILTER_STATE,
    FILTER_CLIENT,
    FILTER_USER,
    FILTER_ID,
    FILTER_SINCE,
    FILTER_UNTIL,
    FILTER_SERIAL,
    FILTER_KINDS
};

enum { FILTER_MOST = 16, FILTER_MOST_PARAMETERS = 6 * FILTER_MOST };

struct filter {
    enum filter_kind kind;
    const char *text; /* behind the colon */
    bool named;       /* topic and state: `text` is a name, not a number */
    int64_t least;    /* topic, state, since, serial */
    int64_t most;     /* until (not itself), serial */
};

/* One line for each kind, for --help. */
extern const char filter_help[];

bool filter_parse(const char *word, int64_t now, struct filter *out, struct error *err) MUST_CHECK;

struct filter_sql {
    struct buffer where; /* a condition on v_States, without NUL; empty: all */
    const char *parameters[FILTER_MOST_PARAMETERS];
    size_t parameter_count;
};
/* Texts come from the arena; `where` is the caller's to init and fini. At most FILTER_MOST filters. */
bool filter_write(const struct filter *filters, size_t count, bool sqlite, struct arena *arena, struct filter_sql *out,
                  struct error *err) MUST_CHECK;

/* The condition on SR_Clients alone that a client: has. */
bool filter_write_client(const char *text, struct arena *arena, struct filter_sql *out, struct error *err) MUST_CHECK;

/* Does the text fit a pattern in which * stands for anything? ASCII letters of either case. */
bool filter_fits(const char *pattern, const char *text);

#endif
