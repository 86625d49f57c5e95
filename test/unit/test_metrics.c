/* Figures: counted by many, and written so that Prometheus reads them. */
#include "base/metrics.h"
#include "base/sys.h"
#include "few.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST = 4096, THREADS = 4, TIMES = 20000 };

static struct buffer out;

static int open_page(void **state)
{
    (void)state;
    buffer_init(&out, MOST);
    return 0;
}

static int close_page(void **state)
{
    (void)state;
    buffer_fini(&out);
    return 0;
}

static void assert_page(const struct metrics_page *page, const char *expected)
{
    struct error err;
    assert_true(metrics_end(page, &err));
    assert_true(buffer_add(&out, "", 1, &err));
    assert_string_equal(out.at, expected);
}

static void a_family_is_its_help_its_type_and_its_samples(void **state)
{
    static const struct metrics_label loaded[] = {{"result", "loaded"}, {0}};
    static const struct metrics_label both[] = {{"result", "bad"}, {"queue", "high"}, {0}};
    struct metrics_page page;
    (void)state;
    metrics_begin(&page, &out);
    metrics_family(&page, "files_total", METRICS_COUNTER, "Files.");
    metrics_write_count(&page, loaded, UINT64_MAX);
    metrics_write_count(&page, both, 0);
    metrics_family(&page, "age_seconds", METRICS_GAUGE, "Age.");
    metrics_write(&page, NULL, 1700000000.125);
    assert_page(&page, "# HELP files_total Files.\n# TYPE files_total counter\n"
                       "files_total{result=\"loaded\"} 18446744073709551615\n"
                       "files_total{result=\"bad\",queue=\"high\"} 0\n"
                       "# HELP age_seconds Age.\n# TYPE age_seconds gauge\n"
                       "age_seconds 1700000000.125\n");
}

static void quotes_backslashes_and_line_feeds_cannot_end_a_text(void **state)
{
    static const struct metrics_label label[] = {{"name", "a\"b\\c\nd"}, {0}};
    struct metrics_page page;
    (void)state;
    metrics_begin(&page, &out);
    metrics_family(&page, "x", METRICS_GAUGE, "a \"b\" \\ c\nd");
    metrics_write(&page, label, 1);
    assert_page(&page, "# HELP x a \"b\" \\\\ c\\nd\n# TYPE x gauge\nx{name=\"a\\\"b\\\\c\\nd\"} 1\n");
}

static void a_value_on_a_bound_belongs_below_it(void **state)
{
    static const uint64_t bounds[] = {1000, 2500000, 0};
    static const struct metrics_label label[] = {{"what", "batch"}, {0}};
    static struct metrics_histogram times;
    struct metrics_page page;
    (void)state;
    metrics_init(&times, 1000000, bounds);
    metrics_observe(&times, 0);
    metrics_observe(&times, 1000);
    metrics_observe(&times, 1001);
    metrics_observe(&times, 2500001);
    metrics_begin(&page, &out);
    metrics_family(&page, "t", METRICS_HISTOGRAM, "Time.");
    metrics_write_histogram(&page, label, &times);
    assert_page(&page, "# HELP t Time.\n# TYPE t histogram\n"
                       "t_bucket{what=\"batch\",le=\"0.001\"} 2\n"
                       "t_bucket{what=\"batch\",le=\"2.5\"} 3\n"
                       "t_bucket{what=\"batch\",le=\"+Inf\"} 4\n"
                       "t_sum{what=\"batch\"} 2.502002\nt_count{what=\"batch\"} 4\n");
}

static void a_histogram_without_bounds_has_one_bucket(void **state)
{
    static struct metrics_histogram files;
    struct metrics_page page;
    (void)state;
    metrics_observe(&files, 7);
    metrics_begin(&page, &out);
    metrics_family(&page, "f", METRICS_HISTOGRAM, "F.");
    metrics_write_histogram(&page, NULL, &files);
    assert_page(&page, "# HELP f F.\n# TYPE f histogram\nf_bucket{le=\"+Inf\"} 1\nf_sum 7\nf_count 1\n");
}

static void all_buckets_may_be_used(void **state)
{
    static struct metrics_histogram files;
    uint64_t bounds[METRICS_MOST_BUCKETS + 1] = {0};
    (void)state;
    for (uint64_t i = 0; i < METRICS_MOST_BUCKETS; i++)
        bounds[i] = i + 1;
    metrics_init(&files, 1, bounds);
    metrics_observe(&files, METRICS_MOST_BUCKETS + 1);
    assert_int_equal(files.buckets[METRICS_MOST_BUCKETS], 1);
}

static void what_does_not_fit_is_an_error_of_the_page(void **state)
{
    struct metrics_page page;
    struct error err;
    (void)state;
    metrics_begin(&page, &out);
    for (int i = 0; i < MOST; i++)
        metrics_family(&page, "x", METRICS_GAUGE, "X.");
    assert_false(metrics_end(&page, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
}

static void refused_memory_is_an_error_of_the_page(void **state)
{
    struct metrics_page page;
    struct error err;
    (void)state;
    left = 0;
    sys.allocate = allocate_a_few;
    sys.reallocate = reallocate_a_few;
    metrics_begin(&page, &out);
    metrics_family(&page, "x", METRICS_GAUGE, "X.");
    sys = sys_kernel;
    metrics_write(&page, NULL, 1);
    assert_false(metrics_end(&page, &err));
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    assert_int_equal(out.len, 0);
}

static struct metrics_counter counted;
static struct metrics_histogram observed;

static void *count(void *unused)
{
    for (int i = 0; i < TIMES; i++) {
        metrics_add(&counted, 2);
        metrics_observe(&observed, 3);
    }
    return unused;
}

static void nothing_is_lost_where_many_count(void **state)
{
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(metrics_count(&counted), 2 * THREADS * TIMES);
    assert_int_equal(observed.sum, 3 * THREADS * TIMES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_page, close_page)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_family_is_its_help_its_type_and_its_samples),
        TEST(quotes_backslashes_and_line_feeds_cannot_end_a_text),
        TEST(a_value_on_a_bound_belongs_below_it),
        TEST(a_histogram_without_bounds_has_one_bucket),
        TEST(all_buckets_may_be_used),
        TEST(what_does_not_fit_is_an_error_of_the_page),
        TEST(refused_memory_is_an_error_of_the_page),
        TEST(nothing_is_lost_where_many_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
