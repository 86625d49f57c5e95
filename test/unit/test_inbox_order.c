/* Names of the inbox: their order against a slow and obvious one, and what is written into them and read again. */
#include "../../src/spool/inbox_name.h"
#include "../../src/spool/inbox_order.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sys.h"
#include "few.h"

enum { NAMES = 400, NAME_SIZE = 24, ROUNDS = 300 };

/* ---- order ---- */

static char names[NAMES][NAME_SIZE];

static int compare_slowly(const void *a, const void *b)
{
    char upper[2][NAME_SIZE] = {{0}};
    for (size_t i = 0; i < NAME_SIZE; i++) {
        upper[0][i] = (char)toupper(((const unsigned char *)a)[i]);
        upper[1][i] = (char)toupper(((const unsigned char *)b)[i]);
    }
    const int result = memcmp(upper[0], upper[1], NAME_SIZE);
    return result != 0 ? result : memcmp(a, b, NAME_SIZE);
}

/* Few letters and short, so that names begin alike, are equal but for case, or equal. */
static void draw_names(size_t count)
{
    static const char letters[] = {'a', 'A', 'b', 'B', '_', '.', '0', 'Z', 'z', '\x01', (char)0xc3, (char)0xff};
    memset(names, 0, sizeof names);
    for (size_t i = 0; i < count; i++) {
        const size_t len = 1 + (size_t)rand() % 6;
        for (size_t j = 0; j < len; j++)
            names[i][j] = letters[(size_t)rand() % sizeof letters];
    }
}

static void the_first_names_are_those_of_a_slow_sort(void **state)
{
    struct inbox_order order;
    struct error err;
    (void)state;
    srand(1);
    for (size_t round = 0; round < ROUNDS; round++) {
        const size_t count = (size_t)rand() % NAMES;
        const size_t most = (size_t)rand() % (NAMES / 2);
        const size_t expected = count < most ? count : most;
        draw_names(count);
        inbox_order_init(&order, most);
        for (size_t i = 0; i < count; i++)
            assert_true(inbox_order_add(&order, names[i], &err));
        inbox_order_sort(&order);
        qsort(names, count, sizeof names[0], compare_slowly);
        assert_int_equal(order.count, expected);
        for (size_t i = 0; i < expected; i++)
            assert_string_equal(order.names[i], names[i]);
        inbox_order_fini(&order);
    }
}

static size_t most_taken;
static size_t taken;

static void *allocate_counted(size_t size)
{
    taken += size;
    most_taken = taken > most_taken ? taken : most_taken;
    size_t *at = malloc(size + sizeof(size_t) * 2);
    assert_non_null(at);
    at[0] = size;
    return at + 2;
}

static void release_counted(void *at)
{
    if (at == NULL)
        return;
    taken -= ((size_t *)at)[-2];
    free((size_t *)at - 2);
}

static void *reallocate_counted(void *old, size_t size)
{
    void *at = allocate_counted(size);
    if (old != NULL)
        memcpy(at, old, ((size_t *)old)[-2] < size ? ((size_t *)old)[-2] : size);
    release_counted(old);
    return at;
}

/* Names in falling order: each is before all that were kept. */
static void memory_depends_on_what_is_kept(void **state)
{
    enum { MOST = 100, MANY = 100000, LEN = 20 };
    struct inbox_order order;
    struct error err;
    char name[32];
    (void)state;
    sys.allocate = allocate_counted;
    sys.reallocate = reallocate_counted;
    sys.release = release_counted;
    inbox_order_init(&order, MOST);
    for (unsigned i = MANY; i > 0; i--) {
        (void)snprintf(name, sizeof name, "%016u.smx", i);
        assert_true(inbox_order_add(&order, name, &err));
    }
    inbox_order_sort(&order);
    assert_string_equal(order.names[MOST - 1], "0000000000000100.smx");
    inbox_order_fini(&order);
    sys = sys_kernel;
    assert_int_equal(taken, 0);
    assert_true(most_taken < (MOST + 1) * (LEN + 1 + 4 * sizeof(char *)));
}

