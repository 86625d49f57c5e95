/* The settings of STATE_MESSAGE_SYSTEM: what an admin writes into SC_Component_Property counts if it is sound, what our
 * configuration says wins and is written there; the same of SQLite and PostgreSQL. */
#include "../../src/statesys/properties.h"
#include "report/xml.h"
#include "store_fixture.h"

#define SECOND ((int64_t)1000000)
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct settings own;
static struct properties properties;
static char complaints[4096];
static unsigned complaint_count;

static void complain(const char *sentence)
{
    const size_t len = strlen(complaints);
    (void)snprintf(complaints + len, sizeof complaints - len, "%s\n", sentence);
    complaint_count++;
}

static void read_properties(void)
{
    complaints[0] = '\0';
    complaint_count = 0;
    must(properties_read(store, &own, complain, &properties, &err));
}

static int open_with_no_settings(void **state)
{
    own = (struct settings){.root = "/"};
    return fixture_open(state);
}

static void must_script(const char *sql)
{
    must(db_script(db, sql, &err));
}

static const char *dump(void)
{
    static const struct db_statement rows = {
        .sql = "select * from SC_Component_Property where ComponentID in (select ID from SC_Component where "
               "ComponentName like 'SMS_STATE_SYSTEM') and sitenumber in (select SiteNumber from SC_SiteDefinition "
               "where Sitecode = (Select ThisSiteCode from SMSData)) order by Name",
        .output = {DB_INTEGER, DB_INTEGER, DB_TEXT, DB_TEXT, DB_TEXT, DB_INTEGER},
        .output_count = 6};
    return ask(&rows);
}

/* ---- what the table has ---- */

static void a_fresh_database_has_the_documented_values(void **state)
{
    (void)state;
    read_properties();
    assert_string_equal(complaints, "");
    assert_true(properties.heartbeat_interval == 60 * MINUTE && properties.polling_interval == 900 * SECOND);
    assert_true(properties.min_missing_age == 2880 * MINUTE && properties.resync_check_interval == 15 * MINUTE);
    assert_int_equal(properties.loader_threads, 4);
    assert_int_equal(properties.chunk_size, 256 * 1024);
    assert_int_equal(properties.max_chunks, 100);
    assert_int_equal(properties.retry_count, 3);
    assert_true(properties.retry_steps[0] == 7200 * SECOND && properties.retry_steps[2] == 86400 * SECOND);
}

static void what_an_admin_has_written_counts(void **state)
{
    (void)state;
    must_script("UPDATE SC_Component_Property SET Value3 = 16 WHERE Name = 'Loader Threads'");
    must_script("UPDATE SC_Component_Property SET Value3 = 525600 WHERE Name = 'Min Missing Message Age'");
    must_script("UPDATE SC_Component_Property SET Value2 = '<Config><Retry PatternID=\"1\">5</Retry>"
                "<Retry RetryQueue=\"0\" PatternID=\"0\"> 60 , 120 </Retry></Config>' WHERE Name = 'Retry Config'");
    read_properties();
    assert_string_equal(complaints, "");
    assert_int_equal(properties.loader_threads, 16);
    assert_true(properties.min_missing_age == 525600 * MINUTE);
    assert_int_equal(properties.retry_count, 2);
    assert_true(properties.retry_steps[0] == 60 * SECOND && properties.retry_steps[1] == 120 * SECOND);
}

static void a_number_out_of_bounds_counts_as_its_default(void **state)
{
    (void)state;
    must_script("UPDATE SC_Component_Property SET Value3 = 0 WHERE Name <> 'Retry Config'");
    read_properties();
    assert_int_equal(complaint_count, 7);
    assert_non_null(strstr(complaints, "Loader Threads in SC_Component_Property is '0' and not 1 to 64: 4 threads is "
                                       "used\n"));
    assert_int_equal(properties.loader_threads, 4);
    must_script("UPDATE SC_Component_Property SET Value3 = 600000 WHERE Name <> 'Retry Config'");
    read_properties();
    assert_int_equal(complaint_count, 7);
    must_script("UPDATE SC_Component_Property SET Value3 = -1 WHERE Name <> 'Retry Config'");
    read_properties();
    assert_int_equal(complaint_count, 7);
    assert_true(properties.polling_interval == 900 * SECOND && properties.chunk_size == 256 * 1024);
}

