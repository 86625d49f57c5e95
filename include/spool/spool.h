/*
 * The spool: a directory as a durable, ordered queue of opaque records. Bytes in; it does not know what a report is.
 *
 * What it hides: how a file comes to be on stable storage and never half visible, batching, the journal, names, what
 * happens after a failed sync, and the limits of the disk. A record is submitted and answered later, from the spool's
 * own thread: kept, with its name, or not kept, with the reason. There is no third way, and every record is answered.
 *
 * Kept means: a power cut does not take it away. Where few records wait, its file is whole under its final name, and
 * file and directory entry are on stable storage. Where many wait and there is a journal, it is on stable storage in the
 * journal, and the file follows some milliseconds later by the same steps; after a crash, before spool_open returns.
 * Not kept means: do not say it was. (The file may still come to be there, whole, if the last sync failed.)
 *
 * Calling sequence: spool_open; spool_submit from any thread; spool_close, which answers all that was submitted.
 * A record is the caller's and must stay untouched until its `done` is called; `done` must be short, must not call the
 * spool, and runs on the spool's thread. Errors of records: ERROR_NO_SPACE (disk full, quota, below min_free),
 * ERROR_BUSY (too many files; a sync failed and the disk is not yet proved good again), ERROR_SYSTEM.
 * A directory that others may write to is refused (ERROR_SYSTEM): they could put anything there, or take what is kept.
 * Several processes may keep records in one place at the same time; one of them has the journal.
 * Source of the layout, names and rights: spec/smx.md 2 to 4; of the order of steps: wire.md 4, docs/ENGINEERING.md.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include "base/error.h"
#include "base/mem.h"
#include "base/metrics.h"

#include <stdint.h>

enum { SPOOL_NAME_SIZE = 48, SPOOL_MOST_QUEUES = 4 };

enum spool_sync { SPOOL_SYNC_AUTO, SPOOL_SYNC_SYNCFS, SPOOL_SYNC_FSYNC };

struct spool_settings {
    const char *queues[SPOOL_MOST_QUEUES];  /* directories, made if missing; the strings stay the caller's and valid */
    size_t queue_count;                     /* on several file systems each file is synced by itself */
    const char *prefix;                     /* of every name: unverified-prefix, usually "" */
    const char *extension;                  /* ".smx" */
    enum spool_sync sync;                   /* sync-method */
    uint64_t min_free;                      /* bytes */
    uint64_t max_files;                     /* in all queues together, an estimate */
    const char *journal_directory;          /* made if missing; the caller's, as the queues; NULL where it has none */
    uint64_t journal_size;                  /* bytes, 0 for none */
    /* NULL, or told from a thread of the spool: what is in the journal cannot be made into files now, and is tried again
     * (once for each trouble); NULL when it could again. */
    void (*trouble)(const struct error *err);
    /* NULL, or told from a thread of the spool: the journal, which another process had at the start, is ours now
     * (NULL), or cannot be. After that, which is told once, it may still become ours. */
    void (*adopted)(const struct error *err);
    struct metrics_histogram *batch_time;   /* NULL, or where each batch is counted: the microseconds that it took, */
    struct metrics_histogram *batch_size;   /* and its records */
};

struct spool_name {
    char text[SPOOL_NAME_SIZE];             /* with extension */
};

struct spool_record {
    struct span content[2];                 /* prefix and body: written together, never copied */
    unsigned queue;                         /* index into queues */
    /* Exactly once. Kept: name is given and err is NULL. Not kept: the other way round. */
    void (*done)(struct spool_record *record, const struct spool_name *name, const struct error *err);
    void *owner;
    /* The spool's own: */
    struct spool_record *next;
    int64_t arrived;
    int fd;
    bool told;                              /* it has its name before its file exists */
    bool named;                             /* its private file has a name, */
    uint32_t temporary;                     /* drawn for this try */
    enum { SPOOL_WAITING, SPOOL_STAGED, SPOOL_LINKED, SPOOL_FAILED } state;
    struct spool_name name;
    struct error error;
};

struct spool;
bool spool_open(const struct spool_settings *settings, struct spool **out, struct error *err) MUST_CHECK;
/* Why there is no journal although one is wanted: the spool works, but slower. NULL: all is well. ERROR_BUSY: another
 * process has it; when that ends, what it left is published and the journal is used. */
const struct error *spool_complaint(const struct spool *spool);
void spool_submit(struct spool *spool, struct spool_record *record);
void spool_close(struct spool *spool);      /* NULL is allowed */

/* Something else failed on what may be the disk of the spool, which has no record in hand by which it would notice: it
 * lets go of all that it holds open, so that the disk can be unmounted and mended, and proves its directories anew before
 * the next record. From any thread. */
void spool_doubt(struct spool *spool);

/* Limits that may change while it runs, from any thread. */
void spool_set_limits(struct spool *spool, uint64_t min_free, uint64_t max_files);

/* How it is. An error of the kind ERROR_NONE: nothing is wrong. */
struct spool_state {
    int64_t kept;           /* sys_ticks when a batch or a probe was last kept; 0: none was */
    struct error refusal;   /* why the latest one was not */
    struct error trouble;   /* why what is in the journal cannot be made into files now */
    int64_t hangs;          /* microseconds for which a batch or a probe has been in hand, the longest; 0: none is */
    uint64_t waiting;       /* records that nobody has in hand yet, */
    int64_t waits;          /* and the microseconds for which the first of them has waited */
};

/* Any thread. Where nothing was kept for a second, or the latest was refused, a probe is kept first, by the same way
 * as a batch and at most once a second; it is waited for, at most `patience` microseconds. 0: no probe is asked for. */
void spool_look(struct spool *spool, int64_t patience, struct spool_state *out);

/* Looks into a journal without being its process, also while that is at work: does it hold a record of that name
 * (without its extension, in any case) that was no file yet when the journal last said so? Nothing is changed. Where
 * there is no journal nothing is held. Errors: ERROR_SYSTEM, ERROR_NO_MEMORY. */
bool spool_journal_holds(const char *directory, struct span stem, bool *out, struct error *err) MUST_CHECK;

#define SPOOL_NAME_ALPHABET "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

/* The 16 characters of a name: 11 of the time in microseconds since 1970, 5 of `random` (25 bits are used), most
 * significant first (smx.md 2). `out` gets 16 characters and a NUL. Pure. */
void spool_name_write(int64_t time, uint32_t random, char out[17]);

#endif
