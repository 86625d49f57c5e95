/* The decision hidden here: what a person wants to see first. */
#include "inspect_print.h"

#include "report/topic.h"
#include "show.h"

#include <inttypes.h>

enum { DEEPEST = 40 };      /* that is indented */

/* ---- for people ---- */

static void print_value(const char *label, struct span value)
{
    if (value.len == 0)
        return;
    (void)printf("  %-16s ", label);
    show_text(stdout, value, "~");
    (void)putchar('\n');
}

static void print_number(const char *label, int64_t value)
{
    if (value != REPORT_NO_NUMBER)
        (void)printf("  %-16s %" PRId64 "\n", label, value);
}

static void print_time(const char *label, int64_t time)
{
    char text[SHOW_TIME_SIZE];
    if (time != REPORT_NO_TIME)
        (void)printf("  %-16s %s\n", label, show_utc_time(time, text));
}

static void print_message(const struct message *message)
{
    (void)printf("Envelope\n");
    print_value("ID", message->id);
    print_value("SourceID", message->source_id);
    print_value("SourceHost", message->source_host);
    print_value("TargetEndpoint", message->endpoint);
    print_value("ReplyMode", message->reply_mode);
    print_value("FileType", message->file_type);
    print_value("clientauth", message->has_clientauth ? SPAN("present, signature not checked") : SPAN("none"));
    print_number("Attachments", (int64_t)message->attachments);
    for (size_t i = 0; i < message->warning_count; i++)
        print_value("warning", message->warnings[i]);
}

static void print_sender(const struct report *report)
{
    (void)printf("Report\n");
    print_value("ClientID", report->sender.id);
    print_value("NetBIOSName", report->sender.name);
    print_value("ClientVersion", report->sender.version);
    print_number("ClientType", report->sender.type);
    print_number("ClientInstalled", report->sender.installed);
    print_value("ReportContent", report->content);
    print_value("ReportType", report->type);
    print_time("Date", report->created);
    (void)printf("  %-16s %d%s\n", "Priority", report->priority, report->priority_sent ? "" : " (none sent)");
    (void)printf("  %-16s %zu, %zu of them invalid\n", "Messages", report->message_count, report->invalid_count);
}

static void print_topic(const struct state_message *state)
{
    const struct topic_type *topic = topic_find(state->topic_type);
    const char *name = topic_state_name(state->topic_type, state->state);
    (void)printf("  topic %" PRIu32 "%s%s\n", state->topic_type, topic == NULL ? "" : ", ",
                 topic == NULL ? "" : topic->description);
    print_value("  id", state->topic_id);
    if (name == NULL)
        (void)printf("  state %" PRIu32 "/%" PRIu32 "\n", state->topic_type, state->state);
    else
        (void)printf("  state %" PRIu32 ", %s\n", state->state, name);
}

static void print_state_message(const struct state_message *state, size_t number)
{
    (void)printf("Message %zu, line %u%s\n", number, state->line, state->valid ? "" : ", INVALID");
    if (state->has_serial)
        (void)printf("  %-16s %" PRIu64 "\n", "SerialNumber", state->serial);
    print_time("MessageTime", state->time);
    print_topic(state);
    print_value("User", state->user);
    print_value("UserSID", state->user_sid);
    print_number("Criticality", state->criticality);
    for (size_t i = 0; i < state->param_count && i < REPORT_MOST_PARAMS; i++) {
        (void)printf("  Param %zu          '", i + 1);
        show_text(stdout, state->params[i], "~");
        (void)printf("'\n");
    }
    if (state->details.len > 0) {
        (void)printf("  StateDetails     %zu bytes: ", state->details.len);
        show_text(stdout, (struct span){state->details.at, state->details.len < 200 ? state->details.len : 200}, "~");
        (void)printf("%s\n", state->details.len > 200 ? "..." : "");
    }
}

static void print_problems(const struct report *report)
{
    for (size_t i = 0; i < report->problem_count; i++) {
        const struct report_problem *problem = &report->problems[i];
        (void)printf("Problem, line %u, ", problem->line);
        if (problem->message > 0)
            (void)printf("message %zu: ", problem->message);
        show_text(stdout, problem->text, "~");
        (void)putchar('\n');
    }
    if (report->problems_seen > report->problem_count)
        (void)printf("and %zu problems more\n", report->problems_seen - report->problem_count);
}

