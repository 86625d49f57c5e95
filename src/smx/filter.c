/* The decision hidden here: what may stand behind each colon. Names are looked up at once, so that a misspelt one is an
 * error and not an empty answer. */
#include "filter.h"

#include "report/topic.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

const char filter_help[] =
    "  topic:500            topic type, by number or symbol (topic:STATE_TOPICTYPE_SUM_*)\n"
    "  state:2              state, by number or name (state:*installed)\n"
    "  client:PC-0*         client, by name or GUID\n"
    "  user:*               user, by name or SID; user: alone means none, the system itself\n"
    "  id:505fda07*         topic ID, as written or all in lower or upper case\n"
    "  since:7d until:1h    time of the message, back from now (s, m, h, d, w), or 2026-11-22, 2026-11-22T08:00 (UTC)\n"
    "  serial:10-20         serial number; 10- and -20 leave one end open\n";

/* ---- patterns ---- */

bool filter_fits(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *resume = NULL; /* the last star takes all up to here */
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (tolower((unsigned char)*pattern) == tolower((unsigned char)*text)) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* ---- values ---- */

static bool read_number(struct span text, int64_t most, int64_t *out)
{
    uint64_t value;
    if (!span_to_uint64(text, &value) || value > (uint64_t)most)
        return false;
    *out = (int64_t)value;
    return true;
}

static bool is_topic_name(const char *text)
{
    size_t i = 0;
    while (i < topic_count() && (topic_at(i)->symbol[0] == '\0' || !filter_fits(text, topic_at(i)->symbol)))
        i++;
    return i < topic_count();
}

static bool is_state_name(const char *text)
{
    size_t i = 0;
    while (i < topic_state_count() && !filter_fits(text, topic_state_at(i)->name))
        i++;
    return i < topic_state_count();
}

static bool parse_topic(struct filter *filter, int64_t now)
{
    (void)now;
    filter->named = !read_number(span_of(filter->text), INT32_MAX, &filter->least);
    return !filter->named || is_topic_name(filter->text);
}

static bool parse_state(struct filter *filter, int64_t now)
{
    (void)now;
    filter->named = !read_number(span_of(filter->text), UINT32_MAX, &filter->least);
    return !filter->named || is_state_name(filter->text);
}

static bool parse_text(struct filter *filter, int64_t now)
{
    (void)now;
    return filter->text[0] != '\0';
}

static bool parse_any(struct filter *filter, int64_t now)
{
    (void)filter, (void)now;
    return true;
}

/* 7d: so long ago. */
static bool read_age(struct span text, int64_t now, int64_t *out)
{
    static const struct {
        char name;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    enum { MOST = 1000000 }; /* of any unit: no overflow */
    int64_t value;
    if (text.len < 2 || !read_number((struct span){text.at, text.len - 1}, MOST, &value))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (text.at[text.len - 1] == units[i].name) {
            *out = now - value * units[i].seconds * 1000000;
            return true;
        }
    return false;
}

/* "2026-11-22": digits where the form has them, all else as it stands. */
static bool has_form(const char *text, const char *form)
{
    for (; *form != '\0'; form++, text++)
        if (*form == '0' ? !isdigit((unsigned char)*text) : *form != *text)
            return false;
    return *text == '\0' || (text[0] == 'Z' && text[1] == '\0');
}

static int two_digits(const char *text)
{
    return (text[0] - '0') * 10 + text[1] - '0';
}

/* A day that there is: the 30th of February becomes the 2nd of March, and is told by that. */
static bool read_date(const char *text, int64_t *out)
{
    enum { DAY = 10, MINUTE = 16, SECOND = 19 };
    const bool day = has_form(text, "0000-00-00");
    const bool second = has_form(text, "0000-00-00T00:00:00");
    if (!day && !second && !has_form(text, "0000-00-00T00:00"))
        return false;
    struct tm tm = {.tm_year = two_digits(text) * 100 + two_digits(text + 2) - 1900,
                    .tm_mon = two_digits(text + 5) - 1,
                    .tm_mday = two_digits(text + 8),
                    .tm_hour = day ? 0 : two_digits(text + DAY + 1),
                    .tm_min = day ? 0 : two_digits(text + MINUTE - 2),
                    .tm_sec = second ? two_digits(text + SECOND - 2) : 0};
    const struct tm given = tm;
    const time_t when = timegm(&tm);
    *out = (int64_t)when * 1000000;
    return tm.tm_mon == given.tm_mon && tm.tm_hour == given.tm_hour && tm.tm_min == given.tm_min &&
           tm.tm_sec == given.tm_sec;
}

static bool parse_time(struct filter *filter, int64_t now)
{
    int64_t time;
    if (!read_age(span_of(filter->text), now, &time) && !read_date(filter->text, &time))
        return false;
    filter->least = time;
    filter->most = time;
    return true;
}

/* 5, 5-9, 5-, -9 */
static bool parse_range(struct filter *filter, int64_t now)
{
    const char *dash = strchr(filter->text, '-');
    const struct span whole = span_of(filter->text);
    (void)now;
    filter->least = 0;
    filter->most = INT64_MAX;
    if (dash == NULL) {
        const bool one = read_number(whole, INT64_MAX, &filter->least);
        filter->most = filter->least;
        return one;
    }
    const struct span first = {whole.at, (size_t)(dash - whole.at)};
    const struct span last = span_of(dash + 1);
    return (first.len > 0 || last.len > 0) && (first.len == 0 || read_number(first, INT64_MAX, &filter->least)) &&
           (last.len == 0 || read_number(last, INT64_MAX, &filter->most)) && filter->least <= filter->most;
}

/* ---- words ---- */

static const struct kind {
    const char *name;
    bool (*parse)(struct filter *filter, int64_t now);
    const char *wanted;
} kinds[FILTER_KINDS] = {
    [FILTER_TOPIC] = {"topic", parse_topic, "a number, or a symbol that smx name knows"},
    [FILTER_STATE] = {"state", parse_state, "a number, or a name that smx name knows"},
    [FILTER_CLIENT] = {"client", parse_text, "a name or a GUID"},
    [FILTER_USER] = {"user", parse_any, "a name or a SID"},
    [FILTER_ID] = {"id", parse_text, "a topic ID"},
    [FILTER_SINCE] = {"since", parse_time, "an age like 7d, or a time like 2026-11-22T08:00"},
    [FILTER_UNTIL] = {"until", parse_time, "an age like 7d, or a time like 2026-11-22T08:00"},
    [FILTER_SERIAL] = {"serial", parse_range, "a number, or two like 10-20"},
};

static bool find_kind(struct span name, enum filter_kind *out)
{
    for (size_t i = 0; i < FILTER_KINDS; i++)
        if (span_equal(name, span_of(kinds[i].name))) {
            *out = (enum filter_kind)i;
            return true;
        }
    return false;
}

bool filter_parse(const char *word, int64_t now, struct filter *out, struct error *err)
{
    const char *colon = strchr(word, ':');
    struct filter filter = {.text = colon == NULL ? NULL : colon + 1};
    if (colon == NULL || !find_kind((struct span){word, (size_t)(colon - word)}, &filter.kind))
        return error_set(
            err, ERROR_MALFORMED,
            "'%.60s' is no filter: they begin with topic: state: client: user: id: since: until: serial:", word);
    if (!kinds[filter.kind].parse(&filter, now))
        return error_set(err, ERROR_MALFORMED, "'%.60s': behind %s: stands %s", word, kinds[filter.kind].name,
                         kinds[filter.kind].wanted);
    *out = filter;
    return true;
}
