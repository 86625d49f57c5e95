/* The views that admins ask, on a small fleet: the same answers of SQLite and of a real PostgreSQL. */
#include "store_fixture.h"

static void load_state(int client, uint32_t type, int topic, uint32_t state, uint64_t serial)
{
    static unsigned content;
    struct made made;
    make_report(&made, client, NOW + (int64_t)serial * MINUTE, content++);
    struct state_message *message = add_serial(&made, topic, serial);
    message->topic_type = type;
    message->state = state;
    message->time = NOW + (int64_t)serial * MINUTE;
    made.report.sender.name = (struct span){made.id + 5, 8};
    assert_int_equal(load(&made, NOW + client), STORE_LOADED);
}

/* Update 7: one system wants it, two have it, one did not say. Update 8: nobody needs it, the others did not say. */
static void load_fleet(void)
{
    load_state(1, 500, 7, 2, 1);
    load_state(2, 500, 7, 3, 1);
    load_state(3, 500, 7, 3, 2);
    load_state(4, 500, 8, 1, 1);
    load_state(1, 402, 7, 8, 2);
    load_state(1, 300, 9, 2, 3);
    load_state(2, 300, 9, 1, 4);
    load_state(3, 301, 9, 5, 9);
    load_state(2, 77, 1, 5, 8);
}

#define COUNTS                                                                                                         \
    {                                                                                                                  \
        DB_TEXT, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER                                            \
    }

static void updates_are_counted_by_what_systems_say_of_them(void **state)
{
    static const struct db_statement status = {
        .sql = "SELECT * FROM v_UpdateStatus ORDER BY UpdateID", .output = COUNTS, .output_count = 6};
    static const struct db_statement enforcement = {.sql =
                                                        "SELECT UpdateID, StateName, Systems FROM v_UpdateEnforcement",
                                                    .output = {DB_TEXT, DB_TEXT, DB_INTEGER},
                                                    .output_count = 3};
    (void)state;
    load_fleet();
    assert_string_equal(ask(&status), "7|1|2|0|1|1700000120000000\n8|0|0|1|3|1700000060000000\n");
    assert_string_equal(ASK_TEXT("SELECT UpdateID || ' ' || NetBIOSName FROM v_UpdateRequired"), "7 00000001\n");
    assert_string_equal(ask(&enforcement), "7|Installing update|1\n");
}

static void deployments_are_counted_by_state_with_their_last_change(void **state)
{
    static const struct db_statement status = {
        .sql = "SELECT * FROM v_DeploymentStatus ORDER BY DeploymentID, TopicType, StateID",
        .output = {DB_TEXT, DB_INTEGER, DB_INTEGER, DB_TEXT, DB_INTEGER, DB_INTEGER},
        .output_count = 6};
    (void)state;
    load_fleet();
    assert_string_equal(ask(&status), "9|300|1|Compliant|1|1700000240000000\n"
                                      "9|300|2|Non-compliant|1|1700000180000000\n"
                                      "9|301|5|Pending system restart|1|1700000540000000\n");
}

static void clients_are_listed_longest_silent_first(void **state)
{
    static const struct db_statement heard = {
        .sql = "SELECT NetBIOSName, LastSeen, LastMessageTime, MessagesProcessed FROM v_ClientsByLastHeard LIMIT 2",
        .output = {DB_TEXT, DB_INTEGER, DB_INTEGER, DB_INTEGER},
        .output_count = 4};
    static const struct db_statement statistics = {
        .sql = "SELECT * FROM v_ClientMessageStatistics ORDER BY ResourceID LIMIT 1",
        .output = {DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER},
        .output_count = 5};
    (void)state;
    load_fleet();
    assert_string_equal(ask(&heard), "00000001|1700000000000001|1700000180000000|3\n"
                                     "00000002|1700000000000002|1700000480000000|3\n");
    assert_string_equal(ask(&statistics), "16777216|1700000180000000|1700000000000001|-|-\n");
}

static void missing_ranges_are_listed_oldest_first(void **state)
{
    static const struct db_statement missing = {
        .sql = "SELECT NetBIOSName, FirstMissing, LastMissing, Missing FROM v_MissingByAge",
        .output = {DB_TEXT, DB_INTEGER, DB_INTEGER, DB_INTEGER},
        .output_count = 4};
    (void)state;
    load_fleet();
    assert_string_equal(ask(&missing), "00000002|2|3|2\n00000002|5|7|3\n00000003|3|8|6\n");
}

