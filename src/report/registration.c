/*
 * The decision hidden here: what is signed is a piece of text, what is believed are elements. That they are the same is
 * made sure by allowing nothing in which one of them could hide: no comment, no section, no instruction behind the
 * declaration, and the tags of Data stand in the text once. Elsewhere a "<" cannot stand in XML.
 */
#include "report/registration.h"

#include "msg.h"
#include "report/compose.h"
#include "writer.h"

#include <stdio.h>

/* ---- the text that is signed ---- */

static bool refuse(struct error *err, const char *why)
{
    return error_refuse(err, ERROR_MALFORMED, "body", "ClientRegistrationRequest: %s", why);
}

/* Does UTF-16LE begin with that word of ASCII? */
static bool begins(struct span text, const char *word)
{
    for (; *word != '\0'; word++) {
        if (text.len < 2 || text.at[0] != *word || text.at[1] != '\0')
            return false;
        text.at += 2;
        text.len -= 2;
    }
    return true;
}

static bool ends_name(struct span text)
{
    return begins(text, ">") || begins(text, "/") || begins(text, " ") || begins(text, "\t") || begins(text, "\r") ||
           begins(text, "\n");
}

static bool opens_data(struct span text)
{
    static const char tag[] = "<Data";
    const size_t len = 2 * (sizeof tag - 1);
    return begins(text, tag) && ends_name((struct span){text.at + len, text.len - len});
}

static bool find_signed(struct span text, struct span *out, struct error *err)
{
    static const char end_tag[] = "</Data>";
    size_t begin = 0, end = 0, opened = 0, closed = 0;
    for (size_t at = 0; at + 2 <= text.len; at += 2) {
        const struct span rest = {text.at + at, text.len - at};
        if (begins(rest, "<!") || (at > 0 && begins(rest, "<?")))
            return refuse(err, "comments, sections and instructions are not taken");
        if (opens_data(rest) && opened++ == 0)
            begin = at;
        if (begins(rest, end_tag) && closed++ == 0)
            end = at + 2 * (sizeof end_tag - 1);
    }
    if (opened != 1 || closed != 1 || end <= begin)
        return refuse(err, "not one Data that ends with </Data>");
    *out = (struct span){text.at + begin, end - begin};
    return true;
}

/* ---- elements ---- */

enum node { DOCUMENT, REQUEST, DATA, CERTIFICATES, SIGNING, SIGNATURE, VALUE, NODES };

static const struct {
    const char *name;
    enum node parent;
} nodes[NODES] = {
    [DOCUMENT] = {"", NODES},
    [REQUEST] = {"ClientRegistrationRequest", DOCUMENT},
    [DATA] = {"Data", REQUEST},
    [CERTIFICATES] = {"Certificates", DATA},
    [SIGNING] = {"Signing", CERTIFICATES},
    [SIGNATURE] = {"Signature", REQUEST},
    [VALUE] = {"SignatureValue", SIGNATURE},
};

struct reading {
    struct registration *registration;
    struct arena *arena;
    enum node node;
    bool seen[NODES];
    unsigned skipped;           /* depth below the outermost element that is skipped */
    char *store;                /* of the text of Signing and SignatureValue */
    size_t stored;
    size_t begin;               /* in the store, of the element in hand */
};

static struct span attribute(const struct xml_attribute *attributes, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal(attributes[i].name, span_of(name)))
            return span_trim(attributes[i].value);
    return (struct span){"", 0};
}

static bool read_type(struct span type, bool *confirms, struct error *err)
{
    char quoted[MSG_QUOTE_ROOM];
    *confirms = span_equal_nocase(type, SPAN("Confirmation"));
    return *confirms || span_equal_nocase(type, SPAN("Registration")) ||
           error_refuse(err, ERROR_UNSUPPORTED, "body", "RequestType '%s' is neither Registration nor Confirmation",
                        msg_quote(type, quoted));
}

static bool read_data(struct reading *reading, const struct xml_attribute *attributes, size_t count, struct error *err)
{
    struct registration *registration = reading->registration;
    const struct span smsid = attribute(attributes, count, "SMSID");
    const struct span algorithm = attribute(attributes, count, "HashAlgorithm");
    return read_type(attribute(attributes, count, "RequestType"), &registration->confirms, err) &&
           ((arena_copy(reading->arena, smsid, &registration->smsid) &&
             arena_copy(reading->arena, algorithm, &registration->signature.algorithm)) ||
            arena_error(reading->arena, "limit", err));
}

static enum node find_node(enum node parent, struct span name, bool known)
{
    enum node node = REQUEST;
    while (node < NODES && !(known && nodes[node].parent == parent && span_equal(name, span_of(nodes[node].name))))
        node++;
    return node;
}

static bool on_start(void *owner, struct span name, bool known, const struct xml_attribute *attributes, size_t count,
                     unsigned line, struct error *err)
{
    struct reading *reading = owner;
    const enum node node = find_node(reading->node, name, known);
    (void)line;                 /* it is one line */
    if (reading->skipped > 0 || node == NODES) {
        reading->skipped++;
        return reading->node != DOCUMENT || refuse(err, "the root element is another");
    }
    if (reading->seen[node])
        return error_refuse(err, ERROR_MALFORMED, "body", "ClientRegistrationRequest: %s is repeated",
                            nodes[node].name);
    reading->seen[node] = true;
    reading->node = node;
    reading->begin = reading->stored;
    return node != DATA || read_data(reading, attributes, count, err);
}

