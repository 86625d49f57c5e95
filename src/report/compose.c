/*
 * The decision hidden here: what stands where, in the order in which clients write it. Faults are looked at once, at the
 * end (writer.h), so that the order can be read from the code.
 */
#include "report/compose.h"

#include "writer.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- numbers ---- */

enum { NUMBER_SIZE = 24 };

static void add_optional(struct writer *writer, const char *name, struct span text)
{
    if (text.len > 0)
        writer_add_element(writer, name, text);
}

static void add_number(struct writer *writer, const char *name, int64_t value)
{
    char digits[NUMBER_SIZE];
    (void)snprintf(digits, sizeof digits, "%" PRId64, value);
    if (value != REPORT_NO_NUMBER)
        writer_add_element(writer, name, span_of(digits));
}

static void add_unsigned_attribute(struct writer *writer, const char *name, uint64_t value)
{
    char digits[NUMBER_SIZE];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, value);
    writer_add_attribute(writer, name, span_of(digits));
}

static void add_number_attribute(struct writer *writer, const char *name, int64_t value)
{
    char digits[NUMBER_SIZE];
    (void)snprintf(digits, sizeof digits, "%" PRId64, value);
    if (value != REPORT_NO_NUMBER)
        writer_add_attribute(writer, name, span_of(digits));
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
        writer_add_attribute(writer, name, span_of(text));
}

/* ---- the report ---- */

static void add_machine(struct writer *writer, const struct report *report)
{
    const struct sender *sender = &report->sender;
    writer_add(writer, "<Machine>");
    add_number(writer, "ClientInstalled", sender->installed);
    add_number(writer, "ClientType", sender->type);
    writer_add(writer, sender->flagged ? "<ClientID IDType=\"0\" IDFlag=\"1\">" : "<ClientID>");
    writer_add_escaped(writer, sender->id);
    writer_add(writer, "</ClientID>");
    add_optional(writer, "ClientVersion", sender->version);
    add_optional(writer, "NetBIOSName", sender->name);
    add_number(writer, "CodePage", sender->code_page);
    add_number(writer, "SystemDefaultLCID", sender->lcid);
    add_number(writer, "Priority", report->priority_sent ? report->priority : REPORT_NO_NUMBER);
    writer_add(writer, "</Machine>");
}

static void add_header(struct writer *writer, const struct report *report)
{
    char date[COMPOSE_TIME_SIZE];
    writer_add(writer, "<ReportHeader><Identification>");
    add_machine(writer, report);
    writer_add(writer, "</Identification><ReportDetails>");
    add_optional(writer, "ReportContent", report->content);
    add_optional(writer, "ReportType", report->type);
    compose_time(report->created, date);
    if (report->created != REPORT_NO_TIME)
        writer_add_element(writer, "Date", span_of(date));
    writer_add(writer, "<Version>1.0</Version><Format>1.0</Format></ReportDetails></ReportHeader>");
}

static void add_topic(struct writer *writer, const struct state_message *message)
{
    writer_add(writer, "<Topic");
    writer_add_attribute(writer, "ID", message->topic_id);
    add_unsigned_attribute(writer, "Type", message->topic_type);
    add_number_attribute(writer, "IDType", message->topic_id_type);
    writer_add_attribute(writer, "User", message->user);
    writer_add_attribute(writer, "UserSID", message->user_sid);
    writer_add(writer, "/>");
}

static void add_details(struct writer *writer, const struct state_message *message)
{
    if (message->details.len == 0 && message->details_type == REPORT_NO_NUMBER)
        return;
    writer_add(writer, "<StateDetails");
    add_number_attribute(writer, "Type", message->details_type);
    writer_add(writer, ">");
    writer_add_escaped(writer, message->details);
    writer_add(writer, "</StateDetails>");
}

static void add_parameters(struct writer *writer, const struct state_message *message)
{
    const size_t count = message->param_count < REPORT_MOST_PARAMS ? message->param_count : REPORT_MOST_PARAMS;
    if (count == 0 && message->param_flags == REPORT_NO_NUMBER)
        return;
    writer_add(writer, "<UserParameters");
    add_number_attribute(writer, "Flags", message->param_flags);
    add_unsigned_attribute(writer, "Count", count);
    writer_add(writer, ">");
    for (size_t i = 0; i < count; i++)
        writer_add_element(writer, "Param", message->params[i]);
    writer_add(writer, "</UserParameters>");
}

static void add_message(struct writer *writer, const struct state_message *message)
{
    writer_add(writer, "<StateMessage");
    add_time_attribute(writer, "MessageTime", message->time);
    if (message->has_serial)
        add_unsigned_attribute(writer, "SerialNumber", message->serial);
    writer_add(writer, ">");
    add_topic(writer, message);
    writer_add(writer, "<State");
    add_unsigned_attribute(writer, "ID", message->state);
    add_number_attribute(writer, "Criticality", message->criticality);
    writer_add(writer, "/>");
    add_details(writer, message);
    add_parameters(writer, message);
    writer_add(writer, "</StateMessage>");
}

bool compose_report(const struct report *report, struct buffer *out, struct error *err)
{
    struct writer writer = {out, err, true};
    const size_t before = out->len;
    writer_add(&writer, "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<Report>");
    add_header(&writer, report);
    writer_add(&writer, "<ReportBody>");
    for (size_t i = 0; i < report->message_count && writer.good; i++)
        add_message(&writer, &report->messages[i]);
    writer_add(&writer, "</ReportBody></Report>\r\n");
    if (!writer.good)
        out->len = before;
    return writer.good;
}
