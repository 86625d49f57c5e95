/*
 * How a site is at this moment: what both daemons say, and the relay's last verdict.
 *
 * What it hides: whom to ask for what (/readyz and /metrics of both; of the relay whether somebody listens, and the end of
 * its log), and what of it is a reason to worry. Who does not answer is such a reason, not an error; but for the relay's
 * pages, which it may not have.
 *
 * Calling sequence: health_read, health_fini. Times are microseconds UTC. Errors: ERROR_NO_MEMORY; ERROR_MALFORMED: a
 * URL that is none.
 */
#ifndef SMX_HEALTH_H
#define SMX_HEALTH_H

#include "base/error.h"
#include "base/mem.h"

#include <stdint.h>

struct health_sources {
    const char *statesys;           /* ADDRESS:PORT or URL of its pages; "": it has none */
    const char *relay;              /* ADDRESS:PORT or URL */
    bool relay_guessed;             /* it may take reports elsewhere: believe its pages, if they answer */
    const char *relay_pages;        /* the same of its admin listener; "": it has none */
    const char *relay_log;          /* path of MP_Relay.log */
};

struct health {
    int64_t time;                   /* when it was looked at */
    bool statesys_answers;
    bool statesys_ready;
    bool relay_answers;
    bool relay_tells;               /* whether it is ready; else nobody knows */
    bool relay_ready;
    struct buffer metrics;          /* the pages of both: scrape.h */
    struct buffer reasons;          /* not to be at ease, one a line; empty: all is well */
    struct buffer verdict;          /* the last one in the relay's log; empty: none was found */
    int64_t verdict_time;
};

bool health_read(const struct health_sources *sources, struct health *out, struct error *err) MUST_CHECK;
void health_fini(struct health *health);

/* How many a minute between two looks of one run of the program; 0 if it was started anew in between. */
double health_rate(const struct health *before, const struct health *now, const char *metric);

#endif