static void topics_are_counted_and_their_states_named(void **state)
{
    static const struct db_statement talkers = {
        .sql = "SELECT TopicType, NetBIOSName, States FROM v_TopTalkers ORDER BY TopicType, NetBIOSName LIMIT 2",
        .output = {DB_INTEGER, DB_TEXT, DB_INTEGER},
        .output_count = 3};
    static const struct db_statement topics = {.sql = "SELECT * FROM v_StateMessageStatistics ORDER BY TopicType",
                                               .output = {DB_INTEGER, DB_INTEGER},
                                               .output_count = 2};
    (void)state;
    load_fleet();
    assert_string_equal(ask(&talkers), "77|00000002|1\n300|00000001|1\n");
    assert_string_equal(ask(&topics), "77|1\n300|2\n301|1\n402|1\n500|4\n");
    assert_string_equal(ASK_TEXT("SELECT StateName FROM v_States WHERE TopicType = 77"), "77/5\n");
}

/* ---- by which way ---- */

#define FIRST_ROWS(view) "SELECT * FROM " view " LIMIT 100"
#define LAST_CHANGE_SQLITE "SR_States_Topic (TopicType=? AND TopicID=? AND StateID=?)"
#define LAST_CHANGE_POSTGRES "messagetime IS NOT NULL"

/* What a plan must say: the last change is one step into the index, the most states are its end. */
static const struct {
    struct db_statement sqlite;
    const char *sqlite_says;
    struct db_statement postgres;
    const char *postgres_says;
} plans[] = {
#define PLAN(view, sqlite_says, postgres_says)                                                                         \
    {                                                                                                                  \
        {.sql = "EXPLAIN QUERY PLAN " FIRST_ROWS(view),                                                                \
         .output = {DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_TEXT},                                                      \
         .output_count = 4},                                                                                           \
            sqlite_says, {.sql = "EXPLAIN " FIRST_ROWS(view), .output = {DB_TEXT}, .output_count = 1}, postgres_says   \
    }
    PLAN("v_UpdateStatus", LAST_CHANGE_SQLITE, LAST_CHANGE_POSTGRES),
    PLAN("v_UpdateEnforcement", LAST_CHANGE_SQLITE, LAST_CHANGE_POSTGRES),
    PLAN("v_DeploymentStatus", LAST_CHANGE_SQLITE, LAST_CHANGE_POSTGRES),
    PLAN("v_StateMessageStatistics", "SR_StateCounts", "sr_statecounts"),
    PLAN("v_TopTalkers", "SR_ClientTopics_States", "sr_clienttopics_states"),
};

/* Small tables are read whole and sorted where nobody forbids it. */
static void no_view_reads_all_states(void **state)
{
    static const char *const forbidden[] = {
        "SR_States_Topic (TopicType=?)", "SCAN SR_States",       "sqlite_autoindex_SR_States_1",
        "Seq Scan on sr_states ",        "using sr_states_pkey",
    };
    (void)state;
    load_fleet();
    must(db_is_sqlite(db) ||
         db_script(db, "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off", &err));
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        const char *plan = ask(db_is_sqlite(db) ? &plans[i].sqlite : &plans[i].postgres);
        if (strstr(plan, db_is_sqlite(db) ? plans[i].sqlite_says : plans[i].postgres_says) == NULL)
            fail_msg("%s is answered so:\n%s", plans[i].postgres.sql, plan);
        for (size_t k = 0; k < sizeof forbidden / sizeof forbidden[0]; k++)
            assert_null(strstr(plan, forbidden[k]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(updates_are_counted_by_what_systems_say_of_them),
        TEST(deployments_are_counted_by_state_with_their_last_change),
        TEST(clients_are_listed_longest_silent_first),
        TEST(missing_ranges_are_listed_oldest_first),
        TEST(topics_are_counted_and_their_states_named),
        TEST(no_view_reads_all_states),
    };
    db_server_init();
    const int failed = RUN_ON_BOTH(tests);
    db_server_fini();
    buffer_fini(&fixture_dump);
    return failed;
}
