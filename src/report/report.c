/*
 * The decision hidden here: the table of the elements that matter (element.c), each with its one place, is walked along
 * with the parser's events. Everything else, and the second of what may stand only once, is skipped with all that is
 * in it.
 */
#include "report/report.h"

#include "element.h"

static bool on_start(void *owner, struct span name, bool known, const struct xml_attribute *attributes, size_t count,
                     unsigned line, struct error *err)
{
    struct parse *parse = owner;
    if (parse->skipped > 0) {
        parse->skipped++;
        return true;
    }
    const enum element_node node = known ? element_find(parse->node, name) : ELEMENT_OUTSIDE;
    const struct element *element = &element_table[node];
    parse->line = line;
    if (node == ELEMENT_OUTSIDE) {
        parse->skipped = 1;
        return parse->node != ELEMENT_OUTSIDE ||
               error_refuse(err, ERROR_MALFORMED, "report", "line %u: the root element is not Report", line);
    }
    if (!element->many && (parse->seen & UINT32_C(1) << node) != 0) {
        parse->skipped = 1;
        return element_note(parse, "a second %s is ignored", element->name);
    }
    parse->seen |= UINT32_C(1) << node;
    parse->node = node;
    parse->text.len = 0;
    return element->begin == NULL || element->begin(parse, (struct attributes){attributes, count});
}

static bool on_text(void *owner, struct span text, struct error *err)
{
    struct parse *parse = owner;
    if (parse->skipped > 0 || element_table[parse->node].finish == NULL)
        return true;
    return buffer_add(&parse->text, text.at, text.len, err);
}

static bool on_end(void *owner, struct error *err)
{
    struct parse *parse = owner;
    (void)err;      /* the same as parse->err */
    if (parse->skipped > 0) {
        parse->skipped--;
        return true;
    }
    const struct element *element = &element_table[parse->node];
    const struct span text = parse->text.len > 0 ? buffer_span(&parse->text) : SPAN("");
    if (element->finish != NULL && !element->finish(parse, text))
        return false;
    parse->text.len = 0;
    parse->node = element->parent;
    return true;
}

/* What only the whole report can tell. */
static bool check(const struct parse *parse, struct error *err)
{
    const struct report *report = &parse->report;
    if (report->sender.key.len == 0)
        return error_refuse(err, ERROR_MALFORMED, "report", "no ClientID");
    if (report->message_count == 0)
        return error_refuse(err, ERROR_MALFORMED, "report", "no StateMessage");
    if (report->invalid_count == report->message_count)
        return error_refuse(err, ERROR_MALFORMED, "report", "line %u: no message is valid; the first: %s",
                            parse->first_fault_line, parse->first_fault);
    return true;
}

bool report_parse(struct span bytes, enum text_encoding encoding, const struct report_limits *limits,
                  struct xml_reader *reader, struct arena *arena, struct report *out, struct error *err)
{
    static const struct xml_events events = {.start = on_start, .text = on_text, .end = on_end};
    struct parse parse = {
        .limits = limits,
        .arena = arena,
        .err = err,
        .report.sender.installed = REPORT_NO_NUMBER,
        .report.sender.type = REPORT_NO_NUMBER,
        .report.sender.code_page = REPORT_NO_NUMBER,
        .report.sender.lcid = REPORT_NO_NUMBER,
        .report.priority = REPORT_PRIORITY_DEFAULT,
        .report.created = REPORT_NO_TIME,
    };
    buffer_init(&parse.text, bytes.len + bytes.len / 2);    /* UTF-16 may become half as much again */
    const bool done = xml_read(reader, bytes, encoding, &limits->xml, &events, &parse, "report", err) &&
                      check(&parse, err);
    buffer_fini(&parse.text);
    if (done)
        *out = parse.report;
    return done;
}
