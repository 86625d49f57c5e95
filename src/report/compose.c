/*
 * The decision hidden here: what stands where, in the order in which clients write it, and that a fault of the buffer is
 * remembered and looked at once, at the end, so that the order can be read from the code.
 */
#include "report/compose.h"

#include <inttypes.h>
#include <stdio.h>

struct writer {
    struct buffer *out;
    struct error *err;
    bool good;
};

/* ---- text ---- */

static void add_bytes(struct writer *writer, const char *bytes, size_t len)
{
    writer->good = writer->good && buffer_add(writer->out, bytes, len, writer->err);
}

/* ASCII, as it is. */
static void add(struct writer *writer, const char *text)
{
    char wide[128];
    while (*text != '\0') {
        size_t len = 0;
        for (; len < sizeof wide && *text != '\0'; text++)
            len += text_write_utf16le((unsigned char)*text, wide + len);
        add_bytes(writer, wide, len);
    }
}

static const char *reference_of(uint32_t point)
{
    switch (point) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";              /* "]]>" is not allowed in text */
    case '"':
        return "&quot;";
    case '\t':
        return "&#9;";              /* a parser makes blanks of these in attributes, */
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";             /* and a line feed of this one everywhere */
    default:
        return NULL;
    }
}

static uint32_t fit_for_xml(uint32_t point)
{
    return point < ' ' || point == 0xFFFE || point == 0xFFFF ? TEXT_REPLACEMENT : point;
}

static void add_escaped(struct writer *writer, struct span text)
{
    for (size_t pos = 0, size = 0; pos < text.len; pos += size) {
        const uint32_t point = text_first((struct span){text.at + pos, text.len - pos}, &size);
        const char *reference = reference_of(point);
        char wide[4];
        if (reference != NULL)
            add(writer, reference);
        else
            add_bytes(writer, wide, text_write_utf16le(fit_for_xml(point), wide));
    }
}

enum { NUMBER_SIZE = 24 };

static void add_element(struct writer *writer, const char *name, struct span text)
{
    add(writer, "<");
    add(writer, name);
    add(writer, ">");
    add_escaped(writer, text);
    add(writer, "</");
    add(writer, name);
    add(writer, ">");
}

static void add_optional(struct writer *writer, const char *name, struct span text)
{
    if (text.len > 0)
        add_element(writer, name, text);
}

static void add_number(struct writer *writer, const char *name, int64_t value)
{
    char digits[NUMBER_SIZE];
    (void)snprintf(digits, sizeof digits, "%" PRId64, value);
    if (value != REPORT_NO_NUMBER)
        add_element(writer, name, span_of(digits));
}

static void add_attribute(struct writer *writer, const char *name, struct span value)
{
    add(writer, " ");
    add(writer, name);
    add(writer, "=\"");
    add_escaped(writer, value);
    add(writer, "\"");
}

static void add_unsigned_attribute(struct writer *writer, const char *name, uint64_t value)
{
    char digits[NUMBER_SIZE];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, value);
    add_attribute(writer, name, span_of(digits));
}

static void add_number_attribute(struct writer *writer, const char *name, int64_t value)
{
    char digits[NUMBER_SIZE];
    (void)snprintf(digits, sizeof digits, "%" PRId64, value);
    if (value != REPORT_NO_NUMBER)
        add_attribute(writer, name, span_of(digits));
}

/* ---- times ---- */

#define MICROSECONDS_A_DAY INT64_C(86400000000)

struct day {
    int year;
    int month;
    int day;
};

/* Days since 0000-03-01: a year that begins in March has its leap day at its end. */
static struct day find_day(int64_t days)
{
    const int64_t cycle = days / 146097;        /* 400 years */
    const int64_t in_cycle = days % 146097;
    const int64_t year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
    const int64_t in_year = in_cycle - (365 * year + year / 4 - year / 100);
    const int64_t month = (5 * in_year + 2) / 153;
    const bool early = month >= 10;             /* January and February */
    return (struct day){
        .year = (int)(cycle * 400 + year) + early,
        .month = (int)month + (early ? -9 : 3),
        .day = (int)(in_year - (153 * month + 2) / 5 + 1),
    };
}

static void write_digits(char *out, int count, int64_t value)
{
    for (; count > 0; value /= 10)
        out[--count] = (char)('0' + value % 10);
}

