/* Reports: what is read of them, what is tolerated, what is bad (the samples and spec/smx.md 6). */
#include "report/report.h"

#include "base/sys.h"
#include "report/smx.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "few.h"
#include "reader.h"
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SAMPLES "test/data/samples/reports/"

#define CLIENT "<ClientID>GUID:A</ClientID>"
#define HEADER "<ReportHeader><Identification><Machine>" CLIENT "</Machine></Identification></ReportHeader>"
#define MESSAGE "<StateMessage><Topic Type='500'/><State ID='2'/></StateMessage>"
#define REPORT_OF(header, body) "<Report>" header "<ReportBody>" body "</ReportBody></Report>"
#define MACHINE_OF(inside)                                                                                            \
    REPORT_OF("<ReportHeader><Identification><Machine>" inside "</Machine></Identification></ReportHeader>", MESSAGE)
#define DETAILS_OF(inside)                                                                                            \
    REPORT_OF("<ReportHeader><Identification><Machine>" CLIENT "</Machine></Identification><ReportDetails>" inside    \
              "</ReportDetails></ReportHeader>",                                                                      \
              MESSAGE)
#define MESSAGES(inside) REPORT_OF(HEADER, inside)
#define MESSAGE_OF(inside) MESSAGES("<StateMessage><Topic Type='500'/><State ID='2'/>" inside "</StateMessage>")

static const struct report_limits usual = {.xml = {.depth = 32, .tag_bytes = 65536}, .messages = 100000};

struct parsed {
    struct arena *arena;
    struct report report;
    struct error err;
    bool done;
};

static struct parsed parse_under(const struct report_limits *limits, struct span bytes)
{
    struct parsed parsed = {.arena = arena_open(64 * 1024 * 1024, NULL)};
    struct span text;
    enum text_encoding encoding;
    assert_non_null(parsed.arena);
    assert_true(smx_text(bytes, &text, &encoding, &parsed.err));
    parsed.done = report_parse(text, encoding, limits, reader, parsed.arena, &parsed.report, &parsed.err);
    return parsed;
}

static struct parsed parse(const char *text)
{
    return parse_under(&usual, span_of(text));
}

/* For what must be taken. */
static struct parsed take(const char *text)
{
    struct parsed parsed = parse(text);
    if (!parsed.done)
        fail_msg("%s: %s", text, parsed.err.text);
    return parsed;
}

static void assert_span(struct span span, const char *expected)
{
    if (!span_equal(span, span_of(expected)))
        fail_msg("'%.*s' is not '%s'", (int)span.len, span.len > 0 ? span.at : "", expected);
}

static void assert_problem(const struct report *report, size_t index, unsigned line, size_t message, const char *text)
{
    assert_true(index < report->problem_count);
    assert_int_equal(report->problems[index].line, line);
    assert_int_equal(report->problems[index].message, message);
    assert_span(report->problems[index].text, text);
}

static struct parsed parse_file(const char *name)
{
    struct buffer bytes;
    struct error err;
    char path[256];
    (void)snprintf(path, sizeof path, SAMPLES "%s", name);
    buffer_init(&bytes, 65536);
    if (!sys_read_file(AT_FDCWD, path, &bytes, &err))
        fail_msg("%s", err.text);
    struct parsed parsed = parse_under(&usual, buffer_span(&bytes));
    buffer_fini(&bytes);
    return parsed;
}

/* ---- the samples ---- */

static void every_word_of_a_sample_is_read(void **state)
{
    struct parsed parsed = parse_file("A-update-detection.body");
    const struct report *report = &parsed.report;
    (void)state;
    assert_true(parsed.done);
    assert_span(report->sender.id, "GUID:A1006D0E-CF56-41D1-A006-6330EFC39381");
    assert_span(report->sender.key, "A1006D0E-CF56-41D1-A006-6330EFC39381");
    assert_true(report->sender.prefixed);
    assert_false(report->sender.flagged);
    assert_span(report->sender.name, "PS1WIN7X64");
    assert_span(report->sender.version, "5.00.7958.1000");
    assert_int_equal(report->sender.installed, 1);
    assert_int_equal(report->sender.type, 1);
    assert_int_equal(report->sender.code_page, 437);
    assert_int_equal(report->sender.lcid, 1033);
    assert_int_equal(report->priority, 5);
    assert_true(report->priority_sent);
    assert_int_equal(report->created, INT64_C(1390247216903000));
    assert_span(report->content, "State Message Data");
    assert_span(report->type, "Full");
    assert_int_equal(report->message_count, 1);
    assert_int_equal(report->invalid_count, 0);
    assert_int_equal(report->problems_seen, 0);
    const struct state_message *message = &report->messages[0];
    assert_true(message->valid);
    assert_true(message->has_serial);
    assert_int_equal(message->serial, 232);
    assert_int_equal(message->line, 2);
    assert_int_equal(message->time, INT64_C(1390238335573000));
    assert_int_equal(message->topic_type, 500);
    assert_int_equal(message->topic_id_type, 3);
    assert_span(message->topic_id, "505fda07-b4f3-45fb-83d9-8642554e2773");
    assert_span(message->user, "");
    assert_span(message->user_sid, "");
    assert_int_equal(message->state, 2);
    assert_int_equal(message->criticality, 0);
    assert_int_equal(message->details_type, REPORT_NO_NUMBER);
    assert_int_equal(message->param_flags, 0);
    assert_int_equal(message->param_count, 1);
    assert_span(message->params[0], "200");
    arena_close(parsed.arena);
}

