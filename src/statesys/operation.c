/* The decision hidden here: ready means that a file dropped now would be in the database soon; each reason why not is a
 * sentence that says what to look at. */
#include "operation.h"

#include "base/log.h"
#include "base/sys.h"
#include "observer.h"

#include <stdatomic.h>
#include <stdio.h>

#define SECOND ((int64_t)1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* The database's own limits on a call end before. */
#define HANGS (30 * SECOND)

enum { HEARTBEATS_MISSED = 3 };

struct operation {
    struct site *site;
    int64_t started;
    struct observer *observer;
};

/* ---- ready or not ---- */

static void add_error(struct admin_reasons *reasons, const char *what, const struct error *err)
{
    if (err->kind != ERROR_NONE)
        admin_add_reason(reasons, "%s: %s", what, err->text);
}

static void judge_database(const struct site *site, const struct observation *seen, struct admin_reasons *reasons)
{
    if (seen->database.kind != ERROR_NONE)
        add_error(reasons, "the database cannot be reached", &seen->database);
    else if (atomic_load(&site->database_lost))
        admin_add_reason(reasons, "the loader could not reach the database when it last tried");
}

static int64_t oldest_of(const struct observation *seen)
{
    int64_t oldest = INT64_MAX;
    for (size_t i = 0; i < QUEUES; i++)
        if (seen->queues[i].oldest < oldest)
            oldest = seen->queues[i].oldest;
    return oldest;
}

static void judge_backlog(const struct properties *properties, const struct observation *seen,
                          struct admin_reasons *reasons)
{
    const int64_t oldest = oldest_of(seen), bound = properties->polling_interval + HOUR, now = sys_now();
    if (oldest < now - bound)
        admin_add_reason(reasons, "a file has been waiting in the inbox for %lld minutes",
                         (long long)((now - oldest) / MINUTE));
}

/* A state system that has just started, perhaps for the first time, has as long for its first. */
static void judge_heartbeat(const struct operation *operation, const struct properties *properties, int64_t heartbeat,
                            struct admin_reasons *reasons)
{
    const int64_t since = heartbeat > operation->started ? heartbeat : operation->started;
    const int64_t age = sys_now() - since;
    if (age > HEARTBEATS_MISSED * properties->heartbeat_interval)
        admin_add_reason(reasons, "no heartbeat of the last %lld minutes came through the inbox",
                         (long long)(age / MINUTE));
}

static void judge(const struct operation *operation, const struct observation *seen, struct admin_reasons *reasons)
{
    const struct force *force = atomic_load(&operation->site->force);
    judge_database(operation->site, seen, reasons);
    add_error(reasons, "the inbox cannot be used", &seen->inbox);
    add_error(reasons, "the inbox", &seen->inbox_disk);
    add_error(reasons, "the database", &seen->database_disk);
    if (force != NULL && seen->inbox.kind == ERROR_NONE)
        judge_backlog(&force->properties, seen, reasons);
    if (force != NULL && seen->database.kind == ERROR_NONE)
        judge_heartbeat(operation, &force->properties, seen->facts.heartbeat, reasons);
}

static bool write_reasons(void *owner, struct buffer *out, struct error *err)
{
    struct operation *operation = owner;
    struct admin_reasons reasons = {.out = out};
    struct observation seen;
    int64_t hangs;
    observer_look(operation->observer, &seen, &hangs);
    if (hangs > HANGS)
        admin_add_reason(&reasons, "the database or the inbox has not answered for %lld seconds",
                         (long long)(hangs / SECOND));
    if (seen.taken == 0 && hangs <= HANGS)
        admin_add_reason(&reasons, "the database or the inbox has not answered yet");
    if (seen.taken != 0)
        judge(operation, &seen, &reasons);
    if (reasons.failed)
        *err = reasons.err;
    return !reasons.failed;
}

/* ---- figures ---- */

struct row {
    const char *value; /* of the label; NULL ends the rows */
    uint64_t count;
};

static void write_rows(struct metrics_page *page, const char *label, const struct row *rows)
{
    for (; rows->value != NULL; rows++)
        metrics_write_count(page, (const struct metrics_label[]){{label, rows->value}, {0}}, rows->count);
}