static void print_text(const struct findings *findings, const struct error *err)
{
    const struct report *report = &findings->report;
    show_text(stdout, span_of(findings->name), "~");
    (void)printf(": %s\n", err == NULL ? "valid" : "INVALID");
    if (findings->has_dump)
        print_value("Request", findings->dump.request_line);
    if (findings->has_message)
        print_message(&findings->message);
    if (findings->has_report) {
        print_sender(report);
        for (size_t i = 0; i < report->message_count; i++)
            print_state_message(&report->messages[i], i + 1);
        print_problems(report);
    }
    if (err != NULL) {
        (void)printf("Refused, rule %s: ", err->rule == NULL ? "none" : err->rule);
        show_text(stdout, span_of(err->text), "~");
        (void)putchar('\n');
    }
}

/* ---- as XML ---- */

/* No deeper than anybody reads: a file that only opens elements would be printed as its square. */
static void print_indent(unsigned depth)
{
    (void)printf("\n%*s", (int)(2 * (depth < DEEPEST ? depth : DEEPEST)), "");
}

static bool begins_with(struct span text, struct span start)
{
    return text.len >= start.len && memcmp(text.at, start.at, start.len) == 0;
}

/* A '>' may stand in the value of an attribute. */
static size_t tag_length(struct span xml)
{
    char quote = '\0';
    for (size_t i = 0; i < xml.len; i++) {
        const char c = xml.at[i];
        if (quote == '\0' && c == '>')
            return i + 1;
        if (c == quote)
            quote = '\0';
        else if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
    }
    return xml.len;
}

/* Where one piece of markup or text ends: a tag at its '>', a CDATA section, comment or instruction at its own end. */
static size_t markup_length(struct span xml)
{
    static const struct {
        const char *start;
        const char *end;
    } kinds[] = {{"<![CDATA[", "]]>"}, {"<!--", "-->"}, {"<?", "?>"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!begins_with(xml, span_of(kinds[i].start)))
            continue;
        const char *end = memmem(xml.at, xml.len, kinds[i].end, strlen(kinds[i].end));
        return end == NULL ? xml.len : (size_t)(end - xml.at) + strlen(kinds[i].end);
    }
    if (xml.at[0] == '<')
        return tag_length(xml);
    const char *next = memchr(xml.at, '<', xml.len);
    return next == NULL ? xml.len : (size_t)(next - xml.at);
}

enum piece { PIECE_TEXT, PIECE_START, PIECE_END, PIECE_EMPTY, PIECE_OTHER };

static enum piece piece_kind(struct span piece)
{
    if (piece.at[0] != '<')
        return PIECE_TEXT;
    if (piece.len < 2 || piece.at[1] == '!' || piece.at[1] == '?')
        return PIECE_OTHER;
    if (piece.at[1] == '/')
        return PIECE_END;
    return piece.at[piece.len - 2] == '/' ? PIECE_EMPTY : PIECE_START;
}

static bool is_blank(struct span text)
{
    return span_trim(text).len == 0;
}

static struct span after(struct span text, size_t len)
{
    return (struct span){text.at + len, text.len - len};
}

/* Does the element whose content begins here hold text, or nothing? Then no blank of ours may come into it. */
static bool holds_text(struct span content)
{
    const bool at_text = content.len > 0 && content.at[0] != '<';
    const size_t len = at_text ? markup_length(content) : 0;
    const struct span rest = after(content, len);
    return !is_blank((struct span){content.at, len}) || begins_with(rest, SPAN("</")) ||
           begins_with(rest, SPAN("<![CDATA["));
}

/* Elements that hold only text stay on one line; everything else gets a line of its own. Text stays as it is. */
static void print_xml(struct span xml)
{
    unsigned depth = 0;
    bool in_text = false;
    if (begins_with(xml, SPAN("<?xml")))            /* it was UTF-16, perhaps; what we write is not */
        xml = after(xml, markup_length(xml));
    (void)printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    while (xml.len > 0) {
        const struct span piece = {xml.at, markup_length(xml)};
        const enum piece kind = piece_kind(piece);
        xml = after(xml, piece.len);
        if (kind == PIECE_TEXT && !in_text && is_blank(piece))
            continue;
        depth -= kind == PIECE_END && depth > 0;
        if (!in_text && kind != PIECE_TEXT)
            print_indent(depth);
        show_text(stdout, piece, "\n");
        in_text = kind == PIECE_START ? holds_text(xml) : kind == PIECE_TEXT || (kind == PIECE_OTHER && in_text);
        depth += kind == PIECE_START;
    }
    (void)putchar('\n');
}

