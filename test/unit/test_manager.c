/* What the state system does by the clock: it beats, asks, forgets; it goes on when the database comes back, and ends at
 * once. Everything is waited for, nothing is timed. */
#include "../../src/statesys/heartbeat.h"
#include "../../src/statesys/manager.h"
#include "../../src/statesys/tasks.h"
#include "base/sys.h"
#include "store_fixture.h"

#include <signal.h>
#include <stdatomic.h>

#include "home.h"

#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum { PATIENCE = 60 * 1000 };          /* ms: says only that something hangs */

static char home[HOME_SIZE];
static struct site *site;
static struct settings own;
static struct force force;
static struct manager *manager;

static void make_place(char path[DAEMON_PATH_SIZE], const char *below)
{
    must(daemon_path(path, home, below, &err) && sys_make_directory(path, &err));
}

static int open_site(void **state)
{
    (void)fixture_open(state);
    home_make(home);
    site = calloc(1, sizeof *site);
    assert_non_null(site);
    make_place(site->paths.resync, "/resync");
    make_place(site->paths.process, "/process");
    make_place(site->paths.incoming[QUEUE_NORMAL], "/incoming");
    make_place(site->paths.incoming[QUEUE_HIGH], "/incoming/high");
    make_place(site->paths.incoming[QUEUE_LOW], "/incoming/low");
    site->store = settings;
    own = (struct settings){.min_resync_period = (uint64_t)(72 * HOUR),
                            .resync_batch = 1000,
                            .resync_backlog = 1000,
                            .processed_keep = (uint64_t)(30 * DAY),
                            .database_retry = 10000};
    force = (struct force){
        .settings = &own,
        .properties = {.min_missing_age = 2880 * MINUTE, .heartbeat_interval = HOUR, .resync_check_interval = HOUR}};
    atomic_store(&site->force, &force);
    must(manager_open(site, &manager, &err));
    return 0;
}

static int close_site(void **state)
{
    manager_stop(manager);
    manager = NULL;
    home_remove(home);
    free(site);
    return fixture_close(state);
}

/* ---- waiting ---- */

static uint64_t beats(void)
{
    return metrics_count(&site->counters.heartbeats);
}

static void wait_for_beats(uint64_t count)
{
    for (int i = 0; beats() < count; i++) {
        assert_true(i < PATIENCE);
        (void)usleep(1000);
    }
}

static const char *wait_for(const struct db_statement *statement, const char *expected)
{
    for (int i = 0; strcmp(ask(statement), expected) != 0 && i < PATIENCE; i++)
        (void)usleep(1000);
    return ask(statement);
}

#define WAIT_FOR_NUMBER(query, expected)                                                                              \
    assert_string_equal(wait_for(({                                                                                   \
                                     static const struct db_statement asked = {                                      \
                                         .sql = query, .output = {DB_INTEGER}, .output_count = 1};                    \
                                     &asked;                                                                          \
                                 }),                                                                                  \
                                 expected),                                                                           \
                        expected)

static unsigned count_heartbeat_files(void)
{
    unsigned count = 0;
    DIR *directory = opendir(site->paths.incoming[QUEUE_NORMAL]);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += strstr(entry->d_name, ".smx") != NULL && entry->d_name[0] != '.';
    (void)closedir(directory);
    return count;
}

/* ---- the heartbeat ---- */

static void it_beats_at_its_start_and_in_its_interval(void **state)
{
    (void)state;
    force.properties.heartbeat_interval = 1000;
    must(manager_start(manager, &err));
    wait_for_beats(5);
    manager_stop(manager);
    manager = NULL;
    assert_int_equal(count_heartbeat_files(), beats());
}

/* As the loader leaves it. */
static void store_heartbeat(int64_t time, uint64_t sequence)
{
    struct made made;
    char client[HEARTBEAT_CLIENT_SIZE];
    heartbeat_client("PS1", client);
    make_report(&made, 1, time, 99);
    made.report.sender.id = made.report.sender.key = span_of(client);
    made.report.sender.prefixed = false;
    struct state_message *message = add_message(&made, 701, 1, time);
    message->has_serial = true;
    message->serial = sequence;
    assert_int_equal(load(&made, time), STORE_LOADED);
}

static void after_a_start_the_sequence_goes_on(void **state)
{
    char path[DAEMON_PATH_SIZE + 300];
    (void)state;
    store_heartbeat(sys_now() - 2 * HOUR, 41);
    must(manager_start(manager, &err));
    wait_for_beats(1);
    manager_stop(manager);
    manager = NULL;
    struct buffer bytes;
    buffer_init(&bytes, 65536);
    DIR *directory = opendir(site->paths.incoming[QUEUE_NORMAL]);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (strstr(entry->d_name, ".smx") != NULL) {
            (void)snprintf(path, sizeof path, "%s/%s", site->paths.incoming[QUEUE_NORMAL], entry->d_name);
            must(sys_read_file(-100, path, &bytes, &err));
        }
    (void)closedir(directory);
    assert_non_null(memmem(bytes.at, bytes.len,
                           "\"\0"
                           "4\0"
                           "2\0"
                           "\"",
                           7));
    buffer_fini(&bytes);
}

