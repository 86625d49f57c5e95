/* SQLite: durable at each commit; a full disk, refused memory, a file that was moved away and a crowd at the door are
 * told apart, and do not last. */
#include "base/sys.h"
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 8, EACH = 50, LOCK_TIMEOUT_MS = 60000 };

static const char table[] = "CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY, s TEXT)";
static const struct db_statement insert = {
    .sql = "INSERT INTO t (s) SELECT i.s FROM @input i",
    .input = {{"s", DB_TEXT}},
    .input_count = 1,
};
static const struct db_statement count = {.sql = "SELECT COUNT(*) FROM t", .output = {DB_INTEGER}, .output_count = 1};

static char home[] = "/tmp/db-sqlite-XXXXXX";
static struct db *db;
static struct error err;

/* ---- transactions ---- */

static struct db *open_database(const char *path)
{
    struct db *opened = NULL;
    if (!db_open(path, LOCK_TIMEOUT_MS, &opened, &err))
        fail_msg("%s", err.text);
    return opened;
}

static int set_up(void **state)
{
    (void)state;
    db = open_database("test.db");
    return db_script(db, table, &err) && db_script(db, "DELETE FROM t", &err) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    db_close(db);
    return 0;
}

static void note_integer(void *owner, const struct db_value *row)
{
    *(int64_t *)owner = row[0].integer;
}

static int64_t ask(struct db *asked, const struct db_statement *question)
{
    int64_t answer = -1;
    if (!db_run(asked, question, (struct db_rows){0}, (struct db_reader){note_integer, &answer}, NULL, &err))
        fail_msg("%s", err.text);
    return answer;
}

static bool add(struct db *to, size_t len, struct error *why)
{
    static const char bytes[64 * 1024];
    const struct db_value row = {.text = {bytes, len}};
    if (!db_begin(to, why))
        return false;
    if (db_run(to, &insert, (struct db_rows){&row, 1}, (struct db_reader){0}, NULL, why) && db_commit(to, why))
        return true;
    db_rollback(to);
    return false;
}

/* ---- settings ---- */

static void a_commit_is_synced(void **state)
{
    static const struct db_statement synchronous = {
        .sql = "SELECT synchronous FROM pragma_synchronous", .output = {DB_INTEGER}, .output_count = 1};
    static const struct db_statement journal = {
        .sql = "SELECT journal_mode = 'wal' FROM pragma_journal_mode", .output = {DB_INTEGER}, .output_count = 1};
    (void)state;
    assert_int_equal(ask(db, &synchronous), 2);         /* FULL */
    assert_int_equal(ask(db, &journal), 1);
}

struct refusal {
    const char *path;
    enum error_kind kind;
};

static void what_cannot_be_opened_is_refused(void **state)
{
    static const struct refusal refusals[] = {
        {":memory:", ERROR_SYSTEM},                     /* there is no write-ahead log */
        {"", ERROR_SYSTEM},         {"none/test.db", ERROR_BUSY}, {"sqlite:/", ERROR_BUSY}, {"garbage", ERROR_SYSTEM},
    };
    FILE *garbage = fopen("garbage", "w");
    (void)state;
    assert_non_null(garbage);
    for (int i = 0; i < 4096; i++)
        (void)fputc('x', garbage);
    (void)fclose(garbage);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct db *opened = NULL;
        assert_false(db_open(refusals[i].path, LOCK_TIMEOUT_MS, &opened, &err));
        assert_int_equal(err.kind, refusals[i].kind);
        assert_null(opened);
    }
}

static void refuse(const char *path)
{
    struct db *opened = NULL;
    assert_false(db_open(path, LOCK_TIMEOUT_MS, &opened, &err));
    assert_null(opened);
}

/* And where it is too long for that, it is cut and the reason is not. */
static void an_error_about_a_file_names_its_path_whole(void **state)
{
    static const char absent[] = "none/a-site-with-a-long-name/inboxes-and-databases/db/statesys.db";
    static const char garbage[] = "a-site-with-a-long-name-inboxes-and-databases-db-statesys.db";
    static const char reason[] = ": unable to open database file";
    char path[400];
    (void)state;
    refuse(absent);
    assert_string_equal(err.text, "none/a-site-with-a-long-name/inboxes-and-databases/db/statesys.db"
                                  ": unable to open database file");
    FILE *out = fopen(garbage, "w");
    assert_non_null(out);
    for (int i = 0; i < 4096; i++)
        (void)fputc('x', out);
    assert_int_equal(fclose(out), 0);
    refuse(garbage);
    assert_string_equal(err.text,
                        "a-site-with-a-long-name-inboxes-and-databases-db-statesys.db: file is not a database");
    assert_int_equal(unlink(garbage), 0);
    memset(path, 'x', sizeof path);
    memcpy(path, "none/", 5);
    path[sizeof path - 1] = '\0';
    refuse(path);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_string_equal(err.text + sizeof err.text - sizeof reason, reason);
    assert_memory_equal(err.text, path, 200);
}

/* Taken for a path, it would be quoted. */
static void a_url_of_another_scheme_is_refused_without_its_password(void **state)
{
    (void)state;
    refuse("Postgresql://me:secret@host/name");
    assert_int_equal(err.kind, ERROR_SYSTEM);
    assert_null(strstr(err.text, "secret"));
    refuse("mysql://me:secret@host/name");
    assert_null(strstr(err.text, "secret"));
}

/* ---- what goes wrong around it ---- */

