/*
 * The decision hidden here: what a segment looks like, and why what is read back is what was acknowledged.
 *
 *   segment: a mark of one block | batch | batch | ...        each begins at a block
 *   batch:   header, then for each record its header and content
 *
 * - A batch counts if its checksum holds and its number is one more than that of the batch before it. So a batch that
 *   was torn by a power cut does not count, nor do those behind it (none of them was acknowledged: a batch is written
 *   only after the one before was synced), nor do the remains of an earlier lap (their numbers are smaller).
 * - Each batch begins at a block of its own, so that a write that is torn cannot harm the end of the batch before.
 * - A segment is written over only when all its batches are files on stable storage. Which those are is told by the
 *   highest `published` in any valid header or mark. It may be behind the truth: then files are made again that were
 *   there, or that the reader had taken already. Twice is allowed, lost is not.
 * - After a failed sync the kernel takes the lost pages for clean. The memory would show them, the disk not; a batch
 *   behind them would be cut off. So nothing is appended there any more: what was acknowledged before is published,
 *   and then the other segment is begun through fresh descriptors. The same after a start, for the same reason.
 */
#include "journal.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>

enum {
    BLOCK = 4096,
    SEGMENTS = 2,
    LEAST_SEGMENT = 4 * JOURNAL_MOST_BATCH,
    SHOWN = 4 * JOURNAL_MOST_BATCH,     /* read back at a time */
    FILE_MODE = 0640,
};

#define MAGIC UINT64_C(0x314C4E524A584D53)      /* "SMXJRNL1" */

struct mark {
    uint64_t magic;
    uint64_t checksum;                  /* of what follows in the header, and of the records */
    uint64_t number;                    /* of the batch, rising by one; 0 for the mark of a segment */
    uint64_t published;                 /* all batches up to this one are files */
    uint64_t length;                    /* with this header, without the padding */
    uint64_t count;
};

struct entry {
    int64_t arrived;
    uint32_t queue;
    uint32_t length;
    struct spool_name name;
};

struct cursor {
    unsigned segment;
    uint64_t at;
    uint64_t number;                    /* of the batch before it */
};

struct journal {
    int directory;
    uint64_t size;                      /* of a segment */
    char *staging;                      /* the appender's */
    char *shown;                        /* the reader's */
    struct cursor reading;              /* the reader's: behind what was read last */

    pthread_mutex_t lock;               /* guards what follows */
    int fds[SEGMENTS];
    bool wanted;                        /* appending is */
    bool suspended;                     /* until all that was kept is published */
    bool failed;                        /* a sync did: the descriptors are to be made anew */
    unsigned active;                    /* the segment that is appended to */
    uint64_t ends[SEGMENTS];            /* of the batches that count */
    uint64_t last[SEGMENTS];            /* the number of the last of them */
    uint64_t number;                    /* given last */
    uint64_t kept;                      /* the last one that was acknowledged */
    uint64_t published;                 /* all up to this one are files */
    struct cursor read;                 /* behind what was forgotten last */
};

static const char *const segment_names[SEGMENTS] = {"segment-0", "segment-1"};

