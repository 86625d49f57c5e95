/*
 * The decision hidden here: PostgreSQL through libpq, each column of the rows one array, one round trip for all rows.
 *
 * A server that is stopped, overloaded or locked is no fault of what is stored: all of that is ERROR_BUSY. libpq's own
 * words about a URL may quote the password, so they are not passed on, and a URL in which a password could be taken for
 * something else is refused.
 */
#include "db_postgres.h"
#include "db_array.h"

#include "base/sys.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_ROWS = 4096,                   /* in one call */
    MOST_BYTES = 1024 * 1024,           /* the same, unless one row has more */
    MOST_COLUMN = 512 * 1024 * 1024,    /* bytes of one array: libpq and the server fail at 1 GB */
    BINARY = 1,
    TEXT = 0,
    NAME_ROOM = 8,
};

static struct postgres *postgres_of(struct db *db)
{
    return (struct postgres *)db;
}

/* ---- errors ---- */

static bool is_lost(const struct postgres *postgres)
{
    return PQstatus(postgres->connection) != CONNECTION_OK;
}

/* By SQLSTATE, or the class that it begins with. */
static enum error_kind kind_of_state(const char *state)
{
    static const struct {
        const char *begin;
        enum error_kind kind;
    } kinds[] = {
        {"08", ERROR_BUSY},             /* connection */
        {"22", ERROR_MALFORMED},        /* a value */
        {"23", ERROR_MALFORMED},        /* a constraint */
        {"25006", ERROR_BUSY},          /* a server that only reads: a standby, or not yet the new primary */
        {"40", ERROR_BUSY},             /* serialization, deadlock */
        {"53100", ERROR_NO_SPACE},      /* disk full */
        {"53", ERROR_BUSY},             /* memory, too many connections */
        {"54", ERROR_MALFORMED},        /* a limit of the server's */
        {"55P03", ERROR_BUSY},          /* lock timeout */
        {"57", ERROR_BUSY},             /* starting, stopping, cancelled by its administrator */
        {"58030", ERROR_BUSY},          /* its disk is broken */
        {"P0001", ERROR_MALFORMED},     /* raised by a trigger */
        {"XX001", ERROR_BUSY},          /* its tables are, */
        {"XX002", ERROR_BUSY},          /* its indexes */
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(state, kinds[i].begin, strlen(kinds[i].begin)) == 0)
            return kinds[i].kind;
    return ERROR_SYSTEM;
}

/* What libpq finds by itself has no SQLSTATE: no connection, no memory. */
static bool refuse_as_libpq(const struct postgres *postgres, const char *sql, struct error *err)
{
    return db_refuse(err, ERROR_BUSY, sql, PQerrorMessage(postgres->connection));
}

/* A standby refuses to write as we do on a connection that only reads; but there it is what was asked that is wrong. */
static enum error_kind kind_of(const struct postgres *postgres, const char *state)
{
    const bool refused = postgres->db.reading && strcmp(state, "25006") == 0;
    return refused ? ERROR_SYSTEM : kind_of_state(state);
}

bool db_postgres_refuse(const struct postgres *postgres, const PGresult *result, const char *sql, struct error *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *why = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char text[200];
    if (is_lost(postgres) || state == NULL || why == NULL)
        return refuse_as_libpq(postgres, sql, err);
    (void)snprintf(text, sizeof text, "%s %s", state, why);
    return db_refuse(err, kind_of(postgres, state), sql, text);
}

/* ---- connection ---- */

static bool postgres_script(struct db *db, const char *sql, struct error *err)
{
    struct postgres *postgres = postgres_of(db);
    PGresult *result = PQexec(postgres->connection, sql);
    const ExecStatusType status = PQresultStatus(result);
    const bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!done)
        (void)db_postgres_refuse(postgres, result, sql, err);
    PQclear(result);
    return done;
}

static void be_silent(void *context, const char *message)
{
    (void)context, (void)message;
}

