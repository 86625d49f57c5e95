/* One file into a directory, or many: whole and synced before it has its name, or not there, whatever fails and wherever
 * the power goes. */
#include "spool/deliver.h"

#include "inbox_home.h"
#include "inbox_steps.h"

#include <sys/wait.h>

enum { STEPS_MOST = 100, HOUR = 3600 };

#define SECOND ((int64_t)1000000)

static char place[PATH_SIZE];

static int make_place(void **state)
{
    (void)make_home(state);
    (void)snprintf(place, sizeof place, "%s", home);
    return 0;
}

/* Names in the directory, but those that no reader takes. */
static unsigned count_files(bool hidden)
{
    unsigned count = 0;
    DIR *directory = opendir(place);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_type == DT_REG && (entry->d_name[0] == '.') == hidden;
    (void)closedir(directory);
    return count;
}

/* ---- what is there afterwards ---- */

static void a_file_is_there_whole_and_nothing_else(void **state)
{
    static char large[300000];
    struct error err;
    (void)state;
    memset(large, 'x', sizeof large);
    assert_true(deliver_new(place, "a.smx", SPAN("one"), &err));
    assert_true(deliver_new(place, "empty.smx", SPAN(""), &err));
    assert_true(deliver_new(place, "large.smx", (struct span){large, sizeof large}, &err));
    assert_string_equal(content_of("a.smx"), "one");
    assert_string_equal(content_of("empty.smx"), "");
    struct stat status;
    char path[PATH_SIZE + 16];
    (void)snprintf(path, sizeof path, "%s/large.smx", place);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, sizeof large);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(count_files(false), 3);
    assert_int_equal(count_files(true), 0);
}

