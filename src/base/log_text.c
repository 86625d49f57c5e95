/* The decision hidden here: which bytes may stand in a record, so that no text can look like a record of its own. */
#include "log_text.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { SECOND = 1000000, SUFFIX_ROOM = 48, FIELDS_ROOM = 512 };

/* ---- safe text ---- */

/* Bytes that cannot be copied unseen: controls, the first byte of a marker, everything beyond ASCII. */
static const unsigned char special[256] = {
    [0x00 ... 0x1f] = 1, ['$'] = 1, ['<'] = 1, [']'] = 1, [0x7f ... 0xff] = 1,
};

/* A marker, and its beginning as it is written: the blank breaks it. */
static const struct {
    struct span marker;
    struct span broken;
} markers[] = {
    {{"]LOG]!>", 7}, {"]LOG] ", 6}},
    {{"<![LOG[", 7}, {"< ", 2}},
    {{"$$<", 3}, {"$ ", 2}},
};

static unsigned least_of_length(size_t len)
{
    return len == 2 ? 0x80 : len == 3 ? 0x800 : 0x10000;
}

/* Decodes the character beyond ASCII at the beginning of `text`. Returns its bytes; *code is 0 where they are no
 * character: a stray byte, a sequence cut short or overlong, a surrogate, a number beyond Unicode. */
static size_t decode(struct span text, unsigned *code)
{
    const unsigned char lead = (unsigned char)text.at[0];
    const size_t len = lead < 0xc0 || lead > 0xf7 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    unsigned value = lead & (0xffu >> (len + 1));
    size_t got = 1;
    while (got < len && got < text.len && ((unsigned char)text.at[got] & 0xc0) == 0x80)
        value = value << 6 | ((unsigned char)text.at[got++] & 0x3f);
    const bool whole = len > 1 && got == len && value >= least_of_length(len);
    *code = whole && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff) ? value : 0;
    return got;
}

