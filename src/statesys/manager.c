/* The decision hidden here: one thread does one duty after the other, each with its interval, from a clock that never
 * steps; so none of them needs to know of the others. */
#include "manager.h"

#include "base/log.h"
#include "base/sys.h"
#include "duty.h"
#include "heartbeat.h"
#include "resync.h"
#include "spool/deliver.h"
#include "tasks.h"

#include <pthread.h>
#include <stdatomic.h>

enum { SECOND = 1000000, PAUSE = 20000 };

#define A_DAY ((int64_t)24 * 3600 * SECOND)
#define NEVER INT64_MIN

enum { HEARTBEAT, RESYNC, DELETE_STATES, FORGET_FILES, DUTIES };

struct manager {
    struct site *site;
    struct store *store;        /* NULL: not open yet */
    int64_t done[DUTIES];       /* in ticks, when it was last begun and then done; NEVER */
    int64_t not_before[DUTIES]; /* after a failure */
    uint64_t sequence;          /* of the last heartbeat */
    bool resumed;
    bool started;
    pthread_t thread;
    pthread_mutex_t lock; /* of the next two */
    pthread_cond_t changed;
    bool stopping;
    bool woken;
};

/* ---- waiting ---- */

/* False: told to stop. */
static bool wait_until(struct manager *manager, int64_t ticks, bool until_woken)
{
    bool early = true;
    (void)pthread_mutex_lock(&manager->lock);
    while (!manager->stopping && !(until_woken && manager->woken) && early)
        early = sys_wait_until(&manager->changed, &manager->lock, ticks);
    if (until_woken)
        manager->woken = false;
    const bool goes_on = !manager->stopping;
    (void)pthread_mutex_unlock(&manager->lock);
    return goes_on;
}

static bool pause_duty(void *owner)
{
    return wait_until(owner, sys_ticks() + PAUSE, false);
}

static void tell(struct manager *manager, bool *what)
{
    (void)pthread_mutex_lock(&manager->lock);
    *what = true;
    (void)pthread_cond_signal(&manager->changed);
    (void)pthread_mutex_unlock(&manager->lock);
}

/* ---- the heartbeat ---- */

static bool beat(struct manager *manager, const struct duty *duty, struct error *err)
{
    const uint64_t sequence = manager->sequence < LEDGER_MOST_SERIAL ? manager->sequence + 1 : 1;
    const char *site_code = duty->site->store.site_code;
    if (!heartbeat_write(duty->site->paths.incoming[QUEUE_NORMAL], site_code, sequence, duty->now, err))
        return false;
    manager->sequence = sequence;
    metrics_add(&duty->site->counters.heartbeats, 1);
    log_info("CResyncManager - Heartbeat %llu written", (unsigned long long)sequence);
    return true;
}

/* Open only for as long as there is something to do, which is a moment in an hour. */
static bool open_store(struct manager *manager, struct error *err)
{
    return manager->store != NULL || store_open(&manager->site->store, &manager->store, err);
}

static void close_store(struct manager *manager)
{
    store_close(manager->store);
    manager->store = NULL;
}

/* The sequence goes on where it was, and a state system that is started again and again does not beat more often. */
static bool resume(struct manager *manager, const struct force *force, struct error *err)
{
    struct store_heartbeat last;
    char client[HEARTBEAT_CLIENT_SIZE];
    const int64_t now = sys_now();
    heartbeat_client(manager->site->store.site_code, client);
    if (!open_store(manager, err) || !store_read_heartbeat(manager->store, client, &last, err) ||
        !deliver_sweep(manager->site->paths.incoming[QUEUE_NORMAL], now, err))
        return false;
    manager->sequence = last.sequence;
    if (last.time <= now && last.time > now - force->properties.heartbeat_interval)
        manager->done[HEARTBEAT] = sys_ticks() - (now - last.time);
    manager->resumed = true;
    return true;
}

/* ---- duties ---- */

static int64_t heartbeat_interval(const struct force *force)
{
    return force->properties.heartbeat_interval;
}

static int64_t resync_interval(const struct force *force)
{
    return force->properties.resync_check_interval;
}

static int64_t states_interval(const struct force *force)
{
    return force->settings->state_keep == 0 ? 0 : A_DAY;
}

static int64_t files_interval(const struct force *force)
{
    (void)force;
    return A_DAY;
}

static bool check_resyncs(struct manager *manager, const struct duty *duty, struct error *err)
{
    (void)manager;
    return resync_check(duty, err);
}

