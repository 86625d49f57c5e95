/*
 * All open connections, and the deadlines that the HTTP library does not keep (docs/ENGINEERING.md "libmicrohttpd" 3: its
 * timeout counts inactivity only, so a client that drips bytes would stay for ever).
 *
 * What it hides: who is counted against which limit, and how a connection is cut from outside while its worker may be
 * at it: the state is changed by compare-and-swap, so that either the worker goes on or the watcher cuts, never both.
 * Calling sequence: connection_open when the library has taken a socket, connection_enter at each step of a request,
 * connection_close before the library closes the socket. connections_watch is called now and then from one thread.
 * Times are those of sys_ticks.
 */
#ifndef MPRELAY_CONNECTION_H
#define MPRELAY_CONNECTION_H

#include "base/error.h"
#include "proxy.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    CONNECTION_ADDRESS_SIZE = PEER_ADDRESS_SIZE,
    CONNECTION_RESERVE = 64,    /* over a limit, and still told so in answer to their first request */
};

enum connection_state {
    CONNECTION_IDLE,            /* no request line seen yet, or none since the last answer */
    CONNECTION_HEAD,
    CONNECTION_BODY,
    CONNECTION_OURS,            /* all is here, and it is our turn: the one state that is never cut */
    CONNECTION_ANSWER,          /* the answer is on its way, as fast as the client reads it */
    CONNECTION_CUT,             /* by the watcher: too slow, or told to go; or turned away at once */
};

struct connection {
    struct connection *next;
    struct connection *previous;
    int fd;
    struct peer *peer;          /* NULL: its address is not counted */
    bool proxied;               /* it is a trusted-proxy's */
    bool refused;               /* over a limit: its first request is told to come back */
    bool begun;                 /* a request line was read */
    char address[CONNECTION_ADDRESS_SIZE];
    _Atomic enum connection_state state;
    _Atomic int64_t since;      /* of the state */
    _Atomic int64_t started;    /* of the request */
    _Atomic uint64_t received;  /* bytes of the body */
    int64_t window_start;       /* the watcher's: of the last 10 s */
    uint64_t window_received;
};

struct connection_limits {
    _Atomic uint64_t connections;
    _Atomic uint64_t per_address;
    _Atomic int64_t header_timeout;     /* microseconds */
    _Atomic int64_t request_timeout;
    _Atomic uint64_t min_rate;
};

struct connections {
    pthread_mutex_t lock;
    struct connection *first;
    size_t count;
    size_t refused;                     /* of these */
    unsigned watches;
    struct peers peers;
    struct connection_limits limits;
    const struct proxies *proxies;      /* not counted singly: they carry many clients */
    _Atomic bool draining;
};

void connections_init(struct connections *connections, const struct proxies *proxies);
void connections_fini(struct connections *connections);
size_t connections_count(struct connections *connections);
/* Are some turned away, and still there? */
bool connections_are_leaving(struct connections *connections);
/* Is one of them CONNECTION_OURS? */
bool connections_have_work(struct connections *connections);

/* NULL: no memory. The address is asked of the socket. One that is over a limit when the reserve is used up is turned
 * away at once and CONNECTION_CUT: who says nothing must not hold the place of others. */
struct connection *connection_open(struct connections *connections, int fd);
void connection_close(struct connections *connections, struct connection *connection);

/* A request of a client behind a proxy is under way: it counts for the client's address as a connection of its own would.
 * *over: there are more than max-connections-per-address. NULL: no memory. connections_leave when it has ended. */
struct peer *connections_join(struct connections *connections, const char *address, bool *over);
void connections_leave(struct connections *connections, struct peer *peer);

/* False if the watcher has cut it: touch the socket no more. */
bool connection_enter(struct connection *connection, enum connection_state state) MUST_CHECK;

/* Writes a 503 past the library. */
void connection_turn_away(int fd);

/* Has one been waiting for its worker or for what keeps reports since before `time`? A worker answers for what is its
 * own, and closes what was cut, at once. */
bool connections_hang(struct connections *connections, int64_t time);

/* The request is over. A connection that was cut stays so. */
void connection_rest(struct connection *connection);

/* Bytes came on this TCP connection, but never a request line that the library could read: TLS on a plain port, say. It
 * answers by itself, if at all, and tells nobody else. */
bool connection_sent_garbage(const struct connection *connection);

/* Cuts what is over its deadline or below the least rate, after a 408 where the client still owes us a part of its
 * request; while draining, also what has been idle for two seconds. Wakes the worker of a connection whose client has
 * ended it. */
void connections_watch(struct connections *connections, int64_t now);

#endif
