/*
 * The decision hidden here: the block that a good signature holds is known to the last byte, so it is built and
 * compared whole. Nothing of what a sender signed is parsed, and since the numbers are judged before, all that
 * libcrypto can still fail for is memory: refused memory is never taken for a forgery.
 */
#include "report/signature.h"

#include "base/sys.h"
#include "signature_key.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

enum { MOST_BYTES = SIGNATURE_MOST_BITS / 8, MOST_INFO = 64 };

/* ---- hashes ---- */

struct hash {
    const char *algorithm;              /* of HashAlgorithm */
    const EVP_MD *(*method)(void);
    struct span prefix;                 /* of the DigestInfo (RFC 8017, 9.2) */
    size_t size;
};

static const struct hash hashes[] = {
    {SIGNATURE_SHA256,
     EVP_sha256,
     {"\x30\x31\x30\x0D\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\0\x04\x20", 19},
     32},
    {SIGNATURE_SHA1, EVP_sha1, {"\x30\x21\x30\x09\x06\x05\x2B\x0E\x03\x02\x1A\x05\0\x04\x14", 15}, 20},
};

static const char *name_of(const struct signature *signature)
{
    return signature->name == NULL ? "PayloadSignature" : signature->name;
}

static bool bad(const struct signature *signature, struct error *err, const char *why)
{
    return error_refuse(err, ERROR_UNTRUSTED, "signature", "%s: %s", name_of(signature), why);
}

static bool choose_hash(const struct signature *signature, bool allow_sha1, const struct hash **out, struct error *err)
{
    const struct span algorithm = signature->algorithm;
    const bool sha1 = algorithm.len == 0 || span_equal(algorithm, SPAN(SIGNATURE_SHA1));
    if (!sha1 && !span_equal(algorithm, SPAN(SIGNATURE_SHA256)))
        return bad(signature, err, "HashAlgorithm is neither SHA-256 nor SHA-1 with RSA");
    if (sha1 && !allow_sha1)
        return bad(signature, err, "made with SHA-1, which allow-sha1 does not allow");
    *out = &hashes[sha1 ? 1 : 0];
    return true;
}

bool signature_hash(const struct span *parts, size_t count, unsigned char out[SIGNATURE_HASH_SIZE], struct error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < count; i++)
        made = made && EVP_DigestUpdate(context, parts[i].at, parts[i].len) == 1;
    made = made && EVP_DigestFinal_ex(context, out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return made || signature_fail(err, "a hash");
}

/* ---- the block ---- */

/* 00 01 FF ... FF 00 and what is signed (PKCS #1 type 1). */
static void write_block(unsigned char *block, size_t size, struct span signed_bytes)
{
    memset(block, 0xFF, size);
    block[0] = 0;
    block[1] = 1;
    block[size - signed_bytes.len - 1] = 0;
    memcpy(block + size - signed_bytes.len, signed_bytes.at, signed_bytes.len);
}

/* Some signers leave the DigestInfo out (wire.md 3.3). */
static bool is_block_of(const unsigned char *block, size_t size, const struct hash *hash, const unsigned char *digest)
{
    unsigned char expected[MOST_BYTES];
    char info[MOST_INFO];
    memcpy(info, hash->prefix.at, hash->prefix.len);
    memcpy(info + hash->prefix.len, digest, hash->size);
    write_block(expected, size, (struct span){info, hash->prefix.len + hash->size});
    if (memcmp(block, expected, size) == 0)
        return true;
    write_block(expected, size, (struct span){info + hash->prefix.len, hash->size});
    return memcmp(block, expected, size) == 0;
}

/* Raises to the key's exponent. */
static bool open_block(const struct signature_key *key, const unsigned char *number, unsigned char block[MOST_BYTES])
{
    size_t len = MOST_BYTES;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key->key, NULL);
    const bool opened = context != NULL && EVP_PKEY_verify_recover_init(context) == 1 &&
                        EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1 &&
                        EVP_PKEY_verify_recover(context, block, &len, number, key->size) == 1 && len == key->size;
    EVP_PKEY_CTX_free(context);
    return opened;
}

/* ---- checking ---- */

/* CryptoAPI writes the last byte first. */
static bool read_digits(const struct signature *signature, const struct signature_key *key,
                        unsigned char number[MOST_BYTES], struct error *err)
{
    const struct span digits = signature->digits;
    unsigned char bytes[MOST_BYTES];
    if (digits.len != 2 * key->size)
        return error_refuse(err, ERROR_UNTRUSTED, "signature", "%s: %zu hex digits, the key needs %zu",
                            name_of(signature), digits.len, 2 * key->size);
    if (!signature_hex_read(digits, bytes, key->size))
        return bad(signature, err, "not hex");
    for (size_t i = 0; i < key->size; i++)
        number[i] = bytes[key->size - 1 - i];
    return memcmp(number, key->modulus, key->size) < 0 || bad(signature, err, "not smaller than the key");
}

