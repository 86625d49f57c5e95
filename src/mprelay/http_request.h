/*
 * One request on a worker's thread, from its first line to its end: libmicrohttpd's calls.
 *
 *   HEAD --checked--> BODY --all here--> TAKEN --spool done--> DONE --answered--> gone
 *     \________________\__refused__> SWALLOW --all here___________/
 *     \__no report (http_resync.h, http_info.h)__> ASKED --answered, perhaps after INQUIRED__/
 *
 * request_begin, request_handle and request_end are the library's callbacks; their owner is a struct worker.
 */
#ifndef MPRELAY_HTTP_REQUEST_H
#define MPRELAY_HTTP_REQUEST_H

#include "checkup.h"
#include "connection.h"
#include "http_answer.h"
#include "http_sender.h"
#include "places.h"
#include "relay.h"

#include <microhttpd.h>

/* Settings and what follows from them; requests hold on to theirs until they end. */
struct epoch {
    struct epoch *before;
    const struct settings *settings;
    struct http_sender_rules senders;
    struct answers answers;
    struct span certificate;    /* of MPCERT; sys.release */
};

/* What all workers share. */
struct service {
    struct relay *relay;
    struct checkup *checkup;
    _Atomic(struct epoch *) epoch;
    struct proxies *proxies;
    struct proxy_liars liars;
    struct connections connections;
    size_t max_headers;
    _Atomic uint32_t requests;  /* so far */
};

struct worker {
    struct service *service;
    struct MHD_Daemon *daemon;
    struct xml_reader *reader;
    struct keyring *keys;
    struct places *places;
};

/* For a connection that ends: a verdict on what came over it without ever being a request. */
void request_note_garbage(const struct worker *worker, const struct connection *connection);

void *request_begin(void *owner, const char *path, struct MHD_Connection *library);
enum MHD_Result request_handle(void *owner, struct MHD_Connection *library, const char *path, const char *method,
                               const char *version, const char *bytes, size_t *len, void **context);
void request_end(void *owner, struct MHD_Connection *library, void **context, enum MHD_RequestTerminationCode reason);

#endif
