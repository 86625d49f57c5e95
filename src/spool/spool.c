/*
 * The decision hidden here: what a spool is beside its keepers (keeper.c): leftovers, the journal, the number of files.
 * A surveyor counts them now and then. While another process has the journal, as when this one is to take its place, the
 * surveyor tries to get it: then what the other left in it is published, and the second keeper ends.
 */
#include "spool/spool.h"

#include "base/sys.h"
#include "directory.h"
#include "journal.h"
#include "keeper.h"
#include "publisher.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>

#define SECOND ((int64_t)1000000)

enum {
    SURVEY_SECONDS = 60,
    ADOPT_SECONDS = 1,                  /* between tries to get the journal that another process has */
};

struct spool {
    struct spool_settings settings;
    struct keepers keepers;
    struct error complaint;             /* why there was no journal at the start */
    bool awaits_journal;                /* another process has it, or had; the surveyor's, as the next */
    bool told;                          /* that it cannot be had from who had it */

    pthread_t surveyor;
    bool surveying;
    pthread_mutex_t lock;               /* guards what follows */
    pthread_cond_t end;
    bool closing;
};

/* ---- counting ---- */

static void survey(struct spool *spool)
{
    uint64_t count = 0;
    for (size_t i = 0; i < spool->settings.queue_count; i++)
        directory_count(spool->settings.queues[i], spool->settings.extension, &count);
    spool->keepers.files = count;
}

/* ---- how it is ---- */

const struct error *spool_complaint(const struct spool *spool)
{
    return spool->keepers.journal != NULL || spool->complaint.kind == ERROR_NONE ? NULL : &spool->complaint;
}

/* ---- opening and closing ---- */

/* The lock on the first queue tells whether another process has this spool open: if none has, every temporary is a
 * leftover. Each open outbox has it shared (batch.c), so that a new process can take over from an old one. Where there
 * are no locks nobody is ever alone. */
