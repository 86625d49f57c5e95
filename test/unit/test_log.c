/* The two line formats: exact bytes written, what is made safe, where is cut, and what the reader accepts. */
#include "base/log.h"

#include "../../src/base/log_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define BYTES(literal)                                                                                                 \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }
#define FFFD "\xef\xbf\xbd"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const int64_t noon = INT64_C(1709987386123456);      /* 2024-03-09 12:29:46.123456 UTC */

static void assert_bytes(struct span got, struct span expected, size_t row)
{
    if (!span_equal(got, expected))
        fail_msg("row %zu: '%.*s' instead of '%.*s'", row, (int)got.len, got.at, (int)expected.len, expected.at);
}

static struct log_style style_of(enum log_format format, const char *component, bool local)
{
    const struct log_settings settings = {.format = format, .component = component, .local_time = local};
    struct log_style style;
    log_style_init(&style, &settings);
    return style;
}

static struct log_origin origin_of(enum log_type type)
{
    return (struct log_origin){type, "src/mprelay/relay.c", 120, 3592, noon, ""};
}

static struct span record_of(enum log_format format, struct span text, char out[LOG_LINE_MOST])
{
    const struct log_style style = style_of(format, "C", false);
    const struct log_origin origin = origin_of(LOG_INFO);
    return (struct span){out, log_text_record(&style, &origin, text, text.len, out)};
}

static struct log_record parse_one(struct span bytes)
{
    struct log_record record;
    size_t used = 0;
    assert_int_equal(log_parse(bytes, true, &record, &used), LOG_PARSED);
    assert_int_equal(used, bytes.len);
    return record;
}

static void a_record_is_written_as_the_original_writes_it(void **state)
{
    static const struct {
        enum log_format format;
        enum log_type type;
        struct span expected;
    } rows[] = {
        {LOG_CCM, LOG_PLAIN,
         BYTES("<![LOG[FileType= SMX]LOG]!><time=\"12:29:46.123+000\" date=\"03-09-2024\" "
               "component=\"MP_RelayEndpoint\" context=\"\" type=\"0\" thread=\"3592\" "
               "file=\"relay.c:120\">\r\n")},
        {LOG_CCM, LOG_ERROR,
         BYTES("<![LOG[FileType= SMX]LOG]!><time=\"12:29:46.123+000\" date=\"03-09-2024\" "
               "component=\"MP_RelayEndpoint\" context=\"\" type=\"3\" thread=\"3592\" "
               "file=\"relay.c:120\">\r\n")},
        {LOG_SITE, LOG_INFO,
         BYTES("FileType= SMX  $$<MP_RelayEndpoint><03-09-2024 12:29:46.123+000>"
               "<thread=3592 (0xE08)>\r\n")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct log_style style = style_of(rows[i].format, "MP_RelayEndpoint", false);
        const struct log_origin origin = origin_of(rows[i].type);
        char out[LOG_LINE_MOST];
        const size_t len = log_text_record(&style, &origin, SPAN("FileType= SMX"), 13, out);
        assert_bytes((struct span){out, len}, rows[i].expected, i);
    }
}

static void local_time_carries_the_bias_of_windows(void **state)
{
    static const struct {
        const char *zone;
        struct span stamp;
    } rows[] = {
        {"UTC0", BYTES("time=\"12:29:46.123+000\" date=\"03-09-2024\"")},
        {"EDT4", BYTES("time=\"08:29:46.123+240\" date=\"03-09-2024\"")},
        {"PST8", BYTES("time=\"04:29:46.123+480\" date=\"03-09-2024\"")},
        {"CET-1", BYTES("time=\"13:29:46.123-60\" date=\"03-09-2024\"")},
        {"CEST-2", BYTES("time=\"14:29:46.123-120\" date=\"03-09-2024\"")},
        {"IST-5:30", BYTES("time=\"17:59:46.123-330\" date=\"03-09-2024\"")},
        {"NZDT-13", BYTES("time=\"01:29:46.123-780\" date=\"03-10-2024\"")},
    };
    const struct log_style style = style_of(LOG_CCM, "C", true);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct log_origin origin = origin_of(LOG_INFO);
        char out[LOG_LINE_MOST];
        assert_int_equal(setenv("TZ", rows[i].zone, 1), 0);
        tzset();
        origin.time += 1000000;                     /* the time stamp is kept for a second */
        (void)log_text_record(&style, &origin, SPAN(""), 0, out);
        origin.time = noon;
        const struct span record = {out, log_text_record(&style, &origin, SPAN(""), 0, out)};
        assert_bytes((struct span){out + strlen("<![LOG[]LOG]!><"), rows[i].stamp.len}, rows[i].stamp, i);
        assert_int_equal(parse_one(record).time, noon / 1000 * 1000);
    }
    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
}

