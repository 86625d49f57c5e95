/* The decision hidden here: how old a proof may be, and how often another may be asked for. */
#include "proof.h"

#include "base/sys.h"

#include <errno.h>
#include <stdatomic.h>

#define SECOND ((int64_t)1000000)
#define FRESH SECOND
#define LEAST_PAUSE SECOND

void proof_init(struct proof *proof)
{
    (void)pthread_mutex_init(&proof->lock, NULL);       /* cannot fail on Linux */
    sys_condition_init(&proof->ended);
}

void proof_fini(struct proof *proof)
{
    (void)pthread_cond_destroy(&proof->ended);
    (void)pthread_mutex_destroy(&proof->lock);
}

/* ---- keepers ---- */

void proof_begin(struct proof *proof, size_t keeper)
{
    proof->begun[keeper] = sys_ticks();
}

int64_t proof_end(struct proof *proof, size_t keeper, const struct error *refusal, bool asked)
{
    const int64_t now = sys_ticks(), begun = proof->begun[keeper];
    proof->begun[keeper] = 0;           /* before anybody is told */
    if (refusal == NULL)
        proof->kept = now;
    if (refusal != NULL || proof->refused || asked) {
        static const struct error none = {0};
        (void)pthread_mutex_lock(&proof->lock);
        proof->refusal = *(refusal == NULL ? &none : refusal);
        proof->refused = refusal != NULL;
        proof->answers += asked;
        (void)pthread_cond_broadcast(&proof->ended);
        (void)pthread_mutex_unlock(&proof->lock);
    }
    return now - begun;
}

/* ---- who asks ---- */

bool proof_is_due(struct proof *proof, uint64_t *answers)
{
    const int64_t now = sys_ticks();
    (void)pthread_mutex_lock(&proof->lock);
    const bool fresh = proof->kept != 0 && now - proof->kept < FRESH && !proof->refused;
    const bool due = !fresh && now >= proof->next;
    if (due)
        proof->next = now + LEAST_PAUSE;
    *answers = proof->answers;
    (void)pthread_mutex_unlock(&proof->lock);
    return due;
}

void proof_wait(struct proof *proof, uint64_t answers, int64_t patience)
{
    const int64_t until = sys_ticks() + patience;
    (void)pthread_mutex_lock(&proof->lock);
    while (proof->answers == answers)
        if (!sys_wait_until(&proof->ended, &proof->lock, until))
            break;
    (void)pthread_mutex_unlock(&proof->lock);
}

void proof_read(struct proof *proof, struct spool_state *out)
{
    const int64_t now = sys_ticks();
    out->hangs = 0;
    for (size_t i = 0; i < PROOF_KEEPERS; i++) {
        const int64_t begun = proof->begun[i];
        if (begun != 0 && now - begun > out->hangs)
            out->hangs = now - begun;
    }
    (void)pthread_mutex_lock(&proof->lock);
    out->kept = proof->kept;
    out->refusal = proof->refusal;
    (void)pthread_mutex_unlock(&proof->lock);
}
