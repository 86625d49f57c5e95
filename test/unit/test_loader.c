/* The loader as a whole, on a database of SQLite: report in, row out, and what becomes of every other file. */
#include "loader_home.h"

static const char ranges[] = "SELECT c.SMSID || ' ' || r.FirstMissing || '-' || r.LastMissing FROM "
                             "SR_MissingMessageRanges r JOIN SR_Clients c ON c.MachineID = r.MachineID "
                             "ORDER BY c.SMSID, r.FirstMissing";
static const char ledgers[] = "SELECT c.SMSID || ' ' || s.FirstSerialNumber || '-' || s.HighSerialNumber || ' ' || "
                              "s.MessagesProcessed || ' ' || s.Restarts FROM SR_ClientMessageStats s JOIN SR_Clients c "
                              "ON c.MachineID = s.MachineID ORDER BY c.SMSID";
static const char files[] = "SELECT FileName FROM SR_ProcessedFiles ORDER BY FileName";

static bool is_empty_below(const char *below)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    DIR *directory = opendir(path);
    bool empty = true;
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        empty &= strstr(entry->d_name, ".sm") == NULL && strstr(entry->d_name, ".SM") == NULL;
    (void)closedir(directory);
    return empty;
}

static bool is_inbox_empty(void)
{
    return is_empty_below("in") && is_empty_below("in/high") && is_empty_below("in/low") && is_empty_below("retry") &&
           is_empty_below("process/1/0") && is_empty_below("process/1/1") && is_empty_below("process/1/2");
}

/* ---- spec/statesys.md 8 ---- */

/* FF FE and the body without the NUL at its end, as the relay writes it. */
static void put_sample(const char *below, const char *sample)
{
    char path[PATH_SIZE];
    struct buffer body;
    buffer_init(&body, 1024UL * 1024);
    (void)snprintf(path, sizeof path, "test/data/samples/reports/%s.body", sample);
    must(sys_read_file(AT_FDCWD, path, &body, &err));
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fwrite("\xFF\xFE", 1, 2, file);
    (void)fwrite(body.at, 1, body.len - 2, file);
    assert_int_equal(fclose(file), 0);
    buffer_fini(&body);
}

static void the_samples_load_and_the_pull_distribution_point_has_no_ledger(void **state)
{
    (void)state;
    load_once(); /* makes the directories */
    put_sample("in/a.smx", "A-update-detection");
    put_sample("in/b.SMX", "B-kb4459394");
    put_sample("in/high/c.smx", "C-cmpivot-result");
    put_sample("in/low/d d.smw", "D-pull-dp");
    put_sample("in/high/e.smx", "E-peer-cache");
    load_once();
    assert_true(is_inbox_empty());
    assert_string_equal(ask(files), "a.smx\nb.SMX\nc.smx\nd d.smw\ne.smx\n");
    assert_string_equal(ask("SELECT SUM(InvalidRecords) || ' ' || SUM(Records) FROM SR_ProcessedFiles"), "0 5\n");
    assert_string_equal(ask("SELECT TopicType || '/' || StateID FROM SR_States ORDER BY TopicType"),
                        "500/2\n500/2\n902/1\n7201/2\n9003/1\n");
    assert_string_equal(ask(ledgers), "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E01 1-1 1 0\n"
                                      "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E05 41-41 1 0\n"
                                      "A1006D0E-CF56-41D1-A006-6330EFC39381 232-232 1 0\n"
                                      "\n"); /* C has no serial numbers */
}

static void gaps_open_and_are_filled(void **state)
{
    (void)state;
    load_once();
    put_report("in/1.smx", "GUID:A", 1, "1 2 5");
    load_once();
    assert_string_equal(ask(ranges), "A 3-4\n");
    put_report("in/2.smx", "GUID:A", 2, "4");
    load_once();
    assert_string_equal(ask(ranges), "A 3-3\n");
    put_report("in/3.smx", "GUID:A", 3, "3");
    load_once();
    assert_string_equal(ask(ranges), "");
    assert_string_equal(ask(ledgers), "A 1-5 5 0\n");
    assert_int_equal(metrics_count(&place.site.counters.gaps_opened), 1);
    assert_int_equal(metrics_count(&place.site.counters.gaps_filled), 2);
}

