/* <Msg>. The first byte of an input chooses the encoding of the rest: 0 UTF-16LE, 1 UTF-16BE, 2 UTF-8. */
#include "../../src/report/msg.h"

#include "mutate_text.h"

static const struct envelope_limits limits = {
    .xml = {.depth = 32, .tag_bytes = 65536},
    .msg = 262144,
    .attachments = 16,
    .properties = 64,
};

/* Reads the span's ends, for the sanitizer, and wants it trimmed. */
static void check_span(struct span span)
{
    require(span_equal(span, span_trim(span)));
}

static void check_message(const struct message *message)
{
    check_span(message->id);
    check_span(message->source_id);
    check_span(message->source_host);
    check_span(message->endpoint);
    check_span(message->reply_mode);
    check_span(message->file_type);
    require(message->warning_count <= ENVELOPE_MOST_WARNINGS);
    for (size_t i = 0; i < message->warning_count; i++)
        require(message->warnings[i].len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0 || bytes[0] > TEXT_UTF8)
        return 0;
    const struct span text = {(const char *)bytes + 1, size - 1};
    struct arena *arena = arena_open(8 * 1024 * 1024, NULL);
    struct message message = {0};
    struct msg msg = {0};
    struct error err = {0};
    require(arena != NULL);
    if (msg_parse(text, (enum text_encoding)bytes[0], &limits, fuzz_reader(), arena, &message, &msg, &err)) {
        require(msg.attachment_count <= limits.attachments && msg.attachment_count == message.attachments);
        check_span(msg.target_host);
        check_span(msg.payload_type);
        check_span(msg.body_type);
    } else {
        require(err.kind != ERROR_NONE && err.kind != ERROR_NO_MEMORY && err.rule != NULL && err.text[0] != '\0');
        require(!msg.has_body && msg.attachments == NULL);
    }
    check_message(&message);
    arena_close(arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    if (size < 2 || bytes[0] > TEXT_UTF8 || draw(&seed, 32) == 0)
        return LLVMFuzzerMutate(bytes, size, most);
    return 1 + mutate_text(bytes + 1, size - 1, most - 1, (enum text_encoding)bytes[0], &seed);
}
