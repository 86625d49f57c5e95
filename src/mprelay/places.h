/*
 * The places of one worker, each for a connection: how many are taken.
 *
 * What it hides: the HTTP library tells of each connection that it starts and of each of those that it closes, but not
 * of one that it is refused memory for, after it has taken the socket. So places are counted by what was told, and a
 * socket that is on its way is looked at: is it still there?
 * Calling sequence: places_take by the listener, before the socket is handed over; places_start and places_end when the
 * library tells; places_recount now and then. Each may be called from another thread.
 */
#ifndef MPRELAY_PLACES_H
#define MPRELAY_PLACES_H

#include "base/error.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>

enum { PLACES_MOST = 112 };

struct places {
    _Atomic size_t started;
    _Atomic size_t waiting;             /* handed over, not started yet */
    pthread_mutex_t lock;               /* guards what follows, and who changes `waiting` */
    struct {
        int fd;
        ino_t socket;                   /* the number of a descriptor may come again, this does not */
    } handed[PLACES_MOST];
};

void places_init(struct places *places);
void places_fini(struct places *places);
size_t places_taken(const struct places *places);

/* False: none is left. */
bool places_take(struct places *places, int fd) MUST_CHECK;
void places_start(struct places *places, int fd);
void places_end(struct places *places);

/* So that those who never came to be connections do not make this worker look busier than others. */
void places_recount(struct places *places);

#endif