static void component_and_file_are_cut_at_100_bytes_and_end_no_field(void **state)
{
    static const struct {
        const char *component;
        struct span expected_component;
        const char *file;
        struct span expected_file;
    } rows[] = {
        {"A\"B<C>", BYTES("A?B?C?"), "a\".c", BYTES("a?.c:120")},
        {HUNDRED, BYTES(HUNDRED), "x/" HUNDRED, BYTES(HUNDRED)},
        {HUNDRED "X", BYTES(HUNDRED), "", BYTES(":120")},
        {"x" TEN TEN TEN TEN TEN TEN TEN TEN TEN "01234567"
         "\xc3\xa4",
         BYTES("x" TEN TEN TEN TEN TEN TEN TEN TEN TEN "01234567"), "/y.c", BYTES("y.c:120")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct log_style style = style_of(LOG_CCM, rows[i].component, false);
        struct log_origin origin = origin_of(LOG_INFO);
        char out[LOG_LINE_MOST];
        origin.file = rows[i].file;
        const struct span record = {out, log_text_record(&style, &origin, SPAN("t"), 1, out)};
        const struct log_record read = parse_one(record);
        if (rows[i].expected_component.len == 99)
            assert_int_equal(read.component.len, 99);
        assert_bytes(read.component, rows[i].expected_component, i);
        if (rows[i].expected_file.len == 100) {     /* the line number stays */
            assert_int_equal(read.file.len, 100);
            assert_memory_equal(read.file.at + 96, ":120", 4);
        } else {
            assert_bytes(read.file, rows[i].expected_file, i);
        }
    }
}

static const struct {
    struct span text;
    struct span safe;
} safe_rows[] = {
    {BYTES(""), BYTES("")},
    {BYTES("plain ASCII, ~ 'quoted' \"and\" <tags> [x]"), BYTES("plain ASCII, ~ 'quoted' \"and\" <tags> [x]")},
    /* rule 1: UTF-8 */
    {BYTES("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"),
     BYTES("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf")},
    {BYTES("a\x80"
           "b"),
     BYTES("a" FFFD "b")},
    {BYTES("a\xff\xfe"
           "b"),
     BYTES("a" FFFD FFFD "b")},
    {BYTES("a\xc3"), BYTES("a" FFFD)},
    {BYTES("a\xc3"
           "b"),
     BYTES("a" FFFD "b")},
    {BYTES("\xe2\x82"
           "b"),
     BYTES(FFFD "b")},
    {BYTES("\xc0\xaf"), BYTES(FFFD)},
    {BYTES("\xe0\x80\xaf"), BYTES(FFFD)},
    {BYTES("\xed\xa0\x80"
           "x"),
     BYTES(FFFD "x")},
    {BYTES("\xed\xbf\xbf"
           "x"),
     BYTES(FFFD "x")},
    {BYTES("\xf4\x90\x80\x80"
           "x"),
     BYTES(FFFD "x")},
    {BYTES("\xf0\x80\x80\x80"
           "x"),
     BYTES(FFFD "x")},
    /* rule 2: controls */
    {BYTES("a\rb\nc\r\nd"), BYTES("a~b~c~~d")},
    {BYTES("\0\x01\t\x1b[31m\x1f\x7f"), BYTES("????[31m??")},
    {BYTES("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0"), BYTES("???\xc2\xa0")},
    {BYTES("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xaf"),
     BYTES("\xe2\x80\xa7????\xe2\x80\xaf")},
    {BYTES("\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa"), BYTES("\xe2\x81\xa5??\xe2\x81\xaa")},
    /* rule 3: markers */
    {BYTES("]LOG]!>"), BYTES("]LOG] !>")},
    {BYTES("]LOG]LOG]!>"), BYTES("]LOG]LOG] !>")},
    {BYTES("]LOG]]LOG]!>"), BYTES("]LOG]]LOG] !>")},
    {BYTES("]LOG] !>"), BYTES("]LOG] !>")},
    {BYTES("]LOG]!"), BYTES("]LOG]!")},
    {BYTES("<![LOG["), BYTES("< ![LOG[")},
    {BYTES("<<![LOG[<![LOG["), BYTES("<< ![LOG[< ![LOG[")},
    {BYTES("$$<"), BYTES("$ $<")},
    {BYTES("$$$<$$$$<"), BYTES("$$ $<$$$ $<")},
    {BYTES("x]LOG]!><time=\"1:1:1.1+0\">\r\n<![LOG[forged]LOG]!>"),
     BYTES("x]LOG] !><time=\"1:1:1.1+0\">~~< ![LOG[forged]LOG] !>")},
    {BYTES("x  $$<A><01-01-2024 00:00:00.000+000><thread=1 (0x1)>\n"),
     BYTES("x  $ $<A><01-01-2024 00:00:00.000+000><thread=1 (0x1)>~")},
};

static void text_is_made_safe_and_reads_back_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof safe_rows / sizeof *safe_rows; i++) {
        char quoted[256];
        char out[LOG_LINE_MOST];
        assert_bytes(span_of(log_quote(safe_rows[i].text, 252, quoted, sizeof quoted)), safe_rows[i].safe, i);
        assert_bytes(span_of(log_quote(span_of(quoted), 252, out, sizeof out)), safe_rows[i].safe, i);
        assert_bytes(parse_one(record_of(LOG_CCM, safe_rows[i].text, out)).text, safe_rows[i].safe, i);
        assert_bytes(parse_one(record_of(LOG_SITE, safe_rows[i].text, out)).text, safe_rows[i].safe, i);
    }
}

