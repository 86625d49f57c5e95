/* Inflating: what comes out, where it stops, what is no stream. The streams are made by zlib itself. */
#include "../../src/report/inflate.h"

#include "base/sys.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "few.h"
#include <cmocka.h>
#include <zlib.h>

enum { MEGABYTE = 1024 * 1024, RAW = -15, ZLIB = 15, GZIP = 31 };

static const struct inflate_options usual = {.most = 64 * MEGABYTE, .ratio = 100};
static const struct inflate_options gzip_usual = {.format = INFLATE_GZIP, .most = 64 * MEGABYTE, .ratio = 100};

static struct span compress_as(int window_bits, int level, struct span plain)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)plain.at, .avail_in = (unsigned)plain.len};
    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    const size_t room = deflateBound(&z, plain.len);
    char *at = malloc(room);
    assert_non_null(at);
    z.next_out = (Bytef *)at;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&z), Z_OK);
    return (struct span){at, z.total_out};
}

/* Text that deflates to about a fourth; `kind` 0: only zeros. */
static struct span make_plain(size_t len, unsigned kind)
{
    char *at = calloc(1, len + 1);
    unsigned next = 1;
    assert_non_null(at);
    for (size_t i = 0; kind != 0 && i < len; i++) {
        next = next * 1103515245u + 12345u;
        at[i] = (char)('a' + (next >> 16) % 4);
    }
    return (struct span){at, len};
}

static void release(struct span made)
{
    free((void *)(uintptr_t)made.at);
}

static bool inflate_as(enum inflate_format format, struct span stream, size_t expected, struct arena *arena,
                       struct span *out, struct error *err)
{
    struct inflate_options options = usual;
    options.format = format;
    options.expected = expected;
    return inflate_whole(stream, &options, arena, out, err);
}

static void whatever_size_was_expected_the_same_comes_out(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 100, 2700, 16383, 16384, 16385, 70000, 3 * MEGABYTE};
    static const struct {
        int window_bits;
        enum inflate_format format;
    } kinds[] = {{ZLIB, INFLATE_ZLIB}, {GZIP, INFLATE_GZIP}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const size_t expected[] = {0, 1, sizes[i] / 2, sizes[i] - (sizes[i] > 0), sizes[i], sizes[i] + 1, SIZE_MAX};
        const struct span plain = make_plain(sizes[i], 1);
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            const struct span stream = compress_as(kinds[k].window_bits, 6, plain);
            for (size_t e = 0; e < sizeof expected / sizeof expected[0]; e++) {
                struct arena *arena = arena_open(256 * MEGABYTE, NULL);
                struct span out;
                struct error err = {0};
                if (!inflate_as(kinds[k].format, stream, expected[e], arena, &out, &err))
                    fail_msg("%zu bytes, %zu expected: %s", sizes[i], expected[e], err.text);
                assert_true(span_equal(out, plain));
                arena_close(arena);
            }
            release(stream);
        }
        release(plain);
    }
}

static void a_good_guess_takes_no_more_memory_than_the_result(void **state)
{
    const struct span plain = make_plain(3 * MEGABYTE, 1);
    const struct span stream = compress_as(ZLIB, 6, plain);
    struct arena *arena = arena_open(3 * MEGABYTE + 64, NULL);
    struct span out;
    struct error err = {0};
    (void)state;
    assert_true(inflate_as(INFLATE_ZLIB, stream, plain.len, arena, &out, &err));
    assert_true(span_equal(out, plain));
    arena_close(arena);
    release(stream);
    release(plain);
}

/* Whatever size was expected. */
static void check_refused(struct span stream, const struct inflate_options *options, enum error_kind kind,
                          const char *rule, const char *why)
{
    struct inflate_options guessing = *options;
    static const size_t expected[] = {0, 1, 1000, 100000000};
    for (size_t e = 0; e < sizeof expected / sizeof expected[0]; e++) {
        struct arena *arena = arena_open(256 * MEGABYTE, NULL);
        struct span out = {NULL, 4711};
        struct error err = {0};
        guessing.expected = expected[e];
        assert_false(inflate_whole(stream, &guessing, arena, &out, &err));
        assert_string_equal(err.text, why);
        assert_int_equal(err.kind, kind);
        assert_string_equal(err.rule, rule);
        assert_int_equal(out.len, 4711);
        arena_close(arena);
    }
}

static void the_size_limit_is_exact(void **state)
{
    const struct span plain = make_plain(50000, 1);
    const struct span stream = compress_as(ZLIB, 6, plain);
    struct arena *arena = arena_open(MEGABYTE, NULL);
    struct span out;
    struct error err = {0};
    (void)state;
    assert_true(inflate_whole(stream, &(struct inflate_options){.most = 50000, .ratio = 100}, arena, &out, &err));
    check_refused(stream, &(struct inflate_options){.most = 49999, .ratio = 100}, ERROR_TOO_BIG, "limit",
                  "inflates to more than 49999 bytes (max-inflated)");
    arena_close(arena);
    release(stream);
    release(plain);
}

