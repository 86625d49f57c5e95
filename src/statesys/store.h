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
 * Errors: nothing is wrong with the files, the same again later. What the database refuses for what is in it is a file's
 * result, STORE_FAILED, and no error. One thread at a time for each store.
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
    bool was_there;                         /* it is not made anew where it is away now */
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

/* ---- what the site is told and does by the clock; each call is a transaction of its own ---- */

/* A row of SC_Component_Property of SMS_STATE_SYSTEM. */
struct store_property {
    struct span name;
    struct span value1;
    struct span value2;
    struct span value3; /* as text, so that what is no number shows */
};
bool store_read_properties(struct store *store, void (*each)(void *owner, const struct store_property *property),
                           void *owner, struct error *err) MUST_CHECK;
bool store_write_property(struct store *store, const char *name, const char *value1, const char *value2, int64_t value3,
                          struct error *err) MUST_CHECK;

/* Who needs a resync (4.3): who misses something since `missing_before` or has a ResyncReason, and was not asked since
 * `issued_before`. Only clients whose key is a GUID. */
enum { STORE_GUID_SIZE = 37 };
struct store_resync_rule {
    int64_t missing_before;
    int64_t issued_before;
};
struct store_resync {
    int64_t machine;
    char guid[STORE_GUID_SIZE]; /* upper case */
    int64_t since;              /* the oldest range was detected; or the Date of a restart, or 0 */
    uint64_t first_missing;     /* 0: nothing is missing, it is the restart */
    uint64_t missing;
    bool issued;
};
/* The first `most`, oldest first. */
bool store_find_resyncs(struct store *store, const struct store_resync_rule *rule, struct store_resync *out,
                        size_t most, size_t *count, struct error *err) MUST_CHECK;
/* For those that still need one: LastResyncIssuedTime is now, ResyncIssuedSerial what was seen last; they are marked
 * as issued. */
bool store_issue_resyncs(struct store *store, const struct store_resync_rule *rule, struct store_resync *resyncs,
                         size_t count, int64_t now, struct error *err) MUST_CHECK;
/* Which of these clients have been asked and have not answered yet. */
struct store_asked {
    char guid[STORE_GUID_SIZE];
    bool under_way;
};
bool store_find_asked(struct store *store, struct store_asked *asked, size_t count, struct error *err) MUST_CHECK;

/* The last heartbeat that came through. */
struct store_heartbeat {
    int64_t time; /* LEDGER_NO_TIME: none yet */
    uint64_t sequence;
};
bool store_read_heartbeat(struct store *store, const char *client, struct store_heartbeat *out,
                          struct error *err) MUST_CHECK;

/* Deletes states not reported since `before`, of some clients behind `*after` (0: from the first), which then is the
 * last of these, or INT64_MAX: that was all. */
bool store_delete_states(struct store *store, int64_t before, int64_t *after, uint64_t *deleted,
                         struct error *err) MUST_CHECK;
/* Forgets at most `most` files that were loaded before. */
bool store_forget_files(struct store *store, int64_t before, uint64_t most, uint64_t *forgotten,
                        struct error *err) MUST_CHECK;

#endif
