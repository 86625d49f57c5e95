/* The decision hidden here: what passes as a record. Lines come from other programs, other generations and torn
 * writes, so whatever begins like a record is one: fields may be missing, unknown or cut off. */
#include "base/log.h"

#include <time.h>

static const struct span record_begin = {"<![LOG[", 7};
static const struct span text_end = {"]LOG]!>", 7};
static const struct span site_fields = {"$$<", 3};
static const struct span byte_order_mark = {"\xef\xbb\xbf", 3};
static const struct span closing_line = {"<MAXIMUM LOG FILE SIZE REACHED - FILE RENAMED>", 46};

/* ---- spans ---- */

static bool starts_with(struct span text, struct span begin)
{
    return text.len >= begin.len && memcmp(text.at, begin.at, begin.len) == 0;
}

/* Where `what` stands in `text`; text.len if nowhere. */
static size_t find(struct span text, struct span what)
{
    const char *at = text.len == 0 ? NULL : memmem(text.at, text.len, what.at, what.len);
    return at == NULL ? text.len : (size_t)(at - text.at);
}

static struct span skip(struct span text, size_t len)
{
    len = len < text.len ? len : text.len;
    return len == 0 ? text : (struct span){text.at + len, text.len - len};   /* NULL has no 0 bytes behind it */
}

static struct span first(struct span text, size_t len)
{
    return (struct span){text.at, len < text.len ? len : text.len};
}

static struct span without_line_end(struct span text)
{
    while (text.len > 0 && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
        text.len--;
    return text;
}

/* Takes what stands before the first `end` off `text`, together with that. */
static struct span take_to(struct span *text, const char *end)
{
    const struct span mark = span_of(end);
    const size_t at = find(*text, mark);
    const struct span taken = first(*text, at);
    *text = skip(*text, at + mark.len);
    return taken;
}

/* ---- time ---- */

/* Takes up to `most` digits off `text`; false where there is none. */
static bool take_number(struct span *text, size_t most, int *out)
{
    size_t len = 0;
    int value = 0;
    while (len < most && len < text->len && text->at[len] >= '0' && text->at[len] <= '9')
        value = value * 10 + (text->at[len++] - '0');
    *out = value;
    *text = skip(*text, len);
    return len > 0;
}

static bool take_char(struct span *text, char c)
{
    if (text->len == 0 || text->at[0] != c)
        return false;
    *text = skip(*text, 1);
    return true;
}

static bool parse_date(struct span text, struct tm *out)
{
    int month;
    int day;
    int year;
    if (!take_number(&text, 2, &month) || !take_char(&text, '-') || !take_number(&text, 2, &day) ||
        !take_char(&text, '-') || !take_number(&text, 4, &year))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31 || year < 1601)
        return false;
    out->tm_mon = month - 1;
    out->tm_mday = day;
    out->tm_year = year - 1900;
    return true;
}

/* Microseconds from as many digits as there are: three, seven or none. */
static int take_fraction(struct span *text)
{
    int digit;
    int value = 0;
    int scale = 100000;
    if (!take_char(text, '.'))
        return 0;
    for (; take_number(text, 1, &digit); scale /= 10)
        value += digit * scale;
    return value;
}

struct clock {
    int microsecond;
    bool biased;
    int bias;                   /* minutes; UTC = local time + bias */
};

static bool parse_clock(struct span text, struct tm *out, struct clock *clock)
{
    if (!take_number(&text, 2, &out->tm_hour) || !take_char(&text, ':') || !take_number(&text, 2, &out->tm_min) ||
        !take_char(&text, ':') || !take_number(&text, 2, &out->tm_sec))
        return false;
    if (out->tm_hour > 23 || out->tm_min > 59 || out->tm_sec > 60)
        return false;
    clock->microsecond = take_fraction(&text);
    const bool east = take_char(&text, '-');
    clock->biased = (east || take_char(&text, '+')) && take_number(&text, 4, &clock->bias);
    if (east)
        clock->bias = -clock->bias;
    return clock->bias >= -1440 && clock->bias <= 1440;
}

/* INT64_MIN where there is none. Managed components write local time without a bias. */
static int64_t parse_time(struct span date, struct span clock_text)
{
    struct tm tm = {.tm_isdst = -1};
    struct clock clock = {0};
    if (!parse_date(date, &tm) || !parse_clock(clock_text, &tm, &clock))
        return INT64_MIN;
    const int64_t second = clock.biased ? timegm(&tm) + clock.bias * 60L : mktime(&tm);
    return second * 1000000 + clock.microsecond;
}

static uint64_t parse_thread(struct span text)
{
    uint64_t thread;
    return span_to_uint64(text, &thread) ? thread : 0;
}

/* ---- CCM ---- */

/* name="value" in any order; names that we do not know are left out. */
static void parse_ccm_fields(struct span fields, struct log_record *out)
{
    struct span date = {0};
    struct span clock = {0};
    while (fields.len > 0) {
        const struct span name = span_trim(take_to(&fields, "=\""));
        const struct span value = take_to(&fields, "\"");
        if (span_equal(name, SPAN("time")))
            clock = value;
        else if (span_equal(name, SPAN("date")))
            date = value;
        else if (span_equal(name, SPAN("component")))
            out->component = value;
        else if (span_equal(name, SPAN("context")))
            out->context = value;
        else if (span_equal(name, SPAN("file")))
            out->file = value;
        else if (span_equal(name, SPAN("thread")))
            out->thread = parse_thread(value);
        else if (span_equal(name, SPAN("type")) && value.len == 1 && value.at[0] >= '0' && value.at[0] <= '3')
            out->type = (enum log_type)(value.at[0] - '0');
    }
    out->time = parse_time(date, clock);
}

