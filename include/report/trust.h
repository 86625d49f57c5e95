/*
 * Whether a message is believed to come from whom it says (spec/wire.md 3.5).
 *
 * What it hides: the table of policy: what is done with a message that is unsigned, signed well, signed badly or with a
 * key that nobody knows; whose key it is; that who signed must be who reports; keys believed at first sight.
 * Calling sequence, for each message: trust_check when the envelope is open and before anything is inflated
 * (wire.md 4, step 6), trust_bind when the report is parsed (step 11). `trust` is the caller's between them, given
 * zeroed, and says in the end how the message is believed. Where keys lie the caller knows: see trust_keys.
 * Errors: ERROR_UNTRUSTED with rule "signature" (bad), "binding" (another's report) or "policy"; what trust_keys fails
 * for, unchanged. Pure but for trust_keys.
 */
#ifndef REPORT_TRUST_H
#define REPORT_TRUST_H

#include "report/envelope.h"
#include "report/report.h"
#include "report/signature.h"

enum trust_policy { TRUST_OFF, TRUST_VERIFY, TRUST_REQUIRE };

enum trust_verdict { TRUST_UNSIGNED, TRUST_NOT_CHECKED, TRUST_SIGNED, TRUST_UNKNOWN_KEY, TRUST_VOUCHED };

/* `client` is the normal form of an identifier (report_client_key), from anybody, and need not be a GUID. */
struct trust_keys {
    /* *out: the client's key, valid until the next call; NULL: it has none. */
    bool (*find)(void *owner, struct span client, const struct signature_key **out, struct error *err);
    /* Keeps the key, in PEM, of a client that had none. ERROR_BUSY: it has one now. ERROR_UNSUPPORTED: there is no place
     * for a client of that name. */
    bool (*add)(void *owner, struct span client, struct span pem, struct error *err);
    void *owner;
};

struct trust_rules {
    enum trust_policy policy;           /* signature-policy */
    bool allow_sha1;                    /* allow-sha1 */
    bool first_use;                     /* trust-first-use */
    bool vouched;                       /* somebody whom we believe has seen who sends, and what is sent is that one's */
    struct span vouched_client;         /* as this client, in normal form; empty: as one of another name */
    struct trust_keys keys;
};

struct trust {
    enum trust_verdict verdict;
    struct span source;                 /* normal form of SourceID; empty: there is none */
    bool introduces;                    /* signed with the key that it brings along, which nobody knows yet */
};

bool trust_check(const struct trust_rules *rules, const struct message *message, struct arena *arena,
                 struct trust *trust, struct error *err) MUST_CHECK;
bool trust_bind(const struct trust_rules *rules, const struct message *message, const struct sender *sender,
                struct trust *trust, struct error *err) MUST_CHECK;

#endif
