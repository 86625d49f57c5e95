/*
 * The decision hidden here: a worker is one libmicrohttpd daemon with its own epoll thread and never more than 112
 * connections (PLACES_MOST), since the library stalls when exactly 128 sockets are ready at once; sockets are accepted
 * by our own listener and handed to the worker with the fewest.
 */
#include "http.h"

#include "base/log.h"
#include "base/sys.h"
#include "hall.h"
#include "http_info.h"
#include "http_request.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LIBRARY_MOST = 120,         /* the library counts a connection a moment longer than we do */
    WATCH_MILLISECONDS = 100,
    BODY_PIECE = 8 * 1024,      /* of a connection's memory, which the library clears for each request */
    STOP_GRACE = 5 * 1000000,   /* beyond request-timeout, microseconds */
    HANGS = 300 * 1000000,      /* longer than any disk that will still answer */
};

struct http {
    struct service service;
    pthread_t watcher;
    bool watching;
    _Atomic int64_t watched;    /* when the watcher last looked, sys_ticks */
    _Atomic bool stopping;
    struct hall hall;
    struct worker *workers;     /* as many as the hall has */
};

/* A connection that is told to come back before it could say what it wants. */
static void note_turned_away(const struct relay *relay, const char *address, const char *why)
{
    struct error err;
    (void)error_set(&err, ERROR_BUSY, "%s", why);
    counters_note_report(relay->counters, &err);
    counters_note_request(relay->counters, FORM_OTHER, error_policy(err.kind)->status);
    log_error("Relay: Message - from %s: not kept, answered 503: %s", address, why);
}

static void note_connection(void *owner, struct MHD_Connection *library, void **context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct worker *worker = owner;
    struct connections *connections = &worker->service->connections;
    const struct relay *relay = worker->service->relay;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        relay->counters->connections++;
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(library, MHD_CONNECTION_INFO_CONNECTION_FD);
        places_start(worker->places, info->connect_fd);
        *context = connection_open(connections, info->connect_fd);
        if (*context == NULL) {
            (void)shutdown(info->connect_fd, SHUT_RDWR);    /* nobody would watch it */
            log_error("Relay: cannot take a connection: the system refused memory for it");
        } else if (((struct connection *)*context)->state == CONNECTION_CUT) {
            note_turned_away(relay, ((struct connection *)*context)->address,
                             "too many connections, in all or from this address");
        }
        return;
    }
    relay->counters->connections--;
    places_end(worker->places);
    if (*context != NULL) {
        request_note_garbage(worker, *context);
        connection_close(connections, *context);
    }
    *context = NULL;
}

/* The path is compared as it was sent: what is escaped in it is not one of ours. */
static size_t keep_escaped(void *owner, struct MHD_Connection *library, char *text)
{
    (void)owner;
    (void)library;
    return strlen(text);
}

/* ---- connections ---- */

void http_take(void *owner, int fd, const struct sockaddr *peer, socklen_t len)
{
    struct http *http = owner;
    size_t worker;
    if (!hall_find(&http->hall, fd, &worker)) {
        connection_turn_away(fd);
        (void)close(fd);
        note_turned_away(http->service.relay, "-", "every worker is full");
        return;
    }
    if (MHD_add_connection(http->workers[worker].daemon, fd, peer, len) != MHD_YES)       /* closes fd itself */
        log_error("Relay: cannot take a connection: the HTTP library refused it");
}

