/* The store: spec/statesys.md 8 line by line, the same of SQLite and of a real PostgreSQL. */
#include "base/sys.h"
#include "report/report.h"
#include "report/smx.h"
#include "store_fixture.h"

#include <fcntl.h>

#define SAMPLES "test/data/samples/reports/"

static char source[4096];               /* where the test was started */

#define LEDGER_ROW                                                                                                     \
    "SELECT FirstSerialNumber, HighSerialNumber, Restarts, "                                                           \
    "CASE WHEN ResyncReason = 'restart' THEN 1 ELSE 0 END, MessagesProcessed FROM SR_ClientMessageStats"

static const struct db_statement ledger_row = {
    .sql = LEDGER_ROW,
    .output = {DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER},
    .output_count = 5,
};
static const struct db_statement ranges = {
    .sql = "SELECT FirstMissing, LastMissing FROM SR_MissingRanges ORDER BY FirstMissing",
    .output = {DB_INTEGER, DB_INTEGER},
    .output_count = 2,
};

/* ---- a fresh database ---- */

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void both_queries_of_the_article_run_unchanged(void **state)
{
    static const struct db_statement names = {
        .sql = "select * from v_StateNames  ", .output = {DB_INTEGER, DB_INTEGER, DB_TEXT, DB_TEXT}, .output_count = 4};
    static const struct db_statement properties = {
        .sql = "select * from SC_Component_Property where ComponentID in (select ID from SC_Component where "
               "ComponentName like 'SMS_STATE_SYSTEM') and sitenumber in (select SiteNumber from SC_SiteDefinition "
               "where Sitecode = (Select ThisSiteCode from SMSData))",
        .output = {DB_INTEGER, DB_INTEGER, DB_TEXT, DB_TEXT, DB_TEXT, DB_INTEGER},
        .output_count = 6};
    (void)state;
    assert_int_equal(count_lines(ask(&names)), 287);
    assert_non_null(strstr(ask(&names), "500|2|Update is required|Update is required\n"));
    assert_int_equal(count_lines(ask(&properties)), 8);
    assert_non_null(strstr(ask(&properties), "|Inbox Polling Interval|||900\n"));
    assert_non_null(strstr(ask(&properties), "|Retry Config|REG_SZ|<Config><Retry PatternID=\"0\"  RetryQueue=\"0\">"
                                             "7200,28800,86400</Retry></Config>|0\n"));
}

static void an_admins_values_stay_and_the_site_follows_the_settings(void **state)
{
    struct store_settings moved = settings;
    (void)state;
    must(db_script(db, "UPDATE SC_Component_Property SET Value3 = 16 WHERE Name = 'Loader Threads'", &err));
    store_close(store);
    moved.site_code = "XYZ";
    moved.parent_site = "CAS";
    must(store_open(&moved, &store, &err));
    assert_string_equal(ASK_NUMBER("SELECT Value3 FROM SC_Component_Property WHERE Name = 'Loader Threads'"), "16\n");
    assert_string_equal(ASK_TEXT("SELECT ThisSiteCode || ParentSiteCode FROM SMSData"), "XYZCAS\n");
    assert_string_equal(ASK_TEXT("SELECT SiteCode || ParentSiteCode FROM SC_SiteDefinition"), "XYZCAS\n");
}