/* Where the text of the record ends, looked for line by line: at its mark, or torn where the next record begins.
 * bytes.len: not in sight. */
static size_t find_text_end(struct span bytes, bool *torn)
{
    size_t line = 0;
    while (line < bytes.len) {
        const struct span rest = skip(bytes, line);
        *torn = line > 0 && starts_with(rest, record_begin);
        if (*torn)
            return line;
        const size_t len = find(rest, SPAN("\n"));
        const size_t end = find(first(rest, len), text_end);
        if (end < len)
            return line + end;
        line += len + 1;
    }
    return bytes.len;
}

static enum log_parsed parse_ccm(struct span bytes, bool last, struct log_record *out, size_t *used)
{
    bool torn = false;
    const size_t end = find_text_end(bytes, &torn);
    if (end == bytes.len && !last)
        return LOG_MORE;
    const struct span rest = skip(bytes, end);
    const size_t line = find(rest, SPAN("\n"));
    const struct span fields = first(rest, find(first(rest, line), record_begin));
    if (!torn && fields.len == rest.len && !last)
        return LOG_MORE;
    *out = (struct log_record){.format = LOG_CCM, .text = skip(first(bytes, end), record_begin.len), .time = INT64_MIN};
    if (torn || end == bytes.len) {
        out->text = without_line_end(out->text);
        *used = end;
        return LOG_PARSED;
    }
    const bool whole_line = fields.len == line && line < rest.len;
    struct span list = skip(fields, text_end.len);
    (void)take_char(&list, '<');
    parse_ccm_fields(list, out);
    *used = end + fields.len + (whole_line ? 1 : 0);
    return LOG_PARSED;
}

/* ---- site server ---- */

static bool has_word(struct span text, const char *word)
{
    const size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++)
        if (span_equal_nocase((struct span){text.at + i, len}, (struct span){word, len}))
            return true;
    return false;
}

static enum log_type type_by_words(struct span text)
{
    if (has_word(text, "error") || has_word(text, "fail"))
        return LOG_ERROR;
    return has_word(text, "warn") ? LOG_WARNING : LOG_INFO;
}

static void parse_site(struct span line, size_t fields_at, struct log_record *out)
{
    struct span text = first(line, fields_at);
    for (int blanks = 0; blanks < 2 && text.len > 0 && text.at[text.len - 1] == ' '; blanks++)
        text.len--;
    struct span fields = skip(line, fields_at + site_fields.len);
    *out = (struct log_record){.format = LOG_SITE, .text = text, .type = type_by_words(text)};
    out->component = take_to(&fields, ">");
    (void)take_char(&fields, '<');
    struct span clock = take_to(&fields, ">");
    const struct span date = take_to(&clock, " ");
    out->time = parse_time(date, clock);
    (void)take_to(&fields, "=");
    out->thread = parse_thread(take_to(&fields, " "));
}

/* ---- lines ---- */

/* What stands between records and says nothing: empty lines, the mark of an editor, the site server's last line. */
static size_t length_of_nothing(struct span bytes)
{
    if (bytes.len > 0 && (bytes.at[0] == '\r' || bytes.at[0] == '\n'))
        return 1;
    if (starts_with(bytes, byte_order_mark) && starts_with(skip(bytes, byte_order_mark.len), record_begin))
        return byte_order_mark.len;
    if (!starts_with(bytes, closing_line))
        return 0;
    const size_t end = closing_line.len;
    return end == bytes.len || bytes.at[end] == '\r' || bytes.at[end] == '\n' ? end : 0;
}

/* A line of the site server, or one without a frame: up to its end or to a CCM record that begins inside it. */
static enum log_parsed parse_line(struct span bytes, bool last, struct log_record *out, size_t *used)
{
    const size_t end = find(bytes, SPAN("\n"));
    const struct span line = first(bytes, end);
    const size_t fields = find(line, site_fields);
    const size_t record = find(line, record_begin);
    if (end == bytes.len && record == line.len && !last)
        return LOG_MORE;
    *used = end + (end < bytes.len ? 1 : 0);
    if (fields < record) {
        parse_site(without_line_end(line), fields, out);
        return LOG_PARSED;
    }
    if (record < line.len)
        *used = record;
    *out = (struct log_record){.format = LOG_CCM, .text = without_line_end(first(line, record)), .time = INT64_MIN};
    return LOG_PARSED;
}

enum log_parsed log_parse(struct span bytes, bool last, struct log_record *out, size_t *used)
{
    size_t skipped = 0;
    for (size_t step; (step = length_of_nothing(skip(bytes, skipped))) > 0;)
        skipped += step;
    const struct span rest = skip(bytes, skipped);
    if (rest.len == 0)
        return bytes.len > 0 && !last ? LOG_MORE : LOG_NOTHING;
    const enum log_parsed parsed = starts_with(rest, record_begin) ? parse_ccm(rest, last, out, used)
                                                                   : parse_line(rest, last, out, used);
    if (parsed == LOG_PARSED)
        *used += skipped;
    return parsed;
}