static void *run_watcher(void *owner)
{
    struct http *http = owner;
    const struct timespec pause = {.tv_nsec = WATCH_MILLISECONDS * 1000000L};
    while (!http->stopping) {
        http->watched = sys_ticks();
        connections_watch(&http->service.connections, http->watched);
        for (size_t i = 0; i < http->hall.count; i++)
            places_recount(&http->hall.workers[i]);
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

/* ---- opening, reloading, closing ---- */

static void set_limits(struct http *http, const struct settings *settings)
{
    struct connection_limits *limits = &http->service.connections.limits;
    limits->per_address = settings->max_connections_per_address;
    limits->header_timeout = (int64_t)settings->header_timeout;
    limits->request_timeout = (int64_t)settings->request_timeout;
    limits->min_rate = settings->min_rate;
    http->service.relay->memory.most = settings->max_memory;
    throttle_set(http->service.relay->fsp_throttle, settings->fsp_throttle.count, (int64_t)settings->fsp_throttle.time);
    spool_set_limits(http->service.relay->spool, settings->min_free, settings->max_inbox_files);
}

static bool read_sender_rules(struct http *http, const struct settings *settings, struct http_sender_rules *out,
                              struct error *err)
{
    const char *header = settings->forwarded_header;
    *out = (struct http_sender_rules){.proxies = http->service.proxies, .liars = &http->service.liars};
    out->address_header = header == NULL ? (struct span){"", 0} : span_of(header);
    if (header != NULL && !proxy_is_header(out->address_header))
        return error_set(err, ERROR_MALFORMED, "forwarded-header = %.100s: no header can have this name", header);
    return vouch_rule_parse(settings->proxy_identity, &out->vouch, err);
}

static void close_epoch(struct epoch *epoch)
{
    answers_close(&epoch->answers);
    sys.release((void *)(uintptr_t)epoch->certificate.at);
    sys.release(epoch);
}

bool http_reload(struct http *http, const struct settings *settings, struct error *err)
{
    struct epoch *epoch = sys.allocate(sizeof *epoch);
    if (epoch == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the settings");
    *epoch = (struct epoch){.before = atomic_load(&http->service.epoch), .settings = settings};
    if (!read_sender_rules(http, settings, &epoch->senders, err) || !answers_open(settings, &epoch->answers, err)) {
        sys.release(epoch);
        return false;
    }
    if (!info_open(settings, &epoch->certificate, err)) {
        close_epoch(epoch);
        return false;
    }
    set_limits(http, settings);
    atomic_store(&http->service.epoch, epoch);
    return true;
}

static size_t processors(void)
{
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (size_t)count;
}

static bool make_workers(struct http *http, const struct settings *settings, struct error *err)
{
    const size_t wanted = ((size_t)settings->max_connections + CONNECTION_RESERVE + PLACES_MOST - 1) / PLACES_MOST;
    const size_t eager = processors(), count = wanted > eager ? wanted : eager;
    http->workers = sys.allocate(count * sizeof http->workers[0]);
    http->hall.workers = sys.allocate(count * sizeof http->hall.workers[0]);
    if (http->workers == NULL || http->hall.workers == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for %zu workers", count);
    http->hall.count = count;
    http->hall.eager = eager;
    for (size_t i = 0; i < count; i++) {
        places_init(&http->hall.workers[i]);
        http->workers[i] = (struct worker){.service = &http->service, .places = &http->hall.workers[i]};
    }
    for (size_t i = 0; i < count; i++)
        if (!xml_open(&http->workers[i].reader, err) || !keyring_open(&http->workers[i].keys, err))
            return false;
    return true;
}

bool http_open(struct relay *relay, const struct settings *settings, struct http **out, struct error *err)
{
    struct http *http = sys.allocate(sizeof *http);
    if (http == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the HTTP server");
    *http = (struct http){.service = {.relay = relay, .max_headers = settings->max_headers}};
    http->hall.connections = &http->service.connections;
    if (!proxies_open(&settings->trusted_proxy, &http->service.proxies, err)) {
        sys.release(http);
        return false;
    }
    connections_init(&http->service.connections, http->service.proxies);
    http->service.connections.limits.connections = settings->max_connections;
    if (!http_reload(http, settings, err) || !make_workers(http, settings, err)) {
        http_stop(http);
        return false;
    }
    *out = http;
    return true;
}

/* Without a timeout of the library's own: all deadlines are ours (connection.c). */
static bool start_worker(struct worker *worker, struct error *err)
{
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
                           MHD_ALLOW_SUSPEND_RESUME;
    worker->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, request_handle, worker, MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIBRARY_MOST,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, worker->service->max_headers + BODY_PIECE, MHD_OPTION_NOTIFY_CONNECTION,
        note_connection, worker, MHD_OPTION_URI_LOG_CALLBACK, request_begin, worker, MHD_OPTION_NOTIFY_COMPLETED,
        request_end, worker, MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, worker, MHD_OPTION_END);
    return worker->daemon != NULL || error_os(err, "cannot start a worker of the HTTP library");
}

bool http_start(struct http *http, struct error *err)
{
    const struct relay *relay = http->service.relay;
    if (!checkup_open(relay->spool, relay->outboxes[SMX_NORMAL], &http->service.checkup, err))
        return false;
    for (size_t i = 0; i < http->hall.count; i++)
        if (!start_worker(&http->workers[i], err))
            return false;
    http->watched = sys_ticks();
    errno = pthread_create(&http->watcher, NULL, run_watcher, http);
    http->watching = errno == 0;
    return http->watching || error_os(err, "cannot start the thread that keeps the deadlines");
}

size_t http_count_connections(struct http *http)
{
    return connections_count(&http->service.connections);
}

bool http_is_alive(struct http *http)
{
    const int64_t now = sys_ticks();
    return now - http->watched < HANGS && !connections_hang(&http->service.connections, now - HANGS);
}

/* Every request in hand ends by itself: it comes within request-timeout, and the spool answers what it was given. How
 * long that takes is up to the disk: the library aborts if it is stopped while one of its connections sleeps. */
static void wait_for_requests(struct http *http)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000000L};
    struct connections *connections = &http->service.connections;
    const int64_t end = sys_ticks() + connections->limits.request_timeout + STOP_GRACE;
    while (connections_have_work(connections) || (connections_count(connections) > 0 && sys_ticks() < end))
        (void)nanosleep(&pause, NULL);
}

static void stop_workers(struct http *http)
{
    for (size_t i = 0; i < http->hall.count; i++) {
        if (http->workers[i].daemon != NULL)
            MHD_stop_daemon(http->workers[i].daemon);
        xml_close(http->workers[i].reader);
        keyring_close(http->workers[i].keys);
        places_fini(&http->hall.workers[i]);
    }
    sys.release(http->hall.workers);
    sys.release(http->workers);
}

void http_stop(struct http *http)
{
    if (http == NULL)
        return;
    http->service.connections.draining = true;
    if (http->watching) {
        wait_for_requests(http);
        http->stopping = true;
        (void)pthread_join(http->watcher, NULL);
    }
    stop_workers(http);
    checkup_close(http->service.checkup);
    for (struct epoch *epoch = atomic_load(&http->service.epoch); epoch != NULL;) {
        struct epoch *before = epoch->before;
        close_epoch(epoch);
        epoch = before;
    }
    connections_fini(&http->service.connections);
    proxies_close(http->service.proxies);
    sys.release(http);
}