static void a_database_of_a_newer_program_is_refused(void **state)
{
    struct store *other = NULL;
    (void)state;
    must(db_script(db, "UPDATE SR_SchemaVersion SET Version = 3", &err));
    assert_false(store_open(&settings, &other, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    assert_string_equal(err.text,
                        "the database has schema version 3 and this statesys knows 2: it wants a newer statesys");
    assert_string_equal(ASK_NUMBER("SELECT Version FROM SR_SchemaVersion"), "3\n");
}

/* ---- samples ---- */

static struct arena *samples;
static struct xml_reader *reader;

static void read_sample(const char *name, const char *more, struct report *out)
{
    static const struct report_limits limits = {.xml = {.depth = 32, .tag_bytes = 65536}, .messages = 100};
    char path[4352];
    struct buffer bytes;
    struct span text, kept;
    enum text_encoding encoding;
    (void)snprintf(path, sizeof path, "%s/" SAMPLES "%s.xml", source, name);
    buffer_init(&bytes, 1024 * 1024);
    must(sys_read_file(AT_FDCWD, path, &bytes, &err) && buffer_add(&bytes, more, strlen(more), &err));
    assert_true(arena_copy(samples, buffer_span(&bytes), &kept));
    buffer_fini(&bytes);
    must(smx_text(kept, &text, &encoding, &err));
    must(report_parse(text, encoding, &limits, reader, samples, out, &err));
}

static void the_samples_load_and_D_leaves_no_ledger_row(void **state)
{
    static const char *const names[] = {"A-update-detection", "B-kb4459394",  "C-cmpivot-result",
                                        "D-pull-dp",          "E-peer-cache", "B-kb4459394"};
    struct report reports[6];
    struct store_file files[6] = {0};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        read_sample(names[i], i == 5 ? " " : "", &reports[i]);
        files[i] = (struct store_file){.name = names[i], .hash = {(unsigned char)i}, .report = &reports[i]};
    }
    must(store_load(store, files, 6, NOW, &err));
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(files[i].result, STORE_LOADED);
        assert_int_equal(files[i].invalid, 0);
    }
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_States"), "5\n");
    assert_string_equal(ASK_NUMBER("SELECT MIN(MachineID) FROM SR_Clients"), "16777216\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_ClientMessageStats"), "4\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_ClientMessageStats s JOIN SR_Clients c ON "
                                   "c.MachineID = s.MachineID WHERE c.ClientInstalled = 0"),
                        "0\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_MissingMessageRanges"), "0\n");
    assert_string_equal(ASK_TEXT("SELECT StateName FROM v_States WHERE TopicID LIKE '505fda07%'"),
                        "Update is required\n");
}

/* ---- serial numbers ---- */

struct step {
    int64_t minute;                     /* Date of the report */
    uint64_t serials[11];               /* 0 ends them */
    const char *ranges;
};

static void take(const struct step *step, unsigned content)
{
    struct made made;
    make_report(&made, 1, NOW + step->minute * MINUTE, content);
    for (int i = 0; step->serials[i] != 0; i++)
        (void)add_serial(&made, (int)step->serials[i], step->serials[i]);
    assert_int_equal(load(&made, NOW), STORE_LOADED);
    assert_string_equal(ask(&ranges), step->ranges);
}

static void late_files_fill_gaps(void **state)
{
    static const struct step steps[] = {{1, {1, 2, 5}, "3|4\n"}, {2, {4}, "3|3\n"}, {3, {3}, ""}};
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        take(&steps[i], i);
    assert_string_equal(ask(&ledger_row), "1|5|0|0|5\n");
}

static void a_counter_that_begins_again_wants_a_resync(void **state)
{
    static const struct step steps[] = {{-3000, {98, 100}, "99|99\n"}, {2, {1, 2}, ""}, {1, {99}, ""}, {3, {3}, ""}};
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        take(&steps[i], i);
    assert_string_equal(ask(&ledger_row), "2|3|1|1|6\n");
}

static void a_file_that_has_one_serial_for_all_counts_it_once(void **state)
{
    struct made made;
    (void)state;
    make_report(&made, 1, NOW, 1);
    for (int i = 0; i < 10; i++)
        (void)add_serial(&made, i, 5001);
    assert_int_equal(load(&made, NOW), STORE_LOADED);
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_States"), "10\n");
    assert_string_equal(ask(&ledger_row), "5001|5001|0|0|10\n");
    assert_string_equal(ask(&ranges), "");
}

static void what_4_1_does_not_count_leaves_the_ledger_alone(void **state)
{
    struct made made;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        make_report(&made, (int)i, NOW, i);
        (void)add_serial(&made, 1, 7);
        made.report.sender.prefixed = i != 0;
        made.report.sender.flagged = i == 1;
        made.report.sender.installed = i != 2;
        assert_int_equal(load(&made, NOW), STORE_LOADED);
    }
    assert_string_equal(ask(&ledger_row), "");
    make_report(&made, 3, NOW, 3);
    add_serial(&made, 1, 7)->topic_type = 902;
    assert_int_equal(load(&made, NOW), STORE_LOADED);
    assert_string_equal(ask(&ledger_row), "-|-|0|0|1\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_States"), "4\n");
}

/* ---- resync ---- */

static const char issue[] = "UPDATE SR_ClientMessageStats SET ResyncIssuedSerial = HighSerialNumber, "
                            "LastResyncIssuedTime = 1700000300000000";

static const char *state_of_resync(void)
{
    return ASK_NUMBER("SELECT CASE WHEN ResyncIssuedSerial IS NULL THEN 1 ELSE 0 END + "
                      "CASE WHEN LastResyncClientCompletedTime IS NULL THEN 0 ELSE 10 END FROM SR_ClientMessageStats");
}

