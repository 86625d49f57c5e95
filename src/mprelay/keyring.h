/*
 * The directory of the keys that clients sign with, `trust-dir`: GUID.pem for each (spec/wire.md 3.5).
 *
 * What it hides: the names of the files; that a key read once is kept as long as its file stays what it is. It is looked
 * at each time (one stat), so a file that is put there, changed or taken away counts from the next message on, on any
 * file system and without a thread that watches.
 * Calling sequence: keyring_prepare at the start and at each reload; a keyring for each worker, so that nobody waits
 * for anybody; keyring_use, then keyring_find and keyring_add as trust_keys has them (report/trust.h).
 * Errors: a directory or a file that cannot be read is ERROR_SYSTEM, never "no key": else whoever takes the directory
 * away could send in everybody's name.
 */
#ifndef MPRELAY_KEYRING_H
#define MPRELAY_KEYRING_H

#include "base/daemon.h"
#include "report/trust.h"
#include "settings.h"

struct keyring;

/* Where it is. */
bool keyring_path(const struct settings *settings, char out[DAEMON_PATH_SIZE], struct error *err) MUST_CHECK;

/* Does anybody look at keys, and does the relay keep any itself? */
bool keyring_is_used(const struct settings *settings);
bool keyring_is_written(const struct settings *settings);

/* Makes the directory where it is missing, for registrations also pending/ in it; removes leftovers, and finds out whether
 * they can be read and, where the relay keeps keys itself, written. Nothing where nobody looks at keys. */
bool keyring_prepare(const struct settings *settings, struct error *err) MUST_CHECK;

bool keyring_open(struct keyring **out, struct error *err) MUST_CHECK;
void keyring_close(struct keyring *keyring);    /* NULL is allowed */

/* The directory of these settings counts from now on. */
bool keyring_use(struct keyring *keyring, const struct settings *settings, struct error *err) MUST_CHECK;

/* trust_keys; `owner` is the keyring. */
bool keyring_find(void *owner, struct span client, const struct signature_key **out, struct error *err) MUST_CHECK;
bool keyring_add(void *owner, struct span client, struct span pem, struct error *err) MUST_CHECK;

/* ---- for registrations; each looks at the disk ---- */

/* Keys that count, and those that wait for an operator in pending/. */
enum keyring_place { KEYRING_TRUSTED, KEYRING_PENDING };

/* *out: the caller's to close; NULL: there is none. */
bool keyring_read(const struct keyring *keyring, enum keyring_place place, const char *guid, struct signature_key **out,
                  struct error *err) MUST_CHECK;
/* Whole and synced, or not there. ERROR_BUSY: there is one. */
bool keyring_put(const struct keyring *keyring, enum keyring_place place, const char *guid, struct span pem,
                 struct error *err) MUST_CHECK;
void keyring_remove_pending(const struct keyring *keyring, const char *guid);
/* All that is there, by whomever, is durable then. */
bool keyring_sync(const struct keyring *keyring, enum keyring_place place, struct error *err) MUST_CHECK;
bool keyring_count(const struct keyring *keyring, enum keyring_place place, uint64_t *out,
                   struct error *err) MUST_CHECK;

#endif
