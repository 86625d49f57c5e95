/* The database: what goes in comes out, changes are counted, a failed transaction leaves nothing; the same of SQLite
 * and of a real PostgreSQL. */
#include "base/sys.h"
#include "db/db.h"
#include "db_server.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LOCK_TIMEOUT_MS = 50, MANY = 10000, MEGABYTE = 1024 * 1024 };

static const char *database;
static struct db *db;
static struct error err;

/* ---- statements ---- */

static const struct db_statement insert = {
    .sql = "INSERT INTO t (k, n, s) SELECT i.k, i.n, i.s FROM @input i",
    .input = {{"k", DB_INTEGER}, {"n", DB_INTEGER}, {"s", DB_TEXT}},
    .input_count = 3,
};
static const struct db_statement upsert = {
    .sql = "INSERT INTO t (k, n, s) @rows "
           "ON CONFLICT (k) DO UPDATE SET n = excluded.n, s = excluded.s WHERE excluded.n > t.n",
    .input = {{"k", DB_INTEGER}, {"n", DB_INTEGER}, {"s", DB_TEXT}},
    .input_count = 3,
};
static const struct db_statement insert_returning = {
    .sql = "INSERT INTO t (k, n, s) SELECT i.k, i.n, 'x' FROM @input i WHERE true "
           "ON CONFLICT DO NOTHING RETURNING k, n, s",
    .input = {{"k", DB_INTEGER}, {"n", DB_INTEGER}},
    .input_count = 2,
    .output = {DB_INTEGER, DB_INTEGER, DB_TEXT},
    .output_count = 3,
};
static const struct db_statement find = {
    .sql = "SELECT t.k, t.n, t.s FROM @input i JOIN t ON t.k = i.k",
    .input = {{"k", DB_INTEGER}},
    .input_count = 1,
    .output = {DB_INTEGER, DB_INTEGER, DB_TEXT},
    .output_count = 3,
};
static const struct db_statement sum = {
    .sql = "SELECT COUNT(*), SUM(k), CASE WHEN COUNT(*) > 1 THEN 1 ELSE 0 END FROM t",
    .output = {DB_INTEGER, DB_INTEGER, DB_INTEGER},
    .output_count = 3,
};
static const struct db_statement wrong = {.sql = "SELECTED nothing\nat all"};
static const struct db_statement elsewhere = {.sql = "DELETE FROM nowhere"};

/* ---- values ---- */

#define ROWS(values) ((struct db_rows){(values)[0], sizeof(values) / sizeof(values)[0]})

static const struct db_reader nobody = {.each = NULL};

static struct db_value integer(int64_t value)
{
    return (struct db_value){.integer = value};
}

static struct db_value text(const char *value)
{
    return (struct db_value){.text = span_of(value)};
}

static const struct db_value null = {.null = true};

/* One row as "1|2|text;", and NULL as "-". */
static void note_row(void *owner, const struct db_value *row)
{
    struct buffer *out = owner;
    char number[2][32];
    struct error ignored;
    for (int i = 0; i < 2; i++)
        (void)snprintf(number[i], sizeof number[i], row[i].null ? "-|" : "%lld|", (long long)row[i].integer);
    const struct span words[] = {span_of(number[0]), span_of(number[1]), row[2].null ? SPAN("-") : row[2].text,
                                 SPAN(";")};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_true(buffer_add(out, words[i].at, words[i].len, &ignored));
}

static struct buffer found;

static const char *run_and_show(const struct db_statement *statement, struct db_rows rows)
{
    uint64_t changed;
    found.len = 0;
    if (!db_run(db, statement, rows, (struct db_reader){note_row, &found}, &changed, &err))
        fail_msg("%s", err.text);
    assert_true(buffer_add(&found, "", 1, &err));
    return found.at;
}

static const char *show(int64_t key)
{
    return run_and_show(&find, (struct db_rows){(struct db_value[]){integer(key)}, 1});
}

static void note_sum(void *owner, const struct db_value *row)
{
    memcpy(owner, row, 3 * sizeof *row);
}

static int64_t count_rows(struct db *asked)
{
    struct db_value row[3];
    if (!db_run(asked, &sum, (struct db_rows){0}, (struct db_reader){note_sum, row}, NULL, &err))
        fail_msg("%s", err.text);
    return row[0].integer;
}

