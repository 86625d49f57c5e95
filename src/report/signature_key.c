/*
 * The decision hidden here: keys are read by their few bytes of DER, not by libcrypto's decoders, which take 0.7 ms a
 * key and do not say whether it was memory or the file that they failed for. What a number is comes from one place,
 * whether it stood in PEM, in a certificate or in a blob.
 */
#include "signature_key.h"

#include "base/sys.h"

#include <openssl/asn1.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <string.h>

enum {
    MOST_BYTES = SIGNATURE_MOST_BITS / 8,
    BLOB_HEAD = 20,                     /* of a PUBLICKEYBLOB, before its modulus */
    MOST_BLOB = BLOB_HEAD + MOST_BYTES,
    CONTEXT_0 = 0,                      /* the version of a certificate */
};

bool signature_fail(struct error *err, const char *what)
{
    ERR_clear_error();
    return error_set(err, ERROR_NO_MEMORY, "%s: the system refused memory", what);
}

static bool refuse(struct error *err, const char *why)
{
    return error_set(err, ERROR_MALFORMED, "no key can be read: %s", why);
}

/* ---- hex ---- */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool signature_hex_read(struct span digits, unsigned char *out, size_t size)
{
    if (digits.len != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        const int high = digit(digits.at[2 * i]);
        const int low = digit(digits.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

bool signature_hex_add(struct buffer *out, const unsigned char *bytes, size_t size, struct error *err)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < size; i++)
        if (!buffer_add(out, (const char[]){digits[bytes[i] >> 4], digits[bytes[i] & 15]}, 2, err))
            return false;
    return true;
}

/* ---- numbers to a key ---- */

static struct span without_zeros(struct span number)
{
    while (number.len > 0 && number.at[0] == '\0') {
        number.at++;
        number.len--;
    }
    return number;
}

static unsigned count_bits(struct span number)
{
    unsigned bits = (unsigned)number.len * 8;
    for (unsigned char first = (unsigned char)number.at[0]; (first & 0x80) == 0; first = (unsigned char)(first << 1))
        bits--;
    return bits;
}

static uint64_t small_number(struct span number)
{
    uint64_t value = 0;
    if (number.len > sizeof value)
        return 0;
    for (size_t i = 0; i < number.len; i++)
        value = value << 8 | (unsigned char)number.at[i];
    return value;
}

/* An exponent beyond 64 bits belongs to no client, and libcrypto refuses it for the larger keys. */
bool signature_key_judge(const struct signature_key *key, struct error *err)
{
    if (key->bits < SIGNATURE_LEAST_BITS || key->bits > SIGNATURE_MOST_BITS)
        return error_refuse(err, ERROR_UNTRUSTED, "signature", "the key has %u bits, not %d to %d", key->bits,
                            SIGNATURE_LEAST_BITS, SIGNATURE_MOST_BITS);
    if (key->exponent < 3 || key->exponent % 2 == 0)
        return error_refuse(err, ERROR_UNTRUSTED, "signature", "the key's exponent is not odd, from 3 to 64 bits");
    return (key->modulus[key->size - 1] & 1) != 0 ||
           error_refuse(err, ERROR_UNTRUSTED, "signature", "the key's modulus is even");
}

static EVP_PKEY *make_public(OSSL_PARAM *numbers)
{
    EVP_PKEY *made = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &made, EVP_PKEY_PUBLIC_KEY, numbers) != 1)
        made = NULL;
    EVP_PKEY_CTX_free(context);
    return made;
}

static EVP_PKEY *make_key(const struct signature_key *key)
{
    EVP_PKEY *made = NULL;
    OSSL_PARAM *numbers = NULL;
    BIGNUM *modulus = BN_bin2bn(key->modulus, (int)key->size, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (modulus != NULL && builder != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_uint64(builder, OSSL_PKEY_PARAM_RSA_E, key->exponent) == 1)
        numbers = OSSL_PARAM_BLD_to_param(builder);
    if (numbers != NULL)
        made = make_public(numbers);
    OSSL_PARAM_free(numbers);
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    return made;
}

bool signature_key_make(struct span modulus, struct span exponent, struct signature_key **out, struct error *err)
{
    struct error unfit;
    modulus = without_zeros(modulus);
    exponent = without_zeros(exponent);
    if (modulus.len == 0 || exponent.len == 0)
        return refuse(err, "modulus or exponent is 0");
    struct signature_key *key = sys.allocate(sizeof *key + modulus.len);
    if (key == NULL)
        return signature_fail(err, "a key");
    *key = (struct signature_key){.bits = count_bits(modulus), .exponent = small_number(exponent), .size = modulus.len};
    memcpy(key->modulus, modulus.at, modulus.len);
    if (signature_key_judge(key, &unfit) && (key->key = make_key(key)) == NULL) {
        signature_key_close(key);
        return signature_fail(err, "a key");
    }
    *out = key;
    return true;
}

void signature_key_close(struct signature_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->key);
    sys.release(key);
}

