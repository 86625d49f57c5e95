/* Any bytes as text: pieces give what the whole gives, and there and back again is the same. The first two bytes
 * choose the sizes of the pieces. */
#include "report/smx.h"

#include "fuzz.h"

static bool same(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* As much as can be converted, in one go; false if a fault ended it. */
static bool convert_whole(enum text_encoding encoding, struct span in, struct arena *arena, struct span *out,
                          size_t *used)
{
    const size_t room = in.len * 3 + 4;
    char *at = arena_alloc(arena, room);
    struct error err;
    size_t len;
    require(at != NULL);
    const bool done = text_to_utf8(encoding, in, true, used, at, room, &len, &err);
    require(done == (*used == in.len));
    *out = (struct span){at, len};
    return done;
}

/* The same with `room` bytes at a time, and no more than `step` bytes seen ahead unless a character needs it. */
static bool convert_pieces(enum text_encoding encoding, struct span in, size_t step, size_t room, struct arena *arena,
                           struct span *out)
{
    char *at = arena_alloc(arena, in.len * 3 + 4);
    size_t pos = 0, sum = 0, ahead = step;
    require(at != NULL);
    while (pos < in.len) {
        const bool last = ahead >= in.len - pos;
        const struct span piece = {in.at + pos, last ? in.len - pos : ahead};
        struct error err;
        size_t used, len;
        char own[64];
        const bool done = text_to_utf8(encoding, piece, last, &used, own, room, &len, &err);
        require(used <= piece.len && len <= room && (done || err.kind == ERROR_MALFORMED));
        memcpy(at + sum, own, len);
        sum += len;
        pos += used;
        *out = (struct span){at, sum};
        if (!done)
            return false;
        require(used > 0 || !last);
        ahead = used > 0 ? step : ahead + 1;
    }
    return true;
}

static void check_pieces(enum text_encoding encoding, struct span in, size_t step, size_t room, struct arena *arena)
{
    struct span whole = SPAN(""), pieces = SPAN("");
    size_t used;
    const bool done = convert_whole(encoding, in, arena, &whole, &used);
    require(convert_pieces(encoding, in, step, room, arena, &pieces) == done);
    require(same(whole, pieces));
}

static void check_there_and_back(enum text_encoding encoding, struct span in, struct arena *arena)
{
    struct span utf16, utf8, direct, back;
    struct error err;
    const bool done = text_to_utf16le(encoding, in, arena, &utf16, &err);
    require(text_copy_utf8(encoding, in, arena, &direct, &err) == done);
    if (!done)
        return;
    require(text_copy_utf8(TEXT_UTF16LE, utf16, arena, &utf8, &err) && same(utf8, direct));
    require(text_to_utf16le(TEXT_UTF8, utf8, arena, &back, &err) && same(back, utf16));
    require(encoding != TEXT_UTF8 || same(utf8, in));
}

static void check_file(struct span in, struct arena *arena)
{
    struct span text, content[2];
    enum text_encoding encoding;
    struct error err;
    if (!smx_text(in, &text, &encoding, &err))
        return;
    require(text.len == 0 || (text.at >= in.at && text.at + text.len <= in.at + in.len));
    if (!smx_prepare(text, encoding, arena, content, &err))
        return;
    require(content[0].len >= 2 && memcmp(content[0].at, "\xFF\xFE", 2) == 0);
    require((content[0].len + content[1].len) % 2 == 0);
    require(encoding != TEXT_UTF16LE || same(content[1], text));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return 0;
    const size_t step = bytes[0] % 40 + 1, room = bytes[1] % 60 + 4;
    const struct span in = {(const char *)bytes + 2, size - 2};
    struct arena *arena = arena_open(256 * 1024 * 1024, NULL);
    require(arena != NULL);
    for (enum text_encoding encoding = TEXT_UTF16LE; encoding <= TEXT_UTF8; encoding++) {
        check_pieces(encoding, in, step, room, arena);
        check_there_and_back(encoding, in, arena);
    }
    check_file(in, arena);
    arena_close(arena);
    return 0;
}
