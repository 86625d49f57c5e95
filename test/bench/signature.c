/*
 * What it costs to check one signature, of a key of 2048 bits over the payload of the golden request: CPU microseconds
 * with the key at hand, and those of a key that is read from its file first. Runs alone, for some seconds; fails where
 * a check costs more than MOST.
 */
#include "report/signature.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sys.h"

#define REQUESTS "test/data/samples/requests/"

enum { TURNS = 9, CHECKS = 4000, READS = 1000, SIZE = 256, MOST = 60 };

static struct error err;

static void need(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "signature: %s: %s\n", what, err.text);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* ---- the golden request ---- */

struct golden {
    struct buffer request;
    struct buffer pem;
    struct span payload;
    char digits[2 * SIZE];
};

static const char *behind(const struct buffer *bytes, const char *mark, size_t len)
{
    const char *found = memmem(bytes->at, bytes->len, mark, len);
    need(found != NULL, "not the golden request");
    return found + len;
}

static void read_golden(struct golden *golden)
{
    static const char name[] = "S\0i\0g\0n\0a\0t\0u\0r\0e\0\"\0>";
    buffer_init(&golden->request, 65536);
    buffer_init(&golden->pem, 65536);
    need(sys_read_file(AT_FDCWD, REQUESTS "signed.http", &golden->request, &err), "the request");
    need(sys_read_file(AT_FDCWD, REQUESTS "signed.pub.pem", &golden->pem, &err), "the key");
    const char *part = behind(&golden->request, "octet-stream\r\n\r\n", 16);
    const char *end = golden->request.at + golden->request.len - strlen("\r\n--aAbBcCdDv1234567890VxXyYzZ--");
    golden->payload = (struct span){part, (size_t)(end - part)};
    const char *payload_name = behind(&golden->request, "P\0a\0y\0l\0o\0a\0d\0", 14);
    const char *digits = memmem(payload_name, 64, name, sizeof name);
    need(digits != NULL, "not the golden request");
    for (size_t i = 0; i < sizeof golden->digits; i++)
        golden->digits[i] = digits[sizeof name + 2 * i];
}

/* ---- measuring ---- */

static double check_once(const struct golden *golden)
{
    const struct signature signature = {{golden->digits, sizeof golden->digits}, SPAN(SIGNATURE_SHA256), NULL};
    struct signature_key *key;
    need(signature_key_read(buffer_span(&golden->pem), &key, &err), "the key");
    const double begin = now();
    for (int i = 0; i < CHECKS; i++)
        need(signature_check(&signature, key, golden->payload, false, &err), "the signature");
    const double cost = (now() - begin) / CHECKS;
    signature_key_close(key);
    return cost;
}

static double read_once(const struct golden *golden)
{
    struct signature_key *key;
    const double begin = now();
    for (int i = 0; i < READS; i++) {
        need(signature_key_read(buffer_span(&golden->pem), &key, &err), "the key");
        signature_key_close(key);
    }
    return (now() - begin) / READS;
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* The median of some turns. */
static double measure(const struct golden *golden, double (*once)(const struct golden *golden))
{
    double costs[TURNS];
    for (int i = 0; i < TURNS; i++)
        costs[i] = once(golden);
    qsort(costs, TURNS, sizeof costs[0], compare);
    return costs[TURNS / 2];
}

int main(void)
{
    struct golden golden;
    need(signature_init(&err), "libcrypto");
    read_golden(&golden);
    const double check = measure(&golden, check_once);
    const double read = measure(&golden, read_once);
    (void)printf("one check, 2048 bits, %zu bytes signed: %.1f us of CPU (at most %d)\n", golden.payload.len, check,
                 MOST);
    (void)printf("reading a key from PEM: %.1f us of CPU\n", read);
    buffer_fini(&golden.request);
    buffer_fini(&golden.pem);
    return check > MOST ? 1 : 0;
}