/* ---- as JSON ---- */

static void json_text(const char *name, struct span value)
{
    (void)printf(",\"%s\":", name);
    show_json_text(stdout, value);
}

static void json_number(const char *name, int64_t value)
{
    if (value == REPORT_NO_NUMBER)
        (void)printf(",\"%s\":null", name);
    else
        (void)printf(",\"%s\":%" PRId64, name, value);
}

static void json_time(const char *name, int64_t time)
{
    char text[SHOW_TIME_SIZE];
    if (time == REPORT_NO_TIME)
        (void)printf(",\"%s\":null", name);
    else
        (void)printf(",\"%s\":\"%s\"", name, show_utc_time(time, text));
}

static void json_message(const struct message *message)
{
    (void)printf(",\"envelope\":{\"signed\":%s", message->has_clientauth ? "true" : "false");
    json_text("id", message->id);
    json_text("source_id", message->source_id);
    json_text("source_host", message->source_host);
    json_text("endpoint", message->endpoint);
    json_text("file_type", message->file_type);
    json_number("attachments", (int64_t)message->attachments);
    (void)putchar('}');
}

static void json_state_message(const struct state_message *state)
{
    const char *name = topic_state_name(state->topic_type, state->state);
    (void)printf("{\"valid\":%s", state->valid ? "true" : "false");
    if (state->has_serial)
        (void)printf(",\"serial\":%" PRIu64, state->serial);
    json_time("time", state->time);
    json_number("topic_type", state->topic_type);
    json_text("topic_id", state->topic_id);
    json_number("state", state->state);
    json_text("state_name", span_of(name == NULL ? "" : name));
    json_text("user", state->user);
    json_text("user_sid", state->user_sid);
    json_number("criticality", state->criticality);
    (void)printf(",\"params\":[");
    for (size_t i = 0; i < state->param_count && i < REPORT_MOST_PARAMS; i++) {
        (void)printf("%s", i == 0 ? "" : ",");
        show_json_text(stdout, state->params[i]);
    }
    (void)putchar(']');
    json_text("details", state->details);
    (void)putchar('}');
}

static void json_report(const struct report *report)
{
    json_text("client", report->sender.id);
    json_text("name", report->sender.name);
    json_text("version", report->sender.version);
    json_time("date", report->created);
    json_number("priority", report->priority);
    (void)printf(",\"messages\":[");
    for (size_t i = 0; i < report->message_count; i++) {
        (void)printf("%s", i == 0 ? "" : ",");
        json_state_message(&report->messages[i]);
    }
    (void)printf("],\"problems\":[");
    for (size_t i = 0; i < report->problem_count; i++) {
        (void)printf("%s{\"line\":%u,\"message\":%zu", i == 0 ? "" : ",", report->problems[i].line,
                     report->problems[i].message);
        json_text("text", report->problems[i].text);
        (void)putchar('}');
    }
    (void)putchar(']');
}

static void print_json(const struct findings *findings, const struct error *err)
{
    (void)printf("{\"valid\":%s", err == NULL ? "true" : "false");
    json_text("file", span_of(findings->name));
    if (findings->has_message)
        json_message(&findings->message);
    if (findings->has_report)
        json_report(&findings->report);
    if (err != NULL) {
        json_text("rule", span_of(err->rule == NULL ? "" : err->rule));
        json_text("refused", span_of(err->text));
    }
    (void)printf("}\n");
}

void inspect_print(const struct findings *findings, const struct error *err, enum inspect_form form)
{
    if (form == INSPECT_JSON) {
        print_json(findings, err);
    } else if (form == INSPECT_TEXT) {
        print_text(findings, err);
    } else {
        if (findings->has_xml)
            print_xml(findings->xml);
        if (err != NULL)
            show_error("%s: refused, rule %s: %s", findings->name, err->rule == NULL ? "none" : err->rule, err->text);
    }
}
