/*
 * Whose turn it is: the queue from which the next chunk is taken (spec/smx.md 4). Pure.
 *
 * A higher queue goes before a lower one; but after four chunks of a queue one is taken of the next lower that has
 * files, so that none waits for ever. A queue's four are counted on while no lower one has files.
 *
 * Calling sequence: turns_init, then turns_next for each chunk.
 */
#ifndef STATESYS_TURNS_H
#define STATESYS_TURNS_H

#include <stdbool.h>
#include <stddef.h>

enum { TURNS_QUEUES = 3, TURNS_AHEAD = 4 };

struct turns {
    unsigned ahead[TURNS_QUEUES]; /* chunks taken since a lower queue had its turn */
};

void turns_init(struct turns *turns);
/* `waiting`: which queues have files, the highest first. False: none has. */
bool turns_next(struct turns *turns, const bool waiting[TURNS_QUEUES], size_t *queue);

#endif
