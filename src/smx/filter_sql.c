/*
 * The decision hidden here: how a filter can use an index.
 *
 * What is asked by topic ID alone would read every state, for the index begins with the topic type: so the types that
 * there are come from the index itself, each found by one step. A prefix is a range of the index: for SQLite it is
 * written as one, for it would not see one in GLOB with a parameter; PostgreSQL sees it in LIKE where the index sorts
 * bytewise. Clients are found first, then their states by the primary key.
 */
#include "filter.h"

#include "report/topic.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

/* Every type of topic that there is a state of. */
#define TOPIC_TYPES                                                                                                   \
    "WITH RECURSIVE t (n) AS (SELECT MIN(TopicType) FROM SR_States UNION ALL SELECT (SELECT MIN(s.TopicType) FROM "   \
    "SR_States s WHERE s.TopicType > t.n) FROM t WHERE t.n IS NOT NULL) SELECT n FROM t WHERE n IS NOT NULL"

struct writer {
    struct filter_sql *out;
    struct arena *arena;
    bool sqlite;
    bool has_topic;
};

static bool print(struct writer *writer, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool print(struct writer *writer, struct error *err, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert(len >= 0 && (size_t)len < sizeof text);
    return buffer_add(&writer->out->where, text, (size_t)len, err);
}

/* ---- parameters ---- */

/* Room for a text in which each byte may need three. */
static char *new_parameter(struct writer *writer, const char *text, struct error *err)
{
    char *copy = arena_alloc(writer->arena, 3 * strlen(text) + 1);
    assert(writer->out->parameter_count < FILTER_MOST_PARAMETERS);
    if (copy == NULL)
        (void)arena_error(writer->arena, "limit", err);
    else
        writer->out->parameters[writer->out->parameter_count++] = copy;
    return copy;
}

static char keep(char c)
{
    return c;
}

static char lower(char c)
{
    return (char)tolower((unsigned char)c);
}

static char upper(char c)
{
    return (char)toupper((unsigned char)c);
}

static bool is_pattern(const char *text)
{
    return strchr(text, '*') != NULL;
}

/* As it is, without a meaning for any of its characters. */
static bool add_plain(struct writer *writer, const char *text, char (*turn)(char), struct error *err)
{
    char *at = new_parameter(writer, text, err);
    if (at == NULL)
        return false;
    for (; *text != '\0'; text++)
        *at++ = turn(*text);
    return true;
}

/* For LIKE with ESCAPE '\'. */
static bool add_like(struct writer *writer, const char *text, char (*turn)(char), struct error *err)
{
    char *at = new_parameter(writer, text, err);
    if (at == NULL)
        return false;
    for (; *text != '\0'; text++) {
        if (*text == '%' || *text == '_' || *text == '\\')
            *at++ = '\\';
        *at++ = *text == '*' ? '%' : turn(*text);
    }
    return true;
}

/* For SQLite's GLOB: what means something there stands in brackets. */
static bool add_glob(struct writer *writer, const char *text, char (*turn)(char), struct error *err)
{
    char *at = new_parameter(writer, text, err);
    if (at == NULL)
        return false;
    for (; *text != '\0'; text++) {
        const bool special = *text == '?' || *text == '[';
        if (special)
            *at++ = '[';
        *at++ = turn(*text);
        if (special)
            *at++ = ']';
    }
    return true;
}

/* ---- topics and states ---- */

static bool write_topic(struct writer *writer, const struct filter *filter, struct error *err)
{
    if (!filter->named)
        return print(writer, err, "TopicType = %lld", (long long)filter->least);
    const char *before = "TopicType IN (";
    for (size_t i = 0; i < topic_count(); i++) {
        const struct topic_type *topic = topic_at(i);
        if (topic->symbol[0] == '\0' || !filter_fits(filter->text, topic->symbol))
            continue;
        if (!print(writer, err, "%s%u", before, topic->type))
            return false;
        before = ", ";
    }
    return print(writer, err, ")");
}

/* A name means another number with each type of topic. */
static bool write_state(struct writer *writer, const struct filter *filter, struct error *err)
{
    if (!filter->named)
        return print(writer, err, "StateID = %lld", (long long)filter->least);
    const char *before = "(";
    for (size_t i = 0; i < topic_state_count(); i++) {
        const struct state_name *state = topic_state_at(i);
        if (!filter_fits(filter->text, state->name))
            continue;
        if (!print(writer, err, "%sTopicType = %u AND StateID = %u", before, state->topic_type, state->state))
            return false;
        before = " OR ";
    }
    return print(writer, err, ")");
}

/* ---- texts ---- */

/* The GUID in its normal form (spec/smx.md 6.1), or the name in any case. */
static bool write_client_condition(struct writer *writer, const char *text, struct error *err)
{
    const unsigned number = (unsigned)writer->out->parameter_count + 1;
    const bool prefixed = span_equal_nocase((struct span){text, strnlen(text, 5)}, SPAN("GUID:"));
    const char *key = prefixed ? text + 5 : text;
    if (is_pattern(text))
        return add_like(writer, key, upper, err) && add_like(writer, text, keep, err) &&
               print(writer, err, "SMSID LIKE $%u ESCAPE '\\' OR UPPER(NetBIOSName) LIKE UPPER($%u) ESCAPE '\\'",
                     number, number + 1);
    return add_plain(writer, key, upper, err) && add_plain(writer, text, keep, err) &&
           print(writer, err, "SMSID = $%u OR UPPER(NetBIOSName) = UPPER($%u)", number, number + 1);
}

static bool write_client(struct writer *writer, const struct filter *filter, struct error *err)
{
    return print(writer, err, "ResourceID IN (SELECT MachineID FROM SR_Clients WHERE ") &&
           write_client_condition(writer, filter->text, err) && print(writer, err, ")");
}

static bool write_user(struct writer *writer, const struct filter *filter, struct error *err)
{
    const unsigned number = (unsigned)writer->out->parameter_count + 1;
    if (filter->text[0] == '\0')
        return print(writer, err, "(UserSID = '' AND COALESCE(UserName, '') = '')");
    if (!is_pattern(filter->text))
        return add_plain(writer, filter->text, keep, err) &&
               print(writer, err, "(UPPER(UserName) = UPPER($%u) OR UPPER(UserSID) = UPPER($%u))", number, number);
    return add_like(writer, filter->text, keep, err) &&
           print(writer, err,
                 "((UserSID <> '' OR UserName <> '') AND (UPPER(UserName) LIKE UPPER($%u) ESCAPE '\\' OR "
                 "UPPER(UserSID) LIKE UPPER($%u) ESCAPE '\\'))",
                 number, number);
}

/* What stands before the first star. */
static bool add_prefix(struct writer *writer, const char *text, char (*turn)(char), struct error *err)
{
    char *at = new_parameter(writer, text, err);
    if (at == NULL)
        return false;
    for (; *text != '*'; text++)
        *at++ = turn(*text);
    return true;
}

/* PostgreSQL must know that it is a list: it would join what may be a table, and read all states for that. */
static bool write_topic_types(struct writer *writer, struct error *err)
{
    if (writer->has_topic)
        return true;
    return print(writer, err, "%s",
                 writer->sqlite ? "TopicType IN (" TOPIC_TYPES ") AND "
                                : "TopicType = ANY (ARRAY(" TOPIC_TYPES ")) AND ");
}

/* With the types each: for SQLite an index serves what stands on one side of an OR. */
static bool write_id_pattern(struct writer *writer, const char *text, char (*turn)(char), struct error *err)
{
    const unsigned n = (unsigned)writer->out->parameter_count + 1;
    if (!write_topic_types(writer, err))
        return false;
    if (!writer->sqlite)
        return add_like(writer, text, turn, err) && print(writer, err, "TopicID LIKE $%u ESCAPE '\\'", n);
    return add_prefix(writer, text, turn, err) && add_glob(writer, text, turn, err) &&
           print(writer, err, "TopicID BETWEEN $%u AND $%u || char(1114111) AND TopicID GLOB $%u", n, n, n + 1);
}

static bool differs(const char *text, char (*turn)(char))
{
    while (*text != '\0' && turn(*text) == *text)
        text++;
    return *text != '\0';
}

static bool write_id_patterns(struct writer *writer, const char *text, struct error *err)
{
    return print(writer, err, "(") && write_id_pattern(writer, text, keep, err) &&
           (!differs(text, lower) || (print(writer, err, " OR ") && write_id_pattern(writer, text, lower, err))) &&
           (!differs(text, upper) || (print(writer, err, " OR ") && write_id_pattern(writer, text, upper, err))) &&
           print(writer, err, ")");
}

/* GUIDs are written in either case, but hardly ever in both. */
static bool write_id(struct writer *writer, const struct filter *filter, struct error *err)
{
    const unsigned n = (unsigned)writer->out->parameter_count + 1;
    if (is_pattern(filter->text))
        return write_id_patterns(writer, filter->text, err);
    return write_topic_types(writer, err) && add_plain(writer, filter->text, keep, err) &&
           add_plain(writer, filter->text, lower, err) && add_plain(writer, filter->text, upper, err) &&
           print(writer, err, "TopicID IN ($%u, $%u, $%u)", n, n + 1, n + 2);
}

/* ---- numbers ---- */

static bool write_since(struct writer *writer, const struct filter *filter, struct error *err)
{
    return print(writer, err, "MessageTime >= %lld", (long long)filter->least);
}

static bool write_until(struct writer *writer, const struct filter *filter, struct error *err)
{
    return print(writer, err, "MessageTime < %lld", (long long)filter->most);
}

static bool write_serial(struct writer *writer, const struct filter *filter, struct error *err)
{
    return print(writer, err, "SerialNumber BETWEEN %lld AND %lld", (long long)filter->least, (long long)filter->most);
}

/* ---- all ---- */

static bool (*const writers[FILTER_KINDS])(struct writer *, const struct filter *, struct error *) = {
    [FILTER_TOPIC] = write_topic, [FILTER_STATE] = write_state,   [FILTER_CLIENT] = write_client,
    [FILTER_USER] = write_user,   [FILTER_ID] = write_id,         [FILTER_SINCE] = write_since,
    [FILTER_UNTIL] = write_until, [FILTER_SERIAL] = write_serial,
};

bool filter_write(const struct filter *filters, size_t count, bool sqlite, struct arena *arena, struct filter_sql *out,
                  struct error *err)
{
    struct writer writer = {.out = out, .arena = arena, .sqlite = sqlite};
    assert(count <= FILTER_MOST);
    for (size_t i = 0; i < count; i++)
        writer.has_topic = writer.has_topic || filters[i].kind == FILTER_TOPIC;
    for (size_t i = 0; i < count; i++)
        if ((i > 0 && !print(&writer, err, " AND ")) || !writers[filters[i].kind](&writer, &filters[i], err))
            return false;
    return true;
}

bool filter_write_client(const char *text, struct arena *arena, struct filter_sql *out, struct error *err)
{
    struct writer writer = {.out = out, .arena = arena};
    return write_client_condition(&writer, text, err);
}
