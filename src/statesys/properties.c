/* The decision hidden here: the table of what admins may set, with its bounds; and that the form of Retry Config is kept
 * to the blank, because scripts compare it. */
#include "properties.h"

#include "report/xml.h"

#include <stddef.h>
#include <stdio.h>

enum { MOST_XML = 64 * 1024, MOST_DIGITS = 40, STEPS_SIZE = PROPERTIES_MOST_STEPS * 12 };

#define SECOND UINT64_C(1000000)
#define MINUTE (60 * SECOND)
#define RETRY_CONFIG "Retry Config"
#define RETRY_USUAL "7200,28800,86400"
#define MOST_STEP UINT64_C(31536000)

/* A row whose Value3 is its number. */
struct number {
    const char *name;
    const char *units;
    uint64_t least;
    uint64_t most;
    uint64_t usual;
    uint64_t unit;  /* one of it, in settings and properties */
    size_t setting; /* of struct settings */
    size_t field;   /* of struct properties */
};

#define NUMBER(name, units, least, most, usual, unit, field)                                                           \
    {                                                                                                                  \
        name, units, least, most, usual, unit, offsetof(struct settings, field), offsetof(struct properties, field)    \
    }

static const struct number numbers[] = {
    NUMBER("Heartbeat Msg Interval", "minutes", 1, 525600, 60, MINUTE, heartbeat_interval),
    NUMBER("Inbox Polling Interval", "seconds", 1, 86400, 900, SECOND, polling_interval),
    NUMBER("Loader Chunk Size", "KB", 1, 65536, 256, 1024, chunk_size),
    NUMBER("Loader Threads", "threads", 1, 64, 4, 1, loader_threads),
    NUMBER("Max Chunks Fetched", "chunks", 1, 10000, 100, 1, max_chunks),
    NUMBER("Min Missing Message Age", "minutes", 1, 525600, 2880, MINUTE, min_missing_age),
    NUMBER("Resync Check Interval", "minutes", 1, 525600, 15, MINUTE, resync_check_interval),
};

enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

/* What the table holds. */
struct found {
    bool there;
    bool is_number;
    uint64_t number;
    char text[MOST_DIGITS + 1];
};

struct reading {
    struct store *store;
    const struct settings *settings;
    void (*complain)(const char *sentence);
    struct properties *out;
    struct found found[NUMBERS];
    struct buffer retry; /* Retry Config's Value2 */
    struct error retry_err;
};

/* ---- the steps of Retry Config ---- */

bool properties_read_steps(struct span text, int64_t steps[PROPERTIES_MOST_STEPS], size_t *count)
{
    int64_t read[PROPERTIES_MOST_STEPS];
    size_t found = 0;
    for (bool more = true; more;) {
        const char *comma = text.len == 0 ? NULL : memchr(text.at, ',', text.len);
        const size_t len = comma == NULL ? text.len : (size_t)(comma - text.at);
        uint64_t seconds;
        if (found == PROPERTIES_MOST_STEPS || !span_to_uint64(span_trim((struct span){text.at, len}), &seconds) ||
            seconds < 1 || seconds > MOST_STEP)
            return false;
        read[found++] = (int64_t)(seconds * SECOND);
        more = comma != NULL;
        text = (struct span){text.at + len + more, text.len - len - more};
    }
    memcpy(steps, read, found * sizeof *read);
    *count = found;
    return true;
}

static void write_steps(const struct properties *properties, char out[STEPS_SIZE])
{
    size_t len = 0;
    for (size_t i = 0; i < properties->retry_count; i++)
        len += (size_t)snprintf(out + len, STEPS_SIZE - len, "%s%lld", i == 0 ? "" : ",",
                                (long long)(properties->retry_steps[i] / (int64_t)SECOND));
}

/* ---- its XML ---- */

struct pattern {
    struct buffer text;
    unsigned depth;
    unsigned open; /* depth at which it began; 0: not in it */
    bool found;
};

static bool on_start(void *owner, struct span name, bool known, const struct xml_attribute *attributes, size_t count,
                     unsigned line, struct error *err)
{
    struct pattern *pattern = owner;
    (void)line;
    (void)err;
    pattern->depth++;
    if (!known || pattern->found || !span_equal(name, SPAN("Retry")))
        return true;
    for (size_t i = 0; i < count; i++)
        if (span_equal(attributes[i].name, SPAN("PatternID")) &&
            span_equal(span_trim(attributes[i].value), SPAN("0"))) {
            pattern->found = true;
            pattern->open = pattern->depth;
        }
    return true;
}

static bool on_text(void *owner, struct span text, struct error *err)
{
    struct pattern *pattern = owner;
    return pattern->open == 0 || buffer_add(&pattern->text, text.at, text.len, err);
}

static bool on_end(void *owner, struct error *err)
{
    struct pattern *pattern = owner;
    (void)err;
    if (pattern->open == pattern->depth--)
        pattern->open = 0;
    return true;
}

/* ERROR_MALFORMED and the like: it says nothing that can be used. */
static bool read_pattern(struct span xml, struct xml_reader *reader, struct properties *out, struct error *err)
{
    static const struct xml_limits limits = {.depth = 16, .tag_bytes = 4096};
    static const struct xml_events events = {on_start, on_text, on_end};
    struct pattern pattern = {.depth = 0};
    buffer_init(&pattern.text, MOST_XML);
    bool read = xml_read(reader, xml, TEXT_UTF8, &limits, &events, &pattern, "settings", err);
    if (read && !pattern.found)
        read = error_set(err, ERROR_MALFORMED, "no Retry with PatternID 0");
    else if (read && !properties_read_steps(buffer_span(&pattern.text), out->retry_steps, &out->retry_count))
        read = error_set(err, ERROR_MALFORMED, "not 1 to %d numbers of 1 to %llu seconds", PROPERTIES_MOST_STEPS,
                         (unsigned long long)MOST_STEP);
    buffer_fini(&pattern.text);
    return read;
}

