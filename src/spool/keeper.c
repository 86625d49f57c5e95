/*
 * The decision hidden here: who waits for whom. Submitters put records into one queue and never wait. A keeper takes all
 * that is queued, so a batch needs no timer: what gathered while the last one was synced is the next one.
 * - Few records, or no journal: their files are made durable and visible before they are answered (batch.c). Without a
 *   journal two keepers take turns, so that the disk is never idle while records wait.
 * - A crowd, and a journal: the batch is made durable in the journal by one sync and answered (journal.c). A publisher
 *   makes the files from it afterwards (publisher.c). While it has not made all of them, few records go through the journal
 *   too: who has his answer and sends again should not find his second file before his first. (Where the journal is full,
 *   and with huge records, that can still happen. The names tell the order.)
 */
#include "keeper.h"

#include "base/sys.h"
#include "journal.h"
#include "publisher.h"

#include <assert.h>
#include <errno.h>

enum { CROWD = 8 };                     /* so many waiting are kept faster in the journal */

/* ---- the queue ---- */

void keepers_submit(struct keepers *keepers, struct spool_record *record)
{
    assert(record->queue < keepers->settings->queue_count);
    record->next = NULL;
    record->told = false;
    (void)pthread_mutex_lock(&keepers->lock);
    const int64_t now = sys_now();
    record->arrived = now > keepers->last_arrived ? now : keepers->last_arrived + 1;    /* names rise, clocks may not */
    keepers->last_arrived = record->arrived;
    *keepers->last = record;
    keepers->last = &record->next;
    keepers->waiting++;
    (void)pthread_cond_signal(&keepers->work);
    (void)pthread_mutex_unlock(&keepers->lock);
}

void keepers_doubt(struct keepers *keepers)
{
    (void)pthread_mutex_lock(&keepers->lock);
    keepers->doubts++;
    (void)pthread_cond_broadcast(&keepers->work);
    (void)pthread_mutex_unlock(&keepers->lock);
}

/* The second keeper is for a spool without a journal, which one thread appends to. */
static bool is_needed(const struct keeper *keeper)
{
    return keeper == &keeper->keepers->at[0] || keeper->keepers->journal == NULL;
}

/* What a keeper is to do. Nothing: it ends. */
struct turn {
    size_t count;                       /* of records to be kept */
    bool asked;                         /* for a probe, or for a batch that is kept anyway */
    bool doubted;
};

static struct turn take_turn(struct keeper *keeper)
{
    struct keepers *keepers = keeper->keepers;
    struct turn turn = {0};
    (void)pthread_mutex_lock(&keepers->lock);
    while (keepers->first == NULL && !keepers->closing && !keepers->asked && is_needed(keeper) &&
           keeper->doubts == keepers->doubts)
        (void)pthread_cond_wait(&keepers->work, &keepers->lock);
    turn.doubted = keeper->doubts != keepers->doubts;
    keeper->doubts = keepers->doubts;
    if (is_needed(keeper)) {
        while (keepers->first != NULL && turn.count < MOST_IN_BATCH) {
            keeper->records[turn.count++] = keepers->first;
            keepers->first = keepers->first->next;
        }
        turn.asked = keepers->asked;
        keepers->asked = false;
    }
    if (keepers->first == NULL)
        keepers->last = &keepers->first;
    if (keepers->first != NULL || keepers->asked)
        (void)pthread_cond_signal(&keepers->work);
    keeper->journal = keepers->journal;
    keepers->waiting -= turn.count;
    (void)pthread_mutex_unlock(&keepers->lock);
    return turn;
}

/* ---- keeping ---- */