bool signature_key_equal(const struct signature_key *a, const struct signature_key *b)
{
    return a->size == b->size && memcmp(a->modulus, b->modulus, a->size) == 0 && a->exponent == b->exponent &&
           a->exponent != 0;
}

unsigned signature_key_bits(const struct signature_key *key)
{
    return key->bits;
}

/* ---- DER ---- */

/* Takes the next element off `rest`, if it is of that class and tag. */
static bool take(struct span *rest, int class, int tag, struct span *content)
{
    const unsigned char *at = (const unsigned char *)rest->at;
    long len;
    int found_tag, found_class;
    if (rest->len == 0)
        return false;
    const int form = ASN1_get_object(&at, &len, &found_tag, &found_class, (long)rest->len);
    if ((form & 0x80) != 0 || (form & 1) != 0 || found_class != class || found_tag != tag)     /* bad, or indefinite */
        return false;
    *content = (struct span){(const char *)at, (size_t)len};
    rest->len -= (size_t)((const char *)at + len - rest->at);
    rest->at = (const char *)at + len;
    return true;
}

static bool take_universal(struct span *rest, int tag, struct span *content)
{
    return take(rest, V_ASN1_UNIVERSAL, tag, content);
}

static bool take_number(struct span *rest, struct span *number)
{
    return take_universal(rest, V_ASN1_INTEGER, number) && number->len > 0 && (number->at[0] & 0x80) == 0;
}

/* RSAPublicKey (RFC 8017, A.1.1): nothing behind it. */
static bool read_numbers(struct span der, struct signature_key **out, struct error *err)
{
    struct span sequence, modulus, exponent;
    if (!take_universal(&der, V_ASN1_SEQUENCE, &sequence) || der.len > 0 || !take_number(&sequence, &modulus) ||
        !take_number(&sequence, &exponent) || sequence.len > 0)
        return refuse(err, "not the two numbers of an RSA key");
    return signature_key_make(modulus, exponent, out, err);
}

