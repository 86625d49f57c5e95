/*
 * The decision hidden here: who asks first in a name has it, and only an operator takes it away again. A client without a
 * name gets one that is made of its key, so that a request that is sent again, by it or by who recorded it, says nothing
 * new and takes no second place.
 */
#include "registrar.h"

#include "base/sys.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define RECOUNT ((int64_t)10 * 1000000)     /* keys come and go by other hands, too */

enum { ROUNDS = 2 };                        /* of looks: somebody else may have been faster */

void registrar_init(struct registrar *registrar)
{
    *registrar = (struct registrar){.lock = PTHREAD_MUTEX_INITIALIZER};
}

/* ---- names ---- */

/* The first 122 bits of the key's fingerprint, as a GUID of version 8 (RFC 9562, 5.8). */
static void name_key(const char print[SIGNATURE_PRINT_SIZE], char guid[REQUEST_GUID_SIZE])
{
    static const char variants[] = "89AB";
    char digits[SIGNATURE_PRINT_SIZE];
    for (size_t i = 0; i < sizeof digits; i++)
        digits[i] = (char)toupper((unsigned char)print[i]);
    digits[12] = '8';
    digits[16] = variants[(digits[16] < 'A' ? digits[16] - '0' : digits[16] - 'A' + 10) & 3];
    (void)snprintf(guid, REQUEST_GUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12, digits + 16,
                   digits + 20);
}

static bool choose_name(const struct registration *registration, struct registrar_decision *decision,
                        char guid[REQUEST_GUID_SIZE], struct error *err)
{
    if (registration->smsid.len == 0)
        name_key(decision->print, guid);
    else if (!request_guid(registration->smsid, guid))
        return error_refuse(err, ERROR_MALFORMED, "body", "ClientRegistrationRequest: SMSID is no GUID");
    (void)snprintf(decision->smsid, sizeof decision->smsid, "GUID:%s", guid);
    return true;
}

/* ---- room ---- */

static bool take_room(struct registrar *registrar, enum keyring_place place, const struct settings *settings,
                      struct keyring *keys, bool *taken, struct error *err)
{
    const uint64_t most = place == KEYRING_PENDING ? settings->max_pending_keys : settings->max_trusted_keys;
    struct registrar_shelf *shelf = &registrar->shelves[place];
    const int64_t now = sys_ticks();
    bool counted = true;
    (void)pthread_mutex_lock(&registrar->lock);
    if (shelf->counted == 0 || now - shelf->counted > RECOUNT) {
        counted = keyring_count(keys, place, &shelf->count, err);
        shelf->counted = counted ? now : 0;
    }
    *taken = counted && shelf->count < most;
    shelf->count += *taken;
    (void)pthread_mutex_unlock(&registrar->lock);
    return counted;
}

/* A count anew in between may have come without it. */
static void give_room(struct registrar *registrar, enum keyring_place place)
{
    (void)pthread_mutex_lock(&registrar->lock);
    registrar->shelves[place].count -= registrar->shelves[place].count > 0;
    (void)pthread_mutex_unlock(&registrar->lock);
}

/* ---- keys at first sight ---- */

bool registrar_find(void *owner, struct span client, const struct signature_key **out, struct error *err)
{
    const struct registrar_desk *desk = owner;
    return keyring_find(desk->keys, client, out, err);
}

bool registrar_add(void *owner, struct span client, struct span pem, struct error *err)
{
    const struct registrar_desk *desk = owner;
    bool room;
    if (!take_room(desk->registrar, KEYRING_TRUSTED, desk->settings, desk->keys, &room, err))
        return false;
    if (!room)
        return error_set(err, ERROR_UNSUPPORTED, "there are max-trusted-keys already");
    if (keyring_add(desk->keys, client, pem, err))
        return true;
    give_room(desk->registrar, KEYRING_TRUSTED);
    return false;
}

/* ---- the decision ---- */

struct request {
    struct registrar *registrar;
    const struct settings *settings;
    struct keyring *keys;
    const struct registration *registration;
    const struct signature_key *key;
    char guid[REQUEST_GUID_SIZE];
    struct registrar_decision *decision;
};

enum standing { NOWHERE, OURS, ANOTHERS };

static bool decide(const struct request *request, enum registration_status status, const char *why)
{
    request->decision->status = status;
    request->decision->why = why;
    return true;
}

