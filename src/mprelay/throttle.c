/* The decision hidden here: counts of sixtieths of the time in a ring, whatever the limit: no time is kept of each. */
#include "throttle.h"

#include <string.h>

static uint64_t *count_of(struct throttle *throttle, int64_t part)
{
    return &throttle->counts[part % (THROTTLE_PARTS + 1)];
}

static void forget(struct throttle *throttle)
{
    memset(throttle->counts, 0, sizeof throttle->counts);
    throttle->sum = 0;
}

/* What is older than the window does not count any more. */
static void advance(struct throttle *throttle, int64_t now)
{
    const int64_t part = now / throttle->part;
    if (part - throttle->newest > THROTTLE_PARTS)
        forget(throttle);
    else
        for (int64_t old = throttle->newest + 1; old <= part; old++) {
            throttle->sum -= *count_of(throttle, old);
            *count_of(throttle, old) = 0;
        }
    if (part > throttle->newest)
        throttle->newest = part;
}

void throttle_init(struct throttle *throttle)
{
    *throttle = (struct throttle){.part = 1};
    (void)pthread_mutex_init(&throttle->lock, NULL);        /* cannot fail on Linux */
}

void throttle_set(struct throttle *throttle, uint64_t most, int64_t time)
{
    const int64_t part = (time + THROTTLE_PARTS - 1) / THROTTLE_PARTS;
    (void)pthread_mutex_lock(&throttle->lock);
    if (part != throttle->part) {
        forget(throttle);
        throttle->newest = 0;
    }
    throttle->most = most;
    throttle->part = part;
    (void)pthread_mutex_unlock(&throttle->lock);
}

bool throttle_has_room(struct throttle *throttle, int64_t now)
{
    return throttle_take(throttle, 0, now);
}

bool throttle_take(struct throttle *throttle, uint64_t count, int64_t now)
{
    (void)pthread_mutex_lock(&throttle->lock);
    advance(throttle, now);
    const bool taken = throttle->sum < throttle->most;
    if (taken) {
        throttle->sum += count;
        *count_of(throttle, throttle->newest) += count;
    }
    (void)pthread_mutex_unlock(&throttle->lock);
    return taken;
}

/* It may count no more, or the window may have begun anew meanwhile: then nothing is owed. */
void throttle_give(struct throttle *throttle, uint64_t count, int64_t taken)
{
    (void)pthread_mutex_lock(&throttle->lock);
    const int64_t part = taken / throttle->part;
    uint64_t *counted = count_of(throttle, part);
    if (part <= throttle->newest && throttle->newest - part <= THROTTLE_PARTS && *counted >= count) {
        *counted -= count;
        throttle->sum -= count;
    }
    (void)pthread_mutex_unlock(&throttle->lock);
}
