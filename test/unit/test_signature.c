/* Signatures over bytes, and keys in each form: the golden request and keys made here; whatever is wrong is said to be
 * wrong, and refused memory is not. */
#include "report/signature.h"

#include "base/sys.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "few.h"
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define REQUESTS "test/data/samples/requests/"
#define PAYLOAD SPAN("any bytes, \0 among them")

enum { SIZE = 256 };

static EVP_PKEY *pair;                  /* of 2048 bits */
static struct signature_key *key;       /* its public half */
static struct error err;

/* ---- making ---- */

static struct span pem_of_pair(bool private)
{
    static char pem[8192];
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(
        private ? PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL) : PEM_write_bio_PUBKEY(bio, pair), 1);
    const long len = BIO_get_mem_data(bio, &text);
    assert_in_range(len, 1, sizeof pem);
    memcpy(pem, text, (size_t)len);
    BIO_free(bio);
    return (struct span){pem, (size_t)len};
}

static struct span certificate_of_pair(void)
{
    static char pem[8192];
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *made = X509_new();
    assert_int_equal(X509_set_version(made, 2), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(made), -200));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(made), -100));      /* its dates are not looked at */
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(made), 7), 1);
    assert_int_equal(X509_set_pubkey(made, pair), 1);
    assert_true(X509_sign(made, pair, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(bio, made), 1);
    const long len = BIO_get_mem_data(bio, &text);
    assert_in_range(len, 1, sizeof pem);
    memcpy(pem, text, (size_t)len);
    BIO_free(bio);
    X509_free(made);
    return (struct span){pem, (size_t)len};
}

static struct span write_hex(const unsigned char *bytes, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++)
        (void)sprintf(out + 2 * i, i % 2 == 0 ? "%02x" : "%02X", bytes[i]);
    return (struct span){out, 2 * size};
}

/* A block of our own choice, raised to the private exponent. */
static struct span sign_block(const unsigned char block[SIZE])
{
    static char hex[2 * SIZE + 1];
    unsigned char number[SIZE], reversed[SIZE];
    size_t len = SIZE;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pair, NULL);
    assert_int_equal(EVP_PKEY_sign_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_sign(context, number, &len, block, SIZE), 1);
    EVP_PKEY_CTX_free(context);
    for (size_t i = 0; i < SIZE; i++)
        reversed[i] = number[SIZE - 1 - i];
    return write_hex(reversed, SIZE, hex);
}

/* Type 1 padding before `tail`. */
static void fill_block(unsigned char block[SIZE], const void *tail, size_t len)
{
    memset(block, 0xFF, SIZE);
    block[0] = 0;
    block[1] = 1;
    block[SIZE - 1 - len] = 0;
    memcpy(block + SIZE - len, tail, len);
}

struct info {
    unsigned char bytes[64];
    size_t len;
};

