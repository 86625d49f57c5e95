/*
 * The decision hidden here: <Msg> is read by place. Elements are known only where they belong (children of Msg, hooks
 * of Hooks, properties of a hook); everything else is skipped with all that is in it. Text that is wanted gathers in
 * one store as long as the document could make it, so nothing is moved or counted twice.
 */
#include "msg.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* Elements of Msg that may stand there once. The text of the first ones is kept. */
enum single {
    SINGLE_ID,
    SINGLE_SOURCE_ID,
    SINGLE_SOURCE_HOST,
    SINGLE_ENDPOINT,
    SINGLE_REPLY_MODE,
    SINGLE_TARGET_HOST,
    SINGLE_REPLY_TO,
    SINGLES_KEPT,
    SINGLE_BODY = SINGLES_KEPT,
    SINGLE_PAYLOAD,
    SINGLE_HOOKS,
    SINGLE_SOURCE_TYPE,
    SINGLE_TARGET_ADDRESS,
    SINGLE_CORRELATION_ID,
    SINGLE_PRIORITY,
    SINGLE_TIMEOUT,
    SINGLE_REQ_VERSION,
    SINGLE_REPLY_CAPABILITIES,
    SINGLE_SENT_TIME,
    SINGLE_PROTOCOL,
    SINGLES
};

static const char *const single_names[SINGLES] = {
    [SINGLE_ID] = "ID",
    [SINGLE_SOURCE_ID] = "SourceID",
    [SINGLE_SOURCE_HOST] = "SourceHost",
    [SINGLE_ENDPOINT] = "TargetEndpoint",
    [SINGLE_REPLY_MODE] = "ReplyMode",
    [SINGLE_TARGET_HOST] = "TargetHost",
    [SINGLE_BODY] = "Body",
    [SINGLE_PAYLOAD] = "Payload",
    [SINGLE_HOOKS] = "Hooks",
    [SINGLE_SOURCE_TYPE] = "SourceType",
    [SINGLE_TARGET_ADDRESS] = "TargetAddress",
    [SINGLE_REPLY_TO] = "ReplyTo",
    [SINGLE_CORRELATION_ID] = "CorrelationID",
    [SINGLE_PRIORITY] = "Priority",
    [SINGLE_TIMEOUT] = "Timeout",
    [SINGLE_REQ_VERSION] = "ReqVersion",
    [SINGLE_REPLY_CAPABILITIES] = "ReplyCapabilities",
    [SINGLE_SENT_TIME] = "SentTime",
    [SINGLE_PROTOCOL] = "Protocol",
};

enum place { OUTSIDE, IN_MSG, IN_SINGLE, IN_PROPERTY, IN_HOOKS, IN_HOOK, IN_HOOK_PROPERTY };

static const enum place outer[] = {
    [OUTSIDE] = OUTSIDE, [IN_MSG] = OUTSIDE,   [IN_SINGLE] = IN_MSG,       [IN_PROPERTY] = IN_MSG,
    [IN_HOOKS] = IN_MSG, [IN_HOOK] = IN_HOOKS, [IN_HOOK_PROPERTY] = IN_HOOK,
};

struct reading {
    const struct envelope_limits *limits;
    struct arena *arena;
    struct message *message;
    struct msg *msg;
    enum place place;
    unsigned skipped;           /* depth below the outermost element that is skipped */
    char *store;                /* of kept text */
    size_t stored;
    size_t room;
    size_t begin;               /* in the store, of the text of the element in hand */
    enum single single;         /* IN_SINGLE: which */
    bool seen[SINGLES];
    struct span kept[SINGLES_KEPT];
    bool seen_file_type;
    bool in_clientauth;
    struct span *value;         /* IN_HOOK_PROPERTY: where it goes */
    size_t properties;
};

struct element {
    struct span name;
    bool known;
    const struct xml_attribute *attributes;
    size_t count;
};

/* ---- small things ---- */

