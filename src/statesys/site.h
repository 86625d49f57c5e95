/*
 * What all threads of the state system share: where everything is, what is in force, and what was counted.
 *
 * A configuration in force is replaced as a whole at a reload; who works with the old one goes on with it, and it stays
 * until the program ends. Paths never change.
 */
#ifndef STATESYS_SITE_H
#define STATESYS_SITE_H

#include "base/metrics.h"
#include "paths.h"
#include "properties.h"
#include "settings.h"
#include "store.h"

struct force {
    const struct settings *settings;
    struct properties properties;
};

struct counters {
    struct metrics_counter files_loaded;
    struct metrics_counter files_repeated;
    struct metrics_counter files_bad;           /* moved to corrupt/ because of what is in them */
    struct metrics_counter files_retried;       /* put off because the database refused them */
    struct metrics_counter files_failed;        /* moved to corrupt/ after the last retry */
    struct metrics_counter files_replicated;
    struct metrics_counter messages_loaded;
    struct metrics_counter messages_invalid;
    struct metrics_counter gaps_opened;
    struct metrics_counter gaps_filled;
    struct metrics_counter restarts;
    struct metrics_counter resyncs_requested;
    struct metrics_counter resyncs_completed;
    struct metrics_counter heartbeats;
    struct metrics_counter database_failures;
    struct metrics_histogram batch_time;        /* seconds of one chunk in the database */
    struct metrics_histogram batch_files;
};

struct site {
    struct paths paths;
    struct store_settings store;                /* for a connection of one's own */
    _Atomic(const struct force *) force;
    struct counters counters;
    _Atomic int64_t last_round;                 /* when the loader last ended one, microseconds; 0: not yet */
    _Atomic int64_t last_load;                  /* when a chunk was last committed */
    _Atomic bool database_lost;                 /* it cannot be reached now */
};

#endif
