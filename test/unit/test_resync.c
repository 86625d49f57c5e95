/* Who is asked for a resync, when, how, and until when (spec/statesys.md 4.3, 4.4); the same of SQLite and PostgreSQL. */
#include "../../src/statesys/resync.h"
#include "base/sys.h"
#include "report/report.h"
#include "spool/request.h"
#include "store_fixture.h"

#include <fcntl.h>

#include "home.h"

#define HOUR (60 * MINUTE)

enum { CLIENTS = 200 };

static char home[HOME_SIZE];
static struct site *site;
static struct settings own;
static struct force force;
static struct duty duty;
static unsigned pauses;
static bool told_to_stop;

static bool pause_duty(void *owner)
{
    (void)owner;
    pauses++;
    return !told_to_stop;
}

static void name_queue(int queue, const char *below)
{
    must(daemon_path(site->paths.incoming[queue], home, below, &err) &&
         sys_make_directory(site->paths.incoming[queue], &err));
}

static int open_site(void **state)
{
    (void)fixture_open(state);
    home_make(home);
    site = calloc(1, sizeof *site);
    assert_non_null(site);
    must(daemon_path(site->paths.resync, home, "/resync", &err) && sys_make_directory(site->paths.resync, &err));
    must(daemon_path(site->paths.process, home, "/process", &err) && sys_make_directory(site->paths.process, &err));
    name_queue(QUEUE_NORMAL, "/incoming");
    name_queue(QUEUE_HIGH, "/incoming/high");
    name_queue(QUEUE_LOW, "/incoming/low");
    own = (struct settings){.min_resync_period = (uint64_t)(72 * HOUR), .resync_batch = 1000, .resync_backlog = 3};
    force = (struct force){.settings = &own, .properties = {.min_missing_age = 2880 * MINUTE}};
    duty = (struct duty){.site = site, .store = store, .force = &force, .now = NOW, .pause = pause_duty};
    pauses = 0;
    told_to_stop = false;
    return 0;
}

static int close_site(void **state)
{
    home_remove(home);
    free(site);
    return fixture_close(state);
}

/* ---- clients ---- */

static char ids[CLIENTS][48];

/* Serials, 0 ends them, of a client with a GUID. */
static void load_from(unsigned client, int64_t now, int64_t date, const uint64_t serials[8])
{
    static unsigned content;
    struct made made;
    make_report(&made, 1, date, ++content);
    (void)snprintf(ids[client], sizeof ids[client], "GUID:%08X-0000-0000-0000-0000000000AB", client);
    made.report.sender.id = span_of(ids[client]);
    made.report.sender.key = span_of(ids[client] + 5);
    for (int i = 0; serials[i] != 0; i++)
        (void)add_serial(&made, (int)serials[i], serials[i]);
    assert_int_equal(load(&made, now), STORE_LOADED);
}

#define SERIALS(...) ((const uint64_t[8]){__VA_ARGS__})

/* It misses 2 to 4 since `ago`. */
static void make_gap(unsigned client, int64_t ago)
{
    load_from(client, NOW - ago, NOW - ago, SERIALS(1, 5));
}

static void complete(unsigned client, int64_t date)
{
    static unsigned content = 5000000;
    struct made made;
    make_report(&made, 1, date, ++content);
    made.report.sender.id = span_of(ids[client]);
    made.report.sender.key = span_of(ids[client] + 5);
    add_message(&made, 700, 0, NOW)->state = 1;
    assert_int_equal(load(&made, NOW), STORE_LOADED);
}

static void check_at(int64_t now)
{
    duty.now = now;
    must(resync_check(&duty, &err));
}

static const char *path_of(unsigned client)
{
    static char path[HOME_SIZE + 64];
    (void)snprintf(path, sizeof path, "%s/resync/%08X-0000-0000-0000-0000000000AB.rsy", home, client);
    return path;
}

static bool is_asked(unsigned client)
{
    return access(path_of(client), F_OK) == 0;
}

static unsigned count_asked(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CLIENTS; i++)
        count += is_asked(i);
    return count;
}

static const char *issued(void)
{
    static const struct db_statement rows = {
        .sql = "SELECT LastResyncIssuedTime, ResyncIssuedSerial FROM SR_ClientMessageStats ORDER BY MachineID",
        .output = {DB_INTEGER, DB_INTEGER},
        .output_count = 2,
    };
    return ask(&rows);
}

/* ---- who is asked ---- */

