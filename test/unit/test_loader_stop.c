/* The loader when it is stopped in the midst of its work, when others work on the same inbox, and when it is woken. */
#include "loader_home.h"

enum { FILES = 600, CLIENTS = 6 };

static int make_full_inbox(void **state)
{
    (void)make_place(state);
    load_once();
    for (unsigned i = 0; i < FILES; i++) {
        char below[32];
        char client[32];
        char serial[16];
        (void)snprintf(below, sizeof below, "in/%04u.smx", i);
        (void)snprintf(client, sizeof client, "GUID:%u", i % CLIENTS);
        (void)snprintf(serial, sizeof serial, "%u", i / CLIENTS + 1);
        put_report(below, client, i / CLIENTS, serial);
    }
    place.force.properties.chunk_size = 4096;
    return 0;
}

static size_t count_below(const char *below)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    DIR *directory = opendir(path);
    size_t count = 0;
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += strstr(entry->d_name, ".smx") != NULL;
    (void)closedir(directory);
    return count;
}

static size_t count_stored(void)
{
    return (size_t)strtoul(ask("SELECT COUNT(*) FROM SR_ProcessedFiles"), NULL, 10);
}

static void assert_all_are_stored_once(void)
{
    assert_int_equal(count_below("in"), 0);
    assert_int_equal(count_below("corrupt"), 0);
    assert_int_equal(count_stored(), FILES);
    assert_string_equal(ask("SELECT SUM(MessagesProcessed) FROM SR_ClientMessageStats"), "600\n");
}

static void what_is_not_in_the_database_at_a_stop_goes_back(void **state)
{
    struct loader *loader = start_loader();
    (void)state;
    wait_for(&place.site.last_load);
    loader_stop(loader);
    assert_int_equal(count_below("process/1/1"), 0);
    assert_int_equal(count_below("in") + count_stored(), FILES);
    load_once();
    assert_all_are_stored_once();
}

static void a_loader_that_was_never_started_can_be_stopped(void **state)
{
    struct loader *loader;
    (void)state;
    must(loader_open(&place.site, &loader, &err));
    loader_stop(loader);
    loader_stop(NULL);
    assert_int_equal(count_below("in"), FILES);
}

/* Both see the same files; each file is of one. */
static void two_loaders_count_each_report_once(void **state)
{
    static struct place other;
    struct loader *loaders[2];
    (void)state;
    set_place(&other);
    other.force.properties.chunk_size = 4096;
    must(loader_open(&place.site, &loaders[0], &err) && loader_open(&other.site, &loaders[1], &err));
    atomic_store(&place.site.last_round, 0);
    must(loader_start(loaders[0], &err) && loader_start(loaders[1], &err));
    wait_for(&place.site.last_round);
    wait_for(&other.site.last_round);
    loader_stop(loaders[0]);
    loader_stop(loaders[1]);
    load_once(); /* what one of them gave back when it ended */
    assert_all_are_stored_once();
    assert_int_equal(
        metrics_count(&place.site.counters.files_loaded) + metrics_count(&other.site.counters.files_loaded), FILES);
}

/* Or the first serial number seen would not be the lowest. */
static void files_of_one_client_are_loaded_in_the_order_of_their_names(void **state)
{
    (void)state;
    place.force.properties.loader_threads = 16;
    place.force.properties.max_chunks = 7;
    load_once();
    assert_all_are_stored_once();
    assert_string_equal(ask("SELECT DISTINCT FirstSerialNumber || '-' || HighSerialNumber FROM SR_ClientMessageStats"),
                        "1-100\n");
    assert_string_equal(ask("SELECT COUNT(*) FROM SR_MissingMessageRanges"), "0\n");
    assert_int_equal(metrics_count(&place.site.counters.gaps_opened), 0);
}

/* Moved in by another program; there is no poll for an hour. */
static void a_new_file_wakes_the_loader(void **state)
{
    char from[PATH_SIZE];
    char to[PATH_SIZE];
    (void)state;
    load_once();
    struct loader *loader = start_loader();
    wait_for(&place.site.last_round);
    atomic_store(&place.site.last_load, 0);
    put_report("new", "GUID:NEW", 1, "1");
    (void)snprintf(from, sizeof from, "%s/new", home);
    (void)snprintf(to, sizeof to, "%s/in/high/new.smx", home);
    assert_int_equal(rename(from, to), 0);
    wait_for(&place.site.last_load);
    loader_stop(loader);
    assert_int_equal(count_stored(), FILES + 1);
}

/* Mounted anew, say. */
static void an_inbox_that_was_exchanged_is_opened_anew(void **state)
{
    struct loader *loader = start_loader();
    char from[PATH_SIZE];
    char to[PATH_SIZE];
    (void)state;
    wait_for(&place.site.last_round);
    (void)snprintf(from, sizeof from, "%s/in", home);
    (void)snprintf(to, sizeof to, "%s/old", home);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(mkdir(from, 0700), 0);
    put_report("in/new.smx", "GUID:NEW", 1, "1");
    wake(loader);
    loader_stop(loader);
    assert_int_equal(count_stored(), FILES + 1);
}

static void a_reload_wakes_the_loader(void **state)
{
    struct loader *loader = start_loader();
    (void)state;
    wait_for(&place.site.last_round);
    wake(loader);
    loader_stop(loader);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_full_inbox, remove_home)
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_in_the_database_at_a_stop_goes_back),
        TEST(a_loader_that_was_never_started_can_be_stopped),
        TEST(two_loaders_count_each_report_once),
        TEST(files_of_one_client_are_loaded_in_the_order_of_their_names),
        TEST(a_new_file_wakes_the_loader),
        TEST(an_inbox_that_was_exchanged_is_opened_anew),
        TEST(a_reload_wakes_the_loader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
