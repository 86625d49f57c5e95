/* At most so many in any stretch of a time, whoever counts when: also against a slow and obvious model. */
#include "../../src/mprelay/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND ((int64_t)1000000)
#define HOUR (3600 * SECOND)

static struct throttle throttle;

static int begin(void **state)
{
    (void)state;
    throttle_init(&throttle);
    throttle_set(&throttle, 10, HOUR);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return pthread_mutex_destroy(&throttle.lock);
}

/* How many of up to a hundred come through, one by one. */
static unsigned take_singly(int64_t now)
{
    unsigned taken = 0;
    for (int i = 0; i < 100; i++)
        taken += throttle_take(&throttle, 1, now);
    return taken;
}

static void one_that_was_not_set_takes_nothing(void **state)
{
    struct throttle fresh;
    (void)state;
    throttle_init(&fresh);
    assert_false(throttle_has_room(&fresh, HOUR));
    assert_false(throttle_take(&fresh, 1, HOUR));
    (void)pthread_mutex_destroy(&fresh.lock);
}

static void as_many_as_allowed_are_taken_and_more_when_the_time_is_over(void **state)
{
    (void)state;
    assert_int_equal(take_singly(5 * HOUR), 10);
    assert_false(throttle_has_room(&throttle, 5 * HOUR));
    assert_int_equal(take_singly(6 * HOUR), 0);                     /* a sixtieth longer than the time */
    assert_int_equal(take_singly(6 * HOUR + 60 * SECOND), 10);
}

static void room_comes_back_as_what_was_taken_grows_old(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 10; i++)
        assert_true(throttle_take(&throttle, 1, 5 * HOUR + i * 300 * SECOND));
    assert_int_equal(take_singly(5 * HOUR + 55 * 60 * SECOND), 0);
    assert_int_equal(take_singly(6 * HOUR + 60 * SECOND), 1);
    assert_int_equal(take_singly(6 * HOUR + 11 * 60 * SECOND), 2);
}

static void who_brings_many_is_taken_whole_while_there_is_room_for_one(void **state)
{
    (void)state;
    assert_true(throttle_take(&throttle, 9, HOUR));
    assert_true(throttle_take(&throttle, 100000, HOUR));
    assert_false(throttle_take(&throttle, 1, HOUR));
    assert_int_equal(take_singly(2 * HOUR + 60 * SECOND), 10);
}

static void what_is_given_back_can_be_taken_again(void **state)
{
    (void)state;
    assert_true(throttle_take(&throttle, 10, HOUR));
    throttle_give(&throttle, 10, HOUR);
    assert_int_equal(take_singly(HOUR), 10);
}

static void what_counts_no_more_is_not_given_back_twice(void **state)
{
    (void)state;
    assert_true(throttle_take(&throttle, 10, HOUR));
    assert_true(throttle_take(&throttle, 10, 3 * HOUR));
    throttle_give(&throttle, 10, HOUR);
    assert_false(throttle_has_room(&throttle, 3 * HOUR));
    throttle_give(&throttle, 11, 3 * HOUR);         /* more than was taken there */
    throttle_give(&throttle, 1, 4 * HOUR);          /* not yet begun */
    assert_false(throttle_has_room(&throttle, 3 * HOUR));
}

static void another_limit_counts_on_and_another_time_begins_anew(void **state)
{
    (void)state;
    assert_int_equal(take_singly(HOUR), 10);
    throttle_set(&throttle, 12, HOUR);
    assert_int_equal(take_singly(HOUR), 2);
    throttle_set(&throttle, 5, HOUR);
    assert_int_equal(take_singly(HOUR), 0);
    throttle_set(&throttle, 5, 2 * HOUR);
    assert_int_equal(take_singly(HOUR), 5);
}

static void the_shortest_time_is_a_window_too(void **state)
{
    (void)state;
    throttle_set(&throttle, 3, 1);
    assert_int_equal(take_singly(1000), 3);
    assert_int_equal(take_singly(1000 + THROTTLE_PARTS), 0);
    assert_int_equal(take_singly(1001 + THROTTLE_PARTS), 3);
}

/* ---- a model: the time of each one ---- */

enum { MOST_TAKEN = 20000, ROUNDS = 20000 };

static int64_t times[MOST_TAKEN];
static size_t count;

static unsigned count_since(int64_t from)
{
    unsigned found = 0;
    for (size_t i = count; i > 0 && times[i - 1] > from; i--)
        found++;
    return found;
}

static void no_stretch_holds_more_than_allowed_and_none_much_less(void **state)
{
    int64_t now = HOUR;
    (void)state;
    srand(7);
    count = 0;
    for (int i = 0; i < ROUNDS; i++) {
        now += rand() % 4 == 0 ? rand() % (20 * 60 * SECOND) : rand() % SECOND;     /* NOLINT: the same each time */
        if (!throttle_take(&throttle, 1, now)) {
            assert_true(count_since(now - HOUR - 60 * SECOND) >= 10);
            continue;
        }
        times[count++] = now;
        assert_true(count_since(now - HOUR) <= 10);
    }
    assert_true(count > 100 && count < ROUNDS);
}

/* ---- threads ---- */

enum { THREADS = 4 };

static void *take_many(void *owner)
{
    for (int i = 0; i < 1000; i++)
        *(unsigned *)owner += throttle_take(&throttle, 1, HOUR);
    return NULL;
}

static void threads_share_it(void **state)
{
    pthread_t threads[THREADS];
    unsigned taken[THREADS] = {0}, sum = 0;
    (void)state;
    throttle_set(&throttle, 1500, HOUR);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &taken[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        sum += taken[i];
    }
    assert_int_equal(sum, 1500);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(one_that_was_not_set_takes_nothing),
        TEST(as_many_as_allowed_are_taken_and_more_when_the_time_is_over),
        TEST(room_comes_back_as_what_was_taken_grows_old),
        TEST(who_brings_many_is_taken_whole_while_there_is_room_for_one),
        TEST(what_is_given_back_can_be_taken_again),
        TEST(what_counts_no_more_is_not_given_back_twice),
        TEST(another_limit_counts_on_and_another_time_begins_anew),
        TEST(the_shortest_time_is_a_window_too),
        TEST(no_stretch_holds_more_than_allowed_and_none_much_less),
        TEST(threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
