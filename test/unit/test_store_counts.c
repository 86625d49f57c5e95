/* The views that count never differ from a count of all states: after random reports and deletions, with several loaders
 * at once, after an upgrade. */
#include "../../src/statesys/store_schema.h"
#include "store_fixture.h"

#include <pthread.h>

enum { CHUNKS = 40, FILES = 10, CLIENTS = 8, TOPICS = 5, THREADS = 4, ROUNDS = 20, PATIENCE = 60 };

/* ---- the slow queries ---- */

/* The views as they were before there were counts. */
static const char slow_views[] =
    "CREATE VIEW s_StateMessageStatistics AS SELECT TopicType, COUNT(*) AS MessageCount FROM SR_States GROUP BY "
    "TopicType;"
    "CREATE VIEW s_UpdateStatus AS SELECT TopicID AS UpdateID, COUNT(CASE WHEN StateID = 2 THEN 1 END) AS Required, "
    "COUNT(CASE WHEN StateID = 3 THEN 1 END) AS Installed, COUNT(CASE WHEN StateID = 1 THEN 1 END) AS NotRequired, "
    "(SELECT COUNT(*) FROM SR_Clients WHERE COALESCE(ClientInstalled, 1) <> 0) - COUNT(CASE WHEN StateID IN (1, 2, 3) "
    "THEN 1 END) AS Unknown, MAX(MessageTime) AS LastChange FROM SR_States WHERE TopicType = 500 GROUP BY TopicID;"
    "CREATE VIEW s_UpdateEnforcement AS SELECT s.TopicID AS UpdateID, s.StateID, n.StateName, COUNT(*) AS Systems, "
    "MAX(s.MessageTime) AS LastChange FROM SR_States s LEFT JOIN SR_StateNames n ON n.TopicType = 402 AND n.StateID = "
    "s.StateID WHERE s.TopicType = 402 GROUP BY s.TopicID, s.StateID, n.StateName;"
    "CREATE VIEW s_DeploymentStatus AS SELECT s.TopicID AS DeploymentID, s.TopicType, s.StateID, n.StateName, COUNT(*) "
    "AS Systems, MAX(s.MessageTime) AS LastChange FROM SR_States s LEFT JOIN SR_StateNames n ON n.TopicType = "
    "s.TopicType AND n.StateID = s.StateID WHERE s.TopicType IN (300, 301, 302) GROUP BY s.TopicID, s.TopicType, "
    "s.StateID, n.StateName;"
    "CREATE VIEW s_TopTalkers AS SELECT s.TopicType, c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName, COUNT(*) AS "
    "States FROM SR_States s JOIN SR_Clients c ON c.MachineID = s.MachineID GROUP BY s.TopicType, c.MachineID, "
    "c.SMSID, c.NetBIOSName";

#define ROWS_OF(view) "(SELECT COUNT(*) FROM " view ")"
#define BESIDE(view, other) "(SELECT COUNT(*) FROM (SELECT * FROM " view " EXCEPT SELECT * FROM " other ") x)"
#define EXISTS_IN(view) "SELECT CASE WHEN EXISTS (SELECT 1 FROM " view ") THEN 1 ELSE 0 END"
#define DIFFERENCE(name)                                                                                               \
    BESIDE("v_" name, "s_" name)                                                                                       \
    " + " BESIDE("s_" name, "v_" name) " + ABS(" ROWS_OF("v_" name) " - " ROWS_OF("s_" name) ")"

static void assert_counts_are_exact(void)
{
    assert_string_equal(ASK_NUMBER("SELECT " DIFFERENCE("StateMessageStatistics")), "0\n");
    assert_string_equal(ASK_NUMBER("SELECT " DIFFERENCE("UpdateStatus")), "0\n");
    assert_string_equal(ASK_NUMBER("SELECT " DIFFERENCE("UpdateEnforcement")), "0\n");
    assert_string_equal(ASK_NUMBER("SELECT " DIFFERENCE("DeploymentStatus")), "0\n");
    assert_string_equal(ASK_NUMBER("SELECT " DIFFERENCE("TopTalkers")), "0\n");
}

