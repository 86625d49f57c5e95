/*
 * The journal: a batch made durable by one write and one sync, long before its files are.
 *
 * What it hides: the two segment files (segment-0 and segment-1 in a directory of their own), which is written, and when
 * it may be written over. Batches are read back in the order in which they were appended, by the same process or by
 * the next one.
 *
 * Calling sequence: journal_open, which also finds what an earlier process left; journal_append from one thread;
 * from one other journal_read, make the files durable, journal_forget. While batches of an earlier process or of
 * before a failed sync are unread, nothing is appended. A journal belongs to one process: another one is refused.
 */
#ifndef SPOOL_JOURNAL_H
#define SPOOL_JOURNAL_H

#include "spool/spool.h"

struct journal;

/* `size_bytes` of both segments together; 0: none is wanted, but what was left is still read. *out is NULL where there is
 * neither, which needs no directory. ERROR_BUSY: another process has it. */
bool journal_open(const char *directory, uint64_t size_bytes, struct journal **out, struct error *err) MUST_CHECK;
void journal_close(struct journal *journal);            /* NULL is allowed */

/* Limits of a batch: records, and bytes with all that is around them; how many of these there are for records (0: nothing
 * is appended at all), and how many of them one record takes. */
enum { JOURNAL_MOST_RECORDS = 256, JOURNAL_MOST_BATCH = 1024 * 1024 };
size_t journal_room(const struct journal *journal);
size_t journal_record_size(const struct spool_record *record);

/* FULL: not now, keep the records in another way; FAILED: a sync or write failed, err is filled, and nothing of the
 * batch may be acknowledged. Records need their names. */
enum journal_result { JOURNAL_KEPT, JOURNAL_FULL, JOURNAL_FAILED };
enum journal_result journal_append(struct journal *journal, struct spool_record **records, size_t count,
                                   struct error *err) MUST_CHECK;

/* The oldest batches that are not forgotten yet, as many as fit into `most` records (at least JOURNAL_MOST_RECORDS); 0:
 * there are none. The contents of the records are valid until the next call. SIZE_MAX: they cannot be read, err is
 * filled. */
size_t journal_read(struct journal *journal, struct spool_record *records, size_t most, struct error *err);
/* All that was read last is durable elsewhere. */
void journal_forget(struct journal *journal);
bool journal_is_empty(struct journal *journal);

/* From either thread. Something went wrong on its disk, or may have: nothing is held open there until it is used again.
 * Then it is opened by its path anew, and what was kept in it must be there. */
void journal_let_go(struct journal *journal);

#endif