/* What is behind the heartbeat in its turn has been done: so it had been considered, and was not due. */
static void one_that_beat_a_moment_ago_waits(void **state)
{
    (void)state;
    must(db_script(db, "INSERT INTO SR_ProcessedFiles VALUES ('x', 'x', 1, 1, 0, 1)", &err));
    store_heartbeat(sys_now() - MINUTE, 41);
    must(manager_start(manager, &err));
    WAIT_FOR_NUMBER("SELECT COUNT(*) FROM SR_ProcessedFiles WHERE ContentHash = 'x'", "0\n");
    assert_int_equal(beats(), 0);
}

static void a_heartbeat_from_the_future_is_no_reason_to_wait(void **state)
{
    (void)state;
    store_heartbeat(sys_now() + 1000 * HOUR, 41);
    must(manager_start(manager, &err));
    wait_for_beats(1);
}

static void a_reload_brings_a_shorter_interval_to_bear(void **state)
{
    static struct force fresh;
    (void)state;
    must(manager_start(manager, &err));
    wait_for_beats(1);
    fresh = force;
    fresh.properties.heartbeat_interval = 1000;
    atomic_store(&site->force, &fresh);
    manager_wake(manager);
    wait_for_beats(3);
}

static void it_beats_on_when_it_could_not(void **state)
{
    char away[DAEMON_PATH_SIZE + 8];
    const char *incoming = site->paths.incoming[QUEUE_NORMAL];
    (void)state;
    force.properties.heartbeat_interval = 1000;
    must(manager_start(manager, &err));
    wait_for_beats(1);
    (void)snprintf(away, sizeof away, "%s.away", incoming);
    assert_int_equal(rename(incoming, away), 0);
    const uint64_t before = beats();
    assert_int_equal(rename(away, incoming), 0);
    wait_for_beats(before + 3);
}

/* ---- the other duties ---- */

static void load_gap(void)
{
    struct made made;
    const int64_t date = sys_now() - 3000 * MINUTE;
    make_report(&made, 1, date, 1);
    made.report.sender.id = SPAN("GUID:00000001-0000-0000-0000-0000000000AB");
    made.report.sender.key = SPAN("00000001-0000-0000-0000-0000000000AB");
    (void)add_serial(&made, 1, 1);
    (void)add_serial(&made, 2, 5);
    for (int i = 0; i < PATIENCE && !store_load(store, &made.file, 1, date, &err); i++)
        (void)usleep(1000);                     /* its connection may have gone with the server */
    assert_int_equal(made.file.result, STORE_LOADED);
}

static void who_misses_something_is_asked(void **state)
{
    (void)state;
    load_gap();
    must(manager_start(manager, &err));
    WAIT_FOR_NUMBER("SELECT COUNT(ResyncIssuedSerial) FROM SR_ClientMessageStats", "1\n");
}

static void files_of_long_ago_are_forgotten_and_no_others(void **state)
{
    char sql[256];
    (void)state;
    must(db_script(db, "INSERT INTO SR_ProcessedFiles VALUES ('old', 'x', 1, 1, 0, 1)", &err));
    (void)snprintf(sql, sizeof sql, "INSERT INTO SR_ProcessedFiles VALUES ('new', 'x', 1, 1, 0, %lld)",
                   (long long)(sys_now() - 29 * DAY));
    must(db_script(db, sql, &err));
    must(manager_start(manager, &err));
    WAIT_FOR_NUMBER("SELECT COUNT(*) FROM SR_ProcessedFiles", "1\n");
    assert_string_equal(ASK_TEXT("SELECT ContentHash FROM SR_ProcessedFiles"), "new\n");
}

static void aged_states_go_only_where_that_is_wanted(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct made made;
        make_report(&made, i, NOW, (unsigned)i);
        (void)add_serial(&made, 1, 1);
        assert_int_equal(load(&made, i == 1 ? sys_now() : NOW), STORE_LOADED);
    }
    must(manager_start(manager, &err));
    WAIT_FOR_NUMBER("SELECT COUNT(*) FROM SR_ProcessedFiles", "1\n");       /* it had its turn */
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_States"), "3\n");
    static struct force fresh;
    static struct settings wanted;
    wanted = own;
    wanted.state_keep = (uint64_t)DAY;
    fresh = force;
    fresh.settings = &wanted;
    atomic_store(&site->force, &fresh);
    manager_wake(manager);
    WAIT_FOR_NUMBER("SELECT COUNT(*) FROM SR_States", "1\n");
}

/* ---- pieces ---- */

static unsigned pauses;

static bool pause_once(void *owner)
{
    (void)owner;
    return ++pauses < 2;
}

static bool go_on(void *owner)
{
    (void)owner;
    return true;
}