static bool look(const struct request *request, enum keyring_place place, enum standing *out, struct error *err)
{
    struct signature_key *found;
    if (!keyring_read(request->keys, place, request->guid, &found, err))
        return false;
    *out = found == NULL ? NOWHERE : signature_key_equal(found, request->key) ? OURS : ANOTHERS;
    signature_key_close(found);
    return true;
}

/* What somebody else has put there may not be durable yet. */
static bool confirm(const struct request *request, enum keyring_place place, enum registration_status status,
                    const char *why, struct error *err)
{
    return keyring_sync(request->keys, place, err) && decide(request, status, why);
}

/* *done stays false where somebody else was faster. */
static bool add(const struct request *request, enum keyring_place place, bool *done, struct error *err)
{
    struct buffer pem;
    bool room;
    if (!take_room(request->registrar, place, request->settings, request->keys, &room, err))
        return false;
    if (!room) {
        *done = true;
        return decide(request, REGISTRATION_LATER, place == KEYRING_PENDING ? "too many keys wait" : "too many keys");
    }
    buffer_init(&pem, SIGNATURE_MOST_FILE);
    *done = signature_key_write(request->key, &pem, err) &&
            keyring_put(request->keys, place, request->guid, buffer_span(&pem), err);
    buffer_fini(&pem);
    if (!*done) {
        give_room(request->registrar, place);
        return err->kind == ERROR_BUSY;
    }
    return place == KEYRING_PENDING ? decide(request, REGISTRATION_PENDING, "waits for approval")
                                    : decide(request, REGISTRATION_DONE, "registered");
}

/* What waited is taken before it is taken away, as smx key approve does it. */
static bool take(const struct request *request, enum standing waiting, bool *done, struct error *err)
{
    if (!add(request, KEYRING_TRUSTED, done, err))
        return false;
    if (*done && request->decision->status == REGISTRATION_DONE && waiting == OURS)
        keyring_remove_pending(request->keys, request->guid);
    return true;
}

/* Nothing is known of it, or only that it waits. */
static bool decide_new(const struct request *request, enum standing waiting, bool last, bool *done, struct error *err)
{
    const bool automatic = request->settings->registration_approve == APPROVE_AUTO;
    const bool confirms = request->registration->confirms;
    if (waiting == OURS && (confirms || !automatic))
        return confirm(request, KEYRING_PENDING, REGISTRATION_PENDING, "waits for approval still", err);
    if (confirms) {
        *done = last;           /* it may have been approved between the two looks */
        return decide(request, REGISTRATION_REJECTED, "rejected: nothing is known of it");
    }
    return automatic ? take(request, waiting, done, err) : add(request, KEYRING_PENDING, done, err);
}

/* One look at both places. *done stays false where it must be looked again. */
static bool decide_once(const struct request *request, bool last, bool *done, struct error *err)
{
    enum standing trusted, waiting = NOWHERE;
    *done = true;
    if (!look(request, KEYRING_TRUSTED, &trusted, err) ||
        (trusted == NOWHERE && !look(request, KEYRING_PENDING, &waiting, err)))
        return false;
    if (trusted == OURS)
        return confirm(request, KEYRING_TRUSTED, REGISTRATION_DONE, "registered already", err);
    if (trusted == ANOTHERS)
        return decide(request, REGISTRATION_REJECTED, "rejected: the client has another key");
    if (waiting == ANOTHERS)
        return decide(request, REGISTRATION_REJECTED, "rejected: another key waits in its name");
    return decide_new(request, waiting, last, done, err);
}

static bool decide_for(const struct request *request, struct error *err)
{
    bool done = false;
    for (int round = 1; round <= ROUNDS && !done; round++)
        if (!decide_once(request, round == ROUNDS, &done, err))
            return false;
    return done || error_set(err, ERROR_BUSY, "the key of %.36s comes and goes", request->guid);
}

bool registrar_decide(struct registrar *registrar, const struct settings *settings, struct keyring *keys,
                      const struct registration *registration, struct registrar_decision *out, struct error *err)
{
    struct signature_key *key;
    struct registrar_decision decision = {.why = ""};
    struct request request = {registrar, settings, keys, registration, NULL, "", &decision};
    if (!registration_key(registration, settings->allow_sha1, &key, err))
        return false;
    request.key = key;
    const bool decided = signature_key_print(key, decision.print, err) &&
                         choose_name(registration, &decision, request.guid, err) && decide_for(&request, err);
    signature_key_close(key);
    if (decided)
        *out = decision;
    return decided;
}
