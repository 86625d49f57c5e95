/* The ledger: each row of spec/statesys.md 4.2, what section 8 says of it, completion, and merging beyond the most. */
#include "../../src/statesys/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR ((int64_t)3600 * 1000000)
#define DAY (24 * HOUR)

enum { TEXT_SIZE = 400 };

static const struct ledger_policy defaults = {.min_missing_age = 2 * DAY, .max_gap = 1000000};
static const struct ledger_policy *policy;
static struct ledger ledger;

/* ---- histories as text ---- */

static char told[TEXT_SIZE];

static void add_text(char *text, const char *word, uint64_t first, uint64_t last)
{
    const size_t len = strlen(text);
    (void)snprintf(text + len, TEXT_SIZE - len, "%s%s %llu-%llu", len == 0 ? "" : ", ", word, (unsigned long long)first,
                   (unsigned long long)last);
}

static void tell_text(void *owner, const struct ledger_event *event)
{
    static const char *const words[] = {
        [LEDGER_STALE] = "stale",     [LEDGER_FIRST] = "first",         [LEDGER_NEXT] = "next",
        [LEDGER_OPENS_GAP] = "opens", [LEDGER_FILLS_GAP] = "fills",     [LEDGER_EARLY] = "early",
        [LEDGER_REPEAT] = "repeat",   [LEDGER_RESTARTED] = "restarted",
    };
    add_text(owner, words[event->verdict], event->first, event->last);
}

static const char *ranges_text(void)
{
    static char text[TEXT_SIZE];
    text[0] = '\0';
    add_text(text, "seen", ledger.first, ledger.high);
    for (size_t i = 0; i < ledger.range_count; i++)
        add_text(text, "missing", ledger.ranges[i].first, ledger.ranges[i].last);
    return text;
}

static size_t read_serials(const char *text, uint64_t *out)
{
    size_t count = 0;
    char *end;
    for (uint64_t serial = strtoull(text, &end, 10); end != text; serial = strtoull(text, &end, 10)) {
        out[count++] = serial;
        text = end;
    }
    return count;
}

static void note_at(const char *text, int64_t date, int64_t now)
{
    uint64_t serials[32];
    const size_t count = read_serials(text, serials);
    told[0] = '\0';
    ledger_note(&ledger, &(struct ledger_report){serials, count, date, now}, policy, tell_text, told);
}

static void begin(const struct ledger_policy *chosen)
{
    policy = chosen;
    ledger_init(&ledger);
}

/* A report with a Date at that hour, loaded a year later. */
static void expect(int hour, const char *serials, const char *expected_told, const char *expected_ranges)
{
    note_at(serials, hour * HOUR, 365 * DAY);
    assert_string_equal(told, expected_told);
    assert_string_equal(ranges_text(), expected_ranges);
}

/* ---- the rows of 4.2 ---- */

static void the_first_serial_is_adopted(void **state)
{
    (void)state;
    begin(&defaults);
    expect(1, "7", "first 7-7", "seen 7-7");
    expect(2, "8", "next 8-8", "seen 7-8");
    begin(&defaults);
    expect(1, "0 1", "first 0-0, next 1-1", "seen 0-1");
    assert_int_equal(ledger.first_date, HOUR);
    assert_false(ledger.ranges_changed);
}

static void or_what_is_below_it_is_missing(void **state)
{
    const struct ledger_policy expect_one = {.expect_first = true, .min_missing_age = 2 * DAY, .max_gap = 1000000};
    (void)state;
    begin(&expect_one);
    expect(1, "7", "first 7-7, opens 1-6", "seen 7-7, missing 1-6");
    expect(2, "5 6", "fills 5-6", "seen 7-7, missing 1-4");
    expect(3, "0 5", "early 0-0, early 5-5", "seen 7-7, missing 1-4");
    begin(&expect_one);
    expect(1, "1", "first 1-1", "seen 1-1");
    begin(&expect_one);
    expect(1, "0", "first 0-0", "seen 0-0");
}

static void a_jump_opens_a_gap_and_late_serials_fill_it(void **state)
{
    (void)state;
    begin(&defaults);
    expect(1, "1 2 5", "first 1-1, next 2-2, opens 3-4", "seen 1-5, missing 3-4");
    expect(2, "4", "fills 4-4", "seen 1-5, missing 3-3");
    expect(3, "3", "fills 3-3", "seen 1-5");
    expect(4, "10", "opens 6-9", "seen 1-10, missing 6-9");
    expect(5, "7", "fills 7-7", "seen 1-10, missing 6-6, missing 8-9");
    expect(6, "6 8 9", "fills 6-6, fills 8-9", "seen 1-10");
}