static bool check_room(const struct keepers *keepers, const struct outbox *outbox, struct error *err)
{
    const uint64_t min_free = keepers->min_free;
    const uint64_t max_files = keepers->max_files;
    struct statvfs disk;
    if (sys.fstatvfs(outbox->queues[0], &disk) != 0)
        return error_os(err, "cannot ask for the free space of '%s'", keepers->settings->queues[0]);
    const uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free_bytes < min_free)
        return error_set(err, ERROR_NO_SPACE, "'%s' has %llu bytes free, min-free is %llu",
                         keepers->settings->queues[0], (unsigned long long)free_bytes, (unsigned long long)min_free);
    if (keepers->files >= max_files)
        return error_set(err, ERROR_BUSY, "'%s' holds %llu files, max-inbox-files is %llu",
                         keepers->settings->queues[0], (unsigned long long)keepers->files,
                         (unsigned long long)max_files);
    return true;
}

/* After a failed sync, here or at the other keeper: fresh descriptors, and a probe that is kept. */
static bool prove_outbox(struct keeper *keeper, struct error *err)
{
    struct keepers *keepers = keeper->keepers;
    const unsigned failures = keepers->failures;
    if (keeper->proved != failures)
        outbox_close(&keeper->outbox);
    keeper->proved = failures;
    if (outbox_prove(&keeper->outbox, keepers->settings, err))
        return true;
    if (err->kind == ERROR_NO_SPACE)
        return false;
    err->kind = ERROR_BUSY;
    if (keepers->publisher != NULL)
        publisher_let_go(keepers->publisher);     /* it may be the same disk, and somebody wants to unmount it */
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
    struct keepers *keepers = keeper->keepers;
    struct error err;
    size_t answered = 0;
    while (answered < count) {
        struct spool_record **records = keeper->records + answered;
        const size_t chosen = choose_for_journal(keeper, records, count - answered);
        const enum journal_result result = chosen == 0 ? JOURNAL_FULL
                                                       : journal_append(keeper->journal, records, chosen, &err);
        if (result == JOURNAL_FULL) {
            publisher_wake(keepers->publisher);   /* it may be full of what was found in it just now */
            break;
        }
        if (result == JOURNAL_FAILED) {
            refuse_records(records, count - answered, &err);
            keepers->failures++;
            return count;
        }
        for (size_t i = 0; i < chosen; i++)
            records[i]->state = SPOOL_LINKED;
        answered += chosen;
        publisher_wake(keepers->publisher);
    }
    return answered;
}

/* Something is wrong, and it is no want of room: the next batch gets an outbox that was proved anew. */
static bool distrusts_outbox(const struct keeper *keeper, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (keeper->records[i]->state == SPOOL_FAILED && keeper->records[i]->error.kind == ERROR_SYSTEM)
            return true;
    return keeper->proved != keeper->keepers->failures;
}

