/*
 * The decision hidden here: who needs a resync (spec/statesys.md 4.3), in SQL, once to find them and once more when
 * their rows are locked, for a report may have come meanwhile.
 *
 * The oldest ranges are found by the index on their age. What is known of those that are chosen is asked for them alone.
 */
#include "base/sys.h"
#include "store_chunk.h"

#include <string.h>

/* A GUID, for its key becomes a file's name. */
#define IS_GUID                                                                                                        \
    "c.SMSID LIKE '________-____-____-____-____________' AND TRIM(c.SMSID, '0123456789ABCDEF-') = '' "                 \
    "AND LENGTH(REPLACE(c.SMSID, '-', '')) = 32"

enum found_column { FOUND_MACHINE, FOUND_GUID, FOUND_SINCE, FOUND_FIRST, FOUND_MISSING, FOUND_COLUMNS };
static const struct db_statement find_wanted = {
    .sql =
        "SELECT p.MachineID, p.SMSID, COALESCE((SELECT MIN(r.DetectedTime) FROM SR_MissingMessageRanges r "
        "WHERE r.MachineID = p.MachineID), p.Since), "
        "(SELECT COALESCE(MIN(r.FirstMissing), 0) FROM SR_MissingMessageRanges r WHERE r.MachineID = p.MachineID), "
        "(SELECT COALESCE(CAST(SUM(r.LastMissing - r.FirstMissing + 1) AS BIGINT), 0) FROM SR_MissingMessageRanges r "
        "WHERE r.MachineID = p.MachineID) FROM (SELECT w.MachineID, c.SMSID, w.Since FROM "
        "(SELECT u.MachineID, MIN(u.Since) AS Since FROM (SELECT r.MachineID, r.DetectedTime AS Since FROM @input i "
        "JOIN SR_MissingMessageRanges r ON r.DetectedTime <= i.MissingBefore UNION ALL "
        "SELECT s.MachineID, COALESCE(s.LastRestartDate, 0) FROM SR_ClientMessageStats s "
        "WHERE s.ResyncReason IS NOT NULL) u GROUP BY u.MachineID) w JOIN SR_ClientMessageStats s "
        "ON s.MachineID = w.MachineID JOIN SR_Clients c ON c.MachineID = w.MachineID JOIN @input i "
        "ON s.LastResyncIssuedTime IS NULL OR s.LastResyncIssuedTime <= i.IssuedBefore WHERE " IS_GUID
        " ORDER BY w.Since, w.MachineID LIMIT (SELECT i.Most FROM @input i)) p ORDER BY p.Since, p.MachineID",
    .input = {{"MissingBefore", DB_INTEGER}, {"IssuedBefore", DB_INTEGER}, {"Most", DB_INTEGER}},
    .input_count = 3,
    .output = {DB_INTEGER, DB_TEXT, DB_INTEGER, DB_INTEGER, DB_INTEGER},
    .output_count = FOUND_COLUMNS,
};
static const struct db_statement lock_postgres = {
    .sql = "SELECT c.MachineID FROM @input i JOIN SR_Clients c ON c.MachineID = i.MachineID "
           "ORDER BY c.SMSID COLLATE \"C\" FOR UPDATE OF c",
    .input = {{"MachineID", DB_INTEGER}},
    .input_count = 1,
    .output = {DB_INTEGER},
    .output_count = 1,
};
static const struct db_statement issue = {
    .sql = "UPDATE SR_ClientMessageStats SET LastResyncIssuedTime = i.Now, "
           "ResyncIssuedSerial = COALESCE(SR_ClientMessageStats.HighSerialNumber, 0) FROM @input i "
           "WHERE SR_ClientMessageStats.MachineID = i.MachineID "
           "AND (SR_ClientMessageStats.LastResyncIssuedTime IS NULL "
           "OR SR_ClientMessageStats.LastResyncIssuedTime <= i.IssuedBefore) "
           "AND (SR_ClientMessageStats.ResyncReason IS NOT NULL OR EXISTS (SELECT 1 FROM SR_MissingMessageRanges r "
           "WHERE r.MachineID = i.MachineID AND r.DetectedTime <= i.MissingBefore)) "
           "RETURNING SR_ClientMessageStats.MachineID",
    .input = {{"MachineID", DB_INTEGER},
              {"Now", DB_INTEGER},
              {"MissingBefore", DB_INTEGER},
              {"IssuedBefore", DB_INTEGER}},
    .input_count = 4,
    .output = {DB_INTEGER},
    .output_count = 1,
};
static const struct db_statement find_asked = {
    .sql = "SELECT i.Number FROM @input i JOIN SR_Clients c ON c.SMSID = i.SMSID "
           "JOIN SR_ClientMessageStats s ON s.MachineID = c.MachineID WHERE s.ResyncIssuedSerial IS NOT NULL",
    .input = {{"Number", DB_INTEGER}, {"SMSID", DB_TEXT}},
    .input_count = 2,
    .output = {DB_INTEGER},
    .output_count = 1,
};

