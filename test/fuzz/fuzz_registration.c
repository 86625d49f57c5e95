/* Registrations: what is read of one is what stands in the bytes that are signed, and nothing else; who did not sign is not
 * believed; and an answer to it is a sound message, whatever it is called. The first byte says whether the rest is UTF-8
 * that is made UTF-16LE, or UTF-16LE itself. */
#include "report/registration.h"

#include "fuzz.h"
#include "report/envelope.h"
#include "report/reply.h"

#include <string.h>

enum { MOST = 64 * 1024, ROOM = 8 * 1024 * 1024 };

static const struct xml_limits limits = {.depth = 16, .tag_bytes = 4096};

static struct span wide(const char *text, struct arena *arena)
{
    struct span out;
    struct error err;
    require(text_to_utf16le(TEXT_UTF8, span_of(text), arena, &out, &err));
    return out;
}

static bool parse(struct span text, struct arena *arena, struct registration *out, struct error *err)
{
    return registration_parse(text, TEXT_UTF16LE, &limits, fuzz_reader(), arena, out, err);
}

static void check_refused(const struct error *err)
{
    require(err->kind == ERROR_MALFORMED || err->kind == ERROR_UNSUPPORTED || err->kind == ERROR_TOO_BIG);
    require(err->rule != NULL && err->text[0] != '\0');
}

/* ---- what is read is what is signed ---- */

static void add(struct buffer *out, struct span bytes)
{
    struct error err;
    require(buffer_add(out, bytes.at, bytes.len, &err));
}

/* Alone in a request, the signed text says the same. */
static void check_signed(const struct registration *registration, struct arena *arena)
{
    struct registration again;
    struct buffer alone;
    struct error err;
    buffer_init(&alone, 4 * MOST);
    add(&alone, wide("<ClientRegistrationRequest>", arena));
    add(&alone, registration->signed_text);
    add(&alone, wide("<Signature><SignatureValue/></Signature></ClientRegistrationRequest>", arena));
    require(parse(buffer_span(&alone), arena, &again, &err));
    require(again.confirms == registration->confirms && span_equal(again.smsid, registration->smsid));
    require(span_equal(again.certificate, registration->certificate));
    require(span_equal(again.signature.algorithm, registration->signature.algorithm));
    require(span_equal(again.signed_text, registration->signed_text));
    buffer_fini(&alone);
}

static bool has_key(const struct registration *registration, struct error *err)
{
    struct signature_key *key;
    if (!registration_key(registration, true, &key, err))
        return false;
    signature_key_close(key);
    return true;
}

/* Where one is good, it is so for nothing else. */
static void check_key(const struct registration *registration, struct arena *arena)
{
    struct error err = {.kind = ERROR_NONE};
    struct registration changed = *registration;
    if (!has_key(registration, &err)) {
        require(err.kind == ERROR_MALFORMED || err.kind == ERROR_UNTRUSTED);
        require(err.rule != NULL && err.text[0] != '\0');
        return;
    }
    require(arena_copy(arena, registration->signed_text, &changed.signed_text));
    ((char *)(uintptr_t)changed.signed_text.at)[10] ^= 1;
    require(!has_key(&changed, &err) && err.kind == ERROR_UNTRUSTED);
}

/* ---- the answer ---- */

static void check_reply(struct span name, struct arena *arena)
{
    const struct envelope_limits envelope = {
        .xml = limits, .msg = MOST, .inflated = MOST, .properties = 8, .ratio = 100};
    const struct registration_answer answer = {.smsid = name};
    const struct reply reply = {SPAN("{1}"), name, name, SPAN("mp"), name.len % 2 == 0};
    struct message message = {.id = {"", 0}};
    struct envelope_type type;
    struct buffer text, body;
    struct error err;
    buffer_init(&text, MOST);
    buffer_init(&body, MOST);
    require(registration_answer(&answer, &text, &err) && reply_write(&reply, buffer_span(&text), &body, &err));
    require(envelope_type(SPAN(REPLY_CONTENT_TYPE), &type, &err));
    (void)!envelope_begin(buffer_span(&body), span_of(type.boundary), &envelope, fuzz_reader(), arena, &message, &err);
    require(span_equal(message.id, SPAN("{1}")) && span_equal(message.reply_mode, SPAN("Reply")));
    buffer_fini(&text);
    buffer_fini(&body);
}

/* ---- one input ---- */

static struct span text_of(const uint8_t *bytes, size_t size, struct arena *arena)
{
    struct span text = {(const char *)bytes + 1, (size - 1) / 2 * 2};
    struct error err;
    if ((bytes[0] & 1) == 0 &&
        !text_to_utf16le(TEXT_UTF8, (struct span){(const char *)bytes + 1, size - 1}, arena, &text, &err))
        text = SPAN("");
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static bool begun;
    struct registration registration;
    struct error err;
    if (size == 0 || size > MOST)
        return 0;
    require(begun || signature_init(&err));
    begun = true;
    struct arena *arena = arena_open(ROOM, NULL);
    require(arena != NULL);
    const struct span text = text_of(bytes, size, arena);
    if (parse(text, arena, &registration, &err)) {
        require(registration.signed_text.at >= text.at);
        require(registration.signed_text.at + registration.signed_text.len <= text.at + text.len);
        check_signed(&registration, arena);
        check_key(&registration, arena);
        if (registration.smsid.len <= 1000)
            check_reply(registration.smsid, arena);
    } else {
        check_refused(&err);
    }
    arena_close(arena);
    return 0;
}
