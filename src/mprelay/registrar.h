/*
 * What becomes of a client's registration (spec/wire.md 5): whether its key is taken, waits for an operator, or is not.
 *
 * What it hides: how an identifier follows from a key, so that who asks twice gets the same one; where keys wait
 * (pending/ below trust-dir); that nobody fills a disk with keys; that nothing is said that a power cut could take back.
 * Calling sequence: registrar_init once; registrar_decide for each request, on a worker's thread; it may wait for the
 * disk. Any thread may call.
 * Errors: those of registration_key and of the keyring; ERROR_MALFORMED with rule "body": an SMSID that is no GUID.
 */
#ifndef MPRELAY_REGISTRAR_H
#define MPRELAY_REGISTRAR_H

#include "keyring.h"
#include "report/registration.h"
#include "settings.h"
#include "spool/request.h"

#include <pthread.h>

/* Keys in a directory, as far as known. */
struct registrar_shelf {
    uint64_t count;
    int64_t counted;            /* when; 0: never */
};

struct registrar {
    pthread_mutex_t lock;
    struct registrar_shelf shelves[2];      /* by enum keyring_place */
};

enum { REGISTRAR_ID_SIZE = 5 + REQUEST_GUID_SIZE };

struct registrar_decision {
    enum registration_status status;
    char smsid[REGISTRAR_ID_SIZE];          /* GUID:... */
    char print[SIGNATURE_PRINT_SIZE];       /* of the key */
    const char *why;                        /* for the log */
};

void registrar_init(struct registrar *registrar);

/* Keys for trust_keys (report/trust.h), of which no more are added than max-trusted-keys; `owner` is a desk. */
struct registrar_desk {
    struct registrar *registrar;
    const struct settings *settings;
    struct keyring *keys;
};
bool registrar_find(void *owner, struct span client, const struct signature_key **out, struct error *err) MUST_CHECK;
bool registrar_add(void *owner, struct span client, struct span pem, struct error *err) MUST_CHECK;

bool registrar_decide(struct registrar *registrar, const struct settings *settings, struct keyring *keys,
                      const struct registration *registration, struct registrar_decision *out,
                      struct error *err) MUST_CHECK;

#endif
