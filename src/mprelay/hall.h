/*
 * The places of all workers: who gets the next connection.
 *
 * What it hides: which worker is filled first, and that a crowd of few addresses fills all of them for a moment only, until
 * its most are turned away: who accepts waits so long, and whoever comes behind the crowd waits in the kernel's queue.
 * hall_find is the listener's; what it waits for is done by the workers' threads.
 */
#ifndef MPRELAY_HALL_H
#define MPRELAY_HALL_H

#include "connection.h"
#include "places.h"

struct hall {
    struct places *workers;
    size_t count;                       /* of workers */
    size_t eager;                       /* of these are filled first: as many as there are processors */
    struct connections *connections;
};

/* Takes a place for the socket; *worker is its number. False: every worker is full, and stays so. */
bool hall_find(const struct hall *hall, int fd, size_t *worker) MUST_CHECK;

#endif
