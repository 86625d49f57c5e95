/* Encodings: how they are recognized, and that nothing but whole characters is ever converted. */
#include "report/text.h"

#include "base/sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void assert_bytes(struct span got, struct span expected)
{
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.at, expected.at, expected.len);
}

static void an_encoding_is_known_by_its_mark_or_a_nul(void **state)
{
    static const struct {
        struct span bytes;
        enum text_encoding encoding;
        size_t mark;
    } rows[] = {
        {{"", 0}, TEXT_UTF8, 0},
        {{"<", 1}, TEXT_UTF8, 0},
        {{"\xFF", 1}, TEXT_UTF8, 0},
        {{"<a/>", 4}, TEXT_UTF8, 0},
        {{"\xEF\xBB", 2}, TEXT_UTF8, 0},
        {{"\xEF\xBB\xBF<a/>", 7}, TEXT_UTF8, 3},
        {{"\xFF\xFE", 2}, TEXT_UTF16LE, 2},
        {{"\xFF\xFE<\0", 4}, TEXT_UTF16LE, 2},
        {{"\xFE\xFF\0<", 4}, TEXT_UTF16BE, 2},
        {{"<\0a\0", 4}, TEXT_UTF16LE, 0},
        {{"\0<\0a", 4}, TEXT_UTF16BE, 0},
        {{"\0\0", 2}, TEXT_UTF8, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t mark = 99;
        assert_int_equal(text_detect(rows[i].bytes, &mark), rows[i].encoding);
        assert_int_equal(mark, rows[i].mark);
    }
}

/* The same text in the three encodings: the first and last character of each length, and a run of ASCII. */
static const struct span in_utf8 = SPAN("abcdefghij\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80"
                                        "\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBFz");
static const struct span in_utf16le = SPAN("a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0\x7F\0\x80\0\xFF\x07\0\x08\xFF\xD7\0\xE0"
                                           "\xFF\xFF\0\xD8\0\xDC\xFF\xDB\xFF\xDFz\0");
static const struct span in_utf16be = SPAN("\0a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0\x7F\0\x80\x07\xFF\x08\0\xD7\xFF\xE0\0"
                                           "\xFF\xFF\xD8\0\xDC\0\xDB\xFF\xDF\xFF\0z");

static const struct {
    enum text_encoding encoding;
    const struct span *text;
} texts[] = {{TEXT_UTF8, &in_utf8}, {TEXT_UTF16LE, &in_utf16le}, {TEXT_UTF16BE, &in_utf16be}};

static void the_same_text_comes_out_of_each_encoding(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct arena *arena = arena_open(4096, NULL);
        struct span utf8, utf16;
        struct error err;
        assert_true(text_copy_utf8(texts[i].encoding, *texts[i].text, arena, &utf8, &err));
        assert_bytes(utf8, in_utf8);
        assert_true(text_to_utf16le(texts[i].encoding, *texts[i].text, arena, &utf16, &err));
        assert_bytes(utf16, in_utf16le);
        arena_close(arena);
    }
}

static void utf16le_is_checked_and_not_copied(void **state)
{
    struct arena *arena = arena_open(4096, NULL);
    struct span out;
    struct error err;
    (void)state;
    assert_true(text_to_utf16le(TEXT_UTF16LE, in_utf16le, arena, &out, &err));
    assert_ptr_equal(out.at, in_utf16le.at);
    assert_int_equal(arena_used(arena), 0);
    arena_close(arena);
}

/* Converts with `room` bytes at a time and `step` bytes of input, as a reader of pieces does. */
static size_t convert_in_pieces(enum text_encoding encoding, struct span in, size_t step, size_t room, char *out)
{
    size_t pos = 0, sum = 0;
    while (pos < in.len) {
        const size_t left = in.len - pos;
        for (size_t seen = step;; seen += step) {
            size_t used, len;
            struct error err;
            const bool last = seen >= left;
            assert_true(text_to_utf8(encoding, (struct span){in.at + pos, last ? left : seen}, last, &used, out + sum,
                                     room, &len, &err));
            assert_in_range(len, 0, room);
            pos += used;
            sum += len;
            if (used > 0)
                break;
            assert_false(last);
        }
    }
    return sum;
}

static void any_pieces_give_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t step = 1; step < 20; step++) {
            for (size_t room = 4; room < 20; room++) {
                char out[64 + 20];
                const size_t len = convert_in_pieces(texts[i].encoding, *texts[i].text, step, room, out);
                assert_bytes((struct span){out, len}, in_utf8);
            }
        }
    }
}

static void too_little_room_uses_nothing(void **state)
{
    char out[3];
    size_t used = 9, len = 9;
    struct error err;
    (void)state;
    assert_true(text_to_utf8(TEXT_UTF8, SPAN("\xF0\x90\x80\x80"), true, &used, out, sizeof out, &len, &err));
    assert_int_equal(used, 0);
    assert_int_equal(len, 0);
}