static void a_part_of_a_gap_keeps_its_time(void **state)
{
    (void)state;
    begin(&defaults);
    note_at("1 9", 1, 100);
    note_at("15", 2, 200);
    note_at("4", 3, 300);
    assert_string_equal(ranges_text(), "seen 1-15, missing 2-3, missing 5-8, missing 10-14");
    assert_int_equal(ledger.ranges[0].detected, 100);
    assert_int_equal(ledger.ranges[1].detected, 100);
    assert_int_equal(ledger.ranges[2].detected, 200);
    assert_int_equal(ledger_missing(&ledger), 2 + 4 + 5);
    assert_true(ledger.ranges_changed);
}

static void what_was_sent_before_we_knew_the_client_is_early(void **state)
{
    (void)state;
    begin(&defaults);
    expect(10, "50", "first 50-50", "seen 50-50");
    expect(9, "48", "early 48-48", "seen 50-50");
    expect(11, "49", "early 49-49", "seen 50-50");
    expect(10 + 47, "1", "early 1-1", "seen 50-50");
    expect(10 + 48, "1 2", "restarted 50-2", "seen 2-2");
}

static void what_was_seen_is_a_repeat(void **state)
{
    (void)state;
    begin(&defaults);
    expect(5, "1 2 3", "first 1-1, next 2-3", "seen 1-3");
    expect(5, "1 2 3", "repeat 1-3", "seen 1-3");
    expect(4, "2", "repeat 2-2", "seen 1-3");
    expect(9, "3", "repeat 3-3", "seen 1-3");
    expect(10, "4 2 4 4", "repeat 2-2, next 4-4", "seen 1-4");
    expect(11, "7", "opens 5-6", "seen 1-7, missing 5-6");
    expect(12, "2 5", "repeat 2-2, fills 5-5", "seen 1-7, missing 6-6");
    expect(13, "6 7", "fills 6-6, repeat 7-7", "seen 1-7");
}

/* What filled the gap was missing before this report, so it is no sign of a restart that the rest was seen. */
static void a_report_that_fills_a_gap_restarts_nothing_after_it(void **state)
{
    (void)state;
    begin(&defaults);
    expect(1, "1 3 9", "first 1-1, opens 2-2, opens 4-8", "seen 1-9, missing 2-2, missing 4-8");
    expect(2, "4 5 6 7 8", "fills 4-8", "seen 1-9, missing 2-2");
    expect(3, "2 5", "fills 2-2, repeat 5-5", "seen 1-9");
}

static void old_serials_in_a_newer_report_are_a_restart(void **state)
{
    (void)state;
    begin(&defaults);
    expect(1, "1", "first 1-1", "seen 1-1");
    expect(2, "100", "opens 2-99", "seen 1-100, missing 2-99");
    expect(3, "1 100", "restarted 100-100", "seen 100-100");
    begin(&defaults);
    expect(1, "1 100", "first 1-1, opens 2-99", "seen 1-100, missing 2-99");
    expect(2, "2 3 4", "fills 2-4", "seen 1-100, missing 5-99");
    expect(3, "1 2", "restarted 100-2", "seen 2-2");
    expect(2, "99", "stale 99-99", "seen 2-2");
    expect(3, "3", "next 3-3", "seen 2-3");
    expect(4, "1", "early 1-1", "seen 2-3");
    assert_true(ledger.restarted);
    assert_int_equal(ledger.restarts, 1);
    assert_int_equal(ledger.restart_date, 3 * HOUR);
    assert_int_equal(ledger.first_date, 3 * HOUR);
    assert_int_equal(ledger.latest_date, 4 * HOUR);
}

static void a_jump_beyond_max_gap_is_a_restart(void **state)
{
    const struct ledger_policy small = {.min_missing_age = 2 * DAY, .max_gap = 10};
    (void)state;
    begin(&small);
    expect(1, "1 11", "first 1-1, opens 2-10", "seen 1-11, missing 2-10");
    expect(2, "12 23 24", "next 12-12, restarted 12-24", "seen 24-24");
    expect(1, "12", "stale 12-12", "seen 24-24");
    begin(&defaults);
    expect(1, "1 1000001", "first 1-1, opens 2-1000000", "seen 1-1000001, missing 2-1000000");
    expect(2, "9223372036854775807", "restarted 1000001-9223372036854775807",
           "seen 9223372036854775807-9223372036854775807");
}

