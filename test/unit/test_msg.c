/* <Msg>: what is read of it, what is tolerated, what is refused. */
#include "../../src/report/msg.h"

#include "base/sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "few.h"
#include "reader.h"
#include <cmocka.h>

#define TAIL "test/data/samples/relay-tail/1-msg-tail.utf16le"

static const struct envelope_limits limits = {
    .xml = {.depth = 32, .tag_bytes = 65536},
    .msg = 262144,
    .attachments = 3,
    .properties = 4,
};

/* What a test looks at, in an arena of its own. */
struct parsed {
    struct arena *arena;
    struct message message;
    struct msg msg;
    struct error err;
    bool done;
};

static struct parsed parse(struct span text, enum text_encoding encoding)
{
    struct parsed parsed = {.arena = arena_open(1024 * 1024, NULL)};
    assert_non_null(parsed.arena);
    parsed.done = msg_parse(text, encoding, &limits, reader, parsed.arena, &parsed.message, &parsed.msg, &parsed.err);
    return parsed;
}

static struct parsed parse_inside(const char *elements)
{
    char text[4096];
    const int len = snprintf(text, sizeof text, "<Msg>%s</Msg>", elements);
    assert_in_range(len, 1, sizeof text - 1);
    return parse((struct span){text, (size_t)len}, TEXT_UTF8);
}

static void assert_span(struct span span, const char *expected)
{
    if (!span_equal(span, span_of(expected)))
        fail_msg("'%.*s' is not '%s'", (int)span.len, span.len > 0 ? span.at : "", expected);
}

static void everything_that_is_wanted_is_read(void **state)
{
    struct parsed parsed = parse_inside(
        "<ID>{1}</ID><SourceID>GUID:2</SourceID><SourceHost>PC</SourceHost><TargetAddress>mp:x</TargetAddress>"
        "<SourceType Type=\"a\"/><ReplyCapabilities><AllowRegistrationReset>direct:x</AllowRegistrationReset>"
        "</ReplyCapabilities><Body Type=\"ByteRange\" Offset=\"3\" Length=\"18446744073709551615\"/>"
        "<Attachment Type=\"ByteRange\" Name=\"a\" Offset=\"1\" Length=\"2\"/><Attachment Offset=\"4\" Length=\"0\"/>"
        "<Property Name=\"FileType\" Value=\"SMX\"/><Hooks><Hook3 Name=\"zlib-compress\"/>"
        "<Hook2 Name=\"clientauth\"><Property Name=\"PayloadSignature\">AB</Property></Hook2></Hooks>"
        "<Payload Type=\"inline\"/><TargetHost>mp.example</TargetHost><TargetEndpoint>MP_RelayEndpoint</TargetEndpoint>"
        "<ReplyMode>Async</ReplyMode><Protocol>http</Protocol>");
    (void)state;
    assert_true(parsed.done);
    assert_span(parsed.message.id, "{1}");
    assert_span(parsed.message.source_id, "GUID:2");
    assert_span(parsed.message.source_host, "PC");
    assert_span(parsed.message.endpoint, "MP_RelayEndpoint");
    assert_span(parsed.message.reply_mode, "Async");
    assert_span(parsed.message.file_type, "SMX");
    assert_true(parsed.message.has_clientauth);
    assert_int_equal(parsed.message.attachments, 2);
    assert_int_equal(parsed.message.warning_count, 0);
    assert_span(parsed.msg.target_host, "mp.example");
    assert_span(parsed.msg.payload_type, "inline");
    assert_true(parsed.msg.zlib);
    assert_span(parsed.msg.strange_hook, "");
    assert_true(parsed.msg.has_body && parsed.msg.body.placed);
    assert_span(parsed.msg.body_type, "ByteRange");
    assert_true(parsed.msg.body.offset == 3 && parsed.msg.body.length == UINT64_MAX);
    assert_int_equal(parsed.msg.attachment_count, 2);
    assert_true(parsed.msg.attachments[0].placed && parsed.msg.attachments[0].offset == 1);
    assert_true(parsed.msg.attachments[1].placed && parsed.msg.attachments[1].offset == 4);
    arena_close(parsed.arena);
}

static void an_empty_msg_is_none_of_our_trouble(void **state)
{
    struct parsed parsed = parse(SPAN("<Msg/>"), TEXT_UTF8);
    (void)state;
    assert_true(parsed.done);
    assert_false(parsed.msg.has_body);
    assert_span(parsed.message.endpoint, "");
    assert_span(parsed.message.file_type, "");
    arena_close(parsed.arena);
}

