/*
 * The decision hidden here: who waits for whom. Submitters put records into one queue and never wait. A keeper takes all
 * that is queued, so a batch needs no timer: what gathered while the last one was synced is the next one.
 * - Few records, or no journal: their files are made durable and visible before they are answered (batch.c). Without a
 *   journal two keepers take turns, so that the disk is never idle while records wait.
 * - A crowd, and a journal: the batch is made durable in the journal by one sync and answered (journal.c). A publisher
 *   makes the files from it afterwards (publisher.c). While it has not made all of them, few records go through the journal
 *   too: who has his answer and sends again should not find his second file before his first. (Where the journal is full,
 *   and with huge records, that can still happen. The names tell the order.)
 * A surveyor counts the files now and then. While another process has the journal, as when this one is to take its place,
 * the surveyor tries to get it: then what the other left in it is published, and the second keeper ends.
 */
#include "spool/spool.h"

#include "base/sys.h"
#include "batch.h"
#include "directory.h"
#include "journal.h"
#include "proof.h"
#include "publisher.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <time.h>

#define SECOND ((int64_t)1000000)

enum {
    KEEPERS = PROOF_KEEPERS,
    MOST_IN_BATCH = JOURNAL_MOST_RECORDS,
    CROWD = 8,                          /* so many waiting are kept faster in the journal */
    SURVEY_SECONDS = 60,
    ADOPT_SECONDS = 1,                  /* between tries to get the journal that another process has */
};

struct keeper {
    struct spool *spool;
    size_t number;
    pthread_t thread;
    bool running;
    struct outbox outbox;
    struct journal *journal;            /* for the batch in hand; NULL: none */
    unsigned proved;                    /* equals spool->failures while no sync has failed since */
    unsigned doubts;                    /* equals spool->doubts once it has let go */
    size_t crowd;                       /* how many waited lately: rises at once, falls slowly */
    struct spool_record *records[MOST_IN_BATCH];
};

struct spool {
    struct spool_settings settings;
    _Atomic uint64_t min_free;
    _Atomic uint64_t max_files;
    _Atomic uint64_t files;             /* an estimate */
    _Atomic unsigned failures;          /* failed syncs: each makes every keeper prove its outbox again */

    _Atomic(struct journal *) journal;          /* NULL: none */
    _Atomic(struct publisher *) publisher;      /* of what is in it */
    struct error complaint;             /* why there was none at the start */
    bool awaits_journal;                /* another process has it; the surveyor's */
    struct proof proof;

    pthread_mutex_t lock;               /* guards what follows */
    pthread_cond_t work;
    pthread_cond_t end;
    struct spool_record *first;
    struct spool_record **last;
    size_t waiting;                     /* of them */
    int64_t last_arrived;
    bool asked;                         /* for a probe */
    unsigned doubts;                    /* from outside: each makes every keeper let go of its outbox */
    bool closing;

    pthread_t surveyor;
    bool surveying;
    struct keeper keepers[KEEPERS];
};

/* ---- keeping ---- */

/* The second keeper is for a spool without a journal, which one thread appends to. */
static bool is_needed(const struct keeper *keeper)
{
    return keeper == &keeper->spool->keepers[0] || keeper->spool->journal == NULL;
}

/* What a keeper is to do. Nothing: it ends. */
struct turn {
    size_t count;                       /* of records to be kept */
    bool asked;                         /* for a probe, or for a batch that is kept anyway */
    bool doubted;
};

