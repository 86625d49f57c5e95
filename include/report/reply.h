/*
 * The answer to a message that wants one: multipart with a reply <Msg> and a body (spec/wire.md 4.2).
 *
 * What it hides: the elements of a reply and their order, which is that of a request; the byte order mark, the NUL that
 * ends a body and is counted, the zlib stream. Pure: identifiers are the caller's.
 */
#ifndef REPORT_REPLY_H
#define REPORT_REPLY_H

#include "base/error.h"
#include "base/mem.h"

#define REPLY_CONTENT_TYPE "multipart/mixed; boundary=\"aAbBcCdDv1234567890VxXyYzZ\""

struct reply {
    struct span id;                 /* of the reply, {GUID} */
    struct span request_id;         /* as it came, as the next */
    struct span reply_to;           /* direct:HOST:QUEUE */
    struct span source_host;        /* ours */
    bool raw;                       /* ReplyCompression="none" */
};

/* `text` is UTF-16LE without byte order mark and NUL. `out` is initialised and keeps what is written, in the order of
 * the wire. ERROR_TOO_BIG, ERROR_NO_MEMORY. */
bool reply_write(const struct reply *reply, struct span text, struct buffer *out, struct error *err) MUST_CHECK;

#endif
