/*
 * One segment file of the journal: how a batch of records looks in it, and which of its bytes count. No state and no
 * threads; journal.c decides which segment is written and when.
 */
#ifndef SPOOL_SEGMENT_H
#define SPOOL_SEGMENT_H

#include "spool/spool.h"

enum { SEGMENT_BLOCK = 4096 };          /* batches begin at one; the first block is left for a mark */

struct segment_batch {
    uint64_t magic;
    uint64_t checksum;                  /* of what follows, and of the records */
    uint64_t lap;                       /* drawn at random each time that the segment is begun */
    uint64_t number;                    /* of the batch, rising by one; 0 for a mark */
    uint64_t published;                 /* all batches up to this one are files */
    uint64_t length;                    /* with this header, without the padding */
    uint64_t count;
};

/* How much one record takes of a batch, and how much a batch takes of a segment. */
size_t segment_record_size(const struct spool_record *record);
uint64_t segment_batch_size(const struct segment_batch *batch);

/* Lays records out as a batch in `bytes`, padded. Its lap, number and published are the caller's to fill in. */
struct segment_batch *segment_stage(char *bytes, struct spool_record **records, size_t count);
/* Seals the batch by its checksum and writes it with its padding, or without for a mark. On false errno is set. */
bool segment_write(int fd, struct segment_batch *batch, uint64_t at) MUST_CHECK;
void segment_write_mark(int fd, uint64_t published);

/* The batch at a place before `end`, whole, into `bytes`, which hold JOURNAL_MOST_BATCH. False where none counts (the
 * error's kind is then ERROR_NONE), or it cannot be read. */
bool segment_read(int fd, uint64_t end, uint64_t at, char *bytes, struct error *err) MUST_CHECK;
/* The records of a batch that was read; their contents lie in it. */
void segment_read_records(const struct segment_batch *batch, struct spool_record *records);

struct segment_contents {
    uint64_t lap;
    uint64_t end;                       /* of the batches that count */
    uint64_t last;                      /* number of the last of them; 0: there is none */
    uint64_t fresh;                     /* where the first one above `published` begins, or `end` */
    uint64_t fresh_number;              /* its number; 0: there is none */
    uint64_t published;                 /* the highest that any header or the mark tells */
};

/* `bytes` hold JOURNAL_MOST_BATCH. */
bool segment_scan(int fd, uint64_t size, uint64_t published, char *bytes, struct segment_contents *out,
                  struct error *err) MUST_CHECK;

/* Writes a segment that was cut to nothing full of zeros, and syncs it; `bytes` as above. On false errno is set. */
bool segment_fill(int fd, uint64_t size, char *bytes) MUST_CHECK;

#endif