const char *msg_quote(struct span value, char out[MSG_QUOTE_ROOM])
{
    size_t len = MSG_QUOTE_ROOM - 4;
    if (value.len <= len)
        len = value.len;
    else
        while (len > 0 && ((unsigned char)value.at[len] & 0xC0) == 0x80)
            len--;
    if (len > 0)
        memcpy(out, value.at, len);
    memcpy(out + len, "...", sizeof "...");
    if (len == value.len)
        out[len] = '\0';
    return out;
}

__attribute__((format(printf, 4, 5))) static bool write_span(struct reading *reading, struct span *out,
                                                             struct error *err, const char *format, ...)
{
    char text[2 * MSG_QUOTE_ROOM + 80];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return arena_copy(reading->arena, span_of(text), out) || arena_error(reading->arena, "limit", err);
}

/* More than fit are dropped: they are for the log, and a sender has no claim to fill it. The subject begins with a word
 * of ours: a line of the log that began with the sender's could look like a verdict. */
static bool warn(struct reading *reading, const char *subject, const char *what, struct error *err)
{
    struct message *message = reading->message;
    if (message->warning_count == ENVELOPE_MOST_WARNINGS)
        return true;
    if (!write_span(reading, &message->warnings[message->warning_count], err, "%s %s", subject, what))
        return false;
    message->warning_count++;
    return true;
}

static struct span attribute(const struct element *element, const char *name)
{
    for (size_t i = 0; i < element->count; i++)
        if (span_equal(element->attributes[i].name, span_of(name)))
            return span_trim(element->attributes[i].value);
    return (struct span){"", 0};
}

static struct span store(struct reading *reading, struct span text)
{
    char *at = reading->store + reading->stored;
    assert(text.len <= reading->room - reading->stored);    /* the text of a document is not longer than it */
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    reading->stored += text.len;
    return (struct span){at, text.len};
}

/* Goes down into `place`, whose text is gathered if it is one of text. */
static bool enter(struct reading *reading, enum place place)
{
    reading->place = place;
    reading->begin = reading->stored;
    return true;
}

static bool skip_element(struct reading *reading)
{
    reading->skipped = 1;
    return true;
}

/* ---- children of Msg ---- */

static struct msg_item read_item(const struct element *element)
{
    struct msg_item item = {0};
    item.placed = span_to_uint64(attribute(element, "Offset"), &item.offset) &&
                  span_to_uint64(attribute(element, "Length"), &item.length);
    return item;
}

static bool start_attachment(struct reading *reading, const struct element *element, struct error *err)
{
    struct msg *msg = reading->msg;
    const size_t most = reading->limits->attachments;
    if (msg->attachment_count == most)
        return error_refuse(err, ERROR_TOO_BIG, "limit", "Msg: more than %zu attachments", most);
    if (msg->attachments == NULL &&
        (msg->attachments = arena_alloc(reading->arena, most * sizeof *msg->attachments)) == NULL)
        return arena_error(reading->arena, "limit", err);
    msg->attachments[msg->attachment_count++] = read_item(element);
    reading->message->attachments = msg->attachment_count;
    return skip_element(reading);
}

static bool count_property(struct reading *reading, struct error *err)
{
    const size_t most = reading->limits->properties;
    return ++reading->properties <= most ||
           error_refuse(err, ERROR_TOO_BIG, "limit", "Msg: more than %zu properties", most);
}

/* The value is the attribute Value or, where that says nothing, the element's text. */
static bool start_property(struct reading *reading, const struct element *element, struct error *err)
{
    if (!count_property(reading, err))
        return false;
    if (!span_equal_nocase(attribute(element, "Name"), SPAN("FileType")))
        return skip_element(reading);
    if (reading->seen_file_type)
        return skip_element(reading) && warn(reading, "Property FileType", "is repeated, the first one counts", err);
    reading->seen_file_type = true;
    reading->message->file_type = store(reading, attribute(element, "Value"));
    return reading->message->file_type.len > 0 ? skip_element(reading) : enter(reading, IN_PROPERTY);
}

