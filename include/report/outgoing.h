/*
 * The sending side of the envelope: a report -> the body of a CCM_POST (spec/wire.md 1, 2).
 *
 * What it hides: multipart and <Msg> as the client messaging SDK writes them, the byte order mark, the NUL that ends a
 * body and is counted, the zlib stream, and what of it is signed. Pure: identifiers and time are the caller's.
 */
#ifndef REPORT_OUTGOING_H
#define REPORT_OUTGOING_H

#include "base/error.h"
#include "base/mem.h"
#include "report/signature.h"

#define OUTGOING_CONTENT_TYPE "multipart/mixed; boundary=\"aAbBcCdDv1234567890VxXyYzZ\""

struct outgoing {
    struct span id;                 /* {GUID} */
    struct span source_id;          /* GUID:..., empty if the sender is not registered */
    struct span source_host;
    struct span target_host;
    struct span sent_time;          /* 2026-11-22T12:00:00Z */
    const struct signature_signer *signer;      /* NULL: unsigned. Who signs has a source_id */
};

/* `text` is UTF-16LE without byte order mark and NUL. `out` is initialised and keeps what is written, in the order of
 * the wire. ERROR_TOO_BIG, ERROR_NO_MEMORY. */
bool outgoing_write(const struct outgoing *outgoing, struct span text, struct buffer *out,
                    struct error *err) MUST_CHECK;

#endif
