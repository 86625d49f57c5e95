/* The bare loop on SQLite, with the settings that the state system has: the same syncs, log and page cache. */
#include "bare.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE, CLIENT, STATISTICS, FILE_MARK, STATEMENTS };

struct bare_sqlite {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
};

static const char *const texts[STATEMENTS] = {
    [STATE] = BARE_STATE "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) " BARE_UPSERT_STATE,
    [CLIENT] = BARE_CLIENT "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10) " BARE_UPSERT_CLIENT,
    [STATISTICS] = BARE_STATISTICS "VALUES (?1, ?2, ?3, ?4, ?5, ?4, ?6, ?7, 0) " BARE_UPSERT_STATISTICS,
    [FILE_MARK] = BARE_FILE "VALUES (?1, ?2, ?3, ?4, 0, ?5) " BARE_ONCE,
};

static void run(struct bare_sqlite *bare, const char *sql)
{
    if (sqlite3_exec(bare->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        bare_fail(sqlite3_errmsg(bare->db));
}

/* Values in turn, from ?1 on. */
struct binding {
    sqlite3_stmt *statement;
    int place;
};

static void bind_number(struct binding *binding, int64_t value)
{
    (void)sqlite3_bind_int64(binding->statement, ++binding->place, value);
}

static void bind_text(struct binding *binding, struct span text)
{
    (void)sqlite3_bind_text(binding->statement, ++binding->place, text.len == 0 ? "" : text.at, (int)text.len,
                            SQLITE_STATIC);
}

static void step(struct bare_sqlite *bare, sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE)
        bare_fail(sqlite3_errmsg(bare->db));
    (void)sqlite3_reset(statement);
}

static void load_state(struct bare_sqlite *bare, const struct fleet_report *report, const struct state_message *message)
{
    struct binding binding = {bare->statements[STATE], 0};
    bind_number(&binding, bare_machine(report));
    bind_number(&binding, message->topic_type);
    bind_text(&binding, message->topic_id);
    bind_text(&binding, message->user_sid);
    bind_number(&binding, message->topic_id_type);
    bind_text(&binding, message->user);
    bind_number(&binding, message->state);
    bind_number(&binding, message->criticality);
    bind_number(&binding, message->time);
    bind_number(&binding, report->report.created);
    bind_number(&binding, (int64_t)message->serial);
    bind_number(&binding, message->param_flags);
    bind_number(&binding, (int64_t)message->param_count);
    bind_text(&binding, message->params[0]);
    bind_number(&binding, FLEET_NOW);
    step(bare, binding.statement);
}

static void load_client(struct bare_sqlite *bare, const struct fleet_report *report)
{
    const struct sender *sender = &report->report.sender;
    struct binding binding = {bare->statements[CLIENT], 0};
    bind_number(&binding, bare_machine(report));
    bind_text(&binding, sender->key);
    bind_text(&binding, sender->id);
    bind_text(&binding, sender->name);
    bind_text(&binding, sender->version);
    bind_number(&binding, sender->type);
    bind_number(&binding, sender->installed);
    bind_number(&binding, sender->code_page);
    bind_number(&binding, sender->lcid);
    bind_number(&binding, FLEET_NOW);
    step(bare, binding.statement);
}

static void load_statistics(struct bare_sqlite *bare, const struct fleet_report *report)
{
    const struct state_message *last = &report->messages[report->report.message_count - 1];
    struct binding binding = {bare->statements[STATISTICS], 0};
    bind_number(&binding, bare_machine(report));
    bind_number(&binding, last->time);
    bind_number(&binding, FLEET_NOW);
    bind_number(&binding, report->report.created);
    bind_number(&binding, (int64_t)report->messages[0].serial);
    bind_number(&binding, (int64_t)last->serial);
    bind_number(&binding, (int64_t)report->report.message_count);
    step(bare, binding.statement);
}

static void load_mark(struct bare_sqlite *bare, const struct fleet_report *report)
{
    char hash[65];
    struct binding binding = {bare->statements[FILE_MARK], 0};
    bare_write_hash(report, hash);
    bind_text(&binding, (struct span){hash, 64});
    bind_text(&binding, span_of(report->file));
    bind_number(&binding, bare_machine(report));
    bind_number(&binding, (int64_t)report->report.message_count);
    bind_number(&binding, FLEET_NOW);
    step(bare, binding.statement);
}

static void load(void *connection, const struct fleet_report *reports, size_t count)
{
    struct bare_sqlite *bare = connection;
    run(bare, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < reports[i].report.message_count; k++)
            load_state(bare, &reports[i], &reports[i].messages[k]);
        load_client(bare, &reports[i]);
        load_statistics(bare, &reports[i]);
        load_mark(bare, &reports[i]);
    }
    run(bare, "COMMIT");
}

static void close_sqlite(void *connection)
{
    struct bare_sqlite *bare = connection;
    for (size_t i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(bare->statements[i]);
    (void)sqlite3_close(bare->db);
    free(bare);
}

void bare_open_sqlite(const char *path, struct bare *out)
{
    struct bare_sqlite *bare = calloc(1, sizeof *bare);
    if (bare == NULL || sqlite3_open(path, &bare->db) != SQLITE_OK)
        bare_fail("the database cannot be opened");
    run(bare, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8000;"
              "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -8192");
    for (size_t i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v2(bare->db, texts[i], -1, &bare->statements[i], NULL) != SQLITE_OK)
            bare_fail(sqlite3_errmsg(bare->db));
    *out = (struct bare){bare, load, close_sqlite};
}
