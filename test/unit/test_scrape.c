/* Pages of metrics are read back as they were meant, and what is no sample is passed over. */
#include "../../src/smx/scrape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const char page[] = "# HELP files_total Files, by what became of them: 5\n"
                           "# TYPE files_total counter\n"
                           "files_total{result=\"loaded\"} 12\n"
                           "files_total{result=\"a \\\"b\\\" }c 3\"} 0.5\r\n"
                           "files_total_more 7\n"
                           "\n"
                           "alone -1.5e3\n"
                           "bucket{le=\"+Inf\"} 3\n"
                           "no_number x\n"
                           "endless +Inf\n"
                           "nothing NaN\n"
                           "{=\n"
                           "word\n"
                           "cut{off=\"\n"
                           "last 9";

static void every_sample_is_taken_and_nothing_else(void **state)
{
    static const struct {
        const char *name, *label;
        double value;
    } rows[] = {{"files_total", "loaded", 12},     {"files_total", "a \\\"b\\\" }c 3", 0.5},
                {"files_total_more", "", 7},       {"alone", "", -1500},
                {"bucket", "+Inf", 3},             {"last", "", 9}};
    struct span rest = span_of(page);
    struct scrape_sample sample;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(scrape_next(&rest, &sample));
        assert_true(span_equal(sample.name, span_of(rows[i].name)));
        assert_true(span_equal(sample.label, span_of(rows[i].label)));
        assert_true(sample.value == rows[i].value);
    }
    assert_false(scrape_next(&rest, &sample));
}

static void samples_are_found_by_name_and_label(void **state)
{
    double value = 0;
    (void)state;
    assert_true(scrape_find(span_of(page), "files_total", "loaded", &value) && value == 12);
    assert_true(scrape_find(span_of(page), "alone", NULL, &value) && value == -1500);
    assert_false(scrape_find(span_of(page), "files_total", "bad", &value));
    assert_false(scrape_find(span_of(page), "files", NULL, &value));
    assert_true(scrape_sum(span_of(page), "files_total") == 12.5);
    assert_true(scrape_sum(span_of(""), "files_total") == 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_is_taken_and_nothing_else),
        cmocka_unit_test(samples_are_found_by_name_and_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