static struct turn take_turn(struct keeper *keeper)
{
    struct spool *spool = keeper->spool;
    struct turn turn = {0};
    (void)pthread_mutex_lock(&spool->lock);
    while (spool->first == NULL && !spool->closing && !spool->asked && is_needed(keeper) &&
           keeper->doubts == spool->doubts)
        (void)pthread_cond_wait(&spool->work, &spool->lock);
    turn.doubted = keeper->doubts != spool->doubts;
    keeper->doubts = spool->doubts;
    if (is_needed(keeper)) {
        while (spool->first != NULL && turn.count < MOST_IN_BATCH) {
            keeper->records[turn.count++] = spool->first;
            spool->first = spool->first->next;
        }
        turn.asked = spool->asked;
        spool->asked = false;
    }
    if (spool->first == NULL)
        spool->last = &spool->first;
    if (spool->first != NULL || spool->asked)
        (void)pthread_cond_signal(&spool->work);
    keeper->journal = spool->journal;
    spool->waiting -= turn.count;
    (void)pthread_mutex_unlock(&spool->lock);
    return turn;
}

static bool check_room(const struct spool *spool, const struct outbox *outbox, struct error *err)
{
    const uint64_t min_free = spool->min_free;
    const uint64_t max_files = spool->max_files;
    struct statvfs disk;
    if (sys.fstatvfs(outbox->queues[0], &disk) != 0)
        return error_os(err, "cannot ask for the free space of '%s'", spool->settings.queues[0]);
    const uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free_bytes < min_free)
        return error_set(err, ERROR_NO_SPACE, "'%s' has %llu bytes free, min-free is %llu", spool->settings.queues[0],
                         (unsigned long long)free_bytes, (unsigned long long)min_free);
    if (spool->files >= max_files)
        return error_set(err, ERROR_BUSY, "'%s' holds %llu files, max-inbox-files is %llu", spool->settings.queues[0],
                         (unsigned long long)spool->files, (unsigned long long)max_files);
    return true;
}

/* After a failed sync, here or at the other keeper: fresh descriptors, and a probe that is kept. */
static bool prove_outbox(struct keeper *keeper, struct error *err)
{
    struct spool *spool = keeper->spool;
    const unsigned failures = spool->failures;
    if (keeper->proved != failures)
        outbox_close(&keeper->outbox);
    keeper->proved = failures;
    if (outbox_prove(&keeper->outbox, &spool->settings, err))
        return true;
    if (err->kind == ERROR_NO_SPACE)
        return false;
    err->kind = ERROR_BUSY;
    if (spool->publisher != NULL)
        publisher_let_go(spool->publisher);     /* it may be the same disk, and somebody wants to unmount it */
    return false;
}

static void refuse_records(struct spool_record **records, size_t count, const struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        records[i]->state = SPOOL_FAILED;
        records[i]->error = *err;
    }
}

/* Puts those in front that fit into a batch of the journal together; a huge record must not crowd out the others. */
static size_t choose_for_journal(struct keeper *keeper, struct spool_record **records, size_t count)
{
    const size_t most = journal_room(keeper->journal);
    size_t chosen = 0;
    size_t room = most;
    for (size_t i = 0; i < count; i++) {
        const size_t size = journal_record_size(records[i]);
        if (size > most / 4 || size > room || !outbox_draw_name(&keeper->outbox, records[i]))
            continue;
        room -= size;
        struct spool_record *record = records[i];
        records[i] = records[chosen];
        records[chosen++] = record;
    }
    return chosen;
}

static bool wants_journal(struct keeper *keeper, size_t count)
{
    struct journal *journal = keeper->journal;
    keeper->crowd = count >= keeper->crowd * 3 / 4 ? count : keeper->crowd * 3 / 4;
    return journal != NULL && (keeper->crowd >= CROWD || !journal_is_empty(journal));
}

/* How many of the batch are answered for: kept in the journal, or refused because that failed. The rest is to be kept
 * as files. */
