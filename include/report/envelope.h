/*
 * The envelope: the body of an HTTP request -> the message in it (spec/wire.md 1.3, 1.4, 2).
 *
 * What it hides: multipart, <Msg>, endpoints, hooks, inflating, cutting the body by offset and length, FileType.
 * The order of checks is that of wire.md 4, so that a request with several faults is refused for the first.
 * Bytes in, message or error out; no I/O, no clock. Refusals carry the rule word of logs.md 4 (multipart, envelope,
 * endpoint, hook, limit, zlib, body, filetype).
 *
 * What of the message was read before a refusal (its ID, SourceHost) is in `out` all the same, because the verdict
 * line names it: the one output that is filled on failure too; the caller gives it zeroed.
 * Spans point into the input or the arena. One thread at a time per reader and arena.
 */
#ifndef REPORT_ENVELOPE_H
#define REPORT_ENVELOPE_H

#include "base/error.h"
#include "base/mem.h"
#include "report/signature.h"
#include "report/text.h"
#include "report/xml.h"

struct envelope_limits {
    struct xml_limits xml;
    size_t msg;                     /* max-msg */
    size_t inflated;                /* max-inflated */
    size_t attachments;             /* max-attachments */
    size_t properties;              /* max-properties */
    unsigned ratio;                 /* max-ratio, counted above 1 MB inflated */
    bool guess_file_type;           /* filetype-missing = guess */
    bool check_target_host;         /* check-target-host */
    struct span target_host;        /* compared without case when it is checked */
    bool registration;              /* MP_ClientRegistration is served */
};

enum { ENVELOPE_MOST_WARNINGS = 8 };

struct msg;

struct message {
    struct span id;                 /* as sent, trimmed; UTF-8 as all that follows */
    struct span source_id;
    struct span source_host;
    struct span endpoint;
    bool registers;                 /* the endpoint is MP_ClientRegistration */
    struct span reply_mode;
    struct span reply_to;
    bool raw_reply;                 /* ReplyCompression="none" */
    struct span file_type;          /* "SMX"; where it was absent and guessed, "SMX" with guessed true */
    bool guessed;
    bool has_clientauth;            /* a clientauth hook with a PayloadSignature: a signed message */
    struct signature signature;     /* as sent: PayloadSignature and HashAlgorithm */
    struct span public_key;         /* PublicKey, as sent: a PUBLICKEYBLOB in hex */
    size_t attachments;
    struct span payload;            /* part 2 as sent: what a signature covers */
    struct span text;               /* the report's text: no byte order mark, no trailing NULs */
    enum text_encoding encoding;
    struct span warnings[ENVELOPE_MOST_WARNINGS];   /* what was tolerated (wire.md 2.1) */
    size_t warning_count;
    const struct msg *msg;          /* of envelope_begin; NULL in the plain form */
};

/* The Content-Type header: 415 if it is neither multipart/mixed nor a type of the plain form, 400 if a boundary is
 * missing or not RFC 2046's. To be asked before a byte of body is taken. */
enum envelope_form { ENVELOPE_MULTIPART, ENVELOPE_PLAIN };
enum { ENVELOPE_BOUNDARY_MOST = 70 };
struct envelope_type {
    enum envelope_form form;
    char boundary[ENVELOPE_BOUNDARY_MOST + 1];      /* unquoted; "" for the plain form */
};
bool envelope_type(struct span content_type, struct envelope_type *out, struct error *err) MUST_CHECK;

/* A Content-Encoding that the plain form can undo: identity (or empty), gzip, x-gzip, deflate. Any other, a list of
 * several, and any but identity for multipart: 415. */
enum envelope_coding { ENVELOPE_IDENTITY, ENVELOPE_GZIP, ENVELOPE_DEFLATE };
bool envelope_coding(struct span content_encoding, enum envelope_form form, enum envelope_coding *out,
                     struct error *err) MUST_CHECK;

/* CCM_POST: multipart with <Msg>. envelope_begin goes as far as the hooks: who sent it and what was signed is known, and
 * nothing is inflated yet; envelope_finish goes on to the text. envelope_open does both. */
bool envelope_begin(struct span http_body, struct span boundary, const struct envelope_limits *limits,
                    struct xml_reader *reader, struct arena *arena, struct message *out, struct error *err) MUST_CHECK;
bool envelope_finish(const struct envelope_limits *limits, struct arena *arena, struct message *message,
                     struct error *err) MUST_CHECK;
bool envelope_open(struct span http_body, struct span boundary, const struct envelope_limits *limits,
                   struct xml_reader *reader, struct arena *arena, struct message *out, struct error *err) MUST_CHECK;

/* SHA-256 of all that says in whose name what report is kept: SourceID, ID, part 2, and how the report is cut out of that.
 * For a message that envelope_finish was good with. */
bool envelope_hash(const struct message *message, unsigned char out[SIGNATURE_HASH_SIZE], struct error *err) MUST_CHECK;

/* The plain form: the report itself. */
bool envelope_open_plain(struct span http_body, enum envelope_coding coding, const struct envelope_limits *limits,
                         struct arena *arena, struct message *out, struct error *err) MUST_CHECK;

#endif
