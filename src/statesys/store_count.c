/*
 * The decision hidden here: who counts where. A count that all loaders write would make each wait for the commit of
 * another. So in PostgreSQL each connection has rows of its own (Writer, by default its process), a count is their sum,
 * and a row below 0 is no fault: who took a state away was not who brought it. In SQLite there is one writer, 0.
 *
 * A topic type that is not summarized is counted as a whole, under no topic and state 0: of some, each message has a
 * topic of its own.
 */
#include "store_count.h"

#include <stdlib.h>

struct state_change {
    uint32_t topic_type;
    struct span topic_id;
    int64_t state;
    int64_t change;
};

struct client_change {
    int64_t machine;
    uint32_t topic_type;
    int64_t change;
};

static const struct db_statement add_states = {
    .sql = "INSERT INTO SR_StateCounts (TopicType, TopicID, StateID, States) @rows "
           "ON CONFLICT (TopicType, TopicID, StateID, Writer) DO UPDATE SET "
           "States = SR_StateCounts.States + excluded.States",
    .input = {{"TopicType", DB_INTEGER}, {"TopicID", DB_TEXT}, {"StateID", DB_INTEGER}, {"States", DB_INTEGER}},
    .input_count = 4,
};
static const struct db_statement add_clients = {
    .sql = "INSERT INTO SR_ClientTopics (MachineID, TopicType, States) @rows "
           "ON CONFLICT (MachineID, TopicType) DO UPDATE SET States = SR_ClientTopics.States + excluded.States",
    .input = {{"MachineID", DB_INTEGER}, {"TopicType", DB_INTEGER}, {"States", DB_INTEGER}},
    .input_count = 3,
};

/* ---- counted ---- */

bool store_counts_init(struct store_counts *counts, struct chunk *chunk, size_t most, struct error *err)
{
    *counts = (struct store_counts){
        .chunk = chunk,
        .states = arena_alloc(chunk->arena, 2 * most * sizeof *counts->states),
        .clients = arena_alloc(chunk->arena, most * sizeof *counts->clients),
    };
    return (counts->states != NULL && counts->clients != NULL) || arena_error(chunk->arena, "store", err);
}

static bool is_summarized(uint32_t topic_type)
{
    static const uint32_t types[] = {STORE_SUMMARIZED};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i] == topic_type)
            return true;
    return false;
}

static void add_state(struct store_counts *counts, const struct store_counted *counted, int64_t state, int64_t change)
{
    struct state_change *added = &counts->states[counts->state_count++];
    *added = (struct state_change){.topic_type = counted->topic_type, .topic_id = SPAN(""), .change = change};
    if (!is_summarized(counted->topic_type))
        return;
    added->topic_id = counted->topic_id;
    added->state = state;
}

static void add_client(struct store_counts *counts, const struct store_counted *counted)
{
    struct client_change *last = counts->clients + counts->client_count - 1;
    if (counts->client_count > 0 && last->machine == counted->machine && last->topic_type == counted->topic_type)
        last->change++;
    else
        counts->clients[counts->client_count++] = (struct client_change){counted->machine, counted->topic_type, 1};
}

void store_counts_add(struct store_counts *counts, const struct store_counted *counted, int64_t state)
{
    add_state(counts, counted, state, 1);
    add_client(counts, counted);
}

void store_counts_move(struct store_counts *counts, const struct store_counted *counted, int64_t from, int64_t to)
{
    if (from == to || !is_summarized(counted->topic_type))
        return;
    add_state(counts, counted, from, -1);
    add_state(counts, counted, to, 1);
}

/* ---- written ---- */

static int compare_changes(const void *left, const void *right)
{
    const struct state_change *a = left, *b = right;
    if (a->topic_type != b->topic_type)
        return a->topic_type > b->topic_type ? 1 : -1;
    const int order = span_compare(a->topic_id, b->topic_id);
    return order != 0 ? order : (a->state > b->state) - (a->state < b->state);
}

/* Sorted, and what is about the same count brought together. */
static void merge_states(struct store_counts *counts)
{
    struct state_change *all = counts->states;
    size_t kept = 0;
    qsort(all, counts->state_count, sizeof *all, compare_changes);
    for (size_t i = 0; i < counts->state_count; i++)
        if (kept > 0 && compare_changes(&all[kept - 1], &all[i]) == 0)
            all[kept - 1].change += all[i].change;
        else
            all[kept++] = all[i];
    counts->state_count = kept;
}

static bool write_states(const struct store_counts *counts, struct error *err)
{
    struct store_batch batch;
    store_batch_init(&batch, counts->chunk->db, &add_states, counts->state_count, counts->chunk->arena);
    for (size_t i = 0; i < counts->state_count; i++) {
        const struct state_change *change = &counts->states[i];
        struct db_value *row = change->change == 0 ? NULL : store_batch_row(&batch, err);
        if (change->change == 0)
            continue;
        if (row == NULL)
            return false;
        row[0] = store_integer(change->topic_type);
        row[1] = store_text(change->topic_id, SIZE_MAX);
        row[2] = store_integer(change->state);
        row[3] = store_integer(change->change);
    }
    return store_batch_flush(&batch, err);
}

static bool write_clients(const struct store_counts *counts, struct error *err)
{
    struct store_batch batch;
    store_batch_init(&batch, counts->chunk->db, &add_clients, counts->client_count, counts->chunk->arena);
    for (size_t i = 0; i < counts->client_count; i++) {
        struct db_value *row = store_batch_row(&batch, err);
        if (row == NULL)
            return false;
        row[0] = store_integer(counts->clients[i].machine);
        row[1] = store_integer(counts->clients[i].topic_type);
        row[2] = store_integer(counts->clients[i].change);
    }
    return store_batch_flush(&batch, err);
}

bool store_counts_write(struct store_counts *counts, struct error *err)
{
    merge_states(counts);
    return write_states(counts, err) && write_clients(counts, err);
}

/* ---- brought together ---- */

/* A process that has the number of one that is gone has rows of its own to begin with, or waits until they are. */
static const struct db_statement fold = {
    .sql = "WITH gone AS (DELETE FROM SR_StateCounts WHERE Writer <> 0 "
           "AND Writer NOT IN (SELECT pid FROM pg_stat_activity) RETURNING TopicType, TopicID, StateID, States) "
           "INSERT INTO SR_StateCounts (TopicType, TopicID, StateID, Writer, States) "
           "SELECT TopicType, TopicID, StateID, 0, SUM(States) FROM gone GROUP BY TopicType, TopicID, StateID "
           "ON CONFLICT (TopicType, TopicID, StateID, Writer) DO UPDATE SET "
           "States = SR_StateCounts.States + excluded.States",
};

bool store_counts_fold(struct db *db, struct error *err)
{
    return db_is_sqlite(db) || db_run(db, &fold, (struct db_rows){NULL, 0}, (struct db_reader){NULL, NULL}, NULL, err);
}