static struct info digest_info(const EVP_MD *method, bool bare, struct span payload)
{
    static const unsigned char sha256[] = {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                           0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    static const unsigned char sha1[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E,
                                         0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14};
    const bool is_sha1 = method == EVP_sha1();
    struct info info = {.len = bare ? 0 : is_sha1 ? sizeof sha1 : sizeof sha256};
    memcpy(info.bytes, is_sha1 ? sha1 : sha256, info.len);
    unsigned len;
    assert_int_equal(EVP_Digest(payload.at, payload.len, info.bytes + info.len, &len, method, NULL), 1);
    info.len += len;
    return info;
}

static struct span sign(const EVP_MD *method, bool bare, struct span payload)
{
    unsigned char block[SIZE];
    const struct info info = digest_info(method, bare, payload);
    fill_block(block, info.bytes, info.len);
    return sign_block(block);
}

static bool check(struct span digits, const char *algorithm, struct span payload, bool allow_sha1)
{
    const struct signature signature = {digits, span_of(algorithm), NULL};
    err = (struct error){.kind = ERROR_NONE};
    const bool good = signature_check(&signature, key, payload, allow_sha1, &err);
    assert_true(good || (err.kind == ERROR_UNTRUSTED && strcmp(err.rule, "signature") == 0));
    return good;
}

static int make_pair(void **state)
{
    (void)state;
    pair = EVP_RSA_gen(2048);
    return pair != NULL && signature_key_read(pem_of_pair(false), &key, &err) ? 0 : -1;
}

static int drop_pair(void **state)
{
    (void)state;
    signature_key_close(key);
    signature_key_close(NULL);
    signature_signer_close(NULL);
    EVP_PKEY_free(pair);
    return 0;
}

/* ---- signatures ---- */

/* The example of FIPS 180-4, in pieces. */
static void a_hash_is_that_of_all_parts_together(void **state)
{
    static const unsigned char abc[] = "\xBA\x78\x16\xBF\x8F\x01\xCF\xEA\x41\x41\x40\xDE\x5D\xAE\x22\x23"
                                       "\xB0\x03\x61\xA3\x96\x17\x7A\x9C\xB4\x10\xFF\x61\xF2\x00\x15\xAD";
    const struct span parts[] = {SPAN("a"), SPAN(""), SPAN("bc")};
    unsigned char hash[SIGNATURE_HASH_SIZE];
    (void)state;
    assert_true(signature_hash(parts, 3, hash, &err));
    assert_memory_equal(hash, abc, sizeof hash);
}

static void both_forms_of_both_hashes_are_good(void **state)
{
    static const struct {
        const char *algorithm;
        bool sha1, allow, good;
    } rows[] = {
        {SIGNATURE_SHA256, false, false, true},
        {SIGNATURE_SHA256, false, true, true},
        {SIGNATURE_SHA256, true, true, false},
        {SIGNATURE_SHA1, true, true, true},
        {SIGNATURE_SHA1, true, false, false},
        {SIGNATURE_SHA1, false, true, false},
        {"", true, true, true},
        {"", true, false, false},
        {"", false, true, false},
        {"1.2.840.113549.1.1.12", false, true, false},
        {"sha256", false, true, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int bare = 0; bare < 2; bare++) {
            const struct span digits = sign(rows[i].sha1 ? EVP_sha1() : EVP_sha256(), bare, PAYLOAD);
            assert_int_equal(check(digits, rows[i].algorithm, PAYLOAD, rows[i].allow), rows[i].good);
        }
}

static void a_payload_of_any_length_is_signed(void **state)
{
    static const struct span payloads[] = {{"", 0}, {"\0", 1}, {"a", 1}};
    (void)state;
    for (size_t i = 0; i < COUNT(payloads); i++)
        for (size_t k = 0; k < COUNT(payloads); k++)
            assert_int_equal(check(sign(EVP_sha256(), false, payloads[i]), SIGNATURE_SHA256, payloads[k], false),
                             i == k);
}

/* Bleichenbacher's forgeries of 2006 and 2014 lived on what a reader forgave. */
static void a_block_that_is_other_in_anything_is_bad(void **state)
{
    unsigned char block[SIZE];
    const struct info info = digest_info(EVP_sha256(), false, PAYLOAD);
    const struct info bare = digest_info(EVP_sha256(), true, PAYLOAD);
    const struct info sha1 = digest_info(EVP_sha1(), false, PAYLOAD);
    (void)state;
    fill_block(block, sha1.bytes, sha1.len);
    assert_false(check(sign_block(block), SIGNATURE_SHA256, PAYLOAD, true));
    fill_block(block, info.bytes, info.len);
    for (size_t i = 1; i < SIZE; i++) { /* the first byte above 0 makes a number above the modulus */
        block[i] ^= 1;
        assert_false(check(sign_block(block), SIGNATURE_SHA256, PAYLOAD, true));
        block[i] ^= 1;
    }
    memmove(block + 2, block + 3, SIZE - 3);    /* a byte behind the hash */
    assert_false(check(sign_block(block), SIGNATURE_SHA256, PAYLOAD, true));
    memset(block, 0, SIZE);
    memcpy(block + SIZE - info.len, info.bytes, info.len);      /* no padding */
    assert_false(check(sign_block(block), SIGNATURE_SHA256, PAYLOAD, true));
    memset(block, 0, SIZE);
    memcpy(block + SIZE - bare.len, bare.bytes, bare.len);
    assert_false(check(sign_block(block), SIGNATURE_SHA256, PAYLOAD, true));
    memset(block, 0x55, SIZE);
    memcpy(block, "\0\2", 2);                   /* padding of encryption */
    block[SIZE - info.len - 1] = 0;
    memcpy(block + SIZE - info.len, info.bytes, info.len);
    assert_false(check(sign_block(block), SIGNATURE_SHA256, PAYLOAD, true));
}

static void digits_that_are_other_than_they_should_be_are_bad(void **state)
{
    char digits[2 * SIZE + 3];
    const struct span good = sign(EVP_sha256(), false, PAYLOAD);
    (void)state;
    memcpy(digits, good.at, good.len);
    memcpy(digits + good.len, "00", 3);
    assert_true(check((struct span){digits, good.len}, SIGNATURE_SHA256, PAYLOAD, false));
    assert_false(check((struct span){digits, good.len + 2}, SIGNATURE_SHA256, PAYLOAD, false));
    assert_false(check((struct span){digits, good.len + 1}, SIGNATURE_SHA256, PAYLOAD, false));
    assert_false(check((struct span){digits, good.len - 2}, SIGNATURE_SHA256, PAYLOAD, false));
    assert_false(check((struct span){"", 0}, SIGNATURE_SHA256, PAYLOAD, false));
    for (const char *wrong = "gG /:@`\xFF"; *wrong != '\0'; wrong++) {
        digits[7] = *wrong;
        assert_false(check((struct span){digits, good.len}, SIGNATURE_SHA256, PAYLOAD, false));
        assert_non_null(strstr(err.text, "not hex"));
    }
    memset(digits, 'F', good.len);
    assert_false(check((struct span){digits, good.len}, SIGNATURE_SHA256, PAYLOAD, false));
    assert_non_null(strstr(err.text, "not smaller"));
    memset(digits, '0', good.len);
    assert_false(check((struct span){digits, good.len}, SIGNATURE_SHA256, PAYLOAD, false));
}

static void bytes_that_are_not_reversed_are_bad(void **state)
{
    char digits[2 * SIZE];
    const struct span good = sign(EVP_sha256(), false, PAYLOAD);
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        memcpy(digits + 2 * i, good.at + 2 * (SIZE - 1 - i), 2);
    assert_false(check((struct span){digits, sizeof digits}, SIGNATURE_SHA256, PAYLOAD, false));
}

/* ---- keys ---- */

static void assert_same_key(const struct signature_key *a, const struct signature_key *b)
{
    char prints[2][SIGNATURE_PRINT_SIZE];
    assert_true(signature_key_print(a, prints[0], &err) && signature_key_print(b, prints[1], &err));
    assert_string_equal(prints[0], prints[1]);
    assert_int_equal(signature_key_bits(a), signature_key_bits(b));
    assert_true(signature_key_equal(a, b) && signature_key_equal(b, a));
}

static struct signature_key *read_key(struct span pem)
{
    struct signature_key *read;
    if (!signature_key_read(pem, &read, &err))
        fail_msg("%s", err.text);
    return read;
}

static void a_key_is_the_same_in_each_form(void **state)
{
    struct signature_key *other;
    struct buffer written;
    char text[10000];
    (void)state;
    other = read_key(certificate_of_pair());
    assert_same_key(key, other);
    signature_key_close(other);
    buffer_init(&written, 8192);
    assert_true(signature_key_write(key, &written, &err));
    other = read_key(buffer_span(&written));
    assert_same_key(key, other);
    signature_key_close(other);
    (void)snprintf(text, sizeof text, "words before\n%.*s%s", (int)written.len, written.at, "\r\nand behind\n");
    other = read_key(span_of(text));
    assert_same_key(key, other);
    signature_key_close(other);
    buffer_fini(&written);
    assert_true(signature_key_write_blob(key, &written, &err));
    assert_int_equal(written.len, 2 * 276);
    assert_memory_equal(written.at, "0602000000A40000525341310008000001000100", 40);
    assert_true(signature_key_read_blob(buffer_span(&written), &other, &err));
    assert_same_key(key, other);
    signature_key_close(other);
    memcpy(written.at, "060200000024", 12);
    assert_true(signature_key_read_blob(buffer_span(&written), &other, &err));
    assert_same_key(key, other);
    signature_key_close(other);
    buffer_fini(&written);
}

static void an_rsa_public_key_of_pkcs_1_is_taken(void **state)
{
    static const char pem[] = "-----BEGIN RSA PUBLIC KEY-----\nMAYCAQ8CAQM=\n-----END RSA PUBLIC KEY-----\n";
    struct signature_key *small = read_key(span_of(pem));
    (void)state;
    assert_int_equal(signature_key_bits(small), 4);
    assert_false(signature_key_judge(small, &err));
    assert_int_equal(err.kind, ERROR_UNTRUSTED);
    signature_key_close(small);
}

static void assert_no_key(struct span pem, const char *why)
{
    struct signature_key *read = NULL;
    assert_false(signature_key_read(pem, &read, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    if (strstr(err.text, why) == NULL)
        fail_msg("%s: %s", err.text, why);
    assert_null(read);
}

static void what_is_no_key_is_refused_with_a_reason(void **state)
{
    static char long_text[SIGNATURE_MOST_FILE + 1];
    static const struct {
        const char *pem;
        const char *why;
    } rows[] = {
        {"", "no PEM"},
        {"-----BEGIN PUBLIC KEY-----\n", "no PEM"},
        {"-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n", "SubjectPublicKeyInfo"},
        {"-----BEGIN PUBLIC KEY", "no PEM"},
        {"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY", "no PEM"},
        {"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END CERTIFICATE-----\n", "no PEM"},
        {"-----BEGIN PUBLIC KEY-----\nDEK-Info: x\n\nMAA=\n-----END PUBLIC KEY-----\n", "no PEM"},
        {"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "SubjectPublicKeyInfo"},
        {"-----BEGIN PUBLIC KEY-----\nMA!=\n-----END PUBLIC KEY-----\n", "no PEM"},
        {"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "not a certificate"},
        {"-----BEGIN CERTIFICATE-----\nMAYwBAIBATAA\n-----END CERTIFICATE-----\n", "not a certificate"},
        {"-----BEGIN X-----\nMAA=\n-----END X-----\n", "it begins with a X"},
        {"-----BEGIN RSA PUBLIC KEY-----\nMAYCAQ8CAQMA\n-----END RSA PUBLIC KEY-----\n", "two numbers"},  /* more */
        {"-----BEGIN RSA PUBLIC KEY-----\nMAYCAY8CAQM=\n-----END RSA PUBLIC KEY-----\n", "two numbers"},  /* below 0 */
        {"-----BEGIN RSA PUBLIC KEY-----\nMAYCAQACAQM=\n-----END RSA PUBLIC KEY-----\n", "is 0"},
        {"-----BEGIN RSA PUBLIC KEY-----\nMIACAQ8CAQMAAA==\n-----END RSA PUBLIC KEY-----\n", "two numbers"},
        /* an elliptic curve */
        {"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
         "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n",
         "no RSA key"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_no_key(span_of(rows[i].pem), rows[i].why);
    assert_no_key(pem_of_pair(true), "it begins with a PRIVATE KEY");
    assert_no_key((struct span){long_text, sizeof long_text}, "too long");
}

static void a_blob_that_is_other_in_its_head_or_length_is_refused(void **state)
{
    struct buffer blob;
    struct signature_key *read = NULL;
    (void)state;
    buffer_init(&blob, 4096);
    assert_true(signature_key_write_blob(key, &blob, &err));
    for (size_t len = 0; len < blob.len; len++)
        assert_false(signature_key_read_blob((struct span){blob.at, len}, &read, &err));
    assert_true(buffer_add(&blob, "00", 2, &err));
    assert_false(signature_key_read_blob(buffer_span(&blob), &read, &err));
    blob.len -= 2;
    for (size_t i = 0; i < 32; i++) {           /* head and length of the modulus, not the exponent */
        const char kept = blob.at[i];
        blob.at[i] = kept == '5' ? '9' : '5';
        assert_false(signature_key_read_blob(buffer_span(&blob), &read, &err));
        assert_int_equal(err.kind, ERROR_MALFORMED);
        blob.at[i] = kept;
    }
    memset(blob.at + 32, '0', 8);
    assert_false(signature_key_read_blob(buffer_span(&blob), &read, &err));
    assert_null(read);
    buffer_fini(&blob);
}

/* A key of that many bits, all of them 1 but the last `even` one, by way of a blob. */
static struct signature_key *make_numbers(unsigned bits, const char *exponent, bool even)
{
    char hex[2 * (20 + 2048) + 1];
    unsigned char modulus[2048];
    struct signature_key *made;
    memset(modulus, 0xFF, sizeof modulus);
    modulus[0] = even ? 0xFE : 0xFF;
    int len =
        sprintf(hex, "0602000000A4000052534131%02X%02X%02X00%s", bits & 255, bits >> 8 & 255, bits >> 16, exponent);
    const struct span rest = write_hex(modulus, bits / 8, hex + len);
    if (!signature_key_read_blob((struct span){hex, (size_t)len + rest.len}, &made, &err))
        fail_msg("%s", err.text);
    return made;
}

static void keys_that_differ_in_a_number_are_not_equal(void **state)
{
    static const struct {
        unsigned bits;
        const char *exponent;
        bool even;
    } rows[] = {
        {2048, "01000100", false}, {2048, "03000000", false}, {2048, "01000100", true}, {1024, "01000100", false}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t k = 0; k < COUNT(rows); k++) {
            struct signature_key *a = make_numbers(rows[i].bits, rows[i].exponent, rows[i].even);
            struct signature_key *b = make_numbers(rows[k].bits, rows[k].exponent, rows[k].even);
            assert_int_equal(signature_key_equal(a, b), i == k);
            signature_key_close(a);
            signature_key_close(b);
        }
}

static void a_key_that_is_no_good_makes_every_signature_bad(void **state)
{
    static const struct {
        unsigned bits;
        const char *exponent;
        bool even, good;
    } rows[] = {
        {2048, "01000100", false, true},  {8192, "01000100", false, true},  {2048, "03000000", false, true},
        {2048, "FFFFFFFF", false, true},  {2040, "01000100", false, false}, {1024, "01000100", false, false},
        {2048, "01000000", false, false}, {2048, "02000000", false, false}, {2048, "00000100", false, false},
        {2048, "01000100", true, false},  {512, "01000100", false, false},
    };
    struct buffer out;
    char print[SIGNATURE_PRINT_SIZE];
    (void)state;
    buffer_init(&out, 8192);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct signature_key *made = make_numbers(rows[i].bits, rows[i].exponent, rows[i].even);
        const struct signature signature = {sign(EVP_sha256(), false, PAYLOAD), SPAN(SIGNATURE_SHA256), NULL};
        assert_int_equal(signature_key_bits(made), rows[i].bits);
        assert_int_equal(signature_key_judge(made, &err), rows[i].good);
        assert_int_equal(signature_key_write(made, &out, &err), rows[i].good);
        assert_int_equal(signature_key_write_blob(made, &out, &err), rows[i].good);
        assert_int_equal(signature_key_print(made, print, &err), rows[i].good);
        assert_false(signature_check(&signature, made, PAYLOAD, true, &err));
        assert_int_equal(err.kind, ERROR_UNTRUSTED);
        signature_key_close(made);
        buffer_fini(&out);
    }
}

/* A blob holds 1,024 bytes of modulus at most; PEM may hold more, and is judged. */
static void a_key_of_16384_bits_is_read_and_good_for_nothing(void **state)
{
    static unsigned char der[2 + 2 + 4 + 1 + 2048 + 3] = {0x30, 0x82, 0x08, 0x08, 0x02, 0x82, 0x08, 0x01, 0x00};
    char base64[4096];
    char pem[5000];
    struct error why;
    (void)state;
    memset(der + 9, 0xFF, 2048);
    memcpy(der + 9 + 2048, "\x02\x01\x03", 3);
    (void)EVP_EncodeBlock((unsigned char *)base64, der, 9 + 2048 + 3);
    int len = sprintf(pem, "-----BEGIN RSA PUBLIC KEY-----\n");
    for (const char *at = base64; *at != '\0'; at += strnlen(at, 64))
        len += sprintf(pem + len, "%.64s\n", at);
    len += sprintf(pem + len, "-----END RSA PUBLIC KEY-----\n");
    struct signature_key *large = read_key((struct span){pem, (size_t)len});
    assert_int_equal(signature_key_bits(large), 16384);
    assert_false(signature_key_judge(large, &why));
    signature_key_close(large);
}

/* ---- the golden request ---- */

struct golden {
    struct buffer request;
    struct signature_key *key;
    struct span payload;        /* part 2, to be changed in place */
    char digits[2 * SIZE];
};

static void find_parts(struct golden *golden)
{
    static const char name[] = "P\0a\0y\0l\0o\0a\0d\0S\0i\0g\0n\0a\0t\0u\0r\0e\0\"\0>";
    static const char head[] = "octet-stream\r\n\r\n";
    const struct buffer *request = &golden->request;
    const char *digits = memmem(request->at, request->len, name, sizeof name);
    const char *part = memmem(request->at, request->len, head, sizeof head - 1);
    assert_non_null(digits);
    assert_non_null(part);
    digits += sizeof name;
    part += sizeof head - 1;
    for (size_t i = 0; i < sizeof golden->digits; i++)
        golden->digits[i] = digits[2 * i];
    const char *end = memmem(part, (size_t)(request->at + request->len - part), "\r\n--aAbBcCdD", 12);
    assert_non_null(end);
    golden->payload = (struct span){part, (size_t)(end - part)};
}

static struct golden read_golden(void)
{
    struct golden golden;
    struct buffer pem;
    buffer_init(&golden.request, 65536);
    buffer_init(&pem, 65536);
    assert_true(sys_read_file(AT_FDCWD, REQUESTS "signed.http", &golden.request, &err));
    assert_true(sys_read_file(AT_FDCWD, REQUESTS "signed.pub.pem", &pem, &err));
    golden.key = read_key(buffer_span(&pem));
    buffer_fini(&pem);
    find_parts(&golden);
    return golden;
}

static void every_changed_byte_of_the_golden_part_2_is_seen(void **state)
{
    struct golden golden = read_golden();
    const struct signature signature = {{golden.digits, sizeof golden.digits}, SPAN(SIGNATURE_SHA256), NULL};
    (void)state;
    assert_true(signature_check(&signature, golden.key, golden.payload, false, &err));
    for (size_t i = 0; i < golden.payload.len; i++) {
        char *byte = golden.request.at + (golden.payload.at - golden.request.at) + i;
        *byte = (char)(*byte ^ (1 << i % 8));
        assert_false(signature_check(&signature, golden.key, golden.payload, true, &err));
        assert_int_equal(err.kind, ERROR_UNTRUSTED);
        *byte = (char)(*byte ^ (1 << i % 8));
    }
    assert_true(signature_check(&signature, golden.key, golden.payload, false, &err));
    assert_false(signature_check(&signature, key, golden.payload, false, &err));    /* another's */
    signature_key_close(golden.key);
    buffer_fini(&golden.request);
}

/* ---- signing ---- */

static void what_a_signer_signs_is_good(void **state)
{
    struct signature_signer *signer;
    struct buffer digits;
    (void)state;
    buffer_init(&digits, 4096);
    assert_true(signature_signer_open(pem_of_pair(true), &signer, &err));
    assert_same_key(signature_signer_key(signer), key);
    assert_true(signature_make(signer, PAYLOAD, &digits, &err));
    assert_true(check(buffer_span(&digits), SIGNATURE_SHA256, PAYLOAD, false));
    assert_true(span_equal_nocase(buffer_span(&digits), sign(EVP_sha256(), false, PAYLOAD)));
    buffer_fini(&digits);
    signature_signer_close(signer);
}

static void what_cannot_sign_is_refused(void **state)
{
    struct signature_signer *signer = NULL;
    (void)state;
    assert_false(signature_signer_open(pem_of_pair(false), &signer, &err));
    assert_false(signature_signer_open(SPAN(""), &signer, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    EVP_PKEY *rsa = pair;
    pair = EVP_EC_gen("P-256");
    assert_false(signature_signer_open(pem_of_pair(true), &signer, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    EVP_PKEY_free(pair);
    pair = EVP_RSA_gen(1024);
    assert_false(signature_signer_open(pem_of_pair(true), &signer, &err));
    EVP_PKEY_free(pair);
    pair = rsa;
    assert_null(signer);
}

/* ---- memory ---- */

static bool read_and_check(struct span pem, struct span blob, const struct signature *signature)
{
    struct signature_key *read[2] = {NULL, NULL};
    const bool good = signature_key_read(pem, &read[0], &err) && signature_key_read_blob(blob, &read[1], &err) &&
                      signature_check(signature, read[0], PAYLOAD, false, &err) &&
                      signature_check(signature, read[1], PAYLOAD, false, &err);
    signature_key_close(read[0]);
    signature_key_close(read[1]);
    return good;
}

/* Not with one left, but with one after the other gone missing: libcrypto goes on after some. */
static unsigned until_refused;

static void *refuse_one(size_t size)
{
    return until_refused > 0 && --until_refused == 0 ? NULL : malloc(size);
}

static void *refuse_one_more(void *old, size_t size)
{
    return until_refused > 0 && --until_refused == 0 ? NULL : realloc(old, size);
}

static void refused_memory_is_never_a_bad_signature(void **state)
{
    const struct span pem = pem_of_pair(false);
    const struct signature signature = {sign(EVP_sha256(), false, PAYLOAD), SPAN(SIGNATURE_SHA256), NULL};
    struct buffer blob;
    unsigned refusals = 0;
    (void)state;
    buffer_init(&blob, 4096);
    assert_true(signature_key_write_blob(key, &blob, &err));
    for (int all = 0; all < 2; all++) {
        bool good = false;
        for (unsigned nth = 1; !good || until_refused == 0; nth++) {
            sys.allocate = all ? allocate_a_few : refuse_one;
            sys.reallocate = all ? reallocate_a_few : refuse_one_more;
            left = nth;
            until_refused = nth;
            good = read_and_check(pem, buffer_span(&blob), &signature);
            sys = sys_kernel;
            assert_true(good || err.kind == ERROR_NO_MEMORY);
            refusals += !good;
            if (all && good)
                break;
        }
    }
    assert_true(refusals > 40);
    assert_true(read_and_check(pem, buffer_span(&blob), &signature));
    buffer_fini(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_is_that_of_all_parts_together),
        cmocka_unit_test(both_forms_of_both_hashes_are_good),
        cmocka_unit_test(a_payload_of_any_length_is_signed),
        cmocka_unit_test(a_block_that_is_other_in_anything_is_bad),
        cmocka_unit_test(digits_that_are_other_than_they_should_be_are_bad),
        cmocka_unit_test(bytes_that_are_not_reversed_are_bad),
        cmocka_unit_test(a_key_is_the_same_in_each_form),
        cmocka_unit_test(keys_that_differ_in_a_number_are_not_equal),
        cmocka_unit_test(an_rsa_public_key_of_pkcs_1_is_taken),
        cmocka_unit_test(what_is_no_key_is_refused_with_a_reason),
        cmocka_unit_test(a_blob_that_is_other_in_its_head_or_length_is_refused),
        cmocka_unit_test(a_key_that_is_no_good_makes_every_signature_bad),
        cmocka_unit_test(a_key_of_16384_bits_is_read_and_good_for_nothing),
        cmocka_unit_test(every_changed_byte_of_the_golden_part_2_is_seen),
        cmocka_unit_test(what_a_signer_signs_is_good),
        cmocka_unit_test(what_cannot_sign_is_refused),
        cmocka_unit_test(refused_memory_is_never_a_bad_signature),
    };
    return signature_init(&err) ? cmocka_run_group_tests(tests, make_pair, drop_pair) : 1;
}
