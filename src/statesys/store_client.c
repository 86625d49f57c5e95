/*
 * The decision hidden here: who waits for whom. In SQLite a transaction that writes is alone. In PostgreSQL each loader
 * locks all of its clients in the order of their keys, and only then reads what it knows of them: so two loaders never
 * wait for each other in a circle, and neither computes with numbers that the other is about to change. (Reading and
 * locking in one statement would not do: what is joined to the locked row is still as it was before the lock was waited
 * for.) Clients that are missing are made in a transaction that holds no lock yet, in the same order.
 */
#include "store_chunk.h"

#include <string.h>

enum { MOST_KEY = 255, MOST_NAME = 256, MOST_VERSION = 64 };

#define NEW_CLIENT(number)                                                                                             \
    "INSERT INTO SR_Clients (MachineID, SMSID, SMSIDAsSent, FirstSeen, LastSeen) SELECT " number                       \
    ", i.SMSID, i.SMSIDAsSent, i.Seen, i.Seen FROM @input i "                                                          \
    "WHERE NOT EXISTS (SELECT 1 FROM SR_Clients c WHERE c.SMSID = i.SMSID) "
#define NEW_CLIENT_INPUT                                                                                               \
    {                                                                                                                  \
        {"SMSID", DB_TEXT}, {"SMSIDAsSent", DB_TEXT},                                                                  \
        {                                                                                                              \
            "Seen", DB_INTEGER                                                                                         \
        }                                                                                                              \
    }

static const struct db_statement make_postgres = {
    .sql = NEW_CLIENT("nextval('SR_MachineID')") "ORDER BY i.SMSID COLLATE \"C\" ON CONFLICT DO NOTHING",
    .input = NEW_CLIENT_INPUT,
    .input_count = 3,
};
static const struct db_statement make_sqlite = {
    .sql = NEW_CLIENT("(SELECT COALESCE(MAX(MachineID), 16777215) + 1 FROM SR_Clients)"),
    .input = NEW_CLIENT_INPUT,
    .input_count = 3,
};
static const struct db_statement lock_postgres = {
    .sql = "SELECT i.Number, c.MachineID FROM @input i JOIN SR_Clients c ON c.SMSID = i.SMSID "
           "ORDER BY c.SMSID COLLATE \"C\" FOR UPDATE OF c",
    .input = {{"Number", DB_INTEGER}, {"SMSID", DB_TEXT}},
    .input_count = 2,
    .output = {DB_INTEGER, DB_INTEGER},
    .output_count = 2,
};

enum found_column {
    FOUND_INDEX,
    FOUND_MACHINE,
    FOUND_LAST_MESSAGE,
    FOUND_LATEST_DATE,
    FOUND_FIRST,
    FOUND_FIRST_DATE,
    FOUND_HIGH,
    FOUND_RESTART_DATE,
    FOUND_PROCESSED,
    FOUND_ISSUED_TIME,
    FOUND_ISSUED_SERIAL,
    FOUND_RESTARTED,
    FOUND_RESTARTS,
    FOUND_IS_MISSING,
    FOUND_HAS_STATES,
    FOUND_COLUMNS
};
#define FIND(machine, from)                                                                                            \
    "SELECT i.Number, " machine                                                                                        \
    ", s.LastMessageTime, s.LastReportDate, s.FirstSerialNumber, s.FirstReportDate, s.HighSerialNumber, "              \
    "s.LastRestartDate, s.MessagesProcessed, s.LastResyncIssuedTime, s.ResyncIssuedSerial, "                           \
    "CASE WHEN s.ResyncReason IS NOT NULL THEN 1 ELSE 0 END, s.Restarts, "                                             \
    "COALESCE((SELECT 1 FROM SR_MissingMessageRanges r WHERE r.MachineID = " machine " LIMIT 1), 0), "                 \
    "COALESCE((SELECT 1 FROM SR_ClientTopics t WHERE t.MachineID = " machine " LIMIT 1), 0) FROM @input i " from
#define FIND_OUTPUT                                                                                                    \
    {                                                                                                                  \
        DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER,    \
            DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER                                     \
    }
