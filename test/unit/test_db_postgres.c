/* PostgreSQL: a server that is stopped, crowded or read-only is busy, and found again by the next transaction; no error
 * tells the password; libpq writes nothing to stderr. */
#include "db/db.h"
#include "db_server.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LOCK_TIMEOUT_MS = 60000, CONNECTIONS = 10, MOST_SENT = 64 };

static const struct db_statement insert = {
    .sql = "INSERT INTO t (k) SELECT i.k FROM @input i",
    .input = {{"k", DB_INTEGER}},
    .input_count = 1,
};
static const struct db_statement touch = {
    .sql = "UPDATE t SET k = t.k FROM @input i WHERE t.k = i.k",
    .input = {{"k", DB_INTEGER}},
    .input_count = 1,
};
static const struct db_statement count = {.sql = "SELECT COUNT(*) FROM t", .output = {DB_INTEGER}, .output_count = 1};

static struct db *db;
static struct error err;

/* ---- transactions ---- */

static struct db *open_database(const char *url)
{
    struct db *opened = NULL;
    if (!db_open(url, LOCK_TIMEOUT_MS, &opened, &err))
        fail_msg("%s", err.text);
    return opened;
}

static void script(const char *sql)
{
    if (!db_script(db, sql, &err))
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    (void)state;
    db = open_database(db_server.url);
    script("DROP TABLE IF EXISTS t; CREATE TABLE t (k BIGINT PRIMARY KEY)");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_close(db);
    return 0;
}

/* Whoever asks how many rows it changed waits for the server; else it is only sent, inside of a transaction. */
static bool run(struct db *with, const struct db_statement *statement, int64_t key, struct error *why)
{
    const struct db_value row = {.integer = key};
    uint64_t changed;
    return db_run(with, statement, (struct db_rows){&row, 1}, (struct db_reader){0}, &changed, why);
}

static bool only_send(const struct db_statement *statement, int64_t key)
{
    const struct db_value row = {.integer = key};
    return db_run(db, statement, (struct db_rows){&row, 1}, (struct db_reader){0}, NULL, &err);
}

static void begin(void)
{
    if (!db_begin(db, &err))
        fail_msg("%s", err.text);
}

static void add(int64_t key)
{
    begin();
    if (!run(db, &insert, key, &err) || !db_commit(db, &err))
        fail_msg("%s", err.text);
}

static void note_integer(void *owner, const struct db_value *row)
{
    *(int64_t *)owner = row[0].integer;
}

static int64_t count_rows(void)
{
    int64_t answer = -1;
    if (!db_run(db, &count, (struct db_rows){0}, (struct db_reader){note_integer, &answer}, NULL, &err))
        fail_msg("%s", err.text);
    return answer;
}

static void note_text(void *owner, const struct db_value *row)
{
    (void)snprintf(owner, 32, "%.*s", (int)row[0].text.len, row[0].text.at);
}

static void expect_setting(const struct db_statement *question, const char *expected)
{
    char answer[32] = "";
    if (!db_run(db, question, (struct db_rows){0}, (struct db_reader){note_text, answer}, NULL, &err))
        fail_msg("%s", err.text);
    assert_string_equal(answer, expected);
}

/* ---- a server that goes away ---- */

static void a_stopped_server_is_busy_until_it_is_back(void **state)
{
    static const int ways[] = {SIGINT, SIGQUIT};
    (void)state;
    for (int i = 0; i < 2; i++) {
        add(i);
        begin();
        assert_true(run(db, &insert, 100, &err));
        db_server_stop(ways[i]);
        assert_false(run(db, &insert, 101, &err));
        assert_int_equal(err.kind, ERROR_BUSY);
        db_rollback(db);
        assert_false(db_begin(db, &err));
        assert_int_equal(err.kind, ERROR_BUSY);
        assert_false(db_script(db, "SELECT 1", &err));
        assert_int_equal(err.kind, ERROR_BUSY);
        db_server_start();
        add(50 + i);
        assert_int_equal(count_rows(), 2 * (i + 1));
    }
}

static void a_restart_while_idle_is_not_noticed(void **state)
{
    (void)state;
    add(1);
    db_server_stop(SIGINT);
    db_server_start();
    add(2);
    assert_int_equal(count_rows(), 2);
}