/* What stands before the URL it may change, what stands behind it not. */
static PGconn *connect_by_url(const char *url)
{
    static const char *const keywords[] = {
        "fallback_application_name",
        "connect_timeout",
        "tcp_user_timeout",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "dbname",
        "client_encoding",
        NULL,
    };
    const char *const values[] = {"statesys", "10", "30000", "30", "10", "3", url, "UTF8", NULL};
    return PQconnectdbParams(keywords, values, true);
}

static bool is_utf8(const struct postgres *postgres, struct error *err)
{
    const char *encoding = PQparameterStatus(postgres->connection, "server_encoding");
    if (encoding != NULL && strcmp(encoding, "UTF8") == 0)
        return true;
    return error_set(err, ERROR_SYSTEM, "the database has the encoding %s: it must be made with ENCODING 'UTF8'",
                     encoding == NULL ? "unknown" : encoding);
}

/* Who switched synchronous commits off did not think of us; who chose a stronger kind keeps it. A writer looks up few
 * rows by an index, but its plans are made when the tables are empty, where reading them whole looks as cheap, and are
 * kept while they grow. */
static bool configure(struct postgres *postgres, struct error *err)
{
    static const char reader[] = "SET default_transaction_read_only = on; SET jit = off";
    static const char writer[] = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;"
                                 "SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "SET lock_timeout = %u; %s; SELECT set_config('synchronous_commit', 'on', false) "
                   "WHERE current_setting('synchronous_commit') = 'off'",
                   postgres->lock_timeout_ms, postgres->db.reading ? reader : writer);
    return postgres_script(&postgres->db, sql, err);
}

static void close_connection(struct postgres *postgres)
{
    PQfinish(postgres->connection);
    postgres->connection = NULL;
    postgres->prepared_count = 0;
}

static bool postgres_reach(struct db *db, struct error *err)
{
    struct postgres *postgres = postgres_of(db);
    if (PQtransactionStatus(postgres->connection) == PQTRANS_IDLE)
        return true;
    close_connection(postgres);
    postgres->connection = connect_by_url(postgres->url);
    if (is_lost(postgres))
        return refuse_as_libpq(postgres, "cannot connect", err);
    (void)PQsetNoticeProcessor(postgres->connection, be_silent, NULL);
    if (is_utf8(postgres, err) && configure(postgres, err))
        return true;
    close_connection(postgres);
    return false;
}

/* A connection that was lost while it was idle shows only when it is used. */
static bool postgres_begin(struct db *db, struct error *err)
{
    const char *sql = db->reading ? "BEGIN ISOLATION LEVEL REPEATABLE READ" : "BEGIN";
    if (!postgres_reach(db, err))
        return false;
    return postgres_script(db, sql, err) ||
           (is_lost(postgres_of(db)) && postgres_reach(db, err) && postgres_script(db, sql, err));
}

/* "user:pa@ss@host" and "user:pa/ss@host" make a part of the password the host or the port, which errors quote. */
static bool check_url(const char *url, struct error *err)
{
    const char *login = strstr(url, "://") + 3;
    const char *at = strrchr(login, '@');
    PQconninfoOption *options = NULL;
    if (at == NULL || strcspn(login, "@/?") == (size_t)(at - login))
        options = PQconninfoParse(url, NULL);
    PQconninfoFree(options);
    if (options != NULL)
        return true;
    return error_set(err, ERROR_SYSTEM,
                     "libpq cannot read the URL of the database: special characters in a user's "
                     "name or password are written %%40, %%2F and so on");
}

