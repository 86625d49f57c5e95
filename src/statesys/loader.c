/*
 * The decision hidden here: a round that was broken off, whatever the reason, is tried again as a whole, with the inbox
 * opened anew. So nothing has to be remembered of what went wrong: what was in hand is put back by the same recovery as
 * after a crash.
 */
#include "loader.h"

#include "base/log.h"
#include "base/sys.h"
#include "db/db.h"
#include "replicate.h"
#include "round.h"
#include "spool/deliver.h"

#include <errno.h>
#include <stdatomic.h>

#define SECOND ((int64_t)1000000)

/* How often those are looked for who shared the inbox with us and are gone. */
#define RECOVERY_INTERVAL (60 * SECOND)

struct loader {
    struct loading loading;
    struct watch *watch;
    struct workers *workers;
    struct round *round;
    struct db *probe;                              /* NULL: not open */
    int64_t recovered;                             /* when last, sys_ticks; 0: not since the inbox was opened */
    char told[sizeof((struct error *)NULL)->text]; /* the trouble that is in the log; "": none */
    pthread_t thread;
    bool started;
};

/* ---- opening ---- */

static bool open_inbox(struct loader *loader, struct error *err)
{
    const struct paths *paths = &loader->loading.site->paths;
    const struct inbox_settings settings = {
        .queues = {paths->incoming[QUEUE_HIGH], paths->incoming[QUEUE_NORMAL],
                   paths->incoming[QUEUE_LOW], [LOADING_OUTGOING] = paths->outgoing},
        .queue_count = LOADING_QUEUES,
        .process = paths->process,
        .corrupt = paths->corrupt,
        .retry = paths->retry,
    };
    loader->recovered = 0;
    return inbox_open(&settings, &loader->loading.inbox, err);
}

static void close_loader(struct loader *loader)
{
    round_close(loader->round);
    workers_close(loader->workers);
    watch_close(loader->watch);
    inbox_close(loader->loading.inbox);
    db_close(loader->probe);
    loading_fini(&loader->loading);
    sys.release(loader);
}

