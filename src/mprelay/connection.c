/*
 * The decision hidden here: a connection moves on only by compare-and-swap, so worker and watcher never both have it.
 *
 *   IDLE --request line--> HEAD --head--> BODY --all of it--> OURS --decided--> ANSWER --sent--> IDLE
 *     \______________________\______________\__________________________________/--watcher--> CUT
 */
#include "connection.h"

#include "base/sys.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
    WINDOW = 10 * 1000000,      /* of the least rate, microseconds (spec/wire.md 8) */
    LAST_CHANCE = 2 * 1000000,  /* to ask once more while we stop: who has just been answered may be about to */
    SHARES = 10,                /* of the connections, one is looked at for its end in each watch */
};

void connections_init(struct connections *connections, const struct proxies *proxies)
{
    *connections = (struct connections){.proxies = proxies};
    (void)pthread_mutex_init(&connections->lock, NULL);     /* cannot fail on Linux */
}

void connections_fini(struct connections *connections)
{
    (void)pthread_mutex_destroy(&connections->lock);
}

size_t connections_count(struct connections *connections)
{
    (void)pthread_mutex_lock(&connections->lock);
    const size_t count = connections->count;
    (void)pthread_mutex_unlock(&connections->lock);
    return count;
}

bool connections_are_leaving(struct connections *connections)
{
    (void)pthread_mutex_lock(&connections->lock);
    const bool leaving = connections->refused > CONNECTION_RESERVE;
    (void)pthread_mutex_unlock(&connections->lock);
    return leaving;
}

bool connections_have_work(struct connections *connections)
{
    bool found = false;
    (void)pthread_mutex_lock(&connections->lock);
    for (const struct connection *one = connections->first; one != NULL && !found; one = one->next)
        found = one->state == CONNECTION_OURS;
    (void)pthread_mutex_unlock(&connections->lock);
    return found;
}

bool connections_hang(struct connections *connections, int64_t time)
{
    bool found = false;
    (void)pthread_mutex_lock(&connections->lock);
    for (const struct connection *one = connections->first; one != NULL && !found; one = one->next) {
        const enum connection_state state = one->state;
        found = (state == CONNECTION_OURS || state == CONNECTION_CUT) && one->since < time;
    }
    (void)pthread_mutex_unlock(&connections->lock);
    return found;
}

static void write_address(int fd, char out[CONNECTION_ADDRESS_SIZE])
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    const char *written = NULL;
    if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
        peer.ss_family = AF_UNSPEC;
    if (peer.ss_family == AF_INET)
        written = inet_ntop(AF_INET, &((struct sockaddr_in *)&peer)->sin_addr, out, CONNECTION_ADDRESS_SIZE);
    if (peer.ss_family == AF_INET6)
        written = inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&peer)->sin6_addr, out, CONNECTION_ADDRESS_SIZE);
    if (written == NULL)
        (void)snprintf(out, CONNECTION_ADDRESS_SIZE, "%s", peer.ss_family == AF_UNIX ? "unix" : "-");
    else if (strncmp(out, "::ffff:", 7) == 0 && strchr(out, '.') != NULL)
        memmove(out, out + 7, strlen(out + 7) + 1);         /* IPv4 on a socket that takes both */
}

/* Under the lock. */
static bool join(struct connections *connections, struct connection *connection)
{
    if (!connection->proxied && strcmp(connection->address, "unix") != 0) {
        connection->peer = peer_join(&connections->peers, connection->address);
        if (connection->peer == NULL)
            return false;
    }
    connection->refused = connections->count - connections->refused >= connections->limits.connections ||
                          (connection->peer != NULL && connection->peer->connections > connections->limits.per_address);
    if (connection->refused && connections->refused >= CONNECTION_RESERVE)
        connection->state = CONNECTION_CUT;
    connections->refused += connection->refused;
    connections->count++;
    connection->next = connections->first;
    if (connection->next != NULL)
        connection->next->previous = connection;
    connections->first = connection;
    return true;
}

void connection_turn_away(int fd)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\nConnection: close\r\n"
                                 "Content-Length: 0\r\n\r\n";
    (void)send(fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL);     /* as far as he listens */
    (void)shutdown(fd, SHUT_RDWR);
}

struct connection *connection_open(struct connections *connections, int fd)
{
    struct connection *connection = sys.allocate(sizeof *connection);
    if (connection == NULL)
        return NULL;
    *connection = (struct connection){.fd = fd, .since = sys_ticks()};
    write_address(fd, connection->address);
    connection->proxied = proxies_have(connections->proxies, connection->address);

    (void)pthread_mutex_lock(&connections->lock);
    const bool joined = join(connections, connection);
    (void)pthread_mutex_unlock(&connections->lock);
    if (!joined) {
        sys.release(connection);
        return NULL;
    }
    if (connection->state == CONNECTION_CUT)
        connection_turn_away(fd);
    return connection;
}

