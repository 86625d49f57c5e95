/* What of a body is text, what goes into the file, and into which queue. */
#include "report/smx.h"

#include "base/sys.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "few.h"
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void assert_bytes(struct span got, struct span expected)
{
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.at, expected.at, expected.len);
}

static void text_is_what_stands_between_mark_and_nuls(void **state)
{
    static const struct {
        struct span bytes;
        struct span text;
        enum text_encoding encoding;
    } rows[] = {
        {{"", 0}, {"", 0}, TEXT_UTF8},
        {{"\0", 1}, {"", 0}, TEXT_UTF8},
        {{"<a/>", 4}, {"<a/>", 4}, TEXT_UTF8},
        {{"\xEF\xBB\xBF<a/>\r\n\0\0\0", 12}, {"<a/>\r\n", 6}, TEXT_UTF8},
        {{"<a/>\0\r\n", 7}, {"<a/>", 4}, TEXT_UTF8},
        {{"<a/> \0\t\n\0 ", 10}, {"<a/> ", 5}, TEXT_UTF8},
        {{"<\0a\0/\0>\0", 8}, {"<\0a\0/\0>\0", 8}, TEXT_UTF16LE},
        {{"\xFF\xFE<\0>\0\r\0\n\0\0\0\0\0", 14}, {"<\0>\0\r\0\n\0", 8}, TEXT_UTF16LE},
        {{"<\0>\0\0\0\0", 7}, {"<\0>\0", 4}, TEXT_UTF16LE},
        {{"<\0>\0\0\0\r\0\n\0", 10}, {"<\0>\0", 4}, TEXT_UTF16LE},
        {{"<\0\x0A\x0A\0\0", 6}, {"<\0\x0A\x0A", 4}, TEXT_UTF16LE},     /* U+0A0A is no line feed */
        {{"<\0\0\x01\0\0", 6}, {"<\0\0\x01", 4}, TEXT_UTF16LE},         /* nor U+0100 a NUL */
        {{"\xFE\xFF\0<\0>\0\n\0\0", 10}, {"\0<\0>\0\n", 6}, TEXT_UTF16BE},
        {{"\xFE\xFF\0<\x0A\0\0\0", 8}, {"\0<\x0A\0", 4}, TEXT_UTF16BE},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct span text;
        enum text_encoding encoding;
        struct error err;
        assert_true(smx_text(rows[i].bytes, &text, &encoding, &err));
        assert_int_equal(encoding, rows[i].encoding);
        assert_bytes(text, rows[i].text);
    }
}