static void refused_memory_is_told(void **state)
{
    struct inbox_order order;
    struct error err;
    (void)state;
    sys.allocate = allocate_a_few;
    sys.reallocate = reallocate_a_few;
    for (unsigned allowed = 0; allowed < 2; allowed++) {
        left = allowed;
        inbox_order_init(&order, 10);
        assert_false(inbox_order_add(&order, "A.smx", &err));
        assert_int_equal(err.kind, ERROR_NO_MEMORY);
        assert_int_equal(order.count, 0);
        inbox_order_fini(&order);
    }
    sys = sys_kernel;
}

/* ---- names ---- */

static void smx_and_smw_count_in_any_case(void **state)
{
    static const char *const counted[] = {"A.smx", "A.SMW", "a b.sMx", "\xff.smx", "A.smx.smx"};
    static const char *const others[] = {"A.smy", ".A.smx", ".smx", "smx", "A.smx.why", "", "A.xsmx", "A.smx "};
    (void)state;
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++)
        assert_true(inbox_name_counts(counted[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(inbox_name_counts(others[i]));
}

static void a_name_says_what_was_written_into_it(void **state)
{
    static const struct {
        const char *text;
        const char *stem;
        unsigned tries;
        bool waits;
        unsigned queue;
        int64_t due;
    } rows[] = {
        {"A.smx", "A", 0, false, 0, 0},
        {"A.B.SMW", "A.B", 0, false, 0, 0},
        {"A.retry-3.smx", "A", 3, false, 0, 0},
        {"A.1.retry-4294967295-3-9223372036854775807.smx", "A.1", 4294967295, true, 3, INT64_MAX},
        {"A.retry-1-0-0.smx", "A", 1, true, 0, 0},
        {"A.retry-1.retry-2.smx", "A.retry-1", 2, false, 0, 0},
        /* Not ours, so part of the stem: */
        {"A.retry-.smx", "A.retry-", 0, false, 0, 0},
        {"A.retry.smx", "A.retry", 0, false, 0, 0},
        {"A.retry-01.smx", "A.retry-01", 0, false, 0, 0},
        {"A.retry-1-2.smx", "A.retry-1-2", 0, false, 0, 0},
        {"A.retry-1-4-5.smx", "A.retry-1-4-5", 0, false, 0, 0},
        {"A.retry-1-2-3-4.smx", "A.retry-1-2-3-4", 0, false, 0, 0},
        {"A.retry-4294967296.smx", "A.retry-4294967296", 0, false, 0, 0},
        {"A.retry-1-1-9223372036854775808.smx", "A.retry-1-1-9223372036854775808", 0, false, 0, 0},
        {"A.again-1.smx", "A.again-1", 0, false, 0, 0},
        {"retry-1.smx", "retry-1", 0, false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct inbox_name name;
        char written[NAME_MAX + 1];
        inbox_name_parse(rows[i].text, &name);
        assert_true(span_equal(name.stem, span_of(rows[i].stem)));
        assert_int_equal(name.tries, rows[i].tries);
        assert_int_equal(name.waits, rows[i].waits);
        assert_int_equal(name.queue, rows[i].queue);
        assert_int_equal(name.due, rows[i].due);
        inbox_name_write(&name, 0, NAME_MAX, written);
        assert_string_equal(written, rows[i].text);
    }
}

static void a_number_goes_before_the_mark_and_a_long_stem_is_cut(void **state)
{
    struct inbox_name name;
    char written[NAME_MAX + 1];
    (void)state;
    inbox_name_parse("ABCDEFGH.retry-2.SMX", &name);
    inbox_name_write(&name, 7, NAME_MAX, written);
    assert_string_equal(written, "ABCDEFGH.7.retry-2.SMX");
    inbox_name_write(&name, 7, 19, written);
    assert_string_equal(written, "ABCDE.7.retry-2.SMX");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_names_are_those_of_a_slow_sort),
        cmocka_unit_test(memory_depends_on_what_is_kept),
        cmocka_unit_test(refused_memory_is_told),
        cmocka_unit_test(smx_and_smw_count_in_any_case),
        cmocka_unit_test(a_name_says_what_was_written_into_it),
        cmocka_unit_test(a_number_goes_before_the_mark_and_a_long_stem_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
