/* The decision hidden here: a socket that was handed over and is gone never came to be a connection. */
#include "places.h"

#include "base/sys.h"

#include <stdatomic.h>

void places_init(struct places *places)
{
    *places = (struct places){0};
    (void)pthread_mutex_init(&places->lock, NULL);      /* cannot fail on Linux */
}

void places_fini(struct places *places)
{
    (void)pthread_mutex_destroy(&places->lock);
}

size_t places_taken(const struct places *places)
{
    return places->started + places->waiting;
}

/* 0, which no socket has: it is not there, or cannot be asked. */
static ino_t socket_of(int fd)
{
    struct stat status;
    return sys.fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static void forget(struct places *places, size_t at)
{
    places->handed[at] = places->handed[--places->waiting];
}

/* Gives back the places of sockets that were closed without having been started. */
static void recount(struct places *places)
{
    for (size_t i = places->waiting; i-- > 0;)
        if (places->handed[i].socket == 0 || socket_of(places->handed[i].fd) != places->handed[i].socket)
            forget(places, i);
}

bool places_take(struct places *places, int fd)
{
    const ino_t socket = socket_of(fd);
    (void)pthread_mutex_lock(&places->lock);
    if (places_taken(places) >= PLACES_MOST)
        recount(places);
    const bool has_room = places_taken(places) < PLACES_MOST;
    if (has_room) {
        places->handed[places->waiting].fd = fd;
        places->handed[places->waiting].socket = socket;
        places->waiting++;
    }
    (void)pthread_mutex_unlock(&places->lock);
    return has_room;
}

void places_start(struct places *places, int fd)
{
    const ino_t socket = socket_of(fd);
    (void)pthread_mutex_lock(&places->lock);
    places->started++;
    for (size_t i = places->waiting; i-- > 0;)
        if (places->handed[i].fd == fd && places->handed[i].socket == socket)
            forget(places, i);
    (void)pthread_mutex_unlock(&places->lock);
}

void places_end(struct places *places)
{
    places->started--;
}

void places_recount(struct places *places)
{
    (void)pthread_mutex_lock(&places->lock);
    recount(places);
    (void)pthread_mutex_unlock(&places->lock);
}
