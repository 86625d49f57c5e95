/* The decision hidden here: numbers are atomic and counted one by one, so nobody who counts ever waits; what has to fit
 * together is made to when the page is written. */
#include "base/metrics.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

void metrics_init(struct metrics_histogram *histogram, uint64_t scale, const uint64_t *bounds)
{
    size_t count = 0;
    for (; bounds[count] != 0; count++) {
        assert(count < METRICS_MOST_BUCKETS);
        histogram->bounds[count] = bounds[count];
    }
    histogram->scale = scale;
}

void metrics_add(struct metrics_counter *counter, uint64_t count)
{
    atomic_fetch_add_explicit(&counter->count, count, memory_order_relaxed);
}

uint64_t metrics_count(const struct metrics_counter *counter)
{
    return atomic_load_explicit(&counter->count, memory_order_relaxed);
}

static size_t bound_count(const struct metrics_histogram *histogram)
{
    size_t count = 0;
    while (count < METRICS_MOST_BUCKETS && histogram->bounds[count] != 0)
        count++;
    return count;
}

void metrics_observe(struct metrics_histogram *histogram, uint64_t value)
{
    const size_t count = bound_count(histogram);
    size_t i = 0;
    while (i < count && value > histogram->bounds[i])
        i++;
    atomic_fetch_add_explicit(&histogram->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum, value, memory_order_relaxed);
}

/* ---- a page ---- */

void metrics_begin(struct metrics_page *page, struct buffer *out)
{
    *page = (struct metrics_page){.out = out};
}

bool metrics_end(const struct metrics_page *page, struct error *err)
{
    if (page->failed)
        *err = page->err;
    return !page->failed;
}

static void add(struct metrics_page *page, const char *text, size_t len)
{
    page->failed = page->failed || !buffer_add(page->out, text, len, &page->err);
}

static void add_text(struct metrics_page *page, const char *text)
{
    add(page, text, strlen(text));
}

/* Numbers only: never longer than this. */
__attribute__((format(printf, 2, 3))) static void print(struct metrics_page *page, const char *format, ...)
{
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert(len > 0 && (size_t)len < sizeof text);
    add(page, text, (size_t)len);
}

/* Quotes are escaped in the value of a label only; elsewhere the format has no such escape. */
static void add_escaped(struct metrics_page *page, const char *text, bool quoted)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            add_text(page, "\\n");
        else if (*text == '\\' || (quoted && *text == '"'))
            add(page, (const char[]){'\\', *text}, 2);
        else
            add(page, text, 1);
    }
}

void metrics_family(struct metrics_page *page, const char *name, enum metrics_type type, const char *help)
{
    static const char *const types[] = {
        [METRICS_COUNTER] = " counter\n", [METRICS_GAUGE] = " gauge\n", [METRICS_HISTOGRAM] = " histogram\n"};
    page->name = name;
    add_text(page, "# HELP ");
    add_text(page, name);
    add_text(page, " ");
    add_escaped(page, help, false);
    add_text(page, "\n# TYPE ");
    add_text(page, name);
    add_text(page, types[type]);
}

static void add_label(struct metrics_page *page, const char *before, const char *name, const char *value)
{
    add_text(page, before);
    add_text(page, name);
    add_text(page, "=\"");
    add_escaped(page, value, true);
    add_text(page, "\"");
}

/* The name of a sample with its labels; `bound` is the one that a bucket has besides, or NULL. */
static void add_name(struct metrics_page *page, const char *suffix, const struct metrics_label *labels,
                     const char *bound)
{
    const char *before = "{";
    add_text(page, page->name);
    add_text(page, suffix);
    for (; labels != NULL && labels->name != NULL; labels++, before = ",")
        add_label(page, before, labels->name, labels->value);
    if (bound != NULL) {
        add_label(page, before, "le", bound);
        before = ",";
    }
    if (*before == ',')
        add_text(page, "}");
}

void metrics_write(struct metrics_page *page, const struct metrics_label *labels, double value)
{
    add_name(page, "", labels, NULL);
    print(page, " %.15g\n", value);
}

void metrics_write_count(struct metrics_page *page, const struct metrics_label *labels, uint64_t count)
{
    add_name(page, "", labels, NULL);
    print(page, " %llu\n", (unsigned long long)count);
}

void metrics_write_histogram(struct metrics_page *page, const struct metrics_label *labels,
                             const struct metrics_histogram *histogram)
{
    const double scale = histogram->scale == 0 ? 1 : (double)histogram->scale;
    const size_t count = bound_count(histogram);
    uint64_t total = 0;
    for (size_t i = 0; i <= count; i++) {
        char bound[32] = "+Inf";
        if (i < count)
            (void)snprintf(bound, sizeof bound, "%.15g", (double)histogram->bounds[i] / scale);
        total += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        add_name(page, "_bucket", labels, bound);
        print(page, " %llu\n", (unsigned long long)total);
    }
    add_name(page, "_sum", labels, NULL);
    print(page, " %.15g\n", (double)atomic_load_explicit(&histogram->sum, memory_order_relaxed) / scale);
    add_name(page, "_count", labels, NULL);
    print(page, " %llu\n", (unsigned long long)total);
}