static void a_client_is_asked_when_something_is_missing_long_enough(void **state)
{
    (void)state;
    make_gap(1, 2880 * MINUTE - 1);
    load_from(2, NOW - 9000 * MINUTE, NOW - 9000 * MINUTE, SERIALS(1, 2, 3));
    check_at(NOW);
    assert_int_equal(count_asked(), 0);
    assert_string_equal(issued(), "-|-\n-|-\n");
    check_at(NOW + 1);
    assert_int_equal(count_asked(), 1);
    assert_true(is_asked(1));
    assert_string_equal(issued(), "1700000000000001|5\n-|-\n");
}

static void the_request_says_what_is_missing(void **state)
{
    char guid[REQUEST_GUID_SIZE];
    struct buffer text;
    (void)state;
    make_gap(10, 3000 * MINUTE);
    load_from(10, NOW, NOW, SERIALS(8));
    check_at(NOW);
    buffer_init(&text, REQUEST_MOST);
    assert_true(request_guid(SPAN("guid:0000000a-0000-0000-0000-0000000000ab"), guid));
    must(request_read(site->paths.resync, guid, &text, &err));
    fixture_dump.len = 0;
    assert_int_equal(text.len, strlen("client GUID:0000000A-0000-0000-0000-0000000000AB\n"
                                      "issued 20231114221320.000000+000\nfirst missing 2\ncount 5\n"));
    assert_memory_equal(text.at,
                        "client GUID:0000000A-0000-0000-0000-0000000000AB\nissued 20231114221320.000000+000\n"
                        "first missing 2\ncount 5\n",
                        text.len);
    buffer_fini(&text);
}

static void a_restart_is_asked_about_at_once(void **state)
{
    (void)state;
    load_from(1, NOW, NOW - 3000 * MINUTE, SERIALS(98, 99, 100));
    load_from(1, NOW, NOW, SERIALS(1, 2));
    check_at(NOW);
    assert_true(is_asked(1));
    assert_string_equal(issued(), "1700000000000000|2\n");
}

static void an_operators_wish_is_a_reason_and_survives_reports(void **state)
{
    (void)state;
    load_from(1, NOW, NOW, SERIALS(1, 2));
    must(db_script(db, "UPDATE SR_ClientMessageStats SET ResyncReason = 'asked'", &err));
    load_from(1, NOW, NOW, SERIALS(3));
    check_at(NOW);
    assert_true(is_asked(1));
}

/* Nothing of it is numbered, so it misses nothing; but an operator may want its states. */
static void a_client_without_numbers_may_be_asked_too(void **state)
{
    struct made made;
    (void)state;
    load_from(1, NOW, NOW, SERIALS(0));
    make_report(&made, 1, NOW, 7000000);
    made.report.sender.id = span_of(ids[1]);
    made.report.sender.key = span_of(ids[1] + 5);
    add_message(&made, 902, 0, NOW)->state = 1;
    assert_int_equal(load(&made, NOW), STORE_LOADED);
    must(db_script(db, "UPDATE SR_ClientMessageStats SET ResyncReason = 'asked'", &err));
    check_at(NOW);
    assert_string_equal(issued(), "1700000000000000|0\n");
    complete(1, NOW + MINUTE);
    assert_string_equal(issued(), "1700000000000000|-\n");
}

static void who_was_asked_is_asked_again_only_after_the_period(void **state)
{
    (void)state;
    make_gap(1, 3000 * MINUTE);
    check_at(NOW);
    check_at(NOW + 72 * HOUR - 1);
    assert_string_equal(issued(), "1700000000000000|5\n");
    load_from(1, NOW, NOW, SERIALS(6));
    check_at(NOW + 72 * HOUR);
    assert_string_equal(issued(), "1700259200000000|6\n");
    assert_true(is_asked(1));
}

static void at_most_a_batch_is_asked_and_the_oldest_first(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        make_gap(i, (3000 + (int64_t)(i * 7 % 10)) * MINUTE);
    own.resync_batch = 4;
    check_at(NOW);
    assert_int_equal(count_asked(), 4);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(is_asked(i), i * 7 % 10 >= 6);
    check_at(NOW + MINUTE);
    assert_int_equal(count_asked(), 8);
    check_at(NOW + 2 * MINUTE);
    assert_int_equal(count_asked(), 10);
}

