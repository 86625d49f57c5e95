/* The decision hidden here: the order of elements, which is the SDK's (spec/wire.md 2.1). */
#include "report/outgoing.h"

#include "deflate.h"

#include <stdio.h>

#define DELIMITER "--aAbBcCdDv1234567890VxXyYzZ"

static bool add(struct buffer *out, struct span text, struct error *err)
{
    return buffer_add(out, text.at, text.len, err);
}

/* The envelope is UTF-16; all that is ours is ASCII, and so must be the caller's names. */
static bool add_wide(struct buffer *out, struct span text, struct error *err)
{
    for (size_t i = 0; i < text.len; i++) {
        const char unit[2] = {text.at[i], 0};
        if (text.at[i] < ' ' || text.at[i] > '~')
            return error_set(err, ERROR_MALFORMED, "'%.*s': a host name or identifier must be printable ASCII",
                             (int)text.len, text.at);
        if (!buffer_add(out, unit, 2, err))
            return false;
    }
    return true;
}

static bool add_escaped(struct buffer *out, struct span text, struct error *err)
{
    for (size_t i = 0; i < text.len; i++) {
        struct span unit = {text.at + i, 1};
        if (text.at[i] == '<')
            unit = SPAN("&lt;");
        if (text.at[i] == '>')
            unit = SPAN("&gt;");        /* "]]>" is not allowed in text */
        if (text.at[i] == '&')
            unit = SPAN("&amp;");
        if (!add_wide(out, unit, err))
            return false;
    }
    return true;
}

static bool add_element(struct buffer *out, struct span start, struct span value, struct span end, struct error *err)
{
    return add_wide(out, start, err) && add_escaped(out, value, err) && add_wide(out, end, err);
}

/* Both are taken down before they are written wide. */
static bool add_digits(struct buffer *out, const struct outgoing *outgoing, struct span payload, struct error *err)
{
    struct buffer digits;
    buffer_init(&digits, 4 * (size_t)SIGNATURE_MOST_BITS);
    bool added =
        signature_key_write_blob(signature_signer_key(outgoing->signer), &digits, err) &&
        add_element(out, SPAN("<Property Name=\"PublicKey\">"), buffer_span(&digits), SPAN("</Property>"), err);
    digits.len = 0;
    added =
        added && signature_make(outgoing->signer, payload, &digits, err) &&
        add_element(out, SPAN("<Property Name=\"PayloadSignature\">"), buffer_span(&digits), SPAN("</Property>"), err);
    buffer_fini(&digits);
    return added;
}

/* As clients send it (wire.md 3.1), without ClientIDSignature: that says nothing of the message. */
static bool add_clientauth(struct buffer *out, const struct outgoing *outgoing, struct span payload, struct error *err)
{
    return add_element(out, SPAN("<Hook2 Name=\"clientauth\"><Property Name=\"AuthSenderMachine\">"),
                       outgoing->source_host, SPAN("</Property>"), err) &&
           add_digits(out, outgoing, payload, err) &&
           add_wide(
               out,
               SPAN(
                   "<Property Name=\"ClientCapabilities\">NonSSL</Property><Property Name=\"HashAlgorithm\">" SIGNATURE_SHA256
                   "</Property></Hook2>"),
               err);
}

static bool add_msg(struct buffer *out, const struct outgoing *outgoing, size_t body_len, struct span payload,
                    struct error *err)
{
    char body[80];
    (void)snprintf(body, sizeof body, "<Body Type=\"ByteRange\" Offset=\"0\" Length=\"%zu\"/>", body_len);
    return buffer_add(out, "\xFF\xFE", 2, err) && add_wide(out, SPAN("<Msg SchemaVersion=\"1.1\">"), err) &&
           add_element(out, SPAN("<ID>"), outgoing->id, SPAN("</ID>"), err) &&
           add_element(out, SPAN("<SourceID>"), outgoing->source_id, SPAN("</SourceID>"), err) &&
           add_element(out, SPAN("<SourceHost>"), outgoing->source_host, SPAN("</SourceHost>"), err) &&
           add_wide(out, SPAN("<TargetAddress>mp:mp_relayendpoint</TargetAddress>"), err) &&
           add_element(out, SPAN("<ReplyTo>direct:"), outgoing->source_host, SPAN(":StateMessage</ReplyTo>"), err) &&
           add_wide(out,
                    SPAN("<CorrelationID>{00000000-0000-0000-0000-000000000000}</CorrelationID>"
                         "<Priority>0</Priority><Timeout>600</Timeout>"),
                    err) &&
           add_element(out, SPAN("<SentTime>"), outgoing->sent_time, SPAN("</SentTime>"), err) &&
           add_wide(out, span_of(body), err) &&
           add_wide(out, SPAN("<Property Name=\"FileType\" Value=\"SMX\"/><Hooks><Hook3 Name=\"zlib-compress\"/>"),
                    err) &&
           (outgoing->signer == NULL || add_clientauth(out, outgoing, payload, err)) &&
           add_wide(out, SPAN("</Hooks><Payload Type=\"inline\"/>"), err) &&
           add_element(out, SPAN("<TargetHost>"), outgoing->target_host, SPAN("</TargetHost>"), err) &&
           add_wide(out,
                    SPAN("<TargetEndpoint>MP_RelayEndpoint</TargetEndpoint><ReplyMode>Async</ReplyMode>"
                         "<Protocol>http</Protocol></Msg>"),
                    err);
}

static bool add_parts(struct buffer *out, const struct outgoing *outgoing, size_t body_len, struct span payload,
                      struct error *err)
{
    return add(out, SPAN(DELIMITER "\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\n"), err) &&
           add_msg(out, outgoing, body_len, payload, err) &&
           add(out, SPAN("\r\n" DELIMITER "\r\ncontent-type: application/octet-stream\r\n\r\n"), err) &&
           add(out, payload, err) && add(out, SPAN("\r\n" DELIMITER "--"), err);
}

/* What is signed is part 2 as it is sent, and the signature stands before it. */
bool outgoing_write(const struct outgoing *outgoing, struct span text, struct buffer *out, struct error *err)
{
    const struct span body[2] = {text, {"\0", 2}};
    struct buffer payload;
    buffer_init(&payload, out->most);
    const bool written = deflate_write(body, 2, &payload, err) &&
                         add_parts(out, outgoing, text.len + 2, buffer_span(&payload), err);
    buffer_fini(&payload);
    return written;
}
