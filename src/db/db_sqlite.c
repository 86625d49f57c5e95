/*
 * The decision hidden here: SQLite with a write-ahead log that is synced at each commit, statement by row.
 *
 * A transaction takes the right to write when it begins: one that reads first and writes later cannot be waited for,
 * and fails with BUSY whatever the timeout. A file that was moved away under an open connection takes rows for ever,
 * and nobody ever sees them: so each transaction looks first, and the file is never made anew by who had it open.
 */
#include "db_sqlite.h"

#include "base/sys.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static struct sqlite *sqlite_of(struct db *db)
{
    return (struct sqlite *)db;
}

/* ---- errors ---- */

static bool is_disk_full(const struct sqlite *sqlite)
{
    const int os = sqlite3_system_errno(sqlite->connection);
    return os == ENOSPC || os == EDQUOT;
}

static enum error_kind kind_of_code(const struct sqlite *sqlite, int code)
{
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return ERROR_BUSY;
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:                /* it is broken, or its disk: no fault of what was to be written */
    case SQLITE_IOERR:
        return is_disk_full(sqlite) ? ERROR_NO_SPACE : ERROR_BUSY;
    case SQLITE_READONLY:
        return sqlite->db.reading ? ERROR_SYSTEM : ERROR_BUSY;
    case SQLITE_FULL:
        return ERROR_NO_SPACE;
    case SQLITE_NOMEM:
        return ERROR_NO_MEMORY;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return ERROR_MALFORMED;
    default:
        return ERROR_SYSTEM;
    }
}

bool db_sqlite_refuse(const struct sqlite *sqlite, int code, const char *sql, struct error *err)
{
    return db_refuse(err, kind_of_code(sqlite, code), sql, sqlite3_errmsg(sqlite->connection));
}

/* While there is no connection yet it is the file that matters. A path that is too long is cut, the reason never. */
static bool refuse_file(const struct sqlite *sqlite, int code, struct error *err)
{
    const char *why = sqlite3_errmsg(sqlite->connection);
    const size_t taken = strlen(why) + sizeof ": ", most = taken < sizeof err->text ? sizeof err->text - taken : 0;
    return error_set(err, kind_of_code(sqlite, code), "%.*s: %s", (int)most, sqlite->path, why);
}

/* ---- connection ---- */

static void close_connection(struct sqlite *sqlite)
{
    for (size_t i = 0; i < sqlite->prepared_count; i++)
        (void)sqlite3_finalize(sqlite->prepared[i].handle);
    sqlite->prepared_count = 0;
    const int code = sqlite3_close(sqlite->connection);
    assert(code == SQLITE_OK);          /* else a statement was forgotten */
    (void)code;
    sqlite->connection = NULL;
}

