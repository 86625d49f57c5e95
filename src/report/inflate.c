/*
 * The decision hidden here: libdeflate, which is quick but can only say yes or no, takes the usual stream; what it does
 * not take, for whatever reason, is zlib's to judge and to explain.
 *
 * The inflated size is not sent, so it is guessed, and a stream that does not fit into the guess is first run to its end
 * to be measured, then inflated again into exactly the room that it needs. So a bomb costs time up to the limit but no
 * memory, and an honest stream is written once and never copied.
 */
#include "inflate.h"

#include "base/sys.h"

#include <libdeflate.h>
#include <limits.h>
#include <pthread.h>
#include <zlib.h>

enum {
    FREE_OF_RATIO = 1024 * 1024,    /* below it max-ratio does not count */
    USUAL_RATIO = 8,
    BELIEVED_RATIO = 64,            /* a greater one is measured before memory is spent on it */
    PIECE = 16 * 1024,
};

struct job {
    z_stream z;
    struct span stream;
    size_t most;                    /* inflated bytes that the limits allow */
    bool by_ratio;                  /* it is max-ratio that sets it */
};

static void *allocate(void *unused, unsigned count, unsigned size)
{
    (void)unused;
    return sys.allocate((size_t)count * size);
}

static void release(void *unused, void *at)
{
    (void)unused;
    sys.release(at);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both fit 32 bits; the result is never more than zlib's counters hold. */
static size_t times(size_t count, unsigned factor)
{
    const uint64_t product = (uint64_t)count * factor;
    return product < UINT_MAX ? (size_t)product : UINT_MAX - 1;
}

static void set_most(struct job *job, const struct inflate_options *options)
{
    const size_t free_of_ratio = FREE_OF_RATIO;
    size_t by_ratio = times(job->stream.len, options->ratio);
    if (by_ratio < free_of_ratio)
        by_ratio = free_of_ratio;
    job->most = least(options->most, UINT_MAX - 1);
    job->by_ratio = by_ratio < job->most;
    if (job->by_ratio)
        job->most = by_ratio;
}

static bool refuse_size(const struct job *job, struct error *err)
{
    if (job->by_ratio)
        return error_refuse(err, ERROR_TOO_BIG, "limit", "%zu compressed bytes inflate to more than %zu (max-ratio)",
                            job->stream.len, job->most);
    return error_refuse(err, ERROR_TOO_BIG, "limit", "inflates to more than %zu bytes (max-inflated)", job->most);
}

/* What zlib's result means once the stream had room enough. */
static bool check_end(const struct job *job, int result, struct error *err)
{
    switch (result) {
    case Z_STREAM_END:
        return job->z.avail_in == 0 ||
               error_refuse(err, ERROR_MALFORMED, "zlib", "%u bytes follow the compressed stream", job->z.avail_in);
    case Z_MEM_ERROR:
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for inflating");
    case Z_NEED_DICT:
        return error_refuse(err, ERROR_MALFORMED, "zlib", "the compressed stream wants a preset dictionary");
    case Z_DATA_ERROR:
        return error_refuse(err, ERROR_MALFORMED, "zlib", "byte %lu of the compressed stream: %s", job->z.total_in,
                            job->z.msg != NULL ? job->z.msg : "invalid data");
    default:
        return error_refuse(err, ERROR_MALFORMED, "zlib", "the compressed stream is cut off after %zu bytes",
                            job->stream.len);
    }
}

static int run(struct job *job, void *room, size_t size, int flush)
{
    job->z.next_out = room;
    job->z.avail_out = (unsigned)size;
    return inflate(&job->z, flush);
}

/* Runs on to the end, throwing away what comes. */
static bool measure(struct job *job, size_t *size, struct error *err)
{
    unsigned char thrown_away[PIECE];
    int result;
    do {
        result = run(job, thrown_away, sizeof thrown_away, Z_NO_FLUSH);
    } while (result == Z_OK && job->z.total_out <= job->most);
    if (job->z.total_out > job->most)
        return refuse_size(job, err);
    *size = job->z.total_out;
    return check_end(job, result, err);
}

static void rewind_stream(struct job *job)
{
    (void)inflateReset(&job->z);    /* fails only for a stream that was never begun */
    job->z.next_in = (z_const Bytef *)(uintptr_t)job->stream.at;
    job->z.avail_in = (unsigned)job->stream.len;
}

static size_t guess(const struct job *job, size_t expected)
{
    const size_t usual = expected > 0 ? expected : times(job->stream.len, USUAL_RATIO);
    return least(least(usual, times(job->stream.len, BELIEVED_RATIO)), job->most);
}

/* ---- the usual stream ---- */

static void *allocate_once(size_t size)
{
    return sys.allocate(size);
}

static void release_once(void *at)
{
    sys.release(at);
}

static void set_allocator(void)
{
    libdeflate_set_memory_allocator(allocate_once, release_once);
}

/* False: it is not whole, not good, has something behind it or does not fit, or there is no memory. */
static bool inflate_at_once(struct span stream, char *room, size_t size, struct span *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    size_t used, len;
    (void)pthread_once(&once, set_allocator);
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    if (inflater == NULL)
        return false;
    const bool whole = libdeflate_zlib_decompress_ex(inflater, stream.at, stream.len, room, size, &used, &len) ==
                           LIBDEFLATE_SUCCESS &&
                       used == stream.len;
    libdeflate_free_decompressor(inflater);
    if (whole)
        *out = (struct span){room, len};
    return whole;
}

/* ---- any stream ---- */

/* `room` is the first try. */
static bool inflate_into_arena(struct job *job, char *room, size_t size, struct arena *arena, struct span *out,
                               struct error *err)
{
    int result = run(job, room, size, Z_FINISH);
    if (result == Z_BUF_ERROR && job->z.avail_out == 0) {
        if (!measure(job, &size, err))
            return false;
        if ((room = arena_alloc(arena, size)) == NULL)
            return arena_error(arena, "limit", err);
        rewind_stream(job);
        result = run(job, room, size, Z_FINISH);
    }
    if (!check_end(job, result, err))
        return false;
    *out = (struct span){room, job->z.total_out};
    return true;
}

static bool inflate_carefully(struct job *job, enum inflate_format format, char *room, size_t size, struct arena *arena,
                              struct span *out, struct error *err)
{
    static const int window_bits[] = {[INFLATE_ZLIB] = 15, [INFLATE_GZIP] = 15 + 16};   /* as zlib.h numbers them */
    if (inflateInit2(&job->z, window_bits[format]) != Z_OK)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for inflating");
    rewind_stream(job);
    const bool done = inflate_into_arena(job, room, size, arena, out, err);
    (void)inflateEnd(&job->z);      /* fails only for a stream that was never begun */
    return done;
}

/* A gzip stream is left to zlib, which checks its head, too. */
bool inflate_whole(struct span stream, const struct inflate_options *options, struct arena *arena, struct span *out,
                   struct error *err)
{
    struct job job = {.z = {.zalloc = allocate, .zfree = release}, .stream = stream};
    if (stream.len >= UINT_MAX)
        return error_refuse(err, ERROR_TOO_BIG, "limit", "a compressed stream of %zu bytes", stream.len);
    set_most(&job, options);
    const size_t size = guess(&job, options->expected);
    char *room = arena_alloc(arena, size);
    if (room == NULL)
        return arena_error(arena, "limit", err);
    return (options->format == INFLATE_ZLIB && inflate_at_once(stream, room, size, out)) ||
           inflate_carefully(&job, options->format, room, size, arena, out, err);
}