static void text_beside_the_frame_cannot_become_part_of_it(void **state)
{
    static const struct span rows[] = {
        BYTES("]LOG"),         BYTES("]LOG]"),
        BYTES("a]"),           BYTES("$"),
        BYTES("$$"),           BYTES("a  "),
        BYTES("<![LOG"),       BYTES("![LOG["),
        BYTES("\xef\xbb\xbf"), BYTES("<MAXIMUM LOG FILE SIZE REACHED - FILE RENAMED>"),
        BYTES("  "),
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[LOG_LINE_MOST];
        assert_bytes(parse_one(record_of(LOG_CCM, rows[i], out)).text, rows[i], i);
        assert_bytes(parse_one(record_of(LOG_SITE, rows[i], out)).text, rows[i], i);
    }
}

static void a_quoted_value_is_cut_on_a_character_and_marked(void **state)
{
    static const struct {
        struct span text;
        size_t most;
        const char *expected;
    } rows[] = {
        {BYTES("abc"), 3, "abc"},
        {BYTES("abcd"), 3, "abc..."},
        {BYTES("ab\xc3\xa4"), 4, "ab\xc3\xa4"},
        {BYTES("ab\xc3\xa4"), 3, "ab..."},
        {BYTES("a\xe2\x82\xac"
               "b"),
         3, "a..."},
        {BYTES("a\xf0\x9f\x98\x80"), 4, "a..."},
        {BYTES("a\xff"), 3, "a..."},
        {BYTES("a"), 0, "..."},
        {BYTES(""), 0, ""},
        {BYTES("x]LOG]!>"), 7, "x]LOG] ..."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[16];
        (void)log_quote(rows[i].text, rows[i].most, out, rows[i].most + 4);
        assert_string_equal(out, rows[i].expected);
    }
}

/* A text of 'x' that ends in `end`, of `len` bytes together. */
static struct span long_text(size_t len, const char *end)
{
    static char bytes[20000];
    memset(bytes, 'x', len);
    memcpy(bytes + len - strlen(end), end, strlen(end));
    return (struct span){bytes, len};
}

static void a_line_of_7900_bytes_is_whole_and_one_byte_more_is_cut(void **state)
{
    static const enum log_format formats[] = {LOG_CCM, LOG_SITE};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char out[LOG_LINE_MOST];
        const size_t frame = record_of(formats[i], SPAN(""), out).len;
        const size_t most = LOG_LINE_MOST - frame;
        const struct span whole = record_of(formats[i], long_text(most, "\xc3\xa4"), out);
        assert_int_equal(whole.len, LOG_LINE_MOST);
        assert_bytes(parse_one(whole).text, long_text(most, "\xc3\xa4"), i);

        const struct span cut = record_of(formats[i], long_text(most + 1, "\xe2\x82\xac"), out);
        const struct span text = parse_one(cut).text;
        unsigned long missing = 0;
        size_t kept = 0;
        while (kept < text.len && text.at[kept] == 'x')
            kept++;
        assert_true(cut.len <= LOG_LINE_MOST);
        assert_int_equal(sscanf(text.at + kept, " ...(%lu bytes more)", &missing), 1);
        assert_int_equal(kept + missing, most + 1);
    }
}

