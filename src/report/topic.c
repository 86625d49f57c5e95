/* The decision hidden here: the tables are compiled in, sorted in the source, and searched by halving. */
#include "report/topic.h"

#include <stdlib.h>

#define TOPIC(type, symbol, description, serial, source) {type, symbol, description, serial},
static const struct topic_type topics[] = {
#include "topic.tbl"
};
#undef TOPIC

#define STATE(topic_type, state, name, source) {topic_type, state, name},
static const struct state_name states[] = {
#include "state.tbl"
};
#undef STATE

static const size_t topics_count = sizeof topics / sizeof topics[0];
static const size_t states_count = sizeof states / sizeof states[0];

static int compare(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_topics(const void *key, const void *row)
{
    return compare(*(const uint32_t *)key, ((const struct topic_type *)row)->type);
}

static int compare_states(const void *key, const void *row)
{
    const struct state_name *a = key, *b = row;
    const int by_topic = compare(a->topic_type, b->topic_type);
    return by_topic != 0 ? by_topic : compare(a->state, b->state);
}

const struct topic_type *topic_find(uint32_t type)
{
    return bsearch(&type, topics, topics_count, sizeof topics[0], compare_topics);
}

const char *topic_state_name(uint32_t type, uint32_t state)
{
    const struct state_name key = {type, state, NULL};
    const struct state_name *found = bsearch(&key, states, states_count, sizeof states[0], compare_states);
    return found == NULL ? NULL : found->name;
}

size_t topic_count(void)
{
    return topics_count;
}

const struct topic_type *topic_at(size_t index)
{
    return index < topics_count ? &topics[index] : NULL;
}

size_t topic_state_count(void)
{
    return states_count;
}

const struct state_name *topic_state_at(size_t index)
{
    return index < states_count ? &states[index] : NULL;
}
