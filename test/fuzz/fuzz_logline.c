/* The reader stays inside its bytes and always gets on; what the writer writes from any text it reads back as the
 * same safe text, one record from one, and no line is longer than CMTrace can show. */
#include "../../src/base/log_text.h"

#include "fuzz.h"

static bool lies_in(struct span part, struct span whole)
{
    return part.len == 0 ||
           (part.at >= whole.at && part.len <= whole.len && (size_t)(part.at - whole.at) <= whole.len - part.len);
}

static void read_all(struct span bytes)
{
    struct log_record record;
    size_t used;
    while (log_parse(bytes, true, &record, &used) != LOG_NOTHING) {
        require(used > 0 && used <= bytes.len);
        require(lies_in(record.text, bytes) && lies_in(record.component, bytes));
        require(lies_in(record.context, bytes) && lies_in(record.file, bytes));
        struct log_record early;
        size_t early_used;
        if (log_parse(bytes, false, &early, &early_used) == LOG_PARSED)
            require(early_used == used && span_equal(early.text, record.text));
        bytes.at += used;
        bytes.len -= used;
    }
}

static void check_lines(struct span bytes)
{
    while (bytes.len > 0) {
        const char *end = memchr(bytes.at, '\n', bytes.len);
        require(end != NULL && end + 1 - bytes.at <= LOG_LINE_MOST);
        bytes.len -= (size_t)(end + 1 - bytes.at);
        bytes.at = end + 1;
    }
}

static struct span read_back(struct span bytes, enum log_format format)
{
    struct log_record record;
    size_t used = 0;
    check_lines(bytes);
    require(log_parse(bytes, false, &record, &used) == LOG_PARSED);
    require(used == bytes.len && record.format == format);
    require(record.thread == 4711 && span_equal(record.component, SPAN("Fuzz")));
    require(record.time == INT64_C(1700000000123000));
    return record.text;
}

/* `text` is all of `whole`, or its beginning and the words that say what is missing. */
static void check_text(struct span text, struct span whole)
{
    if (span_equal(text, whole))
        return;
    const char *suffix = NULL;
    for (size_t i = 0; i + 5 <= text.len; i++)
        if (memcmp(text.at + i, " ...(", 5) == 0)
            suffix = text.at + i;
    require(suffix != NULL && text.at[text.len - 1] == ')');
    require((size_t)(suffix - text.at) < whole.len);
    require(memcmp(text.at, whole.at, (size_t)(suffix - text.at)) == 0);
}

static void round_trip(struct span text, const struct log_style *style, char *room, size_t room_len)
{
    const struct log_origin origin = {LOG_INFO, "fuzz.c", 1, 4711, INT64_C(1700000000123000), "0000002A"};
    char record[LOG_LINE_MOST];
    size_t used;
    const size_t len = log_text_record(style, &origin, text, text.len, record);
    const struct span whole = {room, log_text_safe(text, false, room, room_len, &used)};
    require(used == text.len);
    check_text(read_back((struct span){record, len}, style->format), whole);

    const struct log_dump dump = {SPAN("Message Body :  "), text};
    const struct span dumped = {room, log_text_dump(style, &origin, &dump, room, room_len)};
    require(dumped.len <= room_len);
    (void)read_back(dumped, style->format);
    char small[LOG_DUMP_LEAST];
    const struct span cut = {small, log_text_dump(style, &origin, &dump, small, sizeof small)};
    require(cut.len <= sizeof small);
    (void)read_back(cut, style->format);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct log_settings settings[] = {{.component = "Fuzz", .format = LOG_CCM},
                                            {.component = "Fuzz", .format = LOG_SITE}};
    const size_t room_len = size * 3 + size / LOG_WRAP_AT * 2 + LOG_DUMP_LEAST;
    char *room = malloc(room_len);
    char *copy = malloc(size + 1);
    require(room != NULL && copy != NULL);
    if (size > 0)
        memcpy(copy + 1, bytes, size);   /* the sanitizer sees a step over its end */
    const struct span text = {copy + 1, size};
    read_all(text);
    for (size_t i = 0; i < 2; i++) {
        struct log_style style;
        log_style_init(&style, &settings[i]);
        round_trip(text, &style, room, room_len);
    }
    free(copy);
    free(room);
    return 0;
}
