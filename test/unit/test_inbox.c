/* The inbox for one reader: which files count, and where they go. */
#include "inbox_home.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

/* ---- lists ---- */

static void only_regular_smx_and_smw_files_count(void **state)
{
    char path[PATH_SIZE];
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/B.SMX", "");
    put("in/a.smw", "");
    put("in/.hidden.smx", "");
    put("in/.smx", "");
    put("in/c.smx.part", "");
    put("in/smx", "");
    (void)snprintf(path, sizeof path, "%s/in/directory.smx", home);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/in/link.smx", home);
    assert_int_equal(symlink("B.SMX", path), 0);
    assert_string_equal(names_of(inbox, 1, 100), "a.smw B.SMX");
    inbox_close(inbox);
}

static void an_entry_says_size_time_queue_and_tries(void **state)
{
    struct inbox_entry *entries;
    struct error err;
    struct stat status;
    char path[PATH_SIZE];
    size_t count;
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/low/A.retry-2.smx", "12345");
    assert_true(inbox_list(inbox, 2, 10, &entries, &count, &err));
    (void)snprintf(path, sizeof path, "%s/in/low/A.retry-2.smx", home);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(count, 1);
    assert_string_equal(entries[0].name, "A.retry-2.smx");
    assert_int_equal(entries[0].size, 5);
    assert_int_equal(entries[0].modified, status.st_mtim.tv_sec * 1000000 + status.st_mtim.tv_nsec / 1000);
    assert_int_equal(entries[0].queue, 2);
    assert_int_equal(entries[0].tries, 2);
    sys.release(entries);
    inbox_close(inbox);
}

static void an_empty_queue_is_an_empty_list(void **state)
{
    struct inbox_entry *entries;
    struct error err;
    size_t count = 7;
    (void)state;
    struct inbox *inbox = open_inbox();
    assert_true(inbox_list(inbox, 0, 10, &entries, &count, &err));
    assert_int_equal(count, 0);
    assert_null(entries);
    inbox_close(inbox);
}

