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
    size_t hosts;
    size_t lengths;
    size_t codings;
    size_t content_types;
};

/* The request line. The path is to be had only while the library reads the line: afterwards it takes the query apart
 * in place. */
struct request_line {
    const char *method;
    struct span path;           /* with its query, as sent */
    bool path_is_sound;         /* head_path_is_sound, asked at that time */
    const char *version;
};

/* No blanks and no control characters. */
bool head_path_is_sound(struct span path);

/* ERROR_MALFORMED with rule http: the framing is in doubt; ERROR_HEADERS_TOO_BIG over `most_bytes` or 100 lines. */
bool head_read(struct MHD_Connection *connection, const struct request_line *line, size_t most_bytes, struct head *out,
               struct error *err) MUST_CHECK;

#endif
