/* A connection to PostgreSQL, as db_postgres.c has it and db_postgres_ask.c uses it. */
#ifndef DB_DB_POSTGRES_H
#define DB_DB_POSTGRES_H

#include "db_driver.h"

#include <libpq-fe.h>

struct postgres {
    struct db db;
    PGconn *connection; /* NULL: to be made */
    unsigned lock_timeout_ms;
    const struct db_statement *prepared[DB_MOST_STATEMENTS];
    size_t prepared_count;
    struct buffer columns[DB_MOST_COLUMNS];
    char url[];
};

/* Why a statement failed. Returns false. */
bool db_postgres_refuse(const struct postgres *postgres, const PGresult *result, const char *sql, struct error *err);

bool db_postgres_ask(struct db *db, const char *sql, struct db_parameters parameters, struct db_listener listener,
                     struct error *err);

#endif