static void every_sample_is_taken_or_refused_as_documented(void **state)
{
    static const struct {
        const char *name;
        const char *key;        /* NULL: refused */
        int priority;
        unsigned topic, state;
    } rows[] = {
        {"A-update-detection.xml", "A1006D0E-CF56-41D1-A006-6330EFC39381", 5, 500, 2},
        {"B-kb4459394.body", "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E01", 5, 500, 2},
        {"B-kb4459394.xml", "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E01", 5, 500, 2},
        {"B-kb4459394-as-printed.txt", NULL, 0, 0, 0},
        {"C-cmpivot-result.body", "DBAC52C9-57E6-47D7-A8D6-E0A5A64B57E6", 0, 9003, 1},
        {"C-cmpivot-result.xml", "DBAC52C9-57E6-47D7-A8D6-E0A5A64B57E6", 0, 9003, 1},
        {"D-pull-dp.body", "925B0AB0-247B-466B-BE0F-93D7CB032C87", 5, 902, 1},
        {"D-pull-dp.xml", "925B0AB0-247B-466B-BE0F-93D7CB032C87", 5, 902, 1},
        {"E-peer-cache.body", "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E05", 1, 7201, 2},
        {"E-peer-cache.xml", "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E05", 1, 7201, 2},
        {"E-peer-cache-as-printed.txt", NULL, 0, 0, 0},
        {"F-metering-body.body", NULL, 0, 0, 0},
        {"F-metering-attachment.body", NULL, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct parsed parsed = parse_file(rows[i].name);
        assert_int_equal(parsed.done, rows[i].key != NULL);
        if (parsed.done) {
            assert_span(parsed.report.sender.key, rows[i].key);
            assert_int_equal(parsed.report.priority, rows[i].priority);
            assert_int_equal(parsed.report.message_count, 1);
            assert_int_equal(parsed.report.messages[0].topic_type, rows[i].topic);
            assert_int_equal(parsed.report.messages[0].state, rows[i].state);
        } else {
            assert_int_equal(parsed.err.kind, ERROR_MALFORMED);
            assert_string_equal(parsed.err.rule, "report");
        }
        arena_close(parsed.arena);
    }
}

static void details_and_params_are_kept_as_text(void **state)
{
    struct parsed pivot = parse_file("C-cmpivot-result.body");
    struct parsed pull = parse_file("D-pull-dp.body");
    (void)state;
    assert_true(pivot.done && pull.done);
    assert_false(pivot.report.messages[0].has_serial);
    assert_int_equal(pivot.report.messages[0].details_type, 1);
    assert_memory_equal(pivot.report.messages[0].details.at, "\"PAA/AHgAbQ", 11);
    assert_int_equal(pivot.report.messages[0].details.at[pivot.report.messages[0].details.len - 1], '"');
    assert_true(pull.report.sender.flagged);
    assert_false(pull.report.sender.prefixed);
    assert_int_equal(pull.report.messages[0].param_count, 4);
    assert_span(pull.report.messages[0].params[1],
                "[\"Display=\\\\P01PDP1.CONTOSO.COM\\\"]MSWNET:[\"SMS_SITE=P01\"]\\\\P01PDP1.CONTOSO.COM\\");
    assert_span(pull.report.messages[0].params[3], "");
    arena_close(pivot.arena);
    arena_close(pull.arena);
}

/* ---- the header ---- */

static void a_client_id_has_one_normal_form(void **state)
{
    static const struct {
        const char *report;
        const char *id, *key;
        bool prefixed, flagged;
    } rows[] = {
        {MACHINE_OF("<ClientID>GUID:AB-CD</ClientID>"), "GUID:AB-CD", "AB-CD", true, false},
        {MACHINE_OF("<ClientID> \r\n guid: ab-cz\t</ClientID>"), "guid: ab-cz", "AB-CZ", true, false},
        {MACHINE_OF("<ClientID IDType='0' IDFlag='1'>ab\t\r\ncd</ClientID>"), "ab\t\ncd", "ABCD", false, true},
        {MACHINE_OF("<ClientID>GUID</ClientID>"), "GUID", "GUID", false, false},
        {MACHINE_OF("<ClientID>x</ClientID><ClientID>y</ClientID>"), "x", "X", false, false},
        {MACHINE_OF("<ClientID>x<y>z</y></ClientID>"), "x", "X", false, false},
        {MACHINE_OF("<ClientID>&#xE4;</ClientID>"), "\xC3\xA4", "\xC3\xA4", false, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct parsed parsed = take(rows[i].report);
        assert_span(parsed.report.sender.id, rows[i].id);
        assert_span(parsed.report.sender.key, rows[i].key);
        assert_int_equal(parsed.report.sender.prefixed, rows[i].prefixed);
        assert_int_equal(parsed.report.sender.flagged, rows[i].flagged);
        arena_close(parsed.arena);
    }
}

static void a_client_id_has_at_most_255_characters(void **state)
{
    (void)state;
    for (size_t characters = 255; characters <= 256; characters++) {
        char text[2048], *at = text;
        at += snprintf(text, 200, "<Report>\n<ReportHeader><Identification><Machine><ClientID>");
        for (size_t i = 0; i < characters; i++, at += 2)
            memcpy(at, "\xC3\xA4", 2);
        (void)snprintf(at, 500,
                       "</ClientID></Machine></Identification></ReportHeader><ReportBody>" MESSAGE
                       "</ReportBody></Report>");
        struct parsed parsed = parse(text);
        assert_int_equal(parsed.done, characters == 255);
        if (!parsed.done)
            assert_string_equal(parsed.err.text, "line 2: ClientID of more than 255 characters");
        arena_close(parsed.arena);
    }
}

static void a_priority_that_is_none_is_5(void **state)
{
    static const struct {
        const char *report;
        int priority;
        bool sent;
        const char *problem;
    } rows[] = {
        {MACHINE_OF(CLIENT), 5, false, NULL},
        {MACHINE_OF(CLIENT "<Priority/>"), 5, false, NULL},
        {MACHINE_OF(CLIENT "<Priority> \n</Priority>"), 5, false, NULL},
        {MACHINE_OF(CLIENT "<Priority> 0 </Priority>"), 0, true, NULL},
        {MACHINE_OF(CLIENT "<Priority>16</Priority>"), 16, true, NULL},
        {MACHINE_OF(CLIENT "<Priority>99999999999</Priority>"), INT_MAX, true, NULL},
        {MACHINE_OF(CLIENT "<Priority>-1</Priority>"), 5, false, "Priority is negative"},
        {MACHINE_OF(CLIENT "<Priority>high</Priority>"), 5, false, "Priority is not a number"},
        {MACHINE_OF(CLIENT "<Priority>-</Priority>"), 5, false, "Priority is not a number"},
        {MACHINE_OF(CLIENT "<Priority>99999999999999999999</Priority>"), INT_MAX, true, NULL},
        {MACHINE_OF(CLIENT "<Priority>1</Priority><Priority>2</Priority>"), 1, true, "a second Priority is ignored"},
        {MACHINE_OF("<p:Priority xmlns:p='u'>1</p:Priority>" CLIENT), 5, false, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct parsed parsed = take(rows[i].report);
        assert_int_equal(parsed.report.priority, rows[i].priority);
        assert_int_equal(parsed.report.priority_sent, rows[i].sent);
        assert_int_equal(parsed.report.problems_seen, rows[i].problem != NULL);
        if (rows[i].problem != NULL)
            assert_problem(&parsed.report, 0, 1, 0, rows[i].problem);
        arena_close(parsed.arena);
    }
}

static void numbers_of_the_header_may_be_anything(void **state)
{
    struct parsed parsed = take(MACHINE_OF(CLIENT "<ClientInstalled>yes</ClientInstalled><ClientType/>"
                                                  "<CodePage>-1</CodePage>"));
    (void)state;
    assert_int_equal(parsed.report.sender.installed, REPORT_NO_NUMBER);
    assert_int_equal(parsed.report.sender.type, REPORT_NO_NUMBER);
    assert_int_equal(parsed.report.sender.code_page, -1);
    assert_int_equal(parsed.report.sender.lcid, REPORT_NO_NUMBER);
    assert_int_equal(parsed.report.problems_seen, 1);
    assert_problem(&parsed.report, 0, 1, 0, "ClientInstalled is not a number");
    arena_close(parsed.arena);
}

/* No text was gathered before: there is not even a buffer. */
static void the_first_element_may_be_empty(void **state)
{
    struct parsed parsed = take(MACHINE_OF("<ClientInstalled/>" CLIENT));
    (void)state;
    assert_int_equal(parsed.report.sender.installed, REPORT_NO_NUMBER);
    assert_int_equal(parsed.report.problems_seen, 0);
    arena_close(parsed.arena);
}

static void a_bad_date_is_a_problem_only(void **state)
{
    struct parsed bad = take(DETAILS_OF("<Date>yesterday</Date>")), none = take(DETAILS_OF("<Date> </Date>"));
    (void)state;
    assert_int_equal(bad.report.created, REPORT_NO_TIME);
    assert_problem(&bad.report, 0, 1, 0, "Date is not a date");
    assert_int_equal(none.report.created, REPORT_NO_TIME);
    assert_int_equal(none.report.problems_seen, 0);
    arena_close(bad.arena);
    arena_close(none.arena);
}

static void the_order_of_elements_is_free(void **state)
{
    struct parsed parsed =
        take("<Report><x/><ReportBody><StateMessage><State ID='2'/><y><Topic/></y><Topic Type='500' new='1'/>"
             "</StateMessage></ReportBody><ReportHeader><ReportDetails><ReportType>Full</ReportType></ReportDetails>"
             "<Identification><Machine><NetBIOSName> PC &amp; more </NetBIOSName><Unknown>0</Unknown>" CLIENT
             "</Machine></Identification></ReportHeader></Report>");
    (void)state;
    assert_span(parsed.report.sender.key, "A");
    assert_span(parsed.report.sender.name, "PC & more");
    assert_span(parsed.report.type, "Full");
    assert_true(parsed.report.messages[0].valid);
    assert_int_equal(parsed.report.problems_seen, 0);
    arena_close(parsed.arena);
}

static void of_what_stands_once_the_first_counts(void **state)
{
    struct parsed parsed = take(
        "<Report>" HEADER "<ReportHeader><Identification><Machine><ClientID>B</ClientID></Machine></Identification>"
        "</ReportHeader><ReportBody><StateMessage><Topic Type='1'/><Topic Type='2'/><State ID='3'/><State ID='4'/>"
        "<StateDetails>a</StateDetails><StateDetails>b</StateDetails><UserParameters><Param>c</Param></UserParameters>"
        "<UserParameters><Param>d</Param></UserParameters></StateMessage></ReportBody>"
        "<ReportBody>" MESSAGE "</ReportBody></Report>");
    (void)state;
    assert_span(parsed.report.sender.key, "A");
    assert_int_equal(parsed.report.message_count, 1);
    assert_int_equal(parsed.report.messages[0].topic_type, 1);
    assert_int_equal(parsed.report.messages[0].state, 3);
    assert_span(parsed.report.messages[0].details, "a");
    assert_int_equal(parsed.report.messages[0].param_count, 1);
    assert_int_equal(parsed.report.problem_count, 6);
    assert_problem(&parsed.report, 0, 1, 0, "a second ReportHeader is ignored");
    assert_problem(&parsed.report, 1, 1, 1, "a second Topic is ignored");
    assert_problem(&parsed.report, 5, 1, 0, "a second ReportBody is ignored");
    arena_close(parsed.arena);
}

/* ---- messages ---- */

static void a_message_needs_two_numbers(void **state)
{
    static const struct {
        const char *message;
        const char *fault;      /* NULL: valid */
    } rows[] = {
        {"<StateMessage><Topic Type='0'/><State ID='0'/></StateMessage>", NULL},
        {"<StateMessage><Topic Type=' 4294967295 '/><State ID='4294967295'/></StateMessage>", NULL},
        {"<StateMessage SerialNumber=''><Topic Type='1' ID=''/><State ID='1'/></StateMessage>", NULL},
        {"<StateMessage SerialNumber='18446744073709551615'><Topic Type='1'/><State ID='1'/></StateMessage>", NULL},
        {"<StateMessage/>", "no Topic"},
        {"<StateMessage><Topic Type='1'/></StateMessage>", "no State"},
        {"<StateMessage><State ID='1'/></StateMessage>", "no Topic"},
        {"<StateMessage><Topic ID='1'/><State ID='1'/></StateMessage>", "no Topic/@Type"},
        {"<StateMessage><Topic Type='1'/><State/></StateMessage>", "no State/@ID"},
        {"<StateMessage><Topic Type=''/><State ID='1'/></StateMessage>", "Topic/@Type is not a number"},
        {"<StateMessage><Topic Type='x'/><State ID='1'/></StateMessage>", "Topic/@Type is not a number"},
        {"<StateMessage><Topic Type='-1'/><State ID='1'/></StateMessage>", "Topic/@Type is not a number"},
        {"<StateMessage><Topic Type='4294967296'/><State ID='1'/></StateMessage>", "Topic/@Type is not a number"},
        {"<StateMessage><Topic Type='1'/><State ID='1.5'/></StateMessage>", "State/@ID is not a number"},
        {"<StateMessage SerialNumber='x'><Topic Type='1'/><State ID='1'/></StateMessage>",
         "SerialNumber is not a number of 64 bits"},
        {"<StateMessage SerialNumber='18446744073709551616'><Topic Type='1'/><State ID='1'/></StateMessage>",
         "SerialNumber is not a number of 64 bits"},
        {"<StateMessage SerialNumber='x'/>", "SerialNumber is not a number of 64 bits"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, "<Report>" HEADER "<ReportBody>\n%s\n" MESSAGE "</ReportBody></Report>",
                       rows[i].message);
        struct parsed parsed = take(text);
        const bool valid = rows[i].fault == NULL;
        assert_int_equal(parsed.report.message_count, 2);
        assert_int_equal(parsed.report.messages[0].valid, valid);
        assert_true(parsed.report.messages[1].valid);
        assert_int_equal(parsed.report.invalid_count, !valid);
        assert_int_equal(parsed.report.problem_count, !valid);
        if (!valid) {
            char problem[128];
            (void)snprintf(problem, sizeof problem, "the message is invalid: %s", rows[i].fault);
            assert_problem(&parsed.report, 0, 2, 1, problem);
        }
        arena_close(parsed.arena);
    }
}

static void what_is_odd_in_a_message_is_a_problem_only(void **state)
{
    static const struct {
        const char *report;
        const char *problem;
    } rows[] = {
        {MESSAGES("<StateMessage MessageTime='x'><Topic Type='1'/><State ID='1'/></StateMessage>"),
         "MessageTime is not a date"},
        {MESSAGES("<StateMessage><Topic Type='1' IDType='x'/><State ID='1'/></StateMessage>"),
         "Topic/@IDType is not a number"},
        {MESSAGES("<StateMessage><Topic Type='1'/><State ID='1' Criticality='x'/></StateMessage>"),
         "State/@Criticality is not a number"},
        {MESSAGE_OF("<StateDetails Type='x'/>"), "StateDetails/@Type is not a number"},
        {MESSAGE_OF("<UserParameters Flags='x'/>"), "UserParameters/@Flags is not a number"},
        {MESSAGE_OF("<UserParameters Count='2'><Param/></UserParameters>"),
         "UserParameters/@Count is 2, but there are 1"},
        {MESSAGE_OF("<UserParameters><Param/><Param/><Param/><Param/><Param/><Param/><Param/><Param/><Param/><Param/>"
                    "<Param>11</Param></UserParameters>"),
         "11 Params, of which the first 10 are kept"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct parsed parsed = take(rows[i].report);
        assert_true(parsed.report.messages[0].valid);
        assert_int_equal(parsed.report.problems_seen, 1);
        assert_problem(&parsed.report, 0, 1, 1, rows[i].problem);
        arena_close(parsed.arena);
    }
}

static void texts_that_are_too_long_are_cut_between_characters(void **state)
{
    static const struct {
        const char *head, *tail, *problem;
        size_t most;
        bool topic;
    } rows[] = {
        {"<Topic Type='1' ID='", "'/><State ID='1'/>", "Topic/@ID is cut to 512 characters", 512, true},
        {"<Topic Type='1'/><State ID='1'/><UserParameters><Param>", "</Param></UserParameters>",
         "Param is cut to 4000 characters", 4000, false},
    };
    static char text[32768];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t over = 0; over < 2; over++) {
            char *at = text + snprintf(text, 1024, "<Report>" HEADER "<ReportBody><StateMessage>%s ", rows[i].head);
            for (size_t j = 0; j < rows[i].most + over; j++, at += 3)
                memcpy(at, "\xE2\x82\xAC", 3);
            (void)snprintf(at, 1024, " %s</StateMessage></ReportBody></Report>", rows[i].tail);
            struct parsed parsed = take(text);
            const struct state_message *message = &parsed.report.messages[0];
            assert_int_equal((rows[i].topic ? message->topic_id : message->params[0]).len, rows[i].most * 3);
            assert_int_equal(parsed.report.problem_count, over);
            if (over)
                assert_problem(&parsed.report, 0, 1, 1, rows[i].problem);
            arena_close(parsed.arena);
        }
    }
}

static void values_of_attributes_lose_their_blanks_and_escapes(void **state)
{
    struct parsed parsed =
        take(MESSAGES("<StateMessage SerialNumber=' 7 '><Topic ID=' a &amp; b ' Type='1' User='D\\u' UserSID='S-1'/>"
                      "<State ID='1'/><StateDetails Type='2'> <![CDATA[ x&y ]]> z </StateDetails></StateMessage>"));
    const struct state_message *message = &parsed.report.messages[0];
    (void)state;
    assert_int_equal(message->serial, 7);
    assert_span(message->topic_id, "a & b");
    assert_span(message->user, "D\\u");
    assert_span(message->user_sid, "S-1");
    assert_span(message->details, "x&y  z");
    assert_int_equal(message->details_type, 2);
    arena_close(parsed.arena);
}

static void problems_beyond_a_hundred_are_counted_only(void **state)
{
    static const struct span head = SPAN("<Report>" HEADER "<ReportBody>" MESSAGE);
    struct buffer text;
    struct error err;
    (void)state;
    buffer_init(&text, 1024 * 1024);
    assert_true(buffer_add(&text, head.at, head.len, &err));
    for (size_t i = 0; i < 150; i++)
        assert_true(buffer_add(&text, "\n<StateMessage/>", 16, &err));
    assert_true(buffer_add(&text, "</ReportBody></Report>", 22, &err));
    struct parsed parsed = parse_under(&usual, buffer_span(&text));
    assert_true(parsed.done);
    assert_int_equal(parsed.report.message_count, 151);
    assert_int_equal(parsed.report.invalid_count, 150);
    assert_int_equal(parsed.report.problem_count, 100);
    assert_int_equal(parsed.report.problems_seen, 150);
    assert_problem(&parsed.report, 99, 101, 101, "the message is invalid: no Topic");
    assert_true(parsed.report.messages[0].valid);
    assert_int_equal(parsed.report.messages[150].line, 151);
    arena_close(parsed.arena);
    buffer_fini(&text);
}

/* ---- what is bad ---- */

static void what_is_no_report_is_refused(void **state)
{
    static const struct {
        const char *report;
        const char *text;
    } rows[] = {
        {"<report/>", "line 1: the root element is not Report"},
        {"\n<Report xmlns='u'/>", "line 2: the root element is not Report"},
        {"<Msg><Report/></Msg>", "line 1: the root element is not Report"},
        {"<Report/>", "no ClientID"},
        {REPORT_OF("", MESSAGE), "no ClientID"},
        {REPORT_OF(CLIENT, MESSAGE), "no ClientID"},
        {MACHINE_OF(""), "no ClientID"},
        {MACHINE_OF("<ClientID/>"), "no ClientID"},
        {MACHINE_OF("<ClientID> \n</ClientID>"), "no ClientID"},
        {MACHINE_OF("<ClientID> GUID: </ClientID>"), "no ClientID"},
        {MACHINE_OF("<ClientID/><ClientID>A</ClientID>"), "no ClientID"},
        {"<Report>" HEADER "</Report>", "no StateMessage"},
        {"<Report>" HEADER MESSAGE "</Report>", "no StateMessage"},
        {MESSAGES(""), "no StateMessage"},
        {MESSAGES("\n<StateMessage/>\n<StateMessage SerialNumber='x'/>"),
         "line 2: no message is valid; the first: no Topic"},
        {"<Report>" HEADER "<ReportBody>" MESSAGE, "line 1: not well-formed: the document ends too early"},
        {"", "line 1: not well-formed: the document ends too early"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct parsed parsed = parse(rows[i].report);
        assert_false(parsed.done);
        assert_int_equal(parsed.err.kind, ERROR_MALFORMED);
        assert_string_equal(parsed.err.rule, "report");
        assert_string_equal(parsed.err.text, rows[i].text);
        assert_null(parsed.report.messages);
        arena_close(parsed.arena);
    }
}

static void more_messages_than_the_limit_are_refused(void **state)
{
    static const struct report_limits two = {.xml = {.depth = 32, .tag_bytes = 65536}, .messages = 2};
    struct parsed taken = parse_under(&two, SPAN(MESSAGES(MESSAGE MESSAGE)));
    struct parsed refused = parse_under(&two, SPAN(MESSAGES(MESSAGE MESSAGE "\n<StateMessage/>")));
    (void)state;
    assert_true(taken.done);
    assert_false(refused.done);
    assert_int_equal(refused.err.kind, ERROR_TOO_BIG);
    assert_string_equal(refused.err.rule, "limit");
    assert_string_equal(refused.err.text, "line 2: more than 2 messages");
    arena_close(taken.arena);
    arena_close(refused.arena);
}

/* ---- times ---- */

static void times_are_read_with_their_offset(void **state)
{
    static const struct {
        const char *text;
        int64_t time;
    } rows[] = {
        {"19700101000000.000000+000", 0},
        {"19700101000000.000001+000", 1},
        {"19691231235959.999999+000", -1},
        {"20140120194656.903000+000", INT64_C(1390247216903000)},
        {"20180327114736.143000+180", INT64_C(1522140456143000)},
        {"20180327084736.143000-000", INT64_C(1522140456143000)},
        {"20180327014736.143000-420", INT64_C(1522140456143000)},
        {"20180327084736.143000+***", INT64_C(1522140456143000)},
        {"20180327084736.******+000", INT64_C(1522140456000000)},
        {"20000229120000.000000+000", INT64_C(951825600000000)},
        {"20240229000000.000000+000", INT64_C(1709164800000000)},
        {"20240301000000.000000+000", INT64_C(1709251200000000)},
        {"99991231235959.999999+000", INT64_C(253402300799999999)},
        {"00010101000000.000000+000", INT64_C(-62135596800000000)},
        {"", REPORT_NO_TIME},
        {"20140120194656.903000+00", REPORT_NO_TIME},
        {"20140120194656.903000+0000", REPORT_NO_TIME},
        {"20140120194656,903000+000", REPORT_NO_TIME},
        {"20140120194656.903000 000", REPORT_NO_TIME},
        {"2014-01-20T19:46:56+00:00", REPORT_NO_TIME},
        {"x0140120194656.903000+000", REPORT_NO_TIME},
        {"2014x120194656.903000+000", REPORT_NO_TIME},
        {"201401x0194656.903000+000", REPORT_NO_TIME},
        {"20140120x94656.903000+000", REPORT_NO_TIME},
        {"2014012019x656.903000+000", REPORT_NO_TIME},
        {"201401201946x6.903000+000", REPORT_NO_TIME},
        {"20140120194656.x03000+000", REPORT_NO_TIME},
        {"20140120194656.903000+x00", REPORT_NO_TIME},
        {"2014****194656.903000+000", REPORT_NO_TIME},
        {"00000120194656.903000+000", REPORT_NO_TIME},
        {"20140020194656.903000+000", REPORT_NO_TIME},
        {"20141320194656.903000+000", REPORT_NO_TIME},
        {"20140100194656.903000+000", REPORT_NO_TIME},
        {"20140132194656.903000+000", REPORT_NO_TIME},
        {"20140431194656.903000+000", REPORT_NO_TIME},
        {"20140229194656.903000+000", REPORT_NO_TIME},
        {"19000229194656.903000+000", REPORT_NO_TIME},
        {"20140120244656.903000+000", REPORT_NO_TIME},
        {"20140120196056.903000+000", REPORT_NO_TIME},
        {"20140120194660.903000+000", REPORT_NO_TIME},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (report_time(span_of(rows[i].text)) != rows[i].time)
            fail_msg("%s: %lld", rows[i].text, (long long)report_time(span_of(rows[i].text)));
}

/* Day by day through four centuries, so that no month and no leap year is missed. */
static void each_day_follows_the_one_before(void **state)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t expected = INT64_C(-11676096000000000);     /* 1600-01-01 */
    (void)state;
    for (int year = 1600; year < 2000; year++) {
        for (int month = 1; month <= 12; month++) {
            const bool leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            for (int day = 1; day <= days[month - 1] + leap; day++) {
                char text[64];
                (void)snprintf(text, sizeof text, "%04d%02d%02d000000.000000+000", year, month, day);
                assert_int_equal(report_time(span_of(text)), expected);
                expected += INT64_C(86400000000);
            }
        }
    }
}

/* ---- memory ---- */

/* Everything that allocates: five messages, problems of all kinds, a text of several pieces. */
static struct span make_rich_report(struct buffer *text)
{
    static const char head[] =
        "<Report><ReportHeader><Identification><Machine><ClientInstalled>x</ClientInstalled>" CLIENT CLIENT
        "<NetBIOSName>n</NetBIOSName></Machine></Identification><ReportDetails><Date>x</Date></ReportDetails>"
        "</ReportHeader><ReportBody>" MESSAGE MESSAGE MESSAGE MESSAGE "<StateMessage MessageTime='x'>"
        "<Topic ID='i' Type='1' IDType='2' User='u' UserSID='s'/><State ID='1' Criticality='x'/>"
        "<UserParameters Count='2'><Param>p</Param></UserParameters><StateDetails>";
    struct error err;
    buffer_init(text, 1024 * 1024);
    bool done = buffer_add(text, head, sizeof head - 1, &err);
    for (size_t i = 0; i < 4000; i++)
        done = done && buffer_add(text, "details &amp; ", 14, &err);
    done = done && buffer_add(text, "</StateDetails></StateMessage></ReportBody></Report>", 52, &err);
    assert_true(done);
    return buffer_span(text);
}

static void refused_memory_is_never_a_bad_report(void **state)
{
    struct buffer text;
    const struct span bytes = make_rich_report(&text);
    bool done = false;
    unsigned failures = 0;
    (void)state;
    for (; !done; failures++) {
        struct arena *arena = arena_open(1024 * 1024, NULL);
        struct report report;
        struct error err = {0};
        left = failures;
        sys.allocate = allocate_a_few;
        sys.reallocate = reallocate_a_few;
        done = report_parse(bytes, TEXT_UTF8, &usual, reader, arena, &report, &err);
        sys = sys_kernel;
        if (!done)
            assert_int_equal(err.kind, ERROR_NO_MEMORY);
        arena_close(arena);
    }
    assert_in_range(failures, 10, 1000);
    buffer_fini(&text);
}

static void a_report_that_wants_too_much_is_refused_by_the_arena(void **state)
{
    struct buffer text;
    const struct span bytes = make_rich_report(&text);
    bool done = false;
    (void)state;
    for (size_t ceiling = 16; !done; ceiling += 16) {
        struct arena *arena = arena_open(ceiling, NULL);
        struct report report;
        struct error err = {0};
        done = report_parse(bytes, TEXT_UTF8, &usual, reader, arena, &report, &err);
        if (!done) {
            assert_int_equal(err.kind, ERROR_TOO_BIG);
            assert_string_equal(err.rule, "limit");
        }
        arena_close(arena);
        assert_in_range(ceiling, 0, 1024 * 1024);
        if (ceiling > 32 * 1024)        /* all but the long text fits */
            ceiling += 4096;
    }
    buffer_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_of_a_sample_is_read),
        cmocka_unit_test(every_sample_is_taken_or_refused_as_documented),
        cmocka_unit_test(details_and_params_are_kept_as_text),
        cmocka_unit_test(a_client_id_has_one_normal_form),
        cmocka_unit_test(a_client_id_has_at_most_255_characters),
        cmocka_unit_test(a_priority_that_is_none_is_5),
        cmocka_unit_test(numbers_of_the_header_may_be_anything),
        cmocka_unit_test(the_first_element_may_be_empty),
        cmocka_unit_test(a_bad_date_is_a_problem_only),
        cmocka_unit_test(the_order_of_elements_is_free),
        cmocka_unit_test(of_what_stands_once_the_first_counts),
        cmocka_unit_test(a_message_needs_two_numbers),
        cmocka_unit_test(what_is_odd_in_a_message_is_a_problem_only),
        cmocka_unit_test(texts_that_are_too_long_are_cut_between_characters),
        cmocka_unit_test(values_of_attributes_lose_their_blanks_and_escapes),
        cmocka_unit_test(problems_beyond_a_hundred_are_counted_only),
        cmocka_unit_test(what_is_no_report_is_refused),
        cmocka_unit_test(more_messages_than_the_limit_are_refused),
        cmocka_unit_test(times_are_read_with_their_offset),
        cmocka_unit_test(each_day_follows_the_one_before),
        cmocka_unit_test(refused_memory_is_never_a_bad_report),
        cmocka_unit_test(a_report_that_wants_too_much_is_refused_by_the_arena),
    };
    return cmocka_run_group_tests(tests, open_reader, close_reader);
}
