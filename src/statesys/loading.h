/*
 * What the parts of the loader share: the inbox, what is in force in this round, and how the round goes.
 *
 * What it hides: that a round may be broken off by any thread, for one reason; which files are left alone until the
 * next round, because they are not whole yet or could not be moved; when it is worth looking again.
 *
 * Calling sequence: loading_begin before each round, while no worker runs. All else from any thread. An inbox of which
 * something went wrong is closed at the end of the round: whatever is still in hand goes back when it is opened again.
 */
#ifndef STATESYS_LOADING_H
#define STATESYS_LOADING_H

#include "site.h"
#include "spool/inbox.h"

#include <pthread.h>

/* The queues of the inbox are those of the site, and behind them the files that wait for the parent site. */
enum { LOADING_OUTGOING = QUEUES, LOADING_QUEUES };

enum { LOADING_MOST_LEFT = 8192, LOADING_LEFT_SLOTS = 2 * LOADING_MOST_LEFT };

struct loading {
    struct site *site;
    struct inbox *inbox;       /* NULL: not open */
    const struct force *force; /* of this round */
    _Atomic bool stopping;
    _Atomic bool parent_away; /* in this round */
    bool one_writer;          /* one transaction at a time: the others would only poll for the lock */
    pthread_mutex_t writing;

    pthread_mutex_t lock; /* of all that follows */
    bool broken;
    struct error trouble; /* why */
    int64_t next_look;    /* microseconds since 1970; INT64_MAX: no earlier than usual */
    size_t left_count;
    uint64_t left[LOADING_LEFT_SLOTS]; /* hashes of names; 0: free */
};

void loading_init(struct loading *loading, struct site *site);
void loading_fini(struct loading *loading);
void loading_begin(struct loading *loading);

/* The first reason counts. */
void loading_break(struct loading *loading, const struct error *why);
/* The same, and the database is what is lost. */
void loading_lose_database(struct loading *loading, const struct error *why);
bool loading_is_over(struct loading *loading); /* broken off, or told to stop: no new work */
void loading_look_at(struct loading *loading, int64_t time);

/* Back to its queue. */
void loading_return(struct loading *loading, const struct inbox_file *file);
/* The same, and not again in this round. */
void loading_leave(struct loading *loading, const struct inbox_file *file);
/* The same for one that could not be moved to where it should go. */
void loading_put_off(struct loading *loading, const struct inbox_file *file, const struct error *why);
/* A file that could not even be taken. */
void loading_pass_by(struct loading *loading, const struct inbox_entry *entry);
bool loading_is_left(struct loading *loading, const struct inbox_entry *entry);

#endif
