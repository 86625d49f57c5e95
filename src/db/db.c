/* The decision hidden here: which driver serves a database, and what is allowed when. SQLite goes on after a failed
 * statement and commits what there is, PostgreSQL rolls back and calls the COMMIT a success: here a transaction that
 * failed is never committed. */
#include "db_driver.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- for the drivers ---- */

bool db_print(struct buffer *out, struct error *err, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert(len >= 0 && (size_t)len < sizeof text);
    return buffer_add(out, text, (size_t)len, err);
}

bool db_write_sql(const struct db_statement *statement, struct span input, struct span rows, struct buffer *out,
                  struct error *err)
{
    const char *from = statement->sql;
    for (const char *at; (at = strchr(from, '@')) != NULL;) {
        const bool is_rows = strncmp(at, "@rows", 5) == 0;
        const struct span form = is_rows ? rows : input;
        if (!buffer_add(out, from, (size_t)(at - from), err) || !buffer_add(out, form.at, form.len, err))
            return false;
        from = at + (is_rows ? strlen("@rows") : strlen("@input"));
    }
    return buffer_add(out, from, strlen(from) + 1, err);
}

bool db_refuse(struct error *err, enum error_kind kind, const char *sql, const char *why)
{
    enum { FIRST_WORDS = 48 };
    (void)error_set(err, kind, "%.*s: %s", FIRST_WORDS, sql, why);
    for (char *at = err->text; *at != '\0'; at++)
        if (*at == '\n' || *at == '\t')
            *at = at[1] == '\0' ? '\0' : ' ';
    return false;
}

/* ---- for everybody ---- */

static bool is_postgres(const char *database)
{
    return strncmp(database, "postgresql://", 13) == 0 || strncmp(database, "postgres://", 11) == 0;
}

enum opening { OPEN_OR_MAKE, OPEN_EXISTING, OPEN_READING };

/* A URL that is none of ours must not be taken for a path, and be quoted with its password. */
static bool check_scheme(const char *database, struct error *err)
{
    return is_postgres(database) || strncmp(database, "sqlite:", 7) == 0 || strstr(database, "://") == NULL ||
           error_set(err, ERROR_SYSTEM, "the URL of a database begins with postgresql:// or postgres://");
}

static bool open_database(const char *database, unsigned lock_timeout_ms, enum opening how, struct db **out,
                          struct error *err)
{
    const struct db_driver *driver = is_postgres(database) ? &db_postgres : &db_sqlite;
    struct db *db;
    if (!check_scheme(database, err) || !driver->open(database, lock_timeout_ms, &db, err))
        return false;
    db->driver = driver;
    db->existing = how != OPEN_OR_MAKE;
    db->reading = how == OPEN_READING;
    if (!driver->reach(db, err)) {
        driver->close(db);
        return false;
    }
    db->existing = true;
    *out = db;
    return true;
}

bool db_open(const char *database, unsigned lock_timeout_ms, struct db **out, struct error *err)
{
    return open_database(database, lock_timeout_ms, OPEN_OR_MAKE, out, err);
}

bool db_open_existing(const char *database, unsigned lock_timeout_ms, struct db **out, struct error *err)
{
    return open_database(database, lock_timeout_ms, OPEN_EXISTING, out, err);
}

bool db_open_reading(const char *database, unsigned lock_timeout_ms, struct db **out, struct error *err)
{
    return open_database(database, lock_timeout_ms, OPEN_READING, out, err);
}

void db_close(struct db *db)
{
    if (db != NULL)
        db->driver->close(db);
}

bool db_is_sqlite(const struct db *db)
{
    return db->driver == &db_sqlite;
}

bool db_begin(struct db *db, struct error *err)
{
    assert(db->state == DB_IDLE);
    if (!db->driver->begin(db, err))
        return false;
    db->state = DB_BEGUN;
    return true;
}

void db_rollback(struct db *db)
{
    db->driver->rollback(db);
    db->state = DB_IDLE;
}

static bool note_failure(struct db *db)
{
    if (db->state == DB_BEGUN)
        db->state = DB_FAILED;
    return false;
}

static bool is_ready(struct db *db, struct error *err)
{
    if (db->state == DB_FAILED)
        return error_set(err, ERROR_SYSTEM, "the transaction has failed: it can only be rolled back");
    return db->state == DB_BEGUN || db->driver->reach(db, err);
}

bool db_commit(struct db *db, struct error *err)
{
    assert(db->state != DB_IDLE);
    if (!is_ready(db, err))
        return false;
    if (!db->driver->commit(db, err))
        return note_failure(db);
    db->state = DB_IDLE;
    return true;
}

bool db_script(struct db *db, const char *sql, struct error *err)
{
    return is_ready(db, err) && (db->driver->script(db, sql, err) || note_failure(db));
}

static bool run(struct db *db, const struct db_statement *statement, struct db_rows rows, const struct db_wish *wish,
                struct error *err)
{
    if (!is_ready(db, err))
        return false;
    if (statement->input_count == 0)
        rows = (struct db_rows){NULL, 1};
    return rows.count == 0 || db->driver->run(db, statement, rows, wish, err) || note_failure(db);
}

bool db_run(struct db *db, const struct db_statement *statement, struct db_rows rows, struct db_reader reader,
            uint64_t *changed, struct error *err)
{
    uint64_t count = 0;
    const bool asks = reader.each != NULL || changed != NULL;
    const struct db_wish wish = {reader, changed == NULL ? NULL : &count, asks || db->state != DB_BEGUN};
    if (!run(db, statement, rows, &wish, err))
        return false;
    if (changed != NULL)
        *changed = count;
    return true;
}

bool db_send(struct db *db, const struct db_statement *statement, struct db_rows rows, struct db_reader reader,
             struct error *err)
{
    const struct db_wish wish = {.reader = reader, .waits = db->state != DB_BEGUN};
    return run(db, statement, rows, &wish, err);
}

bool db_ask(struct db *db, const char *sql, struct db_parameters parameters, struct db_listener listener,
            struct error *err)
{
    assert(parameters.count <= DB_MOST_PARAMETERS);
    return is_ready(db, err) && (db->driver->ask(db, sql, parameters, listener, err) || note_failure(db));
}
