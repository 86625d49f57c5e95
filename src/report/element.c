/* The decision hidden here: what each element of a report means, which of its faults are shrugged off (spec/smx.md 6.1)
 * and which are not (6.2). */
#include "element.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    MOST_ID = 255,                      /* characters of ClientID */
    MOST_TOPIC_ID = 512,                /* and of what is cut, not refused */
    MOST_PARAM = 4000,
    FIRST_MESSAGES = 4,
};

static bool out_of_memory(struct parse *parse)
{
    return arena_error(parse->arena, "limit", parse->err);
}

static bool keep(struct parse *parse, struct span text, struct span *out)
{
    text = span_trim(text);
    *out = SPAN("");
    return text.len == 0 || arena_copy(parse->arena, text, out) || out_of_memory(parse);
}

/* The number of the message that is open, 0 outside. */
static size_t message_number(const struct parse *parse)
{
    return parse->node >= ELEMENT_MESSAGE ? parse->report.message_count : 0;
}

bool element_note(struct parse *parse, const char *format, ...)
{
    struct report *report = &parse->report;
    if (report->problems_seen++ >= REPORT_MOST_PROBLEMS)
        return true;
    if (report->problems == NULL)
        report->problems = arena_alloc(parse->arena, REPORT_MOST_PROBLEMS * sizeof *report->problems);
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct report_problem problem = {.line = parse->line, .message = message_number(parse)};
    if (report->problems == NULL || !arena_copy(parse->arena, span_of(text), &problem.text))
        return out_of_memory(parse);
    report->problems[report->problem_count++] = problem;
    return true;
}

static struct state_message *message(struct parse *parse)
{
    return &parse->report.messages[parse->report.message_count - 1];
}

static void spoil(struct parse *parse, const char *fault)
{
    if (parse->fault == NULL)
        parse->fault = fault;
}

/* The length of the first `most` characters. */
static size_t measure(struct span text, size_t most)
{
    size_t len = 0;
    for (size_t characters = 0; len < text.len; len++) {
        const bool starts = (text.at[len] & 0xC0) != 0x80;
        if (starts && characters++ == most)
            break;
    }
    return len;
}

static bool keep_cut(struct parse *parse, struct span text, size_t most, const char *name, struct span *out)
{
    text = span_trim(text);
    const struct span first = {text.at, measure(text, most)};
    if (first.len < text.len && !element_note(parse, "%s is cut to %zu characters", name, most))
        return false;
    return keep(parse, first, out);
}

/* ---- numbers and times ---- */