static size_t keep_in_journal(struct keeper *keeper, size_t count)
{
    struct spool *spool = keeper->spool;
    struct error err;
    size_t answered = 0;
    while (answered < count) {
        struct spool_record **records = keeper->records + answered;
        const size_t chosen = choose_for_journal(keeper, records, count - answered);
        const enum journal_result result = chosen == 0 ? JOURNAL_FULL
                                                       : journal_append(keeper->journal, records, chosen, &err);
        if (result == JOURNAL_FULL) {
            publisher_wake(spool->publisher);   /* it may be full of what was found in it just now */
            break;
        }
        if (result == JOURNAL_FAILED) {
            refuse_records(records, count - answered, &err);
            spool->failures++;
            return count;
        }
        for (size_t i = 0; i < chosen; i++)
            records[i]->state = SPOOL_LINKED;
        answered += chosen;
        publisher_wake(spool->publisher);
    }
    return answered;
}

/* Something is wrong, and it is no want of room: the next batch gets an outbox that was proved anew. */
static bool distrusts_outbox(const struct keeper *keeper, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (keeper->records[i]->state == SPOOL_FAILED && keeper->records[i]->error.kind == ERROR_SYSTEM)
            return true;
    return keeper->proved != keeper->spool->failures;
}

static void make_durable(struct keeper *keeper, size_t count)
{
    struct spool *spool = keeper->spool;
    struct error err;
    if (!prove_outbox(keeper, &err) || !check_room(spool, &keeper->outbox, &err)) {
        refuse_records(keeper->records, count, &err);
    } else {
        const size_t answered = wants_journal(keeper, count) ? keep_in_journal(keeper, count) : 0;
        if (answered < count && !outbox_commit(&keeper->outbox, keeper->records + answered, count - answered))
            spool->failures++;
    }
    if (distrusts_outbox(keeper, count))
        outbox_close(&keeper->outbox);
}

static const struct error *find_refusal(const struct keeper *keeper, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (keeper->records[i]->state == SPOOL_FAILED)
            return &keeper->records[i]->error;
    return NULL;
}

static void count_batch(const struct spool_settings *settings, int64_t time, size_t count)
{
    if (settings->batch_time != NULL)
        metrics_observe(settings->batch_time, (uint64_t)time);
    if (settings->batch_size != NULL)
        metrics_observe(settings->batch_size, count);
}

static void keep_batch(struct keeper *keeper, size_t count, bool asked)
{
    struct spool *spool = keeper->spool;
    proof_begin(&spool->proof, keeper->number);
    make_durable(keeper, count);
    const struct error *refusal = find_refusal(keeper, count);
    count_batch(&spool->settings, proof_end(&spool->proof, keeper->number, refusal, asked), count);
    for (size_t i = 0; i < count; i++) {
        struct spool_record *record = keeper->records[i];
        const bool kept = record->state == SPOOL_LINKED;
        spool->files += kept;
        record->done(record, kept ? &record->name : NULL, kept ? NULL : &record->error);
    }
}

/* What is wrong is a batch's business as well, but for want of room: that does not keep a crowd out of the journal. */
static bool probe_outbox(struct keeper *keeper, struct error *err)
{
    if (!prove_outbox(keeper, err))
        return false;
    if (outbox_probe(&keeper->outbox, err))
        return true;
    if (err->kind != ERROR_NO_SPACE) {
        keeper->spool->failures++;
        outbox_close(&keeper->outbox);
    }
    return false;
}

static void keep_probe(struct keeper *keeper)
{
    struct spool *spool = keeper->spool;
    struct error err;
    proof_begin(&spool->proof, keeper->number);
    const bool kept = probe_outbox(keeper, &err) && check_room(spool, &keeper->outbox, &err);
    (void)proof_end(&spool->proof, keeper->number, kept ? NULL : &err, true);
}

static void let_go(struct keeper *keeper)
{
    struct publisher *publisher = keeper->spool->publisher;
    outbox_close(&keeper->outbox);
    if (publisher != NULL)
        publisher_let_go(publisher);
}

