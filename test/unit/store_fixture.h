/* A store on a fresh database, SQLite's or a PostgreSQL server's; reports made by hand; what it then holds, as text. */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include "../../src/statesys/store.h"
#include "db/db.h"
#include "db_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MINUTE ((int64_t)60 * 1000000)
#define NOW ((int64_t)1700000000 * 1000000)

enum { FIXTURE_MESSAGES = 16, FIXTURE_DUMP = 16 * 1024 * 1024 };

static const char *fixture_database;
static struct error err;
static struct store *store;
static struct db *db;
static struct store_settings settings = {
    .lock_timeout_ms = 60000,
    .site_code = "PS1",
    .site_name = "Primary",
    .parent_site = "",
    .ledger = {.min_missing_age = 2880 * MINUTE, .max_gap = 1000000},
};

/* ---- the database ---- */

static inline void must(bool done)
{
    if (!done)
        fail_msg("%s", err.text);
}

static inline void fixture_clear(void)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm"};
    for (size_t i = 0; i < 3; i++)
        (void)unlink(names[i]);
    must(db_open(fixture_database, settings.lock_timeout_ms, &db, &err));
    if (!db_is_sqlite(db))
        must(db_script(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public", &err));
}

static int fixture_open(void **state)
{
    (void)state;
    settings.database = fixture_database;
    fixture_clear();
    must(store_open(&settings, &store, &err));
    return 0;
}

static int fixture_close(void **state)
{
    (void)state;
    store_close(store);
    db_close(db);
    store = NULL;
    db = NULL;
    return 0;
}

static inline int use_sqlite(void **state)
{
    (void)state;
    fixture_database = "sqlite:store.db";
    return 0;
}

static inline int use_postgres(void **state)
{
    (void)state;
    fixture_database = db_server.url;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
#define RUN_ON_BOTH(tests)                                                                                            \
    (cmocka_run_group_tests_name("SQLite", tests, use_sqlite, NULL) +                                                 \
     cmocka_run_group_tests_name("PostgreSQL", tests, use_postgres, NULL))

static struct buffer fixture_dump;

static inline void fixture_add(const char *at, size_t len)
{
    assert_true(buffer_add(&fixture_dump, at, len, &err));
}

static inline void fixture_note(void *owner, const struct db_value *row)
{
    const struct db_statement *statement = owner;
    for (size_t i = 0; i < statement->output_count; i++) {
        char number[32];
        struct span text = row[i].text;
        if (statement->output[i] == DB_INTEGER)
            text = (struct span){number, (size_t)snprintf(number, sizeof number, "%lld", (long long)row[i].integer)};
        if (row[i].null)
            text = SPAN("-");
        fixture_add(text.at, text.len);
        fixture_add(i + 1 == statement->output_count ? "\n" : "|", 1);
    }
}

/* Rows as lines, values as text. A statement is remembered by its address: it must be static. */
static inline const char *ask(const struct db_statement *statement)
{
    fixture_dump.most = FIXTURE_DUMP;
    fixture_dump.len = 0;
    must(db_run(db, statement, (struct db_rows){NULL, 0},
                (struct db_reader){fixture_note, (void *)(uintptr_t)statement}, NULL, &err));
    fixture_add("", 1);
    return fixture_dump.at;
}

#define ASK_TEXT(query)                                                                                               \
    ask(({                                                                                                            \
        static const struct db_statement asked = {.sql = query, .output = {DB_TEXT}, .output_count = 1};              \
        &asked;                                                                                                       \
    }))
#define ASK_NUMBER(query)                                                                                             \
    ask(({                                                                                                            \
        static const struct db_statement asked = {.sql = query, .output = {DB_INTEGER}, .output_count = 1};           \
        &asked;                                                                                                       \
    }))

/* ---- reports ---- */

struct made {
    struct report report;
    struct state_message messages[FIXTURE_MESSAGES];
    struct store_file file;
    char id[32];
    char topics[FIXTURE_MESSAGES][16];
};

/* A report of GUID:<client> of this Date, without messages; `content` stands for its bytes. */
static inline void make_report(struct made *made, int client, int64_t date, unsigned content)
{
    memset(made, 0, sizeof *made);
    (void)snprintf(made->id, sizeof made->id, "GUID:%08d", client);
    made->report.sender = (struct sender){.id = span_of(made->id),
                                          .key = span_of(made->id + 5),
                                          .prefixed = true,
                                          .installed = 1,
                                          .type = 1,
                                          .code_page = 437,
                                          .lcid = REPORT_NO_NUMBER};
    made->report.created = date;
    made->report.messages = made->messages;
    made->file.name = "a.smx";
    made->file.report = &made->report;
    memcpy(made->file.hash, &content, sizeof content);
}

static inline struct state_message *add_message(struct made *made, uint32_t type, int topic, int64_t time)
{
    const size_t i = made->report.message_count++;
    assert_true(i < FIXTURE_MESSAGES);
    (void)snprintf(made->topics[i], sizeof made->topics[i], "%d", topic);
    made->messages[i] = (struct state_message){.valid = true,
                                               .time = time,
                                               .topic_type = type,
                                               .state = 2,
                                               .topic_id_type = 3,
                                               .criticality = REPORT_NO_NUMBER,
                                               .details_type = REPORT_NO_NUMBER,
                                               .param_flags = REPORT_NO_NUMBER,
                                               .topic_id = span_of(made->topics[i])};
    return &made->messages[i];
}

static inline struct state_message *add_serial(struct made *made, int topic, uint64_t serial)
{
    struct state_message *message = add_message(made, 500, topic, NOW);
    message->has_serial = true;
    message->serial = serial;
    return message;
}

static inline enum store_result load(struct made *made, int64_t now)
{
    must(store_load(store, &made->file, 1, now, &err));
    return made->file.result;
}

#endif
