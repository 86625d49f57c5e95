/*
 * Any stream is judged as zlib alone judges it, and gives the same bytes, whatever size was expected. The first byte says
 * what is expected, and whether the rest is a stream as it is or one whose head and checksum are to be made good.
 */
#include "../../src/report/inflate.h"

#include "fuzz.h"

#include <zlib.h>

enum { MOST = 64 * 1024, HEAD = 2, CHECKSUM = 4, MOST_STREAM = HEAD + MOST + CHECKSUM };

struct verdict {
    bool good;
    size_t used;
    size_t len;
    char bytes[MOST];
};

static void judge(struct span stream, int window_bits, struct verdict *out)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)stream.at, .avail_in = (unsigned)stream.len};
    require(inflateInit2(&z, window_bits) == Z_OK);
    z.next_out = (Bytef *)out->bytes;
    z.avail_out = sizeof out->bytes;
    out->good = inflate(&z, Z_FINISH) == Z_STREAM_END;
    out->used = z.total_in;
    out->len = z.total_out;
    require(inflateEnd(&z) == Z_OK || !out->good);
}

/* What is no good deflate stream stays as it is. */
static size_t make_good(struct span body, unsigned char stream[MOST_STREAM])
{
    static struct verdict verdict;
    const size_t len = body.len < MOST ? body.len : MOST;
    stream[0] = 0x78;
    stream[1] = 0x9C;
    memcpy(stream + HEAD, body.at, len);
    judge((struct span){body.at, len}, -15, &verdict);
    if (!verdict.good)
        return HEAD + len;
    const uLong sum = adler32(1, (const Bytef *)verdict.bytes, (uInt)verdict.len);
    for (unsigned i = 0; i < CHECKSUM; i++)
        stream[HEAD + verdict.used + i] = (unsigned char)(sum >> (24 - 8 * i));
    return HEAD + verdict.used + CHECKSUM;
}

static void check(struct span stream, size_t expected)
{
    static struct verdict verdict;
    const struct inflate_options options = {.most = MOST, .ratio = 100, .expected = expected};
    struct arena *arena = arena_open(4 * MOST, NULL);
    struct span out;
    struct error err = {0};
    judge(stream, 15, &verdict);
    const bool taken = inflate_whole(stream, &options, arena, &out, &err);
    require(taken == (verdict.good && verdict.used == stream.len));
    require(taken ? span_equal(out, (struct span){verdict.bytes, verdict.len}) : err.text[0] != '\0');
    arena_close(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static unsigned char made[MOST_STREAM];
    if (size == 0)
        return 0;
    const size_t expected[] = {0, 1, 100, MOST};
    const struct span rest = {(const char *)bytes + 1, size - 1};
    const struct span stream = bytes[0] & 4 ? (struct span){(const char *)made, make_good(rest, made)} : rest;
    check(stream, expected[bytes[0] & 3]);
    return 0;
}
