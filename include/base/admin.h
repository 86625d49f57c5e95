/*
 * The admin listener: /livez, /readyz and /metrics of a daemon, over HTTP on an address of its own.
 *
 * What it hides: libmicrohttpd (its second home; one thread of its own, at most 16 connections, each dropped when
 * nothing came or went for 5 s, and the oldest when more come), the answers' forms, and that a page is made anew for each
 * request. GET and HEAD only; 404 and 405 otherwise.
 *   /livez    200 "ok": the process answers
 *   /readyz   200 or 503 with JSON: {"ready": false, "reasons": ["..."]}
 *   /metrics  the page of base/metrics.h
 * A page that could not be made is answered by its error's status (error.h) and sentence.
 * Calling sequence: admin_open with a socket that listens (base/address.h, base/daemon.h), which is its own from then
 * on; admin_close. The callbacks run on its thread at any time between the two, one at a time; while one runs nobody
 * else is answered, so they must be short.
 */
#ifndef BASE_ADMIN_H
#define BASE_ADMIN_H

#include "base/error.h"
#include "base/mem.h"

struct admin_pages {
    /* Writes the reasons why the daemon is not ready, each ended by a line feed; none: ready. */
    bool (*reasons)(void *owner, struct buffer *out, struct error *err);
    bool (*metrics)(void *owner, struct buffer *page, struct error *err);
    void *owner;
};

/* For `reasons`: what could not be added is told by `failed` and `err`, and nothing is added after it. */
struct admin_reasons {
    struct buffer *out;
    bool failed;
    struct error err;
};
/* One sentence, cut at 511 bytes. */
void admin_add_reason(struct admin_reasons *reasons, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct admin;
bool admin_open(int socket, const struct admin_pages *pages, struct admin **out, struct error *err) MUST_CHECK;
void admin_close(struct admin *admin); /* NULL is allowed */

#endif
