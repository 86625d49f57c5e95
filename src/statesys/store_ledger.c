/*
 * The decision hidden here: which messages the ledger counts (spec/statesys.md 4.1), and that of its ranges only those
 * rows are written that are no longer as they were.
 *
 * Clients come one after the other through one ledger, which is large; what they want to have written is gathered for
 * all. Rows of ranges are deleted before any are inserted: a range that was cut keeps its key.
 */
#include "report/topic.h"
#include "store_chunk.h"

#include <stdlib.h>
#include <string.h>

enum { TOPIC_RESYNC = 700, RESYNC_DONE = 1 };

struct writer {
    struct chunk *chunk;
    struct store_batch new_stats;
    struct store_batch stats;
    struct store_batch deleted;
    struct store_batch inserted;
};

/* ---- what counts ---- */

static bool is_counted_sender(const struct sender *sender)
{
    return sender->installed != 0 && sender->prefixed && !sender->flagged;
}

static bool is_counted(const struct state_message *message)
{
    if (!store_state_is_valid(message) || !message->has_serial)
        return false;
    const struct topic_type *topic = topic_find(message->topic_type);
    return topic == NULL || strcmp(topic->serial, "client") == 0;
}

bool store_ledger_feeds(const struct report *report)
{
    size_t i = 0;
    while (i < report->message_count && !is_counted(&report->messages[i]))
        i++;
    return i < report->message_count && is_counted_sender(&report->sender);
}

/* ---- ranges as they are stored ---- */

static const struct db_statement find_ranges = {
    .sql = "SELECT i.Number, r.FirstMissing, r.LastMissing, r.DetectedTime FROM @input i "
           "CROSS JOIN SR_MissingMessageRanges r WHERE r.MachineID = i.MachineID",
    .input = {{"Number", DB_INTEGER}, {"MachineID", DB_INTEGER}},
    .input_count = 2,
    .output = {DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER},
    .output_count = 4,
};
static const struct db_statement delete_range = {
    .sql = "DELETE FROM SR_MissingMessageRanges WHERE (MachineID, FirstMissing) IN "
           "(SELECT i.MachineID, i.FirstMissing FROM @input i)",
    .input = {{"MachineID", DB_INTEGER}, {"FirstMissing", DB_INTEGER}},
    .input_count = 2,
};
static const struct db_statement insert_range = {
    .sql = "INSERT INTO SR_MissingMessageRanges (MachineID, FirstMissing, LastMissing, DetectedTime) @rows",
    .input = {{"MachineID", DB_INTEGER},
              {"FirstMissing", DB_INTEGER},
              {"LastMissing", DB_INTEGER},
              {"DetectedTime", DB_INTEGER}},
    .input_count = 4,
};

static void note_range(void *owner, const struct db_value *row)
{
    const struct chunk *chunk = owner;
    struct chunk_client *client = &chunk->clients[row[0].integer];
    if (client->range_count < client->range_room)
        client->ranges[client->range_count++] =
            (struct ledger_range){(uint64_t)row[1].integer, (uint64_t)row[2].integer, row[3].integer};
}

static int compare_ranges(const void *left, const void *right)
{
    const struct ledger_range *a = left, *b = right;
    return (a->first > b->first) - (a->first < b->first);
}

static bool is_wanted(const struct chunk_client *client)
{
    return client->range_room > 0 && store_client_has_fresh(client);
}

static bool make_room(struct chunk *chunk, struct db_rows *out, struct db_value **values, struct error *err)
{
    *values = arena_alloc(chunk->arena, chunk->client_count * find_ranges.input_count * sizeof **values);
    if (*values == NULL)
        return arena_error(chunk->arena, "store", err);
    *out = (struct db_rows){*values, 0};
    for (size_t i = 0; i < chunk->client_count; i++) {
        struct chunk_client *client = &chunk->clients[i];
        if (!is_wanted(client))
            continue;
        client->ranges = arena_alloc(chunk->arena, client->range_room * sizeof *client->ranges);
        if (client->ranges == NULL)
            return arena_error(chunk->arena, "store", err);
        (*values)[2 * out->count] = store_integer((int64_t)i);
        (*values)[2 * out->count++ + 1] = store_integer(client->machine);
    }
    return true;
}

