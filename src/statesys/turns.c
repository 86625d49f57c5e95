/* The decision hidden here: the lowest queue that has waited long enough is looked for first, or the middle one would
 * have its turns at the cost of the last. */
#include "turns.h"

#include <string.h>

void turns_init(struct turns *turns)
{
    memset(turns, 0, sizeof *turns);
}

/* The next one with files behind `queue`; TURNS_QUEUES: none. */
static size_t find_waiting(const bool waiting[TURNS_QUEUES], size_t queue)
{
    while (queue < TURNS_QUEUES && !waiting[queue])
        queue++;
    return queue;
}

/* A queue whose turn has come because the one above it had four. */
static size_t find_due(struct turns *turns, const bool waiting[TURNS_QUEUES])
{
    for (size_t above = TURNS_QUEUES - 1; above-- > 0;) {
        const size_t queue = find_waiting(waiting, above + 1);
        if (turns->ahead[above] < TURNS_AHEAD || queue == TURNS_QUEUES)
            continue;
        turns->ahead[above] = 0;
        return queue;
    }
    return TURNS_QUEUES;
}

bool turns_next(struct turns *turns, const bool waiting[TURNS_QUEUES], size_t *queue)
{
    size_t next = find_due(turns, waiting);
    if (next == TURNS_QUEUES)
        next = find_waiting(waiting, 0);
    if (next == TURNS_QUEUES)
        return false;
    if (turns->ahead[next] < TURNS_AHEAD)
        turns->ahead[next]++;
    *queue = next;
    return true;
}
