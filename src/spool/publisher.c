/* The decision hidden here: when a try to publish is made again, and with what. */
#include "publisher.h"

#include "base/sys.h"
#include "batch.h"

#include <errno.h>
#include <pthread.h>

#define RETRY_PAUSE ((int64_t)1000000)

enum { MOST_PUBLISHED = 4 * JOURNAL_MOST_RECORDS };

struct publisher {
    struct journal *journal;
    const struct spool_settings *settings;
    struct outbox outbox;
    bool troubled;                      /* and somebody was told */
    struct spool_record records[MOST_PUBLISHED];
    struct spool_record *pending[MOST_PUBLISHED];       /* those of them that are not files yet */
    size_t pending_count;

    pthread_t thread;
    bool running;
    pthread_mutex_t lock;               /* guards what follows */
    pthread_cond_t changed;
    bool woken;
    bool doubted;                       /* the outbox: to be given up */
    struct error trouble;
    bool closing;
};

static bool read_journal(struct publisher *publisher, struct error *err)
{
    const size_t count = journal_read(publisher->journal, publisher->records, MOST_PUBLISHED, err);
    if (count == SIZE_MAX)
        return false;
    if (count == 0)
        return error_set(err, ERROR_SYSTEM, "the journal does not give what was kept in it");
    for (size_t i = 0; i < count; i++) {
        struct spool_record *record = &publisher->records[i];
        if (record->queue >= publisher->settings->queue_count)
            record->queue = 0;          /* the settings had more of them when it was kept */
        publisher->pending[i] = record;
    }
    publisher->pending_count = count;
    return true;
}

/* Only what is not a file yet is tried again: on a disk that is nearly full, files that a reader has taken meanwhile
 * would come back for ever in place of those still missing. */
static bool commit_pending(struct publisher *publisher, struct error *err)
{
    size_t left = 0;
    (void)!outbox_commit(&publisher->outbox, publisher->pending, publisher->pending_count);  /* each record tells */
    for (size_t i = 0; i < publisher->pending_count; i++)
        if (publisher->pending[i]->state != SPOOL_LINKED)
            publisher->pending[left++] = publisher->pending[i];
    publisher->pending_count = left;
    if (left > 0)
        *err = publisher->pending[0]->error;
    return left == 0;
}

/* A failed sync loses nothing here: the journal still has it, and the next try writes new files. Until then nothing is
 * held open on a disk that went wrong. */
static bool publish(struct publisher *publisher, struct error *err)
{
    if (outbox_prove(&publisher->outbox, publisher->settings, err) &&
        (publisher->pending_count > 0 || read_journal(publisher, err)) && commit_pending(publisher, err)) {
        journal_forget(publisher->journal);
        return true;
    }
    outbox_close(&publisher->outbox);
    if (err->kind != ERROR_NO_SPACE)
        journal_let_go(publisher->journal);
    return false;
}

/* Says once that there is trouble, and once that it is over. */
static void tell_trouble(struct publisher *publisher, const struct error *err)
{
    static const struct error none = {0};
    if (err == NULL && !publisher->troubled)
        return;
    if (publisher->settings->trouble != NULL && publisher->troubled != (err != NULL))
        publisher->settings->trouble(err);
    publisher->troubled = err != NULL;
    (void)pthread_mutex_lock(&publisher->lock);
    publisher->trouble = *(err == NULL ? &none : err);
    (void)pthread_mutex_unlock(&publisher->lock);
}

void publisher_trouble(struct publisher *publisher, struct error *out)
{
    (void)pthread_mutex_lock(&publisher->lock);
    *out = publisher->trouble;
    (void)pthread_mutex_unlock(&publisher->lock);
}

static bool publish_all(struct publisher *publisher)
{
    struct error err;
    while (!journal_is_empty(publisher->journal)) {
        if (!publish(publisher, &err)) {
            tell_trouble(publisher, &err);
            return false;
        }
        tell_trouble(publisher, NULL);
    }
    tell_trouble(publisher, NULL);
    return true;
}

/* Waits for something to publish, or for nothing but to let go of the disk; false at the end. */
static bool wait_for_work(struct publisher *publisher)
{
    (void)pthread_mutex_lock(&publisher->lock);
    while (!publisher->woken && !publisher->closing)
        (void)pthread_cond_wait(&publisher->changed, &publisher->lock);
    const bool woken = publisher->woken;
    const bool doubted = publisher->doubted;
    publisher->woken = publisher->doubted = false;
    (void)pthread_mutex_unlock(&publisher->lock);
    if (doubted)
        outbox_close(&publisher->outbox);
    return woken;
}

/* False at the end. */
static bool wait_for_retry(struct publisher *publisher)
{
    const int64_t until = sys_ticks() + RETRY_PAUSE;
    (void)pthread_mutex_lock(&publisher->lock);
    while (!publisher->closing && sys_wait_until(&publisher->changed, &publisher->lock, until))
        ;
    const bool closing = publisher->closing;
    (void)pthread_mutex_unlock(&publisher->lock);
    return !closing;
}

/* At the end there is one try more. */
static void *run(void *argument)
{
    struct publisher *publisher = argument;
    while (wait_for_work(publisher))
        while (!publish_all(publisher))
            if (!wait_for_retry(publisher)) {
                (void)publish_all(publisher);
                return NULL;
            }
    return NULL;
}

/* ---- opening and closing ---- */

static void init_locks(struct publisher *publisher)
{
    (void)pthread_mutex_init(&publisher->lock, NULL);   /* cannot fail on Linux */
    sys_condition_init(&publisher->changed);
}

bool publisher_open(struct journal *journal, const struct spool_settings *settings, struct publisher **out,
                    struct error *err)
{
    struct publisher *publisher = sys.allocate(sizeof *publisher);
    if (publisher == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the spool");
    memset(publisher, 0, sizeof *publisher);
    publisher->journal = journal;
    publisher->settings = settings;
    outbox_init(&publisher->outbox);
    init_locks(publisher);
    publisher->woken = !publish_all(publisher);
    errno = pthread_create(&publisher->thread, NULL, run, publisher);
    publisher->running = errno == 0;
    if (publisher->running) {
        *out = publisher;
        return true;
    }
    (void)error_os(err, "cannot start a thread of the spool");
    publisher_close(publisher);
    return false;
}

void publisher_wake(struct publisher *publisher)
{
    (void)pthread_mutex_lock(&publisher->lock);
    publisher->woken = true;
    (void)pthread_cond_signal(&publisher->changed);
    (void)pthread_mutex_unlock(&publisher->lock);
}

void publisher_let_go(struct publisher *publisher)
{
    journal_let_go(publisher->journal);
    (void)pthread_mutex_lock(&publisher->lock);
    publisher->doubted = true;
    (void)pthread_mutex_unlock(&publisher->lock);
    publisher_wake(publisher);
}

void publisher_close(struct publisher *publisher)
{
    if (publisher == NULL)
        return;
    (void)pthread_mutex_lock(&publisher->lock);
    publisher->closing = true;
    (void)pthread_cond_signal(&publisher->changed);
    (void)pthread_mutex_unlock(&publisher->lock);
    if (publisher->running)
        (void)pthread_join(publisher->thread, NULL);
    outbox_close(&publisher->outbox);
    (void)pthread_cond_destroy(&publisher->changed);
    (void)pthread_mutex_destroy(&publisher->lock);
    sys.release(publisher);
}
