/* Ready or not and why, and the figures, on both databases: what an operator is told of the state system. */
#include "store_fixture.h"

#include "../../src/statesys/operation.h"
#include "../../src/statesys/store_facts.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>

#define SECOND ((int64_t)1000000)
#define HOUR (3600 * SECOND)

enum { MOST_PAGE = 1024 * 1024 };

static const struct settings configured = {.root = "site"};
static struct force force;
static struct site site;
static struct operation *operation;
static struct buffer page;

static void make_directories(void)
{
    for (size_t i = 0; i < QUEUES; i++)
        must(sys_make_directory(site.paths.incoming[i], &err));
    must(sys_make_directory(site.paths.process, &err));
}

static int open_site(void **state)
{
    (void)fixture_open(state);
    memset(&site, 0, sizeof site);
    must(paths_write(&configured, &site.paths, &err));
    (void)strcpy(site.paths.database_directory, ".");
    make_directories();
    force =
        (struct force){.settings = &configured, .properties = {.polling_interval = HOUR, .heartbeat_interval = HOUR}};
    site.store = settings;
    atomic_store(&site.force, &force);
    buffer_init(&page, MOST_PAGE);
    return 0;
}

static int close_site(void **state)
{
    operation_close(operation);
    operation = NULL;
    buffer_fini(&page);
    sys = sys_kernel;
    return fixture_close(state) + system("rm -r site");
}

static const char *text_of_page(void)
{
    assert_true(buffer_add(&page, "", 1, &err));
    return page.at;
}

/* Of an operation that was opened for this question: what it knows is not looked at again for a while. */
static const char *ask_reasons(void)
{
    if (operation == NULL)
        must(operation_open(&site, &operation, &err));
    const struct admin_pages pages = operation_pages(operation);
    page.len = 0;
    must(pages.reasons(pages.owner, &page, &err));
    return text_of_page();
}

static const char *ask_metrics(void)
{
    must(operation_open(&site, &operation, &err));
    const struct admin_pages pages = operation_pages(operation);
    page.len = 0;
    must(pages.metrics(pages.owner, &page, &err));
    return text_of_page();
}

static void assert_line(const char *text, const char *line)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "\n%s\n", line);
    if (strstr(text, whole) == NULL)
        fail_msg("'%s' is not in\n%s", line, text);
}

static void assert_begins(const char *text, const char *words)
{
    if (strncmp(text, words, strlen(words)) != 0)
        fail_msg("'%s' does not begin with '%s'", text, words);
}

static void put_file(const char *directory, int64_t age)
{
    char path[DAEMON_PATH_SIZE + 8];
    const time_t when = (time_t)((sys_now() - age) / SECOND);
    const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};
    (void)snprintf(path, sizeof path, "%s/a.smx", directory);
    (void)close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void load_heartbeat(int64_t time)
{
    struct made made;
    make_report(&made, 0, time, 701);
    add_message(&made, 701, 1, time)->topic_id = SPAN("PS1");
    assert_int_equal(load(&made, sys_now()), STORE_LOADED);
}

/* ---- ready or not ---- */

static void a_state_system_that_works_is_ready(void **state)
{
    (void)state;
    put_file(site.paths.incoming[QUEUE_LOW], HOUR);
    assert_string_equal(ask_reasons(), "");
}

static void it_is_not_ready_before_the_database_was_reached(void **state)
{
    (void)state;
    atomic_store(&site.force, NULL);
    assert_string_equal(ask_reasons(), "the database cannot be reached: not since the start\n");
}

static void a_database_that_only_the_loader_cannot_reach_is_a_reason_at_once(void **state)
{
    (void)state;
    assert_string_equal(ask_reasons(), "");
    atomic_store(&site.database_lost, true);
    assert_string_equal(ask_reasons(), "the loader could not reach the database when it last tried\n");
}

static void a_database_that_is_not_there_is_a_reason(void **state)
{
    (void)state;
    site.store.database = db_is_sqlite(db) ? "sqlite:/no/such/file" : "postgresql:///x?host=/no/such/directory";
    assert_begins(ask_reasons(), "the database cannot be reached: ");
}

static void an_inbox_that_is_not_there_is_a_reason(void **state)
{
    (void)state;
    assert_int_equal(rmdir(site.paths.incoming[QUEUE_HIGH]), 0);
    assert_begins(ask_reasons(), "the inbox cannot be used: ");
    assert_non_null(strstr(page.at, site.paths.incoming[QUEUE_HIGH]));
}

static void a_file_that_waits_too_long_is_a_reason(void **state)
{
    (void)state;
    put_file(site.paths.incoming[QUEUE_NORMAL], 0);
    put_file(site.paths.incoming[QUEUE_HIGH], 2 * HOUR + 90 * SECOND);
    assert_string_equal(ask_reasons(), "a file has been waiting in the inbox for 121 minutes\n");
}

