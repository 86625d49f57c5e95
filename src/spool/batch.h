/*
 * Making a batch of records durable: the one subtle place of the house (docs/ARCHITECTURE.md "Inside the spool").
 *
 * An outbox is one keeper's own view of the directories: its descriptors, opened before anything is written, because
 * the kernel tells each descriptor once that a write-back failed. An outbox belongs to one thread.
 *
 * An open outbox is one that is known to be good: outbox_prove opens it, outbox_close gives it up when anything went wrong
 * but want of room. Until it is proved again nothing is open on the disk: so it can be unmounted, mended and mounted.
 */
#ifndef SPOOL_BATCH_H
#define SPOOL_BATCH_H

#include "base/sys.h"
#include "spool/spool.h"

struct outbox {
    const struct spool_settings *settings;
    int queues[SPOOL_MOST_QUEUES];      /* directory descriptors, -1 where not open */
    struct sys_identity places[SPOOL_MOST_QUEUES];
    bool one_by_one;                    /* sync each file by itself instead of the whole file system */
    bool named;                         /* nameless files are unknown here or not safe: temporaries have names */
    bool link_by_proc;                  /* we may not link a descriptor by itself: through /proc/self/fd */
    uint32_t random[64];                /* for names, fetched together */
    size_t random_left;
};

void outbox_init(struct outbox *outbox);   /* as closed */
/* Nothing to do for an open outbox whose directories are still where they were. Else opens it and keeps a small file in
 * each queue by the steps of a batch: is this disk good (again)? On false the outbox is closed. */
bool outbox_prove(struct outbox *outbox, const struct spool_settings *settings, struct error *err) MUST_CHECK;
/* Keeps those files through an open outbox. On false it is for the caller to close it. */
bool outbox_probe(struct outbox *outbox, struct error *err) MUST_CHECK;
void outbox_close(struct outbox *outbox);

/* A name for a record whose name is told before its file exists (told). */
bool outbox_draw_name(struct outbox *outbox, struct spool_record *record) MUST_CHECK;

/* Makes all that can be made durable so; each record ends SPOOL_LINKED, or SPOOL_FAILED with its error. False if a
 * sync failed: then no record is linked, and the outbox is to be closed and proved anew before it takes another. */
bool outbox_commit(struct outbox *outbox, struct spool_record **records, size_t count) MUST_CHECK;

/* ".<16 characters>.part" is a temporary where it has to have a name, ".probe-<16 characters>" a probe. */
#define OUTBOX_TEMPORARY ".part"
#define OUTBOX_PROBE ".probe-"

#endif
