/* The kernel's half measures: interrupted calls, short writes, failures in the middle of a file. */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SOME_FD = 1000, ALL = 100000, COUNT_OF_ANSWERS = 12 };

/* What the next calls answer: a count of bytes (ALL: as many as asked), or -errno. Behind the last: ALL. */
static int answers[COUNT_OF_ANSWERS];
static unsigned asked;
static unsigned closed;
static char written[256];
static size_t written_len;

static void script(const int *list, size_t count)
{
    for (size_t i = 0; i < COUNT_OF_ANSWERS; i++)
        answers[i] = i < count ? list[i] : ALL;
    asked = 0;
    closed = 0;
    written_len = 0;
}

#define SCRIPT(...) script((const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static int next_answer(void)
{
    assert_in_range(asked, 0, COUNT_OF_ANSWERS - 1);
    const int answer = answers[asked++];
    if (answer < 0)
        errno = -answer;
    return answer;
}

static ssize_t write_as_told(int fd, const struct iovec *parts, int count)
{
    const int answer = next_answer();
    ssize_t done = 0;
    assert_int_equal(fd, SOME_FD);
    for (int i = 0; answer >= 0 && i < count; i++)
        for (size_t k = 0; k < parts[i].iov_len && done < answer; k++, done++) {
            assert_in_range(written_len, 0, sizeof written - 1);
            written[written_len++] = ((const char *)parts[i].iov_base)[k];
        }
    return answer < 0 ? -1 : done;
}

static int sync_as_told(int fd)
{
    assert_int_equal(fd, SOME_FD);
    return next_answer() < 0 ? -1 : 0;
}

static int close_as_told(int fd)
{
    closed++;
    return close(fd);
}

/* Reads the real file, but only as far, and only when, the script says. */
static ssize_t read_as_told(int fd, void *bytes, size_t len)
{
    const int answer = next_answer();
    return answer < 0 ? -1 : read(fd, bytes, (size_t)answer < len ? (size_t)answer : len);
}

static int restore_kernel(void **state)
{
    (void)state;
    sys = sys_kernel;
    return 0;
}

/* ---- writing ---- */

static bool write_pair(struct span a, struct span b)
{
    const struct span parts[2] = {a, b};
    sys.writev = write_as_told;
    return sys_write_all(SOME_FD, parts);
}

static void assert_written(const char *expected)
{
    assert_int_equal(written_len, strlen(expected));
    assert_memory_equal(written, expected, written_len);
}

static void all_is_written_however_short_and_interrupted_the_writes_are(void **state)
{
    static const struct {
        int answers[6];
        unsigned calls;
    } cases[] = {
        {{ALL, ALL, ALL, ALL, ALL, ALL}, 1},
        {{1, ALL, ALL, ALL, ALL, ALL}, 2},
        {{3, ALL, ALL, ALL, ALL, ALL}, 2},
        {{4, ALL, ALL, ALL, ALL, ALL}, 2},
        {{1, 1, 1, 1, 1, 2}, 6},
        {{-EINTR, ALL, ALL, ALL, ALL, ALL}, 2},
        {{2, -EINTR, -EINTR, 2, -EINTR, ALL}, 6},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script(cases[i].answers, 6);
        assert_true(write_pair(SPAN("abc"), SPAN("defg")));
        assert_written("abcdefg");
        assert_int_equal(asked, cases[i].calls);
    }
}

static void empty_parts_are_written(void **state)
{
    const struct span none = {NULL, 0};
    (void)state;
    SCRIPT(1);
    assert_true(write_pair(SPAN("abc"), none));
    assert_written("abc");
    SCRIPT(1);
    assert_true(write_pair(none, SPAN("abc")));
    assert_written("abc");
    SCRIPT(-EIO);
    assert_true(write_pair(none, none));
    assert_int_equal(asked, 0);
}

