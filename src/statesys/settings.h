/* The state system's settings: one table, one struct. Names are those of the specification (spec/statesys.md 1, 2, 4,
 * smx.md 2 and 8, logs.md 3); the table in settings.c is the only other place that knows them. */
#ifndef STATESYS_SETTINGS_H
#define STATESYS_SETTINGS_H

#include "base/config.h"

enum { FIRST_SERIAL_ADOPT, FIRST_SERIAL_EXPECT_1 };
enum { LOG_TIME_UTC, LOG_TIME_LOCAL };

/* Words of a choice are in the order of these, or of the enum of that name in base/log.h. */
struct settings {
    const char *root;
    const char *inbox;                  /* NULL: below the root, as all directories */
    const char *database;
    const char *log_dir;
    const char *corrupt_dir;
    const char *resync_dir;
    const char *admin_listen;           /* NULL: none */

    const char *site_code;              /* upper case or not, 3 characters */
    const char *site_name;
    const char *parent_site;            /* NULL: none, as the next */
    const char *parent_inbox;

    /* The settings of STATE_MESSAGE_SYSTEM; 0 or NULL: as the database has them. */
    uint64_t heartbeat_interval;
    uint64_t polling_interval;
    uint64_t chunk_size;
    uint64_t loader_threads;
    uint64_t max_chunks;
    uint64_t min_missing_age;
    uint64_t resync_check_interval;
    const char *retry_steps;

    uint64_t notify_pause;
    uint64_t half_written_age;
    uint64_t max_file;
    uint64_t max_tag;
    uint64_t xml_depth;
    uint64_t max_messages;
    uint64_t corrupt_keep;
    uint64_t corrupt_max_files;
    uint64_t database_retry;
    uint64_t lock_timeout;
    uint64_t processed_keep;
    uint64_t state_keep;                /* 0: for ever */
    uint64_t stop_timeout;

    int first_serial;
    uint64_t max_gap;
    uint64_t min_resync_period;
    uint64_t resync_batch;
    uint64_t resync_backlog;

    int log_level;
    int log_format;
    int log_time;
    uint64_t log_max_size;
    uint64_t log_max_history;
    bool log_files;
};

extern const struct config_table statesys_settings_table;

#endif