static bool sqlite_script(struct db *db, const char *sql, struct error *err)
{
    struct sqlite *sqlite = sqlite_of(db);
    const int code = sqlite3_exec(sqlite->connection, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || db_sqlite_refuse(sqlite, code, sql, err);
}

static int note_mode(void *is_wal, int count, char **values, char **names)
{
    (void)count, (void)names;
    *(bool *)is_wal = strcmp(values[0], "wal") == 0;
    return 0;
}

/* Of several that switch a new database at the same moment SQLite lets one do it and refuses the others at once, for each
 * waiting for the others would be a deadlock. */
static int ask_mode(struct sqlite *sqlite, const char *sql, bool *is_wal)
{
    enum { PAUSE_MS = 5 };
    const int64_t deadline = sys_ticks() + (int64_t)sqlite->lock_timeout_ms * 1000;
    int code = sqlite3_exec(sqlite->connection, sql, note_mode, is_wal, NULL);
    while ((code & 0xFF) == SQLITE_BUSY && sys_ticks() < deadline) {
        (void)sqlite3_sleep(PAUSE_MS);
        code = sqlite3_exec(sqlite->connection, sql, note_mode, is_wal, NULL);
    }
    return code;
}

/* Some file systems cannot share memory, and SQLite then goes on in another mode without a word. */
static bool set_journal_mode(struct sqlite *sqlite, struct error *err)
{
    static const char sql[] = "PRAGMA journal_mode = WAL";
    bool is_wal = false;
    const int code = ask_mode(sqlite, sql, &is_wal);
    if (code != SQLITE_OK)
        return refuse_file(sqlite, code, err);
    return is_wal || error_set(err, ERROR_SYSTEM, "%s: there can be no write-ahead log here", sqlite->path);
}

/* A checkpoint writes each page once that many transactions changed: with 32 MB of log instead of 4 a quarter more rows
 * are stored. What a slow reader made the log grow to is given back. */
static bool configure(struct sqlite *sqlite, struct error *err)
{
    static const char settings[] = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;"
                                   "PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864;"
                                   "PRAGMA cache_size = -8192";
    return set_journal_mode(sqlite, err) && sqlite_script(&sqlite->db, settings, err);
}

/* To read is allowed, and nothing that makes or opens other files: VACUUM INTO writes one beside a database that is
 * open for reading only. */
static int allow_reading(void *owner, int action, const char *first, const char *second, const char *database,
                         const char *trigger)
{
    (void)owner, (void)first, (void)second, (void)database, (void)trigger;
    return action == SQLITE_ATTACH || action == SQLITE_DETACH ? SQLITE_DENY : SQLITE_OK;
}

static bool forbid_writing(struct sqlite *sqlite, struct error *err)
{
    (void)sqlite3_set_authorizer(sqlite->connection, allow_reading, NULL);
    return sqlite_script(&sqlite->db, "PRAGMA query_only = ON", err);
}

static int open_flags(const struct sqlite *sqlite)
{
    if (sqlite->db.reading)
        return SQLITE_OPEN_READONLY;
    return SQLITE_OPEN_READWRITE | (sqlite->db.existing ? 0 : SQLITE_OPEN_CREATE);
}

static bool open_connection(struct sqlite *sqlite, struct error *err)
{
    const int flags = open_flags(sqlite) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const int code = sqlite3_open_v2(sqlite->path, &sqlite->connection, flags, NULL);
    if (code != SQLITE_OK)
        return refuse_file(sqlite, code, err);
    (void)sqlite3_busy_timeout(sqlite->connection, (int)sqlite->lock_timeout_ms);
    return sqlite->db.reading ? forbid_writing(sqlite, err) : configure(sqlite, err);
}

/* A ROLLBACK that found no memory has left its transaction open. */
static bool is_usable(const struct sqlite *sqlite)
{
    int moved = 0;
    if (sqlite->connection == NULL || !sqlite3_get_autocommit(sqlite->connection))
        return false;
    (void)sqlite3_file_control(sqlite->connection, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved == 0;
}

static bool sqlite_reach(struct db *db, struct error *err)
{
    struct sqlite *sqlite = sqlite_of(db);
    if (is_usable(sqlite))
        return true;
    close_connection(sqlite);
    if (open_connection(sqlite, err))
        return true;
    close_connection(sqlite);
    return false;
}

static bool sqlite_begin(struct db *db, struct error *err)
{
    return sqlite_reach(db, err) && sqlite_script(db, db->reading ? "BEGIN" : "BEGIN IMMEDIATE", err);
}

static bool sqlite_open(const char *database, unsigned lock_timeout_ms, struct db **out, struct error *err)
{
    static const struct span scheme = {"sqlite:", 7};
    const char *path = strncmp(database, scheme.at, scheme.len) == 0 ? database + scheme.len : database;
    const size_t size = strlen(path) + 1;
    struct sqlite *sqlite = sys.allocate(sizeof *sqlite + size);
    if (sqlite == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for a database");
    *sqlite = (struct sqlite){.lock_timeout_ms = lock_timeout_ms};
    memcpy(sqlite->path, path, size);
    *out = &sqlite->db;
    return true;
}

static void sqlite_close(struct db *db)
{
    close_connection(sqlite_of(db));
    sys.release(db);
}

/* ---- statements ---- */

static bool write_input(const struct db_statement *statement, struct buffer *out, struct error *err)
{
    for (size_t i = 0; i < statement->input_count; i++)
        if (!db_print(out, err, "%s?%zu AS %s", i == 0 ? "(SELECT " : ", ", i + 1, statement->input[i].name))
            return false;
    return db_print(out, err, ")");
}

static bool write_rows(const struct db_statement *statement, struct buffer *out, struct error *err)
{
    for (size_t i = 0; i < statement->input_count; i++)
        if (!db_print(out, err, "%s?%zu", i == 0 ? "VALUES (" : ", ", i + 1))
            return false;
    return db_print(out, err, ")");
}

static bool prepare_text(struct sqlite *sqlite, const char *sql, sqlite3_stmt **out, struct error *err)
{
    const int code = sqlite3_prepare_v3(sqlite->connection, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return code == SQLITE_OK || db_sqlite_refuse(sqlite, code, sql, err);
}

static bool prepare_anew(struct sqlite *sqlite, const struct db_statement *statement, sqlite3_stmt **out,
                         struct error *err)
{
    struct buffer input, rows, sql;
    buffer_init(&input, DB_MOST_TEXT);
    buffer_init(&rows, DB_MOST_TEXT);
    buffer_init(&sql, DB_MOST_TEXT);
    const bool prepared = write_input(statement, &input, err) && write_rows(statement, &rows, err) &&
                          db_write_sql(statement, buffer_span(&input), buffer_span(&rows), &sql, err) &&
                          prepare_text(sqlite, sql.at, out, err);
    buffer_fini(&input);
    buffer_fini(&rows);
    buffer_fini(&sql);
    return prepared;
}

static bool prepare(struct sqlite *sqlite, const struct db_statement *statement, sqlite3_stmt **out, struct error *err)
{
    for (size_t i = 0; i < sqlite->prepared_count; i++)
        if (sqlite->prepared[i].statement == statement) {
            *out = sqlite->prepared[i].handle;
            return true;
        }
    assert(sqlite->prepared_count < DB_MOST_STATEMENTS);
    if (!prepare_anew(sqlite, statement, out, err))
        return false;
    assert((size_t)sqlite3_column_count(*out) == statement->output_count);
    sqlite->prepared[sqlite->prepared_count++] = (struct prepared){statement, *out};
    return true;
}

/* A NULL pointer would be NULL in the database too. */
static int bind_text(sqlite3_stmt *handle, int place, struct span text)
{
    const char *at = text.at == NULL ? "" : text.at;
    return sqlite3_bind_text64(handle, place, at, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static int bind_row(sqlite3_stmt *handle, const struct db_statement *statement, const struct db_value *row)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < statement->input_count && code == SQLITE_OK; i++) {
        const int place = (int)i + 1;
        if (row[i].null)
            code = sqlite3_bind_null(handle, place);
        else if (statement->input[i].type == DB_INTEGER)
            code = sqlite3_bind_int64(handle, place, row[i].integer);
        else
            code = bind_text(handle, place, row[i].text);
    }
    return code;
}

/* False: SQLite had no memory to show a text. */
static bool read_value(sqlite3_stmt *handle, int place, enum db_type type, struct db_value *out)
{
    *out = (struct db_value){.null = sqlite3_column_type(handle, place) == SQLITE_NULL};
    if (out->null)
        return true;
    if (type == DB_INTEGER) {
        out->integer = sqlite3_column_int64(handle, place);
        return true;
    }
    out->text.at = (const char *)sqlite3_column_text(handle, place);
    out->text.len = (size_t)sqlite3_column_bytes(handle, place);
    return out->text.at != NULL;
}

static int give_row(sqlite3_stmt *handle, const struct db_statement *statement, struct db_reader reader)
{
    struct db_value row[DB_MOST_COLUMNS];
    for (size_t i = 0; i < statement->output_count; i++)
        if (!read_value(handle, (int)i, statement->output[i], &row[i]))
            return SQLITE_NOMEM;
    if (reader.each != NULL)
        reader.each(reader.owner, row);
    return SQLITE_ROW;
}

static int run_row(sqlite3_stmt *handle, const struct db_statement *statement, const struct db_value *row,
                   struct db_reader reader)
{
    int code = bind_row(handle, statement, row);
    if (code != SQLITE_OK)
        return code;
    do
        code = sqlite3_step(handle);
    while (code == SQLITE_ROW && (code = give_row(handle, statement, reader)) == SQLITE_ROW);
    return code;
}

static bool sqlite_run(struct db *db, const struct db_statement *statement, struct db_rows rows,
                       const struct db_wish *wish, struct error *err)
{
    struct sqlite *sqlite = sqlite_of(db);
    int code = SQLITE_DONE;
    sqlite3_stmt *handle;
    if (!prepare(sqlite, statement, &handle, err))
        return false;
    for (size_t i = 0; i < rows.count && code == SQLITE_DONE; i++) {
        code = run_row(handle, statement, rows.values + i * statement->input_count, wish->reader);
        if (code != SQLITE_DONE)
            (void)db_sqlite_refuse(sqlite, code, statement->sql, err);
        else if (wish->changed != NULL && !sqlite3_stmt_readonly(handle))
            *wish->changed += (uint64_t)sqlite3_changes64(sqlite->connection);        /* without those of triggers */
        (void)sqlite3_reset(handle);
    }
    (void)sqlite3_clear_bindings(handle);       /* they point into the caller's memory */
    return code == SQLITE_DONE;
}

static bool sqlite_commit(struct db *db, struct error *err)
{
    return sqlite_script(db, "COMMIT", err);
}

static void sqlite_rollback(struct db *db)
{
    struct error ignored;
    (void)!sqlite_script(db, "ROLLBACK", &ignored);    /* SQLite may have rolled back by itself */
}

const struct db_driver db_sqlite = {
    .open = sqlite_open,
    .close = sqlite_close,
    .reach = sqlite_reach,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .script = sqlite_script,
    .run = sqlite_run,
    .ask = db_sqlite_ask,
};