static enum single find_single(struct span name)
{
    enum single single = 0;
    while (single < SINGLES && !span_equal(name, span_of(single_names[single])))
        single++;
    return single;
}

static bool start_single(struct reading *reading, const struct element *element, enum single single, struct error *err)
{
    if (reading->seen[single])
        return skip_element(reading) && warn(reading, single_names[single], "is repeated, the first one counts", err);
    reading->seen[single] = true;
    if (single < SINGLES_KEPT) {
        reading->single = single;
        return enter(reading, IN_SINGLE);
    }
    if (single == SINGLE_HOOKS)
        return enter(reading, IN_HOOKS);
    if (single == SINGLE_BODY) {
        reading->msg->has_body = true;
        reading->msg->body_type = store(reading, attribute(element, "Type"));
        reading->msg->body = read_item(element);
    } else if (single == SINGLE_PAYLOAD) {
        reading->msg->payload_type = store(reading, attribute(element, "Type"));
    }
    return skip_element(reading);
}

static bool start_child(struct reading *reading, const struct element *element, struct error *err)
{
    if (!element->known)
        return skip_element(reading);
    if (span_equal(element->name, SPAN("Attachment")))
        return start_attachment(reading, element, err);
    if (span_equal(element->name, SPAN("Property")))
        return start_property(reading, element, err);
    const enum single single = find_single(element->name);
    return single < SINGLES ? start_single(reading, element, single, err) : skip_element(reading);
}

/* ---- hooks ---- */

static bool is_hook(const struct element *element, struct span name, const char *our_element, const char *our_name)
{
    return element->known && span_equal(element->name, span_of(our_element)) &&
           span_equal_nocase(name, span_of(our_name));
}

static bool start_hook(struct reading *reading, const struct element *element, struct error *err)
{
    char quoted[2][MSG_QUOTE_ROOM];
    const struct span name = attribute(element, "Name");
    const bool zlib = is_hook(element, name, "Hook3", "zlib-compress");
    reading->in_clientauth = is_hook(element, name, "Hook2", "clientauth");
    reading->msg->zlib = reading->msg->zlib || zlib;
    reading->msg->clientauth = reading->msg->clientauth || reading->in_clientauth;
    if (!zlib && !reading->in_clientauth && reading->msg->strange_hook.len == 0 &&
        !write_span(reading, &reading->msg->strange_hook, err, "%s '%s'", msg_quote(element->name, quoted[0]),
                    msg_quote(name, quoted[1])))
        return false;
    return enter(reading, IN_HOOK);
}

/* NULL: nobody asks for it. */
static struct span *wanted_value(struct message *message, struct span name)
{
    if (span_equal_nocase(name, SPAN("PayloadSignature")))
        return &message->signature.digits;
    if (span_equal_nocase(name, SPAN("HashAlgorithm")))
        return &message->signature.algorithm;
    return span_equal_nocase(name, SPAN("PublicKey")) ? &message->public_key : NULL;
}

static bool start_hook_property(struct reading *reading, const struct element *element, struct error *err)
{
    if (!element->known || !span_equal(element->name, SPAN("Property")))
        return skip_element(reading);
    if (!count_property(reading, err))
        return false;
    reading->value = reading->in_clientauth ? wanted_value(reading->message, attribute(element, "Name")) : NULL;
    if (reading->value == NULL)
        return skip_element(reading);
    if (reading->value->len > 0)
        return skip_element(reading) &&
               warn(reading, "clientauth: a property", "is repeated, the first one counts", err);
    return enter(reading, IN_HOOK_PROPERTY);
}

/* ---- events ---- */

static bool start_root(struct reading *reading, const struct element *element, struct error *err)
{
    char quoted[MSG_QUOTE_ROOM];
    if (element->known && span_equal(element->name, SPAN("Msg"))) {
        reading->message->raw_reply = span_equal_nocase(attribute(element, "ReplyCompression"), SPAN("none"));
        return enter(reading, IN_MSG);
    }
    return error_refuse(err, ERROR_MALFORMED, "envelope", "the root element of part 1 is %s, not Msg",
                        msg_quote(element->name, quoted));
}