static bool postgres_open(const char *database, unsigned lock_timeout_ms, struct db **out, struct error *err)
{
    const size_t size = strlen(database) + 1;
    if (!check_url(database, err))
        return false;
    struct postgres *postgres = sys.allocate(sizeof *postgres + size);
    if (postgres == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for a database");
    *postgres = (struct postgres){.lock_timeout_ms = lock_timeout_ms};
    for (size_t i = 0; i < DB_MOST_COLUMNS; i++)
        buffer_init(&postgres->columns[i], MOST_COLUMN);
    memcpy(postgres->url, database, size);
    *out = &postgres->db;
    return true;
}

static void postgres_close(struct db *db)
{
    struct postgres *postgres = postgres_of(db);
    close_connection(postgres);
    for (size_t i = 0; i < DB_MOST_COLUMNS; i++)
        buffer_fini(&postgres->columns[i]);
    sys.release(db);
}

/* ---- statements ---- */

static bool write_columns(const struct db_statement *statement, struct buffer *out, struct error *err)
{
    for (size_t i = 0; i < statement->input_count; i++)
        if (!db_print(out, err, "%s%s", i == 0 ? "" : ", ", statement->input[i].name))
            return false;
    return true;
}

static bool write_rows(const struct db_statement *statement, struct buffer *out, struct error *err)
{
    for (size_t i = 0; i < statement->input_count; i++)
        if (!db_print(out, err, "%s$%zu::%s[]", i == 0 ? "SELECT * FROM unnest(" : ", ", i + 1,
                      statement->input[i].type == DB_INTEGER ? "bigint" : "text"))
            return false;
    return db_print(out, err, ")");
}

static bool write_input(const struct db_statement *statement, struct span rows, struct buffer *out, struct error *err)
{
    return db_print(out, err, "(") && buffer_add(out, rows.at, rows.len, err) && db_print(out, err, " AS rows(") &&
           write_columns(statement, out, err) && db_print(out, err, "))");
}

static bool prepare_text(struct postgres *postgres, const char *name, const char *sql, struct error *err)
{
    PGresult *result = PQprepare(postgres->connection, name, sql, 0, NULL);
    const bool prepared = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!prepared)
        (void)db_postgres_refuse(postgres, result, sql, err);
    PQclear(result);
    return prepared;
}

static bool prepare_anew(struct postgres *postgres, const struct db_statement *statement, const char *name,
                         struct error *err)
{
    struct buffer input, rows, sql;
    buffer_init(&input, DB_MOST_TEXT);
    buffer_init(&rows, DB_MOST_TEXT);
    buffer_init(&sql, DB_MOST_TEXT);
    const bool prepared = write_rows(statement, &rows, err) &&
                          write_input(statement, buffer_span(&rows), &input, err) &&
                          db_write_sql(statement, buffer_span(&input), buffer_span(&rows), &sql, err) &&
                          prepare_text(postgres, name, sql.at, err);
    buffer_fini(&input);
    buffer_fini(&rows);
    buffer_fini(&sql);
    return prepared;
}

/* The name of a prepared statement is its number on this connection. */
static bool prepare(struct postgres *postgres, const struct db_statement *statement, char *name, struct error *err)
{
    size_t i = 0;
    while (i < postgres->prepared_count && postgres->prepared[i] != statement)
        i++;
    (void)snprintf(name, NAME_ROOM, "s%u", (unsigned)i);
    if (i < postgres->prepared_count)
        return true;
    assert(postgres->prepared_count < DB_MOST_STATEMENTS);
    if (!prepare_anew(postgres, statement, name, err))
        return false;
    postgres->prepared[postgres->prepared_count++] = statement;
    return true;
}

/* ---- rows in ---- */

static bool add_row(struct postgres *postgres, const struct db_statement *statement, const struct db_value *row,
                    size_t *bytes, struct error *err)
{
    for (size_t i = 0; i < statement->input_count; i++) {
        const size_t before = postgres->columns[i].len;
        if (!db_array_add(&postgres->columns[i], statement->input[i].type, &row[i], err))
            return false;
        *bytes += postgres->columns[i].len - before;
    }
    return true;
}