static void *run_keeper(void *argument)
{
    struct keeper *keeper = argument;
    struct turn turn;
    do {
        turn = take_turn(keeper);
        if (turn.doubted)
            let_go(keeper);
        if (turn.count > 0)
            keep_batch(keeper, turn.count, turn.asked);
        else if (turn.asked)
            keep_probe(keeper);
    } while (turn.count > 0 || turn.asked || turn.doubted);
    outbox_close(&keeper->outbox);      /* nobody would give it up when the disk goes */
    return NULL;
}

/* ---- counting ---- */

static void survey(struct spool *spool)
{
    uint64_t count = 0;
    for (size_t i = 0; i < spool->settings.queue_count; i++)
        directory_count(spool->settings.queues[i], spool->settings.extension, &count);
    spool->files = count;
}

/* ---- how it is ---- */

const struct error *spool_complaint(const struct spool *spool)
{
    return spool->journal != NULL || spool->complaint.kind == ERROR_NONE ? NULL : &spool->complaint;
}

static void ask_for_probe(struct spool *spool, int64_t patience)
{
    uint64_t answers;
    if (!proof_is_due(&spool->proof, &answers))
        return;
    (void)pthread_mutex_lock(&spool->lock);
    spool->asked = true;
    (void)pthread_cond_signal(&spool->work);
    (void)pthread_mutex_unlock(&spool->lock);
    proof_wait(&spool->proof, answers, patience);
}