static void assert_all_views_have_rows(void)
{
    static const char some[] = "1\n";
    assert_string_equal(ASK_NUMBER(EXISTS_IN("v_UpdateStatus")), some);
    assert_string_equal(ASK_NUMBER(EXISTS_IN("v_UpdateEnforcement")), some);
    assert_string_equal(ASK_NUMBER(EXISTS_IN("v_DeploymentStatus")), some);
    assert_string_equal(ASK_NUMBER(EXISTS_IN("v_TopTalkers")), some);
}

/* ---- random histories ---- */

static unsigned pick(unsigned *seed, unsigned below)
{
    return (unsigned)rand_r(seed) % below;
}

/* Types that are counted by topic and one that is not; times and serials that often make a message an old one. */
static void make_random(struct made *made, unsigned *seed, unsigned content)
{
    static const uint32_t types[] = {300, 301, 302, 402, 500, 500, 77};
    make_report(made, (int)pick(seed, CLIENTS), NOW, content);
    made->report.sender.installed = pick(seed, 5) != 0;
    for (unsigned i = 0; i <= pick(seed, 6); i++) {
        struct state_message *message = add_serial(made, (int)pick(seed, TOPICS), 1 + pick(seed, 50));
        message->topic_type = types[pick(seed, sizeof types / sizeof types[0])];
        message->state = pick(seed, 5);
        message->time = NOW + pick(seed, 20) * MINUTE;
    }
}

static void load_random(struct store *into, unsigned *seed, unsigned content)
{
    struct made made[FILES];
    struct store_file files[FILES];
    struct error why;
    for (unsigned i = 0; i < FILES; i++) {
        make_random(&made[i], seed, content + i);
        files[i] = made[i].file;
    }
    while (!store_load(into, files, FILES, NOW, &why))
        assert_int_equal(why.kind, ERROR_BUSY);
}

static void delete_some(unsigned *seed)
{
    char sql[160];
    (void)snprintf(sql, sizeof sql, "DELETE FROM SR_States WHERE (MachineID + StateID) %% 4 = %u", pick(seed, 4));
    must(db_script(db, sql, &err));
}

static void counts_are_exact_after_each_chunk_and_deletion(void **state)
{
    unsigned seed = 1;
    (void)state;
    must(db_script(db, slow_views, &err));
    for (unsigned i = 0; i < CHUNKS; i++) {
        load_random(store, &seed, i * FILES);
        assert_counts_are_exact();
        assert_all_views_have_rows();
        if (i % 4 == 3)
            delete_some(&seed);
        assert_counts_are_exact();
    }
    must(db_script(db, "DELETE FROM SR_States", &err));
    assert_counts_are_exact();
    assert_string_equal(ASK_NUMBER("SELECT " ROWS_OF("v_TopTalkers") " + " ROWS_OF("v_UpdateStatus")), "0\n");
}

/* ---- several at once ---- */

static void *load_much(void *argument)
{
    unsigned seed = *(unsigned *)argument;
    const unsigned first = seed * 100000;
    struct error why;
    struct store *mine;
    if (!store_open(&settings, &mine, &why))
        return NULL;
    for (unsigned i = 0; i < ROUNDS; i++)
        load_random(mine, &seed, first + i * FILES);
    store_close(mine);
    return argument;
}

/* A server needs a moment to see that a connection is gone. */
static void wait_until_counts_are_brought_together(void)
{
    for (int i = 0; i < PATIENCE * 100; i++) {
        store_close(store);
        must(store_open(&settings, &store, &err));
        if (strcmp(ASK_NUMBER("SELECT COUNT(DISTINCT Writer) FROM SR_StateCounts"), "1\n") == 0)
            return;
        (void)usleep(10 * 1000);
    }
    fail_msg("the counts of connections that are gone stay apart");
}

static void counts_are_exact_whoever_loads_at_the_same_time(void **state)
{
    pthread_t threads[THREADS];
    unsigned seeds[THREADS];
    (void)state;
    must(db_script(db, slow_views, &err));
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, load_much, &seeds[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_non_null(done);
    }
    assert_counts_are_exact();
    assert_all_views_have_rows();
    wait_until_counts_are_brought_together();
    assert_counts_are_exact();
}

/* ---- aged states ---- */