/* C1, line separators, and what turns the direction of writing: a viewer shows other text than was logged. */
static bool is_deceptive(unsigned code)
{
    return (code >= 0x80 && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static size_t replace_wide(struct span text, struct span *shown)
{
    unsigned code;
    const size_t used = decode(text, &code);
    if (code == 0)
        *shown = SPAN("\xef\xbf\xbd");
    else if (is_deceptive(code))
        *shown = SPAN("?");
    else
        *shown = (struct span){text.at, used};
    return used;
}

/* The first character of `text` as it is shown; returns the bytes that it stands for. */
static size_t replace_first(struct span text, bool keep_tabs, struct span *shown)
{
    const unsigned char c = (unsigned char)text.at[0];
    if (c >= 0x80)
        return replace_wide(text, shown);
    *shown = (struct span){text.at, 1};
    if (c == '\r' || c == '\n')
        *shown = SPAN("~");
    else if ((c < 0x20 && !(c == '\t' && keep_tabs)) || c == 0x7f)
        *shown = SPAN("?");
    for (size_t i = 0; special[c] && i < sizeof markers / sizeof *markers; i++) {
        const struct span marker = markers[i].marker;
        if (text.len >= marker.len && memcmp(text.at, marker.at, marker.len) == 0) {
            *shown = markers[i].broken;
            return shown->len - 1;
        }
    }
    return 1;
}

static size_t plain_run(const char *at, size_t most)
{
    size_t len = 0;
    while (len < most && !special[(unsigned char)at[len]])
        len++;
    return len;
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t log_text_safe(struct span text, bool keep_tabs, char *out, size_t room, size_t *used)
{
    size_t in = 0;
    size_t len = 0;
    while (in < text.len && len < room) {
        const size_t run = plain_run(text.at + in, least_of(text.len - in, room - len));
        memcpy(out + len, text.at + in, run);
        in += run;
        len += run;
        if (in == text.len)
            break;
        struct span shown;
        const size_t step = replace_first((struct span){text.at + in, text.len - in}, keep_tabs, &shown);
        if (shown.len > room - len)
            break;
        memcpy(out + len, shown.at, shown.len);
        in += step;
        len += shown.len;
    }
    *used = in;
    return len;
}

const char *log_quote(struct span text, size_t most, char *out, size_t room)
{
    size_t used;
    const size_t len = log_text_safe(text, false, out, least_of(most, room - sizeof "..."), &used);
    const char *end = used < text.len ? "..." : "";
    memcpy(out + len, end, strlen(end) + 1);
    return out;
}

/* ---- the frame ---- */

/* At most `room` bytes for a field of the frame, in which no field may end early. */
static size_t copy_field(const char *from, char *out, size_t room)
{
    size_t used;
    const size_t len = log_text_safe(span_of(from), false, out, room, &used);
    for (size_t i = 0; i < len; i++)
        if (out[i] == '"' || out[i] == '<' || out[i] == '>')
            out[i] = '?';
    return len;
}

void log_style_init(struct log_style *style, const struct log_settings *settings)
{
    const bool named = settings->component != NULL && settings->component[0] != '\0';
    const char *component = named ? settings->component : program_invocation_short_name;
    style->format = settings->format;
    style->local_time = settings->local_time;
    style->component[copy_field(component, style->component, LOG_FIELD_MOST)] = '\0';
}

/* A second as both formats write it. */
struct stamp {
    bool filled;
    bool local;
    int64_t second;
    char clock[24];
    char date[40];
    char bias[16];
};

static void fill_stamp(struct stamp *stamp, int64_t second, bool local)
{
    const time_t when = (time_t)second;
    struct tm tm = {.tm_mday = 1};
    (void)(local ? localtime_r(&when, &tm) : gmtime_r(&when, &tm));   /* fails only beyond the year 2^31 */
    const int bias = local ? (int)(-tm.tm_gmtoff / 60) : 0;           /* UTC = local time + bias */
    *stamp = (struct stamp){.filled = true, .local = local, .second = second};
    (void)snprintf(stamp->clock, sizeof stamp->clock, "%02d:%02d:%02d", tm.tm_hour % 24, tm.tm_min % 60,
                   tm.tm_sec % 61);
    (void)snprintf(stamp->date, sizeof stamp->date, "%02d-%02d-%04d", tm.tm_mon + 1, tm.tm_mday, tm.tm_year + 1900);
    (void)snprintf(stamp->bias, sizeof stamp->bias, bias < 0 ? "%d" : "+%03d", bias);
}

static const struct stamp *stamp_of(int64_t second, bool local)
{
    static _Thread_local struct stamp kept;
    if (!kept.filled || kept.second != second || kept.local != local)
        fill_stamp(&kept, second, local);
    return &kept;
}

static inline char *put(char *at, const char *text)
{
    return mempcpy(at, text, strlen(text));
}

static char *put_number(char *at, uint64_t number, unsigned base, size_t width)
{
    char digits[24];
    size_t first = sizeof digits;
    do {
        digits[--first] = "0123456789ABCDEF"[number % base];
        number /= base;
    } while (number > 0 || sizeof digits - first < width);
    memcpy(at, digits + first, sizeof digits - first);
    return at + (sizeof digits - first);
}

static char *put_time(char *at, const struct stamp *stamp, unsigned millisecond)
{
    at = put(put(at, stamp->clock), ".");
    return put(put_number(at, millisecond, 10, 3), stamp->bias);
}

/* "relay.c:120": where the name is too long the line number stays. */
static char *put_position(char *at, const char *file, int line)
{
    const char *slash = strrchr(file, '/');
    char number[24];
    const size_t len = (size_t)snprintf(number, sizeof number, ":%d", line);
    at += copy_field(slash == NULL ? file : slash + 1, at, LOG_FIELD_MOST - len);
    return put(at, number);
}

static char *put_ccm_fields(char *at, const struct log_style *style, const struct log_origin *origin,
                            const struct stamp *stamp, unsigned millisecond)
{
    const char type[] = {(char)('0' + origin->type), '\0'};
    at = put_time(put(at, "]LOG]!><time=\""), stamp, millisecond);
    at = put(put(at, "\" date=\""), stamp->date);
    at = put(put(at, "\" component=\""), style->component);
    at = put(put(at, "\" context=\""), origin->context == NULL ? "" : origin->context);
    at = put(put(at, "\" type=\""), type);
    at = put_number(put(at, "\" thread=\""), origin->thread, 10, 1);
    at = put_position(put(at, "\" file=\""), origin->file, origin->line);
    return put(at, "\">\r\n");
}

static char *put_site_fields(char *at, const struct log_style *style, const struct log_origin *origin,
                             const struct stamp *stamp, unsigned millisecond)
{
    at = put(put(at, "  $$<"), style->component);
    at = put(put(at, "><"), stamp->date);
    at = put_time(put(at, " "), stamp, millisecond);
    at = put_number(put(at, "><thread="), origin->thread, 10, 1);
    at = put_number(put(at, " (0x"), origin->thread, 16, 1);
    return put(at, ")>\r\n");
}

/* What follows the text, line end included. */
static struct span frame_end(const struct log_style *style, const struct log_origin *origin, char out[FIELDS_ROOM])
{
    int64_t second = origin->time / SECOND;
    if (origin->time % SECOND < 0)
        second--;
    const unsigned millisecond = (unsigned)((origin->time - second * SECOND) / 1000);
    const struct stamp *stamp = stamp_of(second, style->local_time);
    const char *end = style->format == LOG_CCM ? put_ccm_fields(out, style, origin, stamp, millisecond)
                                               : put_site_fields(out, style, origin, stamp, millisecond);
    return (struct span){out, (size_t)(end - out)};
}

static struct span frame_begin(const struct log_style *style)
{
    return style->format == LOG_CCM ? SPAN("<![LOG[") : SPAN("");
}

static size_t add_span(char *out, struct span bytes)
{
    memcpy(out, bytes.at, bytes.len);
    return bytes.len;
}

static size_t add_suffix(char *out, size_t bytes)
{
    return (size_t)snprintf(out, SUFFIX_ROOM, " ...(%zu bytes more)", bytes);
}

size_t log_text_record(const struct log_style *style, const struct log_origin *origin, struct span text, size_t total,
                       char out[LOG_LINE_MOST])
{
    char fields[FIELDS_ROOM];
    const struct span end = frame_end(style, origin, fields);
    size_t len = add_span(out, frame_begin(style));
    const size_t room = LOG_LINE_MOST - len - end.len;
    size_t used;
    size_t added = log_text_safe(text, false, out + len, room, &used);
    if (used < total) {
        added = log_text_safe(text, false, out + len, room - SUFFIX_ROOM, &used);
        added += add_suffix(out + len + added, total - used);
    }
    len += added;
    return len + add_span(out + len, end);
}

/* ---- dumps ---- */

/* A dump being written. Both limits leave room for the fields, one line end and the words that say what was cut. */
struct dump {
    char *out;
    size_t len;
    size_t most;
    size_t line_begin;
    size_t line_most;
    bool lines;                 /* the format has room for line breaks */
    bool full;
};

/* The physical line at the beginning of `text`, without its line break; *step is with it. */
static struct span cut_line(struct span text, size_t *step)
{
    const char *end = memchr(text.at, '\n', text.len);
    size_t len = end == NULL ? text.len : (size_t)(end - text.at);
    *step = end == NULL ? len : len + 1;
    if (end != NULL && len > 0 && text.at[len - 1] == '\r')
        len--;
    if (len > LOG_WRAP_AT) {
        const char *tag = memchr(text.at + LOG_WRAP_AT - 1, '>', len - LOG_WRAP_AT);
        if (tag != NULL)
            *step = len = (size_t)(tag + 1 - text.at);
    }
    return (struct span){text.at, len};
}

static size_t room_to(size_t len, size_t most)
{
    return len < most ? most - len : 0;
}

/* One line, of which the rest is left out where it is too long, and the whole rest of `text` where the dump is full. */
static void dump_line(struct dump *dump, struct span line, size_t rest_of_text)
{
    const size_t room = room_to(dump->len, dump->most);
    const size_t line_room = room_to(dump->len - dump->line_begin, dump->line_most);
    size_t used;
    dump->len += log_text_safe(line, dump->lines, dump->out + dump->len, least_of(room, line_room), &used);
    if (used == line.len && room > 0)   /* without room even empty lines end the dump */
        return;
    dump->full = room <= line_room;
    dump->len += add_suffix(dump->out + dump->len, (dump->full ? rest_of_text : line.len) - used);
}

static void dump_break(struct dump *dump, struct span written)
{
    const struct span line_break = written.len > 0 ? written : SPAN("\r\n");
    dump->len += add_span(dump->out + dump->len, line_break);
    dump->line_begin = dump->len;
}

static void dump_text(struct dump *dump, struct span text)
{
    while (text.len > 0 && !dump->full) {
        size_t step = text.len;
        const struct span line = dump->lines ? cut_line(text, &step) : text;
        dump_line(dump, line, text.len);
        if (!dump->full && (step > line.len || step < text.len))
            dump_break(dump, (struct span){line.at + line.len, step - line.len});
        text.at += step;
        text.len -= step;
    }
}

size_t log_text_dump(const struct log_style *style, const struct log_origin *origin, const struct log_dump *what,
                     char *out, size_t room)
{
    char fields[FIELDS_ROOM];
    const struct span end = frame_end(style, origin, fields);
    const size_t reserved = end.len + SUFFIX_ROOM + strlen("\r\n");
    struct dump dump = {
        .out = out, .most = room - reserved, .line_most = LOG_LINE_MOST - reserved, .lines = style->format == LOG_CCM};
    dump.len = add_span(out, frame_begin(style));
    dump_text(&dump, what->title);
    dump_text(&dump, what->text);
    return dump.len + add_span(out + dump.len, end);
}
