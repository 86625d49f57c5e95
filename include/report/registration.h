/*
 * A client's request to be known by its key, and what it is told (spec/wire.md 5).
 *
 * What it hides: the elements of both; which bytes of the request are signed, and that these are the very ones that are
 * read; the certificate that the key comes from.
 * Calling sequence: registration_parse on the text of a message to MP_ClientRegistration; registration_key, which says
 * that the sender has the private key to it; what becomes of it the caller decides; registration_answer.
 * Of the certificate only the key counts: neither its dates nor who issued it. Pure, no clock. Spans point into the
 * input or the arena.
 * Errors: ERROR_MALFORMED or ERROR_UNSUPPORTED with rule "body", ERROR_TOO_BIG over REGISTRATION_MOST_BYTES, those of
 * xml_read and of signature_check.
 */
#ifndef REPORT_REGISTRATION_H
#define REPORT_REGISTRATION_H

#include "report/signature.h"
#include "report/text.h"
#include "report/xml.h"

enum { REGISTRATION_MOST_BYTES = 256 * 1024 };

struct registration {
    bool confirms;                  /* a Confirmation: it asks what became of a Registration */
    struct span smsid;              /* as sent, trimmed; empty: it has none yet */
    struct span signed_text;        /* from <Data to </Data>, as sent: UTF-16LE */
    struct signature signature;
    struct span certificate;        /* of Signing: DER in hex */
};

bool registration_parse(struct span text, enum text_encoding encoding, const struct xml_limits *limits,
                        struct xml_reader *reader, struct arena *arena, struct registration *out,
                        struct error *err) MUST_CHECK;

/* The key that it wants to be known by, and that signed it. */
bool registration_key(const struct registration *registration, bool allow_sha1, struct signature_key **out,
                      struct error *err) MUST_CHECK;

/* As on the wire. */
enum registration_status {
    REGISTRATION_DONE,
    REGISTRATION_PENDING,           /* until somebody approves it */
    REGISTRATION_LATER,             /* cannot be done now: send it again */
    REGISTRATION_REJECTED,
    REGISTRATION_STATUSES
};

struct registration_answer {
    bool confirms;                  /* what was asked for */
    enum registration_status status;
    struct span smsid;              /* GUID:... */
    int64_t time;
};

/* Adds the text of a ClientRegistrationResponse, UTF-16LE without byte order mark and NUL. */
bool registration_answer(const struct registration_answer *answer, struct buffer *out, struct error *err) MUST_CHECK;

#endif