static bool delete_states(struct manager *manager, const struct duty *duty, struct error *err)
{
    (void)manager;
    return tasks_delete_states(duty, err);
}

static bool forget_files(struct manager *manager, const struct duty *duty, struct error *err)
{
    (void)manager;
    return tasks_forget_files(duty, err);
}

static const struct {
    const char *name;
    bool asks_store;
    int64_t (*interval)(const struct force *force);     /* 0: not wanted */
    bool (*run)(struct manager *manager, const struct duty *duty, struct error *err);
} duties[DUTIES] = {
    [HEARTBEAT] = {"heartbeat", false, heartbeat_interval, beat},
    [RESYNC] = {"resync check", true, resync_interval, check_resyncs},
    [DELETE_STATES] = {"task SUM Delete Aged Status", true, states_interval, delete_states},
    [FORGET_FILES] = {"task Delete Aged Processed Files", true, files_interval, forget_files},
};

static int64_t due_time(const struct manager *manager, size_t i, int64_t interval)
{
    const int64_t due = manager->done[i] == NEVER ? NEVER : manager->done[i] + interval;
    return due > manager->not_before[i] ? due : manager->not_before[i];
}

static void put_off(const struct force *force, const char *what, int64_t *not_before, const struct error *err)
{
    const int64_t pause = (int64_t)force->settings->database_retry;
    *not_before = sys_ticks() + pause;
    log_warning("CResyncManager - WARNING: %s failed (%s), tried again in %lld seconds", what, err->text,
                (long long)pause / SECOND);
}

/* Returns when it is due again. */
static int64_t do_duty(struct manager *manager, size_t i, int64_t interval, const struct force *force)
{
    struct duty duty = {
        .site = manager->site,
        .force = force,
        .now = sys_now(),
        .pause = pause_duty,
        .owner = manager,
    };
    const int64_t begun = sys_ticks();
    struct error err;
    if (due_time(manager, i, interval) > begun)
        return due_time(manager, i, interval);
    const bool opened = !duties[i].asks_store || open_store(manager, &err);
    duty.store = manager->store;
    if (opened && duties[i].run(manager, &duty, &err))
        manager->done[i] = begun;
    else
        put_off(force, duties[i].name, &manager->not_before[i], &err);
    return due_time(manager, i, interval);
}

/* Returns when the next one is due. */
static int64_t do_duties(struct manager *manager, const struct force *force)
{
    int64_t next = sys_ticks() + A_DAY;
    struct error err;
    if (!manager->resumed && !resume(manager, force, &err)) {
        put_off(force, "start", &next, &err);
        return next;
    }
    for (size_t i = 0; i < DUTIES; i++) {
        const int64_t interval = duties[i].interval(force);
        const int64_t due = interval == 0 ? INT64_MAX : do_duty(manager, i, interval, force);
        next = due < next ? due : next;
    }
    return next;
}

static void *run_manager(void *owner)
{
    struct manager *manager = owner;
    int64_t next;
    do {
        next = do_duties(manager, atomic_load(&manager->site->force));
        close_store(manager);
    } while (wait_until(manager, next, true));
    return NULL;
}

/* ---- start and stop ---- */

bool manager_open(struct site *site, struct manager **out, struct error *err)
{
    struct manager *manager = sys.allocate(sizeof *manager);
    if (manager == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for the manager");
    *manager = (struct manager){.site = site};
    for (size_t i = 0; i < DUTIES; i++)
        manager->done[i] = manager->not_before[i] = NEVER;
    (void)pthread_mutex_init(&manager->lock, NULL);
    sys_condition_init(&manager->changed);
    *out = manager;
    return true;
}

bool manager_start(struct manager *manager, struct error *err)
{
    const int failed = pthread_create(&manager->thread, NULL, run_manager, manager);
    manager->started = failed == 0;
    return manager->started || error_set(err, ERROR_SYSTEM, "cannot start the manager's thread: error %d", failed);
}

void manager_wake(struct manager *manager)
{
    tell(manager, &manager->woken);
}

void manager_stop(struct manager *manager)
{
    if (manager == NULL)
        return;
    tell(manager, &manager->stopping);
    if (manager->started)
        (void)pthread_join(manager->thread, NULL);
    store_close(manager->store);
    (void)pthread_cond_destroy(&manager->changed);
    (void)pthread_mutex_destroy(&manager->lock);
    sys.release(manager);
}