static void half_a_unit_of_text_is_refused(void **state)
{
    struct span text = SPAN("untouched");
    enum text_encoding encoding;
    struct error err;
    (void)state;
    assert_false(smx_text(SPAN("<\0>"), &text, &encoding, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_string_equal(err.rule, "body");
    assert_string_equal(text.at, "untouched");
}

static struct span joined(const struct span content[2], char *room)
{
    memcpy(room, content[0].at, content[0].len);
    memcpy(room + content[0].len, content[1].at, content[1].len);
    return (struct span){room, content[0].len + content[1].len};
}

/* ASCII as UTF-16LE behind its mark. */
static struct span as_file(const char *text, char *room)
{
    size_t len = 2;
    memcpy(room, "\xFF\xFE", 2);
    for (; *text != '\0'; text++) {
        room[len++] = *text;
        room[len++] = '\0';
    }
    return (struct span){room, len};
}

static void only_an_untrue_encoding_is_rewritten(void **state)
{
    static const struct {
        const char *sent;
        const char *kept;
    } rows[] = {
        {"", ""},
        {"<a/>", "<a/>"},
        {"<?xml version=\"1.0\"?><a/>", "<?xml version=\"1.0\"?><a/>"},
        {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<a/>", "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<a/>"},
        {"<?xml version='1.0' encoding='utf-8' standalone='yes'?>",
         "<?xml version='1.0' encoding='UTF-16' standalone='yes'?>"},
        {"<?xml\tversion = '1.0'\n encoding = 'latin-1' ?>", "<?xml\tversion = '1.0'\n encoding = 'UTF-16' ?>"},
        {"<?xml version='1.0' encoding='UTF-16BE'?>", "<?xml version='1.0' encoding='UTF-16'?>"},
        {"<?xml version='1.0' encoding='UTF-16'?>", "<?xml version='1.0' encoding='UTF-16'?>"},
        {"<?xml version='1.0' encoding='utf-16'?>", "<?xml version='1.0' encoding='utf-16'?>"},
        {"<?xml version='1.0' encoding=UTF-8?>", "<?xml version='1.0' encoding=UTF-8?>"},
        {"<?xml version='1.0' encoding='UTF-8", "<?xml version='1.0' encoding='UTF-8"},
        {"<?xml version='1.0' encoding 'UTF-8'?>", "<?xml version='1.0' encoding 'UTF-8'?>"},
        {"<?xml version=1.0 encoding='UTF-8'?>", "<?xml version=1.0 encoding='UTF-8'?>"},
        {"<?xml version '1.0' encoding='UTF-8'?>", "<?xml version '1.0' encoding='UTF-8'?>"},
        {"<?xml encoding='UTF-8'?>", "<?xml encoding='UTF-8'?>"},
        {" <?xml version='1.0' encoding='UTF-8'?>", " <?xml version='1.0' encoding='UTF-8'?>"},
        {"<?x version='1.0' encoding='UTF-8'?>", "<?x version='1.0' encoding='UTF-8'?>"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena *arena = arena_open(8192, NULL);
        struct span content[2];
        struct error err;
        char kept[256], expected[256];
        assert_true(smx_prepare(span_of(rows[i].sent), TEXT_UTF8, arena, content, &err));
        assert_bytes(joined(content, kept), as_file(rows[i].kept, expected));
        arena_close(arena);
    }
}

static void a_name_behind_other_than_ascii_is_left_alone(void **state)
{
    struct arena *arena = arena_open(8192, NULL);
    struct span content[2];
    struct error err;
    (void)state;
    assert_true(smx_prepare(SPAN("<?xml version='\xC3\xA4' encoding='UTF-8'?>"), TEXT_UTF8, arena, content, &err));
    assert_bytes(content[0], SPAN("\xFF\xFE"));
    assert_int_equal(content[1].len, 2 * 36);
    arena_close(arena);
}

static void a_declaration_may_be_long(void **state)
{
    struct arena *arena = arena_open(64 * 1024, NULL);
    struct span content[2];
    struct error err;
    char sent[8192], kept[8192], expected[16400], got[16400];
    (void)state;
    (void)snprintf(sent, sizeof sent, "<?xml version='1.0'%5000sencoding='%s'?><a/>", "", "ISO-8859-1");
    (void)snprintf(kept, sizeof kept, "<?xml version='1.0'%5000sencoding='%s'?><a/>", "", "UTF-16");
    assert_true(smx_prepare(span_of(sent), TEXT_UTF8, arena, content, &err));
    assert_bytes(joined(content, got), as_file(kept, expected));
    arena_close(arena);
}

static void utf16be_is_turned_round(void **state)
{
    struct arena *arena = arena_open(8192, NULL);
    struct span content[2];
    struct error err;
    char kept[16];
    (void)state;
    assert_true(smx_prepare(SPAN("\0<\0a\x20\xAC"), TEXT_UTF16BE, arena, content, &err));
    assert_bytes(joined(content, kept), SPAN("\xFF\xFE<\0a\0\xAC\x20"));
    arena_close(arena);
}

static void utf16le_is_not_touched(void **state)
{
    static const struct span text = SPAN("<\0?\0x\0m\0l\0 \0?\0>\0");
    struct arena *arena = arena_open(8192, NULL);
    struct span content[2];
    struct error err;
    (void)state;
    assert_true(smx_prepare(text, TEXT_UTF16LE, arena, content, &err));
    assert_bytes(content[0], SPAN("\xFF\xFE"));
    assert_ptr_equal(content[1].at, text.at);
    assert_int_equal(content[1].len, text.len);
    assert_int_equal(arena_used(arena), 0);
    arena_close(arena);
}

static void text_that_is_none_is_refused(void **state)
{
    struct arena *arena = arena_open(8192, NULL);
    struct span content[2];
    struct error err;
    (void)state;
    assert_false(smx_prepare(SPAN("<a>\xFF</a>"), TEXT_UTF8, arena, content, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_string_equal(err.rule, "body");
    arena_close(arena);
}

static void memory_that_is_short_is_said_to_be(void **state)
{
    static const struct span text = SPAN("<?xml version='1.0' encoding='UTF-8'?><a/>");
    struct span content[2];
    struct error err;
    (void)state;
    for (size_t ceiling = 32; ceiling < 160; ceiling += 16) {
        struct arena *arena = arena_open(ceiling, NULL);
        if (!smx_prepare(text, TEXT_UTF8, arena, content, &err)) {
            assert_int_equal(err.kind, ERROR_TOO_BIG);
            assert_string_equal(err.rule, "limit");
        }
        arena_close(arena);
    }
    bool done = false;
    for (unsigned failures = 1; !done; failures++) {
        left = failures;
        sys.allocate = allocate_a_few;
        struct arena *arena = arena_open(8192, NULL);
        done = smx_prepare(text, TEXT_UTF8, arena, content, &err);
        sys = sys_kernel;
        if (!done)
            assert_int_equal(err.kind, ERROR_NO_MEMORY);
        arena_close(arena);
    }
}

static void a_priority_chooses_the_queue(void **state)
{
    static const struct {
        int priority;
        enum smx_queue queue;
    } rows[] = {
        {0, SMX_HIGH},   {1, SMX_HIGH}, {2, SMX_NORMAL}, {5, SMX_NORMAL},
        {9, SMX_NORMAL}, {10, SMX_LOW}, {16, SMX_LOW},   {INT_MAX, SMX_LOW},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(smx_queue(rows[i].priority, 1, 10), rows[i].queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_what_stands_between_mark_and_nuls),
        cmocka_unit_test(half_a_unit_of_text_is_refused),
        cmocka_unit_test(only_an_untrue_encoding_is_rewritten),
        cmocka_unit_test(a_name_behind_other_than_ascii_is_left_alone),
        cmocka_unit_test(a_declaration_may_be_long),
        cmocka_unit_test(utf16be_is_turned_round),
        cmocka_unit_test(utf16le_is_not_touched),
        cmocka_unit_test(text_that_is_none_is_refused),
        cmocka_unit_test(memory_that_is_short_is_said_to_be),
        cmocka_unit_test(a_priority_chooses_the_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
