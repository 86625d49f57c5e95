/*
 * What the keepers tell of themselves: when something was last kept, since when they have something in hand, and why the
 * latest was not kept.
 *
 * Calling sequence: proof_init; each keeper calls proof_begin before and proof_end after each batch and each probe; any
 * other thread asks. Where proof_is_due says so, a probe is asked for (keeper.c), and whoever keeps it, or a batch in its
 * place, ends it as `asked`, for which proof_wait waits. Who keeps a batch takes no lock, unless it was refused, or the
 * one before was, or somebody asked. Times are those of sys_ticks.
 */
#ifndef SPOOL_PROOF_H
#define SPOOL_PROOF_H

#include "spool/spool.h"

#include <pthread.h>

enum { PROOF_KEEPERS = 2 };

struct proof {
    _Atomic int64_t begun[PROOF_KEEPERS];       /* 0: has nothing in hand */
    _Atomic int64_t kept;
    _Atomic bool refused;
    pthread_mutex_t lock;                       /* guards what follows */
    pthread_cond_t ended;
    uint64_t answers;
    int64_t next;                               /* probe is due, at the earliest */
    struct error refusal;
};

void proof_init(struct proof *proof);
void proof_fini(struct proof *proof);

void proof_begin(struct proof *proof, size_t keeper);
/* NULL: it was kept. Returns the microseconds since it was begun. */
int64_t proof_end(struct proof *proof, size_t keeper, const struct error *refusal, bool asked);

/* True: it is for the caller to ask for one. *answers is what proof_wait wants to know. */
bool proof_is_due(struct proof *proof, uint64_t *answers) MUST_CHECK;
void proof_wait(struct proof *proof, uint64_t answers, int64_t patience);
/* Fills kept, refusal and hangs. */
void proof_read(struct proof *proof, struct spool_state *out);

#endif
