/* The decision hidden here: what is counted by a pass over a table and needs no index, for the loader pays for each. */
#include "store_facts.h"

#define HOUR ((int64_t)60 * 60 * 1000000)
#define DAY (24 * HOUR)

static const struct db_statement count_clients = {
    .sql = "SELECT COUNT(CASE WHEN c.LastSeen >= i.Hour THEN 1 END), "
           "COUNT(CASE WHEN c.LastSeen >= i.Day AND c.LastSeen < i.Hour THEN 1 END), "
           "COUNT(CASE WHEN c.LastSeen >= i.Week AND c.LastSeen < i.Day THEN 1 END), "
           "COUNT(CASE WHEN c.LastSeen < i.Week THEN 1 END) FROM @input i CROSS JOIN SR_Clients c",
    .input = {{"Hour", DB_INTEGER}, {"Day", DB_INTEGER}, {"Week", DB_INTEGER}},
    .input_count = 3,
    .output = {DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER},
    .output_count = 4,
};
/* A sum of integers could be beyond 64 bits, which is an error in both; as a fraction it is only inexact then. */
static const struct db_statement count_missing = {
    .sql =
        "SELECT t.Ranges, CASE WHEN t.Messages < 9e18 THEN CAST(t.Messages AS BIGINT) ELSE 9000000000000000000 END "
        "FROM (SELECT COUNT(*) AS Ranges, COALESCE(SUM(CAST(LastMissing - FirstMissing + 1 AS DOUBLE PRECISION)), 0) "
        "AS Messages FROM SR_MissingMessageRanges) t",
    .output = {DB_INTEGER, DB_INTEGER},
    .output_count = 2,
};
static const struct db_statement count_resyncs = {
    .sql = "SELECT COUNT(ResyncIssuedSerial) FROM SR_ClientMessageStats",
    .output = {DB_INTEGER},
    .output_count = 1,
};
static const struct db_statement find_heartbeat = {
    .sql = "SELECT MAX(s.MessageTime) FROM @input i JOIN SR_States s ON s.TopicType = 701 AND s.TopicID = i.SiteCode",
    .input = {{"SiteCode", DB_TEXT}},
    .input_count = 1,
    .output = {DB_INTEGER},
    .output_count = 1,
};

static void note_clients(void *owner, const struct db_value *row)
{
    struct store_facts *facts = owner;
    facts->heard_hour = (uint64_t)row[0].integer;
    facts->heard_day = (uint64_t)row[1].integer;
    facts->heard_week = (uint64_t)row[2].integer;
    facts->heard_before = (uint64_t)row[3].integer;
}

static void note_missing(void *owner, const struct db_value *row)
{
    struct store_facts *facts = owner;
    facts->missing_ranges = (uint64_t)row[0].integer;
    facts->missing_messages = (uint64_t)row[1].integer;
}

static void note_resyncs(void *owner, const struct db_value *row)
{
    struct store_facts *facts = owner;
    facts->resyncs_pending = (uint64_t)row[0].integer;
}

static void note_heartbeat(void *owner, const struct db_value *row)
{
    struct store_facts *facts = owner;
    facts->heartbeat = row[0].null ? STORE_NO_HEARTBEAT : row[0].integer;
}

bool store_facts_read(struct db *db, const char *site_code, int64_t now, struct store_facts *out, struct error *err)
{
    const struct db_value bounds[] = {{.integer = now - HOUR}, {.integer = now - DAY}, {.integer = now - 7 * DAY}};
    const struct db_value site = {.text = span_of(site_code)};
    const struct db_rows none = {NULL, 0};
    struct store_facts facts = {.heartbeat = STORE_NO_HEARTBEAT};
    if (!db_run(db, &count_clients, (struct db_rows){bounds, 1}, (struct db_reader){note_clients, &facts}, NULL, err) ||
        !db_run(db, &count_missing, none, (struct db_reader){note_missing, &facts}, NULL, err) ||
        !db_run(db, &count_resyncs, none, (struct db_reader){note_resyncs, &facts}, NULL, err) ||
        !db_run(db, &find_heartbeat, (struct db_rows){&site, 1}, (struct db_reader){note_heartbeat, &facts}, NULL, err))
        return false;
    *out = facts;
    return true;
}
