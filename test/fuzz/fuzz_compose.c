/* What was read of any report, composed, is read again; and composed again it is the same to the byte: nothing that a
 * report says is lost or altered on the way out. */
#include "fuzz.h"
#include "mutate_text.h"
#include "report/compose.h"
#include "report/smx.h"

enum { MOST_BYTES = 64 * 1024 * 1024 };

/* What is escaped is longer than it was. */
static const struct report_limits given = {.xml = {.depth = 8, .tag_bytes = 1024}, .messages = 20};
static const struct report_limits composed = {.xml = {.depth = 8, .tag_bytes = 1024 * 1024}, .messages = 20};

static bool parse(struct span bytes, const struct report_limits *limits, struct arena *arena, struct report *out)
{
    struct error err;
    struct span text;
    enum text_encoding encoding;
    return smx_text(bytes, &text, &encoding, &err) &&
           report_parse(text, encoding, limits, fuzz_reader(), arena, out, &err);
}

static void compose(const struct report *report, struct buffer *out)
{
    struct error err;
    buffer_init(out, MOST_BYTES);
    require(compose_report(report, out, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena *arena = arena_open(256 * 1024 * 1024, NULL);
    struct report report, again;
    require(arena != NULL);
    if (parse((struct span){(const char *)bytes, size}, &given, arena, &report)) {
        struct buffer first, second;
        compose(&report, &first);
        require(parse(buffer_span(&first), &composed, arena, &again));
        require(again.message_count == report.message_count && again.invalid_count == 0);
        compose(&again, &second);
        require(span_equal(buffer_span(&first), buffer_span(&second)));
        buffer_fini(&first);
        buffer_fini(&second);
    }
    arena_close(arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    return mutate_marked_text(bytes, size, most, &seed);
}