static bool read_retry(const struct reading *reading, struct properties *out, struct error *err)
{
    struct xml_reader *reader;
    if (reading->retry_err.kind != ERROR_NONE) {
        *err = reading->retry_err;
        return false;
    }
    if (!xml_open(&reader, err))
        return false;
    const bool read = read_pattern(buffer_span(&reading->retry), reader, out, err);
    xml_close(reader);
    return read;
}

/* ---- what the table holds ---- */

static void note_number(struct found *found, struct span value)
{
    const size_t len = value.len < MOST_DIGITS ? value.len : MOST_DIGITS;
    found->there = true;
    found->is_number = span_to_uint64(value, &found->number);
    memcpy(found->text, value.at, len);
    found->text[len] = '\0';
}

static void note_property(void *owner, const struct store_property *property)
{
    struct reading *reading = owner;
    for (size_t i = 0; i < NUMBERS; i++)
        if (span_equal(property->name, span_of(numbers[i].name)))
            note_number(&reading->found[i], property->value3);
    if (span_equal(property->name, SPAN(RETRY_CONFIG)) &&
        buffer_add(&reading->retry, property->value2.at, property->value2.len, &reading->retry_err))
        reading->retry_err.kind = ERROR_NONE;
}

/* ---- what counts ---- */

static void complain(const struct reading *reading, const char *name, const char *why, const char *used)
{
    char sentence[512];
    (void)snprintf(sentence, sizeof sentence, "%s in SC_Component_Property is %s: %s is used", name, why, used);
    reading->complain(sentence);
}

static void complain_of_number(const struct reading *reading, const struct number *row, const struct found *found)
{
    char why[128], used[48];
    if (found->there)
        (void)snprintf(why, sizeof why, "'%s' and not %llu to %llu", found->text, (unsigned long long)row->least,
                       (unsigned long long)row->most);
    else
        (void)snprintf(why, sizeof why, "missing");
    (void)snprintf(used, sizeof used, "%llu %s", (unsigned long long)row->usual, row->units);
    complain(reading, row->name, why, used);
}

static bool settle_number(const struct reading *reading, size_t i, struct error *err)
{
    const struct number *row = &numbers[i];
    const struct found *found = &reading->found[i];
    const uint64_t wanted = *(const uint64_t *)((const char *)reading->settings + row->setting) / row->unit;
    const bool sound = found->is_number && found->number >= row->least && found->number <= row->most;
    const uint64_t value = wanted != 0 ? wanted : sound ? found->number : row->usual;
    if (wanted != 0 && !(sound && found->number == wanted) &&
        !store_write_property(reading->store, row->name, "", "", (int64_t)wanted, err))
        return false;
    if (wanted == 0 && !sound)
        complain_of_number(reading, row, found);
    *(uint64_t *)((char *)reading->out + row->field) = value * row->unit; /* int64_t for times: never so large */
    return true;
}

static bool write_retry(const struct reading *reading, struct error *err)
{
    char steps[STEPS_SIZE], config[STEPS_SIZE + 80];
    write_steps(reading->out, steps);
    (void)snprintf(config, sizeof config, "<Config><Retry PatternID=\"0\"  RetryQueue=\"0\">%s</Retry></Config>",
                   steps);
    return store_write_property(reading->store, RETRY_CONFIG, "REG_SZ", config, 0, err);
}

static bool is_same(const struct properties *a, const struct properties *b)
{
    return a->retry_count == b->retry_count &&
           memcmp(a->retry_steps, b->retry_steps, a->retry_count * sizeof a->retry_steps[0]) == 0;
}

static bool settle_retry(const struct reading *reading, struct error *err)
{
    struct properties *out = reading->out;
    struct properties stored = {.retry_count = 0};
    const char *wanted = reading->settings->retry_steps;
    const bool sound = read_retry(reading, &stored, err);
    if (!sound && err->kind == ERROR_NO_MEMORY)
        return false;
    if (wanted != NULL && properties_read_steps(span_of(wanted), out->retry_steps, &out->retry_count))
        return (sound && is_same(out, &stored)) || write_retry(reading, err);
    if (!sound) {
        complain(reading, RETRY_CONFIG, err->text, RETRY_USUAL);
        (void)!properties_read_steps(SPAN(RETRY_USUAL), stored.retry_steps, &stored.retry_count);
    }
    memcpy(out->retry_steps, stored.retry_steps, sizeof stored.retry_steps);
    out->retry_count = stored.retry_count;
    return true;
}

bool properties_read(struct store *store, const struct settings *settings, void (*complain_of)(const char *sentence),
                     struct properties *out, struct error *err)
{
    struct properties read = {.retry_count = 0};
    struct reading reading = {.store = store, .settings = settings, .complain = complain_of, .out = &read};
    buffer_init(&reading.retry, MOST_XML);
    (void)error_set(&reading.retry_err, ERROR_MALFORMED, "missing");
    bool done = store_read_properties(store, note_property, &reading, err);
    for (size_t i = 0; i < NUMBERS && done; i++)
        done = settle_number(&reading, i, err);
    done = done && settle_retry(&reading, err);
    buffer_fini(&reading.retry);
    if (done)
        *out = read;
    return done;
}
