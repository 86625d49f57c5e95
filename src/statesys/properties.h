/*
 * The settings of STATE_MESSAGE_SYSTEM: rows of SC_Component_Property, as admins know them (spec/statesys.md 2).
 *
 * What it hides: their names and units in the table, their bounds, Retry Config's XML, and that a setting of our own
 * configuration, where given, wins and is written into the row. A row that is missing, out of bounds or not a number
 * counts as its default, with a complaint.
 * Calling sequence: properties_read at start and at each reload, by one thread. The result is plain data.
 */
#ifndef STATESYS_PROPERTIES_H
#define STATESYS_PROPERTIES_H

#include "settings.h"
#include "store.h"

enum { PROPERTIES_MOST_STEPS = 16 };

struct properties {
    int64_t heartbeat_interval;         /* microseconds, as all times */
    int64_t polling_interval;
    int64_t min_missing_age;
    int64_t resync_check_interval;
    uint64_t loader_threads;
    uint64_t chunk_size;                /* bytes */
    uint64_t max_chunks;
    int64_t retry_steps[PROPERTIES_MOST_STEPS];
    size_t retry_count;                 /* 1 to PROPERTIES_MOST_STEPS */
};

/* `complain` gets a sentence for each row that is not used as it stands. */
bool properties_read(struct store *store, const struct settings *settings, void (*complain)(const char *sentence),
                     struct properties *out, struct error *err) MUST_CHECK;

/* Whole seconds, separated by commas: "7200,28800,86400"; `steps` gets them in microseconds. False: not 1 to 16 numbers of
 * 1 to 31536000. Pure. */
bool properties_read_steps(struct span text, int64_t steps[PROPERTIES_MOST_STEPS], size_t *count) MUST_CHECK;

#endif
