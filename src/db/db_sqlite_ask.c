/* The decision hidden here: what is asked once is prepared for once, and a second statement behind the first, which SQLite
 * would leave alone without a word, is an error as in PostgreSQL. */
#include "db_sqlite.h"

#include <stdio.h>

/* Behind a statement there may be blanks and comments, which are no statement. */
static bool is_last(struct sqlite *sqlite, const char *rest)
{
    sqlite3_stmt *next = NULL;
    const int code = sqlite3_prepare_v2(sqlite->connection, rest, -1, &next, NULL);
    (void)sqlite3_finalize(next);
    return code == SQLITE_OK && next == NULL;
}

static bool prepare_question(struct sqlite *sqlite, const char *sql, sqlite3_stmt **out, struct error *err)
{
    const char *rest;
    const int code = sqlite3_prepare_v2(sqlite->connection, sql, -1, out, &rest);
    if (code != SQLITE_OK)
        return db_sqlite_refuse(sqlite, code, sql, err);
    if (*out == NULL)
        return db_refuse(err, ERROR_SYSTEM, sql, "there is no statement");
    if (is_last(sqlite, rest) && sqlite3_column_count(*out) <= DB_MOST_ASKED)
        return true;
    const bool wide = sqlite3_column_count(*out) > DB_MOST_ASKED;
    (void)sqlite3_finalize(*out);
    return db_refuse(err, ERROR_SYSTEM, sql, wide ? DB_TOO_WIDE : "one statement at a time");
}

/* For SQLite $1 is a name like any other; one that does not occur has no place. */
static int bind_parameters(sqlite3_stmt *handle, struct db_parameters parameters)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < parameters.count && code == SQLITE_OK; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "$%zu", i + 1);
        const int place = sqlite3_bind_parameter_index(handle, name);
        if (place > 0)
            code = sqlite3_bind_text(handle, place, parameters.at[i], -1, SQLITE_STATIC);
    }
    return code;
}

static void tell_columns(sqlite3_stmt *handle, struct db_listener listener)
{
    const char *names[DB_MOST_ASKED];
    const int count = sqlite3_column_count(handle);
    for (int i = 0; i < count; i++) {
        const char *name = sqlite3_column_name(handle, i);
        names[i] = name == NULL ? "?" : name; /* no memory for it */
    }
    listener.columns(listener.owner, names, (size_t)count);
}

static int tell_row(sqlite3_stmt *handle, struct db_listener listener)
{
    struct db_cell cells[DB_MOST_ASKED];
    const int count = sqlite3_column_count(handle);
    for (int i = 0; i < count; i++) {
        const int type = sqlite3_column_type(handle, i);
        cells[i] =
            (struct db_cell){.null = type == SQLITE_NULL, .number = type == SQLITE_INTEGER || type == SQLITE_FLOAT};
        if (cells[i].null)
            continue;
        cells[i].text.at = (const char *)sqlite3_column_text(handle, i);
        cells[i].text.len = (size_t)sqlite3_column_bytes(handle, i);
        if (cells[i].text.at == NULL && cells[i].text.len > 0)
            return SQLITE_NOMEM;
    }
    return listener.row(listener.owner, cells) ? SQLITE_ROW : SQLITE_DONE;
}

bool db_sqlite_ask(struct db *db, const char *sql, struct db_parameters parameters, struct db_listener listener,
                   struct error *err)
{
    struct sqlite *sqlite = (struct sqlite *)db;
    sqlite3_stmt *handle;
    if (!prepare_question(sqlite, sql, &handle, err))
        return false;
    int code = bind_parameters(handle, parameters);
    if (code == SQLITE_OK)
        code = sqlite3_step(handle);
    if ((code == SQLITE_ROW || code == SQLITE_DONE) && sqlite3_column_count(handle) > 0)
        tell_columns(handle, listener);
    while (code == SQLITE_ROW && (code = tell_row(handle, listener)) == SQLITE_ROW)
        code = sqlite3_step(handle);
    if (code != SQLITE_DONE)
        (void)db_sqlite_refuse(sqlite, code, sql, err);
    (void)sqlite3_finalize(handle);
    return code == SQLITE_DONE;
}