static void write_counter(struct metrics_page *page, const char *name, const char *help, uint64_t count)
{
    metrics_family(page, name, METRICS_COUNTER, help);
    metrics_write_count(page, NULL, count);
}

static void write_gauge(struct metrics_page *page, const char *name, const char *help, uint64_t count)
{
    metrics_family(page, name, METRICS_GAUGE, help);
    metrics_write_count(page, NULL, count);
}

/* Seconds since 1970, as Prometheus' own figures of times are. */
static void write_time(struct metrics_page *page, const char *name, const char *help, int64_t time)
{
    metrics_family(page, name, METRICS_GAUGE, help);
    metrics_write(page, NULL, (double)time / SECOND);
}

static void write_loaded(struct metrics_page *page, const struct counters *counters)
{
    const struct row files[] = {
        {"loaded", metrics_count(&counters->files_loaded)}, {"repeated", metrics_count(&counters->files_repeated)},
        {"bad", metrics_count(&counters->files_bad)},       {"retried", metrics_count(&counters->files_retried)},
        {"failed", metrics_count(&counters->files_failed)}, {0}};
    const struct row messages[] = {{"loaded", metrics_count(&counters->messages_loaded)},
                                   {"invalid", metrics_count(&counters->messages_invalid)},
                                   {0}};
    metrics_family(page, "statesys_files_total", METRICS_COUNTER,
                   "Files taken from the inbox, by what became of them.");
    write_rows(page, "result", files);
    metrics_family(page, "statesys_messages_total", METRICS_COUNTER, "State messages in files that were loaded.");
    write_rows(page, "result", messages);
    write_counter(page, "statesys_files_replicated_total", "Files delivered to the parent site.",
                  metrics_count(&counters->files_replicated));
    metrics_family(page, "statesys_batch_duration_seconds", METRICS_HISTOGRAM, "Time of a chunk in the database.");
    metrics_write_histogram(page, NULL, &counters->batch_time);
    metrics_family(page, "statesys_batch_files", METRICS_HISTOGRAM, "Files in a chunk.");
    metrics_write_histogram(page, NULL, &counters->batch_files);
}

static void write_serials(struct metrics_page *page, const struct counters *counters)
{
    const struct row gaps[] = {
        {"opened", metrics_count(&counters->gaps_opened)}, {"filled", metrics_count(&counters->gaps_filled)}, {0}};
    const struct row resyncs[] = {{"requested", metrics_count(&counters->resyncs_requested)},
                                  {"completed", metrics_count(&counters->resyncs_completed)},
                                  {0}};
    metrics_family(page, "statesys_gaps_total", METRICS_COUNTER,
                   "Ranges of serial numbers that went missing, or came.");
    write_rows(page, "what", gaps);
    metrics_family(page, "statesys_resyncs_total", METRICS_COUNTER, "Resyncs asked of clients, and completed.");
    write_rows(page, "what", resyncs);
    write_counter(page, "statesys_restarts_total", "Clients whose serial numbers began anew.",
                  metrics_count(&counters->restarts));
}

/* An empty queue has no oldest file, and no sample. */
static void write_backlog(struct metrics_page *page, const struct observation *seen)
{
    static const char *const names[QUEUES] = {[QUEUE_HIGH] = "high", [QUEUE_NORMAL] = "normal", [QUEUE_LOW] = "low"};
    metrics_family(page, "statesys_backlog_files", METRICS_GAUGE, "Files waiting in the inbox, counted up to 100000.");
    for (size_t i = 0; i < QUEUES; i++)
        metrics_write_count(page, (const struct metrics_label[]){{"queue", names[i]}, {0}}, seen->queues[i].count);
    metrics_family(page, "statesys_backlog_oldest_timestamp_seconds", METRICS_GAUGE,
                   "When the oldest waiting file was written.");
    for (size_t i = 0; i < QUEUES; i++)
        if (seen->queues[i].count > 0 && seen->queues[i].oldest != INT64_MAX)
            metrics_write(page, (const struct metrics_label[]){{"queue", names[i]}, {0}},
                          (double)seen->queues[i].oldest / SECOND);
}

