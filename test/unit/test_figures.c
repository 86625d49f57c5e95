/* What is counted under which label, and how it is shown: on the page, and in one line. */
#include "../../src/mprelay/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SECOND ((int64_t)1000000)

static struct counters counters;
static struct buffer page;

static int begin(void **state)
{
    (void)state;
    memset(&counters, 0, sizeof counters);
    counters_init(&counters);
    buffer_init(&page, 65536);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buffer_fini(&page);
    return 0;
}

static struct facts usual_facts(void)
{
    return (struct facts){.phase = PHASE_RUNNING,
                          .now = 300 * SECOND,
                          .started = 1700000000 * SECOND,
                          .settings_read = 1700000001 * SECOND,
                          .max_connections = 64,
                          .memory = 4096,
                          .counters = &counters,
                          .spool = {.waiting = 2},
                          .view = {.taken = 1,
                                   .free_bytes = 5 << 20,
                                   .free_inodes = 77,
                                   .counts_inodes = true,
                                   .queues = {{3, 1600000000 * SECOND}, {1, INT64_MAX}, {0, INT64_MAX}}},
                          .log_lost = 9};
}

static const char *write_page(const struct facts *facts, bool ready)
{
    struct error err;
    page.len = 0;
    assert_true(figures_write_page(facts, ready, &page, &err));
    assert_true(buffer_add(&page, "", 1, &err));
    return page.at;
}

static void assert_line(const char *text, const char *line)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "\n%s\n", line);
    if (strstr(text, whole) == NULL)
        fail_msg("'%s' is not in\n%s", line, text);
}

static void note(enum error_kind kind, const char *rule)
{
    const struct error err = {.kind = kind, .rule = rule};
    counters_note_report(&counters, &err);
}

static void a_verdict_counts_by_its_outcome_and_its_rule(void **state)
{
    (void)state;
    note(ERROR_NONE, NULL);
    note(ERROR_NONE, NULL);
    note(ERROR_MALFORMED, "zlib");
    note(ERROR_NOT_FOUND, NULL);        /* as the log says: http */
    note(ERROR_MALFORMED, "no such rule");
    note(ERROR_TOO_SLOW, "http");
    note(ERROR_NO_SPACE, NULL);
    counters_note_repeated(&counters);
    counters_note_registration(&counters, REGISTRATION_REJECTED);
    const struct facts facts = usual_facts();
    const char *text = write_page(&facts, true);
    assert_line(text, "mprelay_reports_total{result=\"kept\"} 2");
    assert_line(text, "mprelay_reports_total{result=\"repeated\"} 1");
    assert_line(text, "mprelay_reports_total{result=\"refused\"} 3");
    assert_line(text, "mprelay_reports_total{result=\"failed\"} 2");
    assert_line(text, "mprelay_registrations_total{result=\"registered\"} 0");
    assert_line(text, "mprelay_registrations_total{result=\"rejected\"} 1");
    assert_line(text, "mprelay_refusals_total{rule=\"zlib\"} 1");
    assert_line(text, "mprelay_refusals_total{rule=\"http\"} 1");
    assert_line(text, "mprelay_refusals_total{rule=\"other\"} 1");
    assert_line(text, "mprelay_refusals_total{rule=\"body\"} 0");
}

static void a_request_counts_by_its_form_and_status(void **state)
{
    (void)state;
    counters_note_request(&counters, FORM_CCM, 200);
    counters_note_request(&counters, FORM_CCM, 507);
    counters_note_request(&counters, FORM_RESYNC, 204);
    counters_note_request(&counters, FORM_OTHER, 418);
    const struct facts facts = usual_facts();
    const char *text = write_page(&facts, true);
    assert_line(text, "mprelay_requests_total{form=\"ccm\",code=\"200\"} 1");
    assert_line(text, "mprelay_requests_total{form=\"ccm\",code=\"507\"} 1");
    assert_line(text, "mprelay_requests_total{form=\"resync\",code=\"204\"} 1");
    assert_line(text, "mprelay_requests_total{form=\"other\",code=\"other\"} 1");
    assert_line(text, "mprelay_requests_total{form=\"plain\",code=\"200\"} 0");
    assert_null(strstr(text, "code=\"400\""));
}

/* The table of error.c is the only other place that knows the statuses. */
static void each_status_of_the_policy_has_a_label(void **state)
{
    (void)state;
    for (int kind = ERROR_NONE; kind < ERROR_KINDS; kind++)
        counters_note_request(&counters, FORM_CCM, error_policy(kind)->status);
    assert_int_equal(metrics_count(&counters.requests[FORM_CCM][COUNTERS_STATUSES - 1]), 0);
}