bool signature_check(const struct signature *signature, const struct signature_key *key, struct span bytes,
                     bool allow_sha1, struct error *err)
{
    unsigned char number[MOST_BYTES], block[MOST_BYTES], digest[EVP_MAX_MD_SIZE];
    const struct hash *hash = NULL;
    if (!signature_key_judge(key, err) || !choose_hash(signature, allow_sha1, &hash, err) ||
        !read_digits(signature, key, number, err))
        return false;
    if (EVP_Digest(bytes.at, bytes.len, digest, NULL, hash->method(), NULL) != 1 || !open_block(key, number, block))
        return signature_fail(err, "checking a signature");
    return is_block_of(block, key->size, hash, digest) ||
           bad(signature, err, "not that of this payload by the sender's key");
}

/* ---- signing ---- */

struct signature_signer {
    EVP_PKEY *key;
    struct signature_key *public;
};

void signature_signer_close(struct signature_signer *signer)
{
    if (signer == NULL)
        return;
    EVP_PKEY_free(signer->key);
    signature_key_close(signer->public);
    sys.release(signer);
}

/* Nobody is asked for a password. NOLINTNEXTLINE(readability-non-const-parameter): the type is libcrypto's */
static int no_password(char *room, int size, int writing, void *owner)
{
    (void)room, (void)size, (void)writing, (void)owner;
    return -1;
}

static bool read_number(const EVP_PKEY *key, const char *name, struct span *out, unsigned char *room)
{
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
        return false;
    const int len = BN_num_bytes(number) <= MOST_BYTES ? BN_bn2bin(number, room) : 0;
    BN_free(number);
    *out = (struct span){(const char *)room, (size_t)len};
    return len > 0;
}

static bool read_public(const EVP_PKEY *key, struct signature_key **out, struct error *err)
{
    unsigned char room[2][MOST_BYTES];
    struct span modulus, exponent;
    if (EVP_PKEY_is_a(key, "RSA") != 1 || !read_number(key, "n", &modulus, room[0]) ||
        !read_number(key, "e", &exponent, room[1]))
        return error_set(err, ERROR_MALFORMED, "no RSA key of at most %d bits", SIGNATURE_MOST_BITS);
    return signature_key_make(modulus, exponent, out, err);
}

static EVP_PKEY *read_private(struct span pem)
{
    BIO *bio = BIO_new_mem_buf(pem.len == 0 ? "" : pem.at, (int)pem.len);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

bool signature_signer_open(struct span pem, struct signature_signer **out, struct error *err)
{
    struct signature_signer *signer = sys.allocate(sizeof *signer);
    if (signer == NULL)
        return signature_fail(err, "a key");
    *signer = (struct signature_signer){.key = pem.len > SIGNATURE_MOST_FILE ? NULL : read_private(pem)};
    const bool opened = signer->key == NULL
                            ? error_set(err, ERROR_MALFORMED, "no private key without a password in PEM")
                            : read_public(signer->key, &signer->public, err) &&
                                  signature_key_judge(signer->public, err);
    if (opened)
        *out = signer;
    else
        signature_signer_close(signer);
    return opened;
}

const struct signature_key *signature_signer_key(const struct signature_signer *signer)
{
    return signer->public;
}

bool signature_make(const struct signature_signer *signer, struct span bytes, struct buffer *out, struct error *err)
{
    unsigned char number[MOST_BYTES], reversed[MOST_BYTES];
    size_t len = sizeof number;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool made = context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer->key) == 1 &&
                      EVP_DigestSign(context, number, &len, (const unsigned char *)bytes.at, bytes.len) == 1;
    EVP_MD_CTX_free(context);
    if (!made)
        return signature_fail(err, "signing");
    for (size_t i = 0; i < len; i++)
        reversed[i] = number[len - 1 - i];
    return signature_hex_add(out, reversed, len, err);
}

/* ---- once ---- */

static void *allocate(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return sys.allocate(size);
}

static void *reallocate(void *old, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return sys.reallocate(old, size);
}

static void release(void *at, const char *file, int line)
{
    (void)file, (void)line;
    sys.release(at);
}

/* What libcrypto makes once it makes now: a first use that was refused memory could spoil all later ones. The numbers
 * are nobody's; 1 raised to anything is 1. */
bool signature_init(struct error *err)
{
    unsigned char number[SIGNATURE_LEAST_BITS / 8] = {0}, block[MOST_BYTES], digest[EVP_MAX_MD_SIZE];
    unsigned char modulus[sizeof number];
    struct signature_key *key;
    (void)CRYPTO_set_mem_functions(allocate, reallocate, release);     /* 0: somebody was faster */
    memset(modulus, 0xFF, sizeof modulus);
    number[sizeof number - 1] = 1;
    if (!signature_key_make((struct span){(const char *)modulus, sizeof modulus}, SPAN("\1\0\1"), &key, err))
        return false;
    const bool works = open_block(key, number, block) && memcmp(block, number, sizeof number) == 0;
    signature_key_close(key);
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
        if (!works || EVP_Digest("", 0, digest, NULL, hashes[i].method(), NULL) != 1)
            return error_set(err, ERROR_SYSTEM, "libcrypto does not work, error %lx", ERR_peek_last_error());
    return true;
}
