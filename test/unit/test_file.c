/* A file in memory: whose it is, what its fingerprint is, and which reports are bad. */
#include "../../src/statesys/file.h"

#include "reader.h"
#include "report/smx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct error err;

/* ---- the client ---- */

static const char *find(struct span bytes)
{
    static char client[FILE_CLIENT_SIZE + 1];
    client[file_find_client(bytes, client)] = '\0';
    return client;
}

/* With a byte order mark, or without. */
static struct span widen(const char *text, bool big, bool mark)
{
    static char wide[4096];
    size_t len = 0;
    assert_true(2 * strlen(text) + 2 <= sizeof wide);
    if (mark) {
        memcpy(wide, big ? "\xFE\xFF" : "\xFF\xFE", 2);
        len = 2;
    }
    for (; *text != '\0'; text++) {
        wide[len++] = big ? '\0' : *text;
        wide[len++] = big ? *text : '\0';
    }
    return (struct span){wide, len};
}

static void the_client_is_found_in_each_encoding(void **state)
{
    static const struct {
        const char *text;
        const char *client;
    } rows[] = {
        {"<ClientID>GUID:A1</ClientID>", "A1"},
        {"<Report><ClientID IDType=\"0\" IDFlag=\"1\">a1</ClientID>", "A1"},
        {"<ClientID>\r\n  guid: 9b2a 6A \t</ClientID>", "9B2A6A"},
        {"<ClientID>GUID:</ClientID>", ""},
        {"<ClientID></ClientID><ClientID>A</ClientID>", ""},
        {"<ClientIDs>B</ClientIDs><ClientID\n>A</ClientID>", "A"},
        {"<ClientIDx><ClientID>A", "A"},
        {"<ClientID>", ""},
        {"<ClientID", ""},
        {"<ClientID ", ""},
        {"<", ""},
        {"", ""},
        {"no element at all", ""},
        {"</ClientID>A", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = rows[i].text;
        assert_string_equal(find(span_of(text)), rows[i].client);
        assert_string_equal(find(widen(text, false, true)), rows[i].client);
        assert_string_equal(find(widen(text, true, true)), rows[i].client);
        assert_string_equal(find(widen(text, false, false)), rows[i].client);
        assert_string_equal(find(widen(text, true, false)), rows[i].client);
    }
    assert_string_equal(find(SPAN("\xEF\xBB\xBF<ClientID>a</ClientID>")), "A");
}

static void a_client_without_end_is_cut(void **state)
{
    char text[1024] = "<ClientID>";
    (void)state;
    memset(text + strlen(text), 'a', sizeof text - strlen(text));
    const struct span bytes = {text, sizeof text};
    char client[FILE_CLIENT_SIZE];
    assert_int_equal(file_find_client(bytes, client), FILE_CLIENT_SIZE);
}

/* U+3C3C is made of the bytes of two '<'. */
static void what_looks_like_a_tag_in_half_a_character_is_none(void **state)
{
    static const char text[] = "\xFF\xFE\x3C\x3C"
                               "C\0l\0i\0e\0n\0t\0I\0D\0>\0X\0<\0C\0l\0i\0e\0n\0t\0I\0D\0>\0Y\0";
    (void)state;
    assert_string_equal(find((struct span){text, sizeof text - 1}), "Y");
}

/* ---- fingerprint ---- */

static void the_fingerprint_is_sha_256(void **state)
{
    static const unsigned char abc[4] = {0xBA, 0x78, 0x16, 0xBF};
    static const unsigned char nothing[4] = {0xE3, 0xB0, 0xC4, 0x42};
    unsigned char hash[FILE_HASH_SIZE];
    (void)state;
    assert_true(file_hash(SPAN("abc"), hash, &err));
    assert_memory_equal(hash, abc, sizeof abc);
    assert_true(file_hash(SPAN(""), hash, &err));
    assert_memory_equal(hash, nothing, sizeof nothing);
}

/* ---- reports ---- */

#define BEGIN "<Report><ReportHeader><Identification><Machine>"
#define BODY "</Machine></Identification></ReportHeader><ReportBody>"
#define END "</ReportBody></Report>"
#define ID "<ClientID>GUID:A</ClientID>"
#define MESSAGE "<StateMessage><Topic ID=\"\" Type=\"500\"/><State ID=\"1\"/></StateMessage>"

static enum error_kind parse(const char *text, size_t *messages)
{
    const struct report_limits limits = {{32, 65536}, 10};
    struct arena *arena = arena_open(1024UL * 1024, NULL);
    struct report report = {0};
    err = (struct error){0};
    assert_non_null(arena);
    const bool done = file_parse(span_of(text), &limits, reader, arena, &report, &err);
    *messages = report.message_count;
    arena_close(arena);
    assert_int_equal(done, err.kind == ERROR_NONE);
    return err.kind;
}

static void a_file_is_bad_if_none_of_its_messages_can_be_stored(void **state)
{
    static const struct {
        const char *text;
        enum error_kind kind;
        size_t messages;
    } rows[] = {
        {BEGIN ID BODY MESSAGE END, ERROR_NONE, 1},
        {BEGIN ID BODY "<StateMessage/>" MESSAGE END "\n\n", ERROR_NONE, 2},
        {BEGIN ID BODY "<StateMessage/>" END, ERROR_MALFORMED, 0},
        {BEGIN ID BODY END, ERROR_MALFORMED, 0},
        {BEGIN BODY MESSAGE END, ERROR_MALFORMED, 0},
        {BEGIN ID BODY MESSAGE, ERROR_MALFORMED, 0},
        {"", ERROR_MALFORMED, 0},
        {BEGIN ID BODY "<StateMessage SerialNumber=\"9223372036854775808\"><Topic Type=\"1\"/><State ID=\"1\"/>"
                       "</StateMessage>" END,
         ERROR_MALFORMED, 0},
        {BEGIN ID BODY "<StateMessage SerialNumber=\"9223372036854775807\"><Topic Type=\"1\"/><State ID=\"1\"/>"
                       "</StateMessage>" END,
         ERROR_NONE, 1},
        {BEGIN ID BODY "<StateMessage><Topic Type=\"2147483648\"/><State ID=\"1\"/></StateMessage>" END,
         ERROR_MALFORMED, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t messages;
        assert_int_equal(parse(rows[i].text, &messages), rows[i].kind);
        if (rows[i].kind == ERROR_NONE)
            assert_int_equal(messages, rows[i].messages);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_found_in_each_encoding),
        cmocka_unit_test(a_client_without_end_is_cut),
        cmocka_unit_test(what_looks_like_a_tag_in_half_a_character_is_none),
        cmocka_unit_test(the_fingerprint_is_sha_256),
        cmocka_unit_test(a_file_is_bad_if_none_of_its_messages_can_be_stored),
    };
    return cmocka_run_group_tests(tests, open_reader, close_reader);
}
