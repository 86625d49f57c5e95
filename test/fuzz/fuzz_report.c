/* Any bytes as the body of a report: refused with a reason, or taken, and then its file says the same. */
#include "base/sys.h"
#include "report/report.h"
#include "report/smx.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Smaller than the real ones, so that they are met. */
static const struct report_limits limits = {.xml = {.depth = 8, .tag_bytes = 1024}, .messages = 20};

static struct xml_reader *reader;

static void require(bool what)
{
    if (!what)
        abort();
}

static void require_same(const struct report *a, const struct report *b)
{
    require(span_equal(a->sender.key, b->sender.key) && span_equal(a->sender.id, b->sender.id));
    require(a->priority == b->priority && a->created == b->created);
    require(a->message_count == b->message_count && a->invalid_count == b->invalid_count);
    require(a->problems_seen == b->problems_seen);
    for (size_t i = 0; i < a->message_count; i++) {
        const struct state_message *one = &a->messages[i], *other = &b->messages[i];
        require(one->valid == other->valid && one->line == other->line && one->time == other->time);
        require(one->topic_type == other->topic_type && one->state == other->state);
        require(span_equal(one->topic_id, other->topic_id) && span_equal(one->details, other->details));
        require(one->param_count == other->param_count);
    }
}

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
    if (smx_text(bytes, text, encoding, &err) && report_parse(*text, *encoding, &limits, reader, arena, report, &err))
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

static void open_reader(void)
{
    struct error err;
    xml_init();
    require(xml_open(&reader, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_open(256 * 1024 * 1024, NULL);
    struct span text, content[2], again;
    enum text_encoding encoding;
    struct report report, other;
    struct error err;
    if (reader == NULL)
        open_reader();
    require(arena != NULL);
    if (parse((struct span){(const char *)data, size}, arena, &text, &encoding, &report)) {
        require_sound(&report);
        require(smx_prepare(text, encoding, arena, content, &err));
        require(parse(join(content, arena), arena, &again, &encoding, &other));
        require(encoding == TEXT_UTF16LE);
        require_same(&report, &other);
    }
    arena_close(arena);
    return 0;
}