static void the_state_is_on_the_page(void **state)
{
    (void)state;
    counters.connections = 5;
    metrics_observe(&counters.commit_time, 1500);
    metrics_observe(&counters.batch_reports, 3);
    metrics_observe(&counters.request_time, 20000001);
    struct facts facts = usual_facts();
    const char *text = write_page(&facts, true);
    assert_line(text, "mprelay_ready 1");
    assert_line(text, "mprelay_build_info{version=\"" VERSION "\"} 1");
    assert_line(text, "mprelay_start_timestamp_seconds 1700000000");
    assert_line(text, "mprelay_config_last_reload_success_timestamp_seconds 1700000001");
    assert_line(text, "mprelay_config_last_reload_successful 1");
    assert_line(text, "mprelay_log_lines_lost_total 9");
    assert_line(text, "mprelay_connections 5");
    assert_line(text, "mprelay_connections_limit 64");
    assert_line(text, "mprelay_queue_reports 2");
    assert_line(text, "mprelay_memory_bytes 4096");
    assert_line(text, "mprelay_spool_free_bytes 5242880");
    assert_line(text, "mprelay_spool_free_inodes 77");
    assert_line(text, "mprelay_spool_files{queue=\"normal\"} 3");
    assert_line(text, "mprelay_spool_files{queue=\"low\"} 0");
    assert_line(text, "mprelay_spool_oldest_timestamp_seconds{queue=\"normal\"} 1600000000");
    assert_null(strstr(text, "oldest_timestamp_seconds{queue=\"high\"}"));
    assert_line(text, "mprelay_commit_duration_seconds_bucket{le=\"0.002\"} 1");
    assert_line(text, "mprelay_batch_reports_bucket{le=\"4\"} 1");
    assert_line(text, "mprelay_request_duration_seconds_bucket{le=\"10\"} 0");
    facts.settings_refused = true;
    text = write_page(&facts, false);
    assert_line(text, "mprelay_ready 0");
    assert_line(text, "mprelay_config_last_reload_successful 0");
}

static void what_could_not_be_looked_at_has_no_samples(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct facts facts = usual_facts();
        if (way == 0)
            facts.view.taken = 0;
        else if (way == 1)
            facts.view_hangs = FACTS_SLOW + 1;
        else
            facts.view.disk.kind = facts.view.inbox.kind = ERROR_SYSTEM;
        assert_null(strstr(write_page(&facts, true), "mprelay_spool"));
    }
    struct facts facts = usual_facts();
    facts.view.counts_inodes = false;
    assert_null(strstr(write_page(&facts, true), "inodes"));
}

static void a_page_that_is_too_small_is_an_error(void **state)
{
    const struct facts facts = usual_facts();
    struct error err;
    (void)state;
    page.most = 100;
    assert_false(figures_write_page(&facts, true, &page, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
}

static void the_line_tells_what_happened_since_the_last(void **state)
{
    struct facts facts = usual_facts();
    struct figures_sums told = {0};
    char line[FIGURES_LINE_SIZE];
    (void)state;
    note(ERROR_NONE, NULL);
    note(ERROR_MALFORMED, "zlib");
    metrics_observe(&counters.request_time, 1000);
    metrics_observe(&counters.request_time, 2000);
    metrics_observe(&counters.commit_time, 2500);
    figures_write_line(&facts, SPAN(""), &told, line);
    assert_string_equal(
        line,
        "Relay: Figures of 300 s: 1 kept, 0 repeated, 1 refused, 0 failed; 2 requests answered in 1.5 ms each; 1 batches "
        "kept in 2.5 ms each; 0 connections, 2 reports in the queue; files waiting: 3 normal, 1 high, 0 low; 5 MB and 77 "
        "inodes free; 9 lines of the log lost; ready");
    facts.now += 60 * SECOND;
    note(ERROR_BUSY, NULL);
    figures_write_line(&facts, SPAN("first\nsecond\n"), &told, line);
    assert_non_null(
        strstr(line, "Figures of 60 s: 0 kept, 0 repeated, 0 refused, 1 failed; 0 requests answered in 0.0"));
    assert_non_null(strstr(line, "; not ready: first;second"));
}

static void a_line_is_cut_rather_than_torn(void **state)
{
    const struct facts facts = usual_facts();
    struct figures_sums told = {0};
    char line[FIGURES_LINE_SIZE];
    char reasons[4096];
    (void)state;
    memset(reasons, 'x', sizeof reasons);
    figures_write_line(&facts, (struct span){reasons, sizeof reasons}, &told, line);
    assert_int_equal(strlen(line), FIGURES_LINE_SIZE - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_verdict_counts_by_its_outcome_and_its_rule), TEST(a_request_counts_by_its_form_and_status),
        TEST(each_status_of_the_policy_has_a_label),        TEST(the_state_is_on_the_page),
        TEST(what_could_not_be_looked_at_has_no_samples),   TEST(a_page_that_is_too_small_is_an_error),
        TEST(the_line_tells_what_happened_since_the_last),  TEST(a_line_is_cut_rather_than_torn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