/* ---- found ---- */

struct found {
    struct store_resync *all;
    size_t count;
    size_t most;
};

/* The order of the rows is that of the statement: it has one row of input only. */
static void note_wanted(void *owner, const struct db_value *row)
{
    struct found *found = owner;
    const struct span guid = row[FOUND_GUID].text;
    if (found->count == found->most || guid.len != STORE_GUID_SIZE - 1)
        return;
    struct store_resync *resync = &found->all[found->count++];
    *resync = (struct store_resync){
        .machine = row[FOUND_MACHINE].integer,
        .since = row[FOUND_SINCE].integer,
        .first_missing = (uint64_t)row[FOUND_FIRST].integer,
        .missing = (uint64_t)row[FOUND_MISSING].integer,
    };
    memcpy(resync->guid, guid.at, guid.len);
}

bool store_find_resyncs(struct store *store, const struct store_resync_rule *rule, struct store_resync *out,
                        size_t most, size_t *count, struct error *err)
{
    const struct db_value values[] = {store_integer(rule->missing_before), store_integer(rule->issued_before),
                                      store_integer((int64_t)most)};
    struct found found = {out, 0, most};
    if (!db_run(store_db(store), &find_wanted, (struct db_rows){values, 1}, (struct db_reader){note_wanted, &found},
                NULL, err))
        return false;
    *count = found.count;
    return true;
}

/* ---- issued ---- */

struct issuing {
    struct store_resync *resyncs;
    size_t count;
    struct db_value *machines;
    struct db_value *rows;
};

static void note_issued(void *owner, const struct db_value *row)
{
    const struct issuing *issuing = owner;
    for (size_t i = 0; i < issuing->count; i++)
        if (issuing->resyncs[i].machine == row[0].integer)
            issuing->resyncs[i].issued = true;
}

/* As a loader does: the clients are locked first, then looked at. */
static bool lock_and_issue(void *owner, struct db *db, struct error *err)
{
    struct issuing *issuing = owner;
    if (!db_is_sqlite(db) && !db_run(db, &lock_postgres, (struct db_rows){issuing->machines, issuing->count},
                                     (struct db_reader){NULL, NULL}, NULL, err))
        return false;
    return db_run(db, &issue, (struct db_rows){issuing->rows, issuing->count}, (struct db_reader){note_issued, issuing},
                  NULL, err);
}

static bool issue_rows(struct store *store, struct issuing *issuing, const struct store_resync_rule *rule, int64_t now,
                       struct error *err)
{
    for (size_t i = 0; i < issuing->count; i++) {
        struct db_value *row = issuing->rows + i * issue.input_count;
        issuing->resyncs[i].issued = false;
        issuing->machines[i] = row[0] = store_integer(issuing->resyncs[i].machine);
        row[1] = store_integer(now);
        row[2] = store_integer(rule->missing_before);
        row[3] = store_integer(rule->issued_before);
    }
    return store_transact(store, lock_and_issue, issuing, err);
}

bool store_issue_resyncs(struct store *store, const struct store_resync_rule *rule, struct store_resync *resyncs,
                         size_t count, int64_t now, struct error *err)
{
    const size_t columns = 1 + issue.input_count;
    struct db_value *values = sys.allocate(count * columns * sizeof *values);
    if (values == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for %zu resyncs", count);
    struct issuing issuing = {resyncs, count, values, values + count};
    const bool issued = issue_rows(store, &issuing, rule, now, err);
    sys.release(values);
    return issued;
}

/* ---- asked ---- */

static void note_asked(void *owner, const struct db_value *row)
{
    struct store_asked *asked = owner;
    asked[row[0].integer].under_way = true;
}

bool store_find_asked(struct store *store, struct store_asked *asked, size_t count, struct error *err)
{
    struct db_value *values = sys.allocate(count * find_asked.input_count * sizeof *values);
    if (values == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for %zu clients", count);
    for (size_t i = 0; i < count; i++) {
        asked[i].under_way = false;
        values[2 * i] = store_integer((int64_t)i);
        values[2 * i + 1] = store_text(span_of(asked[i].guid), STORE_GUID_SIZE);
    }
    const bool found = db_run(store_db(store), &find_asked, (struct db_rows){values, count},
                              (struct db_reader){note_asked, asked}, NULL, err);
    sys.release(values);
    return found;
}
