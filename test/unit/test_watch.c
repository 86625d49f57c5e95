/* Which events wake the loader: whatever way a file comes, and nothing that is not a file of the inbox. */
#include "../../src/statesys/watch.h"

#include "inbox_home.h"

static struct watch *watch;
static struct error err;

static int open_watch(void **state)
{
    char path[PATH_SIZE];
    (void)make_home(state);
    (void)snprintf(path, sizeof path, "%s/in", home);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(watch_open(&watch, &err) && watch_add(watch, path, &err));
    return 0;
}

static int close_watch(void **state)
{
    watch_close(watch);
    watch_close(NULL);
    return remove_home(state);
}

static const char *path_of(const char *below)
{
    static char path_text[2][PATH_SIZE];
    static unsigned turn;
    char *path = path_text[turn++ % 2];
    (void)snprintf(path, PATH_SIZE, "%s/%s", home, below);
    return path;
}

static enum watch_reason look(void)
{
    return watch_wait(watch, 0, true);
}

static void a_file_is_noticed_whatever_way_it_comes(void **state)
{
    (void)state;
    put("a", "");
    assert_int_equal(rename(path_of("a"), path_of("in/a.smx")), 0);
    assert_int_equal(look(), WATCH_NOTICE);
    assert_int_equal(link(path_of("in/a.smx"), path_of("in/b.smx")), 0);
    assert_int_equal(look(), WATCH_NOTICE);
    put("in/c.smx", "written in place");
    assert_int_equal(look(), WATCH_NOTICE);
    assert_int_equal(look(), WATCH_TIME);
}

/* Its end is noticed, too, and not only its beginning. */
static void a_file_that_took_long_to_write_is_noticed_when_it_is_closed(void **state)
{
    (void)state;
    FILE *file = fopen(path_of("in/a.smx"), "w");
    assert_non_null(file);
    assert_int_equal(look(), WATCH_NOTICE);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(look(), WATCH_NOTICE);
}

static void what_is_no_file_of_the_inbox_is_not_noticed(void **state)
{
    (void)state;
    put("in/.part", "");
    assert_int_equal(mkdir(path_of("in/high"), 0700), 0);
    put("in/high/a.smx", "");
    put("elsewhere.smx", "");
    assert_int_equal(look(), WATCH_TIME);
    assert_int_equal(rename(path_of("in/.part"), path_of("gone")), 0);
    assert_int_equal(look(), WATCH_TIME);
}

static void what_was_drained_is_not_noticed_and_what_comes_after_is(void **state)
{
    (void)state;
    put("in/a.smx", "");
    watch_drain(watch);
    assert_int_equal(look(), WATCH_TIME);
    put("in/b.smx", "");
    assert_int_equal(watch_wait(watch, 0, false), WATCH_TIME);
    assert_int_equal(look(), WATCH_NOTICE);
}

static void a_directory_that_was_exchanged_is_watched_when_it_is_added_again(void **state)
{
    (void)state;
    assert_int_equal(rename(path_of("in"), path_of("old")), 0);
    assert_int_equal(mkdir(path_of("in"), 0700), 0);
    assert_true(watch_add(watch, path_of("in"), &err));
    put("in/a.smx", "");
    assert_int_equal(look(), WATCH_NOTICE);
    assert_false(watch_add(watch, path_of("none"), &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
}

static void who_is_woken_before_he_waits_does_not_wait(void **state)
{
    (void)state;
    watch_wake(watch);
    watch_wake(watch);
    assert_int_equal(watch_wait(watch, INT64_MAX, true), WATCH_WOKEN);
    assert_int_equal(look(), WATCH_TIME);
    put("in/a.smx", "");
    assert_int_equal(watch_wait(watch, INT64_MAX, true), WATCH_NOTICE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_watch, close_watch)
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_noticed_whatever_way_it_comes),
        TEST(a_file_that_took_long_to_write_is_noticed_when_it_is_closed),
        TEST(what_is_no_file_of_the_inbox_is_not_noticed),
        TEST(what_was_drained_is_not_noticed_and_what_comes_after_is),
        TEST(a_directory_that_was_exchanged_is_watched_when_it_is_added_again),
        TEST(who_is_woken_before_he_waits_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