static void load_aged_states(void)
{
    struct made made;
    make_report(&made, 1, NOW, 1);
    for (int i = 0; i < 5; i++)
        (void)add_serial(&made, i + 1, (uint64_t)i + 1);
    assert_int_equal(load(&made, NOW), STORE_LOADED);
}

/* Or a loader would count a state as one that it changed, which is gone when it writes. */
static void states_are_not_deleted_while_their_client_is_loaded(void **state)
{
    struct store_settings impatient = settings;
    struct store *other;
    int64_t after = 0;
    uint64_t deleted;
    (void)state;
    impatient.lock_timeout_ms = 100;
    load_aged_states();
    must(store_open(&impatient, &other, &err));
    must(db_begin(db, &err));
    must(db_is_sqlite(db) || db_script(db, "SELECT 1 FROM SR_Clients FOR UPDATE", &err));
    assert_false(store_delete_states(other, NOW + 1, &after, &deleted, &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    db_rollback(db);
    store_close(other);
}

static void deleted_states_are_counted_once(void **state)
{
    int64_t after = 0;
    uint64_t deleted;
    (void)state;
    must(db_script(db, slow_views, &err));
    load_aged_states();
    must(store_delete_states(store, NOW + 1, &after, &deleted, &err));
    assert_int_equal(deleted, 5);
    assert_counts_are_exact();
}

/* ---- upgrade ---- */

static const char old_rows[] =
    "CREATE TABLE SR_SchemaVersion (Version INTEGER NOT NULL);"
    "INSERT INTO SR_SchemaVersion (Version) VALUES (1);"
    "INSERT INTO SR_Clients (MachineID, SMSID, SMSIDAsSent, FirstSeen, LastSeen) VALUES "
    "(16777216, '00000001', 'GUID:00000001', 1, 1), (16777217, '00000002', 'GUID:00000002', 1, 1);"
    "INSERT INTO SR_States (MachineID, TopicType, TopicID, UserSID, StateID, MessageTime, ProcessedTime) VALUES "
    "(16777216, 500, '1', '', 2, 100, 1), (16777216, 500, '2', '', 3, 200, 1), (16777216, 402, '1', '', 8, 300, 1), "
    "(16777216, 77, '1', '', 5, 400, 1), (16777216, 77, '2', '', 6, 500, 1), (16777217, 500, '1', '', 2, 600, 1), "
    "(16777217, 301, '9', 'S', 5, 700, 1), (16777217, 301, '9', '', 5, 800, 1)";

static void make_old_database(void)
{
    const struct store_step *old = &store_steps[0];
    must(fixture_close(NULL) == 0);
    fixture_clear();
    must(db_script(db, old->both, &err) && db_script(db, db_is_sqlite(db) ? old->sqlite : old->postgres, &err));
    must(db_script(db, old_rows, &err));
    must(db_is_sqlite(db) || db_script(db, "SELECT setval('SR_MachineID', 16777217)", &err));
}

static void a_database_of_version_1_is_brought_up_with_its_rows(void **state)
{
    struct made made;
    (void)state;
    make_old_database();
    must(store_open(&settings, &store, &err));
    must(db_script(db, slow_views, &err));
    assert_string_equal(ASK_NUMBER("SELECT Version FROM SR_SchemaVersion"), "2\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_States"), "8\n");
    assert_all_views_have_rows();
    assert_counts_are_exact();
    make_report(&made, 1, NOW, 1);
    add_serial(&made, 1, 7)->state = 3;
    (void)add_serial(&made, 5, 8);
    assert_int_equal(load(&made, NOW), STORE_LOADED);
    assert_string_equal(ASK_NUMBER("SELECT Installed FROM v_UpdateStatus WHERE UpdateID = '1'"), "1\n");
    assert_counts_are_exact();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_are_exact_after_each_chunk_and_deletion),
        TEST(counts_are_exact_whoever_loads_at_the_same_time),
        TEST(states_are_not_deleted_while_their_client_is_loaded),
        TEST(deleted_states_are_counted_once),
        TEST(a_database_of_version_1_is_brought_up_with_its_rows),
    };
    db_server_init();
    const int failed = RUN_ON_BOTH(tests);
    db_server_fini();
    buffer_fini(&fixture_dump);
    return failed;
}
