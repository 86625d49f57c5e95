/* Messages that come again: what is found, for how long, and what makes room for what. */
#include "../../src/mprelay/repeats.h"

#include "base/sys.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOUR ((int64_t)3600 * 1000000)

static struct repeats *repeats;
static struct error err;

/* Marks of which the bytes that lead to a chain are the same if `number` is the same below 2^32. */
static struct repeats_mark mark(uint64_t number)
{
    struct repeats_mark mark = {{0}};
    memcpy(mark.bytes, &number, sizeof number);
    memcpy(mark.bytes + 24, &number, sizeof number);
    return mark;
}

static struct repeats_mark twin(uint64_t number)
{
    struct repeats_mark twin = mark(number);
    twin.bytes[31] ^= 1;
    return twin;
}

static bool finds_within(uint64_t number, int64_t now, int64_t window)
{
    const struct repeats_mark wanted = mark(number);
    return repeats_find(repeats, &wanted, now, window);
}

static bool finds(uint64_t number)
{
    return finds_within(number, 0, HOUR);
}

static void add_at(uint64_t number, int64_t now)
{
    const struct repeats_mark added = mark(number);
    repeats_add(repeats, &added, now);
}

static void add(uint64_t number)
{
    add_at(number, 0);
}

static void open_for(size_t most)
{
    if (!repeats_open(most, &repeats, &err))
        fail_msg("%s", err.text);
}

static int close_repeats(void **state)
{
    (void)state;
    repeats_close(repeats);
    repeats_close(NULL);
    repeats = NULL;
    sys = sys_kernel;
    return 0;
}

static void what_was_noted_is_found_and_nothing_else(void **state)
{
    (void)state;
    open_for(REPEATS_MOST);
    assert_false(finds(1));
    add(1);
    assert_true(finds(1));
    assert_true(finds(1));
    assert_false(finds(2));
    const struct repeats_mark other = twin(1);          /* in the same chain */
    assert_false(repeats_find(repeats, &other, 0, HOUR));
    repeats_add(repeats, &other, 0);
    assert_true(repeats_find(repeats, &other, 0, HOUR));
    assert_true(finds(1));
}

static void it_is_found_until_the_window_ends(void **state)
{
    (void)state;
    open_for(8);
    add_at(1, 1000);
    assert_true(finds_within(1, 1000, HOUR));
    assert_true(finds_within(1, 1000 + HOUR - 1, HOUR));
    assert_false(finds_within(1, 1000 + HOUR, HOUR));
    assert_true(finds_within(1, 1000 + HOUR, 2 * HOUR));        /* the setting was changed */
    assert_false(finds_within(1, 1000, 0));
}

static void what_is_noted_again_counts_from_then_on(void **state)
{
    (void)state;
    open_for(8);
    add_at(1, 0);
    add_at(1, HOUR);
    assert_true(finds_within(1, 2 * HOUR - 1, HOUR));
    assert_false(finds_within(1, 2 * HOUR, HOUR));
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 7, 1000, REPEATS_MOST};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint64_t most = sizes[i];
        open_for(most);
        for (uint64_t number = 0; number < most * 5 / 2; number++) {
            add(number);
            assert_true(finds(number));
            if (number + 1 >= most)
                assert_true(finds(number + 1 - most));
            if (number >= most)
                assert_false(finds(number - most));
        }
        repeats_close(repeats);
        repeats = NULL;
    }
}

/* All in one chain: the oldest is taken out of it, and those before it stay. */
static void those_that_meet_in_a_chain_make_room_one_by_one(void **state)
{
    (void)state;
    struct repeats_mark same[6];
    open_for(4);
    for (unsigned i = 0; i < 6; i++) {
        same[i] = mark(7);
        same[i].bytes[31] = (unsigned char)(i + 1);
        repeats_add(repeats, &same[i], 0);
    }
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(repeats_find(repeats, &same[i], 0, HOUR), i >= 2);
}

/* A slow and obvious one beside it, on a random history. */
static void it_agrees_with_a_plain_list(void **state)
{
    enum { MOST = 16, STEPS = 20000, NUMBERS = 40 };
    static uint64_t numbers[STEPS];
    static int64_t times[STEPS];
    size_t added = 0;
    uint32_t noise = 1;
    (void)state;
    open_for(MOST);
    for (int64_t now = 0; now < STEPS; now++) {
        noise = noise * 1103515245u + 12345u;
        const uint64_t number = (noise >> 16) % NUMBERS;
        bool expected = false;
        for (size_t i = added > MOST ? added - MOST : 0; i < added; i++)
            expected = expected || (numbers[i] == number && now - times[i] < 30);
        assert_int_equal(finds_within(number, now, 30), expected);
        if ((noise & 0x10000000) != 0) {
            add_at(number, now);
            numbers[added] = number;
            times[added++] = now;
        }
    }
}

/* ---- threads ---- */

enum { THREADS = 4, EACH = 20000 };

static void *work(void *owner)
{
    const uint64_t first = *(const uint64_t *)owner;
    for (uint64_t i = 0; i < EACH; i++) {
        add(first + i);
        if (!finds(first + i))          /* they are fewer than make room */
            return owner;
        (void)finds(i);
    }
    return NULL;
}

static void threads_note_and_find_at_once(void **state)
{
    pthread_t threads[THREADS];
    uint64_t firsts[THREADS];
    void *failed;
    (void)state;
    open_for(REPEATS_MOST);
    for (uint64_t i = 0; i < THREADS; i++) {
        firsts[i] = i * EACH;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &firsts[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

/* ---- what the system refuses ---- */

static void *refuse_memory(size_t size)
{
    (void)size;
    return NULL;
}

static ssize_t refuse_random(void *bytes, size_t len, unsigned flags)
{
    (void)bytes, (void)len, (void)flags;
    return -1;
}

static void without_memory_or_random_numbers_it_is_not_opened(void **state)
{
    (void)state;
    sys.allocate = refuse_memory;
    assert_false(repeats_open(8, &repeats, &err));
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    sys = sys_kernel;
    sys.getrandom = refuse_random;
    assert_false(repeats_open(8, &repeats, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_was_noted_is_found_and_nothing_else, close_repeats),
        cmocka_unit_test_teardown(it_is_found_until_the_window_ends, close_repeats),
        cmocka_unit_test_teardown(what_is_noted_again_counts_from_then_on, close_repeats),
        cmocka_unit_test_teardown(the_oldest_makes_room, close_repeats),
        cmocka_unit_test_teardown(those_that_meet_in_a_chain_make_room_one_by_one, close_repeats),
        cmocka_unit_test_teardown(it_agrees_with_a_plain_list, close_repeats),
        cmocka_unit_test_teardown(threads_note_and_find_at_once, close_repeats),
        cmocka_unit_test_teardown(without_memory_or_random_numbers_it_is_not_opened, close_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
