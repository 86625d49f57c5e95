/*
 * The decision hidden here: characters are decoded one by one by one strict function for all encodings; only runs of
 * ASCII, which is nearly all of a report, are converted eight bytes at a time.
 */
#include "report/text.h"

#include <assert.h>
#include <endian.h>

/* Beyond the last code point: what decode() says instead of a character. */
enum { LAST_POINT = 0x10FFFF, CUT_OFF, LONE_SURROGATE, NOT_UTF8 };

static const char *reason(uint32_t fault)
{
    switch (fault) {
    case CUT_OFF:
        return "a character is cut off at the end";
    case LONE_SURROGATE:
        return "half of a surrogate pair";
    default:
        return "not UTF-8";
    }
}

static bool starts_with(struct span bytes, const char *start, size_t len)
{
    return bytes.len >= len && memcmp(bytes.at, start, len) == 0;
}

enum text_encoding text_detect(struct span bytes, size_t *mark)
{
    *mark = 2;
    if (starts_with(bytes, "\xFF\xFE", 2))
        return TEXT_UTF16LE;
    if (starts_with(bytes, "\xFE\xFF", 2))
        return TEXT_UTF16BE;
    *mark = 3;
    if (starts_with(bytes, "\xEF\xBB\xBF", 3))
        return TEXT_UTF8;
    *mark = 0;
    if (bytes.len >= 2 && bytes.at[0] != '\0' && bytes.at[1] == '\0')
        return TEXT_UTF16LE;
    if (bytes.len >= 2 && bytes.at[0] == '\0' && bytes.at[1] != '\0')
        return TEXT_UTF16BE;
    return TEXT_UTF8;
}

/* ---- one character ---- */

static uint32_t read_unit(enum text_encoding encoding, const unsigned char *at)
{
    return encoding == TEXT_UTF16LE ? at[0] | (uint32_t)at[1] << 8 : at[1] | (uint32_t)at[0] << 8;
}

static uint32_t decode_utf16(enum text_encoding encoding, const unsigned char *at, size_t len, size_t *size)
{
    if (len < 2)
        return CUT_OFF;
    const uint32_t high = read_unit(encoding, at);
    *size = 2;
    if (high < 0xD800 || high > 0xDFFF)
        return high;
    if (high > 0xDBFF)
        return LONE_SURROGATE;
    if (len < 4)
        return CUT_OFF;
    const uint32_t low = read_unit(encoding, at + 2);
    *size = 4;
    return low >= 0xDC00 && low <= 0xDFFF ? 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00) : LONE_SURROGATE;
}

static uint32_t decode_utf8(const unsigned char *at, size_t len, size_t *size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};   /* less is overlong */
    *size = at[0] < 0x80 ? 1 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (*size == 1)
        return at[0];
    if (at[0] < 0xC2 || at[0] > 0xF4)
        return NOT_UTF8;
    uint32_t point = at[0] & (0x7Fu >> *size);
    for (size_t i = 1; i < *size; i++) {
        if (i == len)
            return CUT_OFF;
        if ((at[i] & 0xC0) != 0x80)
            return NOT_UTF8;
        point = point << 6 | (at[i] & 0x3F);
    }
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    return point < least[*size] || point > LAST_POINT || surrogate ? NOT_UTF8 : point;
}

/* The character at the start of `in`, which is not empty, and its size; or one of the faults. */
static uint32_t decode(enum text_encoding encoding, struct span in, size_t *size)
{
    const unsigned char *at = (const unsigned char *)in.at;
    return encoding == TEXT_UTF8 ? decode_utf8(at, in.len, size) : decode_utf16(encoding, at, in.len, size);
}

/* Returns the size, or 0 if it is more than `room`. */
static size_t encode_utf8(uint32_t point, char *out, size_t room)
{
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    const size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (size > room)
        return 0;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    out[0] = (char)(first[size] | point);
    return size;
}

/* ---- runs of ASCII ---- */

static uint64_t read_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

/* Each returns how many characters it converted: a multiple of its step, as far as all are ASCII. */
static size_t ascii_from_utf8(const char *in, size_t count, char *out)
{
    size_t done = 0;
    while (count - done >= 8 && (read_word(in + done) & UINT64_C(0x8080808080808080)) == 0) {
        memcpy(out + done, in + done, 8);
        done += 8;
    }
    return done;
}

static size_t ascii_from_utf16(enum text_encoding encoding, const char *in, size_t count, char *out)
{
    const unsigned down = encoding == TEXT_UTF16BE ? 8 : 0;
    const uint64_t foreign = ~(UINT64_C(0x007F007F007F007F) << down);
    size_t done = 0;
    for (; count - done >= 4; done += 4) {
        uint64_t word = read_word(in + 2 * done);
        if ((word & foreign) != 0)
            break;
        word >>= down;
        word = (word | word >> 8) & UINT64_C(0x0000FFFF0000FFFF);
        const uint32_t four = htole32((uint32_t)(word | word >> 16));
        memcpy(out + done, &four, sizeof four);
    }
    return done;
}

