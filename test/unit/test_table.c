/* Rows as columns, records, JSON and CSV: aligned, quoted, and nothing in them that a terminal or a spreadsheet obeys. */
#include "../../src/smx/table.h"

#include "base/sys.h"
#include "few.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char *written;
static size_t written_len;
static FILE *out;

static struct table *begin(enum table_form form, const char *const *names, size_t count)
{
    out = open_memstream(&written, &written_len);
    assert_non_null(out);
    struct table *table = table_open(out, form);
    assert_non_null(table);
    table_columns(table, names, count);
    return table;
}

static const char *end(struct table *table)
{
    table_close(table);
    assert_int_equal(fclose(out), 0);
    return written;
}

static void expect(struct table *table, const char *text)
{
    assert_string_equal(end(table), text);
    free(written);
}

static struct table_cell number(const char *text)
{
    return (struct table_cell){.number = true, .text = span_of(text)};
}

static const struct table_cell null = {.null = true};
static const char *const names[] = {"A", "Long", "C"};

static const struct table_cell *rows(size_t row)
{
    static struct table_cell cells[2][3];
    cells[0][0] = table_words("x\033[31m\n");
    cells[0][1] = number("-5");
    cells[0][2] = null;
    cells[1][0] = table_words("=1+\"1\",\t2");
    cells[1][1] = number("123456");
    cells[1][2] = table_words("\xC3\xA4");
    return cells[row];
}

static struct table *with_rows(enum table_form form)
{
    struct table *table = begin(form, names, 3);
    for (size_t i = 0; i < 2; i++)
        assert_true(table_row(table, rows(i)));
    assert_int_equal(table_rows(table), 2);
    return table;
}

static void columns_are_as_wide_as_their_widest_value(void **state)
{
    (void)state;
    expect(with_rows(TABLE_COLUMNS), "A          Long    C\n"
                                     "x?[31m~        -5  -\n"
                                     "=1+\"1\",?2  123456  \xC3\xA4\n");
}

static void a_record_has_a_line_for_each_value(void **state)
{
    (void)state;
    expect(with_rows(TABLE_RECORD), "A     x?[31m~\nLong  -5\nC     -\n\n"
                                    "A     =1+\"1\",\t2\nLong  123456\nC     \xC3\xA4\n");
}

static void json_is_one_object_a_line(void **state)
{
    (void)state;
    expect(with_rows(TABLE_JSON), "{\"A\":\"x?[31m\\n\",\"Long\":-5,\"C\":null}\n"
                                  "{\"A\":\"=1+\\\"1\\\",\\t2\",\"Long\":123456,\"C\":\"\xC3\xA4\"}\n");
}

static void rows_of_a_list_have_commas_between_them(void **state)
{
    (void)state;
    struct table *table = begin(TABLE_JSON, names, 1);
    table_within_list(table);
    assert_true(table_row(table, rows(0)));
    assert_true(table_row(table, rows(0)));
    expect(table, "{\"A\":\"x?[31m\\n\"},{\"A\":\"x?[31m\\n\"}");
}

static void csv_quotes_texts_and_disarms_formulas(void **state)
{
    (void)state;
    expect(with_rows(TABLE_CSV), "\"A\",\"Long\",\"C\"\n\"x?[31m~\",-5,\n\"'=1+\"\"1\"\", 2\",123456,\"\xC3\xA4\"\n");
}

static void only_numbers_of_json_are_written_as_such(void **state)
{
    static const char *const good[] = {"0", "-0", "10", "1.5", "-1.25e+10", "1E5", "2e-3", "123456789012345678901"};
    static const char *const bad[] = {"",    "-",        "01", "1.",  ".5",  "1e",   "1e+",
                                      "NaN", "Infinity", "1 ", "0x1", "--1", "1.5.2"};
    char expected[128];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct table *table = begin(TABLE_JSON, names, 1);
        assert_true(table_row(table, (struct table_cell[]){number(good[i])}));
        (void)snprintf(expected, sizeof expected, "{\"A\":%s}\n", good[i]);
        expect(table, expected);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct table *table = begin(TABLE_JSON, names, 1);
        assert_true(table_row(table, (struct table_cell[]){number(bad[i])}));
        (void)snprintf(expected, sizeof expected, "{\"A\":\"%s\"}\n", bad[i]);
        expect(table, expected);
    }
}