static void a_failed_write_leaves_its_errno(void **state)
{
    (void)state;
    SCRIPT(-EIO);
    assert_false(write_pair(SPAN("abc"), SPAN("def")));
    assert_int_equal(errno, EIO);
    SCRIPT(4, -EINTR, -ENOSPC);
    assert_false(write_pair(SPAN("abc"), SPAN("def")));
    assert_int_equal(errno, ENOSPC);
    assert_written("abcd");
    assert_int_equal(asked, 3);
}

static void a_write_of_nothing_is_a_full_disk(void **state)
{
    (void)state;
    SCRIPT(2, 0);
    errno = 0;
    assert_false(write_pair(SPAN("abc"), SPAN("def")));
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(asked, 2);
}

/* ---- reading ---- */

static void temporary_file(char *path, const char *bytes, size_t len)
{
    const int fd = mkstemp(path);
    assert_in_range(fd, 0, 1000);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(close(fd), 0);
}

static void a_file_is_read_whole_however_short_and_interrupted_the_reads_are(void **state)
{
    enum { LEN = 100000 };
    char path[] = "/tmp/test_sys.XXXXXX";
    char *bytes = malloc(LEN);
    struct buffer buffer;
    struct error err;
    (void)state;
    assert_non_null(bytes);
    for (int i = 0; i < LEN; i++)
        bytes[i] = (char)(i * 31 % 251);
    temporary_file(path, bytes, LEN);
    sys.read = read_as_told;
    sys.close = close_as_told;
    SCRIPT(-EINTR, 1, -EINTR, 5000, ALL);
    buffer_init(&buffer, LEN + 1);
    assert_true(buffer_add(&buffer, "x", 1, &err));
    assert_true(sys_read_file(AT_FDCWD, path, &buffer, &err));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(buffer.len, LEN + 1);
    assert_memory_equal(buffer.at + 1, bytes, LEN);
    assert_int_equal(closed, 1);
    buffer_fini(&buffer);
    free(bytes);
}

