/*
 * The decision hidden here: a table of the elements that matter, each with its one place, walked along with the
 * parser's events. Everything else, and the second of what may stand only once, is skipped with all that is in it.
 */
#include "report/report.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    MOST_ID = 255,                      /* characters of ClientID */
    MOST_TOPIC_ID = 512,                /* and of what is cut, not refused */
    MOST_PARAM = 4000,
    FIRST_MESSAGES = 4,
};

/* Parents before children. */
enum node {
    OUTSIDE,
    REPORT,
    HEADER,
    IDENTIFICATION,
    MACHINE,
    CLIENT_INSTALLED,
    CLIENT_TYPE,
    CLIENT_ID,
    CLIENT_VERSION,
    NET_BIOS_NAME,
    CODE_PAGE,
    LCID,
    PRIORITY,
    DETAILS,
    REPORT_CONTENT,
    REPORT_TYPE,
    DATE,
    BODY,
    MESSAGE,
    TOPIC,
    STATE,
    STATE_DETAILS,
    PARAMETERS,
    PARAM,
    NODES
};

struct parse {
    const struct report_limits *limits;
    struct arena *arena;
    struct error *err;
    struct report report;
    size_t room;                        /* messages that the array can hold */
    struct buffer text;                 /* of the element that is open */
    enum node node;
    unsigned skipped;                   /* depth inside of an element that does not matter */
    unsigned line;                      /* of the last start tag */
    uint32_t seen;                      /* a bit for each node; those inside a message since its start */
    const char *fault;                  /* why the message is invalid, or NULL */
    const char *first_fault;            /* of the first invalid message, and where */
    unsigned first_fault_line;
    bool counted;                       /* UserParameters said how many */
    uint64_t count;
};

struct attributes {
    const struct xml_attribute *at;
    size_t count;
};

struct element {
    const char *name;
    enum node parent;
    bool many;
    bool (*begin)(struct parse *parse, struct attributes attributes);
    bool (*finish)(struct parse *parse, struct span text);      /* the text is gathered only for those that have one */
    size_t field;                       /* of struct report: where finish_text and finish_number put it */
};

static const struct element elements[NODES];

/* ---- small things ---- */

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

/* Something that was tolerated. */
static bool note(struct parse *parse, size_t message, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool note(struct parse *parse, size_t message, const char *format, ...)
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
    struct report_problem problem = {.line = parse->line, .message = message};
    if (report->problems == NULL || !arena_copy(parse->arena, span_of(text), &problem.text))
        return out_of_memory(parse);
    report->problems[report->problem_count++] = problem;
    return true;
}

/* The number of the message that is open, 0 outside. */
static size_t message_number(const struct parse *parse)
{
    return parse->node >= MESSAGE ? parse->report.message_count : 0;
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
    if (first.len < text.len && !note(parse, message_number(parse), "%s is cut to %zu characters", name, most))
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
    return to_int64(text, out) || text.len == 0 || note(parse, message_number(parse), "%s is not a number", name);
}

static bool read_time(struct parse *parse, struct span text, const char *name, int64_t *out)
{
    text = span_trim(text);
    *out = report_time(text);
    return *out != REPORT_NO_TIME || text.len == 0 || note(parse, message_number(parse), "%s is not a date", name);
}

/* A star counts as 0 where stars are allowed. */
static bool to_digits(const char *at, size_t count, bool stars, int *out)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        const bool star = stars && at[i] == '*';
        if (!star && (at[i] < '0' || at[i] > '9'))
            return false;
        value = value * 10 + (star ? 0 : at[i] - '0');
    }
    *out = value;
    return true;
}

