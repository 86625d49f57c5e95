/* Each system call and each allocation of a loader fails in turn: no file is lost, none counts twice, and the same
 * loader brings all of them to their ends in its next round. */
#include "loader_home.h"

#include "inbox_steps.h"
#include "step.h"

#include <errno.h>

enum { STEPS_MOST = 5000 };

static char parent[PATH_SIZE];

static void make_below(const char *below)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* Good, bad, repeated, in hand of one who is gone, and waiting for the parent. */
static void prepare(bool with_parent)
{
    void *unused = NULL;
    (void)make_place(&unused);
    load_once();
    make_below("process/2");
    make_below("process/2/1");
    make_below("parent");
    put("process/2/lock", "");
    (void)snprintf(parent, sizeof parent, "%s/parent", home);
    if (with_parent) {
        place.site.paths.parent_inbox = parent;
        place.site.store.parent_site = "CAS";
        put_report("outgoing/o.SMW", "GUID:O", 1, "1");
    }
    put_report("in/high/a.smx", "GUID:A", 1, "1 2");
    put_report("in/b.smx", "GUID:B", 1, "1 4");
    put_report("in/c.smx", "GUID:B", 1, "1 4");
    put_report("process/2/1/d.smx", "GUID:A", 2, "3");
    put("in/bad.smx", "<Report>");
    make_old("in/bad.smx");
}

/* Rounds of which the call number `at` fails; false: there were fewer. */
static bool fail_one(unsigned at, int error)
{
    struct loader *loader;
    atomic_store(&place.site.last_round, 0);
    steps_begin(at, error);
    const bool opened = loader_open(&place.site, &loader, &err);
    if (opened) {
        must(loader_start(loader, &err));
        wait_for(&place.site.last_round);
        wake(loader);
        loader_stop(loader);
    }
    steps_end();
    if (!opened)
        load_once();
    return steps.hit;
}

static unsigned count_below(const char *below)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    DIR *directory = opendir(path);
    unsigned count = 0;
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_type == DT_REG && strcmp(entry->d_name, "lock") != 0;
    (void)closedir(directory);
    return count;
}

static void assert_all_have_their_ends(bool with_parent)
{
    static const char *const empty[] = {"in",          "in/high",     "in/low",      "retry",      "outgoing",
                                        "process/1/0", "process/1/1", "process/1/3", "process/2/1"};
    assert_string_equal(
        ask("SELECT c.SMSID || ' ' || s.HighSerialNumber || ' ' || s.MessagesProcessed FROM SR_Clients c "
            "JOIN SR_ClientMessageStats s ON s.MachineID = c.MachineID ORDER BY c.SMSID"),
        "A 3 3\nB 4 2\n");
    assert_string_equal(ask("SELECT FirstMissing || '-' || LastMissing FROM SR_MissingMessageRanges"), "2-3\n");
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        assert_int_equal(count_below(empty[i]), 0);
    assert_int_equal(count_below("corrupt"), 2); /* and its reason */
    assert_true(!with_parent || (is_there("parent/o.SMW") && is_there("parent/a.SMW") && is_there("parent/d.SMW")));
}

static void fail_each(int error, bool with_parent)
{
    const unsigned step = step_of("EVERY");
    void *unused = NULL;
    bool hit = true;
    for (unsigned at = 1; hit; at += step) {
        assert_true(at < STEPS_MOST);
        prepare(with_parent);
        const unsigned descriptors = count_descriptors();
        hit = fail_one(at, error);
        assert_int_equal(count_descriptors(), descriptors);
        assert_all_have_their_ends(with_parent);
        (void)remove_home(&unused);
    }
}

static void whatever_fails_nothing_is_lost_and_nothing_counts_twice(void **state)
{
    (void)state;
    fail_each(ENOSPC, false);
}

static void nor_on_the_way_to_the_parent(void **state)
{
    (void)state;
    fail_each(EIO, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_nothing_is_lost_and_nothing_counts_twice),
        cmocka_unit_test(nor_on_the_way_to_the_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
