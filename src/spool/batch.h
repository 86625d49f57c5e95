/*
 * Making a batch of records durable: the one subtle place of the house (docs/ARCHITECTURE.md "Inside the spool").
 *
 * A store is one keeper's own view of the directories: its descriptors, opened before anything is written, because
 * the kernel tells each descriptor once that a write-back failed. A store belongs to one thread.
 *
 * An open store is one that is known to be good: store_prove opens it, store_close gives it up when anything went wrong
 * but want of room. Until it is proved again nothing is open on the disk: so it can be unmounted, mended and mounted.
 */
#ifndef SPOOL_BATCH_H
#define SPOOL_BATCH_H

#include "spool/spool.h"

struct store {
    const struct spool_settings *settings;
    int queues[SPOOL_MOST_QUEUES];      /* directory descriptors, -1 where not open */
    bool one_by_one;                    /* sync each file by itself instead of the whole file system */
    bool named;                         /* nameless files are unknown here or not safe: temporaries have names */
    bool link_by_proc;                  /* we may not link a descriptor by itself: through /proc/self/fd */
    uint32_t random[64];                /* for names, fetched together */
    size_t random_left;
};

void store_init(struct store *store);   /* as closed */
/* Nothing to do for an open store whose directories are still where they were. Else opens it and keeps a small file in
 * each queue by the steps of a batch: is this disk good (again)? On false the store is closed. */
bool store_prove(struct store *store, const struct spool_settings *settings, struct error *err) MUST_CHECK;
void store_close(struct store *store);

/* A name for a record whose name is told before its file exists (told). */
bool store_draw_name(struct store *store, struct spool_record *record) MUST_CHECK;

/* Makes all that can be made durable so; each record ends SPOOL_LINKED, or SPOOL_FAILED with its error. False if a
 * sync failed: then no record is linked, and the store is to be closed and proved anew before it takes another. */
bool store_commit(struct store *store, struct spool_record **records, size_t count) MUST_CHECK;

/* ".<16 characters>.part" is a temporary where it has to have a name, ".probe-<16 characters>" a probe. */
#define STORE_TEMPORARY ".part"
#define STORE_PROBE ".probe-"

#endif
