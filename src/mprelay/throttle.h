/*
 * At most so many within a time (fsp-throttle): what comes beyond it is told to come again.
 *
 * What it hides: the window slides. What was taken counts for that time and up to a sixtieth of it longer, so that there
 * is no stretch of that length in which more is taken than allowed, as there is where a count begins anew each hour.
 * Who brings many at once has them taken whole while there is room for one: a report of more than the limit would
 * otherwise never come through.
 * Pure but for its lock: times are an argument, of a clock that never steps (sys_ticks). Any thread may call.
 */
#ifndef MPRELAY_THROTTLE_H
#define MPRELAY_THROTTLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { THROTTLE_PARTS = 60 };

struct throttle {
    pthread_mutex_t lock;
    uint64_t most;
    int64_t part;                           /* microseconds */
    int64_t newest;                         /* part, counted since the clock's beginning */
    uint64_t counts[THROTTLE_PARTS + 1];    /* of the newest and those before it */
    uint64_t sum;
};

/* Before threads. It takes nothing until throttle_set. */
void throttle_init(struct throttle *throttle);
/* `most` in `time` microseconds, at least 1. What was taken goes on counting, unless the time is another one. */
void throttle_set(struct throttle *throttle, uint64_t most, int64_t time);
bool throttle_has_room(struct throttle *throttle, int64_t now);
/* False: there is no room now. */
bool throttle_take(struct throttle *throttle, uint64_t count, int64_t now);
/* What was taken at that time does not count after all. */
void throttle_give(struct throttle *throttle, uint64_t count, int64_t taken);

#endif
