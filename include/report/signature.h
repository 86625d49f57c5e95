/*
 * The signature of a message, and the keys that belong to it (spec/wire.md 3.2 to 3.4).
 *
 * What it hides: libcrypto; the byte order of CryptoAPI; the two forms of the block that is signed; how a public key
 * stands in a PEM file, in a certificate and in a PUBLICKEYBLOB; what is wrong with a key.
 *
 * Calling sequence: signature_init once before threads and before anybody else uses libcrypto. A key is read, asked any
 * number of times, by one thread at a time, and closed; the same for a signer, which signs as clients do. Of a
 * certificate only the key is looked at: neither its dates nor who issued it.
 * Errors: ERROR_UNTRUSTED with rule "signature" is the sender's, a signature that is bad for whatever reason.
 * ERROR_MALFORMED: no key can be read of that. Refused memory is always ERROR_NO_MEMORY: a client throws away a report
 * that is called forged. Pure: no files, no clock.
 */
#ifndef REPORT_SIGNATURE_H
#define REPORT_SIGNATURE_H

#include "base/error.h"
#include "base/mem.h"

/* Bits of a key that is taken. */
enum { SIGNATURE_LEAST_BITS = 2048, SIGNATURE_MOST_BITS = 8192, SIGNATURE_MOST_FILE = 64 * 1024 };

/* libcrypto takes its memory through sys.h from then on, and has made all that it makes once. */
bool signature_init(struct error *err) MUST_CHECK;

/* ---- keys ---- */

struct signature_key;

/* The first key or certificate in PEM: PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE. Also one that no signature will be good
 * with, because it is too short; signature_key_judge says so. */
bool signature_key_read(struct span pem, struct signature_key **out, struct error *err) MUST_CHECK;
/* That of a certificate in DER in hex, as a registration has it. */
bool signature_key_read_certificate(struct span hex, struct signature_key **out, struct error *err) MUST_CHECK;
/* A PUBLICKEYBLOB in hex, as the property PublicKey has it. */
bool signature_key_read_blob(struct span hex, struct signature_key **out, struct error *err) MUST_CHECK;
void signature_key_close(struct signature_key *key);        /* NULL is allowed */

/* The same numbers. One whose exponent is beyond 64 bits is like no other. */
bool signature_key_equal(const struct signature_key *a, const struct signature_key *b);
unsigned signature_key_bits(const struct signature_key *key);
/* ERROR_UNTRUSTED: why no signature is good with this key (bits, exponent). */
bool signature_key_judge(const struct signature_key *key, struct error *err) MUST_CHECK;
/* As PUBLIC KEY in PEM, and as PUBLICKEYBLOB in hex. Only of a key that is fit for signatures. */
bool signature_key_write(const struct signature_key *key, struct buffer *out, struct error *err) MUST_CHECK;
bool signature_key_write_blob(const struct signature_key *key, struct buffer *out, struct error *err) MUST_CHECK;
/* Adds the bytes of the first block in PEM, which must be a certificate's, in hex. */
bool signature_certificate_write(struct span pem, struct buffer *out, struct error *err) MUST_CHECK;
/* SHA-256 of modulus and exponent as SubjectPublicKeyInfo, in hex and with its NUL: that of
 * `openssl pkey -pubin -outform DER | sha256sum`. Only of a key that is fit for signatures. */
enum { SIGNATURE_PRINT_SIZE = 65 };
bool signature_key_print(const struct signature_key *key, char out[SIGNATURE_PRINT_SIZE], struct error *err) MUST_CHECK;

/* ---- signatures ---- */

#define SIGNATURE_SHA256 "1.2.840.113549.1.1.11"
#define SIGNATURE_SHA1 "1.2.840.113549.1.1.5"

struct signature {
    struct span digits;         /* PayloadSignature: hex, little-endian */
    struct span algorithm;      /* HashAlgorithm; empty: SHA-1 */
    const char *name;           /* of the digits, for a refusal; NULL: PayloadSignature */
};

/* Is it that key's over exactly these bytes? `allow_sha1` as the setting of that name. */
bool signature_check(const struct signature *signature, const struct signature_key *key, struct span bytes,
                     bool allow_sha1, struct error *err) MUST_CHECK;

enum { SIGNATURE_HASH_SIZE = 32 };
/* SHA-256 of all parts, one behind the other. */
bool signature_hash(const struct span *parts, size_t count, unsigned char out[SIGNATURE_HASH_SIZE],
                    struct error *err) MUST_CHECK;

struct signature_signer;
/* A private RSA key in PEM, without a password. */
bool signature_signer_open(struct span pem, struct signature_signer **out, struct error *err) MUST_CHECK;
void signature_signer_close(struct signature_signer *signer);      /* NULL is allowed */
const struct signature_key *signature_signer_key(const struct signature_signer *signer);
/* Adds the digits of a signature with SHA-256 over the DigestInfo. */
bool signature_make(const struct signature_signer *signer, struct span bytes, struct buffer *out,
                    struct error *err) MUST_CHECK;

#endif
