/*
 * The decision hidden here: what a segment looks like, and why what is read back is what was acknowledged.
 *
 *   segment: a mark of one block | batch | batch | ...        each begins at a block
 *   batch:   header, then for each record its entry and content
 *
 * - A batch counts if its checksum holds, its lap is that of the first batch, and its number is one more than that of
 *   the batch before it. So a batch that was torn by a power cut does not count, nor do those behind it (none of them
 *   was acknowledged: a batch is written only after the one before was synced), nor do the remains of an earlier lap.
 * - Those remains hold bytes that clients chose, and they may lie at a block's beginning now. A client cannot make
 *   them count: he cannot know the lap, which is drawn at random and stands nowhere but here.
 * - Each batch begins at a block of its own, so that a write that is torn cannot harm the end of the batch before.
 */
#include "segment.h"

#include "base/sys.h"
#include "journal.h"

#include <assert.h>
#include <errno.h>

#define MAGIC UINT64_C(0x314C4E524A584D53)      /* "SMXJRNL1" */

struct entry {
    int64_t arrived;
    uint32_t queue;
    uint32_t length;
    struct spool_name name;
};

static uint64_t round_up(uint64_t size)
{
    return (size + SEGMENT_BLOCK - 1) / SEGMENT_BLOCK * SEGMENT_BLOCK;
}

/* Finds torn and stale bytes, not forged ones: who can write here can write files. Each step can be turned back, so
 * that two batches that differ in one word only never have the same sum. */
