/*
 * The decision hidden here: the order in which a request is judged (spec/wire.md 4), so that each request is refused
 * for its first fault and nothing is inflated that would be refused anyway.
 */
#include "report/envelope.h"

#include "inflate.h"
#include "msg.h"
#include "multipart.h"
#include "report/smx.h"

#include <stdio.h>

enum { JUNK = 64 };     /* bytes that senders leave between and behind the items (wire.md 2.2) */

/* ---- what the HTTP headers say ---- */

bool envelope_type(struct span content_type, struct envelope_type *out, struct error *err)
{
    static const char *const plain[] = {"application/xml", "text/xml", "application/octet-stream"};
    struct envelope_type type = {.form = ENVELOPE_PLAIN};
    char quoted[MSG_QUOTE_ROOM];
    const char *semicolon = content_type.len > 0 ? memchr(content_type.at, ';', content_type.len) : NULL;
    const size_t len = semicolon != NULL ? (size_t)(semicolon - content_type.at) : content_type.len;
    const struct span media = span_trim((struct span){content_type.at, len});

    if (span_equal_nocase(media, SPAN("multipart/mixed"))) {
        type.form = ENVELOPE_MULTIPART;
        if (!multipart_boundary((struct span){content_type.at + len, content_type.len - len}, type.boundary, err))
            return false;
        *out = type;
        return true;
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (span_equal_nocase(media, span_of(plain[i]))) {
            *out = type;
            return true;
        }
    }
    return error_refuse(err, ERROR_UNSUPPORTED, "http", "Content-Type '%s' is not taken", msg_quote(media, quoted));
}

bool envelope_coding(struct span content_encoding, enum envelope_form form, enum envelope_coding *out,
                     struct error *err)
{
    static const struct {
        const char *name;
        enum envelope_coding coding;
    } codings[] = {
        {"", ENVELOPE_IDENTITY}, {"identity", ENVELOPE_IDENTITY}, {"gzip", ENVELOPE_GZIP},
        {"x-gzip", ENVELOPE_GZIP}, {"deflate", ENVELOPE_DEFLATE},
    };
    char quoted[MSG_QUOTE_ROOM];
    const struct span name = span_trim(content_encoding);
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        if (!span_equal_nocase(name, span_of(codings[i].name)))
            continue;
        if (form == ENVELOPE_MULTIPART && codings[i].coding != ENVELOPE_IDENTITY)
            break;
        *out = codings[i].coding;
        return true;
    }
    return error_refuse(err, ERROR_UNSUPPORTED, "http", "Content-Encoding '%s' is not taken%s", msg_quote(name, quoted),
                        form == ENVELOPE_MULTIPART ? " with multipart/mixed" : "");
}

/* ---- part 1 ---- */