static bool to_int64(struct span text, int64_t *out)
{
    const bool negative = text.len > 0 && text.at[0] == '-';
    uint64_t value;
    if (!span_to_uint64((struct span){text.at + negative, text.len - negative}, &value) || value > INT64_MAX)
        return false;
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* An optional number: what is none is noted and counts as absent, like an empty one. */
static bool read_number(struct parse *parse, struct span text, const char *name, int64_t *out)
{
    text = span_trim(text);
    *out = REPORT_NO_NUMBER;
    return to_int64(text, out) || text.len == 0 || element_note(parse, "%s is not a number", name);
}

static bool read_time(struct parse *parse, struct span text, const char *name, int64_t *out)
{
    text = span_trim(text);
    *out = report_time(text);
    return *out != REPORT_NO_TIME || text.len == 0 || element_note(parse, "%s is not a date", name);
}

/* ---- attributes ---- */

/* NULL: absent. */
static const struct span *find_attribute(struct attributes attributes, const char *name)
{
    const size_t len = strlen(name);
    for (size_t i = 0; i < attributes.count; i++)
        if (attributes.at[i].name.len == len && memcmp(attributes.at[i].name.at, name, len) == 0)
            return &attributes.at[i].value;
    return NULL;
}

static struct span attribute(struct attributes attributes, const char *name)
{
    const struct span *value = find_attribute(attributes, name);
    return value == NULL ? SPAN("") : *value;
}

/* A number without which the message is invalid. */
static void demand_number(struct parse *parse, struct attributes attributes, const char *name, uint32_t *out,
                          const char *absent, const char *bad)
{
    const struct span *value = find_attribute(attributes, name);
    uint64_t number = 0;
    if (value == NULL)
        spoil(parse, absent);
    else if (!span_to_uint64(span_trim(*value), &number) || number > UINT32_MAX)
        spoil(parse, bad);
    *out = (uint32_t)number;
}

/* ---- the elements of the header ---- */

static bool finish_text(struct parse *parse, struct span text)
{
    return keep(parse, text, (struct span *)((char *)&parse->report + element_table[parse->node].field));
}

static bool finish_number(struct parse *parse, struct span text)
{
    const struct element *element = &element_table[parse->node];
    return read_number(parse, text, element->name, (int64_t *)((char *)&parse->report + element->field));
}

static bool finish_date(struct parse *parse, struct span text)
{
    return read_time(parse, text, "Date", &parse->report.created);
}

static bool is_digits(struct span text)
{
    size_t i = 0;
    while (i < text.len && text.at[i] >= '0' && text.at[i] <= '9')
        i++;
    return text.len > 0 && i == text.len;
}

/* A number beyond all of ours is still one: the lowest priority, not the usual one. */
static bool finish_priority(struct parse *parse, struct span text)
{
    int64_t value = REPORT_NO_NUMBER;
    if (is_digits(span_trim(text)) && !to_int64(span_trim(text), &value))
        value = INT_MAX;
    else if (!read_number(parse, text, "Priority", &value))
        return false;
    if (value == REPORT_NO_NUMBER)
        return true;
    if (value < 0)
        return element_note(parse, "Priority is negative");
    parse->report.priority = value > INT_MAX ? INT_MAX : (int)value;
    parse->report.priority_sent = true;
    return true;
}

static bool begin_client_id(struct parse *parse, struct attributes attributes)
{
    parse->report.sender.flagged = find_attribute(attributes, "IDFlag") != NULL;
    return true;
}

static bool has_prefix(struct span id)
{
    return id.len >= 5 && span_equal_nocase((struct span){id.at, 5}, SPAN("GUID:"));
}

size_t report_client_key(struct span id, char *key)
{
    size_t len = 0;
    id = span_trim(id);
    if (has_prefix(id))
        id = (struct span){id.at + 5, id.len - 5};
    for (size_t i = 0; i < id.len; i++) {
        const char c = id.at[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            key[len++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return len;
}

static bool finish_client_id(struct parse *parse, struct span text)
{
    struct sender *sender = &parse->report.sender;
    const struct span rest = span_trim(text);
    if (measure(rest, MOST_ID) < rest.len)
        return error_refuse(parse->err, ERROR_MALFORMED, "report", "line %u: ClientID of more than %d characters",
                            parse->line, MOST_ID);
    if (!keep(parse, rest, &sender->id))
        return false;
    sender->prefixed = has_prefix(rest);
    char *key = arena_alloc(parse->arena, rest.len);
    if (key == NULL)
        return out_of_memory(parse);
    sender->key = (struct span){key, report_client_key(rest, key)};
    return true;
}

/* ---- the elements of a message ---- */

static bool add_message(struct parse *parse)
{
    struct report *report = &parse->report;
    if (report->message_count == parse->limits->messages)
        return error_refuse(parse->err, ERROR_TOO_BIG, "limit", "line %u: more than %zu messages", parse->line,
                            parse->limits->messages);
    if (report->message_count == parse->room) {
        const size_t room = parse->room == 0 ? FIRST_MESSAGES : parse->room * 2;
        struct state_message *messages = arena_alloc(parse->arena, room * sizeof *messages);
        if (messages == NULL)
            return out_of_memory(parse);
        if (parse->room > 0)
            memcpy(messages, report->messages, parse->room * sizeof *messages);
        report->messages = messages;
        parse->room = room;
    }
    report->message_count++;
    *message(parse) = (struct state_message){
        .line = parse->line,
        .time = REPORT_NO_TIME,
        .topic_id_type = REPORT_NO_NUMBER,
        .criticality = REPORT_NO_NUMBER,
        .details_type = REPORT_NO_NUMBER,
        .param_flags = REPORT_NO_NUMBER,
    };
    return true;
}

static bool begin_message(struct parse *parse, struct attributes attributes)
{
    if (!add_message(parse))
        return false;
    const struct span serial = span_trim(attribute(attributes, "SerialNumber"));
    struct state_message *now = message(parse);
    parse->seen &= (UINT32_C(1) << (ELEMENT_MESSAGE + 1)) - 1;
    parse->fault = NULL;
    parse->counted = false;
    now->has_serial = span_to_uint64(serial, &now->serial);
    if (!now->has_serial && serial.len > 0)
        spoil(parse, "SerialNumber is not a number of 64 bits");
    return read_time(parse, attribute(attributes, "MessageTime"), "MessageTime", &now->time);
}

static bool finish_message(struct parse *parse, struct span text)
{
    (void)text;
    struct state_message *now = message(parse);
    if ((parse->seen & UINT32_C(1) << ELEMENT_TOPIC) == 0)
        spoil(parse, "no Topic");
    if ((parse->seen & UINT32_C(1) << ELEMENT_STATE) == 0)
        spoil(parse, "no State");
    now->valid = parse->fault == NULL;
    parse->line = now->line;
    if (parse->counted && parse->count != now->param_count &&
        !element_note(parse, "UserParameters/@Count is %llu, but there are %zu", (unsigned long long)parse->count,
                      now->param_count))
        return false;
    if (now->param_count > REPORT_MOST_PARAMS &&
        !element_note(parse, "%zu Params, of which the first %d are kept", now->param_count, REPORT_MOST_PARAMS))
        return false;
    if (now->valid)
        return true;
    if (parse->report.invalid_count++ == 0) {
        parse->first_fault = parse->fault;
        parse->first_fault_line = now->line;
    }
    return element_note(parse, REPORT_INVALID "%s", parse->fault);
}

static bool begin_topic(struct parse *parse, struct attributes attributes)
{
    struct state_message *now = message(parse);
    demand_number(parse, attributes, "Type", &now->topic_type, "no Topic/@Type", "Topic/@Type is not a number");
    return keep_cut(parse, attribute(attributes, "ID"), MOST_TOPIC_ID, "Topic/@ID", &now->topic_id) &&
           keep(parse, attribute(attributes, "User"), &now->user) &&
           keep(parse, attribute(attributes, "UserSID"), &now->user_sid) &&
           read_number(parse, attribute(attributes, "IDType"), "Topic/@IDType", &now->topic_id_type);
}

static bool begin_state(struct parse *parse, struct attributes attributes)
{
    struct state_message *now = message(parse);
    demand_number(parse, attributes, "ID", &now->state, "no State/@ID", "State/@ID is not a number");
    return read_number(parse, attribute(attributes, "Criticality"), "State/@Criticality", &now->criticality);
}

static bool begin_details(struct parse *parse, struct attributes attributes)
{
    return read_number(parse, attribute(attributes, "Type"), "StateDetails/@Type", &message(parse)->details_type);
}

static bool finish_details(struct parse *parse, struct span text)
{
    return keep(parse, text, &message(parse)->details);
}

static bool begin_parameters(struct parse *parse, struct attributes attributes)
{
    parse->counted = span_to_uint64(span_trim(attribute(attributes, "Count")), &parse->count);
    return read_number(parse, attribute(attributes, "Flags"), "UserParameters/@Flags", &message(parse)->param_flags);
}

static bool finish_param(struct parse *parse, struct span text)
{
    struct state_message *now = message(parse);
    const size_t index = now->param_count++;
    return index >= REPORT_MOST_PARAMS || keep_cut(parse, text, MOST_PARAM, "Param", &now->params[index]);
}

/* ---- the table ---- */

#define AT(member) offsetof(struct report, member)

const struct element element_table[ELEMENT_COUNT] = {
    [ELEMENT_OUTSIDE] = {.name = ""},
    [ELEMENT_REPORT] = {"Report", ELEMENT_OUTSIDE, false, NULL, NULL, 0},
    [ELEMENT_HEADER] = {"ReportHeader", ELEMENT_REPORT, false, NULL, NULL, 0},
    [ELEMENT_IDENTIFICATION] = {"Identification", ELEMENT_HEADER, false, NULL, NULL, 0},
    [ELEMENT_MACHINE] = {"Machine", ELEMENT_IDENTIFICATION, false, NULL, NULL, 0},
    [ELEMENT_CLIENT_INSTALLED] = {"ClientInstalled", ELEMENT_MACHINE, false, NULL, finish_number, AT(sender.installed)},
    [ELEMENT_CLIENT_TYPE] = {"ClientType", ELEMENT_MACHINE, false, NULL, finish_number, AT(sender.type)},
    [ELEMENT_CLIENT_ID] = {"ClientID", ELEMENT_MACHINE, false, begin_client_id, finish_client_id, 0},
    [ELEMENT_CLIENT_VERSION] = {"ClientVersion", ELEMENT_MACHINE, false, NULL, finish_text, AT(sender.version)},
    [ELEMENT_NET_BIOS_NAME] = {"NetBIOSName", ELEMENT_MACHINE, false, NULL, finish_text, AT(sender.name)},
    [ELEMENT_CODE_PAGE] = {"CodePage", ELEMENT_MACHINE, false, NULL, finish_number, AT(sender.code_page)},
    [ELEMENT_LCID] = {"SystemDefaultLCID", ELEMENT_MACHINE, false, NULL, finish_number, AT(sender.lcid)},
    [ELEMENT_PRIORITY] = {"Priority", ELEMENT_MACHINE, false, NULL, finish_priority, 0},
    [ELEMENT_DETAILS] = {"ReportDetails", ELEMENT_HEADER, false, NULL, NULL, 0},
    [ELEMENT_REPORT_CONTENT] = {"ReportContent", ELEMENT_DETAILS, false, NULL, finish_text, AT(content)},
    [ELEMENT_REPORT_TYPE] = {"ReportType", ELEMENT_DETAILS, false, NULL, finish_text, AT(type)},
    [ELEMENT_DATE] = {"Date", ELEMENT_DETAILS, false, NULL, finish_date, 0},
    [ELEMENT_BODY] = {"ReportBody", ELEMENT_REPORT, false, NULL, NULL, 0},
    [ELEMENT_MESSAGE] = {"StateMessage", ELEMENT_BODY, true, begin_message, finish_message, 0},
    [ELEMENT_TOPIC] = {"Topic", ELEMENT_MESSAGE, false, begin_topic, NULL, 0},
    [ELEMENT_STATE] = {"State", ELEMENT_MESSAGE, false, begin_state, NULL, 0},
    [ELEMENT_STATE_DETAILS] = {"StateDetails", ELEMENT_MESSAGE, false, begin_details, finish_details, 0},
    [ELEMENT_PARAMETERS] = {"UserParameters", ELEMENT_MESSAGE, false, begin_parameters, NULL, 0},
    [ELEMENT_PARAM] = {"Param", ELEMENT_PARAMETERS, true, NULL, finish_param, 0},
};

enum element_node element_find(enum element_node parent, struct span name)
{
    for (enum element_node child = parent + 1; child < ELEMENT_COUNT; child++) {
        const char *known = element_table[child].name;
        if (element_table[child].parent == parent && strlen(known) == name.len && memcmp(known, name.at, name.len) == 0)
            return child;
    }
    return ELEMENT_OUTSIDE;
}
