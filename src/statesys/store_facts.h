/*
 * Figures of what the store holds, for those who watch: a few queries on a connection that only reads.
 *
 * Each reads one table as a whole, but for the heartbeat: some tenths of a second with a million clients. So who asks
 * often keeps the answer for a while.
 */
#ifndef STATESYS_STORE_FACTS_H
#define STATESYS_STORE_FACTS_H

#include "db/db.h"

#define STORE_NO_HEARTBEAT INT64_MIN

struct store_facts {
    uint64_t heard_hour;   /* clients whose last report was loaded within the hour, */
    uint64_t heard_day;    /* not within the hour, but the day, */
    uint64_t heard_week;   /* not within the day, but seven days, */
    uint64_t heard_before; /* before that */
    uint64_t missing_messages;
    uint64_t missing_ranges;
    uint64_t resyncs_pending; /* asked for and not complete */
    int64_t heartbeat;        /* when the last one that came through was written, or STORE_NO_HEARTBEAT */
};

/* `site_code` as the store has it: upper case. */
bool store_facts_read(struct db *db, const char *site_code, int64_t now, struct store_facts *out,
                      struct error *err) MUST_CHECK;

#endif