static void a_name_that_is_taken_stays_with_its_file(void **state)
{
    struct error err;
    (void)state;
    assert_true(deliver_new(place, "a.smx", SPAN("one"), &err));
    assert_false(deliver_new(place, "a.smx", SPAN("two"), &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    assert_string_equal(content_of("a.smx"), "one");
    assert_int_equal(count_files(true), 0);
}

static void who_only_tries_leaves_nothing(void **state)
{
    struct error err;
    int64_t now;
    (void)state;
    assert_true(deliver_probe(place, &now, &err));
    assert_int_equal(count_files(false) + count_files(true), 0);
    assert_false(deliver_probe("/proc", &now, &err));
    assert_false(deliver_probe("/none", &now, &err));
    assert_int_equal(err.os, ENOENT);
}

static void over_another_the_new_one_is_there(void **state)
{
    struct error err;
    (void)state;
    assert_true(deliver_over(place, "a.rsy", SPAN("one"), &err));
    assert_true(deliver_over(place, "a.rsy", SPAN("two"), &err));
    assert_string_equal(content_of("a.rsy"), "two");
    assert_int_equal(count_files(false), 1);
    assert_int_equal(count_files(true), 0);
}

static void a_directory_that_is_not_there_is_said_to_be(void **state)
{
    struct error err;
    (void)state;
    assert_false(deliver_new("/nowhere/at/all", "a.smx", SPAN("one"), &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    assert_false(deliver_sweep("/nowhere/at/all", 0, &err));
}

/* A reader of another user, who is told of a key the moment it is there, must not find it shut. */
static unsigned named_readable;

static void note_mode(int place_of_it, const char *name)
{
    struct stat status;
    assert_int_equal(fstatat(place_of_it, name, &status, AT_SYMLINK_NOFOLLOW), 0);
    named_readable += (status.st_mode & 07777) == 0644;
}

static int linkat_noting(int from, const char *name, int to, const char *as, int flags)
{
    note_mode(from, name);
    return sys_kernel.linkat(from, name, to, as, flags);
}

static int renameat_noting(int from, const char *name, int to, const char *as)
{
    note_mode(from, name);
    return sys_kernel.renameat(from, name, to, as);
}

static void a_public_file_is_readable_before_it_has_its_name(void **state)
{
    struct error err;
    (void)state;
    const mode_t before = umask(0077);
    sys.linkat = linkat_noting;
    sys.renameat = renameat_noting;
    named_readable = 0;
    assert_true(deliver_public(place, "a.pem", false, SPAN("one"), &err));
    assert_false(deliver_public(place, "a.pem", false, SPAN("two"), &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    assert_true(deliver_public(place, "a.pem", true, SPAN("two"), &err));
    (void)umask(before);
    assert_int_equal(named_readable, 3);
    assert_string_equal(content_of("a.pem"), "two");
}

/* ---- the order of steps ---- */

static char trace[64];

static void note(char step)
{
    const size_t len = strlen(trace);
    assert_true(len + 1 < sizeof trace);
    trace[len] = step;
}

static int trace_fsync(int fd)
{
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    note(S_ISDIR(status.st_mode) ? 'D' : 'F');
    return 0;
}

static int trace_linkat(int from, const char *name, int to, const char *as, int flags)
{
    note('L');
    return sys_kernel.linkat(from, name, to, as, flags);
}

static int trace_renameat(int from, const char *name, int to, const char *as)
{
    note('R');
    return sys_kernel.renameat(from, name, to, as);
}

static void a_file_is_synced_before_it_is_named_and_its_name_before_it_is_told(void **state)
{
    struct error err;
    (void)state;
    memset(trace, 0, sizeof trace);
    sys.fsync = trace_fsync;
    sys.linkat = trace_linkat;
    sys.renameat = trace_renameat;
    assert_true(deliver_new(place, "a.smx", SPAN("one"), &err));
    assert_true(deliver_over(place, "a.smx", SPAN("two"), &err));
    assert_string_equal(trace, "FLDFRD");
}

/* ---- failures and deaths ---- */

typedef bool (*deliver_function)(const char *directory, const char *name, struct span content, struct error *err);

static void assert_old_or_new(const char *old, bool done)
{
    const bool there = is_there("a.smx");
    assert_true(there || (old == NULL && !done));
    if (there && strcmp(content_of("a.smx"), "new") != 0)
        assert_true(!done && old != NULL && strcmp(content_of("a.smx"), old) == 0);
}

static void fail_each_step(deliver_function deliver, const char *old, int error)
{
    bool hit = true;
    for (unsigned at = 1; hit; at++) {
        struct error err = {0};
        assert_true(at < STEPS_MOST);
        home_empty(place);
        if (old != NULL)
            put("a.smx", old);
        const unsigned descriptors = count_descriptors();
        steps_begin(at, error);
        const bool done = deliver(place, "a.smx", SPAN("new"), &err);
        hit = steps.hit;
        steps_end();
        assert_int_equal(count_descriptors(), descriptors);
        assert_true(done || (hit && err.kind == (error == ENOSPC ? ERROR_NO_SPACE : ERROR_SYSTEM)));
        assert_old_or_new(old, done);
        assert_true(deliver == deliver_over || done == is_there("a.smx"));
    }
}

static void whatever_fails_no_half_file_has_the_name(void **state)
{
    (void)state;
    fail_each_step(deliver_new, NULL, EIO);
    fail_each_step(deliver_new, NULL, ENOSPC);
    fail_each_step(deliver_over, NULL, EIO);
    fail_each_step(deliver_over, "old", EIO);
}

static ssize_t no_random(void *bytes, size_t len, unsigned flags)
{
    (void)bytes;
    (void)len;
    (void)flags;
    errno = ENOSYS;
    return -1;
}

static void without_a_random_name_nothing_is_written(void **state)
{
    struct error err;
    (void)state;
    sys.getrandom = no_random;
    assert_false(deliver_new(place, "a.smx", SPAN("one"), &err));
    assert_int_equal(count_files(false) + count_files(true), 0);
}

static bool die_at(unsigned at, deliver_function deliver)
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        struct error err;
        steps_begin(at, STEPS_DEATH);
        _exit(deliver(place, "a.smx", SPAN("new"), &err) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == STEPS_EXIT));
    return WEXITSTATUS(status) == STEPS_EXIT;
}

static void a_death_at_any_step_leaves_the_old_or_the_new_and_what_can_be_swept(void **state)
{
    static const deliver_function functions[] = {deliver_new, deliver_over};
    struct error err;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        bool died = true;
        for (unsigned at = 1; died; at++) {
            assert_true(at < STEPS_MOST);
            home_empty(place);
            if (i == 1)
                put("a.smx", "old");
            died = die_at(at, functions[i]);
            assert_old_or_new(i == 1 ? "old" : NULL, !died);
            assert_true(deliver_sweep(place, sys_now() + 2 * HOUR * SECOND, &err));
            assert_int_equal(count_files(true), 0);
        }
    }
}

/* ---- many ---- */

enum { MANY = 4 };

static const char *const names[MANY] = {"a.smx", "b.smx", "b.smx", "c.SMW"};
static const char *const named[MANY] = {"a.smx", "b.1.smx", "b.2.smx", "c.SMW"};    /* one b.smx is there before */
static const char *const contents[MANY] = {"one", "two", "", "four"};
static struct deliver_file many[MANY];

static bool deliver_some(size_t *count, struct error *err)
{
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(many[i].name, sizeof many[i].name, "%s", names[i]);
        many[i].content = span_of(contents[i]);
    }
    return deliver_many(place, many, count, err);
}

static void prepare_for_many(void)
{
    home_empty(place);
    put("b.smx", "before");
}

/* The first ones are there, and whole. */
static void assert_many(size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_string_equal(content_of(named[i]), contents[i]);
    assert_string_equal(content_of("b.smx"), "before");
    assert_int_equal(count_files(false), 1 + count);
}

static void many_are_there_in_their_order_and_none_in_place_of_another(void **state)
{
    struct error err;
    size_t count = MANY;
    (void)state;
    prepare_for_many();
    assert_true(deliver_some(&count, &err));
    assert_int_equal(count, MANY);
    assert_many(MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_string_equal(many[i].name, named[i]);
    assert_int_equal(count_files(true), 0);
}

static int trace_syncfs(int fd)
{
    (void)fd;
    note('S');
    return 0;
}

/* "S": what is in all of them. */
static void many_take_each_step_together_with_one_sync_of_the_directory(void **state)
{
    struct error err;
    size_t count = 2;
    (void)state;
    memset(trace, 0, sizeof trace);
    sys.fsync = trace_fsync;
    sys.syncfs = trace_syncfs;
    sys.linkat = trace_linkat;
    assert_true(deliver_some(&count, &err));
    assert_string_equal(trace, "FFLLD");
    memset(trace, 0, sizeof trace);
    count = MANY;
    home_empty(place);
    assert_true(deliver_some(&count, &err));
    assert_string_equal(trace, "SLLLLLD");  /* the second b.smx is tried twice */
}

static void fail_many(size_t wanted, int error)
{
    bool hit = true;
    for (unsigned at = 1; hit; at++) {
        struct error err = {0};
        size_t count = wanted;
        assert_true(at < STEPS_MOST);
        prepare_for_many();
        const unsigned descriptors = count_descriptors();
        steps_begin(at, error);
        const bool done = deliver_some(&count, &err);
        hit = steps.hit;
        steps_end();
        assert_int_equal(count_descriptors(), descriptors);
        assert_true(done ? count == wanted : count < wanted && hit);
        assert_true(done || err.kind == (error == ENOSPC ? ERROR_NO_SPACE : ERROR_SYSTEM));
        assert_many(count);
    }
}

static void whatever_fails_only_the_first_of_many_are_there(void **state)
{
    (void)state;
    fail_many(MANY, EIO);
    fail_many(MANY, ENOSPC);
    fail_many(2, EIO);
}

static bool die_among_many(unsigned at, size_t count)
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        struct error err;
        steps_begin(at, STEPS_DEATH);
        _exit(deliver_some(&count, &err) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == STEPS_EXIT));
    return WEXITSTATUS(status) == STEPS_EXIT;
}

static void a_death_at_any_step_leaves_the_first_of_many_whole_and_what_can_be_swept(void **state)
{
    struct error err;
    (void)state;
    for (size_t wanted = 2; wanted <= MANY; wanted += MANY - 2) {
        bool died = true;
        for (unsigned at = 1; died; at++) {
            assert_true(at < STEPS_MOST);
            prepare_for_many();
            died = die_among_many(at, wanted);
            const unsigned there = count_files(false) - 1;
            assert_true(there <= wanted && (died || there == wanted));
            assert_many(there);
            assert_true(deliver_sweep(place, sys_now() + 2 * HOUR * SECOND, &err));
            assert_int_equal(count_files(true), 0);
        }
    }
}

static int always_taken(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    (void)from_directory, (void)from, (void)to_directory, (void)to, (void)flags;
    errno = EEXIST;
    return -1;
}

static void names_without_end_that_are_taken_are_said_to_be(void **state)
{
    struct error err;
    size_t count = MANY;
    (void)state;
    sys.linkat = always_taken;
    assert_false(deliver_some(&count, &err));
    assert_int_equal(count, 0);
    assert_int_equal(err.kind, ERROR_BUSY);
    assert_int_equal(count_files(true) + count_files(false), 0);
    count = MANY;
    assert_false(deliver_many("/nowhere/at/all", many, &count, &err));
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    assert_int_equal(count, 0);
}

/* ---- sweeping ---- */

static void only_our_own_leftovers_of_an_hour_are_swept(void **state)
{
    static const char *const others[] = {".deliver-0123456789ABCDE", ".deliver-0123456789ABCDEI", ".part",
                                         "deliver-0123456789ABCDEF", ".0123456789ABCDEF.part"};
    struct error err;
    (void)state;
    for (size_t i = 0; i < 5; i++)
        put(others[i], "");
    put(".deliver-0123456789ABCDEF", "");
    assert_true(deliver_sweep(place, sys_now() + (HOUR - 60) * SECOND, &err));
    assert_true(is_there(".deliver-0123456789ABCDEF"));
    assert_true(deliver_sweep(place, sys_now() + (HOUR + 60) * SECOND, &err));
    assert_false(is_there(".deliver-0123456789ABCDEF"));
    for (size_t i = 0; i < 5; i++)
        assert_true(is_there(others[i]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_there_whole_and_nothing_else),
        TEST(a_name_that_is_taken_stays_with_its_file),
        TEST(who_only_tries_leaves_nothing),
        TEST(over_another_the_new_one_is_there),
        TEST(a_public_file_is_readable_before_it_has_its_name),
        TEST(a_directory_that_is_not_there_is_said_to_be),
        TEST(a_file_is_synced_before_it_is_named_and_its_name_before_it_is_told),
        TEST(whatever_fails_no_half_file_has_the_name),
        TEST(without_a_random_name_nothing_is_written),
        TEST(a_death_at_any_step_leaves_the_old_or_the_new_and_what_can_be_swept),
        TEST(many_are_there_in_their_order_and_none_in_place_of_another),
        TEST(many_take_each_step_together_with_one_sync_of_the_directory),
        TEST(whatever_fails_only_the_first_of_many_are_there),
        TEST(a_death_at_any_step_leaves_the_first_of_many_whole_and_what_can_be_swept),
        TEST(names_without_end_that_are_taken_are_said_to_be),
        TEST(only_our_own_leftovers_of_an_hour_are_swept),
    };
    (void)umask(0027);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
