/* The store when something fails: content that the database refuses, a database that is locked, memory that is refused
 * at each place in turn; and what does not fit into a column is made to fit, the same on both databases. */
#include "base/sys.h"
#include "store_fixture.h"

static const struct db_statement all_states = {
    .sql = "SELECT c.SMSID, s.TopicID, s.SerialNumber FROM SR_States s JOIN SR_Clients c ON c.MachineID = s.MachineID "
           "ORDER BY c.SMSID, s.TopicID",
    .output = {DB_TEXT, DB_TEXT, DB_INTEGER},
    .output_count = 3,
};

static void make_four(struct made made[4], struct store_file files[4])
{
    for (unsigned i = 0; i < 4; i++) {
        make_report(&made[i], (int)i, NOW, i);
        (void)add_serial(&made[i], 1, 7);
        made[i].report.sender.name = i < 2 ? SPAN("twice") : (struct span){made[i].id, strlen(made[i].id)};
        files[i] = made[i].file;
    }
}

/* ---- content ---- */

static void a_file_that_is_refused_does_not_spoil_the_others(void **state)
{
    struct made made[4];
    struct store_file files[4];
    (void)state;
    must(db_script(db, "CREATE UNIQUE INDEX OneName ON SR_Clients (NetBIOSName)", &err));
    make_four(made, files);
    must(store_load(store, files, 4, NOW, &err));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(files[i].result, i == 1 ? STORE_FAILED : STORE_LOADED);
    assert_int_equal(files[1].err.kind, ERROR_MALFORMED);
    assert_string_equal(ask(&all_states), "00000000|1|7\n00000002|1|7\n00000003|1|7\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_ProcessedFiles"), "3\n");
}

static void what_would_refuse_every_file_is_no_file_s_fault(void **state)
{
    struct made made[4];
    struct store_file files[4];
    (void)state;
    make_four(made, files);
    must(db_script(db, "ALTER TABLE SR_ProcessedFiles RENAME TO Elsewhere", &err));
    assert_false(store_load(store, files, 4, NOW, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(files[i].result, STORE_WAITING);
    must(db_script(db, "ALTER TABLE Elsewhere RENAME TO SR_ProcessedFiles", &err));
    must(store_load(store, files, 4, NOW, &err));
    assert_int_equal(files[0].result, STORE_LOADED);
}

static void fill_beyond_bounds(struct made *made, char *text, size_t size)
{
    for (size_t i = 0; i < size; i += 4)
        memcpy(text + i, "\xF0\x9F\x98\x80", 4);
    const struct span longest = {text, size};
    struct state_message *message = add_serial(made, 1, INT64_MAX);
    message->topic_id = message->user = message->user_sid = message->details = longest;
    message->state = UINT32_MAX;
    message->topic_id_type = (int64_t)INT32_MAX + 1;
    message->param_count = 12;
    for (size_t i = 0; i < REPORT_MOST_PARAMS; i++)
        message->params[i] = longest;
    add_serial(made, 2, (uint64_t)INT64_MAX + 1)->state = 1;
    add_serial(made, 3, 1)->topic_type = (uint32_t)INT32_MAX + 1;
    add_serial(made, 4, 1)->valid = false;
    made->report.sender.name = made->report.sender.version = longest;
    made->report.sender.lcid = INT64_MAX;
    made->file.name = "\xFF\xC3\xA4.smx";
}

static void what_does_not_fit_is_made_to_fit(void **state)
{
    static const struct db_statement lengths = {
        .sql = "SELECT LENGTH(TopicID), LENGTH(UserSID), LENGTH(UserName), LENGTH(P5), LENGTH(StateDetails), StateID, "
               "TopicIDType, SerialNumber, ParamCount FROM SR_States",
        .output = {DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER,
                   DB_INTEGER},
        .output_count = 9};
    static char text[4 * 5000];
    struct made made;
    (void)state;
    make_report(&made, 1, NOW, 1);
    fill_beyond_bounds(&made, text, sizeof text);
    assert_int_equal(load(&made, NOW), STORE_LOADED);
    assert_int_equal(made.file.invalid, 3);
    assert_string_equal(ask(&lengths), "512|128|256|4000|5000|4294967295|-|9223372036854775807|12\n");
    assert_string_equal(ASK_NUMBER("SELECT LENGTH(NetBIOSName) + LENGTH(ClientVersion) FROM SR_Clients"), "320\n");
    assert_string_equal(ASK_TEXT("SELECT FileName FROM SR_ProcessedFiles"), "???.smx\n");
    assert_string_equal(ASK_NUMBER("SELECT Records - InvalidRecords FROM SR_ProcessedFiles"), "1\n");
}

/* ---- busy ---- */

static void a_locked_database_changes_nothing_and_is_tried_again(void **state)
{
    struct store_settings hasty = settings;
    struct store *other = NULL;
    struct made made[4];
    struct store_file files[4];
    (void)state;
    make_four(made, files);
    hasty.lock_timeout_ms = 20;
    must(store_open(&hasty, &other, &err) && db_begin(db, &err));
    must(db_is_sqlite(db) || db_script(db, "LOCK TABLE SR_States", &err));
    assert_false(store_load(other, files, 4, NOW, &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(files[i].result, STORE_WAITING);
    db_rollback(db);
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_Clients"), "0\n");
    must(store_load(other, files, 4, NOW, &err));
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_States"), "4\n");
    store_close(other);
}

/* ---- memory ---- */

static size_t allocations_left;

static void *allocate_some(size_t size)
{
    return allocations_left == 0 ? NULL : (allocations_left--, malloc(size));
}

static void *reallocate_some(void *old, size_t size)
{
    return allocations_left == 0 ? NULL : (allocations_left--, realloc(old, size));
}

static bool open_and_load(struct store_file *files, size_t count, struct store **out)
{
    *out = NULL;
    return store_open(&settings, out, &err) && store_load(*out, files, count, NOW, &err);
}

/* One that waits for the rest finds out by itself: what was loaded is said to be repeated. */
static void each_refused_allocation_is_no_memory_and_changes_nothing(void **state)
{
    struct made made[4];
    struct store_file files[4];
    size_t refusals = 0;
    bool loaded = false;
    (void)state;
    make_four(made, files);
    for (; !loaded; refusals++) {
        struct store *other;
        allocations_left = refusals;
        sys.allocate = allocate_some;
        sys.reallocate = reallocate_some;
        loaded = open_and_load(files, 4, &other);
        sys = sys_kernel;
        assert_true(loaded || err.kind == ERROR_NO_MEMORY);
        assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_States"), loaded ? "4\n" : "0\n");
        store_close(other);
    }
    assert_true(refusals > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_is_refused_does_not_spoil_the_others),
        TEST(what_would_refuse_every_file_is_no_file_s_fault),
        TEST(what_does_not_fit_is_made_to_fit),
        TEST(a_locked_database_changes_nothing_and_is_tried_again),
        TEST(each_refused_allocation_is_no_memory_and_changes_nothing),
    };
    db_server_init();
    const int failed = RUN_ON_BOTH(tests);
    db_server_fini();
    buffer_fini(&fixture_dump);
    return failed;
}