static void a_task_works_in_pieces_and_ends_when_told(void **state)
{
    char sql[256];
    struct duty duty = {.site = site, .store = store, .force = &force, .now = sys_now(), .pause = pause_once};
    (void)state;
    pauses = 0;
    for (int i = 0; i < 2500; i++) {
        (void)snprintf(sql, sizeof sql, "INSERT INTO SR_ProcessedFiles VALUES ('%d', 'x', 1, 1, 0, %d)", i, i);
        must((i > 0 || db_begin(db, &err)) && db_script(db, sql, &err));
    }
    must(db_commit(db, &err));
    must(tasks_forget_files(&duty, &err));
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_ProcessedFiles"), "500\n");
    assert_string_equal(ASK_NUMBER("SELECT MIN(ProcessedTime) FROM SR_ProcessedFiles"), "2000\n");
    must(tasks_forget_files(&duty, &err));
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_ProcessedFiles"), "0\n");
}

static void states_of_all_clients_are_looked_at_piece_by_piece(void **state)
{
    char sql[400];
    struct duty duty = {.site = site, .store = store, .force = &force, .now = NOW, .pause = pause_once};
    (void)state;
    pauses = 0;
    own.state_keep = (uint64_t)DAY;
    for (int i = 0; i < 500; i++) {
        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO SR_Clients (MachineID, SMSID, SMSIDAsSent, FirstSeen, LastSeen) VALUES (%d, '%d', "
                       "'%d', 0, 0); INSERT INTO SR_States (MachineID, TopicType, TopicID, UserSID, StateID, "
                       "ProcessedTime) VALUES (%d, 500, 'a', '', 2, 0)",
                       2 * i + 1, i, i, 2 * i + 1);
        must((i > 0 || db_begin(db, &err)) && db_script(db, sql, &err));
    }
    must(db_commit(db, &err));
    must(tasks_delete_states(&duty, &err));             /* stopped after two pieces */
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_States"), "100\n");
    duty.pause = go_on;
    must(tasks_delete_states(&duty, &err));
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_States"), "0\n");
}

/* ---- the database goes away ---- */

static void take_database_away(void)
{
    if (db_is_sqlite(db))
        must(db_script(db,
                       "ALTER TABLE SR_States RENAME TO AwayStates; "
                       "ALTER TABLE SR_MissingMessageRanges RENAME TO AwayRanges",
                       &err));
    else
        db_server_stop(SIGINT);
}

static void bring_database_back(void)
{
    if (db_is_sqlite(db)) {
        must(db_script(db,
                       "ALTER TABLE AwayRanges RENAME TO SR_MissingMessageRanges; "
                       "ALTER TABLE AwayStates RENAME TO SR_States",
                       &err));
        return;
    }
    db_server_start();
    db_close(db);                               /* it was lost, and shows that when it is used */
    must(db_open(fixture_database, settings.lock_timeout_ms, &db, &err));
}

static void a_database_that_is_away_at_the_start_is_waited_for(void **state)
{
    (void)state;
    take_database_away();
    must(manager_start(manager, &err));
    (void)usleep(50000);                        /* let it fail a few times: no more than that */
    assert_int_equal(beats(), 0);
    bring_database_back();
    wait_for_beats(1);
}

static void while_the_database_is_away_it_beats_and_goes_on_afterwards(void **state)
{
    (void)state;
    force.properties.heartbeat_interval = 1000;
    force.properties.resync_check_interval = 1000;
    must(manager_start(manager, &err));
    wait_for_beats(1);
    take_database_away();
    wait_for_beats(beats() + 3);
    bring_database_back();
    load_gap();
    WAIT_FOR_NUMBER("SELECT COUNT(ResyncIssuedSerial) FROM SR_ClientMessageStats", "1\n");
}

static void it_may_be_stopped_before_it_was_started(void **state)
{
    (void)state;
    manager_stop(manager);
    manager = NULL;
    manager_stop(NULL);
}

#define MANAGER_TEST(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MANAGER_TEST(it_beats_at_its_start_and_in_its_interval),
        MANAGER_TEST(after_a_start_the_sequence_goes_on),
        MANAGER_TEST(one_that_beat_a_moment_ago_waits),
        MANAGER_TEST(a_heartbeat_from_the_future_is_no_reason_to_wait),
        MANAGER_TEST(a_reload_brings_a_shorter_interval_to_bear),
        MANAGER_TEST(it_beats_on_when_it_could_not),
        MANAGER_TEST(who_misses_something_is_asked),
        MANAGER_TEST(files_of_long_ago_are_forgotten_and_no_others),
        MANAGER_TEST(aged_states_go_only_where_that_is_wanted),
        MANAGER_TEST(a_task_works_in_pieces_and_ends_when_told),
        MANAGER_TEST(states_of_all_clients_are_looked_at_piece_by_piece),
        MANAGER_TEST(a_database_that_is_away_at_the_start_is_waited_for),
        MANAGER_TEST(while_the_database_is_away_it_beats_and_goes_on_afterwards),
        MANAGER_TEST(it_may_be_stopped_before_it_was_started),
    };
    db_server_init();
    const int failed = RUN_ON_BOTH(tests);
    db_server_fini();
    buffer_fini(&fixture_dump);
    return failed;
}
