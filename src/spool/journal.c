/*
 * The decision hidden here: which of two segments is written, and when it may be written over.
 *
 * - The segments take turns. One is begun anew only when all its batches are files on stable storage. Which those are is
 *   told by the highest `published` in any valid header or mark. It may be behind the truth: then files are made again
 *   that were there, or that the reader had taken already. Twice is allowed, lost is not.
 * - After a failed sync the kernel takes the lost pages for clean. The memory would show them, the disk not; a batch
 *   behind them would be cut off. So nothing is appended there any more: what was acknowledged before is published,
 *   and then the other segment is begun through fresh descriptors. The same after a start, for the same reason.
 * - The segments' names are made durable before the first batch, and are never removed: a process that had opened
 *   such a file would lock and fill one that nobody finds again.
 */
#include "journal.h"

#include "base/sys.h"
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>

enum {
    SEGMENTS = 2,
    LEAST_SEGMENT = 16 * SEGMENT_BLOCK,
    SHOWN = 4 * JOURNAL_MOST_BATCH,     /* read back at a time */
    FILE_MODE = 0640,
};

struct segment {
    int fd;
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
    int directory;
    uint64_t size;                      /* of a segment; 0: nothing is appended */
    char *staging;                      /* the appender's */
    char *shown;                        /* the reader's */
    struct cursor reading;              /* the reader's: behind what was read last */

    pthread_mutex_t lock;               /* guards what follows */
    struct ring ring;
    struct cursor read;                 /* behind what was forgotten last */
    bool suspended;                     /* until all that was kept is published */
    bool failed;                        /* a sync did: the descriptors are to be made anew */
    uint64_t number;                    /* given last */
    uint64_t kept;                      /* the last one that was acknowledged */
    uint64_t published;                 /* all up to this one are files */
};

static const char *const segment_names[SEGMENTS] = {"segment-0", "segment-1"};

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

/* ---- reading ---- */

