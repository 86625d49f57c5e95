/* An operator looks into the inbox and puts files back, while a reader works on it: nothing is lost or overwritten. */
#include "inbox_home.h"

#include <errno.h>
#include <sys/stat.h>

static struct error err;

static const char *const *queues(void)
{
    static const char *at[3];
    for (size_t i = 0; i < 3; i++)
        at[i] = paths[i];
    return at;
}

static bool requeue(const char *from, const char *name)
{
    char directory[PATH_SIZE];
    (void)snprintf(directory, sizeof directory, "%s/%s", home, from);
    return inbox_requeue(directory, name, queues(), 3, &err);
}

static void must_requeue(const char *from, const char *name)
{
    if (!requeue(from, name))
        fail_msg("%s", err.text);
}

/* ---- looking ---- */

struct seen {
    size_t count;
    struct inbox_seen last;
    char name[NAME_MAX + 1];
};

static void note(void *owner, const struct inbox_seen *found)
{
    struct seen *seen = owner;
    seen->count++;
    seen->last = *found;
    (void)snprintf(seen->name, sizeof seen->name, "%s", found->name);
}

static struct seen look(const char *directory)
{
    struct seen seen = {.count = 0};
    if (!inbox_look(directory, (struct inbox_looker){note, &seen}, &err))
        fail_msg("%s", err.text);
    return seen;
}

static void files_that_count_are_seen_with_what_is_known_of_them(void **state)
{
    (void)state;
    struct inbox *inbox = open_inbox();
    put("retry/A.retry-2-0-5000.smx", "12345");
    put("retry/.hidden.smx", "");
    put("retry/A.why", "");
    const struct seen seen = look(paths[5]);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.name, "A.retry-2-0-5000.smx");
    assert_int_equal(seen.last.size, 5);
    assert_int_equal(seen.last.tries, 2);
    assert_int_equal(seen.last.due, 5000);
    assert_true(seen.last.modified > 0);
    inbox_close(inbox);
}

static void what_readers_have_in_hand_is_seen_too(void **state)
{
    struct seen seen = {.count = 0};
    (void)state;
    struct inbox *inbox = open_inbox(), *other = open_inbox();
    put("in/A.smx", "");
    put("in/high/B.smx", "");
    put("process/C.smx", "");
    (void)claim(inbox, 1, "A.smx");
    (void)claim(other, 0, "B.smx");
    assert_true(inbox_look_process(paths[3], (struct inbox_looker){note, &seen}, &err));
    assert_int_equal(seen.count, 3);
    inbox_close(inbox);
    inbox_close(other);
}

static void a_directory_that_is_not_there_is_told(void **state)
{
    struct seen seen;
    (void)state;
    assert_false(inbox_look(paths[1], (struct inbox_looker){note, &seen}, &err));
    assert_int_equal(err.os, ENOENT);
    assert_false(inbox_look_process(paths[3], (struct inbox_looker){note, &seen}, &err));
    assert_int_equal(err.os, ENOENT);
    assert_false(requeue("corrupt", "A.smx"));
    assert_int_equal(err.os, ENOENT);
}

static void the_reason_can_be_read(void **state)
{
    struct buffer why;
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/A.smx", "");
    const struct inbox_file file = claim_first(inbox, 1);
    assert_true(inbox_reject(inbox, &file, "no report", &err));
    buffer_init(&why, 1024);
    assert_true(inbox_read_why(paths[4], "A.smx", &why, &err));
    assert_true(buffer_add(&why, "", 1, &err));
    assert_non_null(strstr(why.at, "no report\n"));
    assert_false(inbox_read_why(paths[4], "B.smx", &why, &err));
    buffer_fini(&why);
    inbox_close(inbox);
}

/* ---- putting back ---- */

static void a_rejected_file_goes_back_without_its_reason(void **state)
{
    (void)state;
    struct inbox *inbox = open_inbox();
    put("corrupt/A.retry-3.smx", "text");
    put("corrupt/A.retry-3.smx.why", "failed");
    must_requeue("corrupt", "A.retry-3.smx");
    assert_string_equal(content_of("in/A.smx"), "text");
    assert_false(is_there("corrupt/A.retry-3.smx"));
    assert_false(is_there("corrupt/A.retry-3.smx.why"));
    inbox_close(inbox);
}

static void a_file_that_waits_goes_back_to_its_queue_with_its_tries(void **state)
{
    (void)state;
    struct inbox *inbox = open_inbox();
    put("retry/A.retry-1-0-9000000000000000.smx", "");
    put("retry/B.retry-2-2-9000000000000000.SMW", "");
    put("retry/C.smx", "");
    put("retry/D.retry-1-3-9000000000000000.smx", "");
    must_requeue("retry", "A.retry-1-0-9000000000000000.smx");
    must_requeue("retry", "B.retry-2-2-9000000000000000.SMW");
    must_requeue("retry", "C.smx");
    must_requeue("retry", "D.retry-1-3-9000000000000000.smx");
    assert_true(is_there("in/high/A.retry-1.smx"));
    assert_true(is_there("in/low/B.retry-2.SMW"));
    assert_true(is_there("in/C.smx"));
    assert_true(is_there("in/D.retry-1.smx"));
    inbox_close(inbox);
}

static void nothing_is_overwritten(void **state)
{
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/A.smx", "first");
    put("in/A.1.smx", "second");
    put("corrupt/A.smx", "third");
    must_requeue("corrupt", "A.smx");
    assert_string_equal(content_of("in/A.smx"), "first");
    assert_string_equal(content_of("in/A.1.smx"), "second");
    assert_string_equal(content_of("in/A.2.smx"), "third");
    inbox_close(inbox);
}

static void what_is_no_file_of_the_inbox_stays(void **state)
{
    static const char *const names[] = {"", ".smx", "../in/A.smx", "A.smx/../B.smx", "A.smx.why", "A", ".A.smx"};
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/A.smx", "");
    put("corrupt/A.smx.why", "");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_false(requeue("corrupt", names[i]));
        assert_int_equal(err.kind, ERROR_MALFORMED);
    }
    assert_false(requeue("corrupt", "B.smx"));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_true(is_there("in/A.smx") && is_there("corrupt/A.smx.why"));
    inbox_close(inbox);
}

/* ---- failing calls ---- */

static unsigned calls_left;

static int sync_a_few(int fd)
{
    if (calls_left == 0) {
        errno = EIO;
        return -1;
    }
    calls_left--;
    return sync_nothing(fd);
}

static void both_directories_are_synced(void **state)
{
    (void)state;
    struct inbox *inbox = open_inbox();
    for (unsigned i = 0; i <= 2; i++) {
        put("corrupt/A.smx", "");
        calls_left = i;
        sys.fsync = sync_a_few;
        assert_int_equal(requeue("corrupt", "A.smx"), i == 2);
        sys.fsync = sync_nothing;
        assert_false(is_there("corrupt/A.smx"));
    }
    assert_int_equal(calls_left, 0);
    assert_true(is_there("in/A.smx") && is_there("in/A.1.smx") && is_there("in/A.2.smx"));
    inbox_close(inbox);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(files_that_count_are_seen_with_what_is_known_of_them),
        TEST(what_readers_have_in_hand_is_seen_too),
        TEST(a_directory_that_is_not_there_is_told),
        TEST(the_reason_can_be_read),
        TEST(a_rejected_file_goes_back_without_its_reason),
        TEST(a_file_that_waits_goes_back_to_its_queue_with_its_tries),
        TEST(nothing_is_overwritten),
        TEST(what_is_no_file_of_the_inbox_stays),
        TEST(both_directories_are_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
