/*
 * The decision hidden here: which of two segments is written, and when it may be written over.
 *
 * - The segments take turns. One is begun anew only when all its batches are files on stable storage. Which those are is
 *   told by the highest `published` in any valid header or mark. It may be behind the truth: then files are made again
 *   that were there, or that the reader had taken already. Twice is allowed, lost is not.
 * - After a failed sync the kernel takes the lost pages for clean. The memory would show them, the disk not; a batch
 *   behind them would be cut off. So nothing is appended there any more: what was acknowledged before is published,
 *   and then the other segment is begun through fresh descriptors. The same after a start, for the same reason.
 * - A disk may go away and come back. Descriptors of a file system that was shut down never work again, and keep it
 *   from being mounted anew: so when anything goes wrong they are closed, now or before they are used again.
 */
#include "journal.h"

#include "base/sys.h"
#include "journal_files.h"
#include "segment.h"

#include <pthread.h>

enum {
    SEGMENTS = JOURNAL_FILES,
    LEAST_SEGMENT = 16 * SEGMENT_BLOCK,
    SHOWN = 4 * JOURNAL_MOST_BATCH,     /* read back at a time */
};

struct segment {
    uint64_t lap;
    uint64_t end;                       /* of the batches that count */
    uint64_t last;                      /* the number of the last of them */
};

struct ring {
    struct segment segments[SEGMENTS];
    unsigned active;                    /* that is appended to */
};

struct cursor {
    unsigned segment;
    uint64_t at;
    uint64_t number;                    /* of the batch before it */
};

struct journal {
    uint64_t size;                      /* of a segment; 0: nothing is appended */
    char *staging;                      /* the appender's */
    char *shown;                        /* the reader's */
    struct cursor reading;              /* the reader's: behind what was read last */

    pthread_mutex_t lock;               /* guards what follows */
    struct journal_files files;
    struct ring ring;
    struct cursor read;                 /* behind what was forgotten last */
    bool suspended;                     /* until all that was kept is published */
    bool failed;                        /* a sync did, or the disk went: the descriptors are to be made anew */
    unsigned users;                     /* of the open files, outside of the lock: until 0 these are not closed */
    uint64_t number;                    /* given last */
    uint64_t kept;                      /* the last one that was acknowledged */
    uint64_t lap;                       /* of the segment that it is in: this journal's mark among others */
    uint64_t published;                 /* all up to this one are files */
};

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Moves on from the end of a segment that is written no more. False: the cursor is behind all there is. */
static bool find_next(const struct ring *ring, struct cursor *cursor)
{
    if (cursor->segment != ring->active && cursor->at >= ring->segments[cursor->segment].end) {
        cursor->segment = ring->active;
        cursor->at = SEGMENT_BLOCK;
    }
    return cursor->at < ring->segments[cursor->segment].end;
}

/* ---- the segments ---- */

/* Each segment as far as it goes: one may be short, or missing. Twice: what is published shows only when all headers
 * were seen. */
static bool scan(const struct journal *journal, const uint64_t sizes[SEGMENTS], uint64_t *published,
                 struct segment_contents found[SEGMENTS], struct error *err)
{
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < SEGMENTS; i++) {
            if (!segment_scan(journal->files.fds[i], sizes[i], *published, journal->shown, &found[i], err))
                return false;
            *published = larger(*published, found[i].published);
        }
    return true;
}

static unsigned newer_of(const struct segment_contents found[SEGMENTS])
{
    return found[1].last > found[0].last ? 1 : 0;
}

/* The one that the first unpublished batch is in. */
static unsigned first_of(const struct segment_contents found[SEGMENTS])
{
    const unsigned newer = newer_of(found);
    return found[1 - newer].fresh_number > 0 ? 1 - newer : newer;
}

