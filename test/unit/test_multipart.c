/* multipart/mixed: which boundaries are taken, and where a body is cut. */
#include "../../src/report/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define BYTES(literal)                                                                                                 \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }
#define SEVENTY "0123456789012345678901234567890123456789012345678901234567890123456789"

static void the_boundary_is_taken_out_of_the_header(void **state)
{
    static const struct {
        struct span parameters;
        const char *boundary;
    } rows[] = {
        {BYTES("; boundary=x"), "x"},
        {BYTES("; boundary=\"aAbBcCdDv1234567890VxXyYzZ\""), "aAbBcCdDv1234567890VxXyYzZ"},
        {BYTES(";boundary=x"), "x"},
        {BYTES(" ; BOUNDARY = x ; a=b"), "x"},
        {BYTES("; charset=utf-8; boundary=x"), "x"},
        {BYTES("; a=\"; boundary=y\"; boundary=x"), "x"},
        {BYTES("; a=\"\\\"; boundary=y\"; boundary=x"), "x"},
        {BYTES("; boundary=\"a\\bc\""), "abc"},
        {BYTES("; boundary=\"a b\""), "a b"},
        {BYTES("; boundary=\" b\""), " b"},
        {BYTES("; boundary=a=b:c/d?e"), "a=b:c/d?e"},
        {BYTES("; boundary='()+_,-./:=?"), "'()+_,-./:=?"},
        {BYTES("; flag; boundary=x"), "x"},
        {BYTES(";; boundary=x;"), "x"},
        {BYTES("; boundary=\"x\" ; a=b"), "x"},
        {BYTES("; boundary=" SEVENTY), SEVENTY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char boundary[ENVELOPE_BOUNDARY_MOST + 1];
        struct error err = {0};
        struct span parameters = rows[i].parameters;
        while (parameters.at[0] == ' ') {       /* the caller cuts at the semicolon */
            parameters.at++;
            parameters.len--;
        }
        if (!multipart_boundary(parameters, boundary, &err))
            fail_msg("row %zu: %s", i, err.text);
        assert_string_equal(boundary, rows[i].boundary);
    }
}

static void a_boundary_that_rfc_2046_does_not_allow_is_refused(void **state)
{
    static const struct {
        struct span parameters;
        const char *why;
    } rows[] = {
        {BYTES(""), "Content-Type: no boundary"},
        {BYTES("; a=b"), "Content-Type: no boundary"},
        {BYTES("; xboundary=b"), "Content-Type: no boundary"},
        {BYTES("; a=\"boundary=x\""), "Content-Type: no boundary"},
        {BYTES("; boundary"), "Content-Type: a boundary of 0 characters, not 1 to 70"},
        {BYTES("; boundary="), "Content-Type: a boundary of 0 characters, not 1 to 70"},
        {BYTES("; boundary=\"\""), "Content-Type: a boundary of 0 characters, not 1 to 70"},
        {BYTES("; boundary=" SEVENTY "1"), "Content-Type: a boundary of 71 characters, not 1 to 70"},
        {BYTES("; boundary=\"" SEVENTY "1\""), "Content-Type: a boundary of 71 characters, not 1 to 70"},
        {BYTES("; boundary=\"a \""), "Content-Type: the boundary ends in a blank"},
        {BYTES("; boundary=\" \""), "Content-Type: the boundary ends in a blank"},
        {BYTES("; boundary=a b"), "Content-Type: a character that no boundary may have"},
        {BYTES("; boundary=a\"b\""), "Content-Type: a character that no boundary may have"},
        {BYTES("; boundary=\"a\tb\""), "Content-Type: a character that no boundary may have"},
        {BYTES("; boundary=a*b"), "Content-Type: a character that no boundary may have"},
        {BYTES("; boundary=\xC3\xA4"), "Content-Type: a character that no boundary may have"},
        {BYTES("; boundary=a\0b"), "Content-Type: a character that no boundary may have"},
        {BYTES("; boundary=\"x"), "Content-Type: a quoted value has no closing quote"},
        {BYTES("; boundary=\"x\\"), "Content-Type: a quoted value has no closing quote"},
        {BYTES("; boundary=\"x\\\""), "Content-Type: a quoted value has no closing quote"},
        {BYTES("; boundary=\"x\"y"), "Content-Type: text follows a quoted value"},
        {BYTES("; boundary=x; boundary=x"), "Content-Type: more than one boundary"},
        {BYTES("; boundary=x; Boundary=y"), "Content-Type: more than one boundary"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char boundary[ENVELOPE_BOUNDARY_MOST + 1] = "untouched";
        struct error err = {0};
        assert_false(multipart_boundary(rows[i].parameters, boundary, &err));
        assert_string_equal(err.text, rows[i].why);
        assert_int_equal(err.kind, ERROR_MALFORMED);
        assert_string_equal(err.rule, "multipart");
        assert_string_equal(boundary, "untouched");
    }
}

static void a_body_is_cut_into_its_two_parts(void **state)
{
    static const struct {
        struct span body;
        struct span first;
        struct span second;
    } rows[] = {
        {BYTES("--x\r\na: b\r\n\r\none\r\n--x\r\nc: d\r\n\r\ntwo\r\n--x--"), BYTES("one"), BYTES("two")},
        {BYTES("\r\n--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--"), BYTES("one"), BYTES("two")},
        {BYTES("before\r\n--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\nafter"), BYTES("one"), BYTES("two")},
        {BYTES("--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\n"), BYTES("one"), BYTES("two")},
        {BYTES("--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\n--x\r\n\r\nthree\r\n--x--"), BYTES("one"), BYTES("two")},
        {BYTES("--x \t\r\n\r\none\r\n--x \r\n\r\ntwo\r\n--x-- \t"), BYTES("one"), BYTES("two")},
        /* a longer word that begins with the boundary is content */
        {BYTES("--x\r\n\r\n\r\n--xy\r\n--x\r\n\r\n\r\n--x-\r\n--x--"), BYTES("\r\n--xy"), BYTES("\r\n--x-")},
        {BYTES("--xx\r\n--x\r\n\r\n\r\n--x z\r\n--x\r\n\r\n\r\n--x\r\r\n--x--"), BYTES("\r\n--x z"),
         BYTES("\r\n--x\r")},
        /* so is one that does not begin a line */
        {BYTES("--x\r\n\r\n --x\r\n--x\r\n\r\n\n--x\n\r\n--x--"), BYTES(" --x"), BYTES("\n--x\n")},
        /* binary */
        {BYTES("--x\r\n\r\n\0\r\n\r\n\0\r\n--x\r\n\r\n\0\0\r\r\n--x--"), BYTES("\0\r\n\r\n\0"), BYTES("\0\0\r")},
        {BYTES("--x\r\na: b\r\n\r\n>\0\r\n--x\r\n\r\n\r\n\r\n\r\n--x--"), BYTES(">\0"), BYTES("\r\n\r\n")},
        /* empty parts */
        {BYTES("--x\r\n\r\n\r\n--x\r\n\r\n\r\n--x--"), BYTES(""), BYTES("")},
        {BYTES("--x\r\n\r\n--x\r\n\r\n--x--"), BYTES(""), BYTES("")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span parts[MULTIPART_PARTS];
        struct error err = {0};
        if (!multipart_split(rows[i].body, SPAN("x"), parts, &err))
            fail_msg("row %zu: %s", i, err.text);
        if (!span_equal(parts[0], rows[i].first) || !span_equal(parts[1], rows[i].second))
            fail_msg("row %zu: cut at the wrong place", i);
    }
}

static void a_body_that_is_not_two_whole_parts_is_refused(void **state)
{
    static const struct {
        struct span body;
        const char *why;
    } rows[] = {
        {BYTES(""), "the boundary does not occur in the body"},
        {BYTES("--"), "the boundary does not occur in the body"},
        {BYTES("--x"), "the boundary does not occur in the body"},
        {BYTES("--x\r"), "the boundary does not occur in the body"},
        {BYTES("--x\n\na\n--x\n\nb\n--x--"), "the boundary does not occur in the body"},
        {BYTES("--y\r\n\r\na\r\n--y\r\n\r\nb\r\n--y--"), "the boundary does not occur in the body"},
        {BYTES("--X\r\n\r\na\r\n--X\r\n\r\nb\r\n--X--"), "the boundary does not occur in the body"},
        {BYTES(" --x\r\n\r\na"), "the boundary does not occur in the body"},
        {BYTES("--x--"), "no parts, not 2"},
        {BYTES("--x\r\n\r\na\r\n--x--"), "too few parts, not 2"},
        {BYTES("--x\r\n\r\na\r\n--x\r\n\r\nb\r\n--x\r\n\r\nc\r\n--x--"), "too many parts, not 2"},
        {BYTES("--x\r\n"), "the closing delimiter is missing"},
        {BYTES("--x\r\n\r\na"), "the closing delimiter is missing"},
        {BYTES("--x\r\n\r\na\r\n--x\r\n\r\nb"), "the closing delimiter is missing"},
        {BYTES("--x\r\n\r\na\r\n--x\r\n\r\nb\r\n--x"), "the closing delimiter is missing"},
        {BYTES("--x\r\n\r\na\r\n--x\r\n\r\nb\r\n--x-"), "the closing delimiter is missing"},
        {BYTES("--x\r\n\r\na\r\n--x\r\n\r\nb\r\n--x\r\n"), "the closing delimiter is missing"},
        {BYTES("--x\r\na: b\r\n--x\r\n\r\nb\r\n--x--"),
         "part 1: no empty line within 16384 bytes ends its header lines"},
        {BYTES("--x\r\n\r\na\r\n--x\r\nc: d\r\n--x--"),
         "part 2: no empty line within 16384 bytes ends its header lines"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span parts[MULTIPART_PARTS] = {{NULL, 1}, {NULL, 2}};
        struct error err = {0};
        if (multipart_split(rows[i].body, SPAN("x"), parts, &err))
            fail_msg("row %zu: taken", i);
        assert_string_equal(err.text, rows[i].why);
        assert_int_equal(err.kind, ERROR_MALFORMED);
        assert_string_equal(err.rule, "multipart");
        assert_true(parts[0].len == 1 && parts[1].len == 2);
    }
}

static void any_cut_of_a_request_is_refused(void **state)
{
    static const struct span whole = BYTES("--ab\r\na: b\r\n\r\none\r\n--ab\r\nc: d\r\n\r\ntwo\r\n--ab--");
    (void)state;
    for (size_t len = 0; len <= whole.len; len++) {
        struct span parts[MULTIPART_PARTS];
        struct error err = {0};
        assert_int_equal(multipart_split((struct span){whole.at, len}, SPAN("ab"), parts, &err), len == whole.len);
    }
}

static void header_lines_of_a_part_are_bounded(void **state)
{
    static const char end[] = "\r\n\r\ncontent\r\n--x\r\n\r\ntwo\r\n--x--";
    enum { MOST = 16 * 1024 };
    (void)state;
    for (int over = 0; over <= 1; over++) {
        static char body[5 + MOST + sizeof end];
        struct span parts[MULTIPART_PARTS];
        struct error err = {0};
        const size_t headers = (size_t)(MOST - 4 + over);
        memcpy(body, "--x\r\n", 5);
        memset(body + 5, 'h', headers);
        memcpy(body + 5 + headers, end, sizeof end - 1);
        const struct span whole = {body, 5 + headers + sizeof end - 1};
        assert_int_equal(multipart_split(whole, SPAN("x"), parts, &err), over == 0);
        if (over == 0)
            assert_true(span_equal(parts[0], SPAN("content")));
    }
}

static void a_boundary_of_no_or_too_many_characters_cuts_nothing(void **state)
{
    struct span parts[MULTIPART_PARTS];
    struct error err = {0};
    (void)state;
    assert_false(multipart_split(SPAN("--\r\n\r\n\r\n--\r\n\r\n\r\n----"), SPAN(""), parts, &err));
    assert_string_equal(err.text, "the boundary is empty or too long");
    assert_false(multipart_split(SPAN("--" SEVENTY "1\r\n"), SPAN(SEVENTY "1"), parts, &err));
    assert_string_equal(err.text, "the boundary is empty or too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_boundary_is_taken_out_of_the_header),
        cmocka_unit_test(a_boundary_that_rfc_2046_does_not_allow_is_refused),
        cmocka_unit_test(a_body_is_cut_into_its_two_parts),
        cmocka_unit_test(a_body_that_is_not_two_whole_parts_is_refused),
        cmocka_unit_test(any_cut_of_a_request_is_refused),
        cmocka_unit_test(header_lines_of_a_part_are_bounded),
        cmocka_unit_test(a_boundary_of_no_or_too_many_characters_cuts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
