/* The decision hidden here: what a reply says of itself, which nobody has published: the elements of a request that mean
 * something on the way back (spec/wire.md 4.2). */
#include "report/reply.h"

#include "deflate.h"
#include "writer.h"

#include <stdio.h>

#define DELIMITER "--aAbBcCdDv1234567890VxXyYzZ"

static void add_bytes(struct writer *writer, struct span bytes)
{
    writer_add_bytes(writer, bytes.at, bytes.len);
}

/* "direct:HOST:QUEUE": the queue. */
static struct span last_component(struct span address)
{
    const char *colon = address.len == 0 ? NULL : memrchr(address.at, ':', address.len);
    if (colon == NULL)
        return address;
    return (struct span){colon + 1, address.len - (size_t)(colon + 1 - address.at)};
}

static void add_msg(struct writer *writer, const struct reply *reply, size_t body_size)
{
    char body[80];
    (void)snprintf(body, sizeof body, "<Body Type=\"ByteRange\" Offset=\"0\" Length=\"%zu\"/>", body_size);
    add_bytes(writer, SPAN("\xFF\xFE"));
    writer_add(writer, "<Msg SchemaVersion=\"1.1\">");
    writer_add_element(writer, "ID", reply->id);
    writer_add_element(writer, "SourceHost", reply->source_host);
    writer_add_element(writer, "TargetAddress", reply->reply_to);
    writer_add_element(writer, "CorrelationID", reply->request_id);
    writer_add(writer, body);
    writer_add(writer, reply->raw ? "<Hooks/>" : "<Hooks><Hook3 Name=\"zlib-compress\"/></Hooks>");
    writer_add(writer, "<Payload Type=\"inline\"/>");
    writer_add_element(writer, "TargetEndpoint", last_component(reply->reply_to));
    writer_add(writer, "<ReplyMode>Reply</ReplyMode><Protocol>http</Protocol></Msg>");
}

static bool write_payload(const struct reply *reply, const struct span body[2], struct buffer *out, struct error *err)
{
    if (!reply->raw)
        return deflate_write(body, 2, out, err);
    return buffer_add(out, body[0].at, body[0].len, err) && buffer_add(out, body[1].at, body[1].len, err);
}

bool reply_write(const struct reply *reply, struct span text, struct buffer *out, struct error *err)
{
    const struct span body[2] = {text, {"\0", 2}};
    struct writer writer = {.out = out, .err = err, .good = true};
    struct buffer payload;
    buffer_init(&payload, out->most);
    writer.good = write_payload(reply, body, &payload, err);
    add_bytes(&writer, SPAN(DELIMITER "\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\n"));
    add_msg(&writer, reply, text.len + 2);
    add_bytes(&writer, SPAN("\r\n" DELIMITER "\r\ncontent-type: application/octet-stream\r\n\r\n"));
    add_bytes(&writer, buffer_span(&payload));
    add_bytes(&writer, SPAN("\r\n" DELIMITER "--"));
    buffer_fini(&payload);
    return writer.good;
}
