/*
 * Topic types and state names: the tables of spec/topic_types.tsv and spec/state_names.tsv, as topic.tbl and
 * state.tbl beside topic.c. Adding one is adding a line there. Read only; any thread may call.
 */
#ifndef REPORT_TOPIC_H
#define REPORT_TOPIC_H

#include <stddef.h>
#include <stdint.h>

struct topic_type {
    uint32_t type;
    const char *symbol;         /* "" where none is known */
    const char *description;
    const char *serial;         /* client, package-version, absent, server */
};

struct state_name {
    uint32_t topic_type;
    uint32_t state;
    const char *name;
};

const struct topic_type *topic_find(uint32_t type);         /* NULL: not listed */
const char *topic_state_name(uint32_t type, uint32_t state);   /* NULL: unknown pair */
size_t topic_count(void);
const struct topic_type *topic_at(size_t index);            /* in ascending order; NULL behind the last */
size_t topic_state_count(void);
const struct state_name *topic_state_at(size_t index);

#endif