static const struct fault {
    enum text_encoding encoding;
    struct span bytes;
    size_t at;
    const char *text;
} faults[] = {
    {TEXT_UTF8, {"a\x80", 2}, 1, "byte 1: not UTF-8"},
    {TEXT_UTF8, {"\xC0\x80", 2}, 0, "byte 0: not UTF-8"},
    {TEXT_UTF8, {"\xC1\xBF", 2}, 0, "byte 0: not UTF-8"},
    {TEXT_UTF8, {"\xE0\x9F\xBF", 3}, 0, "byte 0: not UTF-8"},
    {TEXT_UTF8, {"\xED\xA0\x80", 3}, 0, "byte 0: not UTF-8"},
    {TEXT_UTF8, {"\xED\xBF\xBF", 3}, 0, "byte 0: not UTF-8"},
    {TEXT_UTF8, {"\xF0\x8F\xBF\xBF", 4}, 0, "byte 0: not UTF-8"},
    {TEXT_UTF8, {"\xF4\x90\x80\x80", 4}, 0, "byte 0: not UTF-8"},
    {TEXT_UTF8, {"\xF5\x80\x80\x80", 4}, 0, "byte 0: not UTF-8"},
    {TEXT_UTF8, {"12345678\xE2\x82x", 11}, 8, "byte 8: not UTF-8"},
    {TEXT_UTF8, {"a\xE2\x82", 3}, 1, "byte 1: a character is cut off at the end"},
    {TEXT_UTF16LE, {"a\0\0\xDC", 4}, 2, "byte 2: half of a surrogate pair"},
    {TEXT_UTF16LE, {"\0\xD8z\0", 4}, 0, "byte 0: half of a surrogate pair"},
    {TEXT_UTF16LE, {"\0\xD8\0\xE0", 4}, 0, "byte 0: half of a surrogate pair"},
    {TEXT_UTF16LE, {"\0\xD8", 2}, 0, "byte 0: a character is cut off at the end"},
    {TEXT_UTF16LE, {"a\0b", 3}, 2, "byte 2: a character is cut off at the end"},
    {TEXT_UTF16BE, {"\xDB\xFF\xDB\xFF", 4}, 0, "byte 0: half of a surrogate pair"},
};

static void what_is_no_character_is_an_error_that_names_the_byte(void **state)
{
    struct arena *arena = arena_open(4096, NULL);
    (void)state;
    for (size_t i = 0; i < COUNT(faults); i++) {
        struct span out = SPAN("untouched");
        struct error err;
        assert_false(text_to_utf16le(faults[i].encoding, faults[i].bytes, arena, &out, &err));
        assert_int_equal(err.kind, ERROR_MALFORMED);
        assert_string_equal(err.text, faults[i].text);
        assert_false(text_copy_utf8(faults[i].encoding, faults[i].bytes, arena, &out, &err));
        assert_int_equal(err.kind, ERROR_MALFORMED);
        assert_string_equal(err.text, faults[i].text);
        assert_string_equal(out.at, "untouched");
    }
    arena_close(arena);
}

static void what_stands_before_a_fault_is_converted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(faults); i++) {
        char out[32];
        size_t used, len;
        struct error err;
        assert_false(text_to_utf8(faults[i].encoding, faults[i].bytes, true, &used, out, sizeof out, &len, &err));
        assert_int_equal(used, faults[i].at);
        assert_int_equal(len, faults[i].encoding == TEXT_UTF8 ? used : used / 2);
    }
}

static void a_cut_character_waits_for_its_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(faults); i++) {
        char out[32];
        size_t used, len;
        struct error err;
        const bool done = text_to_utf8(faults[i].encoding, faults[i].bytes, false, &used, out, sizeof out, &len, &err);
        assert_int_equal(done, strstr(faults[i].text, "cut off") != NULL);
        assert_int_equal(used, faults[i].at);
    }
}

static void *allocate_none(size_t size)
{
    (void)size;
    return NULL;
}

static void memory_that_is_short_is_said_to_be(void **state)
{
    struct arena *small = arena_open(16, NULL), *arena = arena_open(4096, NULL);
    struct span out;
    struct error err;
    (void)state;
    assert_false(text_to_utf16le(TEXT_UTF8, in_utf8, small, &out, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
    assert_false(text_copy_utf8(TEXT_UTF8, in_utf8, small, &out, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
    sys.allocate = allocate_none;
    assert_false(text_to_utf16le(TEXT_UTF8, in_utf8, arena, &out, &err));
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    assert_false(text_copy_utf8(TEXT_UTF8, in_utf8, arena, &out, &err));
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    sys = sys_kernel;
    arena_close(small);
    arena_close(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_encoding_is_known_by_its_mark_or_a_nul),
        cmocka_unit_test(the_same_text_comes_out_of_each_encoding),
        cmocka_unit_test(utf16le_is_checked_and_not_copied),
        cmocka_unit_test(any_pieces_give_the_whole),
        cmocka_unit_test(too_little_room_uses_nothing),
        cmocka_unit_test(what_is_no_character_is_an_error_that_names_the_byte),
        cmocka_unit_test(what_stands_before_a_fault_is_converted),
        cmocka_unit_test(a_cut_character_waits_for_its_rest),
        cmocka_unit_test(memory_that_is_short_is_said_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