static void a_queue_that_is_another_directory_now_is_an_error(void **state)
{
    struct inbox_entry *entries;
    struct error err;
    size_t count;
    char old[PATH_SIZE];
    (void)state;
    struct inbox *inbox = open_inbox();
    (void)snprintf(old, sizeof old, "%s/in/old", home);
    assert_int_equal(rename(paths[0], old), 0);
    assert_false(inbox_list(inbox, 0, 10, &entries, &count, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    assert_non_null(strstr(err.text, paths[0]));
    inbox_close(inbox);
}

/* ---- claims ---- */

static void a_claimed_file_is_read_and_removed(void **state)
{
    struct buffer bytes;
    struct error err;
    (void)state;
    buffer_init(&bytes, 100);
    struct inbox *inbox = open_inbox();
    put("in/A.smx", "report");
    const struct inbox_file file = claim_first(inbox, 1);
    assert_string_equal(names_of(inbox, 1, 10), "");
    assert_true(is_there("process/1/1/A.smx"));
    assert_true(inbox_read(inbox, &file, &bytes, &err));
    assert_true(span_equal(buffer_span(&bytes), SPAN("report")));
    assert_true(inbox_remove(inbox, &file, &err));
    assert_true(inbox_sync(inbox, &err));
    assert_false(is_there("process/1/1/A.smx"));
    assert_false(inbox_read(inbox, &file, &bytes, &err));
    assert_false(inbox_remove(inbox, &file, &err));
    buffer_fini(&bytes);
    inbox_close(inbox);
}

static void a_taken_name_gets_a_number(void **state)
{
    (void)state;
    struct inbox *inbox = open_inbox();
    static const char *const expected[] = {"A.smx", "A.1.smx", "A.2.smx"};
    for (size_t i = 0; i < 3; i++) {
        put("in/A.smx", expected[i]);
        assert_string_equal(claim(inbox, 1, "A.smx").name, expected[i]);
    }
    assert_string_equal(content_of("process/1/1/A.smx"), "A.smx");
    assert_string_equal(content_of("process/1/1/A.2.smx"), "A.2.smx");
    inbox_close(inbox);
}

static void a_file_can_have_another_name_in_hand(void **state)
{
    const struct inbox_entry entry = {.name = "A.SMX", .queue = 1};
    struct inbox_file file;
    struct error err;
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/A.SMX", "");
    assert_true(inbox_claim(inbox, &entry, "A.SMW", &file, &err));
    assert_string_equal(file.name, "A.SMW");
    assert_true(is_there("process/1/1/A.SMW"));
    inbox_close(inbox);
}

static void a_file_that_somebody_else_took_is_not_found(void **state)
{
    const struct inbox_entry entry = {.name = "A.SMX", .queue = 1};
    struct inbox_file file;
    struct error err;
    (void)state;
    struct inbox *inbox = open_inbox();
    assert_false(inbox_claim(inbox, &entry, NULL, &file, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "A.SMX"));
    inbox_close(inbox);
}

static void what_is_no_file_is_never_opened(void **state)
{
    struct buffer bytes;
    struct error err;
    char path[PATH_SIZE];
    (void)state;
    buffer_init(&bytes, 100);
    struct inbox *inbox = open_inbox();
    (void)snprintf(path, sizeof path, "%s/in/A.smx", home);
    assert_int_equal(mkfifo(path, 0600), 0);
    const struct inbox_file file = claim(inbox, 1, "A.smx"); /* it was a file when it was listed */
    assert_false(inbox_read(inbox, &file, &bytes, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_true(inbox_reject(inbox, &file, err.text, &err));
    assert_true(is_there("corrupt/A.smx"));
    inbox_close(inbox);
}

/* ---- ends ---- */

static void a_returned_file_is_in_its_queue_again(void **state)
{
    struct error err;
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/low/A.smx", "old");
    const struct inbox_file file = claim_first(inbox, 2);
    put("in/low/A.smx", "new");
    assert_true(inbox_return(inbox, &file, &err));
    assert_string_equal(content_of("in/low/A.1.smx"), "old");
    assert_string_equal(content_of("in/low/A.smx"), "new");
    assert_false(inbox_return(inbox, &file, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    inbox_close(inbox);
}

static void a_file_can_go_on_to_another_queue_without_its_tries(void **state)
{
    struct inbox *inbox = open_inbox();
    struct error err;
    char plain[NAME_MAX + 1];
    int64_t modified;
    (void)state;
    put("in/A.retry-2.smx", "content");
    const struct inbox_file file = claim(inbox, 1, "A.retry-2.smx");
    assert_true(inbox_modified(inbox, &file, &modified, &err));
    assert_true(modified > 0 && modified <= sys_now());
    inbox_plain_name(&file, plain);
    assert_string_equal(plain, "A.smx");
    put("in/low/A.smx", "another");
    assert_true(inbox_forward(inbox, &file, 2, &err));
    assert_string_equal(content_of("in/low/A.1.smx"), "content");
    assert_false(inbox_forward(inbox, &file, 2, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_false(inbox_modified(inbox, &file, &modified, &err));
    inbox_close(inbox);
}

static void a_rejected_file_has_its_reason_beside_it(void **state)
{
    struct error err;
    struct tm utc;
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/A.smx", "bad");
    const struct inbox_file file = claim_first(inbox, 1);
    assert_true(inbox_reject(inbox, &file, "line one\nline \033[31mtwo \302\233 'x'", &err));
    assert_string_equal(content_of("corrupt/A.smx"), "bad");
    const char *rest = strptime(content_of("corrupt/A.smx.why"), "%Y-%m-%dT%H:%M:%SZ", &utc);
    assert_non_null(rest);
    assert_string_equal(rest, " line one?line ?[31mtwo ?? 'x'\n");
    inbox_close(inbox);
}

static void a_long_reason_is_cut_off(void **state)
{
    char why[4000];
    struct error err;
    (void)state;
    memset(why, 'y', sizeof why - 1);
    why[sizeof why - 1] = '\0';
    struct inbox *inbox = open_inbox();
    put("in/A.smx", "bad");
    const struct inbox_file file = claim_first(inbox, 1);
    assert_true(inbox_reject(inbox, &file, why, &err));
    const char *text = content_of("corrupt/A.smx.why");
    assert_int_equal(strlen(text), 1023);
    assert_int_equal(text[1022], '\n');
    inbox_close(inbox);
}

static void corrupt_files_of_one_name_are_all_kept(void **state)
{
    struct error err;
    (void)state;
    struct inbox *inbox = open_inbox();
    put("corrupt/A.smx.why", "of a file that is gone");
    put("corrupt/A.1.smx", "whose reason is gone");
    for (const char *content = "22"; *content != '\0'; content++) {
        put("in/A.smx", content);
        const struct inbox_file file = claim_first(inbox, 1);
        assert_true(inbox_reject(inbox, &file, content, &err));
    }
    assert_string_equal(content_of("corrupt/A.2.smx"), "22");
    assert_string_equal(content_of("corrupt/A.3.smx"), "2");
    assert_non_null(strstr(content_of("corrupt/A.3.smx.why"), "Z 2\n"));
    assert_string_equal(content_of("corrupt/A.smx.why"), "of a file that is gone");
    assert_string_equal(content_of("corrupt/A.1.smx"), "whose reason is gone");
    assert_false(is_there("corrupt/A.1.smx.why"));
    inbox_close(inbox);
}

static void a_name_of_255_bytes_fits_everywhere(void **state)
{
    char name[256];
    char below[BELOW_SIZE];
    struct error err;
    uint64_t count;
    (void)state;
    memset(name, 'N', 251);
    memcpy(name + 251, ".SMX", 5);
    struct inbox *inbox = open_inbox();
    (void)snprintf(below, sizeof below, "in/%s", name);
    put(below, "long");
    struct inbox_file file = claim_first(inbox, 1);
    assert_string_equal(file.name, name);
    assert_true(inbox_retry(inbox, &file, 4000000000, INT64_MAX, &err));
    assert_true(inbox_bring_due(inbox, INT64_MAX, &count, &err));
    file = claim_first(inbox, 1);
    assert_int_equal(file.tries, 4000000000);
    assert_true(inbox_reject(inbox, &file, "too long", &err));
    (void)snprintf(below, sizeof below, "corrupt/%s", file.name);
    assert_string_equal(content_of(below), "long");
    inbox_close(inbox);
}

static char synced[PATH_SIZE * 2];

static int note_sync(int fd)
{
    char link[32];
    const size_t len = strlen(synced);
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t got = readlink(link, synced + len, PATH_SIZE);
    assert_true(got > 0);
    synced[len + (size_t)got] = '\0';
    memmove(synced + len, synced + len + strlen(home), (size_t)got - strlen(home) + 1);
    return 0;
}

static int fail_sync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

static void a_sync_is_of_what_has_changed_until_it_succeeds(void **state)
{
    struct error err;
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/A.smx", "");
    put("in/low/B.smx", "");
    const struct inbox_file waits = claim_first(inbox, 1);
    const struct inbox_file loaded = claim_first(inbox, 2);
    assert_true(inbox_retry(inbox, &waits, 1, 5000, &err));
    assert_true(inbox_remove(inbox, &loaded, &err));
    sys.fsync = fail_sync;
    assert_false(inbox_sync(inbox, &err));
    assert_non_null(strstr(err.text, "retry"));
    sys.fsync = note_sync;
    synced[0] = '\0';
    assert_true(inbox_sync(inbox, &err));
    assert_string_equal(synced, "/retry/process/1/1/process/1/2");
    assert_true(inbox_sync(inbox, &err));
    assert_string_equal(synced, "/retry/process/1/1/process/1/2");
    inbox_close(inbox);
}

/* ---- retry ---- */

static void a_file_waits_until_it_is_due(void **state)
{
    struct error err;
    uint64_t count;
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/low/A.SMX", "again");
    struct inbox_file file = claim_first(inbox, 2);
    assert_true(inbox_retry(inbox, &file, 1, 5000, &err));
    assert_string_equal(content_of("retry/A.retry-1-2-5000.SMX"), "again");
    inbox_close(inbox);

    inbox = open_inbox();
    assert_true(inbox_bring_due(inbox, 4999, &count, &err));
    assert_int_equal(count, 0);
    assert_true(inbox_bring_due(inbox, 5000, &count, &err));
    assert_int_equal(count, 1);
    file = claim_first(inbox, 2);
    assert_string_equal(file.name, "A.retry-1.SMX");
    assert_int_equal(file.tries, 1);
    assert_true(inbox_retry(inbox, &file, file.tries + 1, -7, &err));
    assert_true(is_there("retry/A.retry-2-2-0.SMX"));
    inbox_close(inbox);
}

static void what_lies_in_retry_without_a_mark_is_due(void **state)
{
    struct error err;
    uint64_t count;
    (void)state;
    struct inbox *inbox = open_inbox();
    put("retry/A.smx", "");
    put("retry/B.retry-1-3-5.smx", "of a queue that is none any more");
    put("retry/readme.txt", "");
    assert_true(inbox_bring_due(inbox, 10, &count, &err));
    assert_int_equal(count, 2);
    assert_true(is_there("in/high/A.smx"));
    assert_true(is_there("in/low/B.retry-1.smx"));
    assert_true(is_there("retry/readme.txt"));
    inbox_close(inbox);
}

/* ---- trimming ---- */

static void reject(struct inbox *inbox, const char *name)
{
    struct error err;
    char below[BELOW_SIZE];
    (void)snprintf(below, sizeof below, "in/%s", name);
    put(below, "");
    const struct inbox_file file = claim_first(inbox, 1);
    assert_true(inbox_reject(inbox, &file, "bad", &err));
    (void)usleep(20000); /* times of files come by the tick; names decide otherwise, and these fall */
}

static void the_oldest_corrupt_files_go_first(void **state)
{
    struct inbox_settings settings = *settings_of_home();
    struct inbox *inbox;
    struct error err;
    uint64_t count;
    (void)state;
    settings.corrupt_most = 2;
    assert_true(inbox_open(&settings, &inbox, &err));
    assert_true(inbox_recover(inbox, &count, &err));
    reject(inbox, "D.smx");
    reject(inbox, "C.smx");
    reject(inbox, "B.smx");
    reject(inbox, "A.smx");
    assert_true(inbox_trim(inbox, sys_now() + 1000000000, &count, &err));
    assert_int_equal(count, 2);
    assert_false(is_there("corrupt/D.smx") || is_there("corrupt/D.smx.why"));
    assert_false(is_there("corrupt/C.smx") || is_there("corrupt/C.smx.why"));
    assert_true(is_there("corrupt/B.smx") && is_there("corrupt/B.smx.why"));
    assert_true(is_there("corrupt/A.smx") && is_there("corrupt/A.smx.why"));
    inbox_close(inbox);
}

static void corrupt_files_go_when_they_are_old(void **state)
{
    struct inbox_settings settings = *settings_of_home();
    struct inbox *inbox;
    struct error err;
    uint64_t count;
    (void)state;
    settings.corrupt_age = 1000000000;
    assert_true(inbox_open(&settings, &inbox, &err));
    assert_true(inbox_recover(inbox, &count, &err));
    reject(inbox, "A.smx");
    put("corrupt/B.smx.why", "of a file that is gone");
    assert_true(inbox_trim(inbox, sys_now(), &count, &err));
    assert_int_equal(count, 0);
    assert_true(is_there("corrupt/A.smx"));
    inbox_set_limits(inbox, 1000, 2000000000);
    assert_true(inbox_trim(inbox, sys_now() + 1000000000, &count, &err));
    assert_int_equal(count, 0);
    inbox_set_limits(inbox, 1000, 1000000000);
    assert_true(inbox_trim(inbox, sys_now() + 1000000000, &count, &err));
    assert_int_equal(count, 1);
    assert_false(is_there("corrupt/A.smx") || is_there("corrupt/A.smx.why") || is_there("corrupt/B.smx.why"));
    inbox_close(inbox);
}

/* Whoever shares the directory with us. */
static void what_others_keep_in_corrupt_stays_there(void **state)
{
    static const char *const others[] = {"corrupt/theirs.smx", "corrupt/theirs.why", "corrupt/notes.txt",
                                         "corrupt/notes.txt.why", "corrupt/.hidden.smx.why"};
    struct inbox *inbox = open_inbox();
    struct error err;
    uint64_t count;
    (void)state;
    for (size_t i = 0; i < 5; i++)
        put(others[i], "theirs");
    reject(inbox, "B.smx");
    reject(inbox, "A.smx");
    inbox_set_limits(inbox, 1, 0);
    assert_true(inbox_trim(inbox, sys_now(), &count, &err));
    assert_int_equal(count, 1); /* theirs are not among the most that are kept */
    assert_true(is_there("corrupt/A.smx") && is_there("corrupt/A.smx.why"));
    inbox_set_limits(inbox, 0, 1);
    assert_true(inbox_trim(inbox, sys_now() + 1000000000, &count, &err));
    assert_int_equal(count, 1);
    assert_false(is_there("corrupt/A.smx") || is_there("corrupt/A.smx.why"));
    for (size_t i = 0; i < 5; i++)
        assert_true(is_there(others[i]));
    inbox_close(inbox);
}

static int never_beside_theirs(int from, const char *name, int to, const char *as, unsigned flags)
{
    assert_string_not_equal(as, "A.smx.why");
    return sys_kernel.renameat2(from, name, to, as, flags);
}

/* Else a crash before the next step would make theirs look like ours. */
static void no_reason_comes_beside_a_file_of_others_for_a_moment(void **state)
{
    struct inbox *inbox = open_inbox();
    struct error err;
    (void)state;
    put("corrupt/A.smx", "theirs");
    put("in/A.smx", "bad");
    const struct inbox_file file = claim_first(inbox, 1);
    sys.renameat2 = never_beside_theirs;
    assert_true(inbox_reject(inbox, &file, "bad", &err));
    assert_true(is_there("corrupt/A.1.smx") && is_there("corrupt/A.1.smx.why"));
    inbox_close(inbox);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)
    const struct CMUnitTest tests[] = {
        TEST(only_regular_smx_and_smw_files_count),
        TEST(an_entry_says_size_time_queue_and_tries),
        TEST(an_empty_queue_is_an_empty_list),
        TEST(a_queue_that_is_another_directory_now_is_an_error),
        TEST(a_claimed_file_is_read_and_removed),
        TEST(a_taken_name_gets_a_number),
        TEST(a_file_can_have_another_name_in_hand),
        TEST(a_file_that_somebody_else_took_is_not_found),
        TEST(what_is_no_file_is_never_opened),
        TEST(a_returned_file_is_in_its_queue_again),
        TEST(a_file_can_go_on_to_another_queue_without_its_tries),
        TEST(a_rejected_file_has_its_reason_beside_it),
        TEST(a_long_reason_is_cut_off),
        TEST(corrupt_files_of_one_name_are_all_kept),
        TEST(a_name_of_255_bytes_fits_everywhere),
        TEST(a_sync_is_of_what_has_changed_until_it_succeeds),
        TEST(a_file_waits_until_it_is_due),
        TEST(what_lies_in_retry_without_a_mark_is_due),
        TEST(the_oldest_corrupt_files_go_first),
        TEST(corrupt_files_go_when_they_are_old),
        TEST(what_others_keep_in_corrupt_stays_there),
        TEST(no_reason_comes_beside_a_file_of_others_for_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
