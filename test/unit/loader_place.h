/* What a loader works with: a site in a directory of the test's own, with the settings in force and a database. */
#ifndef TEST_LOADER_PLACE_H
#define TEST_LOADER_PLACE_H

#include "../../src/statesys/loader.h"
#include "inbox_home.h"
#include "report/xml.h"

#include <stdatomic.h>

#define SECOND ((int64_t)1000000)

struct place {
    struct site site;
    struct force force;
    struct settings settings;
};

static struct place place;
static struct error err;

static inline void must(bool done)
{
    if (!done)
        fail_msg("%s", err.text);
}

static inline void write_path(char out[DAEMON_PATH_SIZE], const char *below)
{
    must(daemon_path(out, home, below, &err));
}

static inline void set_paths(struct paths *to)
{
    write_path(to->incoming[QUEUE_HIGH], "/in/high");
    write_path(to->incoming[QUEUE_NORMAL], "/in");
    write_path(to->incoming[QUEUE_LOW], "/in/low");
    write_path(to->process, "/process");
    write_path(to->corrupt, "/corrupt");
    write_path(to->retry, "/retry");
    write_path(to->outgoing, "/outgoing");
    write_path(to->resync, "/outgoing/resync");
    write_path(to->database, "/statesys.db");
    write_path(to->log, "/statesys.log");
}

/* As the settings are if nobody sets them, but for what would take time. */
static inline void set_place(struct place *to)
{
    memset(to, 0, sizeof *to);
    set_paths(&to->site.paths);
    to->settings = (struct settings){.half_written_age = 60 * SECOND,
                                     .max_file = 1024UL * 1024,
                                     .max_tag = 65536,
                                     .xml_depth = 32,
                                     .max_messages = 100000,
                                     .corrupt_max_files = 10000,
                                     .database_retry = 3600 * SECOND,
                                     .max_gap = 1000000,
                                     .log_files = true};
    to->force = (struct force){.settings = &to->settings,
                               .properties = {.polling_interval = 3600 * SECOND,
                                              .min_missing_age = 2880 * 60 * SECOND,
                                              .loader_threads = 4,
                                              .chunk_size = 256UL * 1024,
                                              .max_chunks = 100,
                                              .retry_steps = {7200 * SECOND},
                                              .retry_count = 1}};
    to->site.store = (struct store_settings){.database = to->site.paths.database,
                                             .lock_timeout_ms = 60000,
                                             .site_code = "PS1",
                                             .site_name = "Primary",
                                             .parent_site = ""};
    atomic_store(&to->site.force, &to->force);
}

/* A loader makes none: where there was one and is none any more, it waits. */
static inline void make_database(void)
{
    struct store *store;
    must(store_open(&place.site.store, &store, &err));
    store_close(store);
}

static int make_place(void **state)
{
    (void)make_home(state);
    set_place(&place);
    make_database();
    xml_init();
    return 0;
}

#endif
