/*
 * The first names of many, bytewise on the upper-cased name: so many and no more are in memory.
 *
 * Calling sequence: inbox_order_init; inbox_order_add for each; inbox_order_sort once; then `names` are in order.
 * inbox_order_fini in any case.
 */
#ifndef SPOOL_INBOX_ORDER_H
#define SPOOL_INBOX_ORDER_H

#include "base/error.h"

#include <stddef.h>

struct inbox_order {
    char **names;
    size_t count;
    size_t room;
    size_t most;
};

void inbox_order_init(struct inbox_order *order, size_t most);
bool inbox_order_add(struct inbox_order *order, const char *name, struct error *err) MUST_CHECK;
void inbox_order_sort(struct inbox_order *order);
void inbox_order_fini(struct inbox_order *order);
bool inbox_order_is_before(const char *a, const char *b);

#endif
