/* Random files in random chunks leave what a slow, obvious store makes of them one after the other; and what several
 * loaders do at the same time neither gets lost nor stands still. */
#include "store_fixture.h"
#include "store_model.h"

#include <pthread.h>

enum { FILES = 12, CHUNKS = 100, SERIALS = 40, THREADS = 4 };

static const struct db_statement states = {
    .sql = "SELECT c.SMSID, s.TopicType, s.TopicID, s.UserSID, s.StateID, s.MessageTime, s.ReportDate, s.SerialNumber, "
           "s.ProcessedTime FROM SR_States s JOIN SR_Clients c ON c.MachineID = s.MachineID "
           "ORDER BY c.SMSID, s.TopicType, s.TopicID, s.UserSID",
    .output = {DB_TEXT, DB_INTEGER, DB_TEXT, DB_TEXT, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER},
    .output_count = 9,
};
static const struct db_statement clients = {
    .sql = "SELECT c.SMSID, COALESCE(c.NetBIOSName, ''), c.FirstSeen, c.LastSeen, s.LastMessageTime, "
           "s.LastProcessedTime, s.LastReportDate, s.FirstSerialNumber, s.FirstReportDate, s.HighSerialNumber, "
           "s.LastRestartDate, s.MessagesProcessed, s.LastResyncIssuedTime, s.LastResyncClientCompletedTime, "
           "s.ResyncIssuedSerial, s.ResyncReason, s.Restarts FROM SR_Clients c "
           "LEFT JOIN SR_ClientMessageStats s ON s.MachineID = c.MachineID ORDER BY c.SMSID",
    .output = {DB_TEXT, DB_TEXT, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER,
               DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_TEXT, DB_INTEGER},
    .output_count = 17,
};
static const struct db_statement ranges = {
    .sql = "SELECT c.SMSID, r.FirstMissing, r.LastMissing, r.DetectedTime FROM SR_MissingMessageRanges r "
           "JOIN SR_Clients c ON c.MachineID = r.MachineID ORDER BY c.SMSID, r.FirstMissing",
    .output = {DB_TEXT, DB_INTEGER, DB_INTEGER, DB_INTEGER},
    .output_count = 4,
};

/* ---- random files ---- */

static struct made made[MODEL_FILES];
static int sender_of[MODEL_FILES];
static unsigned made_count;

static unsigned pick(unsigned below)
{
    return (unsigned)random() % below;
}

static void make_message(struct made *report)
{
    static const char *const names[] = {"", "S"};
    struct state_message *message = add_message(report, model_types[pick(MODEL_TYPES)], (int)pick(MODEL_TOPICS),
                                                pick(8) == 0 ? REPORT_NO_TIME : NOW + pick(4) * MINUTE);
    message->user_sid = span_of(names[pick(MODEL_SIDS)]);
    message->state = pick(1000);
    message->has_serial = pick(8) != 0;
    message->serial = 1 + made_count / 64 % 8 * 5 + pick(SERIALS);
}

static void make_random(void)
{
    static const char *const names[] = {"", "ANNA", "BERTA", "CLARA"};
    struct made *report = &made[made_count];
    sender_of[made_count] = (int)pick(MODEL_CLIENTS);
    make_report(report, sender_of[made_count], pick(8) == 0 ? REPORT_NO_TIME : NOW + pick(200) * MINUTE, made_count);
    report->report.sender.name = span_of(names[pick(4)]);
    report->report.sender.prefixed = pick(12) != 0;
    for (unsigned i = 0; i <= pick(6); i++)
        make_message(report);
    made_count++;
}

/* ---- random chunks ---- */

static void issue_resyncs(int64_t now)
{
    char sql[200];
    (void)snprintf(sql, sizeof sql,
                   "UPDATE SR_ClientMessageStats SET ResyncIssuedSerial = HighSerialNumber, LastResyncIssuedTime = "
                   "%lld WHERE HighSerialNumber IS NOT NULL",
                   (long long)now);
    must(db_script(db, sql, &err));
    for (size_t i = 0; i < MODEL_CLIENTS; i++) {
        if (!model[i].ledger.known)
            continue;
        model[i].ledger.issued = model[i].ledger.high;
        model[i].issued_time = now;
    }
}