static void begin_resync(void)
{
    static const struct step missing = {1, {1, 5}, "2|4\n"};
    take(&missing, 1000);
    must(db_script(db, issue, &err));
}

static void a_state_raised_again_completes_a_resync(void **state)
{
    struct made made[2];
    (void)state;
    begin_resync();
    make_report(&made[0], 1, NOW + 4 * MINUTE, 1);          /* before it was issued */
    (void)add_serial(&made[0], 1, 8);
    assert_int_equal(load(&made[0], NOW), STORE_LOADED);
    assert_string_equal(state_of_resync(), "0\n");
    make_report(&made[0], 1, NOW + 6 * MINUTE, 2);          /* something new */
    (void)add_serial(&made[0], 9, 9);
    make_report(&made[1], 1, NOW + 6 * MINUTE, 3);          /* the same again, in one chunk with it */
    (void)add_serial(&made[1], 9, 10);
    struct store_file files[] = {made[0].file, made[1].file};
    must(store_load(store, files, 2, NOW, &err));
    assert_string_equal(state_of_resync(), "11\n");
    assert_string_equal(ask(&ranges), "6|7\n");             /* what was missing later stays */
}

static void topic_700_completes_a_resync(void **state)
{
    struct made made;
    (void)state;
    begin_resync();
    make_report(&made, 1, NOW + 6 * MINUTE, 1);
    add_message(&made, 700, 0, NOW)->state = 1;
    assert_int_equal(load(&made, NOW), STORE_LOADED);
    assert_string_equal(state_of_resync(), "11\n");
    assert_string_equal(ask(&ranges), "");
}

/* ---- once ---- */

static void the_same_content_counts_once(void **state)
{
    struct made made;
    (void)state;
    make_report(&made, 1, NOW, 1);
    (void)add_serial(&made, 1, 1);
    struct store_file files[] = {made.file, made.file};
    must(store_load(store, files, 2, NOW, &err));
    assert_int_equal(files[0].result, STORE_LOADED);
    assert_int_equal(files[1].result, STORE_REPEATED);
    assert_int_equal(load(&made, NOW + 1), STORE_REPEATED);
    assert_string_equal(ask(&ledger_row), "1|1|0|0|1\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_ProcessedFiles"), "1\n");
    assert_string_equal(ASK_NUMBER("SELECT ProcessedTime FROM SR_States"), "1700000000000000\n");
}

/* Somebody's hand was in our tables. */
static void states_that_are_counted_nowhere_are_found_all_the_same(void **state)
{
    struct made made[3];
    struct store_file files[2];
    (void)state;
    make_report(&made[0], 1, NOW, 1);
    (void)add_serial(&made[0], 1, 1);
    assert_int_equal(load(&made[0], NOW), STORE_LOADED);
    must(db_script(db, "DELETE FROM SR_ClientTopics", &err));
    for (int i = 0; i < 2; i++) {
        make_report(&made[1 + i], 1 + i, NOW + MINUTE, 2 + (unsigned)i);
        add_serial(&made[1 + i], 1, 2)->state = 3;
        files[i] = made[1 + i].file;
    }
    must(store_load(store, files, 2, NOW, &err));
    assert_true(files[0].result == STORE_LOADED && files[1].result == STORE_LOADED);
    assert_string_equal(ASK_NUMBER("SELECT StateID FROM SR_States ORDER BY MachineID"), "3\n3\n");
}

/* ---- both databases ---- */

static int open_samples(void)
{
    samples = arena_open(16 * 1024 * 1024, NULL);
    return samples != NULL && getcwd(source, sizeof source) != NULL && xml_open(&reader, &err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_queries_of_the_article_run_unchanged),
        TEST(an_admins_values_stay_and_the_site_follows_the_settings),
        TEST(a_database_of_a_newer_program_is_refused),
        TEST(the_samples_load_and_D_leaves_no_ledger_row),
        TEST(late_files_fill_gaps),
        TEST(a_counter_that_begins_again_wants_a_resync),
        TEST(a_file_that_has_one_serial_for_all_counts_it_once),
        TEST(what_4_1_does_not_count_leaves_the_ledger_alone),
        TEST(a_state_raised_again_completes_a_resync),
        TEST(topic_700_completes_a_resync),
        TEST(the_same_content_counts_once),
        TEST(states_that_are_counted_nowhere_are_found_all_the_same),
    };
    xml_init();
    if (open_samples() != 0)
        return 1;
    db_server_init();
    const int failed = RUN_ON_BOTH(tests);
    db_server_fini();
    buffer_fini(&fixture_dump);
    xml_close(reader);
    arena_close(samples);
    return failed;
}