static void ten_reports_in_any_order_miss_nothing(void **state)
{
    (void)state;
    begin(&defaults);
    expect(5, "5", "first 5-5", "seen 5-5");
    expect(3, "3", "early 3-3", "seen 5-5");
    expect(10, "10", "opens 6-9", "seen 5-10, missing 6-9");
    expect(7, "7", "fills 7-7", "seen 5-10, missing 6-6, missing 8-9");
    expect(1, "1", "early 1-1", "seen 5-10, missing 6-6, missing 8-9");
    expect(9, "9", "fills 9-9", "seen 5-10, missing 6-6, missing 8-8");
    expect(6, "6", "fills 6-6", "seen 5-10, missing 8-8");
    expect(2, "2", "early 2-2", "seen 5-10, missing 8-8");
    expect(8, "8", "fills 8-8", "seen 5-10");
    expect(4, "4", "early 4-4", "seen 5-10");
}

static void a_serial_that_every_message_has_counts_once(void **state)
{
    (void)state;
    begin(&defaults);
    expect(1, "5001 5001 5001 5001 5001 5001 5001 5001 5001 5001", "first 5001-5001", "seen 5001-5001");
}

static void a_report_without_serials_changes_nothing(void **state)
{
    (void)state;
    begin(&defaults);
    expect(1, "1", "first 1-1", "seen 1-1");
    expect(9, "", "", "seen 1-1");
    assert_int_equal(ledger.latest_date, HOUR);
}