/* ---- transactions ---- */

static void begin(void)
{
    if (!db_begin(db, &err))
        fail_msg("%s", err.text);
}

static void commit(void)
{
    if (!db_commit(db, &err))
        fail_msg("%s", err.text);
}

static uint64_t run(const struct db_statement *statement, struct db_rows rows)
{
    uint64_t changed = 0;
    if (!db_run(db, statement, rows, nobody, &changed, &err))
        fail_msg("%s", err.text);
    return changed;
}

static void add_row(int64_t key)
{
    const struct db_value rows[][3] = {{integer(key), integer(1), text("x")}};
    assert_int_equal(run(&insert, ROWS(rows)), 1);
}

static struct db *open_database(unsigned lock_timeout_ms)
{
    struct db *opened = NULL;
    if (!db_open(database, lock_timeout_ms, &opened, &err))
        fail_msg("%s", err.text);
    return opened;
}

/* An empty table `t`. */
static int set_up(void **state)
{
    (void)state;
    db = open_database(LOCK_TIMEOUT_MS);
    buffer_init(&found, 8 * MEGABYTE);
    if (!db_script(db, "DROP TABLE IF EXISTS t; CREATE TABLE t (k BIGINT PRIMARY KEY, n BIGINT, s TEXT);", &err))
        fail_msg("%s", err.text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_fini(&found);
    db_close(db);
    return 0;
}

/* ---- values ---- */

static void every_value_comes_back(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "plain",
                                        "NULL",
                                        "null",
                                        "'",
                                        "''",
                                        "\"",
                                        "\\",
                                        "\\\\",
                                        "\\n",
                                        "{}",
                                        "{\"a\",NULL}",
                                        ",",
                                        "$1 ?1",
                                        "line\r\nfeed\ttab",
                                        "\x01\x7F",
                                        "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x92\xBE\xEF\xBF\xBF",
                                        "a'b\"c\\d,e{f}"};
    static const int64_t integers[] = {0, 1, -1, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
    char expected[128];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const int64_t n = integers[i % (sizeof integers / sizeof integers[0])];
        const struct db_value rows[][3] = {{integer((int64_t)i), integer(n), text(texts[i])}};
        assert_int_equal(run(&insert, ROWS(rows)), 1);
        (void)snprintf(expected, sizeof expected, "%zu|%lld|%s;", i, (long long)n, texts[i]);
        assert_string_equal(show((int64_t)i), expected);
    }
}

static void null_is_not_empty(void **state)
{
    const struct db_value rows[][3] = {{integer(1), null, text("a")},
                                       {integer(2), integer(0), null},
                                       {integer(3), null, null},
                                       {integer(4), null, {.text = {NULL, 0}}}};
    (void)state;
    assert_int_equal(run(&insert, ROWS(rows)), 4);
    assert_string_equal(show(1), "1|-|a;");
    assert_string_equal(show(2), "2|0|-;");
    assert_string_equal(show(3), "3|-|-;");
    assert_string_equal(show(4), "4|-|;");
    assert_string_equal(show(5), "");
}

static void long_texts_come_back(void **state)
{
    static char megabyte[MEGABYTE];
    struct db_value rows[5][3];
    (void)state;
    memset(megabyte, 'x', sizeof megabyte);
    for (size_t i = 0; i < 5; i++) {
        rows[i][0] = rows[i][1] = integer((int64_t)i);
        rows[i][2] = (struct db_value){.text = {megabyte, sizeof megabyte - i}};
    }
    begin();
    assert_int_equal(run(&insert, ROWS(rows)), 5);
    commit();
    for (size_t i = 0; i < 5; i++) {
        const char *row = show((int64_t)i);
        assert_int_equal(strlen(row), strlen("1|1|;") + sizeof megabyte - i);
        assert_memory_equal(row + 4, megabyte, sizeof megabyte - i);
    }
}