static void a_commit_without_a_server_is_busy(void **state)
{
    (void)state;
    begin();
    assert_true(run(db, &insert, 1, &err));
    db_server_stop(SIGQUIT);
    assert_false(db_commit(db, &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    db_rollback(db);
    db_server_start();
    begin();
    assert_int_equal(count_rows(), 0);
    db_rollback(db);
}

static void a_connection_that_the_server_ends_is_busy(void **state)
{
    (void)state;
    script("SET idle_in_transaction_session_timeout = 1");
    begin();
    while (run(db, &touch, 1, &err))
        (void)usleep(20 * 1000);
    assert_int_equal(err.kind, ERROR_BUSY);
    db_rollback(db);
    add(1);
}

/* ---- what nobody waits for ---- */

static void what_nobody_waits_for_is_done_when_the_next_question_is_answered(void **state)
{
    (void)state;
    begin();
    for (int64_t i = 0; i < 3 * MOST_SENT; i++)
        assert_true(only_send(&insert, i));
    assert_int_equal(count_rows(), 3 * MOST_SENT);
    assert_true(only_send(&insert, -1) && only_send(&touch, 1));
    assert_true(db_commit(db, &err));
    assert_int_equal(count_rows(), 3 * MOST_SENT + 1);
}

static void what_is_only_sent_is_read_by_the_next_call_that_waits(void **state)
{
    int64_t first = -1, second = -1;
    (void)state;
    add(1);
    begin();
    assert_true(db_send(db, &count, (struct db_rows){0}, (struct db_reader){note_integer, &first}, &err));
    assert_true(only_send(&insert, 2));
    assert_true(db_send(db, &count, (struct db_rows){0}, (struct db_reader){note_integer, &second}, &err));
    assert_int_equal(count_rows(), 2);
    assert_int_equal(first, 1);
    assert_int_equal(second, 2);
    assert_true(db_send(db, &count, (struct db_rows){0}, (struct db_reader){note_integer, &first}, &err));
    assert_true(db_commit(db, &err));
    assert_int_equal(first, 2);
    assert_true(db_send(db, &count, (struct db_rows){0}, (struct db_reader){note_integer, &second}, &err));
    assert_int_equal(second, 2);        /* outside of a transaction nothing is put off */
}

/* The first refusal is the one that is told; of what was sent behind it nothing is done. */
static void a_refusal_that_nobody_waited_for_is_told_by_the_commit(void **state)
{
    (void)state;
    add(1);
    begin();
    assert_true(only_send(&insert, 2) && only_send(&insert, 1) && only_send(&insert, 1) && only_send(&insert, 4));
    assert_false(db_commit(db, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_memory_equal(err.text, "INSERT INTO t", strlen("INSERT INTO t"));
    assert_false(db_commit(db, &err));
    db_rollback(db);
    assert_int_equal(count_rows(), 1);
    add(5);
}

static void a_refusal_that_nobody_waited_for_is_told_by_the_next_question(void **state)
{
    int64_t answer = -1;
    (void)state;
    add(1);
    begin();
    assert_true(only_send(&insert, 1));
    assert_false(db_run(db, &count, (struct db_rows){0}, (struct db_reader){note_integer, &answer}, NULL, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_int_equal(answer, -1);
    db_rollback(db);
    begin();
    assert_true(only_send(&insert, 1));
    assert_false(db_script(db, "DELETE FROM t", &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    db_rollback(db);
    assert_int_equal(count_rows(), 1);
}

/* The bound is met while they are sent. */
static void a_refusal_among_more_than_are_left_waiting_is_told(void **state)
{
    int64_t sent = 0;
    (void)state;
    add(1);
    begin();
    while (sent < 3 * MOST_SENT && only_send(&insert, 1))
        sent++;
    assert_in_range(sent, 1, MOST_SENT);
    assert_int_equal(err.kind, ERROR_MALFORMED);
    db_rollback(db);
    assert_int_equal(count_rows(), 1);
}

static void what_was_sent_is_rolled_back(void **state)
{
    (void)state;
    begin();
    assert_true(only_send(&insert, 1));
    db_rollback(db);
    assert_int_equal(count_rows(), 0);
    begin();
    assert_true(only_send(&insert, 1) && only_send(&insert, 1));
    db_rollback(db);
    assert_int_equal(count_rows(), 0);
    begin();
    assert_true(only_send(&insert, 1));
    db_close(db);                       /* with what is under way */
    db = open_database(db_server.url);
    assert_int_equal(count_rows(), 0);
}

/* Outside of a transaction a statement is committed where the pipeline ends. */
static void a_commit_that_is_refused_at_the_end_of_a_call_is_told(void **state)
{
    (void)state;
    script("CREATE TABLE u (k BIGINT REFERENCES t DEFERRABLE INITIALLY DEFERRED)");
    static const struct db_statement late = {
        .sql = "INSERT INTO u (k) SELECT i.k FROM @input i", .input = {{"k", DB_INTEGER}}, .input_count = 1};
    assert_false(only_send(&late, 1));
    script("DROP TABLE u");
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_int_equal(count_rows(), 0);
}

/* In place of libpq's own. */
static bool refuse_sync, refuse_send;

int PQpipelineSync(PGconn *connection)
{
    int (*sync)(PGconn *);
    *(void **)&sync = dlsym(RTLD_NEXT, "PQpipelineSync");
    return refuse_sync ? 0 : sync(connection);
}

int PQsendQueryPrepared(PGconn *connection, const char *name, int many, const char *const *values, const int *lengths,
                        const int *formats, int format)
{
    int (*send)(PGconn *, const char *, int, const char *const *, const int *, const int *, int);
    *(void **)&send = dlsym(RTLD_NEXT, "PQsendQueryPrepared");
    return refuse_send ? 0 : send(connection, name, many, values, lengths, formats, format);
}

static void what_libpq_has_no_memory_to_send_is_busy_and_waited_for_by_nobody(void **state)
{
    bool *const refusals[] = {&refuse_sync, &refuse_send};
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        *refusals[i] = true;
        assert_false(run(db, &insert, 1, &err)); /* outside of a transaction, */
        assert_int_equal(err.kind, ERROR_BUSY);
        *refusals[i] = false;
        begin();
        assert_true(only_send(&insert, 2));
        *refusals[i] = true;
        assert_false(run(db, &insert, 3, &err)); /* and inside */
        *refusals[i] = false;
        assert_int_equal(err.kind, ERROR_BUSY);
        db_rollback(db);
        assert_int_equal(count_rows(), 0);
    }
}

static void a_server_that_goes_away_under_what_was_sent_is_busy(void **state)
{
    (void)state;
    begin();
    assert_true(only_send(&insert, 1) && only_send(&touch, 1));
    db_server_stop(SIGQUIT);
    assert_false(only_send(&insert, 2) && only_send(&insert, 3) && db_commit(db, &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    db_rollback(db);
    db_server_start();
    add(4);
    assert_int_equal(count_rows(), 1);
}

/* ---- how much goes at once ---- */

static const struct db_statement upsert = {
    .sql = "INSERT INTO t (k) SELECT i.k FROM @input i WHERE i.s <> '' ON CONFLICT (k) DO UPDATE SET k = excluded.k",
    .input = {{"k", DB_INTEGER}, {"s", DB_TEXT}},
    .input_count = 2,
};

/* One call refuses to change a row twice. */
static void a_call_has_so_many_rows_and_bytes(void **state)
{
    enum { ROWS = 4096, BYTES = 1024 * 1024 };
    static struct db_value rows[ROWS + 1][2];
    static char megabyte[BYTES];
    (void)state;
    memset(megabyte, 'x', sizeof megabyte);
    for (int64_t i = 0; i <= ROWS; i++) {
        rows[i][0].integer = i % ROWS;
        rows[i][1].text = SPAN("x");
    }
    assert_true(db_run(db, &upsert, (struct db_rows){rows[0], ROWS + 1}, (struct db_reader){0}, NULL, &err));
    rows[1][0].integer = 0;
    assert_false(db_run(db, &upsert, (struct db_rows){rows[0], 2}, (struct db_reader){0}, NULL, &err));
    rows[0][1].text = (struct span){megabyte, sizeof megabyte};
    assert_true(db_run(db, &upsert, (struct db_rows){rows[0], 2}, (struct db_reader){0}, NULL, &err));
}

/* ---- a server that refuses ---- */

struct state_kind {
    const char *state;
    enum error_kind kind;
};

static void each_refusal_has_its_kind(void **state)
{
    static const struct state_kind rows[] = {
        {"53100", ERROR_NO_SPACE}, {"53200", ERROR_BUSY},   {"53300", ERROR_BUSY},   {"53400", ERROR_BUSY},
        {"40001", ERROR_BUSY},     {"40P01", ERROR_BUSY},   {"55P03", ERROR_BUSY},   {"57014", ERROR_BUSY},
        {"57P01", ERROR_BUSY},     {"08006", ERROR_BUSY},   {"25006", ERROR_BUSY},   {"25P02", ERROR_SYSTEM},
        {"23505", ERROR_MALFORMED}, {"22003", ERROR_MALFORMED}, {"42601", ERROR_SYSTEM}, {"54000", ERROR_MALFORMED},
        {"P0001", ERROR_MALFORMED}, {"58030", ERROR_BUSY},
    };
    char sql[128], expected[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)snprintf(sql, sizeof sql, "DO $$ BEGIN RAISE 'two\nlines' USING ERRCODE = '%s'; END $$", rows[i].state);
        (void)snprintf(expected, sizeof expected, "%s two lines", rows[i].state);
        assert_false(db_script(db, sql, &err));
        assert_int_equal(err.kind, rows[i].kind);
        assert_non_null(strstr(err.text, expected));
    }
}

static void a_standby_is_busy(void **state)
{
    (void)state;
    script("SET default_transaction_read_only = on");
    begin();
    assert_false(run(db, &insert, 1, &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    db_rollback(db);
}

static void too_many_connections_are_busy(void **state)
{
    struct db *crowd[CONNECTIONS];
    int opened = 0;
    (void)state;
    while (opened < CONNECTIONS && db_open(db_server.url, LOCK_TIMEOUT_MS, &crowd[opened], &err))
        opened++;
    assert_int_equal(err.kind, ERROR_BUSY);
    while (opened > 0)
        db_close(crowd[--opened]);
}

struct rival {
    struct db *db;
    int64_t first, second;
    pthread_barrier_t *both;
    bool done;
    struct error why;
};

static void *touch_both(void *own)
{
    struct rival *rival = own;
    if (!db_begin(rival->db, &rival->why) || !run(rival->db, &touch, rival->first, &rival->why))
        return NULL;
    (void)pthread_barrier_wait(rival->both);
    rival->done = run(rival->db, &touch, rival->second, &rival->why);
    db_rollback(rival->db);
    return NULL;
}

static void one_of_a_deadlock_is_busy(void **state)
{
    pthread_barrier_t both;
    struct rival one = {.db = db, .first = 1, .second = 2, .both = &both};
    struct rival two = {.db = open_database(db_server.url), .first = 2, .second = 1, .both = &both};
    pthread_t thread;
    (void)state;
    add(1);
    add(2);
    assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
    assert_int_equal(pthread_create(&thread, NULL, touch_both, &two), 0);
    (void)touch_both(&one);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(one.done + two.done, 1);
    assert_int_equal((one.done ? two : one).why.kind, ERROR_BUSY);
    (void)pthread_barrier_destroy(&both);
    db_close(two.db);
}

static void what_is_no_integer_is_refused(void **state)
{
    static const struct db_statement words[] = {
        {.sql = "SELECT 'x'", .output = {DB_INTEGER}, .output_count = 1},
        {.sql = "SELECT ''", .output = {DB_INTEGER}, .output_count = 1},
        {.sql = "SELECT 1.5", .output = {DB_INTEGER}, .output_count = 1},
        {.sql = "SELECT 9223372036854775808", .output = {DB_INTEGER}, .output_count = 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_false(db_run(db, &words[i], (struct db_rows){0}, (struct db_reader){0}, NULL, &err));
        assert_int_equal(err.kind, ERROR_SYSTEM);
    }
}

/* ---- connecting ---- */

static void no_error_tells_the_password(void **state)
{
    char wrong[128];
    const char *const urls[] = {
        wrong,
        "postgresql://statesys:s3cret@127.0.0.1:1/postgres",
        "postgresql://statesys:s3cret@%2Fnowhere/postgres",
        "postgresql://statesys:a@s3cret@127.0.0.1:1/postgres",
        "postgresql://statesys:s3cret/b@127.0.0.1:1/postgres",
        "postgresql://statesys:s3cret?b@127.0.0.1:1/postgres",
        "postgresql://statesys:s3cret%zz@127.0.0.1:1/postgres",
        "postgresql://statesys:5432/s3cret@127.0.0.1:1/postgres",
        "postgresql://127.0.0.1:1/postgres?password=s3cret&s3cret",
        "postgresql://127.0.0.1:1/postgres?password=a&s3cret",
        "postgresql://127.0.0.1:1/postgres?passwort=s3cret",
        "postgresql://127.0.0.1:1/postgres?connect_timeout=1&password=a@s3cret",
    };
    (void)state;
    (void)snprintf(wrong, sizeof wrong, "postgresql://statesys:s3cret@/postgres?host=%s", db_server.home);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct db *opened;
        assert_false(db_open(urls[i], LOCK_TIMEOUT_MS, &opened, &err));
        assert_null(strstr(err.text, "s3cret"));
        assert_true(err.kind == ERROR_BUSY || strstr(err.text, "%40") != NULL);
    }
}

static void another_encoding_is_refused(void **state)
{
    char url[160];
    struct db *opened;
    (void)state;
    script("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    (void)snprintf(url, sizeof url, "%s&dbname=latin", db_server.url);
    assert_false(db_open(url, LOCK_TIMEOUT_MS, &opened, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    assert_non_null(strstr(err.text, "LATIN1"));
}

static void commits_are_durable_whatever_the_server_says(void **state)
{
    static const struct db_statement durable = {
        .sql = "SELECT current_setting('synchronous_commit')", .output = {DB_TEXT}, .output_count = 1};
    static const char *const rows[][2] = {{"off", "on"}, {"on", "on"}, {"remote_apply", "remote_apply"}};
    char sql[80];
    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)snprintf(sql, sizeof sql, "ALTER ROLE statesys SET synchronous_commit = %s", rows[i][0]);
        script(sql);
        db_close(db);
        db = open_database(db_server.url);
        expect_setting(&durable, rows[i][1]);
    }
    script("ALTER ROLE statesys RESET synchronous_commit");
}

static void notices_are_not_written_to_stderr(void **state)
{
    const int before = dup(STDERR_FILENO);
    FILE *written = tmpfile();
    (void)state;
    assert_true(before >= 0 && written != NULL && dup2(fileno(written), STDERR_FILENO) >= 0);
    const bool done = db_script(db, "DO $$ BEGIN RAISE WARNING 'a word'; END $$", &err);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    assert_true(done);
    assert_int_equal(lseek(fileno(written), 0, SEEK_END), 0);
    (void)fclose(written);
    (void)close(before);
}

static int start_server(void **state)
{
    (void)state;
    db_server_init();
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    db_server_fini();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stopped_server_is_busy_until_it_is_back),
        TEST(a_restart_while_idle_is_not_noticed),
        TEST(a_commit_without_a_server_is_busy),
        TEST(a_connection_that_the_server_ends_is_busy),
        TEST(what_nobody_waits_for_is_done_when_the_next_question_is_answered),
        TEST(what_is_only_sent_is_read_by_the_next_call_that_waits),
        TEST(a_refusal_that_nobody_waited_for_is_told_by_the_commit),
        TEST(a_refusal_that_nobody_waited_for_is_told_by_the_next_question),
        TEST(a_refusal_among_more_than_are_left_waiting_is_told),
        TEST(what_was_sent_is_rolled_back),
        TEST(a_commit_that_is_refused_at_the_end_of_a_call_is_told),
        TEST(what_libpq_has_no_memory_to_send_is_busy_and_waited_for_by_nobody),
        TEST(a_server_that_goes_away_under_what_was_sent_is_busy),
        TEST(a_call_has_so_many_rows_and_bytes),
        TEST(each_refusal_has_its_kind),
        TEST(a_standby_is_busy),
        TEST(too_many_connections_are_busy),
        TEST(one_of_a_deadlock_is_busy),
        TEST(what_is_no_integer_is_refused),
        TEST(no_error_tells_the_password),
        TEST(another_encoding_is_refused),
        TEST(commits_are_durable_whatever_the_server_says),
        TEST(notices_are_not_written_to_stderr),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
