/* What smx query is asked for: each word means what its help says, and becomes SQL in which nothing stands but numbers. */
#include "../../src/smx/filter.h"

#include "base/sys.h"
#include "few.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define NOW (1700000000 * SECOND)

static struct error err;
static char shown[128 * 1024];

/* ---- words ---- */

static bool parse(const char *word, struct filter *out)
{
    memset(&err, 0, sizeof err);
    return filter_parse(word, NOW, out, &err);
}

static void numbers_and_times_are_read(void **state)
{
    static const struct {
        const char *word;
        enum filter_kind kind;
        int64_t least;
        int64_t most;
    } rows[] = {
        {"topic:500", FILTER_TOPIC, 500, 0},
        {"topic:2147483647", FILTER_TOPIC, INT32_MAX, 0},
        {"state:0", FILTER_STATE, 0, 0},
        {"state:4294967295", FILTER_STATE, UINT32_MAX, 0},
        {"since:30s", FILTER_SINCE, NOW - 30 * SECOND, NOW - 30 * SECOND},
        {"since:5m", FILTER_SINCE, NOW - 300 * SECOND, NOW - 300 * SECOND},
        {"until:2h", FILTER_UNTIL, NOW - 7200 * SECOND, NOW - 7200 * SECOND},
        {"since:7d", FILTER_SINCE, NOW - 604800 * SECOND, NOW - 604800 * SECOND},
        {"since:1w", FILTER_SINCE, NOW - 604800 * SECOND, NOW - 604800 * SECOND},
        {"since:0s", FILTER_SINCE, NOW, NOW},
        {"until:1970-01-02", FILTER_UNTIL, 86400 * SECOND, 86400 * SECOND},
        {"until:1970-01-02Z", FILTER_UNTIL, 86400 * SECOND, 86400 * SECOND},
        {"since:1970-01-01T01:02", FILTER_SINCE, 3720 * SECOND, 3720 * SECOND},
        {"since:1970-01-01T01:02:03Z", FILTER_SINCE, 3723 * SECOND, 3723 * SECOND},
        {"since:2024-02-29", FILTER_SINCE, 1709164800 * SECOND, 1709164800 * SECOND},
        {"serial:7", FILTER_SERIAL, 7, 7},
        {"serial:10-20", FILTER_SERIAL, 10, 20},
        {"serial:10-", FILTER_SERIAL, 10, INT64_MAX},
        {"serial:-20", FILTER_SERIAL, 0, 20},
        {"serial:9223372036854775807", FILTER_SERIAL, INT64_MAX, INT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct filter filter;
        if (!parse(rows[i].word, &filter) || filter.named || filter.kind != rows[i].kind ||
            filter.least != rows[i].least || filter.most != rows[i].most)
            fail_msg("%s: %s, %lld, %lld", rows[i].word, err.text, (long long)filter.least, (long long)filter.most);
    }
}

static void what_is_none_of_them_is_told_with_what_is_wanted(void **state)
{
    static const struct {
        const char *word;
        const char *words;
    } rows[] = {
        {"", "no filter"},
        {"topic", "no filter"},
        {":5", "no filter"},
        {"TOPIC:5", "no filter"},
        {"topics:5", "no filter"},
        {"topic:", "behind topic:"},
        {"topic:2147483648", "behind topic:"},
        {"topic:-1", "behind topic:"},
        {"topic:STATE_TOPICTYPE_SUM", "smx name"},
        {"state:4294967296", "behind state:"},
        {"state:no such state", "smx name"},
        {"client:", "a name or a GUID"},
        {"id:", "a topic ID"},
        {"since:", "an age"},
        {"since:7", "an age"},
        {"since:d", "an age"},
        {"since:7y", "an age"},
        {"since:-7d", "an age"},
        {"since:1000001w", "an age"},
        {"since:2023-02-29", "an age"},
        {"since:2023-13-01", "an age"},
        {"since:2023-00-10", "an age"},
        {"since:2023-01-01T24:00", "an age"},
        {"since:2023-01-01T00:60", "an age"},
        {"since:2023-01-01T00:00:60", "an age"},
        {"since:2023-01-01T00:00ZZ", "an age"},
        {"since:2023-1-01", "an age"},
        {"until:2023-01-01 00:00", "an age"},
        {"serial:", "two like"},
        {"serial:-", "two like"},
        {"serial:20-10", "two like"},
        {"serial:1-2-3", "two like"},
        {"serial:x", "two like"},
        {"serial:1-x", "two like"},
        {"serial:9223372036854775808", "two like"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct filter filter;
        if (parse(rows[i].word, &filter))
            fail_msg("%s was taken", rows[i].word);
        if (err.kind != ERROR_MALFORMED || strstr(err.text, rows[i].words) == NULL)
            fail_msg("%s: %s", rows[i].word, err.text);
    }
}

static void a_star_stands_for_anything(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool fits;
    } rows[] = {
        {"", "", true},         {"*", "", true},
        {"*", "abc", true},     {"**", "abc", true},
        {"abc", "ABC", true},   {"abc", "abcd", false},
        {"abcd", "abc", false}, {"a*", "abc", true},
        {"*c", "abc", true},    {"a*c", "abc", true},
        {"a*c", "ac", true},    {"a*c", "abcb", false},
        {"*b*", "abc", true},   {"a*b*c", "aXbYbZc", true},
        {"a*b", "aab", true},   {"*ab", "aaab", true},
        {"a*b*", "ba", false},  {"", "a", false},
        {"a", "", false},       {"a*", "", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (filter_fits(rows[i].pattern, rows[i].text) != rows[i].fits)
            fail_msg("%s, %s", rows[i].pattern, rows[i].text);
}

/* ---- SQL ---- */

/* The condition and behind it the parameters, each after a '|'. */
static bool write_words(const char *const *words, size_t count, bool sqlite)
{
    struct filter filters[FILTER_MOST];
    struct filter_sql sql = {.parameter_count = 0};
    struct arena *arena = arena_open(64 * 1024, NULL);
    assert_non_null(arena);
    for (size_t i = 0; i < count; i++)
        if (!parse(words[i], &filters[i]))
            fail_msg("%s: %s", words[i], err.text);
    buffer_init(&sql.where, sizeof shown / 2);
    const bool written = filter_write(filters, count, sqlite, arena, &sql, &err);
    int len = snprintf(shown, sizeof shown, "%.*s", (int)sql.where.len, sql.where.len == 0 ? "" : sql.where.at);
    for (size_t i = 0; i < sql.parameter_count; i++)
        len += snprintf(shown + len, sizeof shown - (size_t)len, "|%s", sql.parameters[i]);
    buffer_fini(&sql.where);
    arena_close(arena);
    return written;
}

static const char *sql_of(const char *word, bool sqlite)
{
    if (!write_words(&word, 1, sqlite))
        fail_msg("%s: %s", word, err.text);
    return shown;
}

static void each_word_is_a_condition(void **state)
{
    static const struct {
        const char *word;
        const char *sql;
    } rows[] = {
        {"topic:500", "TopicType = 500"},
        {"topic:state_topictype_sum_update_*", "TopicType IN (500, 501)"},
        {"state:2", "StateID = 2"},
        {"state:update is INSTALLED", "(TopicType = 500 AND StateID = 3)"},
        {"state:Update is*ed", "(TopicType = 500 AND StateID = 1 OR TopicType = 500 AND StateID = 2 OR "
                               "TopicType = 500 AND StateID = 3)"},
        {"since:1970-01-01T00:00:01", "MessageTime >= 1000000"},
        {"until:1970-01-01T00:00:01", "MessageTime < 1000000"},
        {"serial:3-5", "SerialNumber BETWEEN 3 AND 5"},
        {"client:guid:abc-1", "ResourceID IN (SELECT MachineID FROM SR_Clients WHERE SMSID = $1 OR "
                              "UPPER(NetBIOSName) = UPPER($2))|ABC-1|guid:abc-1"},
        {"client:Pc_1%*", "ResourceID IN (SELECT MachineID FROM SR_Clients WHERE SMSID LIKE $1 ESCAPE '\\' OR "
                          "UPPER(NetBIOSName) LIKE UPPER($2) ESCAPE '\\')|PC\\_1\\%%|Pc\\_1\\%%"},
        {"user:", "(UserSID = '' AND COALESCE(UserName, '') = '')"},
        {"user:o'neil", "(UPPER(UserName) = UPPER($1) OR UPPER(UserSID) = UPPER($1))|o'neil"},
        {"user:*\\x", "((UserSID <> '' OR UserName <> '') AND (UPPER(UserName) LIKE UPPER($1) ESCAPE '\\' OR "
                      "UPPER(UserSID) LIKE UPPER($1) ESCAPE '\\'))|%\\\\x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(sql_of(rows[i].word, true), rows[i].sql);
        assert_string_equal(sql_of(rows[i].word, false), rows[i].sql);
    }
}

static void a_topic_id_is_looked_for_in_the_index_of_topics(void **state)
{
    static const char *const both[] = {"topic:500", "id:aB?[*"}, *const digits[] = {"topic:500", "id:12*"};
    (void)state;
    assert_non_null(strstr(sql_of("id:aB", true), "TopicType IN (WITH RECURSIVE"));
    assert_non_null(strstr(shown, ") AND TopicID IN ($1, $2, $3)|aB|ab|AB"));
    assert_non_null(strstr(sql_of("id:1*", false), "TopicType = ANY (ARRAY(WITH RECURSIVE"));
    assert_true(write_words(both, 2, true));
    assert_string_equal(shown,
                        "TopicType = 500 AND (TopicID BETWEEN $1 AND $1 || char(1114111) AND TopicID GLOB $2 OR "
                        "TopicID BETWEEN $3 AND $3 || char(1114111) AND TopicID GLOB $4 OR TopicID BETWEEN $5 AND "
                        "$5 || char(1114111) AND TopicID GLOB $6)"
                        "|aB?[|aB[?][[]*|ab?[|ab[?][[]*|AB?[|AB[?][[]*");
    assert_true(write_words(both, 2, false));
    assert_string_equal(shown, "TopicType = 500 AND (TopicID LIKE $1 ESCAPE '\\' OR TopicID LIKE $2 ESCAPE '\\' OR "
                               "TopicID LIKE $3 ESCAPE '\\')|aB?[%|ab?[%|AB?[%");
    assert_true(write_words(digits, 2, false));
    assert_string_equal(shown, "TopicType = 500 AND (TopicID LIKE $1 ESCAPE '\\')|12%");
}

static void filters_are_joined_and_their_parameters_counted_on(void **state)
{
    static const char *const words[] = {"client:a", "user:b", "id:c", "topic:1", "serial:2"};
    (void)state;
    assert_true(write_words(words, 5, true));
    assert_string_equal(shown,
                        "ResourceID IN (SELECT MachineID FROM SR_Clients WHERE SMSID = $1 OR "
                        "UPPER(NetBIOSName) = UPPER($2)) AND (UPPER(UserName) = UPPER($3) OR UPPER(UserSID) = "
                        "UPPER($3)) AND TopicID IN ($4, $5, $6) AND TopicType = 1 AND SerialNumber BETWEEN 2 AND "
                        "2|A|a|b|c|c|C");
}

static void as_many_as_are_allowed_have_room(void **state)
{
    const char *words[FILTER_MOST];
    (void)state;
    for (size_t i = 0; i < FILTER_MOST; i++)
        words[i] = "id:aB*";
    assert_true(write_words(words, FILTER_MOST, true));
    assert_true(write_words(words, 0, true));
    assert_string_equal(shown, "");
}

/* The arena itself is there: what is refused is the room for the condition. */
static void without_memory_there_is_an_error(void **state)
{
    static const char *const words[] = {"client:a", "topic:*", "state:*"};
    (void)state;
    sys.reallocate = reallocate_a_few;
    left = 0;
    assert_false(write_words(words, 3, true));
    sys = sys_kernel;
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
}

static void what_is_too_long_is_an_error(void **state)
{
    static char word[70 * 1024] = "client:";
    const char *const words[] = {word};
    (void)state;
    memset(word + 7, 'x', sizeof word - 8);
    assert_false(write_words(words, 1, true));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_times_are_read),
        cmocka_unit_test(what_is_none_of_them_is_told_with_what_is_wanted),
        cmocka_unit_test(a_star_stands_for_anything),
        cmocka_unit_test(each_word_is_a_condition),
        cmocka_unit_test(a_topic_id_is_looked_for_in_the_index_of_topics),
        cmocka_unit_test(filters_are_joined_and_their_parameters_counted_on),
        cmocka_unit_test(as_many_as_are_allowed_have_room),
        cmocka_unit_test(without_memory_there_is_an_error),
        cmocka_unit_test(what_is_too_long_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
