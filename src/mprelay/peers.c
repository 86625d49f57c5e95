/* The decision hidden here: chains in a fixed number of buckets. Who has addresses enough to fill one chain has more
 * than the limit for each of them would let in anyway. */
#include "peers.h"

#include "base/sys.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* FNV-1a. */
static struct peer **bucket_of(struct peers *peers, const char *address)
{
    uint32_t hash = 2166136261U;
    for (; *address != '\0'; address++)
        hash = (hash ^ (unsigned char)*address) * 16777619U;
    return &peers->buckets[hash % PEER_BUCKETS];
}

static struct peer *add(struct peer **bucket, const char *address)
{
    struct peer *peer = sys.allocate(sizeof *peer);
    if (peer == NULL)
        return NULL;
    *peer = (struct peer){.next = *bucket};
    (void)snprintf(peer->address, sizeof peer->address, "%s", address);
    *bucket = peer;
    return peer;
}

struct peer *peer_join(struct peers *peers, const char *address)
{
    struct peer **bucket = bucket_of(peers, address);
    struct peer *peer = *bucket;
    while (peer != NULL && strcmp(peer->address, address) != 0)
        peer = peer->next;
    if (peer == NULL)
        peer = add(bucket, address);
    if (peer != NULL)
        peer->connections++;
    return peer;
}

void peer_leave(struct peers *peers, struct peer *peer)
{
    if (--peer->connections > 0)
        return;
    struct peer **link = bucket_of(peers, peer->address);
    while (*link != peer)
        link = &(*link)->next;
    *link = peer->next;
    sys.release(peer);
}
