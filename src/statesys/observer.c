/* The decision hidden here: nobody who asks talks to the database or to a disk himself, for either may hang. */
#include "observer.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define SECOND ((int64_t)1000000)

#define MEGABYTE ((uint64_t)1024 * 1024)
/* What SQLite's log may take (64 MB), and as much again. */
#define NEARLY_FULL (128 * MEGABYTE)

enum {
    SHARE = 20, /* looking takes at most one part in so many of the time */
    LOCK_TIMEOUT_MS = 5000,
};
static const int64_t least_pause = 10 * SECOND;
static const int64_t patience = 2 * SECOND;

struct observer {
    const struct site *site;
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t asked;
    pthread_cond_t answered;
    bool wanted;
    bool stopping;
    int64_t begun; /* sys_ticks of the look under way; 0: none */
    int64_t next;  /* before, the latest will do */
    struct observation latest;
};

/* ---- looking ---- */

/* Opened for each look: nothing is held open on a disk that may go wrong. */
static bool read_facts(const struct store_settings *store, struct store_facts *out, struct error *err)
{
    struct db *db;
    if (!db_open_reading(store->database, LOCK_TIMEOUT_MS, &db, err))
        return false;
    const bool read = store_facts_read(db, store->site_code, sys_now(), out, err);
    db_close(db);
    return read;
}

static void look_at_database(const struct observer *observer, struct observation *out)
{
    const struct store_settings *store = &observer->site->store;
    if (atomic_load(&observer->site->force) == NULL) /* its schema may not be there yet */
        (void)error_set(&out->database, ERROR_BUSY, "not since the start");
    else if (read_facts(store, &out->facts, &out->database))
        out->database.kind = ERROR_NONE;
}

static void look_at_inbox(const struct site *site, struct observation *out)
{
    for (size_t i = 0; i < QUEUES; i++)
        if (!inbox_survey(site->paths.incoming[i], OBSERVER_MOST_FILES, &out->queues[i], &out->inbox))
            return;
}

static void judge_disk(const char *path, const struct statvfs *disk, struct error *err)
{
    const uint64_t left = (uint64_t)disk->f_bavail * disk->f_frsize;
    if ((disk->f_flag & ST_RDONLY) != 0)
        (void)error_set(err, ERROR_SYSTEM, "the file system of '%s' cannot be written now", path);
    else if (left < NEARLY_FULL)
        (void)error_set(err, ERROR_NO_SPACE, "the disk of '%s' is nearly full: %llu MB left", path,
                        (unsigned long long)(left / MEGABYTE));
    else if (disk->f_files > 0 && disk->f_favail == 0)
        (void)error_set(err, ERROR_NO_SPACE, "the disk of '%s' can take no more files", path);
}

/* Of a directory: a file of SQLite, opened and closed behind its back, would lose its locks. */
static void look_at_disk(const char *path, struct error *err)
{
    struct statvfs disk;
    const int fd = sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) {
        (void)error_os(err, "cannot look at '%s'", path);
        return;
    }
    if (sys.fstatvfs(fd, &disk) != 0)
        (void)error_os(err, "cannot look at the disk of '%s'", path);
    else
        judge_disk(path, &disk, err);
    (void)sys.close(fd); /* nothing was written */
}

static void look(const struct observer *observer, struct observation *out)
{
    const struct paths *paths = &observer->site->paths;
    *out = (struct observation){0};
    look_at_inbox(observer->site, out);
    look_at_disk(paths->process, &out->inbox_disk);
    if (paths->database_directory[0] != '\0')
        look_at_disk(paths->database_directory, &out->database_disk);
    look_at_database(observer, out);
}

static void take_look(struct observer *observer)
{
    struct observation fresh;
    const int64_t begun = sys_ticks();
    observer->begun = begun;
    observer->wanted = false;
    (void)pthread_mutex_unlock(&observer->lock);
    look(observer, &fresh);
    (void)pthread_mutex_lock(&observer->lock);
    const int64_t taken = sys_ticks(), rest = (taken - begun) * (SHARE - 1);
    fresh.taken = taken;
    observer->latest = fresh;
    observer->next = taken + (rest > least_pause ? rest : least_pause);
    observer->begun = 0;
    (void)pthread_cond_broadcast(&observer->answered);
}

static void *run(void *owner)
{
    struct observer *observer = owner;
    (void)pthread_mutex_lock(&observer->lock);
    while (!observer->stopping) {
        if (observer->wanted)
            take_look(observer);
        else
            (void)pthread_cond_wait(&observer->asked, &observer->lock);
    }
    (void)pthread_mutex_unlock(&observer->lock);
    return NULL;
}

/* ---- asking ---- */

static void wait_for_answer(struct observer *observer)
{
    const int64_t before = observer->latest.taken, until = sys_ticks() + patience;
    observer->wanted = observer->begun == 0; /* else the one under way will do */
    (void)pthread_cond_signal(&observer->asked);
    while (observer->latest.taken == before)
        if (!sys_wait_until(&observer->answered, &observer->lock, until))
            return;
}

void observer_look(struct observer *observer, struct observation *out, int64_t *hangs)
{
    (void)pthread_mutex_lock(&observer->lock);
    if (sys_ticks() >= observer->next)
        wait_for_answer(observer);
    *out = observer->latest;
    *hangs = observer->begun == 0 ? 0 : sys_ticks() - observer->begun;
    (void)pthread_mutex_unlock(&observer->lock);
}

/* ---- opening ---- */

static void init_locks(struct observer *observer)
{
    (void)pthread_mutex_init(&observer->lock, NULL); /* cannot fail on Linux */
    sys_condition_init(&observer->asked);
    sys_condition_init(&observer->answered);
}

static void release(struct observer *observer)
{
    (void)pthread_cond_destroy(&observer->answered);
    (void)pthread_cond_destroy(&observer->asked);
    (void)pthread_mutex_destroy(&observer->lock);
    sys.release(observer);
}

bool observer_open(const struct site *site, struct observer **out, struct error *err)
{
    struct observer *observer = sys.allocate(sizeof *observer);
    if (observer == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory to look at the state system");
    *observer = (struct observer){.site = site};
    init_locks(observer);
    errno = pthread_create(&observer->thread, NULL, run, observer);
    const bool opened = errno == 0 || error_os(err, "cannot start the thread that looks at the state system");
    if (opened)
        *out = observer;
    else
        release(observer);
    return opened;
}

void observer_close(struct observer *observer)
{
    if (observer == NULL)
        return;
    (void)pthread_mutex_lock(&observer->lock);
    observer->stopping = true;
    (void)pthread_cond_signal(&observer->asked);
    (void)pthread_mutex_unlock(&observer->lock);
    (void)pthread_join(observer->thread, NULL);
    release(observer);
}
