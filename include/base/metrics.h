/*
 * Figures of a running program: counted by any thread without waiting, written as Prometheus' text format.
 *
 * What it hides: escaping, numbers and order of that format (one family after the other: help, type, then its samples;
 * a histogram's buckets add up and end with +Inf, then _sum and _count).
 *
 * Calling sequence: counters and histograms are part of a struct that lives as long as the program, all zero; a
 * histogram is given its bounds by metrics_init before threads start (without, it has one bucket). Count with
 * metrics_add and metrics_observe from any thread. For a page: metrics_begin, then metrics_family and its samples,
 * family after family, then metrics_end, which alone says whether all of it fitted into the buffer. Labels are ended by
 * one without a name; NULL: none. A page is read while others count: its histograms add up in themselves, but two
 * families may be a moment apart.
 * Source: the text format, version 0.0.4.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/error.h"
#include "base/mem.h"

#include <stdint.h>

struct metrics_counter {
    _Atomic uint64_t count;
};

enum { METRICS_MOST_BUCKETS = 20 };
struct metrics_histogram {
    uint64_t scale;                             /* 0 is 1 */
    uint64_t bounds[METRICS_MOST_BUCKETS];      /* 0 behind the last */
    _Atomic uint64_t buckets[METRICS_MOST_BUCKETS + 1];     /* not added up; the last one in use is beyond all bounds */
    _Atomic uint64_t sum;
};

/* Upper bounds, ascending and ended by 0, in the unit of what is observed; `scale` of these are one of the unit that is
 * shown (1000000 for microseconds shown as seconds). */
void metrics_init(struct metrics_histogram *histogram, uint64_t scale, const uint64_t *bounds);

void metrics_add(struct metrics_counter *counter, uint64_t count);
uint64_t metrics_count(const struct metrics_counter *counter);
void metrics_observe(struct metrics_histogram *histogram, uint64_t value);

/* ---- a page ---- */

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

struct metrics_label {
    const char *name;
    const char *value;
};

struct metrics_page {
    struct buffer *out;
    const char *name;                           /* of the family in hand */
    bool failed;
    struct error err;
};

void metrics_begin(struct metrics_page *page, struct buffer *out);
void metrics_family(struct metrics_page *page, const char *name, enum metrics_type type, const char *help);
void metrics_write(struct metrics_page *page, const struct metrics_label *labels, double value);
void metrics_write_count(struct metrics_page *page, const struct metrics_label *labels, uint64_t count);
void metrics_write_histogram(struct metrics_page *page, const struct metrics_label *labels,
                             const struct metrics_histogram *histogram);
/* ERROR_TOO_BIG, ERROR_NO_MEMORY of the buffer: the page is not whole. */
bool metrics_end(const struct metrics_page *page, struct error *err) MUST_CHECK;

#endif