static bool read_ranges(struct chunk *chunk, struct error *err)
{
    struct db_rows rows = {NULL, 0};
    struct db_value *values;
    if (!make_room(chunk, &rows, &values, err) ||
        !db_run(chunk->db, &find_ranges, rows, (struct db_reader){note_range, chunk}, NULL, err))
        return false;
    for (size_t i = 0; i < chunk->client_count; i++) {
        struct chunk_client *client = &chunk->clients[i];
        if (client->range_count > 1)
            qsort(client->ranges, client->range_count, sizeof *client->ranges, compare_ranges);
    }
    return true;
}

static void load_ledger(struct ledger *ledger, const struct chunk_client *client)
{
    ledger_init(ledger);
    ledger->known = client->known;
    ledger->restarted = client->restarted;
    ledger->restarts = client->restarts;
    ledger->first = client->first;
    ledger->high = client->high;
    ledger->issued = client->issued;
    ledger->first_date = client->first_date;
    ledger->latest_date = client->latest_date;
    ledger->restart_date = client->restart_date;
    ledger->range_count = client->range_count;
    if (client->range_count > 0)
        memcpy(ledger->ranges, client->ranges, client->range_count * sizeof *client->ranges);
}

/* ---- files ---- */

struct listener {
    struct chunk *chunk;
    const struct store_file *file;
};

static void add_notice(const struct listener *listener, struct store_notice notice)
{
    struct chunk *chunk = listener->chunk;
    struct chunk_notice *added = arena_alloc(chunk->arena, sizeof *added);
    if (added == NULL) {
        chunk->no_memory = true;
        return;
    }
    notice.client = listener->file->report->sender.id;
    notice.file = listener->file;
    added->notice = notice;
    *chunk->last_notice = added;
    chunk->last_notice = &added->next;
}

static void note_event(void *owner, const struct ledger_event *event)
{
    if (event->verdict != LEDGER_NEXT)
        add_notice(owner, (struct store_notice){.event = *event});
}

static bool note_serials(struct chunk *chunk, const struct chunk_file *file, struct error *err)
{
    const struct report *report = file->file->report;
    struct listener listener = {chunk, file->file};
    uint64_t *serials = arena_alloc(chunk->arena, report->message_count * sizeof *serials);
    if (serials == NULL)
        return arena_error(chunk->arena, "store", err);
    size_t count = 0;
    for (size_t i = 0; i < report->message_count; i++)
        if (is_counted(&report->messages[i]))
            serials[count++] = report->messages[i].serial;
    const struct ledger_report noted = {serials, count, report->created, chunk->now};
    ledger_note(chunk->ledger, &noted, &chunk->settings->ledger, note_event, &listener);
    return !chunk->no_memory || arena_error(chunk->arena, "store", err);
}

/* 4.4 a, or b. */
static bool says_done(const struct chunk_file *file, uint64_t issued)
{
    const struct report *report = file->file->report;
    for (size_t i = 0; i < report->message_count; i++) {
        const struct state_message *message = &report->messages[i];
        if (message->valid && message->topic_type == TOPIC_RESYNC && message->state == RESYNC_DONE)
            return true;
    }
    return file->raised_again > issued;
}

static void look_for_completion(struct chunk *chunk, struct chunk_client *client, const struct chunk_file *file)
{
    const struct listener listener = {chunk, file->file};
    if (chunk->ledger->issued == LEDGER_NO_SERIAL || !says_done(file, chunk->ledger->issued) ||
        store_report_date(chunk, file->file->report) <= client->stats.resync_issued)
        return;
    ledger_complete(chunk->ledger);
    client->stats.resync_completed = chunk->now;
    add_notice(&listener, (struct store_notice){.resync_completed = true});
}

