/* What a fleet sends is the same for the same seed, can be read, and leaves out exactly what it says. */
#include "../../src/smx/fleet.h"

#include "../../src/statesys/ledger.h"
#include "base/sys.h"
#include "reader.h"
#include "report/compose.h"
#include "report/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START INT64_C(1795305600000000)
#define MINUTE INT64_C(60000000)

enum { CLIENTS = 23, ROUNDS = 40, ROOM = 1024 * 1024 };

static const struct fleet_settings usual = {.seed = 7, .clients = CLIENTS, .floods = 1, .gaps = 10, .start = START};

static const struct report_limits limits = {.xml = {.depth = 32, .tag_bytes = 65536}, .messages = REPORT_MOST_MESSAGES};

static void write_report(const struct fleet_report *report, struct buffer *out)
{
    struct error err;
    out->len = 0;
    if (!compose_report(&report->report, out, &err))
        fail_msg("%s", err.text);
}

/* ---- the same for the same seed ---- */

static void write_all(const struct fleet_settings *settings, struct buffer *out)
{
    static struct fleet_report report;
    struct fleet_client clients[CLIENTS];
    struct error err;
    buffer_init(out, (size_t)64 * ROOM);
    for (uint32_t i = 0; i < settings->clients; i++)
        fleet_begin(settings, i, &clients[i]);
    for (uint64_t i = 0; i < 3 * fleet_round(settings); i++) {
        fleet_next(settings, &clients[fleet_turn(settings, i)], START + (int64_t)i * MINUTE, &report);
        assert_true(compose_report(&report.report, out, &err));
    }
}

static void the_same_seed_gives_the_same_bytes_and_another_seed_others(void **state)
{
    struct buffer first, second, other;
    struct fleet_settings settings = usual;
    (void)state;
    write_all(&settings, &first);
    write_all(&settings, &second);
    settings.seed++;
    write_all(&settings, &other);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.at, second.at, first.len);
    assert_false(span_equal(buffer_span(&first), buffer_span(&other)));
    buffer_fini(&first);
    buffer_fini(&second);
    buffer_fini(&other);
}

/* ---- honest reports ---- */

static void check_report(const struct report *report, uint64_t *serial, int64_t *time)
{
    assert_true(report->message_count >= 1 && report->message_count <= FLEET_MOST_RANGES);
    assert_int_equal(report->problems_seen, 0);
    assert_int_equal(report->invalid_count, 0);
    assert_true(report->sender.prefixed && !report->sender.flagged && report->sender.installed == 1);
    for (size_t i = 0; i < report->message_count; i++) {
        const struct state_message *message = &report->messages[i];
        assert_true(message->has_serial && message->serial > *serial && message->time > *time);
        assert_non_null(topic_state_name(message->topic_type, message->state));
        assert_string_equal(topic_find(message->topic_type)->serial, "client");
        *serial = message->serial;
        *time = message->time;
    }
}

static void reports_are_read_back_with_serials_and_times_that_rise(void **state)
{
    static struct fleet_report made;
    struct fleet_client client;
    struct buffer text;
    uint64_t serial = 0;
    int64_t time = START;
    (void)state;
    buffer_init(&text, ROOM);
    fleet_begin(&usual, 3, &client);
    for (int i = 0; i < 500; i++) {
        struct report read;
        struct error err;
        struct arena *arena = arena_open(ROOM, NULL);
        fleet_next(&usual, &client, START, &made);
        write_report(&made, &text);
        if (!report_parse(buffer_span(&text), TEXT_UTF16LE, &limits, reader, arena, &read, &err))
            fail_msg("%s", err.text);
        check_report(&read, &serial, &time);
        assert_true(i > 0 || read.messages[0].serial == 1);
        arena_close(arena);
    }
    buffer_fini(&text);
}