static void what_cannot_be_read_leaves_the_buffer_as_it_was(void **state)
{
    static const struct {
        int answers[2];
        size_t most;
        enum error_kind kind;
        int os;
    } cases[] = {
        {{-EIO, ALL}, 100, ERROR_SYSTEM, EIO},
        {{2, -EIO}, 100, ERROR_SYSTEM, EIO},
        {{2, ALL}, 8, ERROR_TOO_BIG, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[] = "/tmp/test_sys.XXXXXX";
        struct buffer buffer;
        struct error err = {.text = ""};
        temporary_file(path, "0123456", 7);
        buffer_init(&buffer, cases[i].most);
        assert_true(buffer_add(&buffer, "ab", 2, &err));
        sys.read = read_as_told;
        sys.close = close_as_told;
        script(cases[i].answers, 2);
        assert_false(sys_read_file(AT_FDCWD, path, &buffer, &err));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(err.kind, cases[i].kind);
        assert_int_equal(err.os, cases[i].os);
        assert_true(span_equal(buffer_span(&buffer), SPAN("ab")));
        assert_int_equal(closed, 1);
        buffer_fini(&buffer);
    }
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct buffer buffer;
    struct error err;
    (void)state;
    buffer_init(&buffer, 100);
    assert_false(sys_read_file(AT_FDCWD, "/no/such", &buffer, &err));
    assert_string_equal(err.text, "cannot open '/no/such': No such file or directory");
    assert_int_equal(err.os, ENOENT);
    assert_false(sys_read_file(AT_FDCWD, "/", &buffer, &err));
    assert_string_equal(err.text, "cannot read '/': Is a directory");
    buffer_fini(&buffer);
}

/* ---- syncing ---- */

static void a_sync_goes_on_after_an_interruption_and_only_then(void **state)
{
    int (*const calls[])(int) = {sys_fsync, sys_fdatasync, sys_syncfs};
    (void)state;
    sys.fsync = sync_as_told;
    sys.fdatasync = sync_as_told;
    sys.syncfs = sync_as_told;
    for (size_t i = 0; i < 3; i++) {
        SCRIPT(-EINTR, -EINTR, ALL);
        assert_int_equal(calls[i](SOME_FD), 0);
        assert_int_equal(asked, 3);
        SCRIPT(-EINTR, -EIO, ALL);
        assert_int_equal(calls[i](SOME_FD), -1);
        assert_int_equal(errno, EIO);
        assert_int_equal(asked, 2);
    }
}

/* ---- directories ---- */

static int failing;              /* the how manyth call fails, from 0 */

static bool fails_now(void)
{
    if (failing-- != 0)
        return false;
    errno = EIO;
    return true;
}

static int make_unless_failing(int directory, const char *path, mode_t mode)
{
    return fails_now() ? -1 : mkdirat(directory, path, mode);
}

static int open_unless_failing(int directory, const char *path, int flags, mode_t mode)
{
    return fails_now() ? -1 : openat(directory, path, flags, mode);
}

static int sync_unless_failing(int fd)
{
    asked++;
    return fails_now() ? -1 : fsync(fd);
}

static void script_directories(int call_that_fails)
{
    failing = call_that_fails;
    asked = 0;
    closed = 0;
    sys.mkdirat = make_unless_failing;
    sys.openat = open_unless_failing;
    sys.fsync = sync_unless_failing;
    sys.close = close_as_told;
}

static void remove_directories(const char *folder)
{
    static const char *const names[] = {"a/b/c", "a/b", "a", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char part[64];
        (void)snprintf(part, sizeof part, "%s/%s", folder, names[i]);
        assert_int_equal(rmdir(part), 0);
    }
}

static void missing_directories_are_made_and_each_is_synced_into_its_parent(void **state)
{
    char folder[] = "/tmp/test_sys.XXXXXX", path[64];
    struct error err;
    struct stat about;
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a//b/c/", folder);
    script_directories(-1);
    assert_true(sys_make_directory(path, &err));
    enum { ABOVE = 2, MADE = 3, NAMED_TWICE = 2 };      /* "/tmp" and the folder; "a", "b", "c"; "a/" and "c/" */
    assert_int_equal(asked, ABOVE + MADE + NAMED_TWICE);
    assert_int_equal(closed, asked);
    assert_int_equal(stat(path, &about), 0);
    assert_true(S_ISDIR(about.st_mode));
    assert_int_equal(about.st_mode & 027, 0);
    remove_directories(folder);
}

/* They may have been made just before a crash. Above our own we may not be allowed to sync, or even to look. */
static void directories_that_are_there_are_synced_too_as_far_as_that_is_allowed(void **state)
{
    enum { PARTS = 5 };
    char folder[] = "/tmp/test_sys.XXXXXX", path[64];
    struct error err = {0};
    unsigned calls = 0;
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a/b/c", folder);
    script_directories(-1);
    assert_true(sys_make_directory(path, &err));
    assert_int_equal(asked, PARTS);
    script_directories(-1);
    assert_true(sys_make_directory(path, &err));
    assert_int_equal(asked, PARTS);
    assert_int_equal(closed, PARTS);
    for (int i = 0; i < PARTS * 3; i++) {       /* each part of the path: made, opened above, synced above */
        script_directories(i);
        const bool done = sys_make_directory(path, &err);
        assert_int_equal(done, i % 3 != 0);     /* only a refused mkdir says that it may not be there */
        calls += failing < 0;
    }
    assert_int_equal(calls, PARTS * 3);
    remove_directories(folder);
}

static void each_failure_on_the_way_to_a_directory_is_told(void **state)
{
    static const char *const expected[] = {"cannot make the directory 'n'", "cannot open the directory above 'n'",
                                           "cannot sync the directory above 'n'"};
    char folder[] = "/tmp/test_sys.XXXXXX", home[4096];
    struct error err;
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_non_null(getcwd(home, sizeof home));
    assert_int_equal(chdir(folder), 0);
    for (int i = 0; i < 3; i++) {
        script_directories(i);
        assert_false(sys_make_directory("n", &err));
        assert_int_equal(err.os, EIO);
        assert_memory_equal(err.text, expected[i], strlen(expected[i]));
        assert_int_equal(closed, i == 2 ? 1 : 0);
        (void)rmdir("n");
    }
    assert_int_equal(chdir(home), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void a_path_must_have_a_length_that_fits(void **state)
{
    char path[PATH_MAX + 1];
    struct error err;
    (void)state;
    memset(path, 'x', PATH_MAX);
    path[PATH_MAX] = '\0';
    assert_false(sys_make_directory("", &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_false(sys_make_directory(path, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
}

/* ---- the real table ---- */

static void the_real_calls_keep_a_file(void **state)
{
    char folder[] = "/tmp/test_sys.XXXXXX";
    const struct span parts[2] = {SPAN("head"), SPAN("body")};
    struct buffer buffer;
    struct error err;
    struct stat about;
    struct statvfs space;
    (void)state;
    assert_non_null(mkdtemp(folder));
    const int directory = sys.openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    assert_in_range(directory, 0, 1000);
    const int fd = sys.openat(directory, "a", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    assert_in_range(fd, 0, 1000);
    assert_true(sys_write_all(fd, parts));
    assert_int_equal(sys_fsync(fd), 0);
    assert_int_equal(sys.fstat(fd, &about), 0);
    assert_int_equal(about.st_size, 8);
    assert_int_equal(sys.fstatvfs(fd, &space), 0);
    assert_int_equal(sys.close(fd), 0);
    assert_int_equal(sys.linkat(directory, "a", directory, "b", 0), 0);
    assert_int_equal(sys.linkat(directory, "a", directory, "b", 0), -1);
    assert_int_equal(sys_syncfs(directory), 0);
    assert_int_equal(sys.unlinkat(directory, "a", 0), 0);
    buffer_init(&buffer, 100);
    assert_true(sys_read_file(directory, "b", &buffer, &err));
    assert_true(span_equal(buffer_span(&buffer), SPAN("headbody")));
    buffer_fini(&buffer);
    assert_int_equal(sys.unlinkat(directory, "b", 0), 0);
    assert_int_equal(sys.close(directory), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void the_clocks_tell_microseconds(void **state)
{
    const int64_t before = sys_ticks();
    (void)state;
    assert_true(sys_ticks() >= before);
    const int64_t seconds = (int64_t)time(NULL);
    assert_in_range(sys_now() / 1000000, seconds - 86400, seconds + 86400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(all_is_written_however_short_and_interrupted_the_writes_are, restore_kernel),
        cmocka_unit_test_teardown(empty_parts_are_written, restore_kernel),
        cmocka_unit_test_teardown(a_failed_write_leaves_its_errno, restore_kernel),
        cmocka_unit_test_teardown(a_write_of_nothing_is_a_full_disk, restore_kernel),
        cmocka_unit_test_teardown(a_file_is_read_whole_however_short_and_interrupted_the_reads_are, restore_kernel),
        cmocka_unit_test_teardown(what_cannot_be_read_leaves_the_buffer_as_it_was, restore_kernel),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test_teardown(a_sync_goes_on_after_an_interruption_and_only_then, restore_kernel),
        cmocka_unit_test_teardown(missing_directories_are_made_and_each_is_synced_into_its_parent, restore_kernel),
        cmocka_unit_test_teardown(directories_that_are_there_are_synced_too_as_far_as_that_is_allowed, restore_kernel),
        cmocka_unit_test_teardown(each_failure_on_the_way_to_a_directory_is_told, restore_kernel),
        cmocka_unit_test(a_path_must_have_a_length_that_fits),
        cmocka_unit_test(the_real_calls_keep_a_file),
        cmocka_unit_test(the_clocks_tell_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
