/* A connection to SQLite, as db_sqlite.c has it and db_sqlite_ask.c uses it. */
#ifndef DB_DB_SQLITE_H
#define DB_DB_SQLITE_H

#include "db_driver.h"

#include <sqlite3.h>

struct prepared {
    const struct db_statement *statement;
    sqlite3_stmt *handle;
};

struct sqlite {
    struct db db;
    sqlite3 *connection;                /* NULL: to be opened */
    unsigned lock_timeout_ms;
    struct prepared prepared[DB_MOST_STATEMENTS];
    size_t prepared_count;
    char path[];
};

/* Why a call failed. Returns false. */
bool db_sqlite_refuse(const struct sqlite *sqlite, int code, const char *sql, struct error *err);

bool db_sqlite_ask(struct db *db, const char *sql, struct db_parameters parameters, struct db_listener listener,
                   struct error *err);

#endif
