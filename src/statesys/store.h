/*
 * The store: what the state system knows, in the tables and views of spec/statesys.md 3.
 *
 * What it hides: all SQL; the schema, its versions and how an old one becomes the present one; in which order rows are
 * written and what replaces what (1.10); that a file counts once, by the SHA-256 of its content, over any crash; the
 * ledger's rows; who waits for whom where several load at once.
 *
 * Calling sequence: store_open once in each thread that loads (each has a connection of its own); store_load with a
 * chunk of parsed files, which is one transaction. If the database refuses a chunk for what is in it, its files are
 * loaded one by one, so one file cannot spoil the others. The reports are the caller's and must stay until it returns.
 *
 * Whoever else writes rows of a client (a resync that is issued) first locks its row of SR_Clients, as the loader does.
 *
 * Errors: ERROR_BUSY, ERROR_NO_SPACE, ERROR_NO_MEMORY: nothing is wrong with the files, the same again later;
 * ERROR_SYSTEM: the database refused what was asked. One thread at a time for each store.
 */
#ifndef STATESYS_STORE_H
#define STATESYS_STORE_H

#include "base/error.h"
#include "base/mem.h"
#include "ledger.h"
#include "report/report.h"

enum store_result {
    STORE_WAITING,              /* not loaded: the same again later */
    STORE_LOADED,
    STORE_REPEATED,             /* the same content was loaded before: nothing to do */
    STORE_FAILED,               /* the database refused it: `err` */
};

struct store_file {
    const char *name;
    unsigned char hash[32];                 /* SHA-256 of the content */
    const struct report *report;
    enum store_result result;               /* out, with the rest */
    size_t invalid;                         /* messages not loaded: bad ones, and numbers beyond the columns */
    struct error err;
};

/* What was noticed of serial numbers while a chunk was loaded, but for those that simply follow; told after its commit,
 * client by client, for the log. */
struct store_notice {
    struct span client;                     /* as sent */
    const struct store_file *file;
    struct ledger_event event;              /* unless: */
    bool resync_completed;
};

struct store_settings {
    const char *database;                   /* as db_open has it */
    unsigned lock_timeout_ms;
    const char *site_code;                  /* upper case, 3 characters */
    const char *site_name;
    const char *parent_site;                /* "" for none */
    struct ledger_policy ledger;
    void (*notice)(void *owner, const struct store_notice *notice);     /* NULL: nobody listens */
    void *owner;
};

struct store;
/* Makes or migrates the schema where that is needed. `settings` must stay. A database of a newer program is refused. */
bool store_open(const struct store_settings *settings, struct store **out, struct error *err) MUST_CHECK;
void store_close(struct store *store);                                  /* NULL is allowed */

/* True: each file has its result. STORE_WAITING is among them only if the database went away when it was asked file by
 * file; `err` then says why. False: all are waiting. When a commit fails nobody knows whether it happened; the next
 * try finds out, and says STORE_REPEATED. */
bool store_load(struct store *store, struct store_file *files, size_t count, int64_t now, struct error *err) MUST_CHECK;

#endif