static void ten_files_in_any_order_leave_no_gap(void **state)
{
    static const unsigned order[] = {7, 1, 10, 3, 2, 9, 8, 4, 6, 5};
    (void)state;
    load_once();
    for (unsigned i = 0; i < 10; i++) {
        char name[32];
        char serial[16];
        (void)snprintf(name, sizeof name, "in/%02u.smx", i);
        (void)snprintf(serial, sizeof serial, "%u", order[i]);
        put_report(name, "GUID:A", order[i], serial);
        if (i % 3 == 0)
            load_once();
    }
    assert_string_equal(ask(ranges), "");
    assert_string_equal(ask(ledgers), "A 7-10 10 0\n"); /* what came before the first seen is early */
}

static void a_counter_that_began_anew_is_seen_and_its_late_file_is_stale(void **state)
{
    (void)state;
    place.force.properties.min_missing_age = 0;
    load_once();
    put_report("in/1.smx", "GUID:A", 1, "100");
    load_once();
    put_report("in/2.smx", "GUID:A", 5, "1 2");
    const char *log = load_and_read_log(LOG_LEVEL_WARNING);
    assert_string_equal(log, "CMessageProcessor - WARNING: client GUID:A: serial number went back from 100 to 2\n");
    put_report("in/3.smx", "GUID:A", 3, "99");
    load_once();
    assert_string_equal(ask(ranges), "");
    assert_string_equal(ask("SELECT HighSerialNumber || ' ' || Restarts || ' ' || ResyncReason FROM "
                            "SR_ClientMessageStats"),
                        "2 1 restart\n");
}

static void the_same_content_counts_once_and_one_blank_more_is_a_repeat(void **state)
{
    (void)state;
    load_once();
    put_report("in/1.smx", "GUID:A", 1, "1 2");
    put_report("in/2.smx", "GUID:A", 1, "1 2");
    put_report("in/3.smx", "GUID:A ", 1, "1 2");
    load_once();
    assert_true(is_inbox_empty());
    assert_string_equal(ask(files), "1.smx\n3.smx\n");
    assert_string_equal(ask("SELECT COUNT(*) FROM SR_States"), "2\n");
    assert_int_equal(metrics_count(&place.site.counters.files_loaded), 2);
    assert_int_equal(metrics_count(&place.site.counters.files_repeated), 1);
}

/* ---- bad files ---- */

static void what_is_bad_and_old_goes_to_corrupt_with_its_reason(void **state)
{
    (void)state;
    load_once();
    put("in/bad.smx", "<Report>");
    put("in/none.smx", "");
    put_report("in/good.smx", "GUID:A", 1, "1");
    put_report("in/huge.smx", "GUID:A", 1, "9223372036854775808");
    make_old("in/bad.smx");
    make_old("in/none.smx");
    make_old("in/huge.smx");
    load_once();
    assert_true(is_inbox_empty());
    assert_non_null(strstr(content_of("corrupt/bad.smx.why"), "Z line 1: "));
    assert_true(is_there("corrupt/none.smx.why"));
    assert_non_null(strstr(content_of("corrupt/huge.smx.why"), "no message is valid"));
    assert_string_equal(ask(files), "good.smx\n");
    assert_int_equal(metrics_count(&place.site.counters.files_bad), 3);
}

static void what_is_too_large_goes_to_corrupt(void **state)
{
    (void)state;
    place.settings.max_file = 600;
    load_once();
    put_report("in/large.smx", "GUID:A", 1, "1 2 3 4 5");
    put_report("in/small.smx", "GUID:A", 1, "1");
    make_old("in/large.smx");
    load_once();
    assert_non_null(strstr(content_of("corrupt/large.smx.why"), "Z more than 600 bytes"));
    assert_string_equal(ask(files), "small.smx\n");
}

static void what_may_be_half_written_stays_and_is_loaded_when_it_is_whole(void **state)
{
    (void)state;
    load_once();
    put("in/half.smx", "<Report>");
    load_once();
    assert_string_equal(content_of("in/half.smx"), "<Report>");
    put_report("in/half.smx", "GUID:A", 1, "1");
    load_once();
    assert_true(is_inbox_empty() && is_empty_below("corrupt"));
    assert_string_equal(ask(files), "half.smx\n");
}

static void one_bad_message_does_not_spoil_the_others(void **state)
{
    (void)state;
    load_once();
    put_report("in/x.smx", "GUID:A", 1, "1 no 9223372036854775808");
    const char *log = load_and_read_log(LOG_LEVEL_DEFAULT);
    assert_non_null(strstr(log,
                           "CMessageProcessor - WARNING: file x.smx, message 2: SerialNumber is not a number of 64 "
                           "bits, record is invalid\n"));
    assert_non_null(strstr(log,
                           "CMessageProcessor - WARNING: file x.smx, message 3: SerialNumber is beyond what can be "
                           "stored, record is invalid\n"));
    assert_non_null(strstr(log, "CMessageProcessor - Processed 3 records with 2 invalid records.\n"));
    assert_string_equal(ask("SELECT COUNT(*) FROM SR_States"), "1\n");
}