static void a_heartbeat_that_does_not_come_through_is_a_reason(void **state)
{
    (void)state;
    force.properties.heartbeat_interval = -HOUR;        /* three of them have passed since the start */
    assert_string_equal(ask_reasons(), "no heartbeat of the last 0 minutes came through the inbox\n");
}

static void a_heartbeat_that_came_through_is_none(void **state)
{
    (void)state;
    force.properties.heartbeat_interval = -HOUR;
    load_heartbeat(sys_now() + 4 * HOUR);
    assert_string_equal(ask_reasons(), "");
}

static struct statvfs disk;

static int tell_disk(int fd, struct statvfs *out)
{
    (void)fd;
    *out = disk;
    return 0;
}

static int refuse_disk(int fd, struct statvfs *out)
{
    (void)fd, (void)out;
    errno = EIO;
    return -1;
}

static void a_disk_that_is_nearly_full_or_cannot_be_written_is_a_reason(void **state)
{
    static const struct {
        struct statvfs disk;
        const char *words;
    } rows[] = {
        {{.f_frsize = 4096, .f_bavail = 32768}, ""},
        {{.f_frsize = 4096, .f_bavail = 32767}, "is nearly full: 127 MB left"},
        {{.f_frsize = 4096, .f_bavail = 32768, .f_files = 10}, "can take no more files"},
        {{.f_frsize = 4096, .f_bavail = 32768, .f_files = 10, .f_favail = 1}, ""},
        {{.f_flag = ST_RDONLY}, "cannot be written now"},
    };
    (void)state;
    sys.fstatvfs = tell_disk;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        disk = rows[i].disk;
        assert_true(strstr(ask_reasons(), rows[i].words) != NULL);
        assert_int_equal(page.len > 1, rows[i].words[0] != '\0');
        operation_close(operation);
        operation = NULL;
    }
    sys.fstatvfs = refuse_disk;
    assert_non_null(strstr(ask_reasons(), "cannot look at the disk of"));
}

static sem_t released;

static int hang(int fd, struct statvfs *out)
{
    (void)sem_wait(&released);
    return fstatvfs(fd, out);
}

static void who_asks_is_answered_while_a_disk_hangs(void **state)
{
    (void)state;
    (void)sem_init(&released, 0, 0);
    sys.fstatvfs = hang;
    assert_string_equal(ask_reasons(), "the database or the inbox has not answered yet\n");
    assert_non_null(strstr(ask_reasons(), "not answered yet"));
    (void)sem_post(&released);
    (void)sem_post(&released);
}

static _Atomic int looks;

static int count_looks(int fd, struct statvfs *out)
{
    looks++;
    *out = (struct statvfs){.f_frsize = 4096, .f_bavail = looks <= 2 ? 32768 : 0};      /* inbox and database */
    return fd < 0;
}

static void it_is_not_looked_again_for_each_who_asks(void **state)
{
    (void)state;
    looks = 0;
    sys.fstatvfs = count_looks;
    for (int i = 0; i < 10; i++) {
        assert_string_equal(ask_reasons(), "");
        (void)usleep(10 * 1000);        /* a look takes less, its share of the time would be over */
    }
}

/* ---- figures ---- */

static void load_serials(int client, uint64_t first, uint64_t second, int64_t age)
{
    struct made made;
    make_report(&made, client, NOW, (unsigned)client);
    (void)add_serial(&made, 1, first);
    (void)add_serial(&made, 2, second);
    assert_int_equal(load(&made, sys_now() - age), STORE_LOADED);
}

static void clients_gaps_and_the_heartbeat_are_counted(void **state)
{
    (void)state;
    load_serials(1, 1, 5, 0);
    load_serials(2, 7, 9, HOUR / 2);
    load_serials(3, 1, 2, 2 * HOUR);
    load_serials(4, 1, 2, 25 * HOUR);
    load_serials(5, 1, 2, 8 * 24 * HOUR);
    load_heartbeat(1700000000 * SECOND);
    must(db_script(db, "UPDATE SR_ClientMessageStats SET ResyncIssuedSerial = 5 WHERE HighSerialNumber = 5", &err));
    const char *text = ask_metrics();
    assert_line(text, "statesys_clients{heard=\"hour\"} 3");        /* the heartbeat's is one */
    assert_line(text, "statesys_clients{heard=\"day\"} 1");
    assert_line(text, "statesys_clients{heard=\"week\"} 1");
    assert_line(text, "statesys_clients{heard=\"before\"} 1");
    assert_line(text, "statesys_missing_messages 4");
    assert_line(text, "statesys_missing_ranges 2");
    assert_line(text, "statesys_resyncs_pending 1");
    assert_line(text, "statesys_heartbeat_timestamp_seconds 1700000000");
    assert_line(text, "statesys_database_up 1");
}

