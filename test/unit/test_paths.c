/* A parent's inbox that is this site's own, whatever it is called, is refused; the parent's is not, nor one that is not
 * there now. */
#include "../../src/statesys/paths.h"

#include "inbox_home.h"

#include <sys/stat.h>

static struct paths site;
static struct error err;

static void make_below(const char *below)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* The inbox is box/, and another site's beside/. */
static int make_site(void **state)
{
    static const char *const all[] = {"box",
                                      "box/incoming",
                                      "box/incoming/high",
                                      "box/incoming/low",
                                      "box/process",
                                      "box/corrupt",
                                      "box/retry",
                                      "box/outgoing",
                                      "box/outgoing/resync",
                                      "box/incoming/deep",
                                      "box/incoming/deep/deeper",
                                      "beside"};
    static char box[PATH_SIZE];
    static const struct settings settings = {.root = home, .inbox = box};
    (void)make_home(state);
    (void)snprintf(box, sizeof box, "%s/box", home);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        make_below(all[i]);
    assert_true(paths_write(&settings, &site, &err));
    return 0;
}

static bool is_good(const char *below)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    return paths_check_parent(&site, path, &err);
}

static void the_inbox_of_another_site_is_good(void **state)
{
    (void)state;
    assert_true(paths_check_parent(&site, NULL, &err));
    assert_true(is_good("beside") && is_good("box/../beside/") && is_good(""));
    assert_true(is_good("beside/not/there") && is_good("box/outgoing/resync") && is_good("box/outgoing/not/there"));
}

static void the_own_inbox_is_refused_and_so_is_what_lies_in_it(void **state)
{
    static const char *const own[] = {"box/incoming",
                                      "box/incoming/",
                                      "beside/../box/./incoming",
                                      "box/incoming/high",
                                      "box/incoming/low",
                                      "box/incoming/deep/deeper",
                                      "box/incoming/not/there",
                                      "box/incoming/deep/not there/",
                                      "box/process",
                                      "box/retry",
                                      "box/corrupt",
                                      "box/outgoing"};
    (void)state;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (is_good(own[i]))
            fail_msg("%s is taken", own[i]);
        assert_int_equal(err.kind, ERROR_MALFORMED);
        assert_non_null(strstr(err.text, "parent-inbox"));
        assert_non_null(strstr(err.text, own[i]));
    }
}

static void link_to(const char *target, const char *below)
{
    char path[PATH_SIZE];
    char to[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    (void)snprintf(to, sizeof to, "%s/%s", home, target);
    assert_int_equal(symlink(to, path), 0);
}

static void a_symbolic_link_is_seen_through(void **state)
{
    (void)state;
    link_to("box/incoming", "beside/a");
    link_to("beside/a", "beside/b");
    link_to("box/incoming/deep", "beside/deep");
    link_to("beside", "box/incoming/out");
    assert_false(is_good("beside/a") || is_good("beside/b") || is_good("beside/deep") || is_good("beside/deep/deeper"));
    assert_false(is_good("beside/a/not/there"));
    assert_true(is_good("box/incoming/out"));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, make_site, remove_home)
    const struct CMUnitTest tests[] = {
        TEST(the_inbox_of_another_site_is_good),
        TEST(the_own_inbox_is_refused_and_so_is_what_lies_in_it),
        TEST(a_symbolic_link_is_seen_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
