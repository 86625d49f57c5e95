/* The decision hidden here: text is made safe by the rules of the log (spec/logs.md 1.3), line by line. */
#include "show.h"

#include "base/log.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

enum { PIECE = 1024, SENTENCE = PATH_MAX + 1024 };

/* How a text stands in what is written. */
struct dress {
    const char *line_break;
    const char *tab;
    const char *special; /* characters that get the next before them */
    char escape;
};

static void write_safe(FILE *out, const char *text, const struct dress *dress)
{
    for (; *text != '\0'; text++) {
        if (strchr(dress->special, *text) != NULL)
            (void)fputc(dress->escape, out);
        (void)fputc(*text, out);
    }
}

/* A piece of a long text ends before the first byte of a character. */
static size_t piece_of(struct span text)
{
    size_t len = text.len < PIECE ? text.len : PIECE;
    while (len < text.len && len > PIECE - 4 && ((unsigned char)text.at[len] & 0xC0) == 0x80)
        len--;
    return len;
}

static void write_line(FILE *out, struct span line, const struct dress *dress)
{
    char safe[PIECE * 3 + 4];           /* the most that one byte becomes is U+FFFD */
    while (line.len > 0) {
        const size_t len = piece_of(line);
        write_safe(out, log_quote((struct span){line.at, len}, sizeof safe - 4, safe, sizeof safe), dress);
        line.at += len;
        line.len -= len;
    }
}

static void write_lines(FILE *out, struct span text, const struct dress *dress)
{
    size_t begin = 0;
    if (text.len == 0)                  /* and perhaps nowhere */
        return;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        if (c != '\n' && c != '\t')
            continue;
        const bool cr = c == '\n' && i > begin && text.at[i - 1] == '\r';
        write_line(out, (struct span){text.at + begin, i - begin - (cr ? 1 : 0)}, dress);
        (void)fputs(c == '\n' ? dress->line_break : dress->tab, out);
        begin = i + 1;
    }
    write_line(out, (struct span){text.at + begin, text.len - begin}, dress);
}

void show_text(FILE *out, struct span text, const char *line_break)
{
    write_lines(out, text, &(struct dress){line_break, "\t", "", '\0'});
}

void show_error(const char *format, ...)
{
    char text[SENTENCE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);     /* cut off rather than lost */
    va_end(arguments);
    (void)fputs("smx: ", stderr);
    show_text(stderr, span_of(text), "~");
    (void)fputc('\n', stderr);
}

void show_json_text(FILE *out, struct span text)
{
    (void)fputc('"', out);
    write_lines(out, text, &(struct dress){"\\n", "\\t", "\"\\", '\\'});
    (void)fputc('"', out);
}

void show_csv_text(FILE *out, struct span text)
{
    write_lines(out, text, &(struct dress){"~", " ", "\"", '"'});
}

static const char *write_time(int64_t time, bool utc, char out[SHOW_TIME_SIZE])
{
    if (time == INT64_MIN)
        return "-";
    const int64_t into_second = (time % 1000000 + 1000000) % 1000000;
    const time_t when = (time_t)((time - into_second) / 1000000);
    struct tm tm = {.tm_mday = 1};
    (void)(utc ? gmtime_r(&when, &tm) : localtime_r(&when, &tm));
    const size_t len = strftime(out, SHOW_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
    if (utc)
        out[len - sizeof "HH:MM:SS"] = 'T';
    (void)snprintf(out + len, SHOW_TIME_SIZE - len, utc ? ".%03uZ" : ".%03u", (unsigned)(into_second / 1000));
    return out;
}

const char *show_local_time(int64_t time, char out[SHOW_TIME_SIZE])
{
    return write_time(time, false, out);
}

const char *show_utc_time(int64_t time, char out[SHOW_TIME_SIZE])
{
    return write_time(time, true, out);
}
