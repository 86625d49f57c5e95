/*
 * What db.c asks of a driver, and what both drivers share.
 *
 * db.c alone knows in which state a transaction is: it calls `run`, `script` and `begin` only when they are allowed,
 * and `reach` before whatever is not inside of a transaction. A driver's own structure begins with `struct db`.
 */
#ifndef DB_DB_DRIVER_H
#define DB_DB_DRIVER_H

#include "db/db.h"

enum {
    DB_MOST_STATEMENTS = 64,            /* prepared on one connection; they are constants of the program */
    DB_MOST_TEXT = 64 * 1024,           /* of one statement */
};

/* What is wanted of a statement's results. Who waits has them when `run` returns; else they come with a later call. */
struct db_wish {
    struct db_reader reader;
    uint64_t *changed;                  /* added to; NULL: not wanted */
    bool waits;
};

struct db_driver {
    bool (*open)(const char *database, unsigned lock_timeout_ms, struct db **out, struct error *err);
    void (*close)(struct db *db);
    bool (*reach)(struct db *db, struct error *err);    /* connects, unless there is a connection without transaction */
    bool (*begin)(struct db *db, struct error *err);
    bool (*commit)(struct db *db, struct error *err);
    void (*rollback)(struct db *db);
    bool (*script)(struct db *db, const char *sql, struct error *err);
    bool (*run)(struct db *db, const struct db_statement *statement, struct db_rows rows, const struct db_wish *wish,
                struct error *err);
    bool (*ask)(struct db *db, const char *sql, struct db_parameters parameters, struct db_listener listener,
                struct error *err);
};

enum db_state { DB_IDLE, DB_BEGUN, DB_FAILED };

struct db {
    const struct db_driver *driver;
    enum db_state state;
    bool existing; /* it is not made if it is not there; set after the first `reach` */
    bool reading; /* whatever would write is refused; set before the first `reach` */
};

extern const struct db_driver db_sqlite, db_postgres;

/* Adds formatted text, at most 255 bytes of it. */
bool db_print(struct buffer *out, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4))) MUST_CHECK;
/* Writes the statement's text with `input` in place of each @input, `rows` in place of each @rows, and a NUL. */
bool db_write_sql(const struct db_statement *statement, struct span input, struct span rows, struct buffer *out,
                  struct error *err) MUST_CHECK;
#define DB_TOO_WIDE "the answer has too many columns"

/* error_set, after the first words of the statement, on one line. */
bool db_refuse(struct error *err, enum error_kind kind, const char *sql, const char *why);

#endif
