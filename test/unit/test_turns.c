/* Whose turn it is: the higher queue first, and none waits for ever. */
#include "../../src/statesys/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 64 };

/* The queues in the order of their turns, "HNL", while each has as many chunks as `counts` says; '*' is without end. */
static const char *take(struct turns *turns, const char *counts, size_t most)
{
    static char order[MOST + 1];
    char left[TURNS_QUEUES];
    size_t taken = 0;
    memcpy(left, counts, sizeof left);
    for (; taken < most; taken++) {
        bool waiting[TURNS_QUEUES];
        size_t queue;
        for (size_t i = 0; i < TURNS_QUEUES; i++)
            waiting[i] = left[i] != '0';
        if (!turns_next(turns, waiting, &queue))
            break;
        assert_true(queue < TURNS_QUEUES && waiting[queue]);
        left[queue] = left[queue] == '*' ? '*' : (char)(left[queue] - 1);
        order[taken] = "HNL"[queue];
    }
    order[taken] = '\0';
    return order;
}

static void queues_have_their_turns(void **state)
{
    static const struct {
        const char *counts;
        const char *order;
    } rows[] = {
        {"000", ""},       {"300", "HHH"},      {"900", "HHHHHHHHH"}, {"020", "NN"},      {"002", "LL"},
        {"222", "HHNNLL"}, {"620", "HHHHNHHN"}, {"602", "HHHHLHHL"},  {"061", "NNNNLNN"}, {"941", "HHHHNHHHHNHNNL"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct turns turns;
        turns_init(&turns);
        assert_string_equal(take(&turns, rows[i].counts, MOST), rows[i].order);
    }
}

static void where_all_are_full_the_lowest_has_its_turn_after_four_of_the_middle_one(void **state)
{
    struct turns turns;
    (void)state;
    turns_init(&turns);
    assert_string_equal(take(&turns, "***", 26), "HHHHNHHHHNHHHHNHHHHNLHHHHN");
}

static void a_lower_queue_that_comes_late_has_its_turn_at_once(void **state)
{
    struct turns turns;
    (void)state;
    turns_init(&turns);
    (void)take(&turns, "900", MOST);
    assert_string_equal(take(&turns, "211", MOST), "NHHL");
    turns_init(&turns);
    (void)take(&turns, "940", MOST);
    (void)take(&turns, "050", MOST);
    assert_string_equal(take(&turns, "505", 4), "LHHH");
}

static void no_queue_that_has_files_is_passed_over_more_often_than_allowed(void **state)
{
    unsigned random = 1;
    unsigned passed[TURNS_QUEUES] = {0};
    struct turns turns;
    (void)state;
    turns_init(&turns);
    for (unsigned i = 0; i < 20000; i++) {
        bool waiting[TURNS_QUEUES];
        size_t queue;
        random = random * 1103515245U + 12345U;
        for (size_t j = 0; j < TURNS_QUEUES; j++)
            waiting[j] = passed[j] > 0 || (random >> (16 + j) & 1) != 0; /* who waits goes on waiting */
        const bool any = waiting[0] || waiting[1] || waiting[2];
        assert_int_equal(turns_next(&turns, waiting, &queue), any);
        for (size_t j = 0; any && j < TURNS_QUEUES; j++)
            passed[j] = j == queue || !waiting[j] ? 0 : passed[j] + 1;
        assert_true(passed[0] <= 2 && passed[1] <= 5 && passed[2] <= 24);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queues_have_their_turns),
        cmocka_unit_test(where_all_are_full_the_lowest_has_its_turn_after_four_of_the_middle_one),
        cmocka_unit_test(a_lower_queue_that_comes_late_has_its_turn_at_once),
        cmocka_unit_test(no_queue_that_has_files_is_passed_over_more_often_than_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
