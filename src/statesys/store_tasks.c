/* The decision hidden here: what is deleted is deleted in pieces that are found by an index, so that no loader waits
 * long: states client by client, for no index knows their age. */
#include "store_chunk.h"

enum { CLIENTS_AT_ONCE = 200 };

/* ---- the heartbeat ---- */

static const struct db_statement find_heartbeat = {
    .sql = "SELECT s.MessageTime, s.SerialNumber FROM @input i JOIN SR_Clients c ON c.SMSID = i.SMSID "
           "JOIN SR_States s ON s.MachineID = c.MachineID WHERE s.TopicType = 701",
    .input = {{"SMSID", DB_TEXT}},
    .input_count = 1,
    .output = {DB_INTEGER, DB_INTEGER},
    .output_count = 2,
};

/* A site may have had another code: there is one for each. */
static void note_heartbeat(void *owner, const struct db_value *row)
{
    struct store_heartbeat *heartbeat = owner;
    if (!row[0].null && row[0].integer > heartbeat->time)
        heartbeat->time = row[0].integer;
    if (!row[1].null && (uint64_t)row[1].integer > heartbeat->sequence)
        heartbeat->sequence = (uint64_t)row[1].integer;
}

bool store_read_heartbeat(struct store *store, const char *client, struct store_heartbeat *out, struct error *err)
{
    const struct db_value key = store_text(span_of(client), SIZE_MAX);
    struct store_heartbeat found = {LEDGER_NO_TIME, 0};
    if (!db_run(store_db(store), &find_heartbeat, (struct db_rows){&key, 1}, (struct db_reader){note_heartbeat, &found},
                NULL, err))
        return false;
    *out = found;
    return true;
}

/* ---- aged states ---- */

static const struct db_statement find_last_of_some = {
    .sql = "SELECT MAX(t.MachineID) FROM (SELECT c.MachineID FROM @input i JOIN SR_Clients c ON c.MachineID > i.After "
           "ORDER BY c.MachineID LIMIT (SELECT i.Most FROM @input i)) t",
    .input = {{"After", DB_INTEGER}, {"Most", DB_INTEGER}},
    .input_count = 2,
    .output = {DB_INTEGER},
    .output_count = 1,
};
/* As a loader does, or states would go while it counts what it does to them. */
static const struct db_statement lock_postgres = {
    .sql = "SELECT c.MachineID FROM @input i JOIN SR_Clients c ON c.MachineID > i.After AND c.MachineID <= i.Last "
           "ORDER BY c.SMSID COLLATE \"C\" FOR UPDATE OF c",
    .input = {{"After", DB_INTEGER}, {"Last", DB_INTEGER}},
    .input_count = 2,
    .output = {DB_INTEGER},
    .output_count = 1,
};
static const struct db_statement delete_states = {
    .sql = "DELETE FROM SR_States WHERE MachineID > (SELECT i.After FROM @input i) "
           "AND MachineID <= (SELECT i.Last FROM @input i) AND ProcessedTime < (SELECT i.Oldest FROM @input i)",
    .input = {{"After", DB_INTEGER}, {"Last", DB_INTEGER}, {"Oldest", DB_INTEGER}},
    .input_count = 3,
};

struct deletion {
    const struct db_statement *statement;
    const struct db_value *row;
    uint64_t deleted;
};

static bool delete_rows(void *owner, struct db *db, struct error *err)
{
    struct deletion *deletion = owner;
    return db_run(db, deletion->statement, (struct db_rows){deletion->row, 1}, (struct db_reader){NULL, NULL},
                  &deletion->deleted, err);
}

static bool delete_locked_states(void *owner, struct db *db, struct error *err)
{
    const struct deletion *deletion = owner;
    return (db_is_sqlite(db) || db_run(db, &lock_postgres, (struct db_rows){deletion->row, 1},
                                       (struct db_reader){NULL, NULL}, NULL, err)) &&
           delete_rows(owner, db, err);
}

static void note_last(void *owner, const struct db_value *row)
{
    *(int64_t *)owner = row[0].null ? INT64_MAX : row[0].integer;
}

bool store_delete_states(struct store *store, int64_t before, int64_t *after, uint64_t *deleted, struct error *err)
{
    const struct db_value some[] = {store_integer(*after), store_integer(CLIENTS_AT_ONCE)};
    int64_t last = INT64_MAX;
    if (!db_run(store_db(store), &find_last_of_some, (struct db_rows){some, 1}, (struct db_reader){note_last, &last},
                NULL, err))
        return false;
    const struct db_value row[] = {store_integer(*after), store_integer(last), store_integer(before)};
    struct deletion deletion = {&delete_states, row, 0};
    if (last != INT64_MAX && !store_transact(store, delete_locked_states, &deletion, err))
        return false;
    *after = last;
    *deleted = deletion.deleted;
    return true;
}

/* ---- files loaded long ago ---- */

static const struct db_statement forget_files = {
    .sql = "DELETE FROM SR_ProcessedFiles WHERE ContentHash IN (SELECT f.ContentHash FROM @input i "
           "JOIN SR_ProcessedFiles f ON f.ProcessedTime < i.Oldest ORDER BY f.ProcessedTime "
           "LIMIT (SELECT i.Most FROM @input i))",
    .input = {{"Oldest", DB_INTEGER}, {"Most", DB_INTEGER}},
    .input_count = 2,
};

bool store_forget_files(struct store *store, int64_t before, uint64_t most, uint64_t *forgotten, struct error *err)
{
    const struct db_value row[] = {store_integer(before), store_integer((int64_t)most)};
    struct deletion deletion = {&forget_files, row, 0};
    if (!store_transact(store, delete_rows, &deletion, err))
        return false;
    *forgotten = deletion.deleted;
    return true;
}
