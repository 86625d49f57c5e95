/* What waits in a directory, for those who only look. */
#include "inbox_home.h"

#include <errno.h>
#include <sys/stat.h>

static void put_aged(const char *name, int64_t seconds)
{
    char path[PATH_SIZE];
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds, .tv_nsec = 5000}};
    put(name, "");
    (void)snprintf(path, sizeof path, "%s/%s", home, name);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static struct inbox_survey survey_of(const char *directory, uint64_t most)
{
    struct inbox_survey found;
    struct error err;
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, directory);
    if (!inbox_survey(path, most, &found, &err))
        fail_msg("%s", err.text);
    return found;
}

static struct inbox_survey survey(uint64_t most)
{
    return survey_of("in", most);
}

static void files_that_count_are_counted_and_the_oldest_is_found(void **state)
{
    (void)state;
    struct inbox *inbox = open_inbox();
    assert_int_equal(survey(10).count, 0);
    assert_int_equal(survey(10).oldest, INT64_MAX);
    put_aged("in/b.smx", 2000);
    put_aged("in/a.SMW", 3000);
    put_aged("in/c.smx", 1000);
    put_aged("in/d.txt", 10);
    put_aged("in/.e.smx", 10);
    assert_int_equal(survey(10).count, 3);
    assert_int_equal(survey(10).oldest, 1000 * INT64_C(1000000) + 5);
    inbox_close(inbox);
}

static void counting_stops_at_the_bound(void **state)
{
    char name[32];
    (void)state;
    struct inbox *inbox = open_inbox();
    for (int i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof name, "in/%d.smx", i);
        put(name, "");
    }
    assert_int_equal(survey(1).count, 1);
    assert_int_equal(survey(4).count, 4);
    assert_int_equal(survey(5).count, 5);
    assert_int_equal(survey(6).count, 5);
    inbox_close(inbox);
}

static unsigned looks;

static int count_looks(int directory, const char *path, struct stat *out, int flags)
{
    looks++;
    return fstatat(directory, path, out, flags);
}

enum { MANY = 3000 };

static void put_many(const char *directory)
{
    char name[64];
    for (int i = 1; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "%s/%07d.smx", directory, (int)(i * 7919LL % 10000000));
        put(name, "");
    }
}

/* Whatever the order in the directory: that file is the first one made in one, and the last in the other. */
static void of_many_files_few_are_asked_and_the_first_name_is_among_them(void **state)
{
    (void)state;
    struct inbox *inbox = open_inbox();
    put_aged("in/high/0000000.smx", 1000);
    put_many("in/high");
    put_many("in/low");
    put_aged("in/low/0000000.smx", 1000);
    sys.fstatat = count_looks;
    for (int i = 0; i < 2; i++) {
        looks = 0;
        const struct inbox_survey found = survey_of(i == 0 ? "in/high" : "in/low", MANY + 1);
        assert_int_equal(found.count, MANY);
        assert_int_equal(found.oldest, 1000 * INT64_C(1000000) + 5);
        assert_in_range(looks, 1000, 2000);
    }
    sys.fstatat = sys_kernel.fstatat;
    inbox_close(inbox);
}

static int refuse_open(int directory, const char *path, int flags, mode_t mode)
{
    (void)directory, (void)path, (void)flags, (void)mode;
    errno = EACCES;
    return -1;
}

static ssize_t refuse_reading(int fd, void *entries, size_t size)
{
    (void)fd, (void)entries, (void)size;
    errno = EIO;
    return -1;
}

static void a_directory_that_cannot_be_read_is_an_error(void **state)
{
    struct inbox_survey found = {.count = 7};
    struct error err;
    (void)state;
    assert_false(inbox_survey("/no/such/directory", 10, &found, &err));
    assert_non_null(strstr(err.text, "/no/such/directory"));
    sys.openat = refuse_open;
    assert_false(inbox_survey(home, 10, &found, &err));
    sys.openat = sys_kernel.openat;
    sys.getdents64 = refuse_reading;
    assert_false(inbox_survey(home, 10, &found, &err));
    sys.getdents64 = sys_kernel.getdents64;
    assert_int_equal(found.count, 7);
}

static int be_gone(int directory, const char *path, struct stat *out, int flags)
{
    (void)directory, (void)path, (void)out, (void)flags;
    errno = ENOENT;
    return -1;
}

static void a_file_that_is_taken_meanwhile_has_no_age(void **state)
{
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/a.smx", "");
    sys.fstatat = be_gone;
    assert_int_equal(survey(10).oldest, INT64_MAX);
    sys.fstatat = sys_kernel.fstatat;
    inbox_close(inbox);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_that_count_are_counted_and_the_oldest_is_found),
        TEST(counting_stops_at_the_bound),
        TEST(of_many_files_few_are_asked_and_the_first_name_is_among_them),
        TEST(a_directory_that_cannot_be_read_is_an_error),
        TEST(a_file_that_is_taken_meanwhile_has_no_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
