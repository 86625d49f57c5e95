/* Spans, budgets, arenas and buffers: what they hold, where they stop, and that refused memory is told apart. */
#include "base/mem.h"

#include "base/sys.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define BYTES(literal)                                                                                                 \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }

/* ---- memory that can be refused ---- */

static int allowed;

static void *allocate_some(size_t size)
{
    return allowed-- > 0 ? malloc(size) : NULL;
}

static void *reallocate_some(void *old, size_t size)
{
    return allowed-- > 0 ? realloc(old, size) : NULL;
}

/* A size that has wrapped around would be small. */
static void *allocate_if_small(size_t size)
{
    return size < 1024 * 1024 ? malloc(size) : NULL;
}

static void allow_allocations(int count)
{
    allowed = count;
    sys.allocate = allocate_some;
    sys.reallocate = reallocate_some;
}

static int restore_kernel(void **state)
{
    (void)state;
    sys = sys_kernel;
    return 0;
}

/* ---- spans ---- */

static void a_span_is_trimmed_of_what_is_blank(void **state)
{
    static const struct {
        struct span given;
        struct span expected;
    } cases[] = {
        {BYTES(""), BYTES("")},
        {{NULL, 0}, BYTES("")},
        {BYTES(" \t\r\n"), BYTES("")},
        {BYTES("a"), BYTES("a")},
        {BYTES("  a"), BYTES("a")},
        {BYTES("a\r\n"), BYTES("a")},
        {BYTES(" a \t b "), BYTES("a \t b")},
        {BYTES("\va"), BYTES("\va")},
        {BYTES("\0a "), BYTES("\0a")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(span_equal(span_trim(cases[i].given), cases[i].expected));
}

static void spans_are_equal_by_their_bytes(void **state)
{
    static const struct {
        struct span a;
        struct span b;
        bool equal;
        bool equal_nocase;
    } cases[] = {
        {BYTES(""), {NULL, 0}, true, true},           {BYTES("a"), BYTES(""), false, false},
        {BYTES("abc"), BYTES("abc"), true, true},     {BYTES("abc"), BYTES("abd"), false, false},
        {BYTES("abc"), BYTES("ab"), false, false},    {BYTES("aZ09"), BYTES("Az09"), false, true},
        {BYTES("@"), BYTES("`"), false, false},       {BYTES("["), BYTES("{"), false, false},
        {BYTES("\xC4"), BYTES("\xE4"), false, false}, {BYTES("a\0b"), BYTES("a\0c"), false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(span_equal(cases[i].a, cases[i].b), cases[i].equal);
        assert_int_equal(span_equal_nocase(cases[i].a, cases[i].b), cases[i].equal_nocase);
    }
    assert_true(span_equal(span_of("abc"), SPAN("abc")));
}

static void spans_have_the_order_of_their_bytes(void **state)
{
    static const struct span ascending[] = {{NULL, 0},  SPAN("\0"), SPAN("a"),   SPAN("a\0"),
                                            SPAN("ab"), SPAN("b"),  SPAN("\xC4")};
    enum { COUNT = sizeof ascending / sizeof ascending[0] };
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < COUNT; k++) {
            const int order = span_compare(ascending[i], ascending[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    assert_int_equal(span_compare(SPAN(""), ascending[0]), 0);
}

static void a_number_is_digits_that_fit(void **state)
{
    static const struct {
        struct span text;
        bool good;
        uint64_t value;
    } cases[] = {
        {BYTES("0"), true, 0},
        {BYTES("007"), true, 7},
        {BYTES("18446744073709551615"), true, UINT64_MAX},
        {BYTES("18446744073709551616"), false, 0},
        {BYTES("18446744073709551620"), false, 0},
        {BYTES("99999999999999999999"), false, 0},
        {BYTES(""), false, 0},
        {BYTES(" 1"), false, 0},
        {BYTES("1 "), false, 0},
        {BYTES("+1"), false, 0},
        {BYTES("-1"), false, 0},
        {BYTES("1a"), false, 0},
        {BYTES("/"), false, 0},
        {BYTES(":"), false, 0},
        {BYTES("1\0"), false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t value = 4711;
        assert_int_equal(span_to_uint64(cases[i].text, &value), cases[i].good);
        assert_int_equal(value, cases[i].good ? cases[i].value : 4711);
    }
}

/* ---- budgets ---- */

static void a_budget_gives_up_to_its_most(void **state)
{
    struct budget budget = {.most = 100};
    (void)state;
    assert_true(budget_take(&budget, 60));
    assert_false(budget_take(&budget, 41));
    assert_true(budget_take(&budget, 40));
    assert_true(budget_take(&budget, 0));
    assert_false(budget_take(&budget, 1));
    assert_false(budget_take(&budget, SIZE_MAX));
    budget_give(&budget, 60);
    assert_int_equal(budget.used, 40);
}

static void a_budget_lowered_below_its_use_gives_nothing_until_it_is_free_again(void **state)
{
    struct budget budget = {.most = 100};
    (void)state;
    assert_true(budget_take(&budget, 60));
    budget.most = 50;
    assert_false(budget_take(&budget, 0));
    budget_give(&budget, 20);
    assert_true(budget_take(&budget, 10));
    assert_false(budget_take(&budget, 1));
}

/* ---- arenas ---- */

static void arena_memory_is_zeroed_aligned_and_apart(void **state)
{
    static const size_t sizes[] = {1, 0, 15, 16, 17, 4000, 9000, 1, 100000};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    unsigned char *taken[COUNT];
    struct arena *arena = arena_open(1024 * 1024, NULL);
    (void)state;
    assert_non_null(arena);
    for (size_t i = 0; i < COUNT; i++) {
        taken[i] = arena_alloc(arena, sizes[i]);
        assert_non_null(taken[i]);
        assert_int_equal((uintptr_t)taken[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(taken[i][k], 0);
        memset(taken[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(taken[i][k], i + 1);
    arena_close(arena);
}

static void an_arena_counts_what_it_took_and_stops_at_its_ceiling(void **state)
{
    struct error err;
    struct arena *arena = arena_open(20000, NULL);
    (void)state;
    assert_non_null(arena);
    assert_int_equal(arena_used(arena), 0);
    assert_non_null(arena_alloc(arena, 8000));
    assert_int_equal(arena_used(arena), 8192);
    assert_non_null(arena_alloc(arena, 11000)); /* the next block would be larger than what is left */
    assert_int_equal(arena_used(arena), 20000);
    assert_null(arena_alloc(arena, 1000));
    assert_false(arena_error(arena, "memory", &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
    assert_string_equal(err.rule, "memory");
    assert_non_null(strstr(err.text, "20000"));
    assert_int_equal(arena_used(arena), 20000);
    arena_close(arena);
}

static void sizes_near_the_largest_do_not_wrap_around(void **state)
{
    struct error err;
    struct arena *arena = arena_open(SIZE_MAX, NULL);
    (void)state;
    assert_non_null(arena);
    sys.allocate = allocate_if_small;
    for (size_t less = 0; less < 100; less++) {
        assert_null(arena_alloc(arena, SIZE_MAX - less));
        assert_false(arena_error(arena, "memory", &err));
        assert_int_equal(err.kind, less < 48 ? ERROR_TOO_BIG : ERROR_NO_MEMORY);
    }
    arena_close(arena);
}

static void blocks_grow_but_not_without_end(void **state)
{
    enum { MEGABYTE = 1024 * 1024 };
    struct arena *arena = arena_open(64 * MEGABYTE, NULL);
    size_t before = 0, largest = 0;
    (void)state;
    assert_non_null(arena);
    for (int i = 0; i < 8000; i++) {
        assert_non_null(arena_alloc(arena, 1000));
        const size_t step = arena_used(arena) - before;
        before += step;
        largest = step > largest ? step : largest;
    }
    assert_int_equal(largest, MEGABYTE);
    assert_in_range(before, 8000 * 1000, 12 * MEGABYTE);
    arena_close(arena);
}

static void an_arena_takes_from_its_budget_and_gives_all_back(void **state)
{
    struct budget budget = {.most = 3 * 8192};
    struct error err;
    struct arena *one = arena_open(1024 * 1024, &budget), *two = arena_open(1024 * 1024, &budget);
    (void)state;
    assert_non_null(one);
    assert_non_null(two);
    assert_non_null(arena_alloc(one, 1));
    assert_non_null(arena_alloc(two, 1));
    assert_int_equal(budget.used, 2 * 8192);
    assert_null(arena_alloc(two, 9000));
    assert_false(arena_error(two, "memory", &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    arena_close(one);
    assert_int_equal(budget.used, 8192);
    assert_non_null(arena_alloc(two, 11000));
    arena_close(two);
    assert_int_equal(budget.used, 0);
}

static void memory_refused_by_the_system_is_no_ceiling(void **state)
{
    struct budget budget = {.most = 1024 * 1024};
    struct error err;
    (void)state;
    allow_allocations(0);
    assert_null(arena_open(100, NULL));
    allow_allocations(1);
    struct arena *arena = arena_open(1024 * 1024, &budget);
    assert_non_null(arena);
    assert_null(arena_alloc(arena, 10));
    assert_false(arena_error(arena, "memory", &err));
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    assert_null(err.rule);
    assert_int_equal(budget.used, 0);
    assert_int_equal(arena_used(arena), 0);

    allow_allocations(1); /* and it works again when memory is back */
    assert_non_null(arena_alloc(arena, 10));
    assert_null(arena_alloc(arena, 2 * 1024 * 1024));
    assert_false(arena_error(arena, "memory", &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
    arena_close(arena);
    arena_close(NULL);
}

static void a_copy_is_apart_from_its_original(void **state)
{
    char original[] = "bytes";
    struct span copy = {NULL, 7}, nothing = {NULL, 7};
    struct arena *arena = arena_open(10000, NULL);
    (void)state;
    assert_non_null(arena);
    assert_true(arena_copy(arena, span_of(original), &copy));
    original[0] = 'x';
    assert_true(span_equal(copy, SPAN("bytes")));
    assert_true(arena_copy(arena, (struct span){NULL, 0}, &nothing));
    assert_non_null(nothing.at);
    assert_int_equal(nothing.len, 0);
    copy = SPAN("untouched");
    assert_false(arena_copy(arena, (struct span){original, 20000}, &copy));
    assert_true(span_equal(copy, SPAN("untouched")));
    arena_close(arena);
}

/* ---- buffers ---- */

static void a_buffer_keeps_what_was_added_up_to_its_most(void **state)
{
    enum { MOST = 10000 };
    struct buffer buffer;
    struct error err;
    (void)state;
    buffer_init(&buffer, MOST);
    assert_true(buffer_add(&buffer, NULL, 0, &err));
    assert_int_equal(buffer.room, 0);
    for (int i = 0; i < MOST; i++)
        assert_true(buffer_add(&buffer, i % 3 == 0 ? "a" : "b", 1, &err));
    assert_int_equal(buffer.room, MOST);
    assert_false(buffer_add(&buffer, "c", 1, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
    assert_string_equal(err.text, "more than 10000 bytes");
    assert_false(buffer_add(&buffer, "c", SIZE_MAX, &err));
    assert_int_equal(buffer_span(&buffer).len, MOST);
    for (int i = 0; i < MOST; i++)
        assert_int_equal(buffer_span(&buffer).at[i], i % 3 == 0 ? 'a' : 'b');
    buffer_fini(&buffer);
    assert_null(buffer.at);
    assert_int_equal(buffer.len + buffer.room, 0);
    assert_int_equal(buffer.most, MOST);
}

static void a_buffer_grows_at_once_to_what_is_added(void **state)
{
    struct buffer buffer;
    struct error err;
    char bytes[9000] = "x";
    (void)state;
    buffer_init(&buffer, 1024 * 1024);
    assert_true(buffer_add(&buffer, bytes, 1, &err));
    assert_int_equal(buffer.room, 4096);
    assert_true(buffer_add(&buffer, bytes, sizeof bytes, &err));
    assert_int_equal(buffer.room, 9001);
    assert_true(buffer_add(&buffer, bytes, 1, &err));
    assert_int_equal(buffer.room, 18002);
    buffer_fini(&buffer);
}

static void room_can_be_made_beforehand(void **state)
{
    struct buffer buffer;
    struct error err;
    (void)state;
    buffer_init(&buffer, 1000);
    assert_true(buffer_reserve(&buffer, 0, &err));
    assert_int_equal(buffer.room, 0);
    assert_true(buffer_reserve(&buffer, 600, &err));
    assert_int_equal(buffer.room, 600);
    assert_true(buffer_reserve(&buffer, 500, &err));
    assert_int_equal(buffer.room, 600);
    assert_true(buffer_add(&buffer, "x", 1, &err));
    assert_false(buffer_reserve(&buffer, 1000, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
    assert_true(buffer_reserve(&buffer, 999, &err));
    assert_int_equal(buffer.room, 1000);
    assert_int_equal(buffer.len, 1);
    buffer_fini(&buffer);
}

static void refused_memory_leaves_a_buffer_as_it_was(void **state)
{
    struct buffer buffer;
    struct error err;
    char bytes[5000] = "x";
    (void)state;
    buffer_init(&buffer, 100000);
    allow_allocations(1);
    assert_true(buffer_add(&buffer, "kept", 4, &err));
    assert_false(buffer_add(&buffer, bytes, sizeof bytes, &err));
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    assert_false(buffer_reserve(&buffer, 50000, &err));
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    assert_true(span_equal(buffer_span(&buffer), SPAN("kept")));
    buffer_fini(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_is_trimmed_of_what_is_blank),
        cmocka_unit_test(spans_are_equal_by_their_bytes),
        cmocka_unit_test(spans_have_the_order_of_their_bytes),
        cmocka_unit_test(a_number_is_digits_that_fit),
        cmocka_unit_test(a_budget_gives_up_to_its_most),
        cmocka_unit_test(a_budget_lowered_below_its_use_gives_nothing_until_it_is_free_again),
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(an_arena_counts_what_it_took_and_stops_at_its_ceiling),
        cmocka_unit_test_teardown(sizes_near_the_largest_do_not_wrap_around, restore_kernel),
        cmocka_unit_test(blocks_grow_but_not_without_end),
        cmocka_unit_test(an_arena_takes_from_its_budget_and_gives_all_back),
        cmocka_unit_test_teardown(memory_refused_by_the_system_is_no_ceiling, restore_kernel),
        cmocka_unit_test(a_copy_is_apart_from_its_original),
        cmocka_unit_test(a_buffer_keeps_what_was_added_up_to_its_most),
        cmocka_unit_test(a_buffer_grows_at_once_to_what_is_added),
        cmocka_unit_test(room_can_be_made_beforehand),
        cmocka_unit_test_teardown(refused_memory_leaves_a_buffer_as_it_was, restore_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