static uint64_t round_up(uint64_t size)
{
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* Finds torn and stale bytes, not forged ones: who can write here can write files. */
static uint64_t checksum_of(const struct mark *mark)
{
    const char *at = (const char *)mark + offsetof(struct mark, number);
    uint64_t len = mark->length - offsetof(struct mark, number);
    uint64_t sum = len;
    for (; len >= sizeof(uint64_t); at += sizeof(uint64_t), len -= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        sum = (sum ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        sum ^= sum >> 29;
    }
    for (; len > 0; at++, len--)
        sum = (sum ^ (unsigned char)*at) * UINT64_C(0x100000001B3);
    return sum;
}

static bool read_all(int fd, void *bytes, size_t len, uint64_t at)
{
    for (size_t done = 0; done < len;) {
        const ssize_t got = sys.pread(fd, (char *)bytes + done, len - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got == 0 ? EIO : errno;
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

static bool write_all(int fd, const void *bytes, size_t len, uint64_t at)
{
    for (size_t done = 0; done < len;) {
        const ssize_t put = sys.pwrite(fd, (const char *)bytes + done, len - done, (off_t)(at + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            errno = put == 0 ? EIO : errno;
            return false;
        }
        done += (size_t)put;
    }
    return true;
}

/* ---- reading ---- */

/* The batch at a place, whole, into `bytes`; false where none counts there, or it does not fit into `room`. */
static bool read_batch(int fd, uint64_t size, uint64_t at, void *bytes, size_t room, struct error *err)
{
    struct mark *mark = bytes;
    *err = (struct error){0};
    if (room < BLOCK || at + BLOCK > size)
        return false;
    if (!read_all(fd, bytes, BLOCK, at))
        return error_os(err, "cannot read the journal");
    if (mark->magic != MAGIC || mark->length < sizeof *mark || mark->length > JOURNAL_MOST_BATCH ||
        mark->length > room || at + mark->length > size)
        return false;
    if (mark->length > BLOCK && !read_all(fd, (char *)bytes + BLOCK, mark->length - BLOCK, at + BLOCK))
        return error_os(err, "cannot read the journal");
    return checksum_of(mark) == mark->checksum;
}

/* Records of a batch whose checksum holds; their lengths are checked all the same. */
static size_t read_records(struct mark *mark, struct spool_record *records)
{
    const char *at = (const char *)(mark + 1);
    const char *end = (const char *)mark + mark->length;
    size_t count = 0;
    for (; count < mark->count && (size_t)(end - at) >= sizeof(struct entry); count++) {
        struct entry entry;
        memcpy(&entry, at, sizeof entry);
        at += sizeof entry;
        if (entry.length > (size_t)(end - at))
            break;
        entry.name.text[SPOOL_NAME_SIZE - 1] = '\0';
        records[count] = (struct spool_record){
            .content = {{at, entry.length}, {NULL, 0}},
            .queue = entry.queue,
            .arrived = entry.arrived,
            .name = entry.name,
            .is_named = true,
        };
        at += entry.length;
    }
    return count;
}

/* Where the next batch begins; false: there is none yet. */
static bool find_next(struct journal *journal, struct cursor *cursor)
{
    (void)pthread_mutex_lock(&journal->lock);
    if (cursor->segment != journal->active && cursor->at == journal->ends[cursor->segment]) {
        cursor->segment = journal->active;
        cursor->at = BLOCK;
    }
    const bool found = cursor->at < journal->ends[cursor->segment];
    (void)pthread_mutex_unlock(&journal->lock);
    return found;
}

size_t journal_read(struct journal *journal, struct spool_record *records, size_t most, struct error *err)
{
    size_t count = 0;
    size_t used = 0;
    struct cursor cursor = journal->read;
    while (SHOWN - used >= JOURNAL_MOST_BATCH && find_next(journal, &cursor)) {
        struct mark *mark = (struct mark *)(void *)(journal->shown + used);
        if (!read_batch(journal->fds[cursor.segment], journal->size, cursor.at, mark, JOURNAL_MOST_BATCH, err)) {
            if (err->kind == ERROR_NONE)
                (void)error_set(err, ERROR_SYSTEM, "a batch of the journal cannot be read back");
            if (count == 0)
                return SIZE_MAX;
            break;
        }
        if (mark->count > most - count)
            break;
        count += read_records(mark, records + count);
        cursor.number = mark->number;
        cursor.at += round_up(mark->length);
        used += round_up(mark->length);
    }
    journal->reading = cursor;
    return count;
}

/* The mark is not synced: it saves work after a kill, and after a power cut the next synced header tells the same. */
static void write_mark(struct journal *journal)
{
    struct mark mark = {.magic = MAGIC, .published = journal->published, .length = sizeof mark};
    mark.checksum = checksum_of(&mark);
    (void)!write_all(journal->fds[0], &mark, sizeof mark, 0);   /* else files are made twice after a kill */
}

void journal_forget(struct journal *journal)
{
    (void)pthread_mutex_lock(&journal->lock);
    journal->read = journal->reading;
    journal->published = journal->read.number;
    write_mark(journal);
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

size_t journal_record_size(const struct spool_record *record)
{
    return sizeof(struct entry) + record->content[0].len + record->content[1].len;
}

static struct mark *stage(struct journal *journal, struct spool_record **records, size_t count)
{
    struct mark *mark = (struct mark *)(void *)journal->staging;
    char *at = (char *)(mark + 1);
    for (size_t i = 0; i < count; i++) {
        const struct span *content = records[i]->content;
        const struct entry entry = {
            .arrived = records[i]->arrived,
            .queue = records[i]->queue,
            .length = (uint32_t)(content[0].len + content[1].len),
            .name = records[i]->name,
        };
        memcpy(at, &entry, sizeof entry);
        at += sizeof entry;
        for (int part = 0; part < 2; part++) {
            if (content[part].len > 0)
                memcpy(at, content[part].at, content[part].len);
            at += content[part].len;
        }
    }
    *mark = (struct mark){.magic = MAGIC, .length = (uint64_t)(at - journal->staging), .count = count};
    memset(at, 0, round_up(mark->length) - mark->length);
    return mark;
}

static void begin_segment(struct journal *journal, unsigned segment)
{
    journal->active = segment;
    journal->ends[segment] = BLOCK;
    journal->last[segment] = 0;
}

static bool open_segment(struct journal *journal, unsigned segment)
{
    journal->fds[segment] = sys.openat(journal->directory, segment_names[segment],
                                       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    return journal->fds[segment] >= 0;
}

static void close_segments(struct journal *journal)
{
    for (unsigned i = 0; i < SEGMENTS; i++) {
        if (journal->fds[i] >= 0)
            (void)sys.close(journal->fds[i]);   /* what mattered was synced */
        journal->fds[i] = -1;
    }
}

static bool open_segments(struct journal *journal, struct error *err)
{
    for (unsigned i = 0; i < SEGMENTS; i++)
        if (!open_segment(journal, i))
            return error_os(err, "cannot open the journal '%s'", segment_names[i]);
    if (flock(journal->fds[0], LOCK_EX | LOCK_NB) != 0)
        return error_set(err, ERROR_BUSY, "another process uses the journal");
    return true;
}

/* All is published: begins anew in the other segment, after a failed sync through descriptors that know of no error. */
static bool resume(struct journal *journal)
{
    struct error ignored;
    if (journal->published < journal->kept)
        return false;
    if (journal->failed) {
        close_segments(journal);
        if (!open_segments(journal, &ignored))
            return false;               /* the records are kept the other way; the next batch tries again */
    }
    journal->published = journal->number;       /* also those that were refused */
    journal->suspended = false;
    journal->failed = false;
    begin_segment(journal, 1 - journal->active);
    return true;
}

static bool find_room(struct journal *journal, uint64_t length)
{
    if (!journal->wanted || (journal->suspended && !resume(journal)))
        return false;
    if (journal->ends[journal->active] + length <= journal->size)
        return true;
    const unsigned other = 1 - journal->active;
    if (journal->last[other] > journal->published)
        return false;
    begin_segment(journal, other);
    return true;
}

static enum journal_result write_batch(struct journal *journal, const struct mark *mark, uint64_t at,
                                       struct error *err)
{
    const int fd = journal->fds[journal->active];       /* only the appender changes these */
    if (!write_all(fd, mark, round_up(mark->length), at))
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
    struct mark *mark = stage(journal, records, count);
    (void)pthread_mutex_lock(&journal->lock);
    const bool has_room = find_room(journal, round_up(mark->length));
    const uint64_t at = journal->ends[journal->active];
    mark->number = journal->number + 1;
    mark->published = journal->published;
    (void)pthread_mutex_unlock(&journal->lock);
    if (!has_room)
        return JOURNAL_FULL;

    mark->checksum = checksum_of(mark);
    const enum journal_result result = write_batch(journal, mark, at, err);
    (void)pthread_mutex_lock(&journal->lock);
    journal->number = mark->number;
    if (result == JOURNAL_KEPT) {
        journal->kept = mark->number;
        journal->last[journal->active] = mark->number;
        journal->ends[journal->active] = at + round_up(mark->length);
    } else {
        journal->suspended = journal->failed = true;
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return result;
}

/* ---- opening ---- */

/* What is in a segment: `end` of the batches that count, `fresh` is where the first above `published` begins. */
struct contents {
    uint64_t end;
    uint64_t fresh;
    uint64_t fresh_number;              /* 0: there is none */
    uint64_t last;
    uint64_t published;                 /* the highest that any header tells */
};

static bool scan(struct journal *journal, unsigned segment, uint64_t published, struct contents *out,
                 struct error *err)
{
    struct mark *mark = (struct mark *)(void *)journal->shown;
    const int fd = journal->fds[segment];
    struct contents found = {.end = BLOCK, .fresh = BLOCK};
    if (read_batch(fd, journal->size, 0, mark, BLOCK, err) && mark->number == 0)
        found.published = mark->published;
    while (err->kind == ERROR_NONE && read_batch(fd, journal->size, found.end, mark, JOURNAL_MOST_BATCH, err)) {
        if (mark->number == 0 || (found.last != 0 && mark->number != found.last + 1))
            break;
        found.last = mark->number;
        found.published = mark->published > found.published ? mark->published : found.published;
        if (mark->number > published && found.fresh_number == 0) {
            found.fresh = found.end;
            found.fresh_number = mark->number;
        }
        found.end += round_up(mark->length);
    }
    *out = found;
    return err->kind == ERROR_NONE;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Both segments, twice: what is published shows only when all headers were seen. */
static bool find_unpublished(struct journal *journal, struct error *err)
{
    struct contents found[SEGMENTS];
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < SEGMENTS; i++) {
            if (!scan(journal, i, journal->published, &found[i], err))
                return false;
            journal->ends[i] = found[i].end;
            journal->last[i] = found[i].last;
            journal->number = larger(journal->number, found[i].last);
            journal->published = larger(journal->published, pass == 0 ? found[i].published : 0);
        }
    const bool second_is_newer = found[1].last > found[0].last;
    const unsigned newer = second_is_newer ? 1 : 0;
    const unsigned older = 1 - newer;
    const unsigned first = found[older].fresh_number != 0 ? older : newer;
    journal->active = newer;
    journal->read = (struct cursor){first, found[first].fresh_number != 0 ? found[first].fresh : found[first].end,
                                    journal->published};
    journal->kept = found[newer].fresh_number != 0 || found[older].fresh_number != 0 ? journal->number : 0;
    journal->suspended = true;
    return true;
}

/* Written full of zeros, not only allocated: a full disk shows here and not when a report is to be kept, and a sync of
 * blocks that were written before costs half of one that has to note that they now are. */
static bool fill_segment(struct journal *journal, unsigned segment, uint64_t size)
{
    memset(journal->staging, 0, JOURNAL_MOST_BATCH);
    if (sys.ftruncate(journal->fds[segment], 0) != 0)
        return false;
    for (uint64_t at = 0; at < size; at += JOURNAL_MOST_BATCH) {
        const uint64_t left = size - at;
        if (!write_all(journal->fds[segment], journal->staging, left < JOURNAL_MOST_BATCH ? left : JOURNAL_MOST_BATCH, at))
            return false;
    }
    return sys_fsync(journal->fds[segment]) == 0;
}

/* Room for the segments, once nothing in them is needed any more. */
static bool resize(struct journal *journal, uint64_t size, struct error *err)
{
    if (journal->published < journal->kept)
        return true;                    /* at the next start, then */
    for (unsigned i = 0; i < SEGMENTS; i++) {
        if (!fill_segment(journal, i, size))
            return error_os(err, "cannot make room for the journal '%s'", segment_names[i]);
        journal->ends[i] = BLOCK;
    }
    journal->read = (struct cursor){journal->active, BLOCK, journal->number};
    journal->size = size;
    return sys_fsync(journal->directory) == 0 || error_os(err, "cannot sync the directory of the journal");
}

static bool prepare(struct journal *journal, uint64_t wanted_size, struct error *err)
{
    struct stat status[SEGMENTS];
    if (!open_segments(journal, err))
        return false;
    for (unsigned i = 0; i < SEGMENTS; i++)
        if (sys.fstat(journal->fds[i], &status[i]) != 0)
            return error_os(err, "cannot ask for the size of the journal '%s'", segment_names[i]);
    journal->size = (uint64_t)(status[0].st_size < status[1].st_size ? status[0].st_size : status[1].st_size);
    if (!find_unpublished(journal, err))
        return false;
    journal->wanted = wanted_size > 0;
    const bool fits = journal->size == wanted_size && status[0].st_size == status[1].st_size;
    return fits || resize(journal, wanted_size, err);
}

static bool has_segment(int directory)
{
    const int fd = sys.openat(directory, segment_names[0], O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (fd >= 0)
        (void)sys.close(fd);            /* only looked for */
    return fd >= 0;
}

bool journal_open(const char *directory, uint64_t size_bytes, struct journal **out, struct error *err)
{
    const uint64_t half = size_bytes / SEGMENTS / BLOCK * BLOCK;
    const uint64_t size = size_bytes == 0 ? 0 : larger(half, LEAST_SEGMENT);
    struct journal *journal = sys.allocate(sizeof *journal);
    if (journal == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the journal");
    *journal = (struct journal){.fds = {-1, -1}};
    (void)pthread_mutex_init(&journal->lock, NULL);     /* cannot fail on Linux */
    journal->directory = directory == NULL ? -1 : sys.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    journal->staging = sys.allocate(JOURNAL_MOST_BATCH);
    journal->shown = sys.allocate(SHOWN);
    bool opened = false;
    if (journal->staging == NULL || journal->shown == NULL)
        (void)error_set(err, ERROR_NO_MEMORY, "no memory for the journal");
    else if (journal->directory < 0 && size == 0)
        err->kind = ERROR_NONE;
    else if (journal->directory < 0)
        (void)error_os(err, "cannot open the directory '%s'", directory);
    else if (size > 0 || has_segment(journal->directory))
        opened = prepare(journal, size, err);
    else
        err->kind = ERROR_NONE;
    if (!opened) {
        journal_close(journal);
        journal = NULL;
    }
    *out = journal;
    return opened || err->kind == ERROR_NONE;
}

/* After a clean end nothing is to be done again: the mark is synced. */
void journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    if (journal->fds[0] >= 0 && journal->size > 0 && journal->published >= journal->kept)
        (void)!sys_fdatasync(journal->fds[0]);  /* else files are made twice at the next start */
    close_segments(journal);
    if (journal->directory >= 0)
        (void)sys.close(journal->directory);    /* only synced */
    sys.release(journal->staging);
    sys.release(journal->shown);
    (void)pthread_mutex_destroy(&journal->lock);
    sys.release(journal);
}