/* All from the first unpublished batch to the last one that was acknowledged. */
static bool holds_all(const struct journal *journal, const struct segment_contents found[SEGMENTS])
{
    const unsigned newer = newer_of(found);
    const unsigned first = first_of(found);
    return found[newer].last >= journal->kept && found[first].fresh_number == journal->published + 1 &&
           (first == newer || found[newer].fresh_number == found[first].last + 1);
}

static void adopt(struct journal *journal, const struct segment_contents found[SEGMENTS], uint64_t published)
{
    const unsigned newer = newer_of(found);
    const unsigned first = first_of(found);
    for (unsigned i = 0; i < SEGMENTS; i++)
        journal->ring.segments[i] = (struct segment){found[i].lap, found[i].end, found[i].last};
    journal->ring.active = newer;
    journal->published = found[first].fresh_number > 0 ? found[first].fresh_number - 1 : published;
    journal->read = (struct cursor){first, found[first].fresh, journal->published};
    journal->kept = found[newer].last;
    journal->lap = found[newer].lap;
    journal->number = larger(journal->number, larger(journal->kept, journal->published));
    journal->suspended = true;
}

/* Another journal may have come to lie there, when a disk was mounted over the directory: its numbers say nothing of
 * ours. What is in it is published too, as at a start. */
static bool find_unpublished(struct journal *journal, const uint64_t sizes[SEGMENTS], struct error *err)
{
    struct segment_contents found[SEGMENTS];
    uint64_t published = journal->published;
    if (!scan(journal, sizes, &published, found, err))
        return false;
    const bool ours = found[0].lap == journal->lap || found[1].lap == journal->lap;
    if (journal->kept > journal->published && !(ours && holds_all(journal, found)))
        return error_set(err, ERROR_SYSTEM, "'%s' does not hold all that was kept in the journal", journal->files.path);
    if (!ours && journal->kept > 0) {
        published = 0;
        if (!scan(journal, sizes, &published, found, err))
            return false;
    }
    adopt(journal, found, published);
    return true;
}

/* A batch may be staged, but nothing that is shown is still used. */
static bool resize(struct journal *journal, struct error *err)
{
    if (!journal_files_fill(&journal->files, journal->size, journal->shown, err))
        return false;
    for (unsigned i = 0; i < SEGMENTS; i++) {
        journal->ring.segments[i].end = SEGMENT_BLOCK;
        journal->ring.segments[i].last = 0;
    }
    journal->read = (struct cursor){journal->ring.active, SEGMENT_BLOCK, journal->number};
    return true;
}

/* A segment with batches that are not files yet is left as it is: it grows as far as it must. */
static bool prepare(struct journal *journal, struct error *err)
{
    uint64_t sizes[SEGMENTS];
    if (!journal_files_open(&journal->files, err) || !journal_files_find_sizes(&journal->files, sizes, err) ||
        !find_unpublished(journal, sizes, err))
        return false;
    const bool fits = sizes[0] == journal->size && sizes[1] == journal->size;
    return fits || journal->published < journal->kept || resize(journal, err);
}

/* By their path, and from what is there now. */
static bool reopen(struct journal *journal, struct error *err)
{
    journal_files_close(&journal->files);
    journal->failed = !prepare(journal, err);
    if (journal->failed)
        journal_files_close(&journal->files);
    return !journal->failed;
}

/* Under the lock. */
static void let_go(struct journal *journal)
{
    journal->suspended = journal->failed = true;
    if (journal->users == 0)
        journal_files_close(&journal->files);
}

void journal_let_go(struct journal *journal)
{
    (void)pthread_mutex_lock(&journal->lock);
    let_go(journal);
    (void)pthread_mutex_unlock(&journal->lock);
}

/* The cursor moves on first, while the end that it may stand at is still known. */
static bool begin_segment(struct journal *journal, unsigned segment)
{
    struct ring *ring = &journal->ring;
    uint64_t lap;
    if (sys.getrandom(&lap, sizeof lap, 0) != (ssize_t)sizeof lap)
        return false;
    (void)find_next(ring, &journal->read);
    ring->segments[segment] = (struct segment){.lap = lap, .end = SEGMENT_BLOCK};
    ring->active = segment;
    return true;
}