static uint64_t checksum_of(const struct segment_batch *batch)
{
    const char *at = (const char *)batch + offsetof(struct segment_batch, lap);
    uint64_t len = batch->length - offsetof(struct segment_batch, lap);
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

/* False with errno at the end of the file, too: the caller knows how long it should be. */
static bool read_all(int fd, char *bytes, size_t len, uint64_t at)
{
    for (size_t done = 0; done < len;) {
        const ssize_t got = sys.pread(fd, bytes + done, len - done, (off_t)(at + done));
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

static bool write_all(int fd, const char *bytes, size_t len, uint64_t at)
{
    for (size_t done = 0; done < len;) {
        const ssize_t put = sys.pwrite(fd, bytes + done, len - done, (off_t)(at + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return false;
        }
        done += (size_t)put;
    }
    return true;
}

/* ---- writing ---- */

size_t segment_record_size(const struct spool_record *record)
{
    return sizeof(struct entry) + record->content[0].len + record->content[1].len;
}

uint64_t segment_batch_size(const struct segment_batch *batch)
{
    return round_up(batch->length);
}

struct segment_batch *segment_stage(char *bytes, struct spool_record **records, size_t count)
{
    struct segment_batch *batch = (struct segment_batch *)(void *)bytes;
    char *at = (char *)(batch + 1);
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
    *batch = (struct segment_batch){.magic = MAGIC, .length = (uint64_t)(at - bytes), .count = count};
    memset(at, 0, round_up(batch->length) - batch->length);
    return batch;
}

bool segment_write(int fd, struct segment_batch *batch, uint64_t at)
{
    batch->checksum = checksum_of(batch);
    return write_all(fd, (const char *)batch, batch->number == 0 ? batch->length : round_up(batch->length), at);
}

void segment_write_mark(int fd, uint64_t published)
{
    struct segment_batch mark = {.magic = MAGIC, .published = published, .length = sizeof mark};
    (void)!segment_write(fd, &mark, 0);         /* else files are made twice after a kill */
}

/* Written full of zeros, not only allocated: a full disk shows here and not when a report is to be kept, and a sync of
 * blocks that were written before costs half of one that has to note that they now are. */
bool segment_fill(int fd, uint64_t size, char *bytes)
{
    memset(bytes, 0, JOURNAL_MOST_BATCH);
    for (uint64_t at = 0; at < size; at += JOURNAL_MOST_BATCH)
        if (!write_all(fd, bytes, size - at < JOURNAL_MOST_BATCH ? size - at : JOURNAL_MOST_BATCH, at))
            return false;
    return sys_fsync(fd) == 0;
}

/* ---- reading ---- */

static bool is_name(const struct spool_name *name)
{
    return name->text[0] != '\0' && name->text[0] != '.' && memchr(name->text, '\0', sizeof name->text) != NULL &&
           strchr(name->text, '/') == NULL;
}

/* The record at a place before `end`; where the next one begins, or NULL if it is none. */
static const char *read_record(const char *at, const char *end, struct spool_record *out)
{
    struct entry entry;
    if ((size_t)(end - at) < sizeof entry)
        return NULL;
    memcpy(&entry, at, sizeof entry);
    at += sizeof entry;
    if (entry.length > (size_t)(end - at) || !is_name(&entry.name))
        return NULL;
    *out = (struct spool_record){
        .content = {{at, entry.length}, {NULL, 0}},
        .queue = entry.queue,
        .arrived = entry.arrived,
        .name = entry.name,
        .told = true,
    };
    return at + entry.length;
}

static bool is_well_formed(const struct segment_batch *batch)
{
    const char *at = (const char *)(batch + 1);
    const char *end = (const char *)batch + batch->length;
    struct spool_record record;
    if (batch->count > JOURNAL_MOST_RECORDS)
        return false;
    for (size_t i = 0; i < batch->count && at != NULL; i++)
        at = read_record(at, end, &record);
    return at == end;
}

void segment_read_records(const struct segment_batch *batch, struct spool_record *records)
{
    const char *at = (const char *)(batch + 1);
    const char *end = (const char *)batch + batch->length;
    for (size_t i = 0; i < batch->count; i++) {
        assert(at != NULL);                 /* the batch is well formed, or it would not have been read */
        at = read_record(at, end, &records[i]);
    }
}

bool segment_read(int fd, uint64_t end, uint64_t at, char *bytes, struct error *err)
{
    const struct segment_batch *batch = (const struct segment_batch *)(const void *)bytes;
    *err = (struct error){0};
    if (at + SEGMENT_BLOCK > end)
        return false;
    if (!read_all(fd, bytes, SEGMENT_BLOCK, at))
        return error_os(err, "cannot read the journal");
    if (batch->magic != MAGIC || batch->length < sizeof *batch || batch->length > JOURNAL_MOST_BATCH ||
        round_up(batch->length) > end - at)
        return false;
    if (batch->length > SEGMENT_BLOCK &&
        !read_all(fd, bytes + SEGMENT_BLOCK, batch->length - SEGMENT_BLOCK, at + SEGMENT_BLOCK))
        return error_os(err, "cannot read the journal");
    return checksum_of(batch) == batch->checksum && is_well_formed(batch);
}

static bool follows(const struct segment_batch *batch, const struct segment_contents *found)
{
    if (found->last == 0)
        return batch->number != 0;
    return batch->number == found->last + 1 && batch->lap == found->lap;
}

bool segment_scan(int fd, uint64_t size, uint64_t published, char *bytes, struct segment_contents *out,
                  struct error *err)
{
    const struct segment_batch *batch = (const struct segment_batch *)(const void *)bytes;
    struct segment_contents found = {.end = SEGMENT_BLOCK, .fresh = SEGMENT_BLOCK};
    if (segment_read(fd, size, 0, bytes, err) && batch->number == 0)
        found.published = batch->published;
    while (err->kind == ERROR_NONE && segment_read(fd, size, found.end, bytes, err) && follows(batch, &found)) {
        if (batch->number <= published)
            found.fresh = found.end + round_up(batch->length);
        else if (found.fresh_number == 0)
            found.fresh_number = batch->number;
        if (batch->published > found.published)
            found.published = batch->published;
        found.lap = batch->lap;
        found.last = batch->number;
        found.end += round_up(batch->length);
    }
    if (err->kind != ERROR_NONE)
        return false;
    if (found.last == 0 && size > SEGMENT_BLOCK && batch->magic == __builtin_bswap64(MAGIC))
        return error_set(err, ERROR_SYSTEM, "the journal was written by a machine with another order of bytes");
    *out = found;
    return true;
}
