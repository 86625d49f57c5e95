/*
 * The decision hidden here: each column of the rows is one array, one message for all rows; and whether anybody waits for
 * what the server says to it. Inside of a transaction a statement without reader or count is sent and no more: its result
 * is taken together with those behind it, when one is asked for, or at the end. So a chunk costs as many round trips as it
 * has questions, and the server works on one statement while we make up the next.
 */
#include "db_array.h"
#include "db_postgres.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_ROWS = 4096,                   /* in one call */
    MOST_BYTES = 1024 * 1024,           /* the same, unless one row has more */
    BINARY = 1,
    TEXT = 0,
    NAME_ROOM = 8,
};

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
    if (!db_postgres_settle(postgres, err) || !prepare_anew(postgres, statement, name, err))
        return false;
    postgres->prepared[postgres->prepared_count++] = statement;
    return true;
}

/* ---- rows in ---- */

static size_t size_of(const struct db_statement *statement, const struct db_value *row)
{
    size_t bytes = 0;
    for (size_t i = 0; i < statement->input_count; i++)
        bytes += row[i].null ? 0 : statement->input[i].type == DB_INTEGER ? sizeof row[i].integer : row[i].text.len;
    return bytes;
}

/* How many rows go in one call. */
static size_t count_rows(const struct db_statement *statement, struct db_rows rows)
{
    size_t bytes = 0, count = 0;
    while (count < rows.count && count < MOST_ROWS && bytes < MOST_BYTES)
        bytes += size_of(statement, rows.values + count++ * statement->input_count);
    return count;
}

/* To the end of a shorter array unnest adds NULLs, and faster than it reads them. The first column tells how many rows
 * there are. */
static size_t count_values(const struct db_statement *statement, size_t column, struct db_rows rows)
{
    size_t count = rows.count;
    while (column > 0 && count > 0 && rows.values[(count - 1) * statement->input_count + column].null)
        count--;
    return count;
}

static bool fill_array(struct buffer *array, const struct db_statement *statement, size_t column, struct db_rows rows,
                       struct error *err)
{
    const enum db_type type = statement->input[column].type;
    const size_t count = count_values(statement, column, rows);
    if (!db_array_begin(array, type, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!db_array_add(array, type, &rows.values[i * statement->input_count + column], err))
            return false;
    db_array_end(array, count);
    return true;
}

static bool fill_arrays(struct postgres *postgres, const struct db_statement *statement, struct db_rows rows,
                        struct error *err)
{
    for (size_t i = 0; i < statement->input_count; i++)
        if (!fill_array(&postgres->columns[i], statement, i, rows, err))
            return false;
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

static bool give_result(PGresult *result, const struct sent *sent, struct error *err)
{
    assert(sent->statement == NULL || (size_t)PQnfields(result) == sent->statement->output_count);
    for (int i = 0; i < PQntuples(result); i++)
        if (!give_row(result, i, sent->statement, sent->reader, err))
            return false;
    if (sent->changed != NULL)
        *sent->changed += count_changed(result);
    return true;
}

/* ---- in flight ---- */

/* What libpq had no memory to send leaves it in the midst of something, and maybe us waiting for ever for an answer. */
static bool give_up(struct postgres *postgres, const char *sql, struct error *err)
{
    (void)db_postgres_refuse(postgres, NULL, sql, err);
    db_postgres_disconnect(postgres);
    return false;
}

static bool note_sent(struct postgres *postgres, int done, const struct sent *sent, struct error *err)
{
    if (done != 1 || PQflush(postgres->connection) != 0)
        return give_up(postgres, sent->sql, err);
    postgres->sent[postgres->sent_count++] = *sent;
    return true;
}

static bool make_way(struct postgres *postgres, const char *sql, struct error *err)
{
    if (postgres->sent_count == DB_MOST_SENT && !db_postgres_settle(postgres, err))
        return false;
    return postgres->sent_count > 0 || PQenterPipelineMode(postgres->connection) == 1 ||
           db_postgres_refuse(postgres, NULL, sql, err);
}

bool db_postgres_send(struct postgres *postgres, const char *sql, struct error *err)
{
    const struct sent sent = {.sql = sql};
    return make_way(postgres, sql, err) &&
           note_sent(postgres, PQsendQueryParams(postgres->connection, sql, 0, NULL, NULL, NULL, NULL, TEXT), &sent,
                     err);
}

static bool send_rows(struct postgres *postgres, const char *name, const struct sent *sent, struct error *err)
{
    const char *values[DB_MOST_COLUMNS];
    int lengths[DB_MOST_COLUMNS], formats[DB_MOST_COLUMNS];
    const int count = (int)sent->statement->input_count;
    for (int i = 0; i < count; i++) {
        values[i] = postgres->columns[i].at;
        lengths[i] = (int)postgres->columns[i].len;
        formats[i] = BINARY;
    }
    return make_way(postgres, sent->sql, err) &&
           note_sent(postgres, PQsendQueryPrepared(postgres->connection, name, count, values, lengths, formats, TEXT),
                     sent, err);
}

/* Of several that were refused the first one has the reason. */
static bool take_result(struct postgres *postgres, const struct sent *sent, struct error *err)
{
    PGresult *result = PQgetResult(postgres->connection);
    const ExecStatusType status = PQresultStatus(result);
    const bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
                          ? give_result(result, sent, err)
                          : db_postgres_refuse(postgres, result, sent->sql, err);
    PQclear(result);
    PQclear(PQgetResult(postgres->connection)); /* the end of this one: NULL */
    return done;
}

/* The end of all of them. Outside of a transaction that is where they are committed, which may be refused. */
static bool take_end(struct postgres *postgres, const char *sql, struct error *err)
{
    PGresult *result = PQgetResult(postgres->connection);
    const bool done = PQresultStatus(result) == PGRES_PIPELINE_SYNC || db_postgres_refuse(postgres, result, sql, err);
    PQclear(result);
    return done;
}

/* A connection that is lost leaves the pipeline when it is made anew. */
bool db_postgres_settle(struct postgres *postgres, struct error *err)
{
    struct error ignored;
    bool done = true;
    if (postgres->sent_count == 0)
        return true;
    if (PQpipelineSync(postgres->connection) != 1)
        return give_up(postgres, postgres->sent[0].sql, err);
    for (size_t i = 0; i < postgres->sent_count; i++)
        done &= take_result(postgres, &postgres->sent[i], done ? err : &ignored);
    done &= take_end(postgres, postgres->sent[postgres->sent_count - 1].sql, done ? err : &ignored);
    postgres->sent_count = 0;
    (void)PQexitPipelineMode(postgres->connection);
    return done;
}

bool db_postgres_commit(struct db *db, struct error *err)
{
    struct postgres *postgres = (struct postgres *)db;
    return db_postgres_send(postgres, "COMMIT", err) && db_postgres_settle(postgres, err);
}

bool db_postgres_run(struct db *db, const struct db_statement *statement, struct db_rows rows,
                     const struct db_wish *wish, struct error *err)
{
    struct postgres *postgres = (struct postgres *)db;
    const struct sent sent = {statement->sql, statement, wish->reader, wish->changed};
    char name[NAME_ROOM];
    if (!prepare(postgres, statement, name, err))
        return false;
    while (rows.count > 0) {
        const struct db_rows some = {rows.values, count_rows(statement, rows)};
        if (!fill_arrays(postgres, statement, some, err) || !send_rows(postgres, name, &sent, err) ||
            (wish->waits && !db_postgres_settle(postgres, err)))
            return false;
        rows.values += some.count * statement->input_count;
        rows.count -= some.count;
    }
    return true;
}
