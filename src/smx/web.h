/*
 * HTTP as a client speaks it: requests side by side, over connections that are kept. The only home of libcurl.
 *
 * What it hides: libcurl, which connection a request goes over, and that no answer takes more memory than we would show.
 *
 * Calling sequence: web_open; web_begin for as many requests at once as there are connections, and web_wait, which
 * calls `done` for each that ended, and `done` begins no other; web_close (what is under way then ends without a
 * word). One thread. Errors: ERROR_MALFORMED for a URL that is none, ERROR_BUSY when all connections are in use,
 * ERROR_NO_MEMORY. That nobody answers is no error here: the answer says so.
 */
#ifndef SMX_WEB_H
#define SMX_WEB_H

#include "base/error.h"
#include "base/mem.h"

enum { WEB_URL_SIZE = 2048, WEB_HOST_SIZE = 256 };

/* A URL that was given by hand, made whole. */
struct web_place {
    char url[WEB_URL_SIZE];
    char host[WEB_HOST_SIZE];
};

/* Only http and https. A URL without a path gets this one. */
bool web_complete(const char *url, const char *path, struct web_place *out, struct error *err) MUST_CHECK;
/* Another path on the same server. `query` may be NULL. */
bool web_move(const struct web_place *from, const char *path, const char *query, struct web_place *out,
              struct error *err) MUST_CHECK;

struct web_request {
    const char *url;
    const char *method;             /* NULL: connect, and ask nothing */
    const char *content_type;       /* NULL: no body */
    struct span body;               /* the caller's until the request ended */
    unsigned seconds;               /* at most */
    void *owner;
};

struct web_answer {
    long status;                    /* 0: none */
    struct span body;               /* its first 256 KB */
    const char *error;              /* why there was none; NULL: there was, or the connection stands */
    bool connected;                 /* somebody took the connection, whatever came of it */
};

struct web_settings {
    unsigned connections;
    void (*done)(void *owner, const struct web_answer *answer);     /* the owner of the request */
};

struct web;
bool web_open(const struct web_settings *settings, struct web **out, struct error *err) MUST_CHECK;
bool web_begin(struct web *web, const struct web_request *request, struct error *err) MUST_CHECK;
/* Returns when a request has ended, or something else happened, or the time is over. */
bool web_wait(struct web *web, int64_t microseconds, struct error *err) MUST_CHECK;
void web_close(struct web *web);    /* NULL is allowed */

#endif