static void damaged_reports_are_refused_by_every_reader(void **state)
{
    static struct fleet_report made;
    struct fleet_settings settings = usual;
    struct fleet_client client;
    struct buffer text;
    (void)state;
    settings.bad = 100;
    buffer_init(&text, ROOM);
    fleet_begin(&settings, 5, &client);
    for (unsigned i = 0; i < 200; i++) {
        struct report read;
        struct error err;
        struct arena *arena = arena_open(ROOM, NULL);
        fleet_next(&settings, &client, START, &made);
        assert_int_not_equal(made.damage, 0);
        write_report(&made, &text);
        fleet_damage(i < 50 ? i + 1 : made.damage, &text);
        assert_false(report_parse(buffer_span(&text), TEXT_UTF16LE, &limits, reader, arena, &read, &err));
        assert_int_equal(err.kind, ERROR_MALFORMED);
        arena_close(arena);
    }
    buffer_fini(&text);
}

static void broken_copies_change_nothing_of_what_is_sent(void **state)
{
    struct buffer sound, broken;
    struct fleet_settings settings = usual;
    (void)state;
    write_all(&settings, &sound);
    settings.bad = 50;
    write_all(&settings, &broken);
    assert_true(span_equal(buffer_span(&sound), buffer_span(&broken)));
    buffer_fini(&sound);
    buffer_fini(&broken);
}

/* ---- turns ---- */

static void in_a_round_each_has_one_turn_and_floods_a_hundred(void **state)
{
    static const struct {
        uint32_t clients, floods;
    } rows[] = {{1, 0}, {1, 1}, {7, 0}, {250, 0}, {250, 3}, {5, 5}, {99, 1}, {100, 2}, {101, 1}, {102, 1}};
    (void)state;
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        const struct fleet_settings settings = {.clients = rows[row].clients, .floods = rows[row].floods};
        uint32_t turns[250] = {0};
        const uint64_t round = fleet_round(&settings);
        for (uint64_t i = 0; i < 2 * round; i++) {
            assert_true(fleet_turn(&settings, i) < settings.clients);
            turns[fleet_turn(&settings, i)]++;
        }
        for (uint32_t i = 0; i < settings.clients; i++)
            assert_int_equal(turns[i], i < settings.floods ? 2 * FLEET_FLOOD : 2);
    }
}

/* ---- what is left out ---- */

static const struct ledger_policy policy = {.min_missing_age = 48 * 60 * MINUTE, .max_gap = 1000000};

static void note_report(struct ledger *ledger, const struct report *report)
{
    uint64_t serials[FLEET_MOST_MESSAGES];
    struct ledger_report noted = {.serials = serials, .date = report->created, .now = report->created};
    for (size_t i = 0; i < report->message_count; i++)
        if (report->messages[i].has_serial)
            serials[noted.count++] = report->messages[i].serial;
    ledger_note(ledger, &noted, &policy, NULL, NULL);
}

static struct fleet_range told[ROUNDS * FLEET_FLOOD * FLEET_MOST_RANGES];
static size_t told_count;

static void tell(void *owner, const struct fleet_range *range)
{
    (void)owner;
    told[told_count++] = *range;
}

static const struct fleet_listener listener = {tell, NULL};

static void run_client(uint32_t number, uint64_t reports, struct ledger *ledger)
{
    static struct fleet_report report;
    struct fleet_client client;
    ledger_init(ledger);
    fleet_begin(&usual, number, &client);
    for (uint64_t i = 0; i < reports; i++) {
        fleet_next(&usual, &client, START + (int64_t)i * MINUTE, &report);
        note_report(ledger, &report.report);
    }
}

static void the_ledger_misses_exactly_what_is_left_out(void **state)
{
    static struct ledger ledger;
    struct fleet_life life;
    uint64_t missing = 0, sent = 0;
    (void)state;
    for (uint32_t number = 0; number < CLIENTS; number++) {
        const uint64_t reports = number < usual.floods ? ROUNDS * FLEET_FLOOD / 8 : ROUNDS;
        run_client(number, reports, &ledger);
        told_count = 0;
        fleet_relive(&usual, number, reports, &listener, &life);
        assert_int_equal(ledger.range_count, told_count);
        for (size_t i = 0; i < told_count; i++) {
            assert_int_equal(ledger.ranges[i].first, told[i].first);
            assert_int_equal(ledger.ranges[i].last, told[i].last);
        }
        assert_int_equal(ledger.first, 1);
        assert_int_equal(ledger.high, life.client.serial);
        missing += ledger_missing(&ledger);
        sent += ledger.high;
    }
    assert_true(missing * 100 > sent * (usual.gaps - 2) && missing * 100 < sent * (usual.gaps + 2));
}