static void make_durable(struct keeper *keeper, size_t count)
{
    struct keepers *keepers = keeper->keepers;
    struct error err;
    if (!prove_outbox(keeper, &err) || !check_room(keepers, &keeper->outbox, &err)) {
        refuse_records(keeper->records, count, &err);
    } else {
        const size_t answered = wants_journal(keeper, count) ? keep_in_journal(keeper, count) : 0;
        if (answered < count && !outbox_commit(&keeper->outbox, keeper->records + answered, count - answered))
            keepers->failures++;
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
    struct keepers *keepers = keeper->keepers;
    proof_begin(&keepers->proof, keeper->number);
    make_durable(keeper, count);
    const struct error *refusal = find_refusal(keeper, count);
    count_batch(keepers->settings, proof_end(&keepers->proof, keeper->number, refusal, asked), count);
    for (size_t i = 0; i < count; i++) {
        struct spool_record *record = keeper->records[i];
        const bool kept = record->state == SPOOL_LINKED;
        keepers->files += kept;
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
        keeper->keepers->failures++;
        outbox_close(&keeper->outbox);
    }
    return false;
}

static void keep_probe(struct keeper *keeper)
{
    struct keepers *keepers = keeper->keepers;
    struct error err;
    proof_begin(&keepers->proof, keeper->number);
    const bool kept = probe_outbox(keeper, &err) && check_room(keepers, &keeper->outbox, &err);
    (void)proof_end(&keepers->proof, keeper->number, kept ? NULL : &err, true);
}

static void let_go(struct keeper *keeper)
{
    struct publisher *publisher = keeper->keepers->publisher;
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

/* ---- how they are ---- */

static void ask_for_probe(struct keepers *keepers, int64_t patience)
{
    uint64_t answers;
    if (!proof_is_due(&keepers->proof, &answers))
        return;
    (void)pthread_mutex_lock(&keepers->lock);
    keepers->asked = true;
    (void)pthread_cond_signal(&keepers->work);
    (void)pthread_mutex_unlock(&keepers->lock);
    proof_wait(&keepers->proof, answers, patience);
}

void keepers_look(struct keepers *keepers, int64_t patience, struct spool_state *out)
{
    *out = (struct spool_state){0};
    proof_read(&keepers->proof, out);
    if (out->hangs < patience)          /* else it is known what will come of it */
        ask_for_probe(keepers, patience);
    proof_read(&keepers->proof, out);
    struct publisher *publisher = keepers->publisher;
    if (publisher != NULL)
        publisher_trouble(publisher, &out->trouble);
    (void)pthread_mutex_lock(&keepers->lock);
    const int64_t waits = keepers->first == NULL ? 0 : sys_now() - keepers->first->arrived;
    out->waiting = keepers->waiting;
    out->waits = waits > 0 ? waits : 0; /* clocks may step */
    (void)pthread_mutex_unlock(&keepers->lock);
}

/* ---- starting and stopping ---- */

void keepers_init(struct keepers *keepers, const struct spool_settings *settings)
{
    *keepers = (struct keepers){.settings = settings, .last = &keepers->first};
    (void)pthread_mutex_init(&keepers->lock, NULL);     /* these cannot fail on Linux */
    (void)pthread_cond_init(&keepers->work, NULL);
    proof_init(&keepers->proof);
    for (size_t i = 0; i < KEEPERS; i++) {
        keepers->at[i].keepers = keepers;
        keepers->at[i].number = i;
        outbox_init(&keepers->at[i].outbox);
    }
}

/* A disk that is full today is no reason not to start: its outboxes prove themselves before their first batch. */
bool keepers_prove(struct keepers *keepers, struct error *err)
{
    for (size_t i = 0; i < KEEPERS; i++) {
        struct keeper *keeper = &keepers->at[i];
        if (!outbox_prove(&keeper->outbox, keepers->settings, err) && err->kind != ERROR_NO_SPACE)
            return false;
    }
    return true;
}

void keepers_use_journal(struct keepers *keepers, struct journal *journal, struct publisher *publisher)
{
    (void)pthread_mutex_lock(&keepers->lock);
    keepers->publisher = publisher;
    keepers->journal = journal;
    (void)pthread_cond_broadcast(&keepers->work);       /* the second keeper may end */
    (void)pthread_mutex_unlock(&keepers->lock);
}

bool keepers_start(struct keepers *keepers, struct error *err)
{
    const size_t count = keepers->journal == NULL ? KEEPERS : 1;
    for (size_t i = 0; i < count; i++) {
        struct keeper *keeper = &keepers->at[i];
        errno = pthread_create(&keeper->thread, NULL, run_keeper, keeper);
        keeper->running = errno == 0;
        if (!keeper->running)
            return error_os(err, "cannot start a thread of the spool");
    }
    for (size_t i = count; i < KEEPERS; i++)
        outbox_close(&keepers->at[i].outbox);           /* nobody would give it up when the disk goes */
    return true;
}

void keepers_stop(struct keepers *keepers)
{
    (void)pthread_mutex_lock(&keepers->lock);
    keepers->closing = true;
    (void)pthread_cond_broadcast(&keepers->work);
    (void)pthread_mutex_unlock(&keepers->lock);
    for (size_t i = 0; i < KEEPERS; i++) {
        if (keepers->at[i].running)
            (void)pthread_join(keepers->at[i].thread, NULL);
        keepers->at[i].running = false;
        outbox_close(&keepers->at[i].outbox);
    }
}

void keepers_fini(struct keepers *keepers)
{
    proof_fini(&keepers->proof);
    (void)pthread_cond_destroy(&keepers->work);
    (void)pthread_mutex_destroy(&keepers->lock);
}