void connection_close(struct connections *connections, struct connection *connection)
{
    (void)pthread_mutex_lock(&connections->lock);
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        connections->first = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    connections->count--;
    connections->refused -= connection->refused;
    if (connection->peer != NULL)
        peer_leave(&connections->peers, connection->peer);
    (void)pthread_mutex_unlock(&connections->lock);
    sys.release(connection);
}

struct peer *connections_join(struct connections *connections, const char *address, bool *over)
{
    (void)pthread_mutex_lock(&connections->lock);
    struct peer *peer = peer_join(&connections->peers, address);
    *over = peer != NULL && peer->connections > connections->limits.per_address;
    (void)pthread_mutex_unlock(&connections->lock);
    return peer;
}

void connections_leave(struct connections *connections, struct peer *peer)
{
    (void)pthread_mutex_lock(&connections->lock);
    peer_leave(&connections->peers, peer);
    (void)pthread_mutex_unlock(&connections->lock);
}

bool connection_enter(struct connection *connection, enum connection_state state)
{
    const int64_t now = sys_ticks();
    enum connection_state before = connection->state;
    if (before == CONNECTION_CUT)
        return false;
    if (state == CONNECTION_HEAD) {
        connection->begun = true;
        connection->started = now;
        connection->received = 0;
    }
    connection->since = now;
    return atomic_compare_exchange_strong(&connection->state, &before, state);
}

void connection_rest(struct connection *connection)
{
    const bool rests = connection_enter(connection, CONNECTION_IDLE);
    (void)rests;
}

bool connection_sent_garbage(const struct connection *connection)
{
    enum { END_OF_STREAM = 1 };         /* counts as a byte received */
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (connection->begun || connection->state == CONNECTION_CUT ||
        getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    return info.tcpi_bytes_received > END_OF_STREAM;
}

/* ---- the watcher ---- */

static bool is_below_rate(struct connection *connection, uint64_t min_rate, int64_t now)
{
    if (connection->window_start < connection->since) {
        connection->window_start = connection->since;
        connection->window_received = 0;
    }
    if (now - connection->window_start < WINDOW)
        return false;
    const uint64_t received = connection->received;
    const uint64_t came = received - connection->window_received;
    const uint64_t wanted = min_rate * (uint64_t)(now - connection->window_start) / 1000000;
    connection->window_start = now;
    connection->window_received = received;
    return came < wanted;
}

/* A request may lie there that the worker has not come to yet: it was sent before we stopped. */
static bool has_unread(int fd)
{
    int unread = 0;
    return ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
}

static bool is_overdue(const struct connections *connections, struct connection *connection,
                       enum connection_state state, int64_t now)
{
    const struct connection_limits *limits = &connections->limits;
    switch (state) {
    case CONNECTION_IDLE:
        return now - connection->since > limits->header_timeout ||
               (connections->draining && now - connection->since > LAST_CHANCE && !has_unread(connection->fd));
    case CONNECTION_HEAD:
        return now - connection->since > limits->header_timeout;
    case CONNECTION_BODY:
        return now - connection->started > limits->request_timeout || is_below_rate(connection, limits->min_rate, now);
    case CONNECTION_ANSWER:
        return now - connection->since > limits->request_timeout;
    case CONNECTION_OURS:
    case CONNECTION_CUT:
        break;
    }
    return false;
}

/* The worker finds the end of the stream and closes; nobody else can write to this socket now. */
static void cut(struct connection *connection, enum connection_state state)
{
    static const char answer[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    if (!atomic_compare_exchange_strong(&connection->state, &state, CONNECTION_CUT))
        return;
    connection->since = sys_ticks();
    if (state == CONNECTION_HEAD || state == CONNECTION_BODY)
        (void)send(connection->fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL);    /* if he still reads */
    (void)shutdown(connection->fd, SHUT_RDWR);
}

static bool has_ended(int fd)
{
    char next;
    return recv(fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* The library reads once for each edge that epoll tells, so it does not see an end that came together with the last
 * bytes: it would wait until the deadline for a client that is gone. A shutdown of what has ended is one more edge. */
static void show_end(struct connection *connection, enum connection_state state)
{
    if (state != CONNECTION_OURS && state != CONNECTION_CUT && has_ended(connection->fd))
        (void)shutdown(connection->fd, SHUT_RD);
}

void connections_watch(struct connections *connections, int64_t now)
{
    (void)pthread_mutex_lock(&connections->lock);
    const unsigned share = connections->watches++ % SHARES;
    for (struct connection *connection = connections->first; connection != NULL; connection = connection->next) {
        const enum connection_state state = connection->state;
        if (is_overdue(connections, connection, state, now))
            cut(connection, state);
        else if ((unsigned)connection->fd % SHARES == share)
            show_end(connection, state);
    }
    (void)pthread_mutex_unlock(&connections->lock);
}
