/* The decision hidden here: what of the metrics an admin wants to see at once, and in which words. */
#include "health_show.h"

#include "scrape.h"
#include "show.h"

#include <string.h>

enum { SECOND = 1000000, MOST_AGE = 32 };

double health_messages_rate(const struct health *before, const struct health *now)
{
    return health_rate(before, now, "statesys_messages_total");
}

double health_files_rate(const struct health *before, const struct health *now)
{
    return health_rate(before, now, "statesys_files_total");
}

/* ---- for people ---- */

static const char *write_age(double seconds, char out[MOST_AGE])
{
    if (seconds < 0)
        seconds = 0;
    if (seconds < 120)
        (void)snprintf(out, MOST_AGE, "%.0f s", seconds);
    else if (seconds < 7200)
        (void)snprintf(out, MOST_AGE, "%.0f min", seconds / 60);
    else if (seconds < 2 * 86400)
        (void)snprintf(out, MOST_AGE, "%.0f h", seconds / 3600);
    else
        (void)snprintf(out, MOST_AGE, "%.0f d", seconds / 86400);
    return out;
}

static double now_seconds(const struct health *health)
{
    return (double)health->time / SECOND;
}

static void show_relay(FILE *out, const struct health *health)
{
    char age[MOST_AGE];
    (void)fprintf(out, "mprelay    %s\n",
                  !health->relay_answers ? "does not answer"
                  : health->relay_ready  ? "ready"
                  : health->relay_tells  ? "not ready"
                                         : "answers, but its admin listener does not");
    if (health->verdict.len == 0)
        return;
    (void)fputs("  last     ", out);
    if (health->verdict_time != INT64_MIN)
        (void)fprintf(out, "%s ago: ", write_age((double)(health->time - health->verdict_time) / SECOND, age));
    show_text(out, buffer_span(&health->verdict), "~");
    (void)fputc('\n', out);
}

/* " high 0, normal 12": every sample of that name. */
static void show_samples(FILE *out, struct span page, const char *name)
{
    const char *comma = "";
    for (struct scrape_sample sample; scrape_next(&page, &sample);) {
        if (!span_equal(sample.name, span_of(name)))
            continue;
        (void)fputs(comma, out);
        show_text(out, sample.label, "~");
        (void)fprintf(out, "%s%.0f", sample.label.len > 0 ? " " : "", sample.value);
        comma = ", ";
    }
    if (*comma == '\0')
        (void)fputc('-', out);
}

static void show_row(FILE *out, const struct health *health, const char *title, const char *name)
{
    (void)fprintf(out, "%-11s", title);
    show_samples(out, buffer_span(&health->metrics), name);
    (void)fputc('\n', out);
}

static void show_backlog(FILE *out, const struct health *health)
{
    const char *name = "statesys_backlog_oldest_timestamp_seconds";
    struct span page = buffer_span(&health->metrics);
    double oldest = now_seconds(health);
    char age[MOST_AGE];
    (void)fprintf(out, "%-11s", "backlog");
    show_samples(out, page, "statesys_backlog_files");
    for (struct scrape_sample sample; scrape_next(&page, &sample);)
        if (span_equal(sample.name, span_of(name)) && sample.value < oldest)
            oldest = sample.value;
    if (oldest < now_seconds(health))
        (void)fprintf(out, "; the oldest is %s old", write_age(now_seconds(health) - oldest, age));
    (void)fputc('\n', out);
}

static void show_heartbeat(FILE *out, const struct health *health)
{
    double heartbeat;
    char age[MOST_AGE];
    if (scrape_find(buffer_span(&health->metrics), "statesys_heartbeat_timestamp_seconds", NULL, &heartbeat))
        (void)fprintf(out, "heartbeat  %s ago\n", write_age(now_seconds(health) - heartbeat, age));
    else
        (void)fputs("heartbeat  none has come through\n", out);
}

static void show_missing(FILE *out, const struct health *health)
{
    const struct span page = buffer_span(&health->metrics);
    (void)fprintf(out, "missing    %.0f messages in %.0f ranges; resyncs pending %.0f, ",
                  scrape_sum(page, "statesys_missing_messages"), scrape_sum(page, "statesys_missing_ranges"),
                  scrape_sum(page, "statesys_resyncs_pending"));
    show_samples(out, page, "statesys_resyncs_total");
    (void)fputc('\n', out);
}