/* ---- resync ---- */

static void an_answer_to_a_resync_has_every_state_and_leaves_nothing_missing(void **state)
{
    static struct ledger ledger;
    static struct fleet_report answer;
    struct fleet_life life;
    (void)state;
    for (uint32_t number = 0; number < CLIENTS; number++) {
        size_t known = 0;
        run_client(number, ROUNDS, &ledger);
        ledger.issued = ledger.high;
        fleet_relive(&usual, number, ROUNDS, NULL, &life);
        for (int i = 0; i < FLEET_TOPICS; i++)
            known += life.states[i].state != 0;
        fleet_resync(&usual, &life, START + ROUNDS * MINUTE, &answer);
        assert_int_equal(answer.report.message_count, known + 1);
        const struct state_message *last = &answer.messages[known];
        assert_true(last->topic_type == 700 && last->state == 1 && !last->has_serial);
        assert_true(answer.messages[0].serial == ledger.high + 1);
        note_report(&ledger, &answer.report);
        ledger_complete(&ledger);
        assert_int_equal(ledger.range_count, 0);
        assert_int_equal(ledger.restarts, 0);
        assert_int_equal(ledger.high, life.client.serial);
    }
}

/* What an obvious reader of all reports knows in the end: the last state of each topic. */
static struct {
    struct {
        uint32_t type, state;
        char topic[40];
        int64_t time;
    } at[FLEET_TOPICS];
    size_t count;
} seen;

static void see(const struct state_message *message)
{
    size_t at = 0;
    while (at < seen.count &&
           (seen.at[at].type != message->topic_type || !span_equal(span_of(seen.at[at].topic), message->topic_id)))
        at++;
    assert_true(at < FLEET_TOPICS);
    seen.count += at == seen.count;
    seen.at[at].type = message->topic_type;
    seen.at[at].state = message->state;
    seen.at[at].time = message->time;
    memcpy(seen.at[at].topic, message->topic_id.at, message->topic_id.len);
}

static void assert_seen(const struct state_message *message)
{
    size_t found = 0;
    for (size_t i = 0; i < seen.count; i++)
        found += seen.at[i].type == message->topic_type && seen.at[i].state == message->state &&
                 seen.at[i].time == message->time && span_equal(span_of(seen.at[i].topic), message->topic_id);
    assert_int_equal(found, 1);
}

/* Nothing is lost here, so that the reader sees all. */
static void a_resync_says_what_was_last_said(void **state)
{
    static struct fleet_report report, answer;
    struct fleet_settings settings = usual;
    (void)state;
    settings.gaps = 0;
    for (uint32_t number = 0; number < CLIENTS; number++) {
        struct fleet_client client;
        struct fleet_life life;
        memset(&seen, 0, sizeof seen);
        fleet_begin(&settings, number, &client);
        for (int i = 0; i < 3 * ROUNDS; i++) {
            fleet_next(&settings, &client, START, &report);
            for (size_t k = 0; k < report.report.message_count; k++)
                see(&report.messages[k]);
        }
        fleet_relive(&settings, number, 3 * ROUNDS, NULL, &life);
        fleet_resync(&settings, &life, START, &answer);
        assert_int_equal(answer.report.message_count, seen.count + 1);
        for (size_t i = 0; i < seen.count; i++)
            assert_seen(&answer.messages[i]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes_and_another_seed_others),
        cmocka_unit_test(reports_are_read_back_with_serials_and_times_that_rise),
        cmocka_unit_test(damaged_reports_are_refused_by_every_reader),
        cmocka_unit_test(broken_copies_change_nothing_of_what_is_sent),
        cmocka_unit_test(in_a_round_each_has_one_turn_and_floods_a_hundred),
        cmocka_unit_test(the_ledger_misses_exactly_what_is_left_out),
        cmocka_unit_test(an_answer_to_a_resync_has_every_state_and_leaves_nothing_missing),
        cmocka_unit_test(a_resync_says_what_was_last_said),
    };
    return cmocka_run_group_tests(tests, open_reader, close_reader);
}