static void a_table_without_rows_is_its_head(void **state)
{
    (void)state;
    expect(begin(TABLE_COLUMNS, names, 2), "A  Long\n");
    expect(begin(TABLE_CSV, names, 2), "\"A\",\"Long\"\n");
    expect(begin(TABLE_JSON, names, 2), "");
    expect(begin(TABLE_RECORD, names, 2), "");
    expect(begin(TABLE_COLUMNS, names, 0), "");
}

static void a_long_value_is_cut_in_a_column_only(void **state)
{
    static char text[10000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    struct table *table = begin(TABLE_COLUMNS, names, 1);
    assert_true(table_row(table, (struct table_cell[]){table_words(text)}));
    assert_int_equal(strlen(end(table)), strlen("A\n") + 100 + strlen("...\n"));
    free(written);
    table = begin(TABLE_JSON, names, 1);
    assert_true(table_row(table, (struct table_cell[]){table_words(text)}));
    assert_int_equal(strlen(end(table)), strlen("{\"A\":\"\"}\n") + sizeof text - 1);
    free(written);
}

/* More than are gathered to be measured: no row is lost, none comes twice. */
static void many_rows_all_come_in_order(void **state)
{
    enum { MANY = 20000 };
    char room[TABLE_DIGITS];
    (void)state;
    struct table *table = begin(TABLE_COLUMNS, names, 1);
    for (int i = 0; i < MANY; i++)
        assert_true(table_row(table, (struct table_cell[]){table_number(i, room)}));
    const char *at = strchr(end(table), '\n') + 1;
    for (int i = 0; i < MANY; i++) {
        char *rest;
        assert_int_equal(strtol(at, &rest, 10), i);
        assert_int_equal(*rest, '\n');
        at = rest + 1;
    }
    assert_int_equal(*at, '\0');
    free(written);
}

static void the_widest_table_has_room(void **state)
{
    static struct table_cell cells[TABLE_MOST_COLUMNS];
    static const char *many[TABLE_MOST_COLUMNS + 1];
    static char long_name[200];
    (void)state;
    memset(long_name, 'n', sizeof long_name - 1);
    for (size_t i = 0; i < TABLE_MOST_COLUMNS; i++)
        cells[i] = table_words(long_name);
    for (size_t i = 0; i <= TABLE_MOST_COLUMNS; i++)
        many[i] = long_name;
    struct table *table = begin(TABLE_COLUMNS, many, TABLE_MOST_COLUMNS + 1);
    for (int i = 0; i < 5; i++)
        assert_true(table_row(table, cells));
    assert_int_equal(strlen(end(table)), 6 * (TABLE_MOST_COLUMNS * 105 - 1));
    free(written);
}

static void a_stream_that_is_full_takes_no_more(void **state)
{
    char room[TABLE_DIGITS];
    (void)state;
    out = fopen("/dev/full", "w");
    assert_non_null(out);
    (void)setvbuf(out, NULL, _IONBF, 0);
    struct table *table = table_open(out, TABLE_JSON);
    table_columns(table, names, 1);
    assert_false(table_row(table, (struct table_cell[]){table_number(1, room)}));
    table_close(table);
    (void)fclose(out);
}

static void without_memory_there_is_no_table(void **state)
{
    (void)state;
    sys.allocate = allocate_a_few;
    for (left = 0; left < 2;) {
        const unsigned given = left;
        assert_null(table_open(stdout, TABLE_CSV));
        left = given + 1;
    }
    sys = sys_kernel;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_value),
        cmocka_unit_test(a_record_has_a_line_for_each_value),
        cmocka_unit_test(json_is_one_object_a_line),
        cmocka_unit_test(rows_of_a_list_have_commas_between_them),
        cmocka_unit_test(csv_quotes_texts_and_disarms_formulas),
        cmocka_unit_test(only_numbers_of_json_are_written_as_such),
        cmocka_unit_test(a_table_without_rows_is_its_head),
        cmocka_unit_test(a_long_value_is_cut_in_a_column_only),
        cmocka_unit_test(many_rows_all_come_in_order),
        cmocka_unit_test(the_widest_table_has_room),
        cmocka_unit_test(a_stream_that_is_full_takes_no_more),
        cmocka_unit_test(without_memory_there_is_no_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
