/* The decision hidden here: nothing is answered before it is decided, and nothing decided is taken back where the answer
 * cannot be made: the client asks again, and is told the same. */
#include "enrolment.h"

#include "base/sys.h"
#include "report/reply.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_NAME = 1000,                   /* bytes of an ID or an address that is sent back */
    MOST_ANSWER = 64 * 1024,
    ID_SIZE = 39,
};

/* Before anything is decided. */
static bool check_names(const struct message *message, struct error *err)
{
    return (message->id.len <= MOST_NAME && message->reply_to.len <= MOST_NAME) ||
           error_refuse(err, ERROR_TOO_BIG, "limit", "ID or ReplyTo is longer than %d bytes", MOST_NAME);
}

/* Whom a proxy has seen registers nobody else. Who says no name is who was seen. */
static bool bind(struct span vouched, struct registration *registration, struct error *err)
{
    char seen[REQUEST_GUID_SIZE], said[REQUEST_GUID_SIZE];
    if (vouched.len == 0)
        return true;
    if (!request_guid(vouched, seen))
        return error_refuse(err, ERROR_UNTRUSTED, "binding",
                            "the proxy vouches for '%.*s', which is no GUID to register",
                            (int)(vouched.len < 80 ? vouched.len : 80), vouched.at);
    if (registration->smsid.len == 0) {
        registration->smsid = vouched;
        return true;
    }
    return (request_guid(registration->smsid, said) && strcmp(seen, said) == 0) ||
           error_refuse(err, ERROR_UNTRUSTED, "binding", "the proxy vouches for another client than registers");
}

/* A GUID of version 4. */
static bool draw_id(char out[ID_SIZE], struct error *err)
{
    unsigned char b[16];
    if (sys.getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return error_os(err, "cannot draw a random number");
    b[6] = (b[6] & 0x0F) | 0x40;
    b[8] = (b[8] & 0x3F) | 0x80;
    (void)snprintf(out, ID_SIZE, "{%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X}", b[0], b[1],
                   b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return true;
}

static struct span our_name(const struct settings *settings, char room[HOST_NAME_MAX + 1])
{
    if (settings->target_host != NULL)
        return span_of(settings->target_host);
    if (gethostname(room, HOST_NAME_MAX + 1) != 0)
        room[0] = '\0';
    room[HOST_NAME_MAX] = '\0';
    return span_of(room);
}

static bool write_answer(const struct settings *settings, const struct message *message,
                         const struct registration_answer *answer, struct buffer *out, struct error *err)
{
    char id[ID_SIZE], host[HOST_NAME_MAX + 1];
    struct buffer text;
    if (!draw_id(id, err))
        return false;
    const struct reply reply = {
        .id = span_of(id),
        .request_id = message->id,
        .reply_to = message->reply_to,
        .source_host = our_name(settings, host),
        .raw = message->raw_reply,
    };
    buffer_init(&text, MOST_ANSWER);
    const bool written = registration_answer(answer, &text, err) && reply_write(&reply, buffer_span(&text), out, err);
    buffer_fini(&text);
    return written;
}

static bool make_answer(const struct settings *settings, const struct message *message,
                        const struct registration_answer *answer, struct arena *arena, struct span *out,
                        struct error *err)
{
    struct buffer bytes;
    buffer_init(&bytes, MOST_ANSWER);
    const bool made = write_answer(settings, message, answer, &bytes, err) &&
                      (arena_copy(arena, buffer_span(&bytes), out) || arena_error(arena, "limit", err));
    buffer_fini(&bytes);
    return made;
}

bool enrol(const struct enrolment_tools *tools, const struct settings *settings, const struct message *message,
           struct arena *arena, struct enrolment *out, struct error *err)
{
    const struct xml_limits limits = {.depth = (unsigned)settings->xml_depth, .tag_bytes = settings->max_tag};
    struct registration registration;
    struct enrolment enrolment;
    if (!check_names(message, err) ||
        !registration_parse(message->text, message->encoding, &limits, tools->reader, arena, &registration, err) ||
        !bind(tools->vouched, &registration, err) ||
        !registrar_decide(tools->registrar, settings, tools->keys, &registration, &enrolment.decision, err))
        return false;
    const struct registration_answer answer = {
        .confirms = registration.confirms,
        .status = enrolment.decision.status,
        .smsid = span_of(enrolment.decision.smsid),
        .time = sys_now(),
    };
    if (!make_answer(settings, message, &answer, arena, &enrolment.answer, err))
        return false;
    *out = enrolment;
    return true;
}
