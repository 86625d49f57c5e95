/* What is composed is what is parsed: sample A to the byte, any report by its meaning. */
#include "report/compose.h"

#include "base/sys.h"
#include "report/smx.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "reader.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { MOST_BYTES = 4 * 1024 * 1024, ARENA = 64 * 1024 * 1024, MOST_MESSAGES = 8 };

static struct arena *arena;
static struct error err;

static void must(bool done)
{
    if (!done)
        fail_msg("%s", err.text);
}

static int open_arena(void **state)
{
    (void)state;
    arena = arena_open(ARENA, NULL);
    return arena == NULL ? -1 : 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_close(arena);
    return 0;
}

static void parse(struct span text, enum text_encoding encoding, struct report *out)
{
    static const struct report_limits limits = {.xml = {.depth = 32, .tag_bytes = 1024 * 1024}, .messages = 100};
    must(report_parse(text, encoding, &limits, reader, arena, out, &err));
}

static void compose_and_parse(const struct report *report, struct report *out)
{
    struct buffer bytes;
    buffer_init(&bytes, MOST_BYTES);
    must(compose_report(report, &bytes, &err));
    parse(buffer_span(&bytes), TEXT_UTF16LE, out);
    buffer_fini(&bytes);
}

/* ---- the same ---- */

static void assert_span(struct span got, struct span expected)
{
    if (got.len != expected.len || (got.len > 0 && memcmp(got.at, expected.at, got.len) != 0))
        fail_msg("'%.*s' and not '%.*s'", (int)got.len, got.at, (int)expected.len, expected.at);
}

static void assert_message(const struct state_message *got, const struct state_message *expected)
{
    assert_true(got->valid);
    assert_int_equal(got->has_serial, expected->has_serial);
    if (expected->has_serial)
        assert_true(got->serial == expected->serial);
    assert_true(got->time == expected->time && got->topic_type == expected->topic_type);
    assert_true(got->state == expected->state && got->topic_id_type == expected->topic_id_type);
    assert_true(got->criticality == expected->criticality && got->details_type == expected->details_type);
    assert_true(got->param_flags == expected->param_flags);
    assert_span(got->topic_id, expected->topic_id);
    assert_span(got->user, expected->user);
    assert_span(got->user_sid, expected->user_sid);
    assert_span(got->details, expected->details);
    assert_int_equal(got->param_count, expected->param_count);
    for (size_t i = 0; i < expected->param_count; i++)
        assert_span(got->params[i], expected->params[i]);
}

static void assert_report(const struct report *got, const struct report *expected)
{
    const struct sender *sender = &expected->sender;
    assert_span(got->sender.id, sender->id);
    assert_span(got->sender.name, sender->name);
    assert_span(got->sender.version, sender->version);
    assert_int_equal(got->sender.flagged, sender->flagged);
    assert_true(got->sender.installed == sender->installed && got->sender.type == sender->type);
    assert_true(got->sender.code_page == sender->code_page && got->sender.lcid == sender->lcid);
    assert_int_equal(got->priority_sent, expected->priority_sent);
    assert_int_equal(got->priority, expected->priority);
    assert_true(got->created == expected->created);
    assert_span(got->content, expected->content);
    assert_span(got->type, expected->type);
    assert_int_equal(got->message_count, expected->message_count);
    assert_int_equal(got->invalid_count, 0);
    assert_int_equal(got->problems_seen, 0);
    for (size_t i = 0; i < expected->message_count; i++)
        assert_message(&got->messages[i], &expected->messages[i]);
}

/* ---- sample A ---- */

static void sample_A_is_composed_byte_for_byte(void **state)
{
    struct buffer body, composed;
    struct report report;
    struct span text;
    enum text_encoding encoding;
    (void)state;
    buffer_init(&body, MOST_BYTES);
    buffer_init(&composed, MOST_BYTES);
    if (!sys_read_file(AT_FDCWD, "test/data/samples/reports/A-update-detection.body", &body, &err) ||
        !smx_text(buffer_span(&body), &text, &encoding, &err))
        abort();
    assert_int_equal(encoding, TEXT_UTF16LE);
    parse(text, encoding, &report);
    must(compose_report(&report, &composed, &err));
    assert_int_equal(composed.len, text.len);
    assert_memory_equal(composed.at, text.at, text.len);
    buffer_fini(&composed);
    buffer_fini(&body);
}

/* ---- random reports ---- */

static uint64_t noise = 1;

static uint64_t draw(uint64_t below)
{
    noise ^= noise << 13;
    noise ^= noise >> 7;
    noise ^= noise << 17;
    return noise % below;
}

