/*
 * The decision hidden here: PostgreSQL through libpq: how it is reached, and what its refusals mean.
 *
 * A server that is stopped, overloaded or locked is no fault of what is stored: all of that is ERROR_BUSY. libpq's own
 * words about a URL may quote the password, so they are not passed on, and a URL in which a password could be taken for
 * something else is refused.
 */
#include "db_postgres.h"

#include "base/sys.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMN = 512 * 1024 * 1024 };       /* bytes of one array: libpq and the server fail at 1 GB */

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

/* A standby refuses to write as we do on a connection that only reads; but there it is what was asked that is wrong. With
 * the last word on a connection it is the server that has enough, not what was asked. */
static enum error_kind kind_of(const struct postgres *postgres, const PGresult *result, const char *state)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        return ERROR_BUSY;
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
    return db_refuse(err, kind_of(postgres, result, state), sql, text);
}

/* ---- connection ---- */

static bool postgres_script(struct db *db, const char *sql, struct error *err)
{
    struct postgres *postgres = postgres_of(db);
    if (!db_postgres_settle(postgres, err))
        return false;
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

void db_postgres_disconnect(struct postgres *postgres)
{
    PQfinish(postgres->connection);
    postgres->connection = NULL;
    postgres->prepared_count = 0;
    postgres->sent_count = 0;
}

static bool postgres_reach(struct db *db, struct error *err)
{
    struct postgres *postgres = postgres_of(db);
    if (PQtransactionStatus(postgres->connection) == PQTRANS_IDLE)
        return true;
    db_postgres_disconnect(postgres);
    postgres->connection = connect_by_url(postgres->url);
    if (is_lost(postgres))
        return refuse_as_libpq(postgres, "cannot connect", err);
    (void)PQsetNoticeProcessor(postgres->connection, be_silent, NULL);
    if (is_utf8(postgres, err) && configure(postgres, err))
        return true;
    db_postgres_disconnect(postgres);
    return false;
}

/* Has the server said anything since it answered? Mostly that it ends the connection. */
static bool is_silent(const struct postgres *postgres)
{
    struct pollfd socket = {.fd = PQsocket(postgres->connection), .events = POLLIN};
    return poll(&socket, 1, 0) == 0;
}

/* A connection that was lost while it was idle shows when it is looked at, or else when it is used. The BEGIN on one
 * that is silent goes with the first question. */
static bool postgres_begin(struct db *db, struct error *err)
{
    const char *sql = db->reading ? "BEGIN ISOLATION LEVEL REPEATABLE READ" : "BEGIN";
    if (!postgres_reach(db, err))
        return false;
    if (is_silent(postgres_of(db)))
        return db_postgres_send(postgres_of(db), sql, err);
    return postgres_script(db, sql, err) ||
           (is_lost(postgres_of(db)) && postgres_reach(db, err) && postgres_script(db, sql, err));
}

/* What was refused before is rolled back all the same. */
static void postgres_rollback(struct db *db)
{
    struct error ignored;
    (void)!db_postgres_settle(postgres_of(db), &ignored);
    (void)!postgres_script(db, "ROLLBACK", &ignored);           /* a connection that is lost has rolled back */
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
    db_postgres_disconnect(postgres);
    for (size_t i = 0; i < DB_MOST_COLUMNS; i++)
        buffer_fini(&postgres->columns[i]);
    sys.release(db);
}

const struct db_driver db_postgres = {
    .open = postgres_open,
    .close = postgres_close,
    .reach = postgres_reach,
    .begin = postgres_begin,
    .commit = db_postgres_commit,
    .rollback = postgres_rollback,
    .script = postgres_script,
    .run = db_postgres_run,
    .ask = db_postgres_ask,
};