/* What is read does not change meanwhile: a segment with batches that are not forgotten is not begun anew. */
size_t journal_read(struct journal *journal, struct spool_record *records, size_t most, struct error *err)
{
    size_t count = 0;
    size_t used = 0;
    (void)pthread_mutex_lock(&journal->lock);
    const struct ring ring = journal->ring;
    struct cursor cursor = journal->read;
    (void)pthread_mutex_unlock(&journal->lock);
    while (find_next(&ring, &cursor) && used + JOURNAL_MOST_BATCH <= SHOWN && count + JOURNAL_MOST_RECORDS <= most) {
        const struct segment *segment = &ring.segments[cursor.segment];
        char *bytes = journal->shown + used;
        if (!segment_read(segment->fd, segment->end, cursor.at, bytes, err)) {
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

/* The mark is not synced: it saves work after a kill, and after a power cut the next synced header tells the same. */
void journal_forget(struct journal *journal)
{
    (void)pthread_mutex_lock(&journal->lock);
    journal->read = journal->reading;
    journal->published = larger(journal->published, journal->read.number);
    segment_write_mark(journal->ring.segments[0].fd, journal->published);
    (void)pthread_mutex_unlock(&journal->lock);
}

bool journal_is_empty(struct journal *journal)
{
    (void)pthread_mutex_lock(&journal->lock);
    const bool is_empty = journal->published >= journal->kept;
    (void)pthread_mutex_unlock(&journal->lock);
    return is_empty;
}

/* ---- the segments ---- */

static void close_segments(struct journal *journal)
{
    for (unsigned i = 0; i < SEGMENTS; i++) {
        if (journal->ring.segments[i].fd >= 0)
            (void)sys.close(journal->ring.segments[i].fd);      /* what mattered was synced */
        journal->ring.segments[i].fd = -1;
    }
}

/* Without the lock another process might write over what we acknowledge: no lock, no journal. */
static bool lock_segments(const struct journal *journal, struct error *err)
{
    if (flock(journal->ring.segments[0].fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return error_set(err, ERROR_BUSY, "another process uses the journal");
    return error_os(err, "cannot lock the journal");
}

/* Their names may be new, or be left by a process that was killed before it synced them. */
static bool open_segments(struct journal *journal, struct error *err)
{
    for (unsigned i = 0; i < SEGMENTS; i++) {
        const int fd =
            sys.openat(journal->directory, segment_names[i], O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        journal->ring.segments[i].fd = fd;
        if (fd < 0)
            return error_os(err, "cannot open the journal '%s'", segment_names[i]);
    }
    if (sys_fsync(journal->directory) != 0)
        return error_os(err, "cannot sync the directory of the journal");
    return lock_segments(journal, err);
}

/* The cursor moves on first, while the end that it may stand at is still known. */
static bool begin_segment(struct journal *journal, unsigned segment)
{
    struct ring *ring = &journal->ring;
    uint64_t lap;
    if (sys.getrandom(&lap, sizeof lap, 0) != (ssize_t)sizeof lap)
        return false;
    (void)find_next(ring, &journal->read);
    ring->segments[segment] = (struct segment){.fd = ring->segments[segment].fd, .lap = lap, .end = SEGMENT_BLOCK};
    ring->active = segment;
    return true;
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

/* All is published: begins anew in the other segment, after a failed sync through descriptors that know of no error.
 * False: the records are kept the other way, and the next batch tries again. */
static bool resume(struct journal *journal)
{
    struct error ignored;
    if (journal->published < journal->kept)
        return false;
    if (journal->failed) {
        close_segments(journal);
        if (!open_segments(journal, &ignored))
            return false;
    }
    if (!begin_segment(journal, 1 - journal->ring.active))
        return false;
    journal->published = journal->number;       /* also those that were refused */
    journal->suspended = false;
    journal->failed = false;
    return true;
}

static bool find_room(struct journal *journal, uint64_t size)
{
    const struct ring *ring = &journal->ring;
    if (SEGMENT_BLOCK + size > journal->size || (journal->suspended && !resume(journal)))
        return false;
    if (ring->segments[ring->active].end + size <= journal->size)
        return true;
    const unsigned other = 1 - ring->active;
    return ring->segments[other].last <= journal->published && begin_segment(journal, other);
}

/* Only the appender changes what this reads. */
static enum journal_result write_batch(const struct segment *segment, struct segment_batch *batch, struct error *err)
{
    if (!segment_write(segment->fd, batch, segment->end))
        (void)error_os(err, "cannot write the journal");
    else if (sys_fdatasync(segment->fd) != 0)
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
    const struct segment segment = *active;
    batch->lap = segment.lap;
    batch->number = journal->number + 1;
    batch->published = journal->published;
    (void)pthread_mutex_unlock(&journal->lock);
    if (!has_room)
        return JOURNAL_FULL;

    const enum journal_result result = write_batch(&segment, batch, err);
    (void)pthread_mutex_lock(&journal->lock);
    journal->number = batch->number;
    if (result == JOURNAL_KEPT) {
        journal->kept = active->last = batch->number;
        active->end += segment_batch_size(batch);
    } else {
        journal->suspended = journal->failed = true;
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return result;
}

/* ---- opening ---- */

static bool find_sizes(const struct journal *journal, uint64_t sizes[SEGMENTS], struct error *err)
{
    for (unsigned i = 0; i < SEGMENTS; i++) {
        struct stat status;
        if (sys.fstat(journal->ring.segments[i].fd, &status) != 0)
            return error_os(err, "cannot ask for the size of the journal '%s'", segment_names[i]);
        if (!S_ISREG(status.st_mode))
            return error_set(err, ERROR_SYSTEM, "the journal '%s' is not a file", segment_names[i]);
        sizes[i] = (uint64_t)status.st_size;
    }
    return true;
}

/* Each segment as far as it goes: one may be short, or missing. Twice: what is published shows only when all headers
 * were seen. */
static bool find_unpublished(struct journal *journal, const uint64_t sizes[SEGMENTS], struct error *err)
{
    struct ring *ring = &journal->ring;
    struct segment_contents found[SEGMENTS];
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < SEGMENTS; i++) {
            struct segment *segment = &ring->segments[i];
            if (!segment_scan(segment->fd, sizes[i], journal->published, journal->shown, &found[i], err))
                return false;
            *segment = (struct segment){segment->fd, found[i].lap, found[i].end, found[i].last};
            journal->published = larger(journal->published, found[i].published);
        }
    const unsigned newer = found[1].last > found[0].last ? 1 : 0;
    const unsigned older = 1 - newer;
    const unsigned first = found[older].last > journal->published ? older : newer;
    ring->active = newer;
    journal->read = (struct cursor){first, found[first].fresh, journal->published};
    journal->kept = found[newer].last;
    journal->number = larger(journal->kept, journal->published);    /* the newest batches may be lost on the disk */
    journal->suspended = true;
    return true;
}

/* Both are emptied first: what one still holds is published, and is not to be told again when the other fails. */
static bool make_room(struct journal *journal, uint64_t size)
{
    const struct segment *segments = journal->ring.segments;
    bool made = true;
    for (unsigned i = 0; i < SEGMENTS; i++)
        made = sys.ftruncate(segments[i].fd, 0) == 0 && made;
    for (unsigned i = 0; made && i < SEGMENTS; i++)
        made = segment_fill(segments[i].fd, size, journal->staging);
    return made;
}

static bool resize(struct journal *journal, uint64_t size, struct error *err)
{
    if (!make_room(journal, size)) {
        (void)error_os(err, "cannot make room for the journal");
        for (unsigned i = 0; i < SEGMENTS; i++)
            (void)!sys.ftruncate(journal->ring.segments[i].fd, 0);  /* else it keeps from the reports what is left */
        return false;
    }
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
    if (!open_segments(journal, err) || !find_sizes(journal, sizes, err) || !find_unpublished(journal, sizes, err))
        return false;
    const bool fits = sizes[0] == journal->size && sizes[1] == journal->size;
    return fits || !journal_is_empty(journal) || resize(journal, journal->size, err);
}

static bool has_segment(int directory)
{
    for (unsigned i = 0; i < SEGMENTS; i++) {
        const int fd = sys.openat(directory, segment_names[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd >= 0)
            (void)sys.close(fd);        /* only looked for */
        return true;
    }
    return false;
}

/* `needed` is false where no journal is wanted and nothing was left. */
static bool set_up(struct journal *journal, const char *path, bool *needed, struct error *err)
{
    const bool wanted = journal->size > 0;
    journal->directory = path == NULL ? -1 : sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (journal->directory < 0 && !wanted && (path == NULL || errno == ENOENT))
        return true;
    if (journal->directory < 0)
        return error_os(err, "cannot open the directory '%s'", path);
    *needed = wanted || has_segment(journal->directory);
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
    *journal = (struct journal){.size = size_bytes == 0 ? 0 : larger(half, LEAST_SEGMENT), .directory = -1};
    for (unsigned i = 0; i < SEGMENTS; i++)
        journal->ring.segments[i].fd = -1;
    (void)pthread_mutex_init(&journal->lock, NULL);     /* cannot fail on Linux */
    const bool done = set_up(journal, directory, &needed, err);
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
    const int first = journal->ring.segments[0].fd;
    if (first >= 0 && journal->published > 0 && journal->published >= journal->kept)
        (void)!sys_fdatasync(first);            /* else files are made twice at the next start */
    close_segments(journal);
    if (journal->directory >= 0)
        (void)sys.close(journal->directory);    /* only synced */
    sys.release(journal->staging);
    sys.release(journal->shown);
    (void)pthread_mutex_destroy(&journal->lock);
    sys.release(journal);
}