/* Nothing that is trimmed stands at an end. */
static struct span draw_text(size_t most)
{
    static const char *const pieces[] = {"a",
                                         "Z",
                                         "7",
                                         " ",
                                         "\t",
                                         "\r",
                                         "\n",
                                         "<",
                                         ">",
                                         "&",
                                         "\"",
                                         "'",
                                         "]]>",
                                         "\xC3\xBC",
                                         "&lt;",
                                         "<!--",
                                         "\x7F",
                                         "{",
                                         "=",
                                         "GUID",
                                         "\xE2\x82\xAC",
                                         "\xF0\x9F\x98\x80",
                                         "\xEF\xBF\xBD",
                                         "x"};
    char text[512];
    size_t len = 0;
    const size_t count = draw(most + 1);
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[draw(COUNT(pieces))];
        const bool at_end = i == 0 || i + 1 == count;
        if (at_end && strchr(" \t\r\n", piece[0]) != NULL)
            piece = "e";
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    struct span kept = SPAN("");
    assert_true(len == 0 || arena_copy(arena, (struct span){text, len}, &kept));
    return kept;
}

static int64_t draw_number(void)
{
    static const int64_t numbers[] = {REPORT_NO_NUMBER, 0, 1, -1, 1033, INT32_MAX, INT64_MAX, -INT64_MAX};
    return numbers[draw(COUNT(numbers))];
}

static int64_t draw_time(void)
{
    const int64_t most = INT64_C(253402300800) * 1000000; /* the end of 9999 */
    return draw(8) == 0 ? REPORT_NO_TIME : (int64_t)(((draw(UINT64_MAX) >> 1) % (uint64_t)(2 * most)) % (uint64_t)most);
}

static void draw_message(struct state_message *out)
{
    *out = (struct state_message){
        .valid = true,
        .has_serial = draw(4) != 0,
        .serial = draw(2) == 0 ? draw(1000) : UINT64_MAX - draw(3),
        .time = draw_time(),
        .topic_type = (uint32_t)(draw(3) == 0 ? UINT32_MAX : draw(10000)),
        .state = (uint32_t)draw(100),
        .topic_id_type = draw_number(),
        .criticality = draw_number(),
        .topic_id = draw_text(40),
        .user = draw_text(5),
        .user_sid = draw_text(5),
        .details_type = draw_number(),
        .details = draw_text(60),
        .param_flags = draw_number(),
        .param_count = draw(REPORT_MOST_PARAMS + 1),
    };
    for (size_t i = 0; i < out->param_count; i++)
        out->params[i] = draw_text(20);
}

static void draw_report(struct report *out)
{
    const bool priority_sent = draw(2) == 0;
    *out = (struct report){
        .sender = {.id = draw_text(60),
                   .flagged = draw(3) == 0,
                   .name = draw_text(10),
                   .version = draw_text(10),
                   .installed = draw_number(),
                   .type = draw_number(),
                   .code_page = draw_number(),
                   .lcid = draw_number()},
        .priority = priority_sent ? (int)draw(20) : REPORT_PRIORITY_DEFAULT,
        .priority_sent = priority_sent,
        .created = draw_time(),
        .content = draw_text(10),
        .type = draw_text(10),
        .messages = arena_alloc(arena, MOST_MESSAGES * sizeof(struct state_message)),
        .message_count = 1 + draw(MOST_MESSAGES),
    };
    assert_non_null(out->messages);
    while (out->sender.id.len == 0)
        out->sender.id = draw_text(60);
    for (size_t i = 0; i < out->message_count; i++)
        draw_message(&out->messages[i]);
}

static void every_report_is_read_back_as_it_was(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct report report, again;
        arena_close(arena);
        assert_int_equal(open_arena(NULL), 0);
        draw_report(&report);
        compose_and_parse(&report, &again);
        assert_report(&again, &report);
    }
}

/* ---- what is left out, and what is replaced ---- */

static struct state_message one_message = {
    .topic_id_type = REPORT_NO_NUMBER,
    .criticality = REPORT_NO_NUMBER,
    .details_type = REPORT_NO_NUMBER,
    .param_flags = REPORT_NO_NUMBER,
    .time = REPORT_NO_TIME,
    .topic_id = {"", 0},
};

static struct report small_report(void)
{
    return (struct report){
        .sender = {.id = SPAN("x"),
                   .installed = REPORT_NO_NUMBER,
                   .type = REPORT_NO_NUMBER,
                   .code_page = REPORT_NO_NUMBER,
                   .lcid = REPORT_NO_NUMBER},
        .priority = REPORT_PRIORITY_DEFAULT,
        .created = REPORT_NO_TIME,
        .messages = &one_message,
        .message_count = 1,
    };
}

static void what_is_absent_leaves_no_trace(void **state)
{
    const struct report report = small_report();
    static const char expected[] =
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<Report><ReportHeader><Identification><Machine><ClientID>x"
        "</ClientID></Machine></Identification><ReportDetails><Version>1.0</Version><Format>1.0</Format>"
        "</ReportDetails></ReportHeader><ReportBody><StateMessage><Topic ID=\"\" Type=\"0\" User=\"\" UserSID=\"\"/>"
        "<State ID=\"0\"/></StateMessage></ReportBody></Report>\r\n";
    struct buffer bytes;
    struct span text = SPAN("");
    (void)state;
    buffer_init(&bytes, MOST_BYTES);
    must(compose_report(&report, &bytes, &err) &&
         text_copy_utf8(TEXT_UTF16LE, buffer_span(&bytes), arena, &text, &err));
    assert_span(text, SPAN(expected));
    buffer_fini(&bytes);
}

