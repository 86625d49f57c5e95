/* A connection to PostgreSQL, as db_postgres.c has it and db_postgres_run.c and db_postgres_ask.c use it. */
#ifndef DB_DB_POSTGRES_H
#define DB_DB_POSTGRES_H

#include "db_driver.h"

#include <libpq-fe.h>

enum { DB_MOST_SENT = 64 };

/* What is under way. */
struct sent {
    const char *sql;
    const struct db_statement *statement; /* NULL: one without results */
    struct db_reader reader;
    uint64_t *changed;
};

struct postgres {
    struct db db;
    PGconn *connection; /* NULL: to be made */
    unsigned lock_timeout_ms;
    const struct db_statement *prepared[DB_MOST_STATEMENTS];
    size_t prepared_count;
    struct sent sent[DB_MOST_SENT]; /* their results are not taken yet; some: we are in pipeline mode */
    size_t sent_count;
    struct buffer columns[DB_MOST_COLUMNS];
    char url[];
};

/* Why a statement failed. Returns false. */
bool db_postgres_refuse(const struct postgres *postgres, const PGresult *result, const char *sql, struct error *err);

/* What comes next finds it lost; the next transaction connects anew. */
void db_postgres_disconnect(struct postgres *postgres);

/* Takes the results of what was sent; false: one of them is a refusal. */
bool db_postgres_settle(struct postgres *postgres, struct error *err) MUST_CHECK;

/* A statement without parameters or results, inside of a transaction or to begin one. */
bool db_postgres_send(struct postgres *postgres, const char *sql, struct error *err) MUST_CHECK;

bool db_postgres_run(struct db *db, const struct db_statement *statement, struct db_rows rows,
                     const struct db_wish *wish, struct error *err);
bool db_postgres_commit(struct db *db, struct error *err);
bool db_postgres_ask(struct db *db, const char *sql, struct db_parameters parameters, struct db_listener listener,
                     struct error *err);

#endif
