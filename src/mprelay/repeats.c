/*
 * The decision hidden here: entries lie in a ring in the order in which they were noted, which is also the order in
 * which they grow old, so that nothing is ever searched for what may go. Beside it chains by a hash lead to them. The
 * hash is keyed with a number that nobody knows: who could choose messages that meet in one chain would make it long.
 */
#include "repeats.h"

#include "base/sys.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

enum { NONE = REPEATS_MOST };           /* no entry: they are counted from 0 */

struct entry {
    struct repeats_mark mark;
    int64_t time;
    uint32_t next;                      /* in its chain, an older one; or NONE */
};

struct repeats {
    pthread_mutex_t lock;
    uint64_t secret;
    size_t most;
    size_t count;
    size_t oldest;                      /* where the ring is full, the place of the next */
    uint32_t chains[REPEATS_MOST];      /* the newest entry of each, or NONE */
    struct entry ring[];
};

bool repeats_open(size_t most, struct repeats **out, struct error *err)
{
    uint64_t secret;
    assert(most >= 1 && most <= REPEATS_MOST);
    if (sys.getrandom(&secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return error_os(err, "cannot draw a random number");
    struct repeats *repeats = sys.allocate(sizeof *repeats + most * sizeof repeats->ring[0]);
    if (repeats == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory to remember %zu messages", most);
    repeats->secret = secret | 1;
    repeats->most = most;
    repeats->count = repeats->oldest = 0;
    for (size_t i = 0; i < REPEATS_MOST; i++)
        repeats->chains[i] = NONE;
    (void)pthread_mutex_init(&repeats->lock, NULL);     /* cannot fail on Linux */
    *out = repeats;
    return true;
}

void repeats_close(struct repeats *repeats)
{
    if (repeats == NULL)
        return;
    (void)pthread_mutex_destroy(&repeats->lock);
    sys.release(repeats);
}

/* The high bits of a product depend on all bits below. */
static uint32_t *chain_of(struct repeats *repeats, const struct repeats_mark *mark)
{
    uint64_t start;
    memcpy(&start, mark->bytes, sizeof start);
    return &repeats->chains[(start * repeats->secret) >> 48];
}

static bool is_same(const struct repeats_mark *a, const struct repeats_mark *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* The newest of its kind comes first. */
static const struct entry *find(struct repeats *repeats, const struct repeats_mark *mark)
{
    uint32_t at = *chain_of(repeats, mark);
    while (at != NONE && !is_same(&repeats->ring[at].mark, mark))
        at = repeats->ring[at].next;
    return at == NONE ? NULL : &repeats->ring[at];
}

bool repeats_find(struct repeats *repeats, const struct repeats_mark *mark, int64_t now, int64_t window)
{
    (void)pthread_mutex_lock(&repeats->lock);
    const struct entry *entry = find(repeats, mark);
    const bool found = entry != NULL && now - entry->time < window;
    (void)pthread_mutex_unlock(&repeats->lock);
    return found;
}

/* The oldest of the ring is the last of its chain. */
static void forget_oldest(struct repeats *repeats)
{
    uint32_t *link = chain_of(repeats, &repeats->ring[repeats->oldest].mark);
    while (*link != repeats->oldest)
        link = &repeats->ring[*link].next;
    *link = NONE;
}

static uint32_t take_place(struct repeats *repeats)
{
    if (repeats->count < repeats->most)
        return (uint32_t)repeats->count++;
    const size_t place = repeats->oldest;
    forget_oldest(repeats);
    repeats->oldest = (place + 1) % repeats->most;
    return (uint32_t)place;
}

void repeats_add(struct repeats *repeats, const struct repeats_mark *mark, int64_t now)
{
    (void)pthread_mutex_lock(&repeats->lock);
    const uint32_t place = take_place(repeats);
    uint32_t *chain = chain_of(repeats, mark);
    repeats->ring[place] = (struct entry){.mark = *mark, .time = now, .next = *chain};
    *chain = place;
    (void)pthread_mutex_unlock(&repeats->lock);
}