/* ---- reading ---- */

static size_t read_batches(struct journal *journal, const struct ring *ring, struct cursor cursor,
                           struct spool_record *records, size_t most, struct error *err)
{
    size_t count = 0;
    size_t used = 0;
    while (find_next(ring, &cursor) && used + JOURNAL_MOST_BATCH <= SHOWN && count + JOURNAL_MOST_RECORDS <= most) {
        const struct segment *segment = &ring->segments[cursor.segment];
        char *bytes = journal->shown + used;
        if (!segment_read(journal->files.fds[cursor.segment], segment->end, cursor.at, bytes, err)) {
            if (err->kind == ERROR_NONE)
                (void)error_set(err, ERROR_SYSTEM, "a batch of the journal cannot be read back");
            return count > 0 ? count : SIZE_MAX;
        }
        const struct segment_batch *batch = (const struct segment_batch *)(const void *)bytes;
        segment_read_records(batch, records + count);
        count += batch->count;
        used += segment_batch_size(batch);
        cursor.at += segment_batch_size(batch);
        cursor.number = batch->number;
        journal->reading = cursor;
    }
    return count;
}

/* What is read does not change meanwhile: a segment with batches that are not forgotten is not begun anew. */
size_t journal_read(struct journal *journal, struct spool_record *records, size_t most, struct error *err)
{
    (void)pthread_mutex_lock(&journal->lock);
    const bool ready = journal_files_are_open(&journal->files) || reopen(journal, err);
    const struct ring ring = journal->ring;
    const struct cursor from = journal->read;
    journal->users += ready;
    (void)pthread_mutex_unlock(&journal->lock);
    if (!ready)
        return SIZE_MAX;
    const size_t count = read_batches(journal, &ring, from, records, most, err);
    (void)pthread_mutex_lock(&journal->lock);
    journal->users--;
    (void)pthread_mutex_unlock(&journal->lock);
    return count;
}

/* The mark is not synced: it saves work after a kill, and after a power cut the next synced header tells the same. */
void journal_forget(struct journal *journal)
{
    (void)pthread_mutex_lock(&journal->lock);
    journal->read = journal->reading;
    journal->published = larger(journal->published, journal->read.number);
    if (journal_files_are_open(&journal->files))
        segment_write_mark(journal->files.fds[0], journal->published);
    (void)pthread_mutex_unlock(&journal->lock);
}

bool journal_is_empty(struct journal *journal)
{
    (void)pthread_mutex_lock(&journal->lock);
    const bool is_empty = journal->published >= journal->kept;
    (void)pthread_mutex_unlock(&journal->lock);
    return is_empty;
}

/* ---- appending ---- */

size_t journal_room(const struct journal *journal)
{
    const uint64_t most = journal->size > JOURNAL_MOST_BATCH ? JOURNAL_MOST_BATCH : journal->size - SEGMENT_BLOCK;
    return journal->size == 0 ? 0 : (size_t)most - sizeof(struct segment_batch);
}

size_t journal_record_size(const struct spool_record *record)
{
    return segment_record_size(record);
}

/* By descriptors that know of no error. True: nothing is there that is not a file yet. */
static bool reopen_published(struct journal *journal)
{
    struct error ignored;
    journal->published = journal->number;       /* also those that were refused */
    return reopen(journal, &ignored) && journal->published >= journal->kept;
}

/* All is published: begins anew in the other segment. False: the records are kept the other way, and the next batch tries
 * again. */
static bool resume(struct journal *journal)
{
    if (journal->published < journal->kept || (journal->failed && !reopen_published(journal)))
        return false;
    journal->published = journal->number;
    if (!begin_segment(journal, 1 - journal->ring.active))
        return false;
    journal->suspended = false;
    return true;
}