static void more_rows_than_go_at_once_all_arrive(void **state)
{
    static struct db_value rows[MANY][3];
    struct db_value sums[3];
    (void)state;
    for (int64_t i = 0; i < MANY; i++) {
        rows[i][0] = integer(i + 1);
        rows[i][1] = null;
        rows[i][2] = text("x");
    }
    begin();
    assert_int_equal(run(&insert, ROWS(rows)), MANY);
    commit();
    assert_true(db_run(db, &sum, (struct db_rows){0}, (struct db_reader){note_sum, sums}, NULL, &err));
    assert_int_equal(sums[0].integer, MANY);
    assert_int_equal(sums[1].integer, (int64_t)MANY * (MANY + 1) / 2);
    assert_int_equal(sums[2].integer, 1);
}

/* ---- what changed ---- */

static void an_upsert_counts_what_it_changed(void **state)
{
    const struct db_value first[][3] = {{integer(1), integer(10), text("a")}, {integer(2), integer(10), text("b")}};
    const struct db_value second[][3] = {{integer(1), integer(9), text("older")},
                                         {integer(2), integer(11), text("newer")},
                                         {integer(3), integer(1), text("new")}};
    (void)state;
    assert_int_equal(run(&upsert, ROWS(first)), 2);
    assert_int_equal(run(&upsert, ROWS(second)), 2);
    assert_string_equal(show(1), "1|10|a;");
    assert_string_equal(show(2), "2|11|newer;");
    assert_string_equal(show(3), "3|1|new;");
}

static void what_only_reads_changes_nothing(void **state)
{
    const struct db_value keys[][1] = {{integer(1)}, {integer(7)}, {null}};
    (void)state;
    add_row(1);
    assert_int_equal(run(&find, ROWS(keys)), 0);
    assert_int_equal(run(&sum, (struct db_rows){0}), 0);
    assert_string_equal(run_and_show(&find, ROWS(keys)), "1|1|x;");
}

static void returned_rows_are_those_inserted(void **state)
{
    const struct db_value rows[][2] = {{integer(1), integer(5)}, {integer(2), integer(6)}};
    (void)state;
    add_row(1);
    assert_string_equal(run_and_show(&insert_returning, ROWS(rows)), "2|6|x;");
    assert_int_equal(run(&insert_returning, ROWS(rows)), 0);
    assert_string_equal(show(2), "2|6|x;");
}

static void no_rows_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(run(&insert, (struct db_rows){0}), 0);
    assert_int_equal(count_rows(db), 0);
}

/* ---- transactions ---- */

static void others_see_what_is_committed_and_nothing_else(void **state)
{
    struct db *other = open_database(LOCK_TIMEOUT_MS);
    (void)state;
    begin();
    add_row(1);
    assert_int_equal(count_rows(db), 1);
    assert_int_equal(count_rows(other), 0);
    commit();
    assert_int_equal(count_rows(other), 1);
    begin();
    add_row(2);
    db_rollback(db);
    assert_int_equal(count_rows(db), 1);
    begin();
    add_row(3);
    db_close(db);
    assert_int_equal(count_rows(other), 1);
    db = other;
}

struct refusal {
    const struct db_statement *statement;
    const char *begins;
};

/* Both databases would commit, or go on, in some of these cases. */
static void after_an_error_only_a_rollback_is_allowed(void **state)
{
    static const struct refusal refusals[] = {
        {&insert, "INSERT INTO t (k, n, s) SELECT i.k, i.n, i.s FRO: "},
        {&wrong, "SELECTED nothing at all: "},
        {&elsewhere, "DELETE FROM nowhere: "},
    };
    const struct db_value rows[][3] = {{integer(2), null, null}, {integer(1), null, null}};
    (void)state;
    add_row(1);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        uint64_t changed = 77;
        begin();
        assert_false(db_run(db, refusals[i].statement, ROWS(rows), nobody, &changed, &err));
        assert_int_equal(err.kind, i == 0 ? ERROR_MALFORMED : ERROR_SYSTEM);
        assert_memory_equal(err.text, refusals[i].begins, strlen(refusals[i].begins));
        assert_int_equal(changed, 77);
        assert_false(db_run(db, &sum, (struct db_rows){0}, nobody, NULL, &err));
        assert_false(db_script(db, "DELETE FROM t", &err));
        assert_false(db_commit(db, &err));
        assert_int_equal(err.kind, ERROR_SYSTEM);
        db_rollback(db);
        assert_int_equal(count_rows(db), 1);
    }
}

