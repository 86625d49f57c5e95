/*
 * A page of metrics read back: Prometheus' text format, as far as the programs of the house write it (base/metrics.h).
 *
 * What it hides: comments, labels and numbers. A sample has at most one label; of several the first is told. What
 * cannot be read as a sample is passed over. Pure.
 */
#ifndef SMX_SCRAPE_H
#define SMX_SCRAPE_H

#include "base/mem.h"

struct scrape_sample {
    struct span name;
    struct span label;              /* its value as written, escapes and all; empty: none */
    double value;
};

/* Takes the next sample off the page. False: there is none. */
bool scrape_next(struct span *page, struct scrape_sample *out) MUST_CHECK;
/* The sample of that name and, unless it is NULL, that label. False: it is not there. */
bool scrape_find(struct span page, const char *name, const char *label, double *out) MUST_CHECK;
/* All samples of that name together; 0 where there are none. */
double scrape_sum(struct span page, const char *name);

#endif