static void no_character_is_cut_in_two(void **state)
{
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t shift = 0; shift < 4; shift++) {
            char text[9000];
            char out[LOG_LINE_MOST];
            const size_t step = strlen(characters[i]);
            size_t len = shift;
            memset(text, 'x', shift);
            for (; len + step <= sizeof text; len += step)
                memcpy(text + len, characters[i], step);
            const struct span read = parse_one(record_of(LOG_CCM, (struct span){text, len}, out)).text;
            const char *cut = memmem(read.at, read.len, " ...(", 5);
            assert_non_null(cut);
            const size_t kept = (size_t)(cut - read.at);
            assert_int_equal((kept - shift) % step, 0);
            assert_memory_equal(read.at, text, kept);
            char suffix[64];
            (void)snprintf(suffix, sizeof suffix, " ...(%zu bytes more)", len - kept);
            assert_bytes((struct span){cut, read.len - kept}, span_of(suffix), shift);
        }
    }
}

static struct span dump_of(enum log_format format, const char *title, struct span text, char *out, size_t room)
{
    const struct log_style style = style_of(format, "C", false);
    const struct log_origin origin = origin_of(LOG_INFO);
    const struct log_dump dump = {span_of(title), text};
    return (struct span){out, log_text_dump(&style, &origin, &dump, out, room)};
}

static void a_dump_keeps_its_line_breaks_and_nothing_else(void **state)
{
    static const struct {
        const char *title;
        struct span text;
        struct span ccm;
        struct span site;
    } rows[] = {
        {"Message Body :  ", BYTES("<a>\r\n\t<b/>\n</a>"), BYTES("Message Body :  <a>\r\n\t<b/>\n</a>"),
         BYTES("Message Body :  <a>~~?<b/>~</a>")},
        {"Message Body :\r\n", BYTES("<a/>"), BYTES("Message Body :\r\n<a/>"), BYTES("Message Body :~~<a/>")},
        {"B:", BYTES("a\rb\r\r\nc\x1b\n\n\n"), BYTES("B:a~b~\r\nc?\n\n\n"), BYTES("B:a~b~~~c?~~~")},
        {"B:", BYTES("a]LOG]!>\n<![LOG[b]LOG]!><\nc  $$<A><\n"), BYTES("B:a]LOG] !>\n< ![LOG[b]LOG] !><\nc  $ $<A><\n"),
         BYTES("B:a]LOG] !>~< ![LOG[b]LOG] !><~c  $ $<A><~")},
        {"B:", BYTES("\xed\xa0\x80\xe2\x80\xa8"), BYTES("B:" FFFD "?"), BYTES("B:" FFFD "?")},
        {"B:", BYTES(""), BYTES("B:"), BYTES("B:")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[2048];
        const struct span ccm = dump_of(LOG_CCM, rows[i].title, rows[i].text, out, sizeof out);
        assert_bytes(parse_one(ccm).text, rows[i].ccm, i);
        const struct span site = dump_of(LOG_SITE, rows[i].title, rows[i].text, out, sizeof out);
        assert_bytes(parse_one(site).text, rows[i].site, i);
    }
}

static void a_long_line_of_a_dump_is_wrapped_after_a_tag(void **state)
{
    char text[14000];
    char out[16000];
    (void)state;
    memset(text, 'x', sizeof text);
    text[3998] = text[3999] = text[9000] = text[13999] = '>';
    const struct span read = parse_one(dump_of(LOG_CCM, "", (struct span){text, sizeof text}, out, sizeof out)).text;
    assert_int_equal(read.len, sizeof text + 4);
    assert_memory_equal(read.at, text, 4000);
    assert_memory_equal(read.at + 4000, "\r\n", 2);
    assert_memory_equal(read.at + 4002, text + 4000, 5001);
    assert_memory_equal(read.at + 9003, "\r\n", 2);
    assert_memory_equal(read.at + 9005, text + 9001, 4999);
}

static void every_line_of_a_dump_is_7900_bytes_at_most(void **state)
{
    static char text[40000];
    static char out[140000];
    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text + 20000, "\r\nnext", 6);
    memset(text + 25000, '\xff', 10000);            /* each becomes three bytes */
    text[39998] = '\n';
    const struct span dump = dump_of(LOG_CCM, "B:", (struct span){text, sizeof text}, out, sizeof out);
    struct span rest = dump;
    size_t lines = 0;
    for (const char *end; rest.len > 0; lines++) {
        end = memchr(rest.at, '\n', rest.len);
        assert_non_null(end);
        assert_true(end + 1 - rest.at <= LOG_LINE_MOST);
        rest = (struct span){end + 1, rest.len - (size_t)(end + 1 - rest.at)};
    }
    assert_int_equal(lines, 3);
    assert_non_null(memmem(dump.at, dump.len, " bytes more)\r\nnext", 18));
    assert_non_null(memmem(dump.at, dump.len, " bytes more)\nx]LOG]!>", 21));
}

