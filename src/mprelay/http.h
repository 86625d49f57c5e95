/*
 * Reports over HTTP: the only home of libmicrohttpd, with its traps (docs/ENGINEERING.md "libmicrohttpd").
 *
 * What it hides: workers, connections and their deadlines, refusing before a byte of body is taken, gathering a body
 * under limits, letting a connection sleep while its report is made durable, and the answers.
 * Calling sequence: http_open, http_start, then http_take for each socket that was accepted (listener.h), from one thread
 * at a time; http_reload for new settings; http_stop, when none comes any more, lets requests in hand finish (at most
 * request-timeout) and ends; then the spool can be closed. Each connection is told with its next answer that it ends
 * there, and cut when none has been asked for: so a client that goes on at once loses nothing.
 * The relay and the settings are the caller's and stay until http_stop has returned.
 */
#ifndef MPRELAY_HTTP_H
#define MPRELAY_HTTP_H

#include "relay.h"

#include <sys/socket.h>

struct http;
bool http_open(struct relay *relay, const struct settings *settings, struct http **out, struct error *err) MUST_CHECK;
bool http_start(struct http *http, struct error *err) MUST_CHECK;
/* Requests begun before go on with the old settings, which must stay until http_stop. */
bool http_reload(struct http *http, const struct settings *settings, struct error *err) MUST_CHECK;
/* The owner is a struct http; the socket is its own from then on. */
void http_take(void *owner, int fd, const struct sockaddr *peer, socklen_t len);
size_t http_count_connections(struct http *http);
/* False: a worker, the watcher or what keeps reports has not moved for minutes although there is work. Any thread. */
bool http_is_alive(struct http *http);
void http_stop(struct http *http);      /* NULL is allowed */

#endif
