/* The loader of a site with a parent: every file that was loaded comes there, now or later, and never half. */
#include "loader_home.h"

#include <errno.h>

static char parent[PATH_SIZE];

static int make_child(void **state)
{
    (void)make_place(state);
    (void)snprintf(parent, sizeof parent, "%s/parent", home);
    place.site.paths.parent_inbox = parent;
    place.site.store.parent_site = "CAS";
    load_once(); /* makes the directories, but not the parent's */
    return 0;
}

static void make_parent(void)
{
    assert_int_equal(mkdir(parent, 0700), 0);
}

/* Numbers of threads are the kernel's. */
static const char *without_ids(const char *log)
{
    static char text[ANSWER_SIZE];
    size_t len = 0;
    for (const char *at = log; *at != '\0'; at++) {
        text[len++] = *at;
        if (strncmp(at, "id:", 3) != 0)
            continue;
        memcpy(text + len, "d:N", 3);
        len += 3;
        at += 2 + strspn(at + 3, "0123456789");
    }
    text[len] = '\0';
    return text;
}

/* KB 4459394, with the lines of later versions. */
static void the_log_is_that_of_the_original(void **state)
{
    (void)state;
    make_parent();
    put_report("in/mdlbp169.SMX", "GUID:A", 1, "1");
    assert_string_equal(without_ids(load_and_read_log(LOG_LEVEL_DEFAULT)),
                        "Found new state messages to process, starting processing thread\n"
                        "Thread \"State Message Processing Thread #0\" id:N started\n"
                        "total chucks loaded (1)\n"
                        "CMessageProcessor - Detected parent site 'CAS'\n"
                        "CMessageProcessor - Processing file: mdlbp169.SMW\n"
                        "CMessageProcessor - Processed 1 records with 0 invalid records.\n"
                        "CMessageProcessor - Successfully replicated file \"mdlbp169.SMW\" to parent site CAS.\n"
                        "CMessageProcessor - Processed 1 message files in this batch, with 0 bad files.\n"
                        "total chucks loaded (0)\n"
                        "Thread \"State Message Processing Thread #0\" id:N terminated normally\n");
    assert_true(is_there("parent/mdlbp169.SMW") && !is_there("in/mdlbp169.SMX"));
}

static void a_file_comes_to_the_parent_as_it_is(void **state)
{
    char sent[ANSWER_SIZE];
    (void)state;
    make_parent();
    put_report("in/a.smx", "GUID:A", 1, "1 2 3");
    (void)snprintf(sent, sizeof sent, "%s", content_of("in/a.smx"));
    load_once();
    assert_string_equal(content_of("parent/a.SMW"), sent);
    assert_int_equal(metrics_count(&place.site.counters.files_replicated), 1);
}

static void a_name_that_the_parent_has_gets_a_number(void **state)
{
    (void)state;
    make_parent();
    put("parent/a.SMW", "another child's");
    put_report("in/a.smx", "GUID:A", 1, "1");
    load_once();
    assert_string_equal(content_of("parent/a.SMW"), "another child's");
    assert_true(is_there("parent/a.1.SMW"));
}

static void while_the_parent_is_away_files_wait_and_come_later(void **state)
{
    (void)state;
    put_report("in/b.smx", "GUID:A", 1, "1");
    put_report("in/a.smx", "GUID:B", 1, "1");
    const char *log = load_and_read_log(LOG_LEVEL_WARNING);
    assert_non_null(strstr(log, "CMessageProcessor - WARNING: parent site CAS takes no files ("));
    assert_null(strstr(strchr(log, '\n') + 1, "WARNING")); /* once */
    assert_true(is_there("outgoing/a.SMW") && is_there("outgoing/b.SMW") && !is_there("in/a.smx"));
    assert_string_equal(ask("SELECT COUNT(*) FROM SR_ProcessedFiles"), "2\n");
    load_once();
    assert_true(is_there("outgoing/a.SMW"));
    make_parent();
    log = load_and_read_log(LOG_LEVEL_DEFAULT);
    assert_string_equal(log, "CMessageProcessor - Successfully replicated file \"a.SMW\" to parent site CAS.\n"
                             "CMessageProcessor - Successfully replicated file \"b.SMW\" to parent site CAS.\n");
    assert_true(is_there("parent/a.SMW") && is_there("parent/b.SMW") && !is_there("outgoing/a.SMW"));
}

/* max-file may have been more when it came. */
static void one_that_cannot_be_read_does_not_hold_up_the_others(void **state)
{
    static char large[2 * 1024 * 1024];
    (void)state;
    make_parent();
    memset(large, ' ', sizeof large - 1);
    put("outgoing/a.SMW", large);
    put("outgoing/b.SMW", "b");
    load_once();
    assert_true(is_there("outgoing/a.SMW") && is_there("parent/b.SMW") && !is_there("outgoing/b.SMW"));
}