static void values_are_taken_from_where_they_belong(void **state)
{
    static const struct {
        const char *elements;
        const char *id;
    } rows[] = {
        {"<ID>{1}</ID>", "{1}"},
        {"<ID>\r\n {1}\t</ID>", "{1}"},
        {"<ID><![CDATA[{1}]]></ID>", "{1}"},
        {"<ID>{<![CDATA[1]]>&#125;</ID>", "{1}"},
        {"<ID>{<!-- x -->1}</ID>", "{1}"},
        {"<ID>&lt;&amp;&gt;</ID>", "<&>"},
        {"<ID>{<b>2</b>1}</ID>", "{1}"},
        {"<ID>{<ID>2</ID>1}</ID>", "{1}"},
        {"<ID/>", ""},
        {"<x><ID>2</ID></x><ID>{1}</ID>", "{1}"},
        {"<Body Offset=\"0\" Length=\"1\"><ID>2</ID></Body><ID>{1}</ID>", "{1}"},
        {"<Hooks><ID>2</ID></Hooks><ID>{1}</ID>", "{1}"},
        {"<n:ID xmlns:n=\"u\">2</n:ID><ID>{1}</ID>", "{1}"},
        {"<id>2</id><ID>{1}</ID>", "{1}"},
        {"text<SourceID>x</SourceID><ID a=\"b\">{1}</ID>text", "{1}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed parsed = parse_inside(rows[i].elements);
        if (!parsed.done)
            fail_msg("%s: %s", rows[i].elements, parsed.err.text);
        assert_span(parsed.message.id, rows[i].id);
        assert_int_equal(parsed.message.warning_count, 0);
        arena_close(parsed.arena);
    }
}

static void the_file_type_is_a_property_of_msg(void **state)
{
    static const struct {
        const char *elements;
        const char *file_type;
    } rows[] = {
        {"<Property Name=\"FileType\" Value=\"SMX\"/>", "SMX"},
        {"<Property Name=\"filetype\" Value=\"smx\"/>", "smx"},
        {"<Property Value=' SMX ' Name=' FileType '/>", "SMX"},
        {"<Property Name=\"FileType\">SMX</Property>", "SMX"},
        {"<Property Name=\"FileType\"> <![CDATA[SMX]]> </Property>", "SMX"},
        {"<Property Name=\"FileType\" Value=\"\">SMX</Property>", "SMX"},
        {"<Property Name=\"FileType\" Value=\"SWM\">SMX</Property>", "SWM"},
        {"<Property Name=\"FileType\"/>", ""},
        {"<Property Name=\"Other\" Value=\"SMX\"/>", ""},
        {"<Property Value=\"SMX\"/>", ""},
        {"<Property n:Name=\"FileType\" xmlns:n=\"u\" Value=\"SMX\"/>", ""},
        {"<property Name=\"FileType\" Value=\"SMX\"/>", ""},
        {"<Hooks><Hook3 Name=\"zlib-compress\"><Property Name=\"FileType\" Value=\"SMX\"/></Hook3></Hooks>", ""},
        {"<Hooks><Property Name=\"FileType\" Value=\"SMX\"/></Hooks>", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed parsed = parse_inside(rows[i].elements);
        assert_true(parsed.done);
        assert_span(parsed.message.file_type, rows[i].file_type);
        arena_close(parsed.arena);
    }
}

static void a_hook_is_known_by_element_and_name(void **state)
{
    static const struct {
        const char *hooks;
        bool zlib;
        bool clientauth;
        const char *strange;
    } rows[] = {
        {"<Hook3 Name=\"zlib-compress\"/>", true, false, ""},
        {"<Hook3 Name=\"ZLIB-Compress\"/>", true, false, ""},
        {"<Hook3 Name=\"zlib-compress\"></Hook3><Hook3 Name=\"zlib-compress\"/>", true, false, ""},
        {"<Hook2 Name=\"clientauth\"><Property Name=\"PayloadSignature\">AB</Property></Hook2>", false, true, ""},
        {"<Hook2 Name=\"ClientAuth\"><Property Name=\"payloadsignature\">AB</Property></Hook2>"
         "<Hook3 Name=\"zlib-compress\"/>",
         true, true, ""},
        {"<Hook2 Name=\"clientauth\"><Property Name=\"PayloadSignature\"> </Property></Hook2>", false, false, ""},
        {"<Hook2 Name=\"clientauth\"><Property Name=\"Token\"><![CDATA[ClientToken:x]]></Property></Hook2>", false,
         false, ""},
        {"<Hook2 Name=\"clientauth\"><x><Property Name=\"PayloadSignature\">AB</Property></x></Hook2>", false, false,
         ""},
        {"<Hook3 Name=\"zlib-compress\"><Property Name=\"PayloadSignature\">AB</Property></Hook3>", true, false, ""},
        {"<Hook2 Name=\"encrypt\"/>", false, false, "Hook2 'encrypt'"},
        {"<Hook Name=\"compress\"/>", false, false, "Hook 'compress'"},
        {"<Hook Name=\"authenticate\"/><Hook Name=\"compress\"/>", false, false, "Hook 'authenticate'"},
        {"<Hook3 Name=\"zlib-compress\"/><Hook2 Name=\"zlib-compress\"/>", true, false, "Hook2 'zlib-compress'"},
        {"<hook3 Name=\"zlib-compress\"/>", false, false, "hook3 'zlib-compress'"},
        {"<Hook3 Name=\"clientauth\"><Property Name=\"PayloadSignature\">AB</Property></Hook3>", false, false,
         "Hook3 'clientauth'"},
        {"<Hook3/>", false, false, "Hook3 ''"},
        {"<Hook3 name=\"zlib-compress\"/>", false, false, "Hook3 ''"},
        {"<n:Hook3 xmlns:n=\"u\" Name=\"zlib-compress\"/>", false, false, "Hook3 'zlib-compress'"},
        {"<Property Name=\"x\"/>", false, false, "Property 'x'"},
        {"", false, false, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char elements[1024];
        (void)snprintf(elements, sizeof elements, "<Hooks>%s</Hooks>", rows[i].hooks);
        struct parsed parsed = parse_inside(elements);
        assert_true(parsed.done);
        assert_int_equal(parsed.msg.zlib, rows[i].zlib);
        assert_int_equal(parsed.message.has_clientauth, rows[i].clientauth);
        assert_span(parsed.msg.strange_hook, rows[i].strange);
        arena_close(parsed.arena);
    }
}

static void of_each_property_of_a_signature_the_first_counts(void **state)
{
    struct parsed parsed = parse_inside(
        "<Hooks><Hook2 Name='clientauth'><Property Name='PayloadSignature'> AB\r\n</Property>"
        "<Property Name='hashalgorithm'/></Hook2><Hook2 Name='clientauth'>"
        "<Property Name='PayloadSignature'>CD</Property><Property Name='HashAlgorithm'>1.2</Property></Hook2></Hooks>");
    (void)state;
    assert_true(parsed.done && parsed.message.has_clientauth);
    assert_span(parsed.message.signature.digits, "AB");
    assert_span(parsed.message.signature.algorithm, "1.2");
    assert_span(parsed.message.public_key, "");
    assert_int_equal(parsed.message.warning_count, 1);
    assert_span(parsed.message.warnings[0], "clientauth: a property is repeated, the first one counts");
    arena_close(parsed.arena);
    parsed =
        parse_inside("<Hooks><Hook2 Name='clientauth'><Property Name='PublicKey'>06<![CDATA[02]]></Property></Hook2>"
                     "<Hook3 Name='zlib-compress'><Property Name='PayloadSignature'>AB</Property></Hook3></Hooks>");
    assert_true(parsed.done && !parsed.message.has_clientauth);
    assert_span(parsed.message.public_key, "0602");
    arena_close(parsed.arena);
}

static void an_item_without_two_numbers_is_not_placed(void **state)
{
    static const struct {
        const char *attributes;
        bool placed;
    } rows[] = {
        {"Offset='0' Length='1'", true},
        {"Length=' 1 ' Offset='007' Other='x'", true},
        {"Offset='0' Length='18446744073709551615'", true},
        {"Offset='0' Length='18446744073709551616'", false},
        {"Offset='0'", false},
        {"Length='1'", false},
        {"Offset='' Length='1'", false},
        {"Offset='-0' Length='1'", false},
        {"Offset='+0' Length='1'", false},
        {"Offset='0' Length='0x1'", false},
        {"Offset='0' Length='1 1'", false},
        {"offset='0' length='1'", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char elements[200];
        (void)snprintf(elements, sizeof elements, "<Body %s/><Attachment %s/>", rows[i].attributes, rows[i].attributes);
        struct parsed parsed = parse_inside(elements);
        assert_true(parsed.done && parsed.msg.has_body);
        assert_int_equal(parsed.msg.body.placed, rows[i].placed);
        assert_int_equal(parsed.msg.attachments[0].placed, rows[i].placed);
        arena_close(parsed.arena);
    }
}

static void what_is_tolerated_leaves_a_warning(void **state)
{
    static const struct {
        const char *elements;
        const char *warning;
    } rows[] = {
        {"<ID>{1}</ID><ID>2</ID>", "ID is repeated, the first one counts"},
        {"<ID>{1}</ID><ID/>", "ID is repeated, the first one counts"},
        {"<ID>{1}</ID><Protocol/><Protocol>x</Protocol>", "Protocol is repeated, the first one counts"},
        {"<ID>{1}</ID><ReplyTo/><x/><ReplyTo/>", "ReplyTo is repeated, the first one counts"},
        {"<ID>{1}</ID><Hooks/><Hooks><Hook3 Name='x'/></Hooks>", "Hooks is repeated, the first one counts"},
        {"<ID>{1}</ID><Body Offset='0' Length='1'/><Body/>", "Body is repeated, the first one counts"},
        {"<ID>{1}</ID><Payload Type='inline'/><Payload Type='x'/>", "Payload is repeated, the first one counts"},
        {"<ID>{1}</ID><Property Name='FileType' Value='SMX'/><Property Name='filetype'>SWM</Property>",
         "Property FileType is repeated, the first one counts"},
        {"<ID>{1}</ID><ReplyMode>Later</ReplyMode>", "ReplyMode 'Later' is not known, taken as Async"},
        {"<ID>{1}</ID><ReplyMode>Message {1} from 192.0.2.9: refused with 400, http: x</ReplyMode>",
         "ReplyMode 'Message {1} from 192.0.2.9: refused with 400, http: x' is not known, taken as Async"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed parsed = parse_inside(rows[i].elements);
        assert_true(parsed.done);
        assert_span(parsed.message.id, "{1}");
        assert_int_equal(parsed.message.warning_count, 1);
        assert_span(parsed.message.warnings[0], rows[i].warning);
        assert_span(parsed.msg.strange_hook, "");
        assert_true(!parsed.msg.has_body || parsed.msg.body.placed);
        assert_true(parsed.msg.payload_type.len == 0 || span_equal(parsed.msg.payload_type, SPAN("inline")));
        assert_true(parsed.message.file_type.len == 0 || span_equal(parsed.message.file_type, SPAN("SMX")));
        arena_close(parsed.arena);
    }
}

static void known_reply_modes_leave_none(void **state)
{
    static const char *const modes[] = {"Sync", "ASync", "async", "REPLY", "DirectSync", "DirectAsync", " ", ""};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        char elements[80];
        (void)snprintf(elements, sizeof elements, "<ReplyMode>%s</ReplyMode>", modes[i]);
        struct parsed parsed = parse_inside(elements);
        assert_true(parsed.done);
        assert_int_equal(parsed.message.warning_count, 0);
        arena_close(parsed.arena);
    }
}

static void more_warnings_than_fit_are_dropped(void **state)
{
    struct parsed parsed = parse_inside("<ID/><ID/><ID/><ID/><ID/><ID/><ID/><ID/><ID/><ID/><ID/>"
                                        "<ReplyMode>x</ReplyMode>");
    (void)state;
    assert_true(parsed.done);
    assert_int_equal(parsed.message.warning_count, ENVELOPE_MOST_WARNINGS);
    assert_span(parsed.message.warnings[ENVELOPE_MOST_WARNINGS - 1], "ID is repeated, the first one counts");
    arena_close(parsed.arena);
}

static void over_a_limit_is_refused_with_what_was_read(void **state)
{
    static const struct {
        const char *elements;
        const char *why;            /* NULL: just within it */
    } rows[] = {
        {"<ID>{1}</ID><Attachment/><Attachment/><Attachment/>", NULL},
        {"<ID>{1}</ID><Attachment/><Attachment/><Attachment/><Attachment/>", "Msg: more than 3 attachments"},
        {"<ID>{1}</ID><Property/><Property/><Property/><Property/>", NULL},
        {"<ID>{1}</ID><Property/><Property/><Property/><Property/><Property/>", "Msg: more than 4 properties"},
        {"<ID>{1}</ID><Property/><Property/><Hooks><Hook2 Name='clientauth'><Property/><Property/><x/></Hook2></Hooks>",
         NULL},
        {"<ID>{1}</ID><Property/><Hooks><Hook2 Name='clientauth'><Property/><Property/></Hook2>"
         "<Hook3 Name='x'><Property/><Property/></Hook3></Hooks>",
         "Msg: more than 4 properties"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed parsed = parse_inside(rows[i].elements);
        assert_int_equal(parsed.done, rows[i].why == NULL);
        assert_span(parsed.message.id, "{1}");
        if (rows[i].why != NULL) {
            assert_string_equal(parsed.err.text, rows[i].why);
            assert_string_equal(parsed.err.rule, "limit");
            assert_int_equal(parsed.err.kind, ERROR_TOO_BIG);
            assert_false(parsed.msg.has_body);
        }
        arena_close(parsed.arena);
    }
}

static void what_is_no_msg_is_refused_with_what_was_read(void **state)
{
    static const struct {
        const char *text;
        const char *id;
        const char *why;            /* how the sentence begins */
    } rows[] = {
        {"<msg/>", "", "the root element of part 1 is msg, not Msg"},
        {"<Report><ID>1</ID></Report>", "", "the root element of part 1 is Report, not Msg"},
        {"<Msg xmlns=\"u\"/>", "", "the root element of part 1 is Msg, not Msg"},
        {"<!DOCTYPE Msg><Msg/>", "", "line 1: "},
        {"<Msg><ID>{1}</ID><SourceHost>PC</SourceHost>", "{1}", "line 1: "},
        {"<Msg><ID>{1}</ID>&x;</Msg>", "{1}", "line 1: "},
        {"<Msg><ID>{1}</ID></Msg><Msg/>", "{1}", "line 1: "},
        {"<Msg><ID>{1}</ID></Msg>\n\nx", "{1}", "line 3: "},
        {"<Msg><ID>{1}</ID", "", "line 1: "},
        {"x", "", "line 1: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed parsed = parse(span_of(rows[i].text), TEXT_UTF8);
        if (parsed.done)
            fail_msg("%s: taken", rows[i].text);
        if (strncmp(parsed.err.text, rows[i].why, strlen(rows[i].why)) != 0)
            fail_msg("%s: %s", rows[i].text, parsed.err.text);
        assert_string_equal(parsed.err.rule, "envelope");
        assert_int_equal(parsed.err.kind, ERROR_MALFORMED);
        assert_span(parsed.message.id, rows[i].id);
        arena_close(parsed.arena);
    }
}

/* The end of a real one, behind what is not public of it. */
static void the_end_of_a_real_msg_is_read(void **state)
{
    static const char begin[] = "<Msg><Body Type=\"ByteRange\" Length=\"1156\" Offset=\"0\"/><Hooks>"
                                "<Hook3 Name=\"zlib-compress\"/><Hook2 Name=\"clientauth\">"
                                "<Property Name=\"PayloadSignature\">";
    char text[2048];
    size_t len = 0;
    (void)state;
    for (const char *at = begin; *at != '\0'; at++) {
        text[len++] = *at;
        text[len++] = '\0';
    }
    FILE *file = fopen(TAIL, "rb");
    assert_non_null(file);
    const size_t tail = fread(text + len, 1, sizeof text - len, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(tail, 440);
    struct parsed parsed = parse((struct span){text, len + tail}, TEXT_UTF16LE);
    assert_true(parsed.done);
    assert_true(parsed.message.has_clientauth && parsed.msg.zlib);
    assert_span(parsed.msg.payload_type, "inline");
    assert_span(parsed.msg.target_host, "SRV-SCCM.dckai.ru");
    assert_span(parsed.message.endpoint, "MP_RelayEndpoint");
    assert_span(parsed.message.reply_mode, "Async");
    assert_int_equal(parsed.message.warning_count, 0);
    arena_close(parsed.arena);
}

static void text_of_three_bytes_a_unit_fits(void **state)
{
    char text[2 * 1100];
    char expected[3 * 1000 + 1];
    size_t len = 0;
    (void)state;
    for (const char *at = "<Msg><ID>"; *at != '\0'; at++, len += 2)
        memcpy(text + len, (char[]){*at, '\0'}, 2);
    for (size_t i = 0; i < 1000; i++, len += 2) {
        memcpy(text + len, "\xAC\x20", 2);              /* U+20AC */
        memcpy(expected + 3 * i, "\xE2\x82\xAC", 3);
    }
    expected[sizeof expected - 1] = '\0';
    for (const char *at = "</ID></Msg>"; *at != '\0'; at++, len += 2)
        memcpy(text + len, (char[]){*at, '\0'}, 2);
    struct parsed parsed = parse((struct span){text, len}, TEXT_UTF16LE);
    assert_true(parsed.done);
    assert_span(parsed.message.id, expected);
    arena_close(parsed.arena);
}

static void a_quoted_value_is_cut_between_characters(void **state)
{
    char room[MSG_QUOTE_ROOM];
    char value[400];
    (void)state;
    assert_string_equal(msg_quote((struct span){NULL, 0}, room), "");
    assert_string_equal(msg_quote(SPAN("abc"), room), "abc");
    memset(value, 'a', sizeof value);
    assert_int_equal(strlen(msg_quote((struct span){value, 160}, room)), 160);
    assert_string_equal(msg_quote((struct span){value, 161}, room) + 157, "aaa...");
    memcpy(value + 158, "\xE2\x82\xAC", 3);
    assert_string_equal(msg_quote((struct span){value, 161}, room) + 156, "aa...");
    memset(value, '\x80', sizeof value);
    assert_string_equal(msg_quote((struct span){value, sizeof value}, room), "...");
}

static void refused_memory_is_never_a_bad_msg(void **state)
{
    const struct span text = SPAN("<Msg><ID>{1}</ID><ID/><Attachment/><Hooks><Hook9 Name='x'/></Hooks>"
                                  "<ReplyMode>x</ReplyMode></Msg>");
    unsigned failures = 0;
    bool done = false;
    (void)state;
    while (!done) {
        struct error err = {0};
        struct message message = {0};
        struct msg msg;
        struct xml_reader *own = NULL;
        struct arena *arena = NULL;
        left = failures++;
        sys.allocate = allocate_a_few;
        sys.reallocate = reallocate_a_few;
        if (xml_open(&own, &err) && (arena = arena_open(1024 * 1024, NULL)) != NULL)
            done = msg_parse(text, TEXT_UTF8, &limits, own, arena, &message, &msg, &err);
        sys = sys_kernel;
        if (!done && own != NULL && arena != NULL)
            assert_int_equal(err.kind, ERROR_NO_MEMORY);
        arena_close(arena);
        xml_close(own);
    }
    assert_in_range(failures, 4, 10000);
}

static void a_full_arena_is_a_limit(void **state)
{
    struct error err;
    bool done = false;
    (void)state;
    for (size_t ceiling = 0; !done; ceiling += 16) {
        struct message message = {0};
        struct msg msg;
        struct arena *arena = arena_open(ceiling, NULL);
        assert_in_range(ceiling, 0, 4096);
        done = msg_parse(SPAN("<Msg><ID/><ID/><Attachment/><Hooks><Hook9/></Hooks><ReplyMode>x</ReplyMode></Msg>"),
                         TEXT_UTF8, &limits, reader, arena, &message, &msg, &err);
        if (!done)
            assert_true(err.kind == ERROR_TOO_BIG && strcmp(err.rule, "limit") == 0);
        arena_close(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_is_wanted_is_read),
        cmocka_unit_test(an_empty_msg_is_none_of_our_trouble),
        cmocka_unit_test(values_are_taken_from_where_they_belong),
        cmocka_unit_test(the_file_type_is_a_property_of_msg),
        cmocka_unit_test(a_hook_is_known_by_element_and_name),
        cmocka_unit_test(of_each_property_of_a_signature_the_first_counts),
        cmocka_unit_test(an_item_without_two_numbers_is_not_placed),
        cmocka_unit_test(what_is_tolerated_leaves_a_warning),
        cmocka_unit_test(known_reply_modes_leave_none),
        cmocka_unit_test(more_warnings_than_fit_are_dropped),
        cmocka_unit_test(over_a_limit_is_refused_with_what_was_read),
        cmocka_unit_test(what_is_no_msg_is_refused_with_what_was_read),
        cmocka_unit_test(the_end_of_a_real_msg_is_read),
        cmocka_unit_test(text_of_three_bytes_a_unit_fits),
        cmocka_unit_test(a_quoted_value_is_cut_between_characters),
        cmocka_unit_test(refused_memory_is_never_a_bad_msg),
        cmocka_unit_test(a_full_arena_is_a_limit),
    };
    return cmocka_run_group_tests(tests, open_reader, close_reader);
}