static void the_ratio_counts_above_one_megabyte(void **state)
{
    const struct span megabyte = make_plain(MEGABYTE, 0);
    const struct span more = make_plain(MEGABYTE + 1, 0);
    const struct span allowed = compress_as(ZLIB, 9, megabyte);
    const struct span refused = compress_as(ZLIB, 9, more);
    struct arena *arena = arena_open(8 * MEGABYTE, NULL);
    struct span out;
    struct error err = {0};
    char why[160];
    (void)state;
    assert_true(allowed.len * 900 < MEGABYTE);
    assert_true(inflate_as(INFLATE_ZLIB, allowed, 0, arena, &out, &err));
    assert_int_equal(out.len, MEGABYTE);
    (void)snprintf(why, sizeof why, "%zu compressed bytes inflate to more than 1048576 (max-ratio)", refused.len);
    check_refused(refused, &usual, ERROR_TOO_BIG, "limit", why);
    arena_close(arena);
    release(allowed);
    release(refused);
    release(megabyte);
    release(more);
}

static void the_greatest_ratio_never_counts(void **state)
{
    const struct span plain = make_plain(3 * MEGABYTE, 0);
    const struct span stream = compress_as(ZLIB, 9, plain);
    const struct inflate_options options = {.most = 64 * MEGABYTE, .ratio = UINT_MAX};
    struct arena *arena = arena_open(8 * MEGABYTE, NULL);
    struct span out;
    struct error err = {0};
    (void)state;
    assert_true(inflate_whole(stream, &options, arena, &out, &err));
    assert_true(span_equal(out, plain));
    arena_close(arena);
    release(stream);
    release(plain);
}

/* None of its bytes is looked at, so none needs to be there. */
static void a_stream_longer_than_zlib_counts_is_refused(void **state)
{
    (void)state;
    check_refused((struct span){"", UINT_MAX}, &usual, ERROR_TOO_BIG, "limit",
                  "a compressed stream of 4294967295 bytes");
}

static void a_bomb_takes_no_memory(void **state)
{
    const struct span plain = make_plain(40 * MEGABYTE, 0);
    const struct span bomb = compress_as(ZLIB, 9, plain);
    struct arena *arena = arena_open(256 * MEGABYTE, NULL);
    struct span out;
    struct error err = {0};
    (void)state;
    assert_false(inflate_as(INFLATE_ZLIB, bomb, 40 * MEGABYTE, arena, &out, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
    assert_in_range(arena_used(arena), 0, 4 * MEGABYTE);
    arena_close(arena);
    release(bomb);
    release(plain);
}

static void what_is_not_one_whole_stream_is_refused(void **state)
{
    static const char not_zlib[] = "no stream at all";
    const struct span plain = make_plain(1000, 1);
    struct span stream = compress_as(ZLIB, 6, plain);
    const struct span raw = compress_as(RAW, 6, plain);
    const struct span gzip = compress_as(GZIP, 6, plain);
    char bytes[2048];
    (void)state;
    check_refused((struct span){not_zlib, sizeof not_zlib}, &usual, ERROR_MALFORMED, "zlib",
                  "byte 2 of the compressed stream: incorrect header check");
    check_refused(gzip, &usual, ERROR_MALFORMED, "zlib", "byte 2 of the compressed stream: incorrect header check");
    check_refused(stream, &gzip_usual, ERROR_MALFORMED, "zlib",
                  "byte 2 of the compressed stream: incorrect header check");
    assert_true(raw.len > 0);
    check_refused((struct span){NULL, 0}, &usual, ERROR_MALFORMED, "zlib",
                  "the compressed stream is cut off after 0 bytes");

    memcpy(bytes, stream.at, stream.len);
    memcpy(bytes + stream.len, stream.at, stream.len);
    bytes[stream.len - 1] = (char)(bytes[stream.len - 1] ^ 1);
    char why[80];
    (void)snprintf(why, sizeof why, "byte %zu of the compressed stream: incorrect data check", stream.len);
    check_refused((struct span){bytes, stream.len}, &usual, ERROR_MALFORMED, "zlib", why);

    memcpy(bytes, stream.at, stream.len);
    check_refused((struct span){bytes, stream.len + 1}, &usual, ERROR_MALFORMED, "zlib",
                  "1 bytes follow the compressed stream");
    (void)snprintf(why, sizeof why, "%zu bytes follow the compressed stream", stream.len);
    check_refused((struct span){bytes, 2 * stream.len}, &usual, ERROR_MALFORMED, "zlib", why);

    memcpy(bytes, gzip.at, gzip.len);
    memcpy(bytes + gzip.len, gzip.at, gzip.len);
    (void)snprintf(why, sizeof why, "%zu bytes follow the compressed stream", gzip.len);
    check_refused((struct span){bytes, 2 * gzip.len}, &gzip_usual, ERROR_MALFORMED, "zlib", why);
    release(gzip);
    release(raw);
    release(stream);
    release(plain);
}

static void a_raw_stream_without_checksum_is_refused(void **state)
{
    const struct span plain = make_plain(1000, 1);
    const struct span raw = compress_as(RAW, 6, plain);
    struct arena *arena = arena_open(MEGABYTE, NULL);
    struct span out;
    struct error err = {0};
    (void)state;
    assert_false(inflate_as(INFLATE_ZLIB, raw, 0, arena, &out, &err));
    assert_string_equal(err.rule, "zlib");
    arena_close(arena);
    release(raw);
    release(plain);
}

static void any_cut_of_a_stream_is_refused(void **state)
{
    const struct span plain = make_plain(1000, 1);
    const struct span stream = compress_as(ZLIB, 6, plain);
    (void)state;
    for (size_t len = 0; len < stream.len; len++) {
        char why[80];
        (void)snprintf(why, sizeof why, "the compressed stream is cut off after %zu bytes", len);
        check_refused((struct span){stream.at, len}, &usual, ERROR_MALFORMED, "zlib", why);
    }
    release(stream);
    release(plain);
}

static void a_preset_dictionary_is_refused(void **state)
{
    static const char dictionary[] = "StateMessage";
    unsigned char bytes[200];
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)dictionary, .avail_in = sizeof dictionary};
    (void)state;
    assert_int_equal(deflateInit(&z, 6), Z_OK);
    assert_int_equal(deflateSetDictionary(&z, (const Bytef *)dictionary, sizeof dictionary), Z_OK);
    z.next_out = bytes;
    z.avail_out = sizeof bytes;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&z), Z_OK);
    check_refused((struct span){(const char *)bytes, z.total_out}, &usual, ERROR_MALFORMED, "zlib",
                  "the compressed stream wants a preset dictionary");
}