bool loader_open(struct site *site, struct loader **out, struct error *err)
{
    struct loader *loader = sys.allocate(sizeof *loader);
    if (loader == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for the loader");
    memset(loader, 0, sizeof *loader);
    loading_init(&loader->loading, site);
    if (open_inbox(loader, err) && watch_open(&loader->watch, err) &&
        workers_open(&loader->loading, &loader->workers, err) &&
        round_open(&loader->loading, loader->workers, loader->watch, &loader->round, err)) {
        *out = loader;
        return true;
    }
    close_loader(loader);
    return false;
}

/* ---- before a round ---- */

/* Where it cannot be reached nothing is moved. A transaction that is begun and given up tells, even of a database that
 * can only be read. */
static bool reach_database(struct loader *loader, struct error *err)
{
    const struct store_settings *settings = &loader->loading.site->store;
    if (loader->probe == NULL && !db_open_existing(settings->database, settings->lock_timeout_ms, &loader->probe, err))
        return false;
    loader->loading.one_writer = db_is_sqlite(loader->probe);
    if (!db_begin(loader->probe, err))
        return false;
    db_rollback(loader->probe);
    return true;
}

static bool recover(struct loader *loader, struct error *err)
{
    uint64_t count;
    if (loader->recovered != 0 && sys_ticks() - loader->recovered < RECOVERY_INTERVAL)
        return true;
    if (!inbox_recover(loader->loading.inbox, &count, err))
        return false;
    if (count > 0)
        log_info("CMessageProcessor - %llu files that were in hand go through the loader again",
                 (unsigned long long)count);
    loader->recovered = sys_ticks();
    return true;
}

static bool prepare_inbox(struct loader *loader, struct error *err)
{
    const struct settings *settings = loader->loading.force->settings;
    uint64_t count;
    if (loader->loading.inbox == NULL && !open_inbox(loader, err))
        return false;
    inbox_set_limits(loader->loading.inbox, settings->corrupt_max_files, (int64_t)settings->corrupt_keep);
    return recover(loader, err) && inbox_bring_due(loader->loading.inbox, sys_now(), &count, err);
}

/* Without notices files are found by polling. */
static void add_watches(struct loader *loader)
{
    const struct paths *paths = &loader->loading.site->paths;
    struct error err;
    for (size_t i = 0; i < QUEUES; i++)
        if (!watch_add(loader->watch, paths->incoming[i], &err))
            log_warning("CMessageProcessor - WARNING: there will be no notice of new files: %s", err.text);
}

/* ---- a round and its end ---- */

static void trim(struct loader *loader)
{
    struct error err;
    uint64_t removed;
    if (!inbox_trim(loader->loading.inbox, sys_now(), &removed, &err))
        loading_break(&loader->loading, &err);
}

static void load(struct loader *loader)
{
    struct loading *loading = &loader->loading;
    struct error err;
    if (!reach_database(loader, &err)) {
        loading_lose_database(loading, &err);
        return;
    }
    atomic_store(&loading->site->database_lost, false);
    if (!prepare_inbox(loader, &err)) {
        loading_break(loading, &err);
        return;
    }
    add_watches(loader);
    round_run(loader->round);
    if (loading_is_over(loading))
        return;
    replicate_waiting(loading);
    trim(loader);
}

/* Once for each trouble, and once when it is over. */
static void tell_trouble(struct loader *loader)
{
    const struct loading *loading = &loader->loading;
    const char *text = loading->broken ? loading->trouble.text : "";
    if (strcmp(loader->told, text) == 0)
        return;
    if (loading->broken)
        log_error("CMessageProcessor - ERROR: nothing can be loaded now, tried again in %llu seconds: %s",
                  (unsigned long long)(loading->force->settings->database_retry / SECOND), text);
    else
        log_info("CMessageProcessor - Loading goes on");
    (void)memcpy(loader->told, text, strlen(text) + 1);
}

/* Nothing is held open on a disk that went wrong, so that it can be mended and mounted. */
static void let_go(struct loader *loader)
{
    inbox_close(loader->loading.inbox);
    loader->loading.inbox = NULL;
    workers_let_go(loader->workers);
    db_close(loader->probe);
    loader->probe = NULL;
}

static void run_round(struct loader *loader)
{
    struct loading *loading = &loader->loading;
    loading_begin(loading);
    load(loader);
    tell_trouble(loader);
    if (loading->broken)
        let_go(loader);
    atomic_store(&loading->site->last_round, sys_now());
}

/* ---- the thread ---- */

/* sys_ticks of the next round if nothing comes. */
static int64_t next_round(const struct loader *loader)
{
    const struct loading *loading = &loader->loading;
    const struct force *force = loading->force;
    const int64_t ticks = sys_ticks();
    if (loading->broken)
        return ticks + (int64_t)force->settings->database_retry;
    int64_t pause = force->properties.polling_interval;
    if (loading->next_look != INT64_MAX && loading->next_look - sys_now() < pause)
        pause = loading->next_look - sys_now();
    return ticks + (pause > 0 ? pause : 0);
}

static void wait_for_work(struct loader *loader)
{
    const bool listens = !loader->loading.broken;
    const int64_t pause = (int64_t)loader->loading.force->settings->notify_pause;
    if (watch_wait(loader->watch, next_round(loader), listens) != WATCH_NOTICE)
        return;
    if (log_wants(LOG_INFO, true))
        log_info("Inbox notification triggered, pause for %lld seconds......", (long long)(pause / SECOND));
    (void)watch_wait(loader->watch, sys_ticks() + pause, false);
}

static void *run(void *argument)
{
    struct loader *loader = argument;
    while (!atomic_load(&loader->loading.stopping)) {
        run_round(loader);
        wait_for_work(loader);
    }
    return NULL;
}

/* What was not delivered whole to the parent before a crash. If the parent is away, the next start may find it. */
static void sweep_parent(const struct loader *loader)
{
    const char *parent = loader->loading.site->paths.parent_inbox;
    struct error ignored;
    if (parent != NULL)
        (void)!deliver_sweep(parent, sys_now(), &ignored);
}

bool loader_start(struct loader *loader, struct error *err)
{
    sweep_parent(loader);
    errno = pthread_create(&loader->thread, NULL, run, loader);
    loader->started = errno == 0;
    return loader->started || error_os(err, "cannot start the thread of the loader");
}

void loader_wake(struct loader *loader)
{
    watch_wake(loader->watch);
}

/* ---- the end ---- */

void loader_stop(struct loader *loader)
{
    if (loader == NULL)
        return;
    if (loader->started) {
        atomic_store(&loader->loading.stopping, true);
        watch_wake(loader->watch);
        (void)pthread_join(loader->thread, NULL);
    }
    close_loader(loader);
}