static void a_moved_file_takes_no_rows_until_it_is_back(void **state)
{
    (void)state;
    assert_true(add(db, 1, &err));
    assert_int_equal(rename("test.db", "moved.db"), 0);
    for (int i = 0; i < 2; i++) {
        assert_false(add(db, 1, &err));
        assert_int_equal(err.kind, ERROR_BUSY);
        assert_int_not_equal(access("test.db", F_OK), 0);
    }
    assert_int_equal(rename("moved.db", "test.db"), 0);
    assert_true(add(db, 1, &err));
    assert_int_equal(ask(db, &count), 2);
}

/* A file system of two megabytes, and an open file to fill it with. */
static int mount_small(void)
{
    assert_true(mkdir("small", 0700) == 0 || errno == EEXIST);
    assert_int_equal(mount("tmpfs", "small", "tmpfs", 0, "size=2m"), 0);
    const int filler = open("small/filler", O_WRONLY | O_CREAT, 0600);
    assert_true(filler >= 0);
    return filler;
}

static void unmount_small(int filler)
{
    (void)close(filler);
    assert_int_equal(umount("small"), 0);
}

static void a_full_disk_is_no_space_until_there_is_some(void **state)
{
    const int filler = mount_small();
    struct db *small = open_database("small/test.db");
    int64_t added = 0;
    (void)state;
    assert_true(db_script(small, table, &err));
    assert_int_equal(posix_fallocate(filler, 0, 1024 * 1024), 0);
    while (add(small, 64 * 1024, &err))
        added++;
    assert_true(added > 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(err.kind, ERROR_NO_SPACE);
        assert_int_equal(ask(small, &count), added);
        assert_false(add(small, 64 * 1024, &err));
    }
    assert_int_equal(ftruncate(filler, 0), 0);
    assert_true(add(small, 64 * 1024, &err));
    assert_int_equal(ask(small, &count), added + 1);
    db_close(small);
    unmount_small(filler);
}

static void on_a_full_disk_none_is_opened(void **state)
{
    static const char *const paths[] = {"small/old.db", "small/new.db"};
    static const char bytes[4096];
    const int filler = mount_small();
    (void)state;
    db_close(open_database(paths[0]));
    while (write(filler, bytes, sizeof bytes) > 0)
        continue;
    for (int i = 0; i < 2; i++) {
        struct db *opened;
        assert_false(db_open(paths[i], LOCK_TIMEOUT_MS, &opened, &err));
        assert_int_equal(err.kind, ERROR_NO_SPACE);
    }
    unmount_small(filler);
}

static void *open_and_add(void *failures)
{
    struct db *own;
    struct error why;
    if (!db_open("crowd.db", LOCK_TIMEOUT_MS, &own, &why))
        return failures;
    bool added = db_script(own, table, &why);
    for (int i = 0; i < EACH && added; i++)
        added = add(own, 1, &why);
    db_close(own);
    return added ? NULL : failures;
}

static void a_crowd_that_opens_a_new_database_at_once_waits_its_turns(void **state)
{
    pthread_t threads[THREADS];
    int failed = 0;
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_add, &failed), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failure;
        assert_int_equal(pthread_join(threads[i], &failure), 0);
        failed += failure != NULL;
    }
    assert_int_equal(failed, 0);
    struct db *crowd = open_database("crowd.db");
    assert_int_equal(ask(crowd, &count), THREADS * EACH);
    db_close(crowd);
}

/* ---- SQLite's own memory ---- */

static sqlite3_mem_methods memory;
static size_t allocations_left = SIZE_MAX;

static bool is_refused(void)
{
    if (allocations_left == SIZE_MAX)
        return false;
    if (allocations_left == 0)
        return true;
    allocations_left--;
    return false;
}

static void *allocate_some(int size)
{
    return is_refused() ? NULL : memory.xMalloc(size);
}

static void *reallocate_some(void *old, int size)
{
    return is_refused() ? NULL : memory.xRealloc(old, size);
}

/* From the nth allocation on each is refused, the ROLLBACK's too. */
static bool open_and_add_with(size_t allocations)
{
    db_close(db);
    db = NULL;
    allocations_left = allocations;
    const bool added = db_open("test.db", LOCK_TIMEOUT_MS, &db, &err) && add(db, 100, &err);
    allocations_left = SIZE_MAX;
    return added;
}

static void refused_memory_is_no_memory_and_does_not_last(void **state)
{
    bool added = false;
    size_t refusals = 0;
    (void)state;
    for (; !added; refusals++) {
        added = open_and_add_with(refusals);
        assert_true(added || err.kind == ERROR_NO_MEMORY);
        if (db == NULL)
            db = open_database("test.db");
        assert_int_equal(ask(db, &count), added);
    }
    assert_true(refusals > 3);
}

static int begin(void **state)
{
    sqlite3_mem_methods failing;
    (void)state;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory) != SQLITE_OK)
        return -1;
    failing = memory;
    failing.xMalloc = allocate_some;
    failing.xRealloc = reallocate_some;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK || mkdtemp(home) == NULL || chdir(home) != 0;
}

static int end(void **state)
{
    char command[64];
    (void)state;
    (void)umount2("small", MNT_DETACH);                 /* after a failure */
    (void)snprintf(command, sizeof command, "rm -r %s", home);
    return chdir("/") != 0 || system(command) != 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_commit_is_synced),
        TEST(what_cannot_be_opened_is_refused),
        TEST(an_error_about_a_file_names_its_path_whole),
        TEST(a_url_of_another_scheme_is_refused_without_its_password),
        TEST(a_moved_file_takes_no_rows_until_it_is_back),
        TEST(a_full_disk_is_no_space_until_there_is_some),
        TEST(on_a_full_disk_none_is_opened),
        TEST(a_crowd_that_opens_a_new_database_at_once_waits_its_turns),
        TEST(refused_memory_is_no_memory_and_does_not_last),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