static void a_dump_without_room_is_cut_and_says_how_much(void **state)
{
    static char lines[30000];
    (void)state;
    memset(lines, '\n', sizeof lines);
    for (size_t room = LOG_DUMP_LEAST; room < LOG_DUMP_LEAST + 20; room++) {
        char out[LOG_DUMP_LEAST + 20];
        const struct span dump = dump_of(LOG_CCM, "B:", (struct span){lines, sizeof lines}, out, room);
        assert_true(dump.len <= room);
        const struct span read = parse_one(dump).text;
        const char *cut = memmem(read.at, read.len, " ...(", 5);
        unsigned long missing = 0;
        assert_non_null(cut);
        assert_int_equal(sscanf(cut, " ...(%lu bytes more)", &missing), 1);
        assert_int_equal((size_t)(cut - read.at) - 2 + missing, sizeof lines);
    }
}

static void a_reader_accepts_what_real_logs_have(void **state)
{
    static const struct {
        struct span line;
        struct span text;
        enum log_type type;
        uint64_t thread;
        int64_t time;
    } rows[] = {
        {BYTES(
             "<![LOG[a]LOG]!><time=\"16:39:05.707+240\" date=\"1-2-2015\" component=\"C\" context=\"x\" type=\"2\" thread=\"7\" file=\"f:1\">\r\n"),
         BYTES("a"), LOG_WARNING, 7, INT64_C(1420231145707000)},
        {BYTES("<![LOG[a]LOG]!><time=\"16:39:05.707-060\" date=\"01-02-2015\" type=\"3\" thread=\"7\">\n"), BYTES("a"),
         LOG_ERROR, 7, INT64_C(1420213145707000)},
        {BYTES("<![LOG[a]LOG]!><time=\"16:39:05.7071234\" date=\"01-02-2015\" type=\"1\">\n"), BYTES("a"), LOG_INFO, 0,
         INT64_C(1420216745707123)},
        {BYTES("<![LOG[a\r\nb]LOG]!><date=\"01-02-2015\" new=\"?\" time=\"1:2:3.5+0\" type=\"9\" thread=\"-1\">\n"),
         BYTES("a\r\nb"), LOG_PLAIN, 0, INT64_C(1420160523500000)},
        {BYTES("<![LOG[a]LOG]!>\n"), BYTES("a"), LOG_PLAIN, 0, INT64_MIN},
        {BYTES("<![LOG[a]LOG]!><time=\"25:00:00.000+000\" date=\"01-02-2015\">\n"), BYTES("a"), LOG_PLAIN, 0,
         INT64_MIN},
        {BYTES("<![LOG[a]LOG]!><time=\"15:00:00.000+000\" date=\"13-02-2015\">\n"), BYTES("a"), LOG_PLAIN, 0,
         INT64_MIN},
        {BYTES("<![LOG[a]LOG]!><time=\"15:00:00.000+9999\" date=\"12-02-2015\">\n"), BYTES("a"), LOG_PLAIN, 0,
         INT64_MIN},
        {BYTES("<![LOG[a]LOG]!><time=\"16:3"), BYTES("a"), LOG_PLAIN, 0, INT64_MIN},
        {BYTES("<![LOG[a]LOG]!><time=\"16:39:05+000\" date=\"01-02-2015\" type=\"12\">\n"), BYTES("a"), LOG_PLAIN, 0,
         INT64_C(1420216745000000)},
        {BYTES("<![LOG[a]LOG]!><time=\"16:39:05.000+\" date=\"01-02-2015\" type=\"/\">\n"), BYTES("a"), LOG_PLAIN, 0,
         INT64_C(1420216745000000)},
        {BYTES("<![LOG[cut o"), BYTES("cut o"), LOG_PLAIN, 0, INT64_MIN},
        {BYTES("\r\n\n\xef\xbb\xbf<![LOG[a]LOG]!>"), BYTES("a"), LOG_PLAIN, 0, INT64_MIN},
        {BYTES("plain\r\n"), BYTES("plain"), LOG_PLAIN, 0, INT64_MIN},
        {BYTES("~Moving a  $$<S><08-24-2021 21:24:16.574+240><thread=19380 (0x4BB4)>\r\n"), BYTES("~Moving a"),
         LOG_INFO, 19380, INT64_C(1629854656574000)},
        {BYTES("It FAILED.  $$<S><8-24-2021 21:24:16.574-60><thread=1 (0x1)>\n"), BYTES("It FAILED."), LOG_ERROR, 1,
         INT64_C(1629836656574000)},
        {BYTES("An Error  $$<S><>"), BYTES("An Error"), LOG_ERROR, 0, INT64_MIN},
        {BYTES("a warning  $$<S"), BYTES("a warning"), LOG_WARNING, 0, INT64_MIN},
        {BYTES("x  $$<"), BYTES("x"), LOG_INFO, 0, INT64_MIN},
        {BYTES("<MAXIMUM LOG FILE SIZE REACHED - FILE RENAMED>\r\nx  $$<S>"), BYTES("x"), LOG_INFO, 0, INT64_MIN},
    };
    (void)state;
    assert_int_equal(setenv("TZ", "UTC0", 1), 0);   /* a time without bias is local */
    tzset();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct log_record record = parse_one(rows[i].line);
        assert_bytes(record.text, rows[i].text, i);
        if (record.type != rows[i].type || record.thread != rows[i].thread || record.time != rows[i].time)
            fail_msg("row %zu: type %d, thread %llu, time %lld", i, (int)record.type, (unsigned long long)record.thread,
                     (long long)record.time);
    }
    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
}

