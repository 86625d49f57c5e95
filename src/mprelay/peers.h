/*
 * How many connections each address has. What it hides: how an address is found, so that one more connection among ten
 * thousand costs as little as the first. The caller's lock guards it; an address fits into PEER_ADDRESS_SIZE.
 */
#ifndef MPRELAY_PEERS_H
#define MPRELAY_PEERS_H

#include <stddef.h>

enum { PEER_ADDRESS_SIZE = 64, PEER_BUCKETS = 1024 };

struct peer {
    struct peer *next;
    size_t connections;
    char address[PEER_ADDRESS_SIZE];
};

struct peers {
    struct peer *buckets[PEER_BUCKETS];
};

/* One connection more from this address; NULL: no memory. */
struct peer *peer_join(struct peers *peers, const char *address);

/* One less; the last one takes the peer with it. */
void peer_leave(struct peers *peers, struct peer *peer);

#endif