/* Clients come with a chunk, also if all that they sent was loaded before: then the model has them already. */
static void load_chunk(int64_t now)
{
    struct store_file files[FILES];
    unsigned numbers[FILES];
    const unsigned count = 1 + pick(FILES);
    for (unsigned i = 0; i < count; i++) {
        if (made_count == 0 || pick(10) != 0)
            make_random();
        numbers[i] = pick(10) == 0 ? pick(made_count) : made_count - 1;
        files[i] = made[numbers[i]].file;
    }
    must(store_load(store, files, count, now, &err));
    for (unsigned i = 0; i < count; i++) {
        const bool repeated = model_loaded[numbers[i]];
        assert_int_equal(files[i].result, repeated ? STORE_REPEATED : STORE_LOADED);
        model_take(sender_of[numbers[i]], numbers[i], &made[numbers[i]].report, now);
    }
}

static void every_row_is_as_of_files_taken_one_by_one(void **state)
{
    unsigned completed = 0, restarts = 0;
    (void)state;
    for (unsigned seed = 0; seed < 4; seed++) {
        srandom(seed);
        model_init();
        made_count = 0;
        must(db_script(db,
                       "DELETE FROM SR_States; DELETE FROM SR_Clients; DELETE FROM SR_ClientMessageStats;"
                       "DELETE FROM SR_MissingMessageRanges; DELETE FROM SR_ProcessedFiles",
                       &err));
        for (unsigned i = 0; i < CHUNKS; i++) {
            const int64_t now = NOW + (200 + i) * MINUTE;
            if (i % 8 == 5)
                issue_resyncs(NOW + pick(200) * MINUTE);
            load_chunk(now);
            assert_string_equal(ask(&states), model_states());
            assert_string_equal(ask(&clients), model_clients());
            assert_string_equal(ask(&ranges), model_ranges());
        }
        for (size_t i = 0; i < MODEL_CLIENTS; i++) {
            completed += model[i].completed != LEDGER_NO_TIME;
            restarts += model[i].ledger.restarts;
        }
    }
    assert_true(completed > 0 && restarts > 0);         /* the histories have them */
}

/* ---- at the same time ---- */

enum { ROUNDS = 25, EACH = 8 };

/* Each thread sends other serials of the same clients, and other new clients in another order. */
static void *load_rounds(void *argument)
{
    const unsigned thread = *(const unsigned *)argument;
    struct made reports[EACH];
    struct store_file files[EACH];
    struct error why;
    struct store *mine;
    bool done = store_open(&settings, &mine, &why);
    for (unsigned round = 0; done && round < ROUNDS; round++) {
        for (unsigned i = 0; i < EACH; i++) {
            const unsigned client = thread % 2 == 0 ? i : EACH - 1 - i;
            const unsigned serial = 1 + round * THREADS + thread;
            make_report(&reports[i], (int)(round / 5 * EACH + client), NOW, serial * EACH + client);
            (void)add_serial(&reports[i], (int)thread, serial);
            files[i] = reports[i].file;
        }
        while (!store_load(mine, files, EACH, NOW, &why) && why.kind == ERROR_BUSY)
            ;
        for (unsigned i = 0; i < EACH; i++)
            done = done && files[i].result == STORE_LOADED;
    }
    if (!done)
        (void)fprintf(stderr, "%s\n", why.text);
    store_close(mine);
    return done ? argument : NULL;
}

/* The first of them makes the schema, whoever that is. */
static void loaders_at_the_same_time_lose_nothing(void **state)
{
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    (void)state;
    must(fixture_close(NULL) == 0);
    fixture_clear();
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, load_rounds, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_non_null(done);
    }
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_Clients"), "40\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_States"), "160\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_ProcessedFiles"), "800\n");
    assert_string_equal(ASK_NUMBER("SELECT CAST(SUM(MessagesProcessed) AS INTEGER) FROM SR_ClientMessageStats"),
                        "800\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_ClientMessageStats WHERE HighSerialNumber % 20 <> 0"),
                        "0\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_MissingMessageRanges"), "0\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_SchemaVersion"), "1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_is_as_of_files_taken_one_by_one),
        TEST(loaders_at_the_same_time_lose_nothing),
    };
    settings.ledger.min_missing_age = 20 * MINUTE;      /* that there are restarts */
    db_server_init();
    const int failed = RUN_ON_BOTH(tests);
    db_server_fini();
    buffer_fini(&fixture_dump);
    buffer_fini(&model_text);
    return failed;
}