static void show_statesys(FILE *out, const struct health *before, const struct health *now)
{
    (void)fprintf(out, "statesys   %s\n",
                  now->statesys_ready     ? "ready"
                  : now->statesys_answers ? "not ready"
                                          : "does not answer");
    if (!now->statesys_answers)
        return;
    show_backlog(out, now);
    show_heartbeat(out, now);
    (void)fprintf(out, "rates      Message Records Processed/min %.0f, Message File Records PreProcessed/min %.0f\n",
                  health_messages_rate(before, now), health_files_rate(before, now));
    show_row(out, now, "files", "statesys_files_total");
    show_row(out, now, "messages", "statesys_messages_total");
    show_missing(out, now);
    show_row(out, now, "clients", "statesys_clients");
}

static void show_reports(FILE *out, const struct health *before, const struct health *now)
{
    if (!now->relay_tells)
        return;
    (void)fputs("  reports  ", out);
    show_samples(out, buffer_span(&now->metrics), "mprelay_reports_total");
    (void)fprintf(out, "; %.0f a minute\n", health_rate(before, now, "mprelay_reports_total"));
}

void health_show(FILE *out, const struct health *before, const struct health *now)
{
    show_relay(out, now);
    show_reports(out, before, now);
    show_statesys(out, before, now);
    if (now->reasons.len == 0) {
        (void)fputs("healthy\n", out);
        return;
    }
    (void)fputs("NOT healthy:\n  ", out);
    show_text(out, buffer_span(&now->reasons), "\n  ");
    (void)fputc('\n', out);
}

/* ---- for programs ---- */

static void show_json_bool(FILE *out, const char *name, bool value)
{
    (void)fprintf(out, ",\"%s\":%s", name, value ? "true" : "false");
}

static void show_json_lines(FILE *out, struct span lines)
{
    const char *comma = "";
    while (lines.len > 0) {
        const char *end = memchr(lines.at, '\n', lines.len);
        const size_t len = end == NULL ? lines.len : (size_t)(end - lines.at);
        (void)fputs(comma, out);
        show_json_text(out, (struct span){lines.at, len});
        lines.at += len + (end != NULL);
        lines.len -= len + (end != NULL);
        comma = ",";
    }
}

/* Every sample that is no part of a histogram: {"name label": value}. */
static void show_json_metrics(FILE *out, struct span page)
{
    const char *comma = "";
    for (struct scrape_sample sample; scrape_next(&page, &sample);) {
        char key[256];
        if (memmem(sample.name.at, sample.name.len, "_bucket", 7) != NULL)
            continue;
        (void)snprintf(key, sizeof key, "%.*s%s%.*s", (int)sample.name.len, sample.name.at,
                       sample.label.len > 0 ? " " : "", (int)sample.label.len, sample.label.at);
        (void)fputs(comma, out);
        show_json_text(out, span_of(key));
        (void)fprintf(out, ":%.15g", sample.value);
        comma = ",";
    }
}

void health_show_json(FILE *out, const struct health *before, const struct health *now)
{
    (void)fprintf(out, "{\"healthy\":%s", now->reasons.len == 0 ? "true" : "false");
    show_json_bool(out, "relay_answers", now->relay_answers);
    (void)fprintf(out, ",\"relay_ready\":%s", !now->relay_tells ? "null" : now->relay_ready ? "true" : "false");
    show_json_bool(out, "statesys_answers", now->statesys_answers);
    show_json_bool(out, "statesys_ready", now->statesys_ready);
    (void)fputs(",\"reasons\":[", out);
    show_json_lines(out, buffer_span(&now->reasons));
    (void)fputs("],\"relay_verdict\":", out);
    show_json_text(out, buffer_span(&now->verdict));
    (void)fprintf(out, ",\"message_records_processed_per_minute\":%.1f", health_messages_rate(before, now));
    (void)fprintf(out, ",\"message_file_records_preprocessed_per_minute\":%.1f", health_files_rate(before, now));
    (void)fputs(",\"metrics\":{", out);
    show_json_metrics(out, buffer_span(&now->metrics));
    (void)fputs("}}\n", out);
}
