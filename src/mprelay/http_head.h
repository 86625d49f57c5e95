/*
 * The head of a request: is its framing beyond doubt, and what does it ask for?
 *
 * What it hides: the ways of request smuggling that libmicrohttpd 0.9 lets pass (docs/ENGINEERING.md "libmicrohttpd" 2).
 * Two servers in a row that disagree where a request ends store what nobody sent; so any doubt is refused and the
 * connection closed. Pure but for reading the library's view of the head; the spans point into it.
 */
#ifndef MPRELAY_HTTP_HEAD_H
#define MPRELAY_HTTP_HEAD_H

#include "base/error.h"
#include "base/mem.h"

#include <microhttpd.h>

struct head {
    struct span content_type;
    struct span content_encoding;
    bool has_length;
    uint64_t length;
    bool chunked;
    bool stacked;               /* more than one Content-Encoding */
    bool is_1_0;                /* HTTP/1.0: the connection ends after the answer */
    bool expects;               /* Expect: 100-continue: the client waits before it sends the body */

    const char *next_line;      /* of the check: where the next line must begin */
    const char *fault;
    size_t lines;
    size_t hosts;
    size_t lengths;
    size_t codings;
    size_t content_types;
};

/* `method` and `version` as the library gave them to the handler. ERROR_MALFORMED with rule http: the framing is in
 * doubt; ERROR_HEADERS_TOO_BIG over `most_bytes` or 100 lines. */
bool head_read(struct MHD_Connection *connection, const char *method, const char *version, size_t most_bytes,
               struct head *out, struct error *err) MUST_CHECK;

#endif
