/*
 * The keepers of a spool: threads that take what is queued and make it durable, as files or in the journal.
 *
 * What it hides: who takes what; when the journal is used; what a failed sync means for the next batch; probes; why
 * something is refused.
 * Calling sequence: keepers_init; keepers_prove; keepers_use_journal where there is one, also later, from any thread;
 * keepers_start; keepers_submit, keepers_doubt and keepers_look from any thread; keepers_stop, which answers all that
 * was submitted; keepers_fini. Records, their owners and errors: spool/spool.h. The settings stay the caller's and valid.
 */
#ifndef SPOOL_KEEPER_H
#define SPOOL_KEEPER_H

#include "batch.h"
#include "journal.h"
#include "proof.h"

#include <pthread.h>

enum { KEEPERS = PROOF_KEEPERS, MOST_IN_BATCH = JOURNAL_MOST_RECORDS };

struct keeper {
    struct keepers *keepers;
    size_t number;
    pthread_t thread;
    bool running;
    struct outbox outbox;
    struct journal *journal;            /* for the batch in hand; NULL: none */
    unsigned proved;                    /* equals keepers->failures while no sync has failed since */
    unsigned doubts;                    /* equals keepers->doubts once it has let go */
    size_t crowd;                       /* how many waited lately: rises at once, falls slowly */
    struct spool_record *records[MOST_IN_BATCH];
};

struct publisher;
struct keepers {
    const struct spool_settings *settings;
    _Atomic uint64_t min_free;          /* these two are the caller's to change */
    _Atomic uint64_t max_files;
    _Atomic uint64_t files;             /* an estimate; counted on, and the caller's to count anew */
    _Atomic unsigned failures;          /* failed syncs: each makes every keeper prove its outbox again */
    _Atomic(struct journal *) journal;          /* NULL: none */
    _Atomic(struct publisher *) publisher;      /* of what is in it */
    struct proof proof;

    pthread_mutex_t lock;               /* guards what follows */
    pthread_cond_t work;
    struct spool_record *first;
    struct spool_record **last;
    size_t waiting;                     /* of them */
    int64_t last_arrived;
    bool asked;                         /* for a probe */
    unsigned doubts;                    /* from outside: each makes every keeper let go of its outbox */
    bool closing;

    struct keeper at[KEEPERS];
};

void keepers_init(struct keepers *keepers, const struct spool_settings *settings);
/* A disk that is full today is no reason not to start: the outboxes prove themselves again before their first batch. */
bool keepers_prove(struct keepers *keepers, struct error *err) MUST_CHECK;
/* Both stay the caller's and valid until the keepers have stopped. The second keeper ends. */
void keepers_use_journal(struct keepers *keepers, struct journal *journal, struct publisher *publisher);
bool keepers_start(struct keepers *keepers, struct error *err) MUST_CHECK;
void keepers_stop(struct keepers *keepers);
void keepers_fini(struct keepers *keepers);

void keepers_submit(struct keepers *keepers, struct spool_record *record);
void keepers_doubt(struct keepers *keepers);
void keepers_look(struct keepers *keepers, int64_t patience, struct spool_state *out);

#endif
