/*
 * Part 1 of a CCM_POST, the <Msg>: XML -> plain data (spec/wire.md 2, 3.1). It reads what is there and judges only
 * its form; what follows from it (endpoint, hooks, offsets) is envelope.c's, in the order of wire.md 4.
 */
#ifndef REPORT_MSG_H
#define REPORT_MSG_H

#include "report/envelope.h"

struct msg_item {                   /* Body or Attachment: bytes of the uncompressed payload */
    bool placed;                    /* it has an Offset and a Length, and both are numbers */
    uint64_t offset;
    uint64_t length;
};

struct msg {
    struct span target_host;
    struct span payload_type;       /* empty where absent */
    bool has_body;
    struct span body_type;          /* empty where absent */
    struct msg_item body;
    struct msg_item *attachments;
    size_t attachment_count;
    bool zlib;                      /* a zlib-compress hook */
    bool clientauth;                /* a clientauth hook, also without a signature */
    struct span strange_hook;       /* the first hook that is none of ours, as `Element 'Name'`; empty: none */
};

/* `text` has no byte order mark and no trailing NULs. What the log needs goes to `message` (ID, SourceHost, endpoint,
 * FileType, clientauth, warnings), also as far as it was read before a refusal; the rest goes to `out`. */
bool msg_parse(struct span text, enum text_encoding encoding, const struct envelope_limits *limits,
               struct xml_reader *reader, struct arena *arena, struct message *message, struct msg *out,
               struct error *err) MUST_CHECK;

/* A value of the sender for an error's sentence: cut between characters, the cut marked "...". Returns out. */
enum { MSG_QUOTE_ROOM = 164 };
const char *msg_quote(struct span value, char out[MSG_QUOTE_ROOM]);

#endif
