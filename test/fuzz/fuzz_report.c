/* Any bytes as the body of a report: refused with a reason, or taken, and then its file says the same. */
#include "mutate_text.h"
#include "report/smx.h"
#include "same_report.h"

/* Smaller than the real ones, so that they are met. */
static const struct report_limits limits = {.xml = {.depth = 8, .tag_bytes = 1024}, .messages = 20};

static void require_sound(const struct report *report)
{
    require(report->sender.key.len > 0 && report->sender.key.len <= report->sender.id.len);
    require(report->message_count > report->invalid_count && report->message_count <= limits.messages);
    require(report->problem_count <= report->problems_seen && report->problem_count <= REPORT_MOST_PROBLEMS);
    require(report->priority >= 0);
}

static bool parse(struct span bytes, struct arena *arena, struct span *text, enum text_encoding *encoding,
                  struct report *report)
{
    struct error err = {0};
    if (smx_text(bytes, text, encoding, &err) &&
        report_parse(*text, *encoding, &limits, fuzz_reader(), arena, report, &err))
        return true;
    require(err.kind == ERROR_MALFORMED || err.kind == ERROR_TOO_BIG);
    require(err.rule != NULL && err.text[0] != '\0');
    return false;
}

static struct span join(const struct span content[2], struct arena *arena)
{
    char *at = arena_alloc(arena, content[0].len + content[1].len);
    require(at != NULL);
    memcpy(at, content[0].at, content[0].len);
    if (content[1].len > 0)
        memcpy(at + content[0].len, content[1].at, content[1].len);
    return (struct span){at, content[0].len + content[1].len};
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena *arena = arena_open(256 * 1024 * 1024, NULL);
    struct span text, content[2], again;
    enum text_encoding encoding;
    struct report report, other;
    struct error err;
    require(arena != NULL);
    if (parse((struct span){(const char *)bytes, size}, arena, &text, &encoding, &report)) {
        require_sound(&report);
        require(smx_prepare(text, encoding, arena, content, &err));
        require(parse(join(content, arena), arena, &again, &encoding, &other));
        require(encoding == TEXT_UTF16LE);
        require_same_report(&report, &other);
    }
    arena_close(arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    return mutate_marked_text(bytes, size, most, &seed);
}