static void write_facts(struct metrics_page *page, const struct store_facts *facts)
{
    const struct row heard[] = {{"hour", facts->heard_hour},
                                {"day", facts->heard_day},
                                {"week", facts->heard_week},
                                {"before", facts->heard_before},
                                {0}};
    metrics_family(page, "statesys_clients", METRICS_GAUGE, "Clients, by when they were last heard; each is in one.");
    write_rows(page, "heard", heard);
    write_gauge(page, "statesys_missing_messages", "Messages that were sent and did not come.",
                facts->missing_messages);
    write_gauge(page, "statesys_missing_ranges", "Ranges of serial numbers that are missing.", facts->missing_ranges);
    write_gauge(page, "statesys_resyncs_pending", "Clients asked for a resync that is not complete.",
                facts->resyncs_pending);
    if (facts->heartbeat != STORE_NO_HEARTBEAT)
        write_time(page, "statesys_heartbeat_timestamp_seconds",
                   "When the newest heartbeat that came through was written.", facts->heartbeat);
}

static void write_program(struct metrics_page *page, const struct operation *operation)
{
    const struct counters *counters = &operation->site->counters;
    metrics_family(page, "statesys_build_info", METRICS_GAUGE, "The version that is running.");
    metrics_write(page, (const struct metrics_label[]){{"version", VERSION}, {0}}, 1);
    write_time(page, "statesys_start_timestamp_seconds", "When it started.", operation->started);
    write_counter(page, "statesys_heartbeats_total", "Heartbeats written into the inbox.",
                  metrics_count(&counters->heartbeats));
    write_counter(page, "statesys_database_failures_total", "Chunks that the database did not take at once.",
                  metrics_count(&counters->database_failures));
    write_counter(page, "statesys_log_lines_lost_total", "Lines of the log that could not be written.", log_lost());
}

/* What could not be looked at has no samples: an old figure would look like a new one. */
static bool write_metrics(void *owner, struct buffer *out, struct error *err)
{
    struct operation *operation = owner;
    struct metrics_page page;
    struct observation seen;
    int64_t hangs;
    observer_look(operation->observer, &seen, &hangs);
    const bool fresh = seen.taken != 0 && hangs <= HANGS;
    const bool reached = fresh && seen.database.kind == ERROR_NONE;
    metrics_begin(&page, out);
    write_program(&page, operation);
    write_loaded(&page, &operation->site->counters);
    write_serials(&page, &operation->site->counters);
    write_gauge(&page, "statesys_database_up", "Whether the database can be reached.", reached);
    if (fresh && seen.inbox.kind == ERROR_NONE)
        write_backlog(&page, &seen);
    if (reached)
        write_facts(&page, &seen.facts);
    return metrics_end(&page, err);
}

/* ---- opening ---- */

static void set_bounds(struct counters *counters)
{
    static const uint64_t times[] = {1000,   2000,    5000,    10000,   20000,    50000,    100000, 200000,
                                     500000, 1000000, 2000000, 5000000, 10000000, 30000000, 0};
    static const uint64_t files[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 0};
    metrics_init(&counters->batch_time, (uint64_t)SECOND, times);
    metrics_init(&counters->batch_files, 1, files);
}

bool operation_open(struct site *site, struct operation **out, struct error *err)
{
    struct operation *operation = sys.allocate(sizeof *operation);
    if (operation == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the pages of the admin listener");
    *operation = (struct operation){.site = site, .started = sys_now()};
    set_bounds(&site->counters);
    if (!observer_open(site, &operation->observer, err)) {
        sys.release(operation);
        return false;
    }
    *out = operation;
    return true;
}

struct admin_pages operation_pages(struct operation *operation)
{
    return (struct admin_pages){.reasons = write_reasons, .metrics = write_metrics, .owner = operation};
}

void operation_close(struct operation *operation)
{
    if (operation == NULL)
        return;
    observer_close(operation->observer);
    sys.release(operation);
}
