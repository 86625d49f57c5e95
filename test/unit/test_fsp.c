/* What the fallback status point takes: topics by a list with ranges, so many messages, at its own path only. */
#include "../../src/mprelay/fsp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HOUR ((int64_t)3600 * 1000000)

static struct settings settings;
static struct throttle throttle;
static struct error err;

static int begin(void **state)
{
    static const char *const topics[] = {"800", "801", "1000-1004", "0", "7 - 8"};
    (void)state;
    settings = (struct settings){.fsp = SWITCH_ON, .fsp_topics = {topics, sizeof topics / sizeof topics[0]}};
    err = (struct error){0};
    throttle_init(&throttle);
    throttle_set(&throttle, 3, HOUR);
    return 0;
}

static void its_path_is_known_in_any_case_and_only_where_it_is_on(void **state)
{
    (void)state;
    assert_true(fsp_is_asked(&settings, "/SMS_FSP/.sms_fsp"));
    assert_true(fsp_is_asked(&settings, "/sms_fsp/.SMS_FSP"));
    assert_false(fsp_is_asked(&settings, "/SMS_FSP/.sms_fsp/"));
    assert_false(fsp_is_asked(&settings, "/SMS_FSP"));
    settings.fsp = SWITCH_OFF;
    assert_false(fsp_is_asked(&settings, "/SMS_FSP/.sms_fsp"));
}

static void assert_topics(const char *topic, bool good)
{
    static const char *one;
    one = topic;
    settings.fsp_topics = (struct config_list){&one, 1};
    assert_int_equal(fsp_check(&settings, &err), good);
    if (!good)
        assert_non_null(strstr(err.text, topic));
}

static void topics_are_numbers_and_ranges(void **state)
{
    static const char *const bad[] = {"",     "x",     "-",   "1-", "-1",         "2-1",         "1-2-3",
                                      "0x10", "1000-", "1,2", "+1", "4294967296", "0-4294967296"};
    (void)state;
    assert_true(fsp_check(&settings, &err));
    assert_topics("0-4294967295", true);
    assert_topics("5-5", true);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_topics(bad[i], false);
}

static void without_topics_it_cannot_be_on(void **state)
{
    (void)state;
    settings.fsp_topics.count = 0;
    assert_false(fsp_check(&settings, &err));
    settings.fsp = SWITCH_OFF;
    assert_true(fsp_check(&settings, &err));
}

static bool take(const uint32_t *types, size_t count)
{
    struct state_message messages[8] = {0};
    const struct report report = {.messages = messages, .message_count = count};
    uint64_t taken = 0;
    for (size_t i = 0; i < count; i++)
        messages[i] = (struct state_message){.valid = types[i] != UINT32_MAX, .topic_type = types[i]};
    const bool done = fsp_take(&settings, &report, &throttle, HOUR, &taken, &err);
    assert_int_equal(taken, done ? count : 0);
    return done;
}

static void each_topic_of_the_list_is_taken_and_no_other(void **state)
{
    static const uint32_t good[] = {800, 801, 1000, 1001, 1004, 0, 7, 8};
    static const uint32_t bad[] = {799, 802, 999, 1005, 500, 1, 6, 9};
    (void)state;
    throttle_set(&throttle, 100, HOUR);
    for (size_t i = 0; i < 8; i++) {
        assert_true(take(&good[i], 1));
        assert_false(take(&bad[i], 1));
        assert_int_equal(err.kind, ERROR_UNSUPPORTED);
        assert_string_equal(err.rule, "policy");
    }
}

static void one_message_of_another_topic_keeps_the_whole_report_out(void **state)
{
    (void)state;
    assert_false(take((const uint32_t[]){800, 800, 500}, 3));
    assert_string_equal(err.text, "message 3: topic type 500 is not in fsp-topics");
    assert_true(throttle_has_room(&throttle, HOUR));
    assert_true(take((const uint32_t[]){800, UINT32_MAX, 801}, 3));     /* one is invalid: it will not be loaded */
}

static void messages_are_counted_and_what_is_refused_is_not(void **state)
{
    (void)state;
    assert_false(take((const uint32_t[]){500}, 1));
    assert_true(take((const uint32_t[]){800, 800}, 2));
    assert_true(fsp_check_room(&throttle, HOUR, &err));
    assert_true(take((const uint32_t[]){800, 800}, 2));
    assert_false(fsp_check_room(&throttle, HOUR, &err));
    assert_false(take((const uint32_t[]){800}, 1));
    assert_int_equal(err.kind, ERROR_BUSY);
    assert_non_null(strstr(err.text, "fsp-throttle"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(its_path_is_known_in_any_case_and_only_where_it_is_on, begin),
        cmocka_unit_test_setup(topics_are_numbers_and_ranges, begin),
        cmocka_unit_test_setup(without_topics_it_cannot_be_on, begin),
        cmocka_unit_test_setup(each_topic_of_the_list_is_taken_and_no_other, begin),
        cmocka_unit_test_setup(one_message_of_another_topic_keeps_the_whole_report_out, begin),
        cmocka_unit_test_setup(messages_are_counted_and_what_is_refused_is_not, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