/* ---- whole texts ---- */

bool text_to_utf8(enum text_encoding encoding, struct span in, bool last, size_t *used, char *out, size_t room,
                  size_t *len, struct error *err)
{
    const size_t unit = encoding == TEXT_UTF8 ? 1 : 2;
    *used = 0;
    *len = 0;
    while (*used < in.len) {
        const size_t left = (in.len - *used) / unit;
        const size_t most = left < room - *len ? left : room - *len;
        const size_t run = unit == 1 ? ascii_from_utf8(in.at + *used, most, out + *len)
                                     : ascii_from_utf16(encoding, in.at + *used, most, out + *len);
        *used += run * unit;
        *len += run;
        if (*used == in.len)
            break;
        size_t size = 0;
        const uint32_t point = decode(encoding, (struct span){in.at + *used, in.len - *used}, &size);
        if (point == CUT_OFF && !last)
            break;
        if (point > LAST_POINT)
            return error_set(err, ERROR_MALFORMED, "%s", reason(point));
        const size_t written = encode_utf8(point, out + *len, room - *len);
        if (written == 0)
            break;
        *used += size;
        *len += written;
    }
    return true;
}

static bool count_units(enum text_encoding encoding, struct span in, size_t *units, struct error *err)
{
    size_t count = 0;
    for (size_t pos = 0, size = 0; pos < in.len; pos += size) {
        const uint32_t point = decode(encoding, (struct span){in.at + pos, in.len - pos}, &size);
        if (point > LAST_POINT)
            return error_set(err, ERROR_MALFORMED, "byte %zu: %s", pos, reason(point));
        count += point < 0x10000 ? 1 : 2;
    }
    *units = count;
    return true;
}

static void write_unit(char *out, uint32_t unit)
{
    out[0] = (char)(unit & 0xFF);
    out[1] = (char)(unit >> 8);
}

size_t text_write_utf16le(uint32_t point, char out[4])
{
    if (point < 0x10000) {
        write_unit(out, point);
        return 2;
    }
    point -= 0x10000;
    write_unit(out, 0xD800 + (point >> 10));
    write_unit(out + 2, 0xDC00 + (point & 0x3FF));
    return 4;
}

uint32_t text_first(struct span utf8, size_t *size)
{
    const uint32_t point = decode(TEXT_UTF8, utf8, size);
    if (point <= LAST_POINT)
        return point;
    *size = 1;
    return TEXT_REPLACEMENT;
}

/* `in` has been checked by count_units and `out` has room for what it counted. */
static void write_utf16le(enum text_encoding encoding, struct span in, char *out)
{
    for (size_t pos = 0, size = 0; pos < in.len; pos += size)
        out += text_write_utf16le(decode(encoding, (struct span){in.at + pos, in.len - pos}, &size), out);
}

bool text_to_utf16le(enum text_encoding encoding, struct span in, struct arena *arena, struct span *out,
                     struct error *err)
{
    size_t units = 0;
    if (!count_units(encoding, in, &units, err))
        return false;
    if (encoding == TEXT_UTF16LE) {
        *out = in;
        return true;
    }
    char *at = arena_alloc(arena, units * 2);
    if (at == NULL)
        return arena_error(arena, "limit", err);
    write_utf16le(encoding, in, at);
    *out = (struct span){at, units * 2};
    return true;
}

static bool measure_utf8(enum text_encoding encoding, struct span in, size_t *len, struct error *err)
{
    char piece[1024];
    size_t sum = 0, used = 0, written = 0;
    for (size_t pos = 0; pos < in.len; pos += used) {
        const struct span rest = {in.at + pos, in.len - pos};
        if (!text_to_utf8(encoding, rest, true, &used, piece, sizeof piece, &written, err)) {
            const struct error why = *err;
            return error_set(err, why.kind, "byte %zu: %s", pos + used, why.text);
        }
        sum += written;
    }
    *len = sum;
    return true;
}

bool text_copy_utf8(enum text_encoding encoding, struct span in, struct arena *arena, struct span *out,
                    struct error *err)
{
    size_t len = 0, used = 0;
    if (!measure_utf8(encoding, in, &len, err))
        return false;
    char *at = arena_alloc(arena, len);
    if (at == NULL)
        return arena_error(arena, "limit", err);
    const bool converted = text_to_utf8(encoding, in, true, &used, at, len, &len, err);
    assert(converted && used == in.len);    /* it was measured by the same function */
    *out = (struct span){at, len};
    return true;
}
