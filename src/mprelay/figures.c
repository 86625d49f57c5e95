/* The decision hidden here: what the figures are called, on the page and in the log. */
#include "facts.h"

#include <stdatomic.h>
#include <stdio.h>

#define SECOND ((int64_t)1000000)
#define MEGABYTE ((uint64_t)1024 * 1024)

static const char *const queues[LOOKOUT_QUEUES] = {"normal", "high", "low"};    /* as enum smx_queue */

/* ---- the page ---- */

static void write_count(struct metrics_page *page, const char *name, enum metrics_type type, const char *help,
                        uint64_t count)
{
    metrics_family(page, name, type, help);
    metrics_write_count(page, NULL, count);
}

/* Seconds since 1970, as Prometheus' own figures of times are. */
static void write_time(struct metrics_page *page, const char *name, const char *help, int64_t time)
{
    metrics_family(page, name, METRICS_GAUGE, help);
    metrics_write(page, NULL, (double)time / SECOND);
}

static void write_histogram(struct metrics_page *page, const char *name, const char *help,
                            const struct metrics_histogram *histogram)
{
    metrics_family(page, name, METRICS_HISTOGRAM, help);
    metrics_write_histogram(page, NULL, histogram);
}

static void write_words(struct metrics_page *page, const char *label, const char *const *words,
                        const struct metrics_counter *counters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        metrics_write_count(page, (const struct metrics_label[]){{label, words[i]}, {0}}, metrics_count(&counters[i]));
}

/* Of the others there are samples once there is something to count. */
static void write_requests(struct metrics_page *page, const struct counters *counters)
{
    metrics_family(page, "mprelay_requests_total", METRICS_COUNTER,
                   "Requests, by their form and the status that the client was told.");
    for (size_t form = 0; form < FORMS; form++)
        for (size_t i = 0; i < COUNTERS_STATUSES; i++) {
            const uint64_t count = metrics_count(&counters->requests[form][i]);
            if (i == 0 || count > 0)
                metrics_write_count(
                    page,
                    (const struct metrics_label[]){{"form", counters_forms[form]}, {"code", counters_statuses[i]}, {0}},
                    count);
        }
}

static void write_work(struct metrics_page *page, const struct counters *counters)
{
    metrics_family(page, "mprelay_reports_total", METRICS_COUNTER, "Verdicts, by what became of the report.");
    write_words(page, "result", counters_results, counters->reports, RESULTS);
    metrics_family(page, "mprelay_refusals_total", METRICS_COUNTER, "Reports refused for good, by the rule.");
    write_words(page, "rule", counters_rules, counters->refusals, COUNTERS_RULES);
    metrics_family(page, "mprelay_registrations_total", METRICS_COUNTER,
                   "Registrations that were answered, by what the client was told.");
    write_words(page, "result", counters_registrations, counters->registrations, REGISTRATION_STATUSES);
    write_requests(page, counters);
    write_histogram(page, "mprelay_request_duration_seconds", "Time from the request line to the answer.",
                    &counters->request_time);
    write_histogram(page, "mprelay_commit_duration_seconds", "Time to make a batch of reports durable.",
                    &counters->commit_time);
    write_histogram(page, "mprelay_batch_reports", "Reports in a batch.", &counters->batch_reports);
}

static void write_load(struct metrics_page *page, const struct facts *facts)
{
    write_count(page, "mprelay_connections", METRICS_GAUGE, "Connections that are open.",
                atomic_load(&facts->counters->connections));
    write_count(page, "mprelay_connections_limit", METRICS_GAUGE, "max-connections.", facts->max_connections);
    write_count(page, "mprelay_queue_reports", METRICS_GAUGE, "Reports that wait to be kept.", facts->spool.waiting);
    write_count(page, "mprelay_memory_bytes", METRICS_GAUGE, "Memory in use for reports in hand.", facts->memory);
}

static void write_disk(struct metrics_page *page, const struct lookout_view *view)
{
    write_count(page, "mprelay_spool_free_bytes", METRICS_GAUGE, "Free space on the disk of the inbox.",
                view->free_bytes);
    if (view->counts_inodes)
        write_count(page, "mprelay_spool_free_inodes", METRICS_GAUGE,
                    "Files that the disk of the inbox can still take.", view->free_inodes);
}

/* An empty queue has no oldest file, and no sample. */
static void write_inbox(struct metrics_page *page, const struct inbox_survey *surveys)
{
    metrics_family(page, "mprelay_spool_files", METRICS_GAUGE, "Files waiting in the inbox, counted up to 100000.");
    for (size_t i = 0; i < LOOKOUT_QUEUES; i++)
        metrics_write_count(page, (const struct metrics_label[]){{"queue", queues[i]}, {0}}, surveys[i].count);
    metrics_family(page, "mprelay_spool_oldest_timestamp_seconds", METRICS_GAUGE,
                   "When the oldest waiting file was written.");
    for (size_t i = 0; i < LOOKOUT_QUEUES; i++)
        if (surveys[i].count > 0 && surveys[i].oldest != INT64_MAX)
            metrics_write(page, (const struct metrics_label[]){{"queue", queues[i]}, {0}},
                          (double)surveys[i].oldest / SECOND);
}