static const struct db_statement find_sqlite = {
    .sql = FIND("c.MachineID", "CROSS JOIN SR_Clients c LEFT JOIN SR_ClientMessageStats s ON s.MachineID = c.MachineID "
                               "WHERE c.SMSID = i.SMSID"),
    .input = {{"Number", DB_INTEGER}, {"SMSID", DB_TEXT}},
    .input_count = 2,
    .output = FIND_OUTPUT,
    .output_count = FOUND_COLUMNS,
};
static const struct db_statement find_postgres = {
    .sql = FIND("i.MachineID", "LEFT JOIN SR_ClientMessageStats s ON s.MachineID = i.MachineID"),
    .input = {{"Number", DB_INTEGER}, {"MachineID", DB_INTEGER}},
    .input_count = 2,
    .output = FIND_OUTPUT,
    .output_count = FOUND_COLUMNS,
};

/* ---- found, made, locked ---- */

static int64_t time_of(const struct db_value *value)
{
    return value->null ? LEDGER_NO_TIME : value->integer;
}

static uint64_t serial_of(const struct db_value *value)
{
    return value->null ? LEDGER_NO_SERIAL : (uint64_t)value->integer;
}

static void note_client(void *owner, const struct db_value *row)
{
    const struct chunk *chunk = owner;
    struct chunk_client *client = &chunk->clients[row[FOUND_INDEX].integer];
    client->machine = row[FOUND_MACHINE].integer;
    client->stats.last_message = time_of(&row[FOUND_LAST_MESSAGE]);
    client->stats.processed = row[FOUND_PROCESSED].integer;
    client->stats.resync_issued = time_of(&row[FOUND_ISSUED_TIME]);
    client->stats.resync_completed = LEDGER_NO_TIME;
    client->has_stats = !row[FOUND_PROCESSED].null;
    client->known = !row[FOUND_HIGH].null;
    client->restarted = row[FOUND_RESTARTED].integer == 1;
    client->restarts = (unsigned)row[FOUND_RESTARTS].integer;
    client->first = (uint64_t)row[FOUND_FIRST].integer;
    client->high = (uint64_t)row[FOUND_HIGH].integer;
    client->issued = serial_of(&row[FOUND_ISSUED_SERIAL]);
    client->first_date = time_of(&row[FOUND_FIRST_DATE]);
    client->latest_date = time_of(&row[FOUND_LATEST_DATE]);
    client->restart_date = time_of(&row[FOUND_RESTART_DATE]);
    client->has_states = row[FOUND_HAS_STATES].integer == 1;
    client->range_room = row[FOUND_IS_MISSING].integer == 1 ? LEDGER_MOST_RANGES : 0;
}

static struct db_value key_of(const struct chunk_client *client)
{
    return store_text(client->key, MOST_KEY);
}

static size_t count_missing(const struct chunk *chunk)
{
    size_t missing = 0;
    for (size_t i = 0; i < chunk->client_count; i++)
        missing += chunk->clients[i].machine == 0;
    return missing;
}

/* Asks with the number and the key of each client that is missing so far. */
static bool ask_by_key(struct chunk *chunk, const struct db_statement *statement,
                       void (*each)(void *owner, const struct db_value *row), struct error *err)
{
    struct db_value *values = arena_alloc(chunk->arena, chunk->client_count * 2 * sizeof *values);
    if (values == NULL)
        return arena_error(chunk->arena, "store", err);
    size_t count = 0;
    for (size_t i = 0; i < chunk->client_count; i++) {
        if (chunk->clients[i].machine != 0)
            continue;
        values[2 * count] = store_integer((int64_t)i);
        values[2 * count++ + 1] = key_of(&chunk->clients[i]);
    }
    return db_run(chunk->db, statement, (struct db_rows){values, count}, (struct db_reader){each, chunk}, NULL, err);
}

static bool add_client(const struct chunk *chunk, const struct chunk_client *client, struct store_batch *batch,
                       struct error *err)
{
    struct db_value *row = store_batch_row(batch, err);
    if (row == NULL)
        return false;
    row[0] = key_of(client);
    row[1] = store_text(client->files[0].file->report->sender.id, MOST_KEY);
    row[2] = store_integer(chunk->now);
    return true;
}

