/* Keys and certificates of clients, made here: no private key lies in the tree. */
#ifndef TEST_UNIT_CERTIFICATES_H
#define TEST_UNIT_CERTIFICATES_H

#include "report/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

struct pair {
    EVP_PKEY *key;
    struct signature_signer *signer;    /* NULL for a key that is too short */
    char *certificate;                  /* DER in hex */
};

static char *hex_of(const unsigned char *bytes, size_t len)
{
    char *hex = malloc(2 * len + 1);
    assert_non_null(hex);
    for (size_t i = 0; i < len; i++)
        (void)snprintf(hex + 2 * i, 3, "%02X", bytes[i]);
    return hex;
}

static char *certify(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    (void)X509_set_version(certificate, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    (void)X509_set_pubkey(certificate, key);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"ConfigMgr Client", -1, -1, 0);
    (void)X509_set_issuer_name(certificate, name);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    const int len = i2d_X509(certificate, &der);
    assert_true(len > 0);
    char *hex = hex_of(der, (size_t)len);
    OPENSSL_free(der);
    X509_free(certificate);
    return hex;
}

static struct pair make_pair(unsigned bits)
{
    struct pair pair = {.key = EVP_RSA_gen(bits)};
    struct error err;
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, pair.key, NULL, NULL, 0, NULL, NULL), 1);
    const long len = BIO_get_mem_data(bio, &text);
    if (!signature_signer_open((struct span){text, (size_t)len}, &pair.signer, &err))
        pair.signer = NULL;
    BIO_free(bio);
    pair.certificate = certify(pair.key);
    return pair;
}

static void free_pair(struct pair *pair)
{
    EVP_PKEY_free(pair->key);
    signature_signer_close(pair->signer);
    free(pair->certificate);
}

#endif