static bool find_room(struct journal *journal, uint64_t size)
{
    const struct ring *ring = &journal->ring;
    if (SEGMENT_BLOCK + size > journal->size)
        return false;
    if (!journal_files_are_in_place(&journal->files))
        journal->suspended = journal->failed = true;
    if (journal->suspended && !resume(journal))
        return false;
    if (ring->segments[ring->active].end + size <= journal->size)
        return true;
    const unsigned other = 1 - ring->active;
    return ring->segments[other].last <= journal->published && begin_segment(journal, other);
}

/* The files stay open while `users` counts us, and the active segment is nobody else's to change meanwhile. */
static enum journal_result write_batch(int fd, struct segment_batch *batch, uint64_t at, struct error *err)
{
    if (!segment_write(fd, batch, at))
        (void)error_os(err, "cannot write the journal");
    else if (sys_fdatasync(fd) != 0)
        (void)error_os(err, "cannot sync the journal");
    else
        return JOURNAL_KEPT;
    if (err->kind == ERROR_SYSTEM)
        err->kind = ERROR_BUSY;
    return JOURNAL_FAILED;
}

enum journal_result journal_append(struct journal *journal, struct spool_record **records, size_t count,
                                   struct error *err)
{
    struct segment_batch *batch = segment_stage(journal->staging, records, count);
    (void)pthread_mutex_lock(&journal->lock);
    const bool has_room = find_room(journal, segment_batch_size(batch));
    struct segment *active = &journal->ring.segments[journal->ring.active];
    const int fd = journal->files.fds[journal->ring.active];
    batch->lap = active->lap;
    batch->number = journal->number + 1;
    batch->published = journal->published;
    journal->users += has_room;
    (void)pthread_mutex_unlock(&journal->lock);
    if (!has_room)
        return JOURNAL_FULL;

    const enum journal_result result = write_batch(fd, batch, active->end, err);
    (void)pthread_mutex_lock(&journal->lock);
    journal->users--;
    journal->number = batch->number;
    if (result == JOURNAL_KEPT) {
        journal->kept = active->last = batch->number;
        journal->lap = active->lap;
        active->end += segment_batch_size(batch);
    } else {
        journal->suspended = journal->failed = true;
        if (journal->published >= journal->kept)
            let_go(journal);
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return result;
}

/* ---- opening ---- */

/* `needed` is false where no journal is wanted and nothing was left. */
static bool set_up(struct journal *journal, bool *needed, struct error *err)
{
    *needed = journal->size > 0 || (journal->files.path != NULL && journal_files_exist(journal->files.path));
    if (!*needed)
        return true;
    journal->staging = sys.allocate(JOURNAL_MOST_BATCH);
    journal->shown = sys.allocate(SHOWN);
    if (journal->staging == NULL || journal->shown == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the journal");
    return prepare(journal, err);
}

bool journal_open(const char *directory, uint64_t size_bytes, struct journal **out, struct error *err)
{
    const uint64_t half = size_bytes / SEGMENTS / SEGMENT_BLOCK * SEGMENT_BLOCK;
    bool needed = false;
    struct journal *journal = sys.allocate(sizeof *journal);
    if (journal == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the journal");
    *journal = (struct journal){.size = size_bytes == 0 ? 0 : larger(half, LEAST_SEGMENT)};
    journal_files_init(&journal->files, directory);
    (void)pthread_mutex_init(&journal->lock, NULL);     /* cannot fail on Linux */
    const bool done = set_up(journal, &needed, err);
    if (done)
        *out = needed ? journal : NULL;
    if (!done || !needed)
        journal_close(journal);
    return done;
}

/* After a clean end nothing is to be done again: the mark is synced. */
void journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    if (journal_files_are_open(&journal->files) && journal->published > 0 && journal->published >= journal->kept)
        (void)!sys_fdatasync(journal->files.fds[0]);    /* else files are made twice at the next start */
    journal_files_close(&journal->files);
    sys.release(journal->staging);
    sys.release(journal->shown);
    (void)pthread_mutex_destroy(&journal->lock);
    sys.release(journal);
}