static bool is_padding(char c)
{
    return c == '\0' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without byte order mark and without the NULs and white space behind it. */
static struct span strip(struct span part, enum text_encoding *encoding)
{
    size_t mark;
    *encoding = text_detect(part, &mark);
    struct span text = {part.at + mark, part.len - mark};
    if (*encoding == TEXT_UTF8) {
        while (text.len > 0 && is_padding(text.at[text.len - 1]))
            text.len--;
        return text;
    }
    if (text.len % 2 != 0 && text.at[text.len - 1] == '\0')
        text.len--;
    const size_t low = *encoding == TEXT_UTF16LE ? 2 : 1;   /* counted from the end of a unit */
    while (text.len % 2 == 0 && text.len > 0 && is_padding(text.at[text.len - low]) &&
           text.at[text.len - (3 - low)] == '\0')
        text.len -= 2;
    return text;
}

static bool check_size(struct span part, struct span text, size_t most, struct error *err)
{
    if (part.len > most)
        return error_refuse(err, ERROR_TOO_BIG, "limit", "part 1 has %zu bytes, more than %zu (max-msg)", part.len,
                            most);
    return text.len > 0 || error_refuse(err, ERROR_MALFORMED, "envelope", "part 1 is empty");
}

static bool check_endpoint(struct message *message, const struct msg *msg, const struct envelope_limits *limits,
                           struct error *err)
{
    char quoted[MSG_QUOTE_ROOM];
    if (message->endpoint.len == 0)
        return error_refuse(err, ERROR_NO_ENDPOINT, "endpoint", "TargetEndpoint is missing");
    message->registers = limits->registration && span_equal_nocase(message->endpoint, SPAN("MP_ClientRegistration"));
    if (!message->registers && !span_equal_nocase(message->endpoint, SPAN("MP_RelayEndpoint")))
        return error_refuse(err, ERROR_NO_ENDPOINT, "endpoint", "TargetEndpoint '%s' is not served",
                            msg_quote(message->endpoint, quoted));
    if (limits->check_target_host && !span_equal_nocase(msg->target_host, limits->target_host))
        return error_refuse(err, ERROR_NO_ENDPOINT, "endpoint", "TargetHost '%s' is not this host",
                            msg_quote(msg->target_host, quoted));
    return true;
}

/* Hooks and Payload: what was done to part 2, and whether it is there at all. */
static bool check_transport(const struct msg *msg, struct error *err)
{
    char quoted[MSG_QUOTE_ROOM];
    if (msg->strange_hook.len > 0)
        return error_refuse(err, ERROR_UNSUPPORTED, "hook", "hook %s is not known",
                            msg_quote(msg->strange_hook, quoted));
    if (msg->payload_type.len > 0 && !span_equal_nocase(msg->payload_type, SPAN("inline")))
        return error_refuse(err, ERROR_UNSUPPORTED, "body", "Payload: Type '%s' is not inline",
                            msg_quote(msg->payload_type, quoted));
    return true;
}

/* Who registers wants an answer, and signs in the body: nobody knows the key yet that a hook could be checked with. */
static bool check_registration(const struct message *message, const struct msg *msg, struct error *err)
{
    static const char *const modes[] = {"Sync", "Reply", "DirectSync"};
    bool waits = !message->registers;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        waits = waits || span_equal_nocase(message->reply_mode, span_of(modes[i]));
    if (!waits)
        return error_refuse(err, ERROR_UNSUPPORTED, "envelope", "a registration needs ReplyMode Sync");
    return !message->registers || !msg->clientauth ||
           error_refuse(err, ERROR_UNSUPPORTED, "hook", "hook Hook2 'clientauth' is not taken in a registration");
}

/* ---- part 2 ---- */

static size_t item_end(const struct msg_item *item)
{
    uint64_t end;
    return __builtin_add_overflow(item->offset, item->length, &end) || end > SIZE_MAX - JUNK ? SIZE_MAX - JUNK
                                                                                             : (size_t)end;
}

static size_t expected_size(const struct msg *msg)
{
    size_t size = item_end(&msg->body);
    for (size_t i = 0; i < msg->attachment_count; i++)
        if (item_end(&msg->attachments[i]) > size)
            size = item_end(&msg->attachments[i]);
    return size + JUNK;
}

static bool undo_hooks(struct span part, const struct msg *msg, const struct envelope_limits *limits,
                       struct arena *arena, struct span *payload, struct error *err)
{
    const struct inflate_options options = {
        .format = INFLATE_ZLIB,
        .most = limits->inflated,
        .ratio = limits->ratio,
        .expected = expected_size(msg),
    };
    *payload = part;
    return !msg->zlib || inflate_whole(part, &options, arena, payload, err);
}

static bool check_item(const struct msg_item *item, size_t size, const char *name, struct error *err)
{
    if (!item->placed)
        return error_refuse(err, ERROR_MALFORMED, "body", "%s: Offset or Length is missing or not a number", name);
    if (item->length > size || item->offset > size - item->length)
        return error_refuse(err, ERROR_MALFORMED, "body",
                            "%s: Offset %llu and Length %llu are beyond the %zu bytes of the payload", name,
                            (unsigned long long)item->offset, (unsigned long long)item->length, size);
    return true;
}

/* Both lie within the payload, so nothing can overflow. */
static bool overlap(const struct msg_item *a, const struct msg_item *b)
{
    return a->offset < b->offset + b->length && b->offset < a->offset + a->length;
}

/* Each against the body and the attachments before it: at most max-attachments squared. */
static bool check_attachments(const struct msg *msg, size_t size, struct error *err)
{
    for (size_t i = 0; i < msg->attachment_count; i++) {
        const struct msg_item *item = &msg->attachments[i];
        if (!check_item(item, size, "Attachment", err))
            return false;
        bool overlaps = overlap(item, &msg->body);
        for (size_t k = 0; k < i; k++)
            overlaps = overlaps || overlap(item, &msg->attachments[k]);
        if (overlaps)
            return error_refuse(err, ERROR_MALFORMED, "body", "attachment %zu overlaps another item", i + 1);
    }
    return true;
}

static bool read_text(struct span body, struct message *message, struct error *err)
{
    return smx_text(body, &message->text, &message->encoding, err) &&
           (message->text.len > 0 || error_refuse(err, ERROR_MALFORMED, "body", "the body is empty"));
}

static bool cut_body(struct span payload, const struct msg *msg, struct message *message, struct error *err)
{
    char quoted[MSG_QUOTE_ROOM];
    if (!msg->has_body)
        return error_refuse(err, ERROR_MALFORMED, "body", "Msg has no Body");
    if (msg->body_type.len > 0 && !span_equal_nocase(msg->body_type, SPAN("ByteRange")))
        return error_refuse(err, ERROR_UNSUPPORTED, "body", "Body: Type '%s' is not ByteRange",
                            msg_quote(msg->body_type, quoted));
    if (!check_item(&msg->body, payload.len, "Body", err) || !check_attachments(msg, payload.len, err))
        return false;
    if (msg->body.length == 0)
        return error_refuse(err, ERROR_MALFORMED, "body", "Body: Length is 0");
    return read_text((struct span){payload.at + msg->body.offset, (size_t)msg->body.length}, message, err);
}

/* ---- is it a state message? ---- */

struct scan {
    const char *at;
    const char *end;
    size_t width;           /* of a unit */
    enum text_encoding encoding;
};

static size_t encode(const struct scan *scan, const char *word, char out[40])
{
    const size_t low = scan->encoding == TEXT_UTF16BE ? 1 : 0;
    size_t len = 0;
    for (; *word != '\0'; word++, len += scan->width) {
        out[len] = out[len + scan->width - 1] = '\0';
        out[len + low] = *word;
    }
    return len;
}

static bool scan_word(struct scan *scan, const char *word)
{
    char encoded[40];
    const size_t len = encode(scan, word, encoded);
    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, encoded, len) != 0)
        return false;
    scan->at += len;
    return true;
}