/* ---- what the database refuses ---- */

static void what_the_database_refuses_is_tried_again_and_at_last_given_up(void **state)
{
    (void)state;
    place.force.properties.retry_steps[0] = 0;
    place.force.properties.retry_steps[1] = 3600 * SECOND;
    place.force.properties.retry_count = 2;
    load_once();
    put_report("in/0.smx", "GUID:A", 1, "1");
    load_once();
    change("CREATE TRIGGER Refuse BEFORE INSERT ON SR_States WHEN NEW.TopicID = '13' "
           "BEGIN SELECT RAISE(ABORT, 'unlucky'); END");
    put_report("in/1.smx", "GUID:A", 1, "12");
    put_report("in/2.smx", "GUID:B", 1, "13");
    const char *log = load_and_read_log(LOG_LEVEL_WARNING);
    assert_non_null(strstr(log, "CMessageProcessor - WARNING: database error while loading 2.smx ("));
    assert_non_null(strstr(log, "unlucky), retry 1 in 0 seconds\n"));
    assert_string_equal(ask(files), "0.smx\n1.smx\n");
    log = load_and_read_log(LOG_LEVEL_WARNING);
    assert_non_null(strstr(log, "retry 2 in 3600 seconds\n"));
    assert_false(is_empty_below("retry"));
    place.force.properties.retry_count = 0;
    put_report("in/3.smx", "GUID:B", 1, "13");
    log = load_and_read_log(LOG_LEVEL_WARNING);
    assert_non_null(strstr(log, "CMessageProcessor - ERROR: file 3.smx failed after 0 retries, moved to "));
    assert_non_null(strstr(content_of("corrupt/3.smx.why"), "Z failed after 0 retries: "));
}

static void a_database_that_is_away_moves_nothing(void **state)
{
    struct db *other;
    (void)state;
    place.site.store.lock_timeout_ms = 20;
    load_once();
    put_report("in/1.smx", "GUID:A", 1, "1");
    must(db_open(place.site.paths.database, 60000, &other, &err) && db_begin(other, &err));
    const char *log = load_and_read_log(LOG_LEVEL_ERROR);
    assert_non_null(strstr(log, "CMessageProcessor - ERROR: nothing can be loaded now, tried again in 3600 seconds: "));
    assert_true(is_there("in/1.smx") && atomic_load(&place.site.database_lost));
    db_rollback(other);
    db_close(other);
    load_once();
    assert_true(is_inbox_empty() && !atomic_load(&place.site.database_lost));
    assert_string_equal(ask(files), "1.smx\n");
}

/* ---- order ---- */

static void priorities_have_their_turns(void **state)
{
    static const char *const below[] = {"high/h1", "high/h2", "high/h3", "high/h4", "high/h5",
                                        "high/h6", "n1",      "n2",      "low/l1",  "low/l2"};
    char found[64] = "";
    (void)state;
    place.force.properties.loader_threads = 1;
    place.force.properties.chunk_size = 1;
    load_once();
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "in/%s.smx", below[i]);
        put_report(name, "GUID:A", (unsigned)i, "1");
    }
    const char *log = load_and_read_log(LOG_LEVEL_DEFAULT);
    assert_non_null(strstr(log, "total chucks loaded (10)\n"));
    for (const char *at = log; (at = strstr(at, "Processing file: ")) != NULL;) {
        at += strlen("Processing file: ");
        (void)strncat(found, at, strcspn(at, "."));
    }
    assert_string_equal(found, "h1h2h3h4n1h5h6n2l1l2");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_home)
    const struct CMUnitTest tests[] = {
        TEST(the_samples_load_and_the_pull_distribution_point_has_no_ledger),
        TEST(gaps_open_and_are_filled),
        TEST(ten_files_in_any_order_leave_no_gap),
        TEST(a_counter_that_began_anew_is_seen_and_its_late_file_is_stale),
        TEST(the_same_content_counts_once_and_one_blank_more_is_a_repeat),
        TEST(what_is_bad_and_old_goes_to_corrupt_with_its_reason),
        TEST(what_is_too_large_goes_to_corrupt),
        TEST(what_may_be_half_written_stays_and_is_loaded_when_it_is_whole),
        TEST(one_bad_message_does_not_spoil_the_others),
        TEST(what_the_database_refuses_is_tried_again_and_at_last_given_up),
        TEST(a_database_that_is_away_moves_nothing),
        TEST(priorities_have_their_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
