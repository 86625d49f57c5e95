/* The heartbeat is a report as any other: it is parsed, loaded, and found again, and the ledger does not count it. */
#include "../../src/statesys/heartbeat.h"
#include "base/sys.h"
#include "reader.h"
#include "report/smx.h"
#include "store_fixture.h"

#include <fcntl.h>

#include "home.h"

static char home[HOME_SIZE];
static struct arena *arena;

static int open_home(void **state)
{
    (void)fixture_open(state);
    home_make(home);
    arena = arena_open(16 * 1024 * 1024, NULL);
    return arena == NULL ? -1 : 0;
}

static int close_home(void **state)
{
    arena_close(arena);
    home_remove(home);
    return fixture_close(state);
}

/* The name of the only file, or of the last by name. */
static const char *last_name(void)
{
    static char name[256];
    DIR *directory = opendir(home);
    assert_non_null(directory);
    name[0] = '\0';
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (strcmp(entry->d_name, name) > 0 && entry->d_name[0] != '.')
            (void)snprintf(name, sizeof name, "%s", entry->d_name);
    (void)closedir(directory);
    return name;
}

static void read_last(struct report *out)
{
    static const struct report_limits limits = {.xml = {.depth = 32, .tag_bytes = 65536}, .messages = 100};
    char path[HOME_SIZE + 256];
    struct buffer bytes;
    struct span text, kept;
    enum text_encoding encoding;
    (void)snprintf(path, sizeof path, "%s/%s", home, last_name());
    buffer_init(&bytes, 65536);
    must(sys_read_file(AT_FDCWD, path, &bytes, &err));
    assert_memory_equal(bytes.at, "\xFF\xFE", 2);
    assert_true(arena_copy(arena, buffer_span(&bytes), &kept));
    buffer_fini(&bytes);
    if (!smx_text(kept, &text, &encoding, &err) || !report_parse(text, encoding, &limits, reader, arena, out, &err))
        abort();
}

static void load_last(unsigned content)
{
    struct report report;
    struct store_file file = {.name = "heartbeat", .hash = {(unsigned char)content}, .report = &report};
    read_last(&report);
    must(store_load(store, &file, 1, NOW, &err));
    assert_int_equal(file.result, STORE_LOADED);
    assert_int_equal(file.invalid, 0);
}

static void it_says_who_beats_when_and_how_often(void **state)
{
    struct report report;
    (void)state;
    must(heartbeat_write(home, "PS1", 42, NOW, &err));
    read_last(&report);
    const struct state_message *message = &report.messages[0];
    assert_int_equal(report.message_count, 1);
    assert_int_equal(report.problems_seen, 0);
    assert_true(span_equal(report.sender.key, SPAN("SMS_STATE_SYSTEM_PS1")) && !report.sender.prefixed);
    assert_int_equal(report.sender.installed, 0);
    assert_int_equal(report.priority, REPORT_PRIORITY_DEFAULT);
    assert_true(report.created == NOW && message->time == NOW);
    assert_int_equal(message->topic_type, 701);
    assert_int_equal(message->state, 1);
    assert_int_equal(message->serial, 42);
    assert_true(span_equal(message->topic_id, SPAN("PS1")));
    assert_int_equal(message->param_count, 2);
    assert_true(span_equal(message->params[0], SPAN("PS1")) && span_equal(message->params[1], SPAN("42")));
}

static void the_last_one_that_came_through_is_found_again(void **state)
{
    struct store_heartbeat last;
    char client[HEARTBEAT_CLIENT_SIZE];
    (void)state;
    heartbeat_client("PS1", client);
    must(store_read_heartbeat(store, client, &last, &err));
    assert_true(last.time == LEDGER_NO_TIME && last.sequence == 0);
    must(heartbeat_write(home, "PS1", 7, NOW, &err));
    load_last(1);
    must(heartbeat_write(home, "PS1", 8, NOW + MINUTE, &err));
    load_last(2);
    must(store_read_heartbeat(store, client, &last, &err));
    assert_true(last.time == NOW + MINUTE && last.sequence == 8);
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_States WHERE TopicType = 701 AND TopicID = 'PS1'"), "1\n");
    assert_string_equal(ASK_TEXT("SELECT P2 FROM SR_States"), "8\n");
    assert_string_equal(ASK_NUMBER("SELECT COUNT(*) FROM SR_ClientMessageStats"), "0\n");
}

static void its_name_is_behind_those_of_earlier_ones(void **state)
{
    char first[256];
    (void)state;
    must(heartbeat_write(home, "PS1", 1, NOW, &err));
    (void)snprintf(first, sizeof first, "%s", last_name());
    assert_int_equal(strlen(first), 16 + 4);
    assert_string_equal(first + 16, ".smx");
    must(heartbeat_write(home, "PS1", 2, NOW + 1, &err));
    assert_string_not_equal(last_name(), first);
}

static void *refuse(void *old, size_t size)
{
    (void)old;
    (void)size;
    return NULL;
}

static void what_cannot_be_written_is_said(void **state)
{
    (void)state;
    assert_false(heartbeat_write("/nowhere", "PS1", 1, NOW, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    sys.reallocate = refuse;
    const bool written = heartbeat_write(home, "PS1", 1, NOW, &err);
    sys = sys_kernel;
    assert_false(written);
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    assert_string_equal(last_name(), "");
}

#define HEARTBEAT_TEST(name) cmocka_unit_test_setup_teardown(name, open_home, close_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEARTBEAT_TEST(it_says_who_beats_when_and_how_often),
        HEARTBEAT_TEST(the_last_one_that_came_through_is_found_again),
        HEARTBEAT_TEST(its_name_is_behind_those_of_earlier_ones),
        HEARTBEAT_TEST(what_cannot_be_written_is_said),
    };
    if (open_reader(NULL) != 0)
        return 1;
    db_server_init();
    const int failed = RUN_ON_BOTH(tests);
    db_server_fini();
    (void)close_reader(NULL);
    buffer_fini(&fixture_dump);
    return failed;
}