void compose_time(int64_t time, char out[COMPOSE_TIME_SIZE])
{
    const int64_t origin = INT64_C(-719468) * MICROSECONDS_A_DAY;       /* 0000-03-01 */
    const int64_t least = INT64_C(-134774) * MICROSECONDS_A_DAY;        /* 1601-01-01 */
    const int64_t most = INT64_C(2932897) * MICROSECONDS_A_DAY - 1;     /* the end of 9999 */
    time = (time < least ? least : time > most ? most : time) - origin;
    const struct day day = find_day(time / MICROSECONDS_A_DAY);
    const int64_t seconds = time % MICROSECONDS_A_DAY / 1000000;
    write_digits(out, 4, day.year);
    write_digits(out + 4, 2, day.month);
    write_digits(out + 6, 2, day.day);
    write_digits(out + 8, 2, seconds / 3600);
    write_digits(out + 10, 2, seconds / 60 % 60);
    write_digits(out + 12, 2, seconds % 60);
    out[14] = '.';
    write_digits(out + 15, 6, time % 1000000);
    memcpy(out + 21, "+000", sizeof "+000");
}

static void add_time_attribute(struct writer *writer, const char *name, int64_t time)
{
    char text[COMPOSE_TIME_SIZE];
    compose_time(time, text);
    if (time != REPORT_NO_TIME)
        add_attribute(writer, name, span_of(text));
}

/* ---- the report ---- */

static void add_machine(struct writer *writer, const struct report *report)
{
    const struct sender *sender = &report->sender;
    add(writer, "<Machine>");
    add_number(writer, "ClientInstalled", sender->installed);
    add_number(writer, "ClientType", sender->type);
    add(writer, sender->flagged ? "<ClientID IDType=\"0\" IDFlag=\"1\">" : "<ClientID>");
    add_escaped(writer, sender->id);
    add(writer, "</ClientID>");
    add_optional(writer, "ClientVersion", sender->version);
    add_optional(writer, "NetBIOSName", sender->name);
    add_number(writer, "CodePage", sender->code_page);
    add_number(writer, "SystemDefaultLCID", sender->lcid);
    add_number(writer, "Priority", report->priority_sent ? report->priority : REPORT_NO_NUMBER);
    add(writer, "</Machine>");
}

static void add_header(struct writer *writer, const struct report *report)
{
    char date[COMPOSE_TIME_SIZE];
    add(writer, "<ReportHeader><Identification>");
    add_machine(writer, report);
    add(writer, "</Identification><ReportDetails>");
    add_optional(writer, "ReportContent", report->content);
    add_optional(writer, "ReportType", report->type);
    compose_time(report->created, date);
    if (report->created != REPORT_NO_TIME)
        add_element(writer, "Date", span_of(date));
    add(writer, "<Version>1.0</Version><Format>1.0</Format></ReportDetails></ReportHeader>");
}

static void add_topic(struct writer *writer, const struct state_message *message)
{
    add(writer, "<Topic");
    add_attribute(writer, "ID", message->topic_id);
    add_unsigned_attribute(writer, "Type", message->topic_type);
    add_number_attribute(writer, "IDType", message->topic_id_type);
    add_attribute(writer, "User", message->user);
    add_attribute(writer, "UserSID", message->user_sid);
    add(writer, "/>");
}

static void add_details(struct writer *writer, const struct state_message *message)
{
    if (message->details.len == 0 && message->details_type == REPORT_NO_NUMBER)
        return;
    add(writer, "<StateDetails");
    add_number_attribute(writer, "Type", message->details_type);
    add(writer, ">");
    add_escaped(writer, message->details);
    add(writer, "</StateDetails>");
}

static void add_parameters(struct writer *writer, const struct state_message *message)
{
    const size_t count = message->param_count < REPORT_MOST_PARAMS ? message->param_count : REPORT_MOST_PARAMS;
    if (count == 0 && message->param_flags == REPORT_NO_NUMBER)
        return;
    add(writer, "<UserParameters");
    add_number_attribute(writer, "Flags", message->param_flags);
    add_unsigned_attribute(writer, "Count", count);
    add(writer, ">");
    for (size_t i = 0; i < count; i++)
        add_element(writer, "Param", message->params[i]);
    add(writer, "</UserParameters>");
}

static void add_message(struct writer *writer, const struct state_message *message)
{
    add(writer, "<StateMessage");
    add_time_attribute(writer, "MessageTime", message->time);
    if (message->has_serial)
        add_unsigned_attribute(writer, "SerialNumber", message->serial);
    add(writer, ">");
    add_topic(writer, message);
    add(writer, "<State");
    add_unsigned_attribute(writer, "ID", message->state);
    add_number_attribute(writer, "Criticality", message->criticality);
    add(writer, "/>");
    add_details(writer, message);
    add_parameters(writer, message);
    add(writer, "</StateMessage>");
}

bool compose_report(const struct report *report, struct buffer *out, struct error *err)
{
    struct writer writer = {out, err, true};
    const size_t before = out->len;
    add(&writer, "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<Report>");
    add_header(&writer, report);
    add(&writer, "<ReportBody>");
    for (size_t i = 0; i < report->message_count && writer.good; i++)
        add_message(&writer, &report->messages[i]);
    add(&writer, "</ReportBody></Report>\r\n");
    if (!writer.good)
        out->len = before;
    return writer.good;
}