static void many_are_asked_in_pages_and_a_stop_ends_after_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLIENTS; i++)
        make_gap(i, 3000 * MINUTE);
    told_to_stop = true;
    check_at(NOW);
    assert_int_equal(count_asked(), 64);
    told_to_stop = false;
    check_at(NOW);
    assert_int_equal(count_asked(), CLIENTS);
    assert_int_equal(pauses, 3);
    assert_int_equal(metrics_count(&site->counters.resyncs_requested), CLIENTS);
}

static void only_guids_are_asked(void **state)
{
    static const char *const others[] = {
        "GUID:../../../../../../../etc/passwd/./././.", "GUID:00000001", "GUID:0000000G-0000-0000-0000-0000000000AB",
        "GUID:00000001-0000-0000-0000-0000000000ABC", "GUID:-0000001-0000-0000-0000-0000000000AB"};
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct made made;
        make_report(&made, 1, NOW - 3000 * MINUTE, 1000000 + i);
        made.report.sender.id = span_of(others[i]);
        made.report.sender.key = span_of(others[i] + 5);
        (void)add_serial(&made, 1, 1);
        (void)add_serial(&made, 2, 5);
        assert_int_equal(load(&made, NOW - 3000 * MINUTE), STORE_LOADED);
    }
    make_gap(1, 3000 * MINUTE);
    own.resync_batch = 1;
    check_at(NOW);
    assert_true(is_asked(1));
    assert_string_equal(issued(), "-|-\n-|-\n-|-\n-|-\n-|-\n1700000000000000|5\n");
}

/* ---- the backlog ---- */

static void put_into(const char *directory, const char *name)
{
    char path[DAEMON_PATH_SIZE + 32];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    const int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void nobody_is_asked_while_too_many_files_wait(void **state)
{
    (void)state;
    make_gap(1, 3000 * MINUTE);
    put_into(site->paths.incoming[QUEUE_NORMAL], "1.smx");
    put_into(site->paths.incoming[QUEUE_HIGH], "2.SMX");
    put_into(site->paths.incoming[QUEUE_LOW], "3.smw");
    put_into(site->paths.incoming[QUEUE_LOW], "4.smx");
    check_at(NOW);
    assert_int_equal(count_asked(), 0);
    own.resync_backlog = 4;
    put_into(site->paths.process, "in-hand.smx");
    check_at(NOW);
    assert_int_equal(count_asked(), 0);
    own.resync_backlog = 5;
    check_at(NOW);
    assert_int_equal(count_asked(), 1);
}

/* ---- its end ---- */

/* The files of the test are new; a check of two minutes from now sees them as old. */
static int64_t later(void)
{
    return sys_now() + 2 * MINUTE;
}

static void a_request_is_taken_back_when_it_was_answered(void **state)
{
    (void)state;
    make_gap(1, 3000 * MINUTE);
    make_gap(2, 3000 * MINUTE);
    check_at(NOW);
    assert_int_equal(count_asked(), 2);
    complete(1, NOW + MINUTE);
    assert_string_equal(issued(), "1700000000000000|-\n1700000000000000|5\n");
    own.min_resync_period = (uint64_t)INT64_MAX / 2;
    check_at(NOW);
    assert_int_equal(count_asked(), 2);         /* too young */
    check_at(later());
    assert_false(is_asked(1));
    assert_true(is_asked(2));
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_MissingMessageRanges"), "1\n");
}

static void a_restart_takes_its_request_back_and_is_asked_about_after_the_period(void **state)
{
    (void)state;
    make_gap(1, 3000 * MINUTE);
    check_at(NOW);
    load_from(1, NOW, NOW + HOUR, SERIALS(1));  /* an old serial in a newer report */
    assert_string_equal(issued(), "1700000000000000|-\n");
    const int64_t now = later();
    must(db_script(db, "UPDATE SR_ClientMessageStats SET LastResyncIssuedTime = 4000000000000000", &err));
    check_at(now);
    assert_false(is_asked(1));
    must(db_script(db, "UPDATE SR_ClientMessageStats SET LastResyncIssuedTime = 1700000000000000", &err));
    check_at(now);
    assert_true(is_asked(1));
}

/* Its numbers begin anew: those of the states that it raised before are higher. */
static void after_a_restart_a_state_raised_again_completes_too(void **state)
{
    struct made made;
    (void)state;
    load_from(1, NOW, NOW - 4000 * MINUTE, SERIALS(4998, 4999, 5000));
    load_from(1, NOW, NOW - MINUTE, SERIALS(1, 2));
    check_at(NOW);
    assert_string_equal(issued(), "1700000000000000|2\n");
    make_report(&made, 1, NOW + MINUTE, 6000000);
    made.report.sender.id = span_of(ids[1]);
    made.report.sender.key = span_of(ids[1] + 5);
    (void)add_serial(&made, 4999, 3);           /* the same topic and MessageTime */
    assert_int_equal(load(&made, NOW), STORE_LOADED);
    assert_string_equal(issued(), "1700000000000000|-\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(ResyncReason) FROM SR_ClientMessageStats"), "0\n");
}