static void what_is_no_number_counts_as_its_default(void **state)
{
    (void)state;
    if (!db_is_sqlite(db))
        must_script("ALTER TABLE SC_Component_Property ALTER COLUMN Value3 TYPE VARCHAR(200)");
    must_script("UPDATE SC_Component_Property SET Value3 = '7 threads, and more of such words than anybody reads' "
                "WHERE Name = 'Loader Threads'");
    read_properties();
    assert_int_equal(complaint_count, 1);
    assert_non_null(strstr(complaints, "is '7 threads, and more of such words than a' and not 1 to 64: 4 threads"));
    assert_int_equal(properties.loader_threads, 4);
}

static void a_row_that_is_gone_counts_as_its_default(void **state)
{
    (void)state;
    must_script("DELETE FROM SC_Component_Property");
    read_properties();
    assert_int_equal(complaint_count, 8);
    assert_non_null(strstr(complaints, "Max Chunks Fetched in SC_Component_Property is missing: 100 chunks is used\n"));
    assert_non_null(strstr(complaints, "Retry Config in SC_Component_Property is missing: 7200,28800,86400 is used\n"));
    assert_int_equal(properties.max_chunks, 100);
    assert_int_equal(properties.retry_count, 3);
}

static void a_retry_config_that_says_nothing_counts_as_its_default(void **state)
{
    static const char *const rows[] = {
        "",
        "7200",
        "<Config/>",
        "<Config><Retry PatternID=\"1\">60</Retry></Config>",
        "<Config><Retry PatternID=\"0\"></Retry></Config>",
        "<Config><Retry PatternID=\"0\">60;120</Retry></Config>",
        "<Config><Retry PatternID=\"0\">0</Retry></Config>",
        "<Config><Retry PatternID=\"0\">1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17</Retry></Config>",
        "<Config><Retry PatternID=\"0\">60</Retry>",
        "<!DOCTYPE a><Config><Retry PatternID=\"0\">60</Retry></Config>",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char sql[512];
        (void)snprintf(sql, sizeof sql, "UPDATE SC_Component_Property SET Value2 = '%s' WHERE Name = 'Retry Config'",
                       rows[i]);
        must_script(sql);
        read_properties();
        assert_int_equal(complaint_count, 1);
        assert_non_null(strstr(complaints, ": 7200,28800,86400 is used\n"));
        assert_int_equal(properties.retry_count, 3);
        assert_true(properties.retry_steps[1] == 28800 * SECOND);
    }
}

/* ---- what we have ---- */