static bool lock_and_sweep(const struct spool_settings *settings, struct error *err)
{
    const int fd = sys.openat(AT_FDCWD, settings->queues[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_os(err, "cannot open the directory '%s'", settings->queues[0]);
    const bool alone = flock(fd, LOCK_EX | LOCK_NB) == 0;
    bool swept = true;
    for (size_t i = 0; swept && i < settings->queue_count; i++)
        swept = directory_sweep(settings->queues[i], alone, err);
    (void)sys.close(fd);                    /* only locked */
    return swept;
}

static bool find_journal(const struct spool_settings *settings, struct journal **out, struct error *err)
{
    return (settings->journal_size == 0 || sys_make_directory(settings->journal_directory, err)) &&
           journal_open(settings->journal_directory, settings->journal_size, out, err);
}

/* What an earlier process left is published before anything else; if that cannot be done now, the publisher goes on
 * trying. Keepers see the journal when all that goes with it is there. */
static bool use_journal(struct spool *spool, struct journal *journal, struct error *err)
{
    struct publisher *publisher;
    const bool opened = publisher_open(journal, &spool->settings, &publisher, err);
    const bool spent = opened && spool->settings.journal_size == 0 && journal_is_empty(journal);
    if (spent)
        publisher_close(publisher);     /* it was only needed for what was left */
    if (spent || !opened) {
        journal_close(journal);
        return opened;
    }
    keepers_use_journal(&spool->keepers, journal, publisher);
    return true;
}

/* A spool that cannot have its journal works without. */
static bool open_journal(struct spool *spool, struct error *err)
{
    struct journal *journal = NULL;
    if (!find_journal(&spool->settings, &journal, &spool->complaint)) {
        spool->awaits_journal = spool->complaint.kind == ERROR_BUSY;
        return spool->complaint.kind != ERROR_NO_MEMORY || (*err = spool->complaint, false);
    }
    spool->complaint.kind = ERROR_NONE;
    return journal == NULL || use_journal(spool, journal, err);
}

/* The other process may have ended, and left something in it: nobody else publishes that before the next start. So it is
 * tried again whatever is wrong, but for want of room: that shows when all that was in it is published. */
static void try_to_adopt(struct spool *spool)
{
    struct journal *journal = NULL;
    struct error err;
    if (find_journal(&spool->settings, &journal, &err) && (journal == NULL || use_journal(spool, journal, &err)))
        err.kind = ERROR_NONE;
    const bool waits = err.kind == ERROR_BUSY || err.kind == ERROR_NO_MEMORY;
    const bool tells = err.kind == ERROR_NONE || (!waits && !spool->told);
    spool->awaits_journal = err.kind != ERROR_NONE && err.kind != ERROR_NO_SPACE;
    spool->told = spool->told || !waits;
    if (tells && spool->settings.adopted != NULL)
        spool->settings.adopted(err.kind == ERROR_NONE ? NULL : &err);
}

static void *run_surveyor(void *argument)
{
    struct spool *spool = argument;
    int64_t next_survey = sys_ticks() + SURVEY_SECONDS * SECOND;
    (void)pthread_mutex_lock(&spool->lock);
    while (!spool->closing) {
        const int64_t at = spool->awaits_journal ? sys_ticks() + ADOPT_SECONDS * SECOND : next_survey;
        if (sys_wait_until(&spool->end, &spool->lock, at))
            continue;
        (void)pthread_mutex_unlock(&spool->lock);
        if (spool->awaits_journal)
            try_to_adopt(spool);
        if (sys_ticks() >= next_survey) {
            survey(spool);
            next_survey = sys_ticks() + SURVEY_SECONDS * SECOND;
        }
        (void)pthread_mutex_lock(&spool->lock);
    }
    (void)pthread_mutex_unlock(&spool->lock);
    return NULL;
}

static bool start_surveyor(struct spool *spool, struct error *err)
{
    errno = pthread_create(&spool->surveyor, NULL, run_surveyor, spool);
    spool->surveying = errno == 0;
    return spool->surveying || error_os(err, "cannot start a thread of the spool");
}

static void init_locks(struct spool *spool)
{
    (void)pthread_mutex_init(&spool->lock, NULL);       /* cannot fail on Linux */
    sys_condition_init(&spool->end);
}

bool spool_open(const struct spool_settings *settings, struct spool **out, struct error *err)
{
    for (size_t i = 0; i < settings->queue_count; i++)
        if (!sys_make_directory(settings->queues[i], err))
            return false;
    if (settings->journal_directory != NULL && !directory_check_path(settings->journal_directory, err))
        return false;
    struct spool *spool = sys.allocate(sizeof *spool);
    if (spool == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the spool");
    *spool = (struct spool){.settings = *settings};
    keepers_init(&spool->keepers, &spool->settings);
    spool_set_limits(spool, settings->min_free, settings->max_files);
    init_locks(spool);
    if (!lock_and_sweep(settings, err) || !keepers_prove(&spool->keepers, err) || !open_journal(spool, err) ||
        !keepers_start(&spool->keepers, err) || !start_surveyor(spool, err)) {
        spool_close(spool);
        return false;
    }
    survey(spool);
    *out = spool;
    return true;
}

void spool_set_limits(struct spool *spool, uint64_t min_free, uint64_t max_files)
{
    spool->keepers.min_free = min_free;
    spool->keepers.max_files = max_files;
}

void spool_submit(struct spool *spool, struct spool_record *record)
{
    keepers_submit(&spool->keepers, record);
}

void spool_doubt(struct spool *spool)
{
    keepers_doubt(&spool->keepers);
}

void spool_look(struct spool *spool, int64_t patience, struct spool_state *out)
{
    keepers_look(&spool->keepers, patience, out);
}

void spool_close(struct spool *spool)
{
    if (spool == NULL)
        return;
    (void)pthread_mutex_lock(&spool->lock);
    spool->closing = true;
    (void)pthread_cond_broadcast(&spool->end);
    (void)pthread_mutex_unlock(&spool->lock);
    keepers_stop(&spool->keepers);
    if (spool->surveying)
        (void)pthread_join(spool->surveyor, NULL);
    publisher_close(spool->keepers.publisher);
    journal_close(spool->keepers.journal);
    keepers_fini(&spool->keepers);
    (void)pthread_cond_destroy(&spool->end);
    (void)pthread_mutex_destroy(&spool->lock);
    sys.release(spool);
}
