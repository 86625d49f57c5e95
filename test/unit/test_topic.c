/* The two tables: whole, sorted, and found. */
#include "report/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void topic_types_rise_and_are_found(void **state)
{
    (void)state;
    assert_int_equal(topic_count(), 115);
    for (size_t i = 0; i < topic_count(); i++) {
        const struct topic_type *topic = topic_at(i);
        assert_ptr_equal(topic_find(topic->type), topic);
        if (i > 0)
            assert_true(topic_at(i - 1)->type < topic->type);
    }
    assert_null(topic_at(topic_count()));
}

static void states_rise_and_are_found(void **state)
{
    (void)state;
    assert_int_equal(topic_state_count(), 287);
    for (size_t i = 0; i < topic_state_count(); i++) {
        const struct state_name *row = topic_state_at(i);
        assert_ptr_equal(topic_state_name(row->topic_type, row->state), row->name);
        assert_true(strlen(row->name) > 0);
        if (i > 0) {
            const struct state_name *before = topic_state_at(i - 1);
            assert_true(before->topic_type < row->topic_type ||
                        (before->topic_type == row->topic_type && before->state < row->state));
        }
    }
    assert_null(topic_state_at(topic_state_count()));
}

static void serial_numbers_belong_to_one_of_four(void **state)
{
    (void)state;
    for (size_t i = 0; i < topic_count(); i++) {
        const char *serial = topic_at(i)->serial;
        assert_true(strcmp(serial, "client") == 0 || strcmp(serial, "package-version") == 0 ||
                    strcmp(serial, "absent") == 0 || strcmp(serial, "server") == 0);
    }
    assert_string_equal(topic_find(902)->serial, "package-version");
}

static void what_the_samples_say_has_names(void **state)
{
    (void)state;
    assert_non_null(topic_find(500));
    assert_string_equal(topic_state_name(500, 2), "Update is required");
    assert_string_equal(topic_state_name(300, 1), "Compliant");
}

static void what_is_not_listed_is_not_found(void **state)
{
    (void)state;
    assert_null(topic_find(0));
    assert_null(topic_find(99));
    assert_null(topic_find(UINT32_MAX));
    assert_null(topic_state_name(300, 99999));
    assert_null(topic_state_name(0, 0));
    assert_null(topic_state_name(UINT32_MAX, UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topic_types_rise_and_are_found),       cmocka_unit_test(states_rise_and_are_found),
        cmocka_unit_test(serial_numbers_belong_to_one_of_four), cmocka_unit_test(what_the_samples_say_has_names),
        cmocka_unit_test(what_is_not_listed_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