void spool_look(struct spool *spool, int64_t patience, struct spool_state *out)
{
    *out = (struct spool_state){0};
    proof_read(&spool->proof, out);
    if (out->hangs < patience)          /* else it is known what will come of it */
        ask_for_probe(spool, patience);
    proof_read(&spool->proof, out);
    struct publisher *publisher = spool->publisher;
    if (publisher != NULL)
        publisher_trouble(publisher, &out->trouble);
    (void)pthread_mutex_lock(&spool->lock);
    const int64_t waits = spool->first == NULL ? 0 : sys_now() - spool->first->arrived;
    out->waiting = spool->waiting;
    out->waits = waits > 0 ? waits : 0; /* clocks may step */
    (void)pthread_mutex_unlock(&spool->lock);
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

/* A disk that is full today is no reason not to start: its outboxes prove themselves before their first batch. */
static bool open_outboxes(struct spool *spool, struct error *err)
{
    for (size_t i = 0; i < KEEPERS; i++) {
        struct keeper *keeper = &spool->keepers[i];
        keeper->spool = spool;
        keeper->number = i;
        if (!outbox_prove(&keeper->outbox, &spool->settings, err) && err->kind != ERROR_NO_SPACE)
            return false;
    }
    return true;
}

static bool start_thread(pthread_t *thread, bool *running, void *(*run)(void *), void *argument, struct error *err)
{
    errno = pthread_create(thread, NULL, run, argument);
    *running = errno == 0;
    return *running || error_os(err, "cannot start a thread of the spool");
}

static void close_journal(struct spool *spool)
{
    publisher_close(spool->publisher);
    journal_close(spool->journal);
    spool->publisher = NULL;
    spool->journal = NULL;
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
    (void)pthread_mutex_lock(&spool->lock);
    spool->publisher = publisher;
    spool->journal = journal;
    (void)pthread_cond_broadcast(&spool->work);     /* the second keeper may end */
    (void)pthread_mutex_unlock(&spool->lock);
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

/* The other process may have ended, and left something in it: nobody else publishes that before the next start. */
static void try_to_adopt(struct spool *spool)
{
    struct journal *journal = NULL;
    struct error err;
    if (find_journal(&spool->settings, &journal, &err) && (journal == NULL || use_journal(spool, journal, &err)))
        err.kind = ERROR_NONE;
    spool->awaits_journal = err.kind == ERROR_BUSY || err.kind == ERROR_NO_MEMORY;
    if (!spool->awaits_journal && spool->settings.adopted != NULL)
        spool->settings.adopted(err.kind == ERROR_NONE ? NULL : &err);
}

static void *run_surveyor(void *argument)
{
    struct spool *spool = argument;
    int64_t next_survey = sys_ticks() + SURVEY_SECONDS * SECOND;
    (void)pthread_mutex_lock(&spool->lock);
    while (!spool->closing) {
        const int64_t at = spool->awaits_journal ? sys_ticks() + ADOPT_SECONDS * SECOND : next_survey;
        const struct timespec until = {.tv_sec = at / SECOND, .tv_nsec = at % SECOND * 1000};
        if (pthread_cond_timedwait(&spool->end, &spool->lock, &until) != ETIMEDOUT)
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

static bool start_threads(struct spool *spool, struct error *err)
{
    const size_t keepers = spool->journal == NULL ? KEEPERS : 1;
    for (size_t i = 0; i < keepers; i++) {
        struct keeper *keeper = &spool->keepers[i];
        if (!start_thread(&keeper->thread, &keeper->running, run_keeper, keeper, err))
            return false;
    }
    for (size_t i = keepers; i < KEEPERS; i++)
        outbox_close(&spool->keepers[i].outbox);      /* nobody would give it up when the disk goes */
    return start_thread(&spool->surveyor, &spool->surveying, run_surveyor, spool, err);
}

static void init_locks(struct spool *spool)
{
    pthread_condattr_t monotonic;
    (void)pthread_mutex_init(&spool->lock, NULL);       /* these cannot fail on Linux */
    (void)pthread_cond_init(&spool->work, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&spool->end, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    proof_init(&spool->proof);
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
    *spool = (struct spool){.settings = *settings, .last = &spool->first};
    spool_set_limits(spool, settings->min_free, settings->max_files);
    for (size_t i = 0; i < KEEPERS; i++)
        outbox_init(&spool->keepers[i].outbox);
    init_locks(spool);
    if (!lock_and_sweep(settings, err) || !open_outboxes(spool, err) || !open_journal(spool, err) ||
        !start_threads(spool, err)) {
        spool_close(spool);
        return false;
    }
    survey(spool);
    *out = spool;
    return true;
}

void spool_set_limits(struct spool *spool, uint64_t min_free, uint64_t max_files)
{
    spool->min_free = min_free;
    spool->max_files = max_files;
}

void spool_submit(struct spool *spool, struct spool_record *record)
{
    assert(record->queue < spool->settings.queue_count);
    record->next = NULL;
    record->told = false;
    (void)pthread_mutex_lock(&spool->lock);
    const int64_t now = sys_now();
    record->arrived = now > spool->last_arrived ? now : spool->last_arrived + 1;    /* names rise, clocks may not */
    spool->last_arrived = record->arrived;
    *spool->last = record;
    spool->last = &record->next;
    spool->waiting++;
    (void)pthread_cond_signal(&spool->work);
    (void)pthread_mutex_unlock(&spool->lock);
}

void spool_doubt(struct spool *spool)
{
    (void)pthread_mutex_lock(&spool->lock);
    spool->doubts++;
    (void)pthread_cond_broadcast(&spool->work);
    (void)pthread_mutex_unlock(&spool->lock);
}

void spool_close(struct spool *spool)
{
    if (spool == NULL)
        return;
    (void)pthread_mutex_lock(&spool->lock);
    spool->closing = true;
    (void)pthread_cond_broadcast(&spool->work);
    (void)pthread_cond_broadcast(&spool->end);
    (void)pthread_mutex_unlock(&spool->lock);
    for (size_t i = 0; i < KEEPERS; i++) {
        if (spool->keepers[i].running)
            (void)pthread_join(spool->keepers[i].thread, NULL);
        outbox_close(&spool->keepers[i].outbox);
    }
    if (spool->surveying)
        (void)pthread_join(spool->surveyor, NULL);
    close_journal(spool);
    proof_fini(&spool->proof);
    (void)pthread_cond_destroy(&spool->end);
    (void)pthread_cond_destroy(&spool->work);
    (void)pthread_mutex_destroy(&spool->lock);
    sys.release(spool);
}