static void count_messages(struct chunk_stats *stats, const struct chunk *chunk, const struct chunk_file *file)
{
    const struct report *report = file->file->report;
    for (size_t i = 0; i < report->message_count; i++) {
        const struct state_message *message = &report->messages[i];
        if (!store_state_is_valid(message))
            continue;
        const int64_t time = message->time != REPORT_NO_TIME ? message->time : store_report_date(chunk, report);
        stats->processed++;
        if (time > stats->last_message)
            stats->last_message = time;
    }
}

/* ---- written ---- */

#define STATS                                                                                                          \
    "INSERT INTO SR_ClientMessageStats (MachineID, LastMessageTime, LastProcessedTime, LastReportDate, "               \
    "FirstSerialNumber, FirstReportDate, HighSerialNumber, LastRestartDate, MessagesProcessed, "                       \
    "LastResyncClientCompletedTime, ResyncIssuedSerial, ResyncReason, Restarts) @rows"
#define STATS_SET(from)                                                                                                \
    "SET LastMessageTime = " from "LastMessageTime, LastProcessedTime = " from                                         \
    "LastProcessedTime, LastReportDate = " from "LastReportDate, FirstSerialNumber = " from                            \
    "FirstSerialNumber, FirstReportDate = " from "FirstReportDate, HighSerialNumber = " from                           \
    "HighSerialNumber, LastRestartDate = " from "LastRestartDate, MessagesProcessed = " from                           \
    "MessagesProcessed, LastResyncClientCompletedTime = COALESCE(" from                                                \
    "LastResyncClientCompletedTime, SR_ClientMessageStats.LastResyncClientCompletedTime), ResyncIssuedSerial = " from  \
    "ResyncIssuedSerial, ResyncReason = " from "ResyncReason, Restarts = " from "Restarts"
#define STATS_INPUT                                                                                                    \
    {                                                                                                                  \
        {"MachineID", DB_INTEGER}, {"LastMessageTime", DB_INTEGER}, {"LastProcessedTime", DB_INTEGER},                 \
            {"LastReportDate", DB_INTEGER}, {"FirstSerialNumber", DB_INTEGER}, {"FirstReportDate", DB_INTEGER},        \
            {"HighSerialNumber", DB_INTEGER}, {"LastRestartDate", DB_INTEGER}, {"MessagesProcessed", DB_INTEGER},      \
            {"LastResyncClientCompletedTime", DB_INTEGER}, {"ResyncIssuedSerial", DB_INTEGER},                         \
            {"ResyncReason", DB_TEXT},                                                                                 \
        {                                                                                                              \
            "Restarts", DB_INTEGER                                                                                     \
        }                                                                                                              \
    }
static const struct db_statement insert_stats = {.sql = STATS, .input = STATS_INPUT, .input_count = 13};
static const struct db_statement replace_sqlite = {
    .sql = STATS " ON CONFLICT (MachineID) DO UPDATE " STATS_SET("excluded."),
    .input = STATS_INPUT,
    .input_count = 13,
};
static const struct db_statement replace_postgres = {
    .sql = "UPDATE SR_ClientMessageStats " STATS_SET("i.") " FROM @input i "
                                                           "WHERE SR_ClientMessageStats.MachineID = i.MachineID",
    .input = STATS_INPUT,
    .input_count = 13,
};

static struct db_value serial_value(bool known, uint64_t serial)
{
    return known && serial <= LEDGER_MOST_SERIAL ? store_integer((int64_t)serial) : store_null();
}

static bool add_stats(struct writer *writer, const struct chunk_client *client, struct error *err)
{
    const struct ledger *ledger = writer->chunk->ledger;
    struct db_value *row = store_batch_row(client->has_stats ? &writer->stats : &writer->new_stats, err);
    if (row == NULL)
        return false;
    *row++ = store_integer(client->machine);
    *row++ = store_time(client->stats.last_message);
    *row++ = store_integer(writer->chunk->now);
    *row++ = store_time(ledger->latest_date);
    *row++ = serial_value(ledger->known, ledger->first);
    *row++ = store_time(ledger->first_date);
    *row++ = serial_value(ledger->known, ledger->high);
    *row++ = store_time(ledger->restart_date);
    *row++ = store_integer(client->stats.processed);
    *row++ = store_time(client->stats.resync_completed);
    *row++ = serial_value(true, ledger->issued);
    *row++ = ledger->restarted ? store_text(SPAN("restart"), 32) : store_null();
    *row++ = store_integer(ledger->restarts);
    return true;
}

