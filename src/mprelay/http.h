/*
 * Reports over HTTP: the only home of libmicrohttpd, with its traps (docs/ENGINEERING.md "libmicrohttpd").
 *
 * What it hides: workers, connections and their deadlines, refusing before a byte of body is taken, gathering a body
 * under limits, letting a connection sleep while its report is made durable, and the answers.
 * Calling sequence: http_open (binds the addresses), http_start, http_reload for new settings, http_stop, which takes
 * no new connections, lets requests in hand finish (at most request-timeout) and ends; then the spool can be closed.
 * The relay and the settings are the caller's and stay until http_stop has returned.
 */
#ifndef MPRELAY_HTTP_H
#define MPRELAY_HTTP_H

#include "relay.h"

struct http;
bool http_open(struct relay *relay, const struct settings *settings, struct http **out, struct error *err) MUST_CHECK;
bool http_start(struct http *http, struct error *err) MUST_CHECK;
/* Requests begun before go on with the old settings, which must stay until http_stop. */
bool http_reload(struct http *http, const struct settings *settings, struct error *err) MUST_CHECK;
void http_stop(struct http *http);      /* NULL is allowed */

#endif