/* As after a crash between the commit and the delivery. */
static void what_is_in_the_database_already_still_comes_to_the_parent(void **state)
{
    (void)state;
    make_parent();
    put_report("in/a.smx", "GUID:A", 1, "1");
    load_once();
    put_report("process/9.smx", "GUID:A", 1, "1");
    load_once();
    assert_true(is_there("parent/9.SMW"));
    assert_string_equal(ask("SELECT COUNT(*) FROM SR_ProcessedFiles"), "1\n");
}

static void what_is_bad_does_not_come_to_the_parent(void **state)
{
    (void)state;
    make_parent();
    put("in/bad.smx", "<Report>");
    make_old("in/bad.smx");
    load_once();
    assert_true(is_there("corrupt/bad.SMW") && is_there("corrupt/bad.SMW.why") && !is_there("parent/bad.SMW"));
}

/* ---- many at once ---- */

static struct {
    struct sys_identity directory;
    _Atomic unsigned syncs; /* of the parent's directory */
    _Atomic unsigned early; /* files that were removed here before it */
} watched;

static int count_sync(int fd)
{
    struct sys_identity synced;
    if (sys_identify(fd, &synced))
        watched.syncs += synced.device == watched.directory.device && synced.inode == watched.directory.inode;
    return sync_nothing(fd);
}

static int note_removal(int directory, const char *name, int flags)
{
    const size_t len = strlen(name);
    watched.early += watched.syncs == 0 && name[0] != '.' && len > 4 && strcmp(name + len - 4, ".SMW") == 0;
    return sys_kernel.unlinkat(directory, name, flags);
}

static void watch_parent(void)
{
    const int fd = open(parent, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0 && sys_identify(fd, &watched.directory));
    (void)close(fd);
    watched.syncs = watched.early = 0;
    sys.fsync = count_sync;
    sys.unlinkat = note_removal;
}

enum { MANY = 40 };

static void put_many(const char *queue)
{
    for (unsigned i = 0; i < MANY; i++) {
        char below[32];
        (void)snprintf(below, sizeof below, "%s/%02u.SMW", queue, i);
        put_report(below, "GUID:A", i, "1");
    }
}

static void assert_many_came(void)
{
    for (unsigned i = 0; i < MANY; i++) {
        char below[32];
        (void)snprintf(below, sizeof below, "parent/%02u.SMW", i);
        assert_true(is_there(below));
    }
    assert_int_equal(metrics_count(&place.site.counters.files_replicated), MANY);
    assert_false(is_there("in/00.SMW") || is_there("outgoing/00.SMW"));
}

static void files_of_a_batch_go_with_one_sync_of_the_parents_directory(void **state)
{
    (void)state;
    make_parent();
    put_many("in");
    watch_parent();
    load_once();
    assert_many_came();
    assert_int_equal(watched.early, 0);
    assert_int_equal(watched.syncs, 1);
}

static void so_do_files_that_waited(void **state)
{
    (void)state;
    make_parent();
    put_many("outgoing");
    watch_parent();
    load_once();
    assert_many_came();
    assert_int_equal(watched.early, 0);
    assert_int_equal(watched.syncs, 1);
}

/* What lies before it has come, and goes; it and what is behind it wait. */
static int refuse_link(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    if (strcmp(to, "20.SMW") != 0)
        return sys_kernel.linkat(from_directory, from, to_directory, to, flags);
    errno = EIO;
    return -1;
}

static void one_that_the_parent_does_not_take_keeps_those_behind_it_here(void **state)
{
    (void)state;
    make_parent();
    put_many("in");
    sys.linkat = refuse_link;
    load_once();
    assert_true(is_there("parent/19.SMW") && !is_there("outgoing/19.SMW"));
    assert_true(!is_there("parent/20.SMW") && is_there("outgoing/20.SMW"));
    assert_true(!is_there("parent/21.SMW") && is_there("outgoing/39.SMW"));
    load_once();
    assert_true(!is_there("parent/20.SMW") && is_there("outgoing/20.SMW") && is_there("outgoing/39.SMW"));
    sys.linkat = sys_kernel.linkat;
    load_once();
    assert_many_came();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_child, remove_home)
    const struct CMUnitTest tests[] = {
        TEST(the_log_is_that_of_the_original),
        TEST(a_file_comes_to_the_parent_as_it_is),
        TEST(a_name_that_the_parent_has_gets_a_number),
        TEST(while_the_parent_is_away_files_wait_and_come_later),
        TEST(one_that_cannot_be_read_does_not_hold_up_the_others),
        TEST(what_is_in_the_database_already_still_comes_to_the_parent),
        TEST(what_is_bad_does_not_come_to_the_parent),
        TEST(files_of_a_batch_go_with_one_sync_of_the_parents_directory),
        TEST(so_do_files_that_waited),
        TEST(one_that_the_parent_does_not_take_keeps_those_behind_it_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