static bool make_clients(struct chunk *chunk, struct error *err)
{
    const struct db_statement *make = db_is_sqlite(chunk->db) ? &make_sqlite : &make_postgres;
    struct store_batch batch;
    store_batch_init(&batch, chunk->db, make, chunk->client_count, chunk->arena);
    for (size_t i = 0; i < chunk->client_count; i++)
        if (chunk->clients[i].machine == 0 && !add_client(chunk, &chunk->clients[i], &batch, err))
            return false;
    return store_batch_flush(&batch, err);
}

static bool refuse_missing(const struct chunk *chunk, struct error *err)
{
    return count_missing(chunk) == 0 || error_set(err, ERROR_BUSY, "a client was deleted while its report was loaded");
}

static bool reach_in_sqlite(struct chunk *chunk, struct error *err)
{
    if (!ask_by_key(chunk, &find_sqlite, note_client, err))
        return false;
    return count_missing(chunk) == 0 ||
           (make_clients(chunk, err) && ask_by_key(chunk, &find_sqlite, note_client, err) &&
            refuse_missing(chunk, err));
}

static void note_machine(void *owner, const struct db_value *row)
{
    const struct chunk *chunk = owner;
    chunk->clients[row[0].integer].machine = row[1].integer;
}

static bool lock_clients(struct chunk *chunk, struct error *err)
{
    for (size_t i = 0; i < chunk->client_count; i++)
        chunk->clients[i].machine = 0;
    return ask_by_key(chunk, &lock_postgres, note_machine, err);
}

static bool begin_again(const struct chunk *chunk, struct error *err)
{
    db_rollback(chunk->db);
    return db_begin(chunk->db, err);
}

/* Who holds locks must not wait for the clients that another is making. */
static bool lock_or_make_clients(struct chunk *chunk, struct error *err)
{
    if (!lock_clients(chunk, err))
        return false;
    const size_t missing = count_missing(chunk);
    if (missing == 0)
        return true;
    return (missing == chunk->client_count || begin_again(chunk, err)) && make_clients(chunk, err) &&
           lock_clients(chunk, err) && refuse_missing(chunk, err);
}

/* What is found comes with the answer about the files. */
static bool reach_in_postgres(struct chunk *chunk, struct error *err)
{
    struct db_value *values = arena_alloc(chunk->arena, chunk->client_count * 2 * sizeof *values);
    if (values == NULL)
        return arena_error(chunk->arena, "store", err);
    if (!lock_or_make_clients(chunk, err))
        return false;
    for (size_t i = 0; i < chunk->client_count; i++) {
        values[2 * i] = store_integer((int64_t)i);
        values[2 * i + 1] = store_integer(chunk->clients[i].machine);
    }
    return db_send(chunk->db, &find_postgres, (struct db_rows){values, chunk->client_count},
                   (struct db_reader){note_client, chunk}, err);
}

bool store_client_reach(struct chunk *chunk, struct error *err)
{
    return db_is_sqlite(chunk->db) ? reach_in_sqlite(chunk, err) : reach_in_postgres(chunk, err);
}

/* ---- what is known of a client ---- */

/* The client is there, and locked: PostgreSQL then updates faster than it looks for a conflict, SQLite the other way. */
#define FACTS_INPUT                                                                                                    \
    {                                                                                                                  \
        {"MachineID", DB_INTEGER}, {"SMSID", DB_TEXT}, {"SMSIDAsSent", DB_TEXT}, {"NetBIOSName", DB_TEXT},             \
            {"ClientVersion", DB_TEXT}, {"ClientType", DB_INTEGER}, {"ClientInstalled", DB_INTEGER},                   \
            {"CodePage", DB_INTEGER}, {"SystemDefaultLCID", DB_INTEGER}, {"FirstSeen", DB_INTEGER},                    \
        {                                                                                                              \
            "LastSeen", DB_INTEGER                                                                                     \
        }                                                                                                              \
    }