static void an_error_outside_of_a_transaction_ends_with_itself(void **state)
{
    const struct db_value rows[][3] = {{integer(1), null, null}};
    (void)state;
    add_row(1);
    assert_false(db_run(db, &insert, ROWS(rows), nobody, NULL, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_false(db_script(db, "CREATE TABLE t (k BIGINT)", &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    assert_int_equal(count_rows(db), 1);
}

static void what_others_have_locked_is_busy(void **state)
{
    struct db *const first = db, *const second = open_database(LOCK_TIMEOUT_MS);
    const struct db_value rows[][3] = {{integer(1), integer(2), text("mine")}};
    uint64_t changed;
    (void)state;
    add_row(1);
    begin();
    assert_int_equal(run(&upsert, ROWS(rows)), 1);
    const bool begun = db_begin(second, &err);
    assert_int_equal(begun, !db_is_sqlite(second));
    assert_false(begun && db_run(second, &upsert, ROWS(rows), nobody, &changed, &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    if (begun)
        db_rollback(second);
    commit();
    db = second;
    begin();
    assert_int_equal(run(&upsert, ROWS(rows)), 0);
    commit();
    db_close(second);
    db = first;
}

/* As after a ROLLBACK for which there was no memory. */
static void a_transaction_left_open_is_not_joined(void **state)
{
    (void)state;
    assert_true(db_script(db, "BEGIN; INSERT INTO t (k) VALUES (1)", &err));
    begin();
    add_row(2);
    commit();
    assert_int_equal(count_rows(db), 1);
    assert_string_equal(show(1), "");
}

/* ---- refused memory ---- */

static size_t allocations_left;

static bool is_refused(void)
{
    if (allocations_left == 0)
        return true;
    allocations_left--;
    return false;
}

static void *allocate_some(size_t size)
{
    return is_refused() ? NULL : sys_kernel.allocate(size);
}

static void *reallocate_some(void *old, size_t size)
{
    return is_refused() ? NULL : sys_kernel.reallocate(old, size);
}

static bool open_and_add(struct db **out)
{
    const struct db_value rows[][3] = {{integer(1), null, text("x")}};
    *out = NULL;
    if (!db_open(database, LOCK_TIMEOUT_MS, out, &err) || !db_begin(*out, &err))
        return false;
    if (db_run(*out, &insert, ROWS(rows), nobody, NULL, &err) && db_commit(*out, &err))
        return true;
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    db_rollback(*out);
    return false;
}

static void each_refused_allocation_is_no_memory_and_changes_nothing(void **state)
{
    bool added = false;
    size_t refusals = 0;
    (void)state;
    for (; !added; refusals++) {
        struct db *other;
        allocations_left = refusals;
        sys.allocate = allocate_some;
        sys.reallocate = reallocate_some;
        added = open_and_add(&other);
        sys = sys_kernel;
        assert_true(added || err.kind == ERROR_NO_MEMORY);
        assert_int_equal(count_rows(db), added);
        db_close(other);
    }
    assert_true(refusals > 3);
}

/* ---- both databases ---- */

static int use_sqlite(void **state)
{
    (void)state;
    database = "sqlite:test.db";
    return 0;
}

static int use_postgres(void **state)
{
    (void)state;
    database = db_server.url;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_value_comes_back),
        TEST(null_is_not_empty),
        TEST(long_texts_come_back),
        TEST(more_rows_than_go_at_once_all_arrive),
        TEST(an_upsert_counts_what_it_changed),
        TEST(what_only_reads_changes_nothing),
        TEST(returned_rows_are_those_inserted),
        TEST(no_rows_change_nothing),
        TEST(others_see_what_is_committed_and_nothing_else),
        TEST(after_an_error_only_a_rollback_is_allowed),
        TEST(an_error_outside_of_a_transaction_ends_with_itself),
        TEST(what_others_have_locked_is_busy),
        TEST(a_transaction_left_open_is_not_joined),
        TEST(each_refused_allocation_is_no_memory_and_changes_nothing),
    };
    db_server_init();
    const int failed = cmocka_run_group_tests_name("SQLite", tests, use_sqlite, NULL) +
                       cmocka_run_group_tests_name("PostgreSQL", tests, use_postgres, NULL);
    db_server_fini();
    return failed;
}