static void write_program(struct metrics_page *page, const struct facts *facts, bool ready)
{
    metrics_family(page, "mprelay_build_info", METRICS_GAUGE, "The version that is running.");
    metrics_write(page, (const struct metrics_label[]){{"version", VERSION}, {0}}, 1);
    write_time(page, "mprelay_start_timestamp_seconds", "When it started.", facts->started);
    write_count(page, "mprelay_ready", METRICS_GAUGE, "What /readyz says: whether a report can be kept now.", ready);
    write_count(page, "mprelay_config_last_reload_successful", METRICS_GAUGE,
                "Whether the settings in force are those that were read last.", !facts->settings_refused);
    write_time(page, "mprelay_config_last_reload_success_timestamp_seconds", "When the settings in force were read.",
               facts->settings_read);
    write_count(page, "mprelay_log_lines_lost_total", METRICS_COUNTER, "Lines of the log that could not be written.",
                facts->log_lost);
}

bool figures_write_page(const struct facts *facts, bool ready, struct buffer *out, struct error *err)
{
    const struct lookout_view *view = &facts->view;
    const bool fresh = view->taken != 0 && facts->view_hangs <= FACTS_SLOW;
    struct metrics_page page;
    metrics_begin(&page, out);
    write_program(&page, facts, ready);
    write_work(&page, facts->counters);
    write_load(&page, facts);
    if (fresh && view->disk.kind == ERROR_NONE)
        write_disk(&page, view);
    if (fresh && view->inbox.kind == ERROR_NONE)
        write_inbox(&page, view->queues);
    return metrics_end(&page, err);
}

/* ---- the line ---- */

static uint64_t count_of(const struct metrics_histogram *histogram)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= METRICS_MOST_BUCKETS; i++)
        count += histogram->buckets[i];
    return count;
}

static void sum_up(const struct facts *facts, struct figures_sums *out)
{
    const struct counters *counters = facts->counters;
    out->at = facts->now;
    for (size_t i = 0; i < RESULTS; i++)
        out->reports[i] = metrics_count(&counters->reports[i]);
    out->requests = count_of(&counters->request_time);
    out->request_time = counters->request_time.sum;
    out->batches = count_of(&counters->commit_time);
    out->commit_time = counters->commit_time.sum;
}

/* Milliseconds each. */
static double mean(uint64_t time, uint64_t count)
{
    return count == 0 ? 0 : (double)time / (double)count / 1000;
}

static size_t add_work(const struct figures_sums *now, const struct figures_sums *before, char *out, size_t room)
{
    const uint64_t *reports = now->reports, *old = before->reports;
    const uint64_t requests = now->requests - before->requests, batches = now->batches - before->batches;
    const int len = snprintf(
        out, room,
        "Relay: Figures of %lld s: %llu kept, %llu repeated, %llu refused, %llu failed; %llu requests answered in %.1f ms "
        "each; %llu batches kept in %.1f ms each; ",
        (long long)((now->at - before->at) / SECOND), (unsigned long long)(reports[RESULT_KEPT] - old[RESULT_KEPT]),
        (unsigned long long)(reports[RESULT_REPEATED] - old[RESULT_REPEATED]),
        (unsigned long long)(reports[RESULT_REFUSED] - old[RESULT_REFUSED]),
        (unsigned long long)(reports[RESULT_FAILED] - old[RESULT_FAILED]), (unsigned long long)requests,
        mean(now->request_time - before->request_time, requests), (unsigned long long)batches,
        mean(now->commit_time - before->commit_time, batches));
    return (size_t)len < room ? (size_t)len : room - 1;
}

static size_t add_state(const struct facts *facts, char *out, size_t room)
{
    const struct lookout_view *view = &facts->view;
    const struct inbox_survey *waiting = view->queues;
    const int len = snprintf(
        out, room,
        "%llu connections, %llu reports in the queue; files waiting: %llu normal, %llu high, %llu low; %llu MB and %llu "
        "inodes free; %llu lines of the log lost; ",
        (unsigned long long)atomic_load(&facts->counters->connections), (unsigned long long)facts->spool.waiting,
        (unsigned long long)waiting[0].count, (unsigned long long)waiting[1].count,
        (unsigned long long)waiting[2].count, (unsigned long long)(view->free_bytes / MEGABYTE),
        (unsigned long long)view->free_inodes, (unsigned long long)facts->log_lost);
    return (size_t)len < room ? (size_t)len : room - 1;
}

void figures_write_line(const struct facts *facts, struct span reasons, struct figures_sums *before,
                        char out[FIGURES_LINE_SIZE])
{
    struct figures_sums now;
    sum_up(facts, &now);
    size_t len = add_work(&now, before, out, FIGURES_LINE_SIZE);
    len += add_state(facts, out + len, FIGURES_LINE_SIZE - len);
    reasons = span_trim(reasons);
    (void)snprintf(out + len, FIGURES_LINE_SIZE - len, "%s%.*s",
                   reasons.len == 0 ? "ready" : "not ready: ", (int)reasons.len, reasons.len == 0 ? "" : reasons.at);
    for (char *at = out + len; *at != '\0'; at++)
        if (*at == '\n')
            *at = ';';
    *before = now;
}