static void what_lies_beside_the_requests_stays(void **state)
{
    static const char *const others[] = {"readme.txt", "0000000A-0000-0000-0000-0000000000AB.rsy.txt",
                                         "0000000a-0000-0000-0000-0000000000ab.rsy", "GUID.rsy"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char path[DAEMON_PATH_SIZE + 64];
        (void)snprintf(path, sizeof path, "%s/%s", site->paths.resync, others[i]);
        (void)close(open(path, O_WRONLY | O_CREAT, 0600));
    }
    check_at(later());
    for (size_t i = 0; i < 4; i++) {
        char path[DAEMON_PATH_SIZE + 64];
        (void)snprintf(path, sizeof path, "%s/%s", site->paths.resync, others[i]);
        assert_int_equal(access(path, F_OK), 0);
    }
}

/* ---- what may go wrong ---- */

static void a_report_that_comes_in_between_is_seen_under_the_lock(void **state)
{
    const struct store_resync_rule rule = {NOW - 2880 * MINUTE, NOW - 72 * HOUR};
    struct store_resync found[4];
    size_t count;
    (void)state;
    make_gap(1, 3000 * MINUTE);
    make_gap(2, 3000 * MINUTE);
    must(store_find_resyncs(store, &rule, found, 4, &count, &err));
    assert_int_equal(count, 2);
    load_from(1, NOW, NOW, SERIALS(2, 3, 4));
    must(store_issue_resyncs(store, &rule, found, count, NOW, &err));
    assert_false(found[0].issued);
    assert_true(found[1].issued);
    assert_string_equal(issued(), "-|-\n1700000000000000|5\n");
}

static void where_no_request_can_be_written_nobody_is_held_to_be_asked(void **state)
{
    (void)state;
    make_gap(1, 3000 * MINUTE);
    (void)snprintf(site->paths.resync, sizeof site->paths.resync, "/nowhere");
    duty.now = NOW;
    assert_false(resync_check(&duty, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    assert_string_equal(issued(), "-|-\n");
}

static void the_backlog_is_looked_at_before_anybody_is_asked(void **state)
{
    (void)state;
    make_gap(1, 3000 * MINUTE);
    (void)snprintf(site->paths.incoming[QUEUE_LOW], sizeof site->paths.incoming[0], "/nowhere");
    duty.now = NOW;
    assert_false(resync_check(&duty, &err));
    assert_int_equal(count_asked(), 0);
}

#define RESYNC_TEST(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESYNC_TEST(a_client_is_asked_when_something_is_missing_long_enough),
        RESYNC_TEST(the_request_says_what_is_missing),
        RESYNC_TEST(a_restart_is_asked_about_at_once),
        RESYNC_TEST(an_operators_wish_is_a_reason_and_survives_reports),
        RESYNC_TEST(a_client_without_numbers_may_be_asked_too),
        RESYNC_TEST(who_was_asked_is_asked_again_only_after_the_period),
        RESYNC_TEST(at_most_a_batch_is_asked_and_the_oldest_first),
        RESYNC_TEST(many_are_asked_in_pages_and_a_stop_ends_after_one),
        RESYNC_TEST(only_guids_are_asked),
        RESYNC_TEST(nobody_is_asked_while_too_many_files_wait),
        RESYNC_TEST(a_request_is_taken_back_when_it_was_answered),
        RESYNC_TEST(a_restart_takes_its_request_back_and_is_asked_about_after_the_period),
        RESYNC_TEST(after_a_restart_a_state_raised_again_completes_too),
        RESYNC_TEST(what_lies_beside_the_requests_stays),
        RESYNC_TEST(a_report_that_comes_in_between_is_seen_under_the_lock),
        RESYNC_TEST(where_no_request_can_be_written_nobody_is_held_to_be_asked),
        RESYNC_TEST(the_backlog_is_looked_at_before_anybody_is_asked),
    };
    db_server_init();
    const int failed = RUN_ON_BOTH(tests);
    db_server_fini();
    buffer_fini(&fixture_dump);
    return failed;
}
