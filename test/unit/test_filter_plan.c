/* The filters of smx query find their states by an index, in SQLite and in PostgreSQL: no plan reads all states. */
#include "../../src/smx/filter.h"
#include "store_fixture.h"

enum { MOST_WORDS = 3 };

static char plan[16 * 1024];

static void ignore_columns(void *owner, const char *const *names, size_t count)
{
    (void)owner, (void)names, (void)count;
}

/* SQLite tells in the fourth column, PostgreSQL in the first. */
static bool note_step(void *owner, const struct db_cell *cells)
{
    const struct span text = cells[db_is_sqlite(owner) ? 3 : 0].text;
    (void)snprintf(plan + strlen(plan), sizeof plan - strlen(plan), "%.*s\n", (int)text.len, text.at);
    return true;
}

static void explain(struct filter_sql *filter)
{
    static char sql[16 * 1024];
    const struct db_parameters parameters = {filter->parameters, filter->parameter_count};
    (void)snprintf(sql, sizeof sql, "EXPLAIN %s SELECT * FROM v_States WHERE %.*s LIMIT 101",
                   db_is_sqlite(db) ? "QUERY PLAN" : "", (int)filter->where.len, filter->where.at);
    plan[0] = '\0';
    must(db_ask(db, sql, parameters, (struct db_listener){ignore_columns, note_step, db}, &err));
}

static void plan_words(const char *const *words)
{
    struct filter filters[MOST_WORDS];
    struct filter_sql filter = {.parameter_count = 0};
    struct arena *arena = arena_open(64 * 1024, NULL);
    size_t count = 0;
    assert_non_null(arena);
    buffer_init(&filter.where, 64 * 1024);
    for (; count < MOST_WORDS && words[count] != NULL; count++)
        must(filter_parse(words[count], NOW, &filters[count], &err));
    must(filter_write(filters, count, db_is_sqlite(db), arena, &filter, &err));
    explain(&filter);
    buffer_fini(&filter.where);
    arena_close(arena);
}

static void no_filter_that_names_a_topic_a_client_or_an_id_reads_all_states(void **state)
{
    static const char *const rows[][MOST_WORDS] = {
        {"topic:500"},
        {"topic:STATE_TOPICTYPE_SUM_*"},
        {"topic:500", "state:2"},
        {"topic:500", "state:*required*", "since:1d"},
        {"state:*required*"},
        {"client:PC-1"},
        {"client:PC-*", "topic:500"},
        {"client:GUID:9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E01", "since:7d"},
        {"id:505fda07-b4f3-45fb-83d9-8642554e2773"},
        {"id:505fda07*"},
        {"topic:500", "id:505FDA07*", "state:2"},
    };
    (void)state;
    if (!db_is_sqlite(db))              /* which reads small tables whole if it may */
        must(db_script(db, "SET enable_seqscan = off", &err));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        plan_words(rows[i]);
        if (strstr(plan, "SCAN s\n") != NULL || strstr(plan, "Seq Scan on sr_states") != NULL)
            fail_msg("%s: %s", rows[i][0], plan);
        assert_true(strstr(plan, "SR_States") != NULL || strstr(plan, "sr_states") != NULL);
    }
}

/* Else the test above could not fail. */
static void what_has_no_index_is_told_from_it(void **state)
{
    static const char *const words[] = {"user:bob", NULL};
    (void)state;
    if (!db_is_sqlite(db))
        must(db_script(db, "SET enable_seqscan = on", &err));
    plan_words(words);
    assert_true(strstr(plan, "SCAN s\n") != NULL || strstr(plan, "Seq Scan on sr_states") != NULL);
}

/* A prefix is a range of the index, not a pattern that each of its rows is compared with. */
static void a_prefix_is_a_range(void **state)
{
    static const char *const words[] = {"topic:500", "id:505fda07*", NULL};
    (void)state;
    plan_words(words);
    if (db_is_sqlite(db))
        assert_non_null(strstr(plan, "(TopicType=? AND TopicID>? AND TopicID<?)"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(no_filter_that_names_a_topic_a_client_or_an_id_reads_all_states),
        TEST(what_has_no_index_is_told_from_it),
        TEST(a_prefix_is_a_range),
    };
    db_server_init();
    const int failed = RUN_ON_BOTH(tests);
    db_server_fini();
    return failed;
}
