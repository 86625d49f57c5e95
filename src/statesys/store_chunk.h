/*
 * A chunk of files on its way into the database: what store*.c share while one transaction lasts.
 *
 * Order of work, and why: clients first, found or made and locked in one order, so that several loaders neither
 * deadlock nor lose what the other wrote; then the files, so that what was loaded before is known and nothing of it
 * counts again; then the states; then the ledgers, which want to know which states were raised again.
 *
 * Everything lives in the chunk's arena. Files stand client by client, those of one client in the order of the caller.
 */
#ifndef STATESYS_STORE_CHUNK_H
#define STATESYS_STORE_CHUNK_H

#include "db/db.h"
#include "store.h"
#include "store_batch.h"

struct chunk_file {
    struct store_file *file;
    struct chunk_client *client;
    char hash[65];
    bool fresh;                         /* never loaded before, and the first of its content in this chunk */
    size_t invalid;
    uint64_t raised_again;              /* highest serial of a state that was there, with a lower one and that time */
};

/* What SR_ClientMessageStats has beside the ledger. */
struct chunk_stats {
    int64_t last_message;               /* LEDGER_NO_TIME: none yet, as below */
    int64_t processed;
    int64_t resync_issued;
    int64_t resync_completed;           /* now, or LEDGER_NO_TIME: leave it */
};

struct chunk_client {
    struct span key;
    struct chunk_file *files;
    size_t file_count;
    int64_t machine;                    /* 0: not there yet */
    bool has_states;                    /* some are stored, or were */
    bool has_stats;                     /* a row of SR_ClientMessageStats */
    struct chunk_stats stats;
    bool known, restarted;              /* of the ledger, as the next; its ranges are in `ranges` */
    unsigned restarts;
    uint64_t first, high, issued;
    int64_t first_date, latest_date, restart_date;
    struct ledger_range *ranges;
    size_t range_count;
    size_t range_room;
};

struct chunk_notice {
    struct store_notice notice;
    struct chunk_notice *next;
};

struct chunk {
    struct db *db;
    const struct store_settings *settings;
    struct ledger *ledger;              /* one after the other: it is too large for each client to have one */
    struct arena *arena;
    int64_t now;
    struct chunk_file *files;
    size_t file_count;
    struct chunk_client *clients;
    size_t client_count;
    struct chunk_notice *notices;
    struct chunk_notice **last_notice;
    bool no_memory;                     /* for a notice */
};

/* store_client.c */
bool store_client_reach(struct chunk *chunk, struct error *err) MUST_CHECK;     /* finds, makes, locks, asks */
bool store_client_write(struct chunk *chunk, struct error *err) MUST_CHECK;     /* what the latest report says of it */
/* store_file.c */
bool store_file_mark(struct chunk *chunk, struct error *err) MUST_CHECK;        /* which are fresh */
/* store_state.c */
bool store_state_is_valid(const struct state_message *message);
bool store_state_write(struct chunk *chunk, struct error *err) MUST_CHECK;
/* store_ledger.c */
bool store_ledger_write(struct chunk *chunk, struct error *err) MUST_CHECK;

bool store_ledger_feeds(const struct report *report);                           /* it has serials that count (4.1) */

/* When a report was written, for the ledger: `now` if it does not say, or says that it will be. */
int64_t store_report_date(const struct chunk *chunk, const struct report *report);
bool store_client_has_fresh(const struct chunk_client *client);

/* ---- beside chunks ---- */

struct db *store_db(const struct store *store);

/* One transaction, rolled back if `work` says false. */
bool store_transact(const struct store *store, bool (*work)(void *owner, struct db *db, struct error *err), void *owner,
                    struct error *err) MUST_CHECK;

#endif
