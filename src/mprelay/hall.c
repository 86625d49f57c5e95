/* The decision hidden here: when all places are taken, whether that is worth waiting for. */
#include "hall.h"

#include <time.h>

enum { MOST_WAITS = 1000 };             /* of a millisecond, for a place */

/* The eager workers are filled evenly first: fewer threads, fewer wake-ups. The others wait for a crowd. */
static size_t choose_worker(const struct hall *hall)
{
    size_t best = 0;
    for (size_t i = 1; i < hall->count; i++) {
        if (i >= hall->eager && places_taken(&hall->workers[best]) < PLACES_MOST)
            break;
        if (places_taken(&hall->workers[i]) < places_taken(&hall->workers[best]))
            best = i;
    }
    return best;
}

/* Sockets on their way to a worker have places, and so have those that are just being turned away. */
static bool places_will_free(const struct hall *hall)
{
    size_t waiting = 0;
    for (size_t i = 0; i < hall->count; i++)
        waiting += hall->workers[i].waiting;
    return waiting > 0 || connections_are_leaving(hall->connections);
}

bool hall_find(const struct hall *hall, int fd, size_t *worker)
{
    const struct timespec moment = {.tv_nsec = 1000000L};
    for (int waits = 0;; waits++) {
        const size_t chosen = choose_worker(hall);
        if (places_take(&hall->workers[chosen], fd)) {
            *worker = chosen;
            return true;
        }
        if (waits == MOST_WAITS || !places_will_free(hall))
            return false;
        (void)nanosleep(&moment, NULL);
    }
}