static bool delete_row(struct writer *writer, int64_t machine, const struct ledger_range *range, struct error *err)
{
    struct db_value *row = store_batch_row(&writer->deleted, err);
    if (row == NULL)
        return false;
    row[0] = store_integer(machine);
    row[1] = store_integer((int64_t)range->first);
    return true;
}

static bool insert_row(struct writer *writer, int64_t machine, const struct ledger_range *range, struct error *err)
{
    struct db_value *row = store_batch_row(&writer->inserted, err);
    if (row == NULL)
        return false;
    row[0] = store_integer(machine);
    row[1] = store_integer((int64_t)range->first);
    row[2] = store_integer((int64_t)range->last);
    row[3] = store_integer(range->detected);
    return true;
}

static bool has_range(const struct ledger_range *ranges, size_t count, const struct ledger_range *range)
{
    const struct ledger_range *found = count == 0 ? NULL
                                                  : bsearch(range, ranges, count, sizeof *ranges, compare_ranges);
    return found != NULL && found->last == range->last && found->detected == range->detected;
}

static bool add_ranges(struct writer *writer, const struct chunk_client *client, struct error *err)
{
    const struct ledger *ledger = writer->chunk->ledger;
    for (size_t i = 0; i < client->range_count; i++)
        if (!has_range(ledger->ranges, ledger->range_count, &client->ranges[i]) &&
            !delete_row(writer, client->machine, &client->ranges[i], err))
            return false;
    for (size_t i = 0; i < ledger->range_count; i++)
        if (!has_range(client->ranges, client->range_count, &ledger->ranges[i]) &&
            !insert_row(writer, client->machine, &ledger->ranges[i], err))
            return false;
    return true;
}

/* A sender that is none of 4.1 gets no row, whatever it sends. */
static bool add_client(struct writer *writer, struct chunk_client *client, struct error *err)
{
    struct chunk *chunk = writer->chunk;
    bool counted = false;
    load_ledger(chunk->ledger, client);
    for (size_t i = 0; i < client->file_count; i++) {
        const struct chunk_file *file = &client->files[i];
        if (!file->fresh || !is_counted_sender(&file->file->report->sender))
            continue;
        counted = true;
        count_messages(&client->stats, chunk, file);
        if (!note_serials(chunk, file, err))
            return false;
        look_for_completion(chunk, client, file);
    }
    return !counted ||
           (add_stats(writer, client, err) && (!chunk->ledger->ranges_changed || add_ranges(writer, client, err)));
}

static void init_writer(struct writer *writer, struct chunk *chunk)
{
    writer->chunk = chunk;
    store_batch_init(&writer->new_stats, chunk->db, &insert_stats, chunk->client_count, chunk->arena);
    store_batch_init(&writer->stats, chunk->db, db_is_sqlite(chunk->db) ? &replace_sqlite : &replace_postgres,
                     chunk->client_count, chunk->arena);
    store_batch_init(&writer->deleted, chunk->db, &delete_range, SIZE_MAX, chunk->arena);
    store_batch_init(&writer->inserted, chunk->db, &insert_range, SIZE_MAX, chunk->arena);
    writer->inserted.before = &writer->deleted;
}

bool store_ledger_write(struct chunk *chunk, struct error *err)
{
    struct writer writer;
    if (!read_ranges(chunk, err))
        return false;
    init_writer(&writer, chunk);
    for (size_t i = 0; i < chunk->client_count; i++)
        if (!add_client(&writer, &chunk->clients[i], err))
            return false;
    return store_batch_flush(&writer.new_stats, err) && store_batch_flush(&writer.stats, err) &&
           store_batch_flush(&writer.inserted, err);
}