/* Since 1970-01-01; a year that begins in March has its leap day at its end. */
static int64_t count_days(int year, int month, int day)
{
    const int64_t years = month > 2 ? year : year - 1;
    const int64_t months = (month + 9) % 12;
    return years * 365 + years / 4 - years / 100 + years / 400 + (months * 306 + 5) / 10 + day - 1 - 719468;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

int64_t report_time(struct span text)
{
    int year, month, day, hour, minute, second, fraction, offset;
    const char *at = text.at;
    if (text.len != 25 || at[14] != '.' || (at[21] != '+' && at[21] != '-') || !to_digits(at, 4, false, &year) ||
        !to_digits(at + 4, 2, false, &month) || !to_digits(at + 6, 2, false, &day) ||
        !to_digits(at + 8, 2, false, &hour) || !to_digits(at + 10, 2, false, &minute) ||
        !to_digits(at + 12, 2, false, &second) || !to_digits(at + 15, 6, true, &fraction) ||
        !to_digits(at + 22, 3, true, &offset))
        return REPORT_NO_TIME;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return REPORT_NO_TIME;
    const int64_t minutes = (count_days(year, month, day) * 24 + hour) * 60 + minute;
    return ((minutes - (at[21] == '+' ? offset : -offset)) * 60 + second) * 1000000 + fraction;
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
    return keep(parse, text, (struct span *)((char *)&parse->report + elements[parse->node].field));
}

static bool finish_number(struct parse *parse, struct span text)
{
    const struct element *element = &elements[parse->node];
    return read_number(parse, text, element->name, (int64_t *)((char *)&parse->report + element->field));
}

static bool finish_date(struct parse *parse, struct span text)
{
    return read_time(parse, text, "Date", &parse->report.created);
}

static bool finish_priority(struct parse *parse, struct span text)
{
    int64_t value = REPORT_NO_NUMBER;
    if (!read_number(parse, text, "Priority", &value))
        return false;
    if (value == REPORT_NO_NUMBER)
        return true;
    if (value < 0)
        return note(parse, 0, "Priority is negative");
    parse->report.priority = value > INT_MAX ? INT_MAX : (int)value;
    parse->report.priority_sent = true;
    return true;
}

static bool begin_client_id(struct parse *parse, struct attributes attributes)
{
    parse->report.sender.flagged = find_attribute(attributes, "IDFlag") != NULL;
    return true;
}

/* The form in which identifiers are compared; `key` has room for all of `id`. */
static size_t write_key(struct span id, char *key)
{
    size_t len = 0;
    for (size_t i = 0; i < id.len; i++) {
        const char c = id.at[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            key[len++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return len;
}

static bool finish_client_id(struct parse *parse, struct span text)
{
    static const struct span prefix = {"GUID:", 5};
    struct sender *sender = &parse->report.sender;
    struct span rest = span_trim(text);
    if (measure(rest, MOST_ID) < rest.len)
        return error_refuse(parse->err, ERROR_MALFORMED, "report", "line %u: ClientID of more than %d characters",
                            parse->line, MOST_ID);
    if (!keep(parse, rest, &sender->id))
        return false;
    sender->prefixed = rest.len >= prefix.len && span_equal_nocase((struct span){rest.at, prefix.len}, prefix);
    if (sender->prefixed)
        rest = (struct span){rest.at + prefix.len, rest.len - prefix.len};
    char *key = arena_alloc(parse->arena, rest.len);
    if (key == NULL)
        return out_of_memory(parse);
    sender->key = (struct span){key, write_key(rest, key)};
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
    parse->seen &= (UINT32_C(1) << (MESSAGE + 1)) - 1;
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
    if ((parse->seen & UINT32_C(1) << TOPIC) == 0)
        spoil(parse, "no Topic");
    if ((parse->seen & UINT32_C(1) << STATE) == 0)
        spoil(parse, "no State");
    now->valid = parse->fault == NULL;
    parse->line = now->line;
    if (parse->counted && parse->count != now->param_count &&
        !note(parse, message_number(parse), "UserParameters/@Count is %llu, but there are %zu",
              (unsigned long long)parse->count, now->param_count))
        return false;
    if (now->param_count > REPORT_MOST_PARAMS &&
        !note(parse, message_number(parse), "%zu Params, of which the first %d are kept", now->param_count,
              REPORT_MOST_PARAMS))
        return false;
    if (now->valid)
        return true;
    if (parse->report.invalid_count++ == 0) {
        parse->first_fault = parse->fault;
        parse->first_fault_line = now->line;
    }
    return note(parse, message_number(parse), "the message is invalid: %s", parse->fault);
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

/* ---- the walk ---- */

#define AT(member) offsetof(struct report, member)

static const struct element elements[NODES] = {
    [OUTSIDE] = {.name = ""},
    [REPORT] = {"Report", OUTSIDE, false, NULL, NULL, 0},
    [HEADER] = {"ReportHeader", REPORT, false, NULL, NULL, 0},
    [IDENTIFICATION] = {"Identification", HEADER, false, NULL, NULL, 0},
    [MACHINE] = {"Machine", IDENTIFICATION, false, NULL, NULL, 0},
    [CLIENT_INSTALLED] = {"ClientInstalled", MACHINE, false, NULL, finish_number, AT(sender.installed)},
    [CLIENT_TYPE] = {"ClientType", MACHINE, false, NULL, finish_number, AT(sender.type)},
    [CLIENT_ID] = {"ClientID", MACHINE, false, begin_client_id, finish_client_id, 0},
    [CLIENT_VERSION] = {"ClientVersion", MACHINE, false, NULL, finish_text, AT(sender.version)},
    [NET_BIOS_NAME] = {"NetBIOSName", MACHINE, false, NULL, finish_text, AT(sender.name)},
    [CODE_PAGE] = {"CodePage", MACHINE, false, NULL, finish_number, AT(sender.code_page)},
    [LCID] = {"SystemDefaultLCID", MACHINE, false, NULL, finish_number, AT(sender.lcid)},
    [PRIORITY] = {"Priority", MACHINE, false, NULL, finish_priority, 0},
    [DETAILS] = {"ReportDetails", HEADER, false, NULL, NULL, 0},
    [REPORT_CONTENT] = {"ReportContent", DETAILS, false, NULL, finish_text, AT(content)},
    [REPORT_TYPE] = {"ReportType", DETAILS, false, NULL, finish_text, AT(type)},
    [DATE] = {"Date", DETAILS, false, NULL, finish_date, 0},
    [BODY] = {"ReportBody", REPORT, false, NULL, NULL, 0},
    [MESSAGE] = {"StateMessage", BODY, true, begin_message, finish_message, 0},
    [TOPIC] = {"Topic", MESSAGE, false, begin_topic, NULL, 0},
    [STATE] = {"State", MESSAGE, false, begin_state, NULL, 0},
    [STATE_DETAILS] = {"StateDetails", MESSAGE, false, begin_details, finish_details, 0},
    [PARAMETERS] = {"UserParameters", MESSAGE, false, begin_parameters, NULL, 0},
    [PARAM] = {"Param", PARAMETERS, true, NULL, finish_param, 0},
};

/* OUTSIDE: it has no such child. */
static enum node find_child(enum node parent, struct span name)
{
    for (enum node child = parent + 1; child < NODES; child++) {
        const char *known = elements[child].name;
        if (elements[child].parent == parent && strlen(known) == name.len && memcmp(known, name.at, name.len) == 0)
            return child;
    }
    return OUTSIDE;
}

static bool on_start(void *owner, struct span name, bool known, const struct xml_attribute *attributes, size_t count,
                     unsigned line, struct error *err)
{
    struct parse *parse = owner;
    if (parse->skipped > 0) {
        parse->skipped++;
        return true;
    }
    const enum node node = known ? find_child(parse->node, name) : OUTSIDE;
    const struct element *element = &elements[node];
    parse->line = line;
    if (node == OUTSIDE) {
        parse->skipped = 1;
        return parse->node != OUTSIDE ||
               error_refuse(err, ERROR_MALFORMED, "report", "line %u: the root element is not Report", line);
    }
    if (!element->many && (parse->seen & UINT32_C(1) << node) != 0) {
        parse->skipped = 1;
        return note(parse, message_number(parse), "a second %s is ignored", element->name);
    }
    parse->seen |= UINT32_C(1) << node;
    parse->node = node;
    parse->text.len = 0;
    return element->begin == NULL || element->begin(parse, (struct attributes){attributes, count});
}

static bool on_text(void *owner, struct span text, struct error *err)
{
    struct parse *parse = owner;
    if (parse->skipped > 0 || elements[parse->node].finish == NULL)
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
    const struct element *element = &elements[parse->node];
    if (element->finish != NULL && !element->finish(parse, buffer_span(&parse->text)))
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
        .report = {
            .sender = {
                .installed = REPORT_NO_NUMBER,
                .type = REPORT_NO_NUMBER,
                .code_page = REPORT_NO_NUMBER,
                .lcid = REPORT_NO_NUMBER,
            },
            .priority = REPORT_PRIORITY_DEFAULT,
            .created = REPORT_NO_TIME,
        },
    };
    buffer_init(&parse.text, bytes.len + bytes.len / 2);    /* UTF-16 may become half as much again */
    const bool done = xml_read(reader, bytes, encoding, &limits->xml, &events, &parse, "report", err) &&
                      check(&parse, err);
    buffer_fini(&parse.text);
    if (done)
        *out = parse.report;
    return done;
}
