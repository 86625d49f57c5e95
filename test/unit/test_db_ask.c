/* Who only looks: asks what he likes and gets it row by row, and cannot change anything; the same of SQLite and of a real
 * PostgreSQL. */
#include "db/db.h"
#include "db_server.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LOCK_TIMEOUT_MS = 60000, MANY = 100000 };

static const char *database;
static struct db *writing, *reading;
static struct error err;
static char shown[4096];

static int set_up(void **state)
{
    (void)state;
    if (!db_open(database, LOCK_TIMEOUT_MS, &writing, &err) ||
        !db_script(writing,
                   "DROP TABLE IF EXISTS t; CREATE TABLE t (k BIGINT, s TEXT); INSERT INTO t (k, s) VALUES "
                   "(1, 'one'), (2, NULL), (3, '')",
                   &err) ||
        !db_open_reading(database, LOCK_TIMEOUT_MS, &reading, &err))
        fail_msg("%s", err.text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_close(reading);
    db_close(writing);
    return 0;
}

/* ---- what was told ---- */

struct told {
    size_t columns;
    size_t rows;
    size_t most;                        /* rows that are wanted */
};

static void add(const char *text, size_t len)
{
    (void)snprintf(shown + strlen(shown), sizeof shown - strlen(shown), "%.*s|", (int)len, text);
}

static void note_columns(void *owner, const char *const *names, size_t count)
{
    struct told *told = owner;
    assert_int_equal(told->columns, 0);
    told->columns = count;
    for (size_t i = 0; i < count; i++)
        add(names[i], strlen(names[i]));
}

static bool note_row(void *owner, const struct db_cell *cells)
{
    struct told *told = owner;
    assert_true(told->columns > 0);
    for (size_t i = 0; i < told->columns && told->rows < 10; i++) {
        if (cells[i].null)
            add("NULL", 4);
        else
            add(cells[i].text.at, cells[i].text.len);
        if (cells[i].number)
            shown[strlen(shown) - 1] = '#';
    }
    return ++told->rows < told->most;
}

static bool ask(struct told *told, const char *sql, const char *first, const char *second)
{
    const char *const parameters[] = {first, second};
    const size_t count = first == NULL ? 0 : second == NULL ? 1 : 2;
    shown[0] = '\0';
    return db_ask(reading, sql, (struct db_parameters){parameters, count},
                  (struct db_listener){note_columns, note_row, told}, &err);
}

/* "column|column|value|value|", numbers with a # behind them. */
static const char *answer(const char *sql, const char *first, const char *second)
{
    struct told told = {.most = SIZE_MAX};
    if (!ask(&told, sql, first, second))
        fail_msg("%s", err.text);
    return shown;
}

static void expect_refusal(const char *sql, const char *words)
{
    struct told told = {.most = SIZE_MAX};
    if (ask(&told, sql, NULL, NULL))
        fail_msg("%s was not refused", sql);
    if (err.kind != ERROR_SYSTEM || strstr(err.text, words) == NULL)
        fail_msg("%s: %s", sql, err.text);
}

/* ---- answers ---- */

static void names_and_values_of_any_type_are_told(void **state)
{
    (void)state;
    assert_string_equal(answer("SELECT k, s AS \"Some Name\" FROM t ORDER BY k", NULL, NULL),
                        "k|Some Name|1#one|2#NULL|3#|");
    assert_string_equal(answer("SELECT SUM(k) AS a, 1.5 AS b, 'x' AS c FROM t", NULL, NULL), "a|b|c|6#1.5#x|");
}

static void no_row_still_has_columns(void **state)
{
    (void)state;
    assert_string_equal(answer("SELECT k, s FROM t WHERE k > 10", NULL, NULL), "k|s|");
}

static void parameters_are_values_and_nothing_else(void **state)
{
    (void)state;
    assert_string_equal(answer("SELECT s FROM t WHERE k = $1", "1", NULL), "s|one|");
    assert_string_equal(answer("SELECT k FROM t WHERE s = $2 OR k = $1 OR s = $2 ORDER BY k", "3", "one"), "k|1#3#");
    assert_string_equal(answer("SELECT k FROM t WHERE s = $1", "' OR '1' = '1", NULL), "k|");
}

static void a_blank_or_a_semicolon_may_end_it(void **state)
{
    (void)state;
    assert_string_equal(answer("SELECT 1 AS a; -- that is all\n", NULL, NULL), "a|1#");
}

static void a_text_with_anything_in_it_comes_whole(void **state)
{
    (void)state;
    assert_true(db_script(writing, "INSERT INTO t (k, s) VALUES (4, 'a\r\n\t\x01\xC3\xA4''\"\\')", &err));
    assert_string_equal(answer("SELECT s FROM t WHERE k = 4", NULL, NULL), "s|a\r\n\t\x01\xC3\xA4'\"\\|");
}

/* ---- many rows ---- */

static void fill(void)
{
    if (!db_script(writing,
                   "INSERT INTO t (k, s) WITH RECURSIVE n (k) AS (SELECT 10 UNION ALL SELECT k + 1 FROM n WHERE "
                   "k < 100009) SELECT k, 'row' FROM n",
                   &err))
        fail_msg("%s", err.text);
}

static void every_row_comes_once(void **state)
{
    struct told told = {.most = SIZE_MAX};
    (void)state;
    fill();
    assert_true(ask(&told, "SELECT k, s FROM t WHERE k >= 10", NULL, NULL));
    assert_int_equal(told.rows, MANY);
}

static void who_has_enough_gets_no_more_and_may_ask_again(void **state)
{
    (void)state;
    fill();
    for (size_t most = 1; most <= 3; most++) {
        struct told told = {.most = most};
        assert_true(ask(&told, "SELECT a.k FROM t a, t b", NULL, NULL));    /* ten thousand million */
        assert_int_equal(told.rows, most);
    }
    assert_string_equal(answer("SELECT COUNT(*) AS n FROM t", NULL, NULL), "n|100003#");
}

/* ---- refusals ---- */

static void what_would_write_is_refused_by_the_database(void **state)
{
    static const char *const statements[] = {
        "INSERT INTO t (k) VALUES (9)",
        "UPDATE t SET k = 9",
        "DELETE FROM t",
        "DROP TABLE t",
        "CREATE TABLE u (k BIGINT)",
        "CREATE VIEW v AS SELECT 1 AS a",
    };
    (void)state;
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        expect_refusal(statements[i], "");
    assert_string_equal(answer("SELECT SUM(k) AS n FROM t", NULL, NULL), "n|6#");
    assert_false(db_script(reading, "DELETE FROM t", &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
}

static void what_is_no_question_is_refused(void **state)
{
    (void)state;
    expect_refusal("", "no statement");
    expect_refusal(" -- nothing\n", "no statement");
    expect_refusal("SELECTED", "SELECTED: ");
    expect_refusal("SELECT 1; SELECT 2", "SELECT 1; SELECT 2: ");
    expect_refusal("SELECT nothing FROM t", "nothing");
    assert_string_equal(answer("SELECT 1 AS a", NULL, NULL), "a|1#");
}

static void an_answer_that_is_too_wide_is_refused(void **state)
{
    static char sql[16 * 1024];
    (void)state;
    (void)snprintf(sql, sizeof sql, "SELECT 1 AS a");
    for (int i = 1; i < DB_MOST_ASKED; i++)
        (void)snprintf(sql + strlen(sql), 8, ", 1");
    struct told told = {.most = SIZE_MAX};
    assert_true(ask(&told, sql, NULL, NULL));
    assert_int_equal(told.columns, DB_MOST_ASKED);
    (void)snprintf(sql + strlen(sql), 8, ", 1");
    expect_refusal(sql, "too many columns");
    assert_string_equal(answer("SELECT 1 AS a", NULL, NULL), "a|1#");
}

static void no_file_is_made_and_none_is_opened(void **state)
{
    (void)state;
    if (db_is_sqlite(reading)) {
        expect_refusal("VACUUM INTO 'copy.db'", "authoriz");
        expect_refusal("ATTACH 'other.db' AS other", "authoriz");
    } else {
        expect_refusal("COPY t TO STDOUT", "COPY");
        expect_refusal("COPY t FROM STDIN", "");
    }
    assert_int_equal(access("copy.db", F_OK), -1);
    assert_int_equal(access("other.db", F_OK), -1);
    assert_string_equal(answer("SELECT COUNT(*) AS n FROM t", NULL, NULL), "n|3#");
}

static void what_is_asked_in_a_transaction_is_answered_from_one_state(void **state)
{
    (void)state;
    assert_true(db_begin(reading, &err));
    assert_string_equal(answer("SELECT COUNT(*) AS n FROM t", NULL, NULL), "n|3#");
    assert_true(db_script(writing, "DELETE FROM t", &err));
    assert_string_equal(answer("SELECT COUNT(*) AS n FROM t", NULL, NULL), "n|3#");
    db_rollback(reading);
    assert_string_equal(answer("SELECT COUNT(*) AS n FROM t", NULL, NULL), "n|0#");
}

static void after_an_error_in_a_transaction_nothing_is_answered(void **state)
{
    struct told told = {.most = SIZE_MAX};
    (void)state;
    assert_true(db_begin(reading, &err));
    expect_refusal("SELECT nothing FROM t", "nothing");
    assert_false(ask(&told, "SELECT 1 AS a", NULL, NULL));
    db_rollback(reading);
    assert_string_equal(answer("SELECT 1 AS a", NULL, NULL), "a|1#");
}

static void a_database_that_is_not_there_is_not_made(void **state)
{
    struct db *nothing;
    char away[256];
    (void)state;
    (void)snprintf(away, sizeof away, "%s", db_is_sqlite(reading) ? "nowhere.db" : db_server.url);
    if (!db_is_sqlite(reading))
        (void)strcat(away, "-away");
    assert_false(db_open_reading(away, LOCK_TIMEOUT_MS, &nothing, &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    assert_int_equal(access("nowhere.db", F_OK), -1);
}

/* ---- both ---- */

static int use_sqlite(void **state)
{
    (void)state;
    database = "sqlite:ask.db";
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
    static const struct CMUnitTest tests[] = {
        TEST(names_and_values_of_any_type_are_told),
        TEST(no_row_still_has_columns),
        TEST(parameters_are_values_and_nothing_else),
        TEST(a_blank_or_a_semicolon_may_end_it),
        TEST(a_text_with_anything_in_it_comes_whole),
        TEST(every_row_comes_once),
        TEST(who_has_enough_gets_no_more_and_may_ask_again),
        TEST(what_would_write_is_refused_by_the_database),
        TEST(what_is_no_question_is_refused),
        TEST(an_answer_that_is_too_wide_is_refused),
        TEST(no_file_is_made_and_none_is_opened),
        TEST(what_is_asked_in_a_transaction_is_answered_from_one_state),
        TEST(after_an_error_in_a_transaction_nothing_is_answered),
        TEST(a_database_that_is_not_there_is_not_made),
    };
    db_server_init();
    const int failed = cmocka_run_group_tests_name("SQLite", tests, use_sqlite, NULL) +
                       cmocka_run_group_tests_name("PostgreSQL", tests, use_postgres, NULL);
    db_server_fini();
    return failed;
}
