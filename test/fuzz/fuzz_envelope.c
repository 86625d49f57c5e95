/*
 * Whole HTTP bodies of both forms, and the headers that say which. The first byte of an input chooses: 0 multipart
 * with the boundary of the clients, 1 with the boundary x, 2 to 4 the plain form as it is, gzip, deflate, 5 the rest
 * is a Content-Type.
 */
#include "mutate_body.h"
#include "report/envelope.h"

enum { MEGABYTE = 1024 * 1024 };

static const struct envelope_limits limits = {
    .xml = {.depth = 32, .tag_bytes = 65536},
    .msg = 262144,
    .inflated = 2 * MEGABYTE,
    .attachments = 16,
    .properties = 64,
    .ratio = 100,
    .guess_file_type = true,
    .target_host = {"mp", 2},
};

static const struct span boundaries[] = {{"aAbBcCdDv1234567890VxXyYzZ", 26}, {"x", 1}};

static void check_header(struct span header)
{
    struct envelope_type type;
    struct error err = {0};
    if (!envelope_type(header, &type, &err))
        require(err.kind == ERROR_UNSUPPORTED || err.kind == ERROR_MALFORMED);
    else
        require((type.form == ENVELOPE_MULTIPART) == (strlen(type.boundary) > 0));
    enum envelope_coding coding;
    if (!envelope_coding(header, ENVELOPE_PLAIN, &coding, &err))
        require(err.kind == ERROR_UNSUPPORTED);
}

static bool open_body(uint8_t choice, struct span body, struct arena *arena, struct message *out, struct error *err)
{
    switch (choice) {
    case 0:
    case 1:
        return envelope_open(body, boundaries[choice], &limits, fuzz_reader(), arena, out, err);
    default:
        return envelope_open_plain(body, (enum envelope_coding)(choice - 2), &limits, arena, out, err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0 || bytes[0] > 5)
        return 0;
    const struct span rest = {(const char *)bytes + 1, size - 1};
    if (bytes[0] == 5) {
        check_header(rest);
        return 0;
    }
    struct arena *arena = arena_open(8 * MEGABYTE, NULL);
    struct message message = {0};
    struct error err = {0};
    struct span copy;
    require(arena != NULL);
    if (open_body(bytes[0], rest, arena, &message, &err)) {
        require(message.text.len > 0 && span_equal(message.file_type, SPAN("SMX")));
        require(message.encoding == TEXT_UTF8 || message.text.len % 2 == 0);
        require(arena_copy(arena, message.text, &copy)); /* all of it may be read */
    } else {
        require(err.kind != ERROR_NONE && err.kind != ERROR_NO_MEMORY && err.rule != NULL && err.text[0] != '\0');
    }
    require(message.warning_count <= ENVELOPE_MOST_WARNINGS);
    arena_close(arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    if (size < 2 || bytes[0] > 1 || draw(&seed, 8) == 0)
        return LLVMFuzzerMutate(bytes, size, most);
    return 1 + mutate_multipart(bytes + 1, size - 1, most - 1, boundaries[bytes[0]], &seed);
}