static void more_missing_messages_than_a_number_holds_are_no_error(void **state)
{
    (void)state;
    must(db_script(db,
                   "INSERT INTO SR_MissingMessageRanges VALUES (1, 1, 9223372036854775806, 0), "
                   "(2, 1, 9223372036854775806, 0)",
                   &err));
    assert_line(ask_metrics(), "statesys_missing_messages 9000000000000000000");
}

static void an_empty_database_has_no_heartbeat(void **state)
{
    (void)state;
    const char *text = ask_metrics();
    assert_line(text, "statesys_clients{heard=\"hour\"} 0");
    assert_line(text, "statesys_missing_messages 0");
    assert_null(strstr(text, "heartbeat_timestamp"));
}

static void what_was_counted_is_shown(void **state)
{
    (void)state;
    metrics_add(&site.counters.files_loaded, 5);
    metrics_add(&site.counters.files_failed, 1);
    metrics_add(&site.counters.messages_invalid, 2);
    metrics_add(&site.counters.resyncs_completed, 3);
    put_file(site.paths.incoming[QUEUE_HIGH], 0);
    const char *text = ask_metrics();
    assert_line(text, "statesys_files_total{result=\"loaded\"} 5");
    assert_line(text, "statesys_files_total{result=\"failed\"} 1");
    assert_line(text, "statesys_messages_total{result=\"invalid\"} 2");
    assert_line(text, "statesys_resyncs_total{what=\"completed\"} 3");
    assert_line(text, "statesys_backlog_files{queue=\"high\"} 1");
    assert_line(text, "statesys_backlog_files{queue=\"low\"} 0");
    assert_non_null(strstr(text, "\nstatesys_backlog_oldest_timestamp_seconds{queue=\"high\"} "));
    assert_null(strstr(text, "oldest_timestamp_seconds{queue=\"low\"}"));
}

static void batches_are_counted_by_their_time_and_their_files(void **state)
{
    (void)state;
    must(operation_open(&site, &operation, &err));
    metrics_observe(&site.counters.batch_time, 1500);
    metrics_observe(&site.counters.batch_files, 64);
    operation_close(operation);
    const char *text = ask_metrics();
    assert_line(text, "statesys_batch_duration_seconds_bucket{le=\"0.001\"} 0");
    assert_line(text, "statesys_batch_duration_seconds_bucket{le=\"0.002\"} 1");
    assert_line(text, "statesys_batch_duration_seconds_sum 0.0015");
    assert_line(text, "statesys_batch_files_bucket{le=\"50\"} 0");
    assert_line(text, "statesys_batch_files_bucket{le=\"100\"} 1");
}

static void what_cannot_be_looked_at_has_no_samples(void **state)
{
    (void)state;
    site.store.database = "sqlite:/no/such/file";
    assert_int_equal(rmdir(site.paths.incoming[QUEUE_HIGH]), 0);
    const char *text = ask_metrics();
    assert_line(text, "statesys_database_up 0");
    assert_null(strstr(text, "statesys_clients"));
    assert_null(strstr(text, "statesys_backlog"));
}

static void a_page_that_is_too_small_is_an_error(void **state)
{
    (void)state;
    must(operation_open(&site, &operation, &err));
    const struct admin_pages pages = operation_pages(operation);
    atomic_store(&site.database_lost, true);
    page.most = 10;
    assert_false(pages.metrics(pages.owner, &page, &err));
    page.len = 0;
    assert_false(pages.reasons(pages.owner, &page, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_state_system_that_works_is_ready),
        TEST(it_is_not_ready_before_the_database_was_reached),
        TEST(a_database_that_only_the_loader_cannot_reach_is_a_reason_at_once),
        TEST(a_database_that_is_not_there_is_a_reason),
        TEST(an_inbox_that_is_not_there_is_a_reason),
        TEST(a_file_that_waits_too_long_is_a_reason),
        TEST(a_heartbeat_that_does_not_come_through_is_a_reason),
        TEST(a_heartbeat_that_came_through_is_none),
        TEST(a_disk_that_is_nearly_full_or_cannot_be_written_is_a_reason),
        TEST(who_asks_is_answered_while_a_disk_hangs),
        TEST(it_is_not_looked_again_for_each_who_asks),
        TEST(clients_gaps_and_the_heartbeat_are_counted),
        TEST(more_missing_messages_than_a_number_holds_are_no_error),
        TEST(an_empty_database_has_no_heartbeat),
        TEST(what_was_counted_is_shown),
        TEST(batches_are_counted_by_their_time_and_their_files),
        TEST(what_cannot_be_looked_at_has_no_samples),
        TEST(a_page_that_is_too_small_is_an_error),
    };
    db_server_init();
    const int failed = RUN_ON_BOTH(tests);
    db_server_fini();
    buffer_fini(&fixture_dump);
    return failed;
}