static bool on_start(void *owner, struct span name, bool known, const struct xml_attribute *attributes, size_t count,
                     unsigned line, struct error *err)
{
    struct reading *reading = owner;
    const struct element element = {name, known, attributes, count};
    (void)line;     /* a Msg is one line; elements say where better */
    if (reading->skipped > 0) {
        reading->skipped++;
        return true;
    }
    switch (reading->place) {
    case OUTSIDE:
        return start_root(reading, &element, err);
    case IN_MSG:
        return start_child(reading, &element, err);
    case IN_HOOKS:
        return start_hook(reading, &element, err);
    case IN_HOOK:
        return start_hook_property(reading, &element, err);
    default:
        return skip_element(reading);
    }
}

static bool on_text(void *owner, struct span text, struct error *err)
{
    struct reading *reading = owner;
    (void)err;
    const enum place place = reading->place;
    if (reading->skipped == 0 && (place == IN_SINGLE || place == IN_PROPERTY || place == IN_HOOK_PROPERTY))
        (void)store(reading, text);     /* found again through `begin` */
    return true;
}

static bool on_end(void *owner, struct error *err)
{
    struct reading *reading = owner;
    (void)err;
    if (reading->skipped > 0) {
        reading->skipped--;
        return true;
    }
    const struct span text =
        span_trim((struct span){reading->store + reading->begin, reading->stored - reading->begin});
    if (reading->place == IN_SINGLE)
        reading->kept[reading->single] = text;
    else if (reading->place == IN_PROPERTY)
        reading->message->file_type = text;
    else if (reading->place == IN_HOOK_PROPERTY)
        *reading->value = text;
    reading->place = outer[reading->place];
    return true;
}

/* ---- the whole ---- */

static void hand_over(const struct reading *reading)
{
    struct message *message = reading->message;
    message->id = reading->kept[SINGLE_ID];
    message->source_id = reading->kept[SINGLE_SOURCE_ID];
    message->source_host = reading->kept[SINGLE_SOURCE_HOST];
    message->endpoint = reading->kept[SINGLE_ENDPOINT];
    message->reply_mode = reading->kept[SINGLE_REPLY_MODE];
    message->reply_to = reading->kept[SINGLE_REPLY_TO];
    message->has_clientauth = message->signature.digits.len > 0;
    reading->msg->target_host = reading->kept[SINGLE_TARGET_HOST];
}

static bool check_reply_mode(struct reading *reading, struct error *err)
{
    static const char *const modes[] = {"", "Sync", "Async", "Reply", "DirectSync", "DirectAsync"};
    const struct span mode = reading->message->reply_mode;
    char quoted[MSG_QUOTE_ROOM];
    char subject[sizeof "ReplyMode ''" + MSG_QUOTE_ROOM];
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (span_equal_nocase(mode, span_of(modes[i])))
            return true;
    (void)snprintf(subject, sizeof subject, "ReplyMode '%s'", msg_quote(mode, quoted));
    return warn(reading, subject, "is not known, taken as Async", err);
}

bool msg_parse(struct span text, enum text_encoding encoding, const struct envelope_limits *limits,
               struct xml_reader *reader, struct arena *arena, struct message *message, struct msg *out,
               struct error *err)
{
    static const struct xml_events events = {.start = on_start, .text = on_text, .end = on_end};
    struct msg msg = {0};
    struct reading reading = {.limits = limits, .arena = arena, .message = message, .msg = &msg};
    reading.room = encoding == TEXT_UTF8 ? text.len : text.len / 2 * 3;     /* at most 3 bytes of UTF-8 a unit */
    if ((reading.store = arena_alloc(arena, reading.room)) == NULL)
        return arena_error(arena, "limit", err);
    const bool done = xml_read(reader, text, encoding, &limits->xml, &events, &reading, "envelope", err);
    hand_over(&reading);
    if (!done || !check_reply_mode(&reading, err))
        return false;
    *out = msg;
    return true;
}