/* SubjectPublicKeyInfo (RFC 5280, 4.1): what the algorithm is, and a bit string without unused bits. */
static bool read_info(struct span der, struct signature_key **out, struct error *err)
{
    static const struct span rsa = {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01", 9};
    struct span sequence, algorithm, name, bits;
    if (!take_universal(&der, V_ASN1_SEQUENCE, &sequence) || der.len > 0 ||
        !take_universal(&sequence, V_ASN1_SEQUENCE, &algorithm) || !take_universal(&algorithm, V_ASN1_OBJECT, &name) ||
        !take_universal(&sequence, V_ASN1_BIT_STRING, &bits) || sequence.len > 0 || bits.len == 0 || bits.at[0] != '\0')
        return refuse(err, "not a SubjectPublicKeyInfo");
    if (!span_equal(name, rsa))
        return refuse(err, "it is no RSA key");
    return read_numbers((struct span){bits.at + 1, bits.len - 1}, out, err);
}

/* A certificate (RFC 5280, 4.1), up to its key: version, number, algorithm, issuer, dates, subject, key. */
static bool read_certificate(struct span der, struct signature_key **out, struct error *err)
{
    struct span certificate, skipped, body = {"", 0};
    bool good = take_universal(&der, V_ASN1_SEQUENCE, &certificate) && der.len == 0 &&
                take_universal(&certificate, V_ASN1_SEQUENCE, &body);
    if (good)
        (void)!take(&body, V_ASN1_CONTEXT_SPECIFIC, CONTEXT_0, &skipped);   /* may be left out */
    good = good && take_universal(&body, V_ASN1_INTEGER, &skipped);
    for (int i = 0; i < 4; i++)
        good = good && take_universal(&body, V_ASN1_SEQUENCE, &skipped);
    const char *info = body.at;
    if (!good || !take_universal(&body, V_ASN1_SEQUENCE, &skipped))
        return refuse(err, "not a certificate");
    return read_info((struct span){info, (size_t)(body.at - info)}, out, err);
}

bool signature_key_read_certificate(struct span hex, struct signature_key **out, struct error *err)
{
    const size_t size = hex.len / 2;
    if (size == 0 || size > SIGNATURE_MOST_FILE)
        return refuse(err, "no certificate, or one that is too long");
    unsigned char *der = sys.allocate(size);
    if (der == NULL)
        return signature_fail(err, "a certificate");
    const bool read = signature_hex_read(hex, der, size)
                          ? read_certificate((struct span){(const char *)der, size}, out, err)
                          : refuse(err, "it is not hex");
    sys.release(der);
    return read;
}

/* ---- PEM ---- */

/* The owner is where the key goes. */
static bool read_named(void *owner, struct span name, struct span der, struct error *err)
{
    static const struct {
        const char *name;
        bool (*read)(struct span der, struct signature_key **out, struct error *err);
    } forms[] = {
        {"PUBLIC KEY", read_info},
        {"RSA PUBLIC KEY", read_numbers},
        {"CERTIFICATE", read_certificate},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (span_equal(name, span_of(forms[i].name)))
            return forms[i].read(der, owner, err);
    return error_set(err, ERROR_MALFORMED,
                     "no key can be read: it begins with a %.*s, not with a public key or a "
                     "certificate",
                     name.len < 40 ? (int)name.len : 40, name.at);
}

/* What stands between "-----BEGIN NAME-----" and "-----END NAME-----", the first time. */
static bool find_block(struct span pem, struct span *name, struct span *base64)
{
    static const struct span begin = {"-----BEGIN ", 11}, end = {"-----END ", 9}, dashes = {"-----", 5};
    const char *stop = pem.at + pem.len;
    const char *at = memmem(pem.at, pem.len, begin.at, begin.len);
    if (at == NULL)
        return false;
    at += begin.len;
    const char *behind = memmem(at, (size_t)(stop - at), dashes.at, dashes.len);
    if (behind == NULL)
        return false;
    *name = (struct span){at, (size_t)(behind - at)};
    at = behind + dashes.len;
    behind = memmem(at, (size_t)(stop - at), end.at, end.len);
    *base64 = (struct span){at, behind == NULL ? 0 : (size_t)(behind - at)};
    return behind != NULL && (size_t)(stop - behind) >= end.len + name->len + dashes.len &&
           memcmp(behind + end.len, name->at, name->len) == 0 &&
           memcmp(behind + end.len + name->len, dashes.at, dashes.len) == 0;
}

/* libcrypto's reader of PEM does not always say what it failed for; its reader of base64 can fail for one thing only. */
static bool decode(EVP_ENCODE_CTX *context, struct span base64, unsigned char *out, size_t *len)
{
    int some, rest;
    EVP_DecodeInit(context);
    if (EVP_DecodeUpdate(context, out, &some, (const unsigned char *)base64.at, (int)base64.len) < 0 ||
        EVP_DecodeFinal(context, out + some, &rest) < 0)
        return false;
    *len = (size_t)some + (size_t)rest;
    return true;
}

struct use {
    bool (*each)(void *owner, struct span name, struct span der, struct error *err);
    void *owner;
};

static bool read_block(struct span name, struct span base64, struct use use, struct error *err)
{
    size_t len = 0;
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    unsigned char *der = sys.allocate(base64.len + 4);
    const bool room = context != NULL && der != NULL;
    bool read = room && decode(context, base64, der, &len);
    if (!room)
        (void)signature_fail(err, "a key");
    else if (!read)
        (void)refuse(err, "it is no PEM");
    read = read && use.each(use.owner, name, (struct span){(const char *)der, len}, err);
    sys.release(der);
    EVP_ENCODE_CTX_free(context);
    ERR_clear_error();
    return read;
}

static bool read_pem(struct span pem, struct use use, struct error *err)
{
    struct span name, base64;
    if (pem.len > SIGNATURE_MOST_FILE)
        return refuse(err, "it is too long");
    if (pem.len == 0 || !find_block(pem, &name, &base64))
        return refuse(err, "it is no PEM");
    return read_block(name, base64, use, err);
}

bool signature_key_read(struct span pem, struct signature_key **out, struct error *err)
{
    return read_pem(pem, (struct use){read_named, out}, err);
}

static bool add_certificate(void *owner, struct span name, struct span der, struct error *err)
{
    struct span rest = der, certificate;
    if (!span_equal(name, SPAN("CERTIFICATE")) || !take_universal(&rest, V_ASN1_SEQUENCE, &certificate) || rest.len > 0)
        return error_set(err, ERROR_MALFORMED, "it does not begin with a certificate");
    return signature_hex_add(owner, (const unsigned char *)der.at, der.len, err);
}

bool signature_certificate_write(struct span pem, struct buffer *out, struct error *err)
{
    return read_pem(pem, (struct use){add_certificate, out}, err);
}

/* ---- PUBLICKEYBLOB (wire.md 3.4) ---- */

static const unsigned char blob_head[12] = {6, 2, 0, 0, 0, 0xA4, 0, 0, 'R', 'S', 'A', '1'};

static uint32_t little(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void reverse(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size / 2; i++) {
        const unsigned char kept = bytes[i];
        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = kept;
    }
}

/* CALG_RSA_SIGN stands for CALG_RSA_KEYX as well. */
static bool has_blob_head(const unsigned char *blob)
{
    unsigned char head[sizeof blob_head];
    memcpy(head, blob, sizeof head);
    if (head[5] == 0x24)
        head[5] = 0xA4;
    return memcmp(head, blob_head, sizeof head) == 0;
}

bool signature_key_read_blob(struct span hex, struct signature_key **out, struct error *err)
{
    unsigned char blob[MOST_BLOB];
    const size_t size = hex.len / 2;
    if (size <= BLOB_HEAD || size > sizeof blob || !signature_hex_read(hex, blob, size))
        return refuse(err, "PublicKey is not a blob of an RSA key in hex");
    const uint32_t bits = little(blob + 12);
    if (!has_blob_head(blob) || bits % 8 != 0 || bits / 8 != size - BLOB_HEAD)
        return refuse(err, "PublicKey is not a PUBLICKEYBLOB");
    reverse(blob + 16, 4);
    reverse(blob + BLOB_HEAD, size - BLOB_HEAD);
    return signature_key_make((struct span){(const char *)blob + BLOB_HEAD, size - BLOB_HEAD},
                              (struct span){(const char *)blob + 16, 4}, out, err);
}

bool signature_key_write_blob(const struct signature_key *key, struct buffer *out, struct error *err)
{
    unsigned char blob[MOST_BLOB];
    if (!signature_key_judge(key, err))
        return false;
    if (key->exponent > UINT32_MAX)
        return error_refuse(err, ERROR_UNTRUSTED, "signature", "a PUBLICKEYBLOB has no room for the key's exponent");
    memcpy(blob, blob_head, sizeof blob_head);
    const uint32_t numbers[2] = {(uint32_t)key->size * 8, (uint32_t)key->exponent};
    for (size_t i = 0; i < 8; i++)
        blob[12 + i] = (unsigned char)(numbers[i / 4] >> 8 * (i % 4));
    memcpy(blob + BLOB_HEAD, key->modulus, key->size);
    reverse(blob + BLOB_HEAD, key->size);
    return signature_hex_add(out, blob, BLOB_HEAD + key->size, err);
}

/* ---- the way back ---- */

bool signature_key_write(const struct signature_key *key, struct buffer *out, struct error *err)
{
    char *text = NULL;
    if (!signature_key_judge(key, err))
        return false;
    BIO *bio = BIO_new(BIO_s_mem());
    const bool made = bio != NULL && PEM_write_bio_PUBKEY(bio, key->key) == 1;
    const long len = made ? BIO_get_mem_data(bio, &text) : 0;
    const bool written = len > 0 ? buffer_add(out, text, (size_t)len, err) : signature_fail(err, "a key");
    BIO_free(bio);
    ERR_clear_error();
    return written;
}

bool signature_key_print(const struct signature_key *key, char out[SIGNATURE_PRINT_SIZE], struct error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[32];
    unsigned char *der = NULL;
    if (!signature_key_judge(key, err))
        return false;
    const int len = i2d_PUBKEY(key->key, &der);
    const bool made = len > 0 && EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    if (!made)
        return signature_fail(err, "a key's fingerprint");
    for (size_t i = 0; i < sizeof hash; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[2 * sizeof hash] = '\0';
    return true;
}