static void a_report_is_dated_when_loaded_if_its_date_cannot_be(void **state)
{
    static const struct {
        int64_t date, now, expected;
    } cases[] = {
        {LEDGER_NO_TIME, 5 * DAY, 5 * DAY}, {5 * DAY, 5 * DAY, 5 * DAY},     {-DAY, 5 * DAY, -DAY},
        {6 * DAY, 5 * DAY, 6 * DAY},        {6 * DAY + 1, 5 * DAY, 5 * DAY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(&defaults);
        note_at("1", cases[i].date, cases[i].now);
        assert_int_equal(ledger.first_date, cases[i].expected);
        assert_int_equal(ledger.latest_date, cases[i].expected);
    }
}

static void an_older_report_does_not_set_the_latest_date_back(void **state)
{
    (void)state;
    begin(&defaults);
    expect(9, "1", "first 1-1", "seen 1-1");
    expect(8, "2", "next 2-2", "seen 1-2");
    assert_int_equal(ledger.latest_date, 9 * HOUR);
}

/* ---- completion ---- */

static void a_complete_resync_forgets_what_was_missing_when_it_was_issued(void **state)
{
    (void)state;
    begin(&defaults);
    expect(1, "1 3 6", "first 1-1, opens 2-2, opens 4-5", "seen 1-6, missing 2-2, missing 4-5");
    ledger.issued = ledger.high;
    note_at("9", 2 * HOUR, 365 * DAY);
    ledger.ranges_changed = false;
    ledger_complete(&ledger);
    assert_string_equal(ranges_text(), "seen 1-9, missing 7-8");
    assert_true(ledger.ranges_changed);
    ledger_complete(&ledger);
    assert_string_equal(ranges_text(), "seen 1-9, missing 7-8");

    ledger.issued = 7;                                  /* a range that reaches above it stays whole */
    ledger.restarted = true;
    ledger.ranges_changed = false;
    ledger_complete(&ledger);
    assert_string_equal(ranges_text(), "seen 1-9, missing 7-8");
    assert_false(ledger.ranges_changed);
    assert_false(ledger.restarted);
    ledger.issued = 8;
    ledger_complete(&ledger);
    assert_string_equal(ranges_text(), "seen 1-9");
}

/* It asked for the old numbering; what it would forget is missing in the new one. */
static void a_restart_ends_the_resync_that_is_under_way(void **state)
{
    (void)state;
    begin(&defaults);
    expect(1, "1 2 100", "first 1-1, next 2-2, opens 3-99", "seen 1-100, missing 3-99");
    ledger.issued = ledger.high;
    note_at("1 2", 2 * HOUR, 365 * DAY);
    note_at("10", 3 * HOUR, 365 * DAY);
    ledger_complete(&ledger);
    assert_string_equal(ranges_text(), "seen 2-10, missing 3-9");
    assert_true(ledger.restarted);
}

/* ---- merging ---- */

/* One report of serials that are each `step` above the last. */
static void note_gaps(size_t count, uint64_t start, uint64_t step, int64_t now)
{
    static uint64_t serials[100000];
    for (size_t i = 0; i < count; i++)
        serials[i] = start + i * step;
    ledger_note(&ledger, &(struct ledger_report){serials, count, HOUR, now}, policy, NULL, NULL);
}

static void beyond_the_most_ranges_the_nearest_are_merged(void **state)
{
    (void)state;
    begin(&defaults);
    note_gaps(LEDGER_MOST_RANGES + 1, 0, 3, 70);            /* 1-2, 4-5, 7-8 ... 2998-2999 */
    assert_int_equal(ledger.range_count, LEDGER_MOST_RANGES);
    assert_int_equal(ledger_missing(&ledger), 2 * LEDGER_MOST_RANGES);
    note_gaps(1, 3100, 1, 60);                              /* as near as the others are: the lowest two are merged */
    assert_int_equal(ledger.range_count, LEDGER_MOST_RANGES);
    assert_int_equal(ledger.ranges[0].first, 1);
    assert_int_equal(ledger.ranges[0].last, 5);
    assert_int_equal(ledger.ranges[1].first, 7);
    assert_int_equal(ledger.ranges[LEDGER_MOST_RANGES - 1].last, 3099);
    note_gaps(1, 3102, 1, 50);
    note_gaps(1, 3104, 1, 40);
    assert_int_equal(ledger.ranges[0].last, 11);
    assert_int_equal(ledger.ranges[0].detected, 70);
    assert_int_equal(ledger_missing(&ledger), 2 * LEDGER_MOST_RANGES + 99 + 2 + 3);
}

static void a_merged_range_is_as_old_as_its_oldest_part(void **state)
{
    (void)state;
    begin(&defaults);
    for (size_t i = 0; i <= LEDGER_MOST_RANGES; i++)
        note_gaps(1, i * 5 + (i >= 3), 1, 100 - (i == 3));  /* 1-4, 6-9, 11-15, 17-20 ... */
    note_gaps(1, 6000, 1, 100);
    assert_int_equal(ledger.ranges[0].last, 9);
    assert_int_equal(ledger.ranges[0].detected, 100);
    note_gaps(1, 7000, 1, 100);
    assert_int_equal(ledger.ranges[0].last, 15);
    assert_int_equal(ledger.ranges[0].detected, 99);
}

static void a_hundred_thousand_gaps_in_one_report_end_as_the_most_ranges(void **state)
{
    (void)state;
    begin(&defaults);
    note_gaps(100000, 1, 2, 1);
    assert_int_equal(ledger.range_count, LEDGER_MOST_RANGES);
    assert_int_equal(ledger.high, 199999);
    assert_int_equal(ledger.ranges[0].first, 2);
    assert_int_equal(ledger.ranges[LEDGER_MOST_RANGES - 1].last, 199998);
    assert_int_equal(ledger_missing(&ledger), 199997 - (LEDGER_MOST_RANGES - 1));
    note_gaps(100000, 1, 1, 2);
    assert_int_equal(ledger.ranges[0].first, 100001);
    assert_int_equal(ledger_missing(&ledger), 98000 + LEDGER_MOST_RANGES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_serial_is_adopted),
        cmocka_unit_test(or_what_is_below_it_is_missing),
        cmocka_unit_test(a_jump_opens_a_gap_and_late_serials_fill_it),
        cmocka_unit_test(a_part_of_a_gap_keeps_its_time),
        cmocka_unit_test(what_was_sent_before_we_knew_the_client_is_early),
        cmocka_unit_test(what_was_seen_is_a_repeat),
        cmocka_unit_test(a_report_that_fills_a_gap_restarts_nothing_after_it),
        cmocka_unit_test(old_serials_in_a_newer_report_are_a_restart),
        cmocka_unit_test(a_jump_beyond_max_gap_is_a_restart),
        cmocka_unit_test(ten_reports_in_any_order_miss_nothing),
        cmocka_unit_test(a_serial_that_every_message_has_counts_once),
        cmocka_unit_test(a_report_without_serials_changes_nothing),
        cmocka_unit_test(a_report_is_dated_when_loaded_if_its_date_cannot_be),
        cmocka_unit_test(an_older_report_does_not_set_the_latest_date_back),
        cmocka_unit_test(a_complete_resync_forgets_what_was_missing_when_it_was_issued),
        cmocka_unit_test(a_restart_ends_the_resync_that_is_under_way),
        cmocka_unit_test(beyond_the_most_ranges_the_nearest_are_merged),
        cmocka_unit_test(a_merged_range_is_as_old_as_its_oldest_part),
        cmocka_unit_test(a_hundred_thousand_gaps_in_one_report_end_as_the_most_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