/* Goes on behind the next `word`. A hit between two units is none. */
static bool scan_to(struct scan *scan, const char *word)
{
    char encoded[40];
    const size_t len = encode(scan, word, encoded);
    const char *hit = scan->at;
    while ((hit = memmem(hit, (size_t)(scan->end - hit), encoded, len)) != NULL) {
        if ((size_t)(hit - scan->at) % scan->width == 0) {
            scan->at = hit + len;
            return true;
        }
        hit++;
    }
    return false;
}

static bool scan_blank(struct scan *scan)
{
    return scan_word(scan, " ") || scan_word(scan, "\r") || scan_word(scan, "\n") || scan_word(scan, "\t");
}

static bool at_name_end(struct scan scan)
{
    return scan_blank(&scan) || scan_word(&scan, ">") || scan_word(&scan, "/");
}

/* What may stand before the root element: blanks, the declaration, comments. */
static bool scan_misc(struct scan *scan)
{
    return scan_blank(scan) || (scan_word(scan, "<?") && scan_to(scan, "?>")) ||
           (scan_word(scan, "<!--") && scan_to(scan, "-->"));
}

static bool scan_to_element(struct scan *scan, const char *start)
{
    while (scan_to(scan, start))
        if (at_name_end(*scan))
            return true;
    return false;
}

