/*
 * The admin listener: /livez, /readyz and /metrics of a daemon, over HTTP on an address of its own.
 *
 * What it hides: libmicrohttpd (its second home; one thread of its own, at most 16 connections, 5 s for a request), the
 * answers' forms, and that a page is made anew for each request. GET and HEAD only; 404 and 405 otherwise.
 *   /livez    200 "ok": the process answers
 *   /readyz   200 or 503 with JSON: {"ready": false, "reasons": ["..."]}
 *   /metrics  the page of base/metrics.h
 * Calling sequence: admin_open (binds; ERROR_SYSTEM names the address), admin_close. The callbacks run on its thread at
 * any time between the two; they must be short and may take locks of the program for a moment only.
 */
#ifndef BASE_ADMIN_H
#define BASE_ADMIN_H

#include "base/error.h"
#include "base/mem.h"

struct admin_pages {
    /* Writes the reasons why the daemon is not ready, one per line and without line feed at the end; none: ready. */
    bool (*reasons)(void *owner, struct buffer *out, struct error *err);
    bool (*metrics)(void *owner, struct buffer *page, struct error *err);
    void *owner;
};

struct admin;
/* `address`: ADDRESS:PORT or [IPV6]:PORT. */
bool admin_open(const char *address, const struct admin_pages *pages, struct admin **out, struct error *err) MUST_CHECK;
void admin_close(struct admin *admin);      /* NULL is allowed */

#endif