static void a_full_arena_is_a_limit(void **state)
{
    const struct span plain = make_plain(50000, 1);
    const struct span stream = compress_as(ZLIB, 6, plain);
    (void)state;
    for (size_t expected = 0; expected <= 50000; expected += 50000) {
        struct arena *arena = arena_open(20000, NULL);
        struct span out;
        struct error err = {0};
        assert_false(inflate_as(INFLATE_ZLIB, stream, expected, arena, &out, &err));
        assert_int_equal(err.kind, ERROR_TOO_BIG);
        assert_string_equal(err.rule, "limit");
        arena_close(arena);
    }
    release(stream);
    release(plain);
}

static void refused_memory_is_never_a_bad_stream(void **state)
{
    const struct span plain = make_plain(60000, 1);
    const struct span stream = compress_as(ZLIB, 6, plain);
    unsigned failures = 0;
    bool done = false;
    (void)state;
    while (!done) {
        struct arena *arena = arena_open(MEGABYTE, NULL);
        struct span out;
        struct error err = {0};
        left = failures++;
        sys.allocate = allocate_a_few;
        done = inflate_as(INFLATE_ZLIB, stream, 100, arena, &out, &err);     /* needs a second pass */
        sys = sys_kernel;
        if (!done)
            assert_int_equal(err.kind, ERROR_NO_MEMORY);
        arena_close(arena);
    }
    assert_int_equal(failures - 1, 5);  /* the guess, the quick try, zlib's state, zlib's window, the result */
    release(stream);
    release(plain);
}

static unsigned until_refusal;

static void *refuse_once(size_t size)
{
    return until_refusal-- == 0 ? NULL : malloc(size);
}

static void without_memory_for_the_quick_try_zlib_takes_the_stream(void **state)
{
    const struct span plain = make_plain(60000, 1);
    const struct span stream = compress_as(ZLIB, 6, plain);
    struct arena *arena = arena_open(MEGABYTE, NULL);
    struct span out;
    struct error err = {0};
    (void)state;
    until_refusal = 1;                  /* the guess first */
    sys.allocate = refuse_once;
    const bool done = inflate_as(INFLATE_ZLIB, stream, plain.len, arena, &out, &err);
    sys = sys_kernel;
    assert_true(done);
    assert_true(until_refusal > 1);     /* it was refused: counted on below 0 */
    assert_true(span_equal(out, plain));
    arena_close(arena);
    release(stream);
    release(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_size_was_expected_the_same_comes_out),
        cmocka_unit_test(a_good_guess_takes_no_more_memory_than_the_result),
        cmocka_unit_test(the_size_limit_is_exact),
        cmocka_unit_test(the_ratio_counts_above_one_megabyte),
        cmocka_unit_test(the_greatest_ratio_never_counts),
        cmocka_unit_test(a_stream_longer_than_zlib_counts_is_refused),
        cmocka_unit_test(a_bomb_takes_no_memory),
        cmocka_unit_test(what_is_not_one_whole_stream_is_refused),
        cmocka_unit_test(a_raw_stream_without_checksum_is_refused),
        cmocka_unit_test(any_cut_of_a_stream_is_refused),
        cmocka_unit_test(a_preset_dictionary_is_refused),
        cmocka_unit_test(a_full_arena_is_a_limit),
        cmocka_unit_test(refused_memory_is_never_a_bad_stream),
        cmocka_unit_test(without_memory_for_the_quick_try_zlib_takes_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
