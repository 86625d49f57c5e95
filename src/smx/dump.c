/* The decision hidden here: how much of HTTP is needed to look into a recorded request. */
#include "dump.h"

static struct span take_line(struct span *rest)
{
    const char *end = memchr(rest->at, '\n', rest->len);
    struct span line = {rest->at, end == NULL ? rest->len : (size_t)(end - rest->at)};
    const size_t used = end == NULL ? rest->len : line.len + 1;
    rest->at += used;
    rest->len -= used;
    return span_trim(line);
}

bool dump_is_request(struct span bytes)
{
    if (bytes.len == 0)                 /* and perhaps nowhere */
        return false;
    const struct span line = take_line(&bytes);
    const char *version = memmem(line.at, line.len, " HTTP/1.", 8);
    return version != NULL && memchr(line.at, '/', line.len) != NULL && line.at[0] >= 'A' && line.at[0] <= 'Z';
}

static bool read_size(struct span line, size_t *out)
{
    size_t size = 0;
    size_t digits = 0;
    for (; digits < line.len && digits < 8; digits++) {
        const char c = line.at[digits];
        const int value = c >= '0' && c <= '9'                 ? c - '0'
                          : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                               : -1;
        if (value < 0)
            break;
        size = size * 16 + (size_t)value;
    }
    *out = size;
    return digits > 0;
}

/* Chunks, put one behind the other. */
static bool join_chunks(struct span rest, struct arena *arena, struct span *out, struct error *err)
{
    size_t size;
    char *joined = arena_alloc(arena, rest.len);
    size_t len = 0;
    if (joined == NULL)
        return arena_error(arena, "limit", err);
    while (read_size(take_line(&rest), &size)) {
        if (size > rest.len)
            break;
        if (size == 0) {
            *out = (struct span){joined, len};
            return true;
        }
        memcpy(joined + len, rest.at, size);
        len += size;
        rest.at += size;
        rest.len -= size;
        (void)take_line(&rest);
    }
    return error_refuse(err, ERROR_MALFORMED, "http", "the last chunk of the body is missing");
}

bool dump_read(struct span bytes, struct arena *arena, struct dump *out, struct error *err)
{
    struct dump dump = {.request_line = take_line(&bytes), .content_encoding = {"", 0}, .content_type = {"", 0}};
    bool chunked = false;
    uint64_t length = UINT64_MAX;
    for (struct span line; (line = take_line(&bytes)).len > 0;) {
        const char *colon = memchr(line.at, ':', line.len);
        if (colon == NULL)
            return error_refuse(err, ERROR_MALFORMED, "http", "a header line has no colon");
        const struct span name = {line.at, (size_t)(colon - line.at)};
        const struct span value = span_trim((struct span){colon + 1, line.len - name.len - 1});
        if (span_equal_nocase(name, SPAN("Content-Type")))
            dump.content_type = value;
        else if (span_equal_nocase(name, SPAN("Content-Encoding")))
            dump.content_encoding = value;
        else if (span_equal_nocase(name, SPAN("Transfer-Encoding")))
            chunked = span_equal_nocase(value, SPAN("chunked"));
        else if (span_equal_nocase(name, SPAN("Content-Length")) && !span_to_uint64(value, &length))
            return error_refuse(err, ERROR_MALFORMED, "http", "Content-Length is not a number");
    }
    dump.body = bytes;
    if (chunked && !join_chunks(bytes, arena, &dump.body, err))
        return false;
    if (!chunked && length != UINT64_MAX && length > bytes.len)
        return error_refuse(err, ERROR_MALFORMED, "http", "the body has %zu bytes, Content-Length says %llu", bytes.len,
                            (unsigned long long)length);
    if (!chunked && length < bytes.len)
        dump.body.len = (size_t)length;
    *out = dump;
    return true;
}
