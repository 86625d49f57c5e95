/*
 * The decision hidden here: an answer comes row by row, because libpq would else hold all of it in memory. Who has
 * enough cancels: what the server still sends is read and dropped, so that the connection can be asked again.
 */
#include "db_postgres.h"

/* What a statement leads to once the server took it. */
struct answer {
    const struct postgres *postgres;
    const char *sql;
    struct db_listener listener;
    bool told; /* the columns */
    bool enough;
    bool failed;
};

/* As pg_type has them since ever: the types whose text is a number, or NaN. */
static bool is_number(Oid type)
{
    static const Oid numbers[] = {20, 21, 23, 26, 700, 701, 1700};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (type == numbers[i])
            return true;
    return false;
}

static void cancel(const struct answer *answer)
{
    char ignored[256]; /* what cannot be cancelled is read to its end */
    PGcancel *handle = PQgetCancel(answer->postgres->connection);
    if (handle != NULL)
        (void)PQcancel(handle, ignored, sizeof ignored);
    PQfreeCancel(handle);
}

static void fail(struct answer *answer)
{
    answer->failed = true;
    answer->enough = true;
    cancel(answer);
}

static void tell_columns(struct answer *answer, const PGresult *result, struct error *err)
{
    const char *names[DB_MOST_ASKED];
    const int count = PQnfields(result);
    answer->told = true;
    if (count > DB_MOST_ASKED) {
        (void)db_refuse(err, ERROR_SYSTEM, answer->sql, DB_TOO_WIDE);
        fail(answer);
        return;
    }
    for (int i = 0; i < count; i++)
        names[i] = PQfname(result, i);
    if (count > 0)
        answer->listener.columns(answer->listener.owner, names, (size_t)count);
}

static void tell_row(struct answer *answer, const PGresult *result, int row)
{
    struct db_cell cells[DB_MOST_ASKED];
    const int count = PQnfields(result);
    for (int i = 0; i < count; i++)
        cells[i] = (struct db_cell){.null = PQgetisnull(result, row, i),
                                    .number = is_number(PQftype(result, i)),
                                    .text = {PQgetvalue(result, row, i), (size_t)PQgetlength(result, row, i)}};
    if (answer->listener.row(answer->listener.owner, cells))
        return;
    answer->enough = true;
    cancel(answer);
}

/* False: no more will come that we can use. */
static bool take(struct answer *answer, const PGresult *result, struct error *err)
{
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_EMPTY_QUERY) {
        answer->failed = true;
        return db_refuse(err, ERROR_SYSTEM, answer->sql, "there is no statement");
    }
    if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        answer->failed = true;
        return db_postgres_refuse(answer->postgres, result, answer->sql, err);
    }
    if (!answer->told)
        tell_columns(answer, result, err);
    for (int i = 0; i < PQntuples(result) && PQnfields(result) > 0 && !answer->enough; i++)
        tell_row(answer, result, i);
    return true;
}

/* COPY leaves the connection in a state that has no end; whoever uses it next finds it not idle, and makes it anew. */
static bool take_all(struct answer *answer, struct error *err)
{
    for (PGresult *result; (result = PQgetResult(answer->postgres->connection)) != NULL;) {
        const ExecStatusType status = PQresultStatus(result);
        const bool endless = status == PGRES_COPY_OUT || status == PGRES_COPY_IN || status == PGRES_COPY_BOTH;
        if (endless) {
            answer->failed = true;
            (void)db_refuse(err, ERROR_SYSTEM, answer->sql, "COPY is no question");
        } else if (!answer->enough) {
            (void)take(answer, result, err);
        }
        PQclear(result);
        if (endless)
            break;
    }
    return !answer->failed;
}

bool db_postgres_ask(struct db *db, const char *sql, struct db_parameters parameters, struct db_listener listener,
                     struct error *err)
{
    struct postgres *postgres = (struct postgres *)db;
    struct answer answer = {.postgres = postgres, .sql = sql, .listener = listener};
    if (!db_postgres_settle(postgres, err))
        return false;
    if (PQsendQueryParams(postgres->connection, sql, (int)parameters.count, NULL, parameters.at, NULL, NULL, 0) != 1)
        return db_postgres_refuse(postgres, NULL, sql, err);
    (void)PQsetSingleRowMode(postgres->connection); /* only a query that was just sent can be: it was */
    return take_all(&answer, err);
}
