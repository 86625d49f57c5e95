/* A public key as the files beside signature.c see it; outside nobody sees into it. */
#ifndef REPORT_SIGNATURE_KEY_H
#define REPORT_SIGNATURE_KEY_H

#include "report/signature.h"

#include <openssl/evp.h>
#include <stdint.h>

struct signature_key {
    unsigned bits;
    uint64_t exponent;          /* 0: beyond 64 bits */
    EVP_PKEY *key;              /* NULL: no signature is good with it */
    size_t size;                /* of the modulus, which is big-endian and begins with no 0 */
    unsigned char modulus[];
};

/* Both numbers big-endian; leading zeros are dropped. */
bool signature_key_make(struct span modulus, struct span exponent, struct signature_key **out,
                        struct error *err) MUST_CHECK;

/* ERROR_NO_MEMORY, though it may be another failure that only libcrypto knows. */
bool signature_fail(struct error *err, const char *what);

/* `digits` are two for each byte. False: they are not. */
bool signature_hex_read(struct span digits, unsigned char *out, size_t size) MUST_CHECK;
bool signature_hex_add(struct buffer *out, const unsigned char *bytes, size_t size, struct error *err) MUST_CHECK;

#endif