static void a_time_that_is_none_is_no_time(void **state)
{
    static const char *const dates[] = {"",           "1",          "x-02-2015",  "01",         "01-",
                                        "01-02",      "01-02-",     "01/02/2015", "01-02/2015", "00-02-2015",
                                        "13-02-2015", "01-00-2015", "01-32-2015", "01-02-1600"};
    static const char *const clocks[] = {"",         "x",        "16",       "16:",
                                         "16:39",    "16:39:",   "16.39.05", "16:39.05",
                                         "24:39:05", "16:60:05", "16:39:61", "16:39:05.000-9999"};
    char line[120];
    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        (void)snprintf(line, sizeof line, "<![LOG[a]LOG]!><time=\"16:39:05.000+000\" date=\"%s\">\n", dates[i]);
        assert_true(parse_one(span_of(line)).time == INT64_MIN);
    }
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        (void)snprintf(line, sizeof line, "<![LOG[a]LOG]!><time=\"%s\" date=\"01-02-2015\">\n", clocks[i]);
        assert_true(parse_one(span_of(line)).time == INT64_MIN);
    }
}

static void records_are_taken_off_one_by_one(void **state)
{
    static const struct {
        struct span bytes;
        const char *texts[4];
    } rows[] = {
        {BYTES("<![LOG[a]LOG]!><>\n<![LOG[b]LOG]!><>\r\n"), {"a", "b"}},
        {BYTES("<![LOG[a]LOG]!><><![LOG[b]LOG]!><>\n"), {"a", "b"}},
        {BYTES("stray<![LOG[a]LOG]!><>\nafter\n"), {"stray", "a", "after"}},
        {BYTES("<![LOG[torn\r\n<![LOG[b]LOG]!><>\n"), {"torn", "b"}},
        {BYTES("<![LOG[a]LOG]!><time=\"1\r\n<![LOG[b]LOG]!><>\n"), {"a", "b"}},
        {BYTES("a  $$<S><><>\nb  $$<S><><>\n<MAXIMUM LOG FILE SIZE REACHED - FILE RENAMED>\n"), {"a", "b"}},
        {BYTES("<![LOG[nested <![LOG[x]LOG]!> y]LOG]!><>\nb\n"), {"nested <![LOG[x", "b"}},
        {BYTES("<MAXIMUM LOG FILE SIZE REACHED - FILE RENAMED>"), {NULL}},
        {BYTES("<MAXIMUM LOG FILE SIZE REACHED - FILE RENAMED> or not\n"),
         {"<MAXIMUM LOG FILE SIZE REACHED - FILE RENAMED> or not"}},
        {BYTES("  $$<S><><>\n $$<S><><>\n"), {"", ""}},
        {BYTES("\r\n\n"), {NULL}},
        {BYTES(""), {NULL}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span rest = rows[i].bytes;
        struct log_record record;
        size_t used;
        size_t count = 0;
        for (; log_parse(rest, true, &record, &used) == LOG_PARSED; count++) {
            assert_non_null(rows[i].texts[count]);
            assert_bytes(record.text, span_of(rows[i].texts[count]), i);
            rest = (struct span){rest.at + used, rest.len - used};
        }
        assert_null(rows[i].texts[count]);
    }
}

static void a_part_of_a_record_waits_for_the_rest(void **state)
{
    static const struct span lines[] = {
        BYTES("<![LOG[a\r\nb]LOG]!><time=\"12:29:46.123+000\" date=\"03-09-2024\">\r\n"),
        BYTES("a  $$<S><03-09-2024 12:29:46.123+000><thread=1 (0x1)>\r\n"),
        BYTES("\r\nplain\n"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct log_record record;
        size_t used = 0;
        assert_int_equal(log_parse((struct span){lines[i].at, 0}, false, &record, &used), LOG_NOTHING);
        for (size_t len = 1; len < lines[i].len; len++)
            if (log_parse((struct span){lines[i].at, len}, false, &record, &used) != LOG_MORE)
                fail_msg("row %zu: taken after %zu bytes", i, len);
        assert_int_equal(log_parse(lines[i], false, &record, &used), LOG_PARSED);
        assert_int_equal(used, lines[i].len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_written_as_the_original_writes_it),
        cmocka_unit_test(local_time_carries_the_bias_of_windows),
        cmocka_unit_test(component_and_file_are_cut_at_100_bytes_and_end_no_field),
        cmocka_unit_test(text_is_made_safe_and_reads_back_the_same),
        cmocka_unit_test(text_beside_the_frame_cannot_become_part_of_it),
        cmocka_unit_test(a_quoted_value_is_cut_on_a_character_and_marked),
        cmocka_unit_test(a_line_of_7900_bytes_is_whole_and_one_byte_more_is_cut),
        cmocka_unit_test(no_character_is_cut_in_two),
        cmocka_unit_test(a_dump_keeps_its_line_breaks_and_nothing_else),
        cmocka_unit_test(a_long_line_of_a_dump_is_wrapped_after_a_tag),
        cmocka_unit_test(every_line_of_a_dump_is_7900_bytes_at_most),
        cmocka_unit_test(a_dump_without_room_is_cut_and_says_how_much),
        cmocka_unit_test(a_reader_accepts_what_real_logs_have),
        cmocka_unit_test(a_time_that_is_none_is_no_time),
        cmocka_unit_test(records_are_taken_off_one_by_one),
        cmocka_unit_test(a_part_of_a_record_waits_for_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
