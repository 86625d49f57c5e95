/*
 * Counts of states, kept beside them so that nobody has to read millions of rows: what the views count, exact at all
 * times, because they change in the transaction that changes the states. Rows that are deleted, by whomever, are counted
 * by triggers of the schema.
 *
 * Calling sequence: store_counts_init with the most states that may change; store_counts_add for each new one,
 * store_counts_move for each that changed, one machine after the other; store_counts_write.
 */
#ifndef STATESYS_STORE_COUNT_H
#define STATESYS_STORE_COUNT_H

#include "store_chunk.h"

/* Topic types whose states are counted by topic and state: those of updates and deployments. */
#define STORE_SUMMARIZED 300, 301, 302, 402, 500

struct store_counted {
    int64_t machine;
    uint32_t topic_type;
    struct span topic_id;
};

struct state_change;
struct client_change;
struct store_counts {
    struct chunk *chunk;
    struct state_change *states;
    size_t state_count;
    struct client_change *clients;
    size_t client_count;
};

bool store_counts_init(struct store_counts *counts, struct chunk *chunk, size_t most, struct error *err) MUST_CHECK;
void store_counts_add(struct store_counts *counts, const struct store_counted *counted, int64_t state);
void store_counts_move(struct store_counts *counts, const struct store_counted *counted, int64_t from, int64_t to);
bool store_counts_write(struct store_counts *counts, struct error *err) MUST_CHECK;

/* PostgreSQL: what connections counted that are gone comes together in one row each. */
bool store_counts_fold(struct db *db, struct error *err) MUST_CHECK;

#endif
