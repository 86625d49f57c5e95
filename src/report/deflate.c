/* The decision hidden here: zlib's own default level; the payloads are small and each is compressed once. */
#include "deflate.h"

#include "base/sys.h"

#include <zlib.h>

static void *allocate(void *owner, uInt count, uInt size)
{
    (void)owner;
    return sys.allocate((size_t)count * size);
}

static void release(void *owner, void *at)
{
    (void)owner;
    sys.release(at);
}

static bool write_part(z_stream *stream, struct span part, int flush, struct buffer *out, struct error *err)
{
    unsigned char piece[16 * 1024];
    stream->next_in = (z_const Bytef *)(uintptr_t)part.at;
    stream->avail_in = (uInt)part.len;
    do {
        stream->next_out = piece;
        stream->avail_out = sizeof piece;
        (void)deflate(stream, flush);       /* fails only for a stream that is not one */
        if (!buffer_add(out, piece, sizeof piece - stream->avail_out, err))
            return false;
    } while (stream->avail_out == 0);
    return true;
}

bool deflate_write(const struct span *parts, size_t count, struct buffer *out, struct error *err)
{
    z_stream stream = {.zalloc = allocate, .zfree = release};
    if (deflateInit(&stream, Z_DEFAULT_COMPRESSION) != Z_OK)
        return error_set(err, ERROR_NO_MEMORY, "no memory to compress the report");
    bool written = true;
    for (size_t i = 0; i < count && written; i++)
        written = write_part(&stream, parts[i], i + 1 == count ? Z_FINISH : Z_NO_FLUSH, out, err);
    (void)deflateEnd(&stream);              /* Z_DATA_ERROR only where we gave up ourselves */
    return written;
}