/* Takes as many rows as go in one call. */
static bool fill_arrays(struct postgres *postgres, const struct db_statement *statement, struct db_rows rows,
                        size_t *filled, struct error *err)
{
    size_t bytes = 0, count = 0;
    for (size_t i = 0; i < statement->input_count; i++)
        if (!db_array_begin(&postgres->columns[i], statement->input[i].type, err))
            return false;
    for (; count < rows.count && count < MOST_ROWS && bytes < MOST_BYTES; count++)
        if (!add_row(postgres, statement, rows.values + count * statement->input_count, &bytes, err))
            return false;
    for (size_t i = 0; i < statement->input_count; i++)
        db_array_end(&postgres->columns[i], count);
    *filled = count;
    return true;
}

/* ---- rows out ---- */

static bool read_value(const char *text, enum db_type type, struct db_value *out)
{
    char *end = NULL;
    if (type == DB_TEXT)
        return true;
    errno = 0;
    out->integer = strtoll(text, &end, 10);
    return end != text && *end == '\0' && errno == 0;
}

static bool give_row(const PGresult *result, int number, const struct db_statement *statement, struct db_reader reader,
                     struct error *err)
{
    struct db_value row[DB_MOST_COLUMNS];
    for (size_t i = 0; i < statement->output_count; i++) {
        const int place = (int)i;
        const char *text = PQgetvalue(result, number, place);
        row[i] = (struct db_value){.null = PQgetisnull(result, number, place),
                                   .text = {text, (size_t)PQgetlength(result, number, place)}};
        if (!row[i].null && !read_value(text, statement->output[i], &row[i]))
            return db_refuse(err, ERROR_SYSTEM, statement->sql, "what came back is no 64-bit integer");
    }
    if (reader.each != NULL)
        reader.each(reader.owner, row);
    return true;
}

/* A SELECT has a count too, of what it found. */
static uint64_t count_changed(PGresult *result)
{
    return strncmp(PQcmdStatus(result), "SELECT", 6) == 0 ? 0 : strtoull(PQcmdTuples(result), NULL, 10);
}

static bool take_result(const struct postgres *postgres, PGresult *result, const struct db_statement *statement,
                        struct db_reader reader, uint64_t *changed, struct error *err)
{
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        return db_postgres_refuse(postgres, result, statement->sql, err);
    assert((size_t)PQnfields(result) == statement->output_count);
    for (int i = 0; i < PQntuples(result); i++)
        if (!give_row(result, i, statement, reader, err))
            return false;
    *changed += count_changed(result);
    return true;
}

static PGresult *execute(struct postgres *postgres, const struct db_statement *statement, const char *name)
{
    const char *values[DB_MOST_COLUMNS];
    int lengths[DB_MOST_COLUMNS], formats[DB_MOST_COLUMNS];
    for (size_t i = 0; i < statement->input_count; i++) {
        values[i] = postgres->columns[i].at;
        lengths[i] = (int)postgres->columns[i].len;
        formats[i] = BINARY;
    }
    return PQexecPrepared(postgres->connection, name, (int)statement->input_count, values, lengths, formats, TEXT);
}

static bool postgres_run(struct db *db, const struct db_statement *statement, struct db_rows rows,
                         struct db_reader reader, uint64_t *changed, struct error *err)
{
    struct postgres *postgres = postgres_of(db);
    char name[NAME_ROOM];
    bool done = prepare(postgres, statement, name, err);
    for (size_t filled; done && rows.count > 0; rows.count -= filled) {
        if (!fill_arrays(postgres, statement, rows, &filled, err))
            return false;
        PGresult *result = execute(postgres, statement, name);
        done = take_result(postgres, result, statement, reader, changed, err);
        PQclear(result);
        rows.values += filled * statement->input_count;
    }
    return done;
}

const struct db_driver db_postgres = {
    .open = postgres_open,
    .close = postgres_close,
    .reach = postgres_reach,
    .begin = postgres_begin,
    .script = postgres_script,
    .run = postgres_run,
    .ask = db_postgres_ask,
};