/* A look, no parse: whether it is a good report is the report's own affair. */
static bool looks_like_report(struct span text, enum text_encoding encoding)
{
    struct scan scan = {text.at, text.at + text.len, encoding == TEXT_UTF8 ? 1 : 2, encoding};
    while (scan_misc(&scan))
        continue;
    return scan_word(&scan, "<Report") && at_name_end(scan) && scan_to_element(&scan, "<ReportBody") &&
           scan_to_element(&scan, "<StateMessage");
}

static bool check_file_type(struct message *message, const struct envelope_limits *limits, struct error *err)
{
    char quoted[MSG_QUOTE_ROOM];
    if (span_equal_nocase(message->file_type, SPAN("SMX"))) {
        message->file_type = SPAN("SMX");
        return true;
    }
    if (message->file_type.len > 0)
        return error_refuse(err, ERROR_UNSUPPORTED, "filetype", "FileType '%s' is not SMX",
                            msg_quote(message->file_type, quoted));
    if (!limits->guess_file_type)
        return error_refuse(err, ERROR_UNSUPPORTED, "filetype", "FileType is missing");
    if (!looks_like_report(message->text, message->encoding))
        return error_refuse(err, ERROR_UNSUPPORTED, "filetype",
                            "FileType is missing and the body is no Report with a StateMessage");
    message->file_type = SPAN("SMX");
    message->guessed = true;
    return true;
}

/* ---- the whole ---- */

bool envelope_begin(struct span http_body, struct span boundary, const struct envelope_limits *limits,
                    struct xml_reader *reader, struct arena *arena, struct message *out, struct error *err)
{
    struct span parts[MULTIPART_PARTS];
    enum text_encoding encoding;
    if (!multipart_split(http_body, boundary, parts, err))
        return false;
    struct msg *msg = arena_alloc(arena, sizeof *msg);
    if (msg == NULL)
        return arena_error(arena, "limit", err);
    out->payload = parts[1];
    out->msg = msg;
    const struct span text = strip(parts[0], &encoding);
    return check_size(parts[0], text, limits->msg, err) &&
           msg_parse(text, encoding, limits, reader, arena, out, msg, err) && check_endpoint(out, msg, limits, err) &&
           check_transport(msg, err) && check_registration(out, msg, err);
}

bool envelope_finish(const struct envelope_limits *limits, struct arena *arena, struct message *message,
                     struct error *err)
{
    struct span payload;
    return undo_hooks(message->payload, message->msg, limits, arena, &payload, err) &&
           cut_body(payload, message->msg, message, err) &&
           (message->registers || check_file_type(message, limits, err));
}

bool envelope_open(struct span http_body, struct span boundary, const struct envelope_limits *limits,
                   struct xml_reader *reader, struct arena *arena, struct message *out, struct error *err)
{
    return envelope_begin(http_body, boundary, limits, reader, arena, out, err) &&
           envelope_finish(limits, arena, out, err);
}

/* Lengths go before the names, so that no two messages are the same when they are put together. Part 1 is not signed:
 * who sends another's part 2 on cut otherwise has sent another message. */
bool envelope_hash(const struct message *message, unsigned char out[SIGNATURE_HASH_SIZE], struct error *err)
{
    const struct msg *msg = message->msg;
    char head[120];
    (void)snprintf(head, sizeof head, "%zu %zu %d %llu %llu ", message->source_id.len, message->id.len, msg->zlib,
                   (unsigned long long)msg->body.offset, (unsigned long long)msg->body.length);
    const struct span parts[] = {span_of(head), message->source_id, message->id, message->payload};
    return signature_hash(parts, sizeof parts / sizeof parts[0], out, err);
}

bool envelope_open_plain(struct span http_body, enum envelope_coding coding, const struct envelope_limits *limits,
                         struct arena *arena, struct message *out, struct error *err)
{
    const struct inflate_options options = {
        .format = coding == ENVELOPE_GZIP ? INFLATE_GZIP : INFLATE_ZLIB,
        .most = limits->inflated,
        .ratio = limits->ratio,
    };
    struct span body = http_body;
    out->payload = http_body;
    out->file_type = SPAN("SMX");
    if (coding != ENVELOPE_IDENTITY && !inflate_whole(http_body, &options, arena, &body, err))
        return false;
    return read_text(body, out, err);
}