#define FACTS_SET(from)                                                                                                \
    "SET SMSIDAsSent = " from "SMSIDAsSent, NetBIOSName = " from "NetBIOSName, ClientVersion = " from                  \
    "ClientVersion, ClientType = " from "ClientType, ClientInstalled = " from "ClientInstalled, CodePage = " from      \
    "CodePage, SystemDefaultLCID = " from "SystemDefaultLCID, LastSeen = " from "LastSeen"
static const struct db_statement facts_sqlite = {
    .sql = "INSERT INTO SR_Clients (MachineID, SMSID, SMSIDAsSent, NetBIOSName, ClientVersion, ClientType, "
           "ClientInstalled, CodePage, SystemDefaultLCID, FirstSeen, LastSeen) @rows "
           "ON CONFLICT (MachineID) DO UPDATE " FACTS_SET("excluded."),
    .input = FACTS_INPUT,
    .input_count = 11,
};
static const struct db_statement facts_postgres = {
    .sql = "UPDATE SR_Clients " FACTS_SET("i.") " FROM @input i WHERE SR_Clients.MachineID = i.MachineID",
    .input = FACTS_INPUT,
    .input_count = 11,
};
static const struct db_statement write_seen = {
    .sql = "UPDATE SR_Clients SET LastSeen = i.Seen FROM @input i WHERE SR_Clients.MachineID = i.MachineID",
    .input = {{"MachineID", DB_INTEGER}, {"Seen", DB_INTEGER}},
    .input_count = 2,
};

/* The last fresh report that is not older than the latest Date that the ledger had seen when its turn came: so it does
 * not matter how files are cut into chunks. NULL: they are all late ones. */
static const struct report *latest_report(const struct chunk *chunk, const struct chunk_client *client)
{
    const struct report *latest = NULL;
    int64_t seen = client->latest_date;
    for (size_t i = 0; i < client->file_count; i++) {
        const struct report *report = client->files[i].file->report;
        const int64_t date = store_report_date(chunk, report);
        if (!client->files[i].fresh || date < seen)
            continue;
        latest = report;
        if (store_ledger_feeds(report))
            seen = date;
    }
    return latest;
}

static void fill_facts(struct db_value *row, const struct chunk_client *client, const struct sender *sender,
                       int64_t now)
{
    row[0] = store_integer(client->machine);
    row[1] = key_of(client);
    row[2] = store_text(sender->id, MOST_KEY);
    row[3] = store_optional(sender->name, MOST_NAME);
    row[4] = store_optional(sender->version, MOST_VERSION);
    row[5] = store_int32(sender->type);
    row[6] = store_int32(sender->installed);
    row[7] = store_int32(sender->code_page);
    row[8] = store_int32(sender->lcid);
    row[9] = row[10] = store_integer(now); /* FirstSeen stays as it is */
}

static bool write_client(const struct chunk *chunk, const struct chunk_client *client, struct store_batch *facts,
                         struct store_batch *seen, struct error *err)
{
    const struct report *latest = latest_report(chunk, client);
    struct db_value *row = store_batch_row(latest == NULL ? seen : facts, err);
    if (row == NULL)
        return false;
    if (latest != NULL) {
        fill_facts(row, client, &latest->sender, chunk->now);
        return true;
    }
    row[0] = store_integer(client->machine);
    row[1] = store_integer(chunk->now);
    return true;
}

bool store_client_write(struct chunk *chunk, struct error *err)
{
    struct store_batch facts, seen;
    store_batch_init(&facts, chunk->db, db_is_sqlite(chunk->db) ? &facts_sqlite : &facts_postgres, chunk->client_count,
                     chunk->arena);
    store_batch_init(&seen, chunk->db, &write_seen, chunk->client_count, chunk->arena);
    for (size_t i = 0; i < chunk->client_count; i++)
        if (store_client_has_fresh(&chunk->clients[i]) && !write_client(chunk, &chunk->clients[i], &facts, &seen, err))
            return false;
    return store_batch_flush(&facts, err) && store_batch_flush(&seen, err);
}
