/* Errors: the policy of every kind, and that a sentence always fits. */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LETTERS_50 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx"
#define LETTERS_250 LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50

static void every_kind_has_its_answer(void **state)
{
    static const struct error_policy expected[] = {
        [ERROR_NONE] = {"none", 200, false, false, false},
        [ERROR_MALFORMED] = {"malformed", 400, false, true, false},
        [ERROR_UNAUTHENTICATED] = {"unauthenticated", 401, false, false, false},
        [ERROR_UNTRUSTED] = {"untrusted", 403, false, true, false},
        [ERROR_NOT_FOUND] = {"not-found", 404, false, false, false},
        [ERROR_NO_ENDPOINT] = {"no-endpoint", 404, false, true, false},
        [ERROR_METHOD] = {"method", 405, false, false, false},
        [ERROR_TOO_BIG] = {"too-big", 413, false, true, false},
        [ERROR_HEADERS_TOO_BIG] = {"headers-too-big", 431, false, false, false},
        [ERROR_UNSUPPORTED] = {"unsupported", 415, false, true, false},
        [ERROR_TOO_SLOW] = {"too-slow", 408, true, false, false},
        [ERROR_BUSY] = {"busy", 503, true, false, true},
        [ERROR_NO_MEMORY] = {"no-memory", 503, true, false, true},
        [ERROR_NO_SPACE] = {"no-space", 507, true, false, true},
        [ERROR_SYSTEM] = {"system", 500, true, false, true},
    };
    (void)state;
    assert_int_equal(sizeof expected / sizeof expected[0], ERROR_KINDS);
    for (int kind = 0; kind < ERROR_KINDS; kind++) {
        const struct error_policy *policy = error_policy((enum error_kind)kind);
        assert_string_equal(policy->name, expected[kind].name);
        assert_int_equal(policy->status, expected[kind].status);
        assert_int_equal(policy->again, expected[kind].again);
        assert_int_equal(policy->hidden, expected[kind].hidden);
        assert_int_equal(policy->ours, expected[kind].ours);
    }
}

static void what_the_sender_should_send_again_is_never_disguised_as_a_success(void **state)
{
    (void)state;
    for (int kind = 0; kind < ERROR_KINDS; kind++) {
        const struct error_policy *policy = error_policy((enum error_kind)kind);
        assert_false(policy->again && policy->hidden);
        assert_false(policy->ours && !policy->again);
    }
}

static void setting_an_error_fills_all_of_it(void **state)
{
    struct error err;
    (void)state;
    memset(&err, 0x55, sizeof err);
    assert_false(error_set(&err, ERROR_BUSY, "%d of %s", 3, "four"));
    assert_int_equal(err.kind, ERROR_BUSY);
    assert_int_equal(err.os, 0);
    assert_null(err.rule);
    assert_string_equal(err.text, "3 of four");
}

static void a_refusal_names_its_rule(void **state)
{
    struct error err;
    (void)state;
    memset(&err, 0x55, sizeof err);
    assert_false(error_refuse(&err, ERROR_MALFORMED, "dtd", "line %u: has a DOCTYPE", 3u));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_int_equal(err.os, 0);
    assert_string_equal(err.rule, "dtd");
    assert_string_equal(err.text, "line 3: has a DOCTYPE");
}

static void errno_decides_the_kind_and_ends_the_sentence(void **state)
{
    static const struct {
        int os;
        enum error_kind kind;
        const char *text;
    } cases[] = {
        {ENOSPC, ERROR_NO_SPACE, "cannot write 'x': No space left on device"},
        {EDQUOT, ERROR_NO_SPACE, "cannot write 'x': Disk quota exceeded"},
        {ENOMEM, ERROR_NO_MEMORY, "cannot write 'x': Cannot allocate memory"},
        {EIO, ERROR_SYSTEM, "cannot write 'x': Input/output error"},
        {99999, ERROR_SYSTEM, "cannot write 'x': Unknown error 99999"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err;
        memset(&err, 0x55, sizeof err);
        errno = cases[i].os;
        assert_false(error_os(&err, "cannot write '%s'", "x"));
        assert_int_equal(err.kind, cases[i].kind);
        assert_int_equal(err.os, cases[i].os);
        assert_null(err.rule);
        assert_string_equal(err.text, cases[i].text);
    }
}

static void a_long_sentence_is_cut_off(void **state)
{
    struct error err;
    (void)state;
    assert_false(error_set(&err, ERROR_BUSY, "%s", LETTERS_250));
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, LETTERS_250, sizeof err.text - 1);
}

static void a_long_sentence_leaves_the_system_its_reason(void **state)
{
    struct error err;
    (void)state;
    errno = EIO;
    assert_false(error_os(&err, "cannot write '%s'", LETTERS_250));
    assert_in_range(strlen(err.text), 200, sizeof err.text - 1);
    assert_string_equal(err.text + strlen(err.text) - strlen("...: Input/output error"), "...: Input/output error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_its_answer),
        cmocka_unit_test(what_the_sender_should_send_again_is_never_disguised_as_a_success),
        cmocka_unit_test(setting_an_error_fills_all_of_it),
        cmocka_unit_test(a_refusal_names_its_rule),
        cmocka_unit_test(errno_decides_the_kind_and_ends_the_sentence),
        cmocka_unit_test(a_long_sentence_is_cut_off),
        cmocka_unit_test(a_long_sentence_leaves_the_system_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
