/*
 * What zlib alone takes is taken and gives the same bytes, whatever size was expected. What is taken beyond that, because
 * libdeflate reads codes that zlib refuses, is whole and has its checksum. The first byte says what is expected, and
 * whether the rest is a stream as it is or one whose head and checksum are to be made good.
 */
#include "../../src/report/inflate.h"

#include "fuzz.h"

#include <libdeflate.h>
#include <zlib.h>

enum { MOST = 64 * 1024, HEAD = 2, CHECKSUM = 4, MOST_STREAM = HEAD + MOST + CHECKSUM };

struct verdict {
    bool good;
    size_t used;
    size_t len;
    char bytes[MOST];
};

static uLong checksum(struct span bytes)
{
    return adler32(1, (const Bytef *)bytes.at, (uInt)bytes.len);
}

static void judge(struct span stream, struct verdict *out)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)stream.at, .avail_in = (unsigned)stream.len};
    require(inflateInit(&z) == Z_OK);
    z.next_out = (Bytef *)out->bytes;
    z.avail_out = sizeof out->bytes;
    out->good = inflate(&z, Z_FINISH) == Z_STREAM_END;
    out->used = z.total_in;
    out->len = z.total_out;
    require(inflateEnd(&z) == Z_OK || !out->good);
}

/* What libdeflate takes for no deflate stream stays as it is. It takes more than zlib does. */
static size_t make_good(struct span body, unsigned char stream[MOST_STREAM])
{
    static char bytes[MOST];
    const size_t most = body.len < MOST ? body.len : MOST;
    size_t used, len;
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    require(inflater != NULL);
    stream[0] = 0x78;
    stream[1] = 0x9C;
    memcpy(stream + HEAD, body.at, most);
    const bool good = libdeflate_deflate_decompress_ex(inflater, body.at, most, bytes, sizeof bytes, &used, &len) ==
                      LIBDEFLATE_SUCCESS;
    libdeflate_free_decompressor(inflater);
    if (!good)
        return HEAD + most;
    const uLong sum = checksum((struct span){bytes, len});
    for (unsigned i = 0; i < CHECKSUM; i++)
        stream[HEAD + used + i] = (unsigned char)(sum >> (24 - 8 * i));
    return HEAD + used + CHECKSUM;
}

static bool ends_with_checksum(struct span stream, struct span bytes)
{
    const unsigned char *end = (const unsigned char *)stream.at + stream.len - CHECKSUM;
    uLong sum = 0;
    for (unsigned i = 0; i < CHECKSUM; i++)
        sum = sum << 8 | end[i];
    return stream.len > HEAD + CHECKSUM && sum == checksum(bytes);
}

static void check(struct span stream, size_t expected)
{
    static struct verdict verdict;
    const struct inflate_options options = {.most = MOST, .ratio = 100, .expected = expected};
    struct arena *arena = arena_open(4 * MOST, NULL);
    struct span out;
    struct error err = {0};
    judge(stream, &verdict);
    const bool good = verdict.good && verdict.used == stream.len;
    const bool taken = inflate_whole(stream, &options, arena, &out, &err);
    require(taken || !good);
    if (!taken)
        require(err.text[0] != '\0');
    else if (good)
        require(span_equal(out, (struct span){verdict.bytes, verdict.len}));
    else
        require(ends_with_checksum(stream, out));
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