static bool on_text(void *owner, struct span text, struct error *err)
{
    struct reading *reading = owner;
    (void)err;
    if (reading->skipped > 0 || (reading->node != SIGNING && reading->node != VALUE) || text.len == 0)
        return true;
    memcpy(reading->store + reading->stored, text.at, text.len);
    reading->stored += text.len;
    return true;
}

static bool on_end(void *owner, struct error *err)
{
    struct reading *reading = owner;
    struct registration *registration = reading->registration;
    (void)err;
    if (reading->skipped > 0) {
        reading->skipped--;
        return true;
    }
    const struct span text =
        span_trim((struct span){reading->store + reading->begin, reading->stored - reading->begin});
    if (reading->node == SIGNING)
        registration->certificate = text;
    else if (reading->node == VALUE)
        registration->signature.digits = text;
    reading->node = nodes[reading->node].parent;
    return true;
}

static bool check_whole(const struct reading *reading, struct error *err)
{
    for (enum node node = REQUEST; node < NODES; node++)
        if (!reading->seen[node])
            return error_refuse(err, ERROR_MALFORMED, "body", "ClientRegistrationRequest: %s is missing",
                                nodes[node].name);
    return true;
}

/* Clients write UTF-16LE; a signature over text in another encoding would be over we know not what. The text of a
 * document is not longer than it: 3 bytes of UTF-8 at most for each unit. */
bool registration_parse(struct span text, enum text_encoding encoding, const struct xml_limits *limits,
                        struct xml_reader *reader, struct arena *arena, struct registration *out, struct error *err)
{
    static const struct xml_events events = {.start = on_start, .text = on_text, .end = on_end};
    struct registration registration = {.signature = {.name = "SignatureValue"}};
    struct reading reading = {.registration = &registration, .arena = arena};
    if (text.len > REGISTRATION_MOST_BYTES)
        return error_refuse(err, ERROR_TOO_BIG, "limit", "the body has %zu bytes, a registration at most %d", text.len,
                            REGISTRATION_MOST_BYTES);
    if (encoding != TEXT_UTF16LE)
        return refuse(err, "not UTF-16LE");
    if (!find_signed(text, &registration.signed_text, err))
        return false;
    if ((reading.store = arena_alloc(arena, text.len / 2 * 3)) == NULL)
        return arena_error(arena, "limit", err);
    if (!xml_read(reader, text, encoding, limits, &events, &reading, "body", err) || !check_whole(&reading, err))
        return false;
    *out = registration;
    return true;
}

/* ---- the key ---- */

bool registration_key(const struct registration *registration, bool allow_sha1, struct signature_key **out,
                      struct error *err)
{
    struct signature_key *key;
    struct error why;
    if (!signature_key_read_certificate(registration->certificate, &key, &why))
        return why.kind == ERROR_NO_MEMORY
                   ? error_set(err, ERROR_NO_MEMORY, "%s", why.text)
                   : error_refuse(err, ERROR_MALFORMED, "body", "the certificate of Signing: %.150s", why.text);
    if (signature_check(&registration->signature, key, registration->signed_text, allow_sha1, err)) {
        *out = key;
        return true;
    }
    signature_key_close(key);
    return false;
}

/* ---- the answer ---- */

enum { TIME_SIZE = 24 };

/* 2026-11-22T12:00:00Z */
static void write_time(int64_t time, char out[TIME_SIZE])
{
    char digits[COMPOSE_TIME_SIZE];
    compose_time(time, digits);
    (void)snprintf(out, TIME_SIZE, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", digits, digits + 4, digits + 6, digits + 8,
                   digits + 10, digits + 12);
}

/* Status and ApprovalStatus: of what is neither approved nor waits for it the second is 2, not applicable. */
static const struct {
    const char *status;
    const char *approval;
} words[REGISTRATION_STATUSES] = {
    [REGISTRATION_DONE] = {"0", "1"},
    [REGISTRATION_PENDING] = {"1", "0"},
    [REGISTRATION_LATER] = {"2", "2"},
    [REGISTRATION_REJECTED] = {"3", "2"},
};

bool registration_answer(const struct registration_answer *answer, struct buffer *out, struct error *err)
{
    struct writer writer = {.out = out, .err = err, .good = true};
    char time[TIME_SIZE];
    write_time(answer->time, time);
    writer_add(&writer, "<ClientRegistrationResponse");
    writer_add_attribute(&writer, "ResponseType", answer->confirms ? SPAN("Confirmation") : SPAN("Registration"));
    writer_add_attribute(&writer, "TimeStamp", span_of(time));
    writer_add_attribute(&writer, "Status", span_of(words[answer->status].status));
    writer_add_attribute(&writer, "SMSID", answer->smsid);
    writer_add_attribute(&writer, "ApprovalStatus", span_of(words[answer->status].approval));
    writer_add(&writer, "/>");
    return writer.good;
}