static void what_no_xml_can_hold_is_replaced(void **state)
{
    static const struct {
        struct span text;
        struct span read;
    } rows[] = {
        {SPAN("a\x01\x1F"
              "b"),
         SPAN("a\xEF\xBF\xBD\xEF\xBF\xBD"
              "b")},
        {SPAN("a\0b"), SPAN("a\xEF\xBF\xBD"
                            "b")},
        {SPAN("a\xFF"
              "b"),
         SPAN("a\xEF\xBF\xBD"
              "b")},
        {SPAN("cut \xE2\x82"), SPAN("cut \xEF\xBF\xBD\xEF\xBF\xBD")},
        {SPAN("half \xED\xA0\x80."), SPAN("half \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD.")},
        {SPAN("\xEF\xBF\xBE\xEF\xBF\xBF"), SPAN("\xEF\xBF\xBD\xEF\xBF\xBD")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct report report = small_report(), again;
        report.sender.name = rows[i].text;
        compose_and_parse(&report, &again);
        assert_span(again.sender.name, rows[i].read);
    }
}

/* ---- times ---- */

static void a_time_is_read_back_as_it_was(void **state)
{
    static const struct {
        int64_t time;
        const char *text;
    } rows[] = {
        {0, "19700101000000.000000+000"},
        {INT64_C(1390247216903000), "20140120194656.903000+000"},
        {INT64_C(951782399999999), "20000228235959.999999+000"},
        {INT64_C(951782400000000), "20000229000000.000000+000"},
        {INT64_C(951868800000000), "20000301000000.000000+000"},
        {INT64_C(4107542400000000), "21000301000000.000000+000"},
        {-1, "19691231235959.999999+000"},
        {INT64_C(-11644473600000000), "16010101000000.000000+000"},
        {INT64_C(253402300799999999), "99991231235959.999999+000"},
    };
    char text[COMPOSE_TIME_SIZE];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        compose_time(rows[i].time, text);
        assert_string_equal(text, rows[i].text);
    }
    for (int64_t day = -134774; day < 2932897; day++) {
        const int64_t time = day * INT64_C(86400000000) + (int64_t)draw(UINT64_C(86400000000));
        compose_time(time, text);
        assert_true(report_time(span_of(text)) == time);
    }
}

static void a_time_beyond_all_years_is_the_first_or_the_last(void **state)
{
    char text[COMPOSE_TIME_SIZE];
    (void)state;
    compose_time(INT64_MIN, text);
    assert_string_equal(text, "16010101000000.000000+000");
    compose_time(INT64_MAX, text);
    assert_string_equal(text, "99991231235959.999999+000");
}

/* ---- no room, no memory ---- */

static void a_buffer_that_is_too_small_stays_as_it_was(void **state)
{
    struct report report;
    struct buffer bytes;
    (void)state;
    draw_report(&report);
    buffer_init(&bytes, MOST_BYTES);
    must(compose_report(&report, &bytes, &err));
    const size_t whole = bytes.len;
    buffer_fini(&bytes);
    for (size_t most = 3; most < whole + 3; most++) {
        buffer_init(&bytes, most);
        must(buffer_add(&bytes, "abc", 3, &err));
        assert_false(compose_report(&report, &bytes, &err));
        assert_int_equal(err.kind, ERROR_TOO_BIG);
        assert_int_equal(bytes.len, 3);
        buffer_fini(&bytes);
    }
}

static void *refuse(void *old, size_t size)
{
    (void)old;
    (void)size;
    return NULL;
}

static void refused_memory_is_said_to_be_just_that(void **state)
{
    const struct report report = small_report();
    struct buffer bytes;
    (void)state;
    buffer_init(&bytes, MOST_BYTES);
    sys.reallocate = refuse;
    const bool composed = compose_report(&report, &bytes, &err);
    sys = sys_kernel;
    assert_false(composed);
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    buffer_fini(&bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sample_A_is_composed_byte_for_byte),
        TEST(every_report_is_read_back_as_it_was),
        TEST(what_is_absent_leaves_no_trace),
        TEST(what_no_xml_can_hold_is_replaced),
        TEST(a_time_is_read_back_as_it_was),
        TEST(a_time_beyond_all_years_is_the_first_or_the_last),
        TEST(a_buffer_that_is_too_small_stays_as_it_was),
        TEST(refused_memory_is_said_to_be_just_that),
    };
    return cmocka_run_group_tests(tests, open_reader, close_reader);
}