static void our_settings_win_and_are_written_as_the_original_writes_them(void **state)
{
    (void)state;
    own.heartbeat_interval = (uint64_t)(5 * MINUTE);
    own.polling_interval = (uint64_t)(60 * SECOND);
    own.chunk_size = 1024 * 1024;
    own.loader_threads = 2;
    own.max_chunks = 7;
    own.min_missing_age = (uint64_t)(10080 * MINUTE);
    own.resync_check_interval = (uint64_t)(30 * MINUTE);
    own.retry_steps = "1, 20,300";
    must_script("UPDATE SC_Component_Property SET Value3 = 0");
    for (int i = 0; i < 2; i++) {
        read_properties();
        assert_string_equal(complaints, "");
        assert_true(properties.heartbeat_interval == 5 * MINUTE && properties.polling_interval == 60 * SECOND);
        assert_true(properties.min_missing_age == 10080 * MINUTE && properties.resync_check_interval == 30 * MINUTE);
        assert_int_equal(properties.loader_threads, 2);
        assert_int_equal(properties.chunk_size, 1024 * 1024);
        assert_int_equal(properties.max_chunks, 7);
        assert_int_equal(properties.retry_count, 3);
        assert_true(properties.retry_steps[2] == 300 * SECOND);
    }
    assert_string_equal(dump(), "1|1|Heartbeat Msg Interval|||5\n"
                                "1|1|Inbox Polling Interval|||60\n"
                                "1|1|Loader Chunk Size|||1024\n"
                                "1|1|Loader Threads|||2\n"
                                "1|1|Max Chunks Fetched|||7\n"
                                "1|1|Min Missing Message Age|||10080\n"
                                "1|1|Resync Check Interval|||30\n"
                                "1|1|Retry Config|REG_SZ|<Config><Retry PatternID=\"0\"  RetryQueue=\"0\">1,20,300"
                                "</Retry></Config>|0\n");
    own = (struct settings){.root = "/"};
    read_properties();                          /* what was written stays when we do not say any more */
    assert_string_equal(complaints, "");
    assert_int_equal(properties.loader_threads, 2);
    assert_int_equal(properties.retry_count, 3);
}

static void a_value_that_is_there_already_is_not_written(void **state)
{
    (void)state;
    must_script("UPDATE SC_Component_Property SET Value1 = 'of the admin' WHERE Name = 'Loader Threads'");
    must_script("UPDATE SC_Component_Property SET Value2 = '<Config><Retry PatternID=\"0\">60</Retry></Config>' "
                "WHERE Name = 'Retry Config'");
    own.loader_threads = 4;
    own.retry_steps = "60";
    read_properties();
    assert_non_null(strstr(dump(), "|Loader Threads|of the admin||4\n"));
    assert_non_null(strstr(dump(), "|<Config><Retry PatternID=\"0\">60</Retry></Config>|0\n"));
}

/* ---- steps ---- */

static void steps_are_whole_seconds_with_commas(void **state)
{
    static const struct {
        const char *text;
        size_t count;           /* 0: refused */
        int64_t last;
    } rows[] = {
        {"7200,28800,86400", 3, 86400},
        {" 1 ,\t31536000 ", 2, 31536000},
        {"1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2", 16, 2},
        {"1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", 0, 0},
        {"", 0, 0},
        {",", 0, 0},
        {"1,", 0, 0},
        {",1", 0, 0},
        {"1,,2", 0, 0},
        {"0", 0, 0},
        {"31536001", 0, 0},
        {"-1", 0, 0},
        {"1.5", 0, 0},
        {"2h", 0, 0},
        {"99999999999999999999", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t steps[PROPERTIES_MOST_STEPS];
        size_t count = 0;
        assert_int_equal(properties_read_steps(span_of(rows[i].text), steps, &count), rows[i].count > 0);
        assert_int_equal(count, rows[i].count);
        if (count > 0)
            assert_true(steps[count - 1] == rows[i].last * SECOND);
    }
}

#define PROPERTIES_TEST(name) cmocka_unit_test_setup_teardown(name, open_with_no_settings, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROPERTIES_TEST(a_fresh_database_has_the_documented_values),
        PROPERTIES_TEST(what_an_admin_has_written_counts),
        PROPERTIES_TEST(a_number_out_of_bounds_counts_as_its_default),
        PROPERTIES_TEST(what_is_no_number_counts_as_its_default),
        PROPERTIES_TEST(a_row_that_is_gone_counts_as_its_default),
        PROPERTIES_TEST(a_retry_config_that_says_nothing_counts_as_its_default),
        PROPERTIES_TEST(our_settings_win_and_are_written_as_the_original_writes_them),
        PROPERTIES_TEST(a_value_that_is_there_already_is_not_written),
        PROPERTIES_TEST(steps_are_whole_seconds_with_commas),
    };
    xml_init();
    db_server_init();
    const int failed = RUN_ON_BOTH(tests);
    db_server_fini();
    buffer_fini(&fixture_dump);
    return failed;
}
