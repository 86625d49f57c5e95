/*
 * A database, as little of one as the store needs: one text of SQL for both, run for many rows at once.
 *
 * What it hides: SQLite against PostgreSQL; prepared statements; how many rows go to the database in one call (SQLite:
 * row by row, its fastest way; PostgreSQL: arrays, one message for up to 4,096 rows) and whether its answer is waited
 * for; connecting again.
 *
 * A statement is written once, with its rows as a table: `FROM @input i` stands for the rows given, under the column
 * names of the statement. SQLite reads it as (SELECT ?1 AS a, ?2 AS b), PostgreSQL as a SELECT from
 * unnest($1::bigint[], $2::text[]). Behind INSERT INTO t (a, b) the rows as they are stand as @rows: SQLite has
 * VALUES (?1, ?2) there, for which it needs no journal of the statement. What one text must heed, to be the same in both:
 *   - an INSERT ... SELECT ... ON CONFLICT needs WHERE true before ON CONFLICT;
 *   - the rows of one call must not hit one key twice where the statement has ON CONFLICT DO UPDATE, and must not
 *     depend on each other: SQLite sees the effect of the row before, PostgreSQL does not;
 *   - what is looked up for each row is FROM @input i CROSS JOIN t WHERE t.a = i.a: SQLite then looks at once, and with
 *     JOIN ... ON it makes a table of the row first;
 *   - a DB_INTEGER that comes back must be one in both: CASE WHEN ... THEN 1 ELSE 0 END, not a bare comparison;
 *   - PostgreSQL holds to VARCHAR(n) and to 32 bits of INTEGER, SQLite to neither;
 *   - rows come back in any order.
 *
 * Calling sequence: db_open; db_begin, db_run..., then db_commit or db_rollback; db_close. Outside of a transaction
 * each call is one by itself, for those who only read. One thread at a time for each connection.
 *
 * Errors: ERROR_BUSY: the database cannot be reached, is locked by others or shutting down (nothing is wrong with the
 * data; the same again later); ERROR_NO_SPACE: its disk is full; ERROR_NO_MEMORY; ERROR_MALFORMED: it refused
 * these very rows (a constraint, a value out of bounds); ERROR_SYSTEM: it refused the question, whatever the rows (a
 * right or a table is missing). With its own words, which never hold the password. After an error inside of a
 * transaction everything but db_rollback is refused. When db_commit fails, nobody knows whether the database holds the
 * transaction: who begins again must find out. A connection that was lost is made anew by the next db_begin.
 *
 * Those who only look open with db_open_reading, and ask what they like with db_ask.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/error.h"
#include "base/mem.h"

#include <stdint.h>

enum db_type { DB_INTEGER, DB_TEXT };
enum { DB_MOST_COLUMNS = 24 };

struct db_value {
    bool null;
    int64_t integer;
    struct span text;                   /* UTF-8 without NULs; the caller's memory, or valid in `each` only */
};

struct db_column {
    const char *name;
    enum db_type type;
};

/* Constant; its address is what a driver remembers the prepared form by. */
struct db_statement {
    const char *sql;
    struct db_column input[DB_MOST_COLUMNS];
    size_t input_count;                 /* 0: no @input in the text, run once */
    enum db_type output[DB_MOST_COLUMNS];
    size_t output_count;
};

/* Row after row, input_count values each. */
struct db_rows {
    const struct db_value *values;
    size_t count;
};

/* Who gets the rows of the result: output_count values each. `each` must not call the database. */
struct db_reader {
    void (*each)(void *owner, const struct db_value *row);  /* NULL: nobody */
    void *owner;
};

struct db;

/* `database`: "sqlite:PATH", a path, or a libpq URL "postgresql://..."; other URLs are refused. A lock is waited for as
 * long as `lock_timeout_ms` says (at least 1), then ERROR_BUSY. */
bool db_open(const char *database, unsigned lock_timeout_ms, struct db **out, struct error *err) MUST_CHECK;
/* As db_open; but a file that is not there is not made: where one was before, its disk may be away. */
bool db_open_existing(const char *database, unsigned lock_timeout_ms, struct db **out, struct error *err) MUST_CHECK;
void db_close(struct db *db);                                   /* NULL is allowed; what is not committed is lost */
bool db_is_sqlite(const struct db *db);

bool db_begin(struct db *db, struct error *err) MUST_CHECK;     /* SQLite: others cannot write from here on */
bool db_commit(struct db *db, struct error *err) MUST_CHECK;    /* durable when it returns */
void db_rollback(struct db *db);

/* Runs the statement for all rows. *changed (may be NULL): rows inserted, updated, deleted. Inside of a transaction
 * PostgreSQL is not waited for where nobody asks what came of it (no reader, no `changed`): if it refuses, a later call
 * says so, db_commit at the latest. */
bool db_run(struct db *db, const struct db_statement *statement, struct db_rows rows, struct db_reader reader,
            uint64_t *changed, struct error *err) MUST_CHECK;

/* As db_run, but a reader need not be called before this returns: the next call that waits, or db_commit, does it. What
 * it reads into lives until then. */
bool db_send(struct db *db, const struct db_statement *statement, struct db_rows rows, struct db_reader reader,
             struct error *err) MUST_CHECK;

/* Several statements without input or result, for the schema. */
bool db_script(struct db *db, const char *sql, struct error *err) MUST_CHECK;

/* ---- for those who only look ---- */

/* As db_open; but a file that is not there is not made, and the database itself refuses whatever would write, with
 * ERROR_SYSTEM. What is asked between db_begin and db_rollback is answered from one state of everything. */
bool db_open_reading(const char *database, unsigned lock_timeout_ms, struct db **out, struct error *err) MUST_CHECK;

enum { DB_MOST_ASKED = 256, DB_MOST_PARAMETERS = 128 };      /* columns of an answer; parameters of a question */

/* A value of an answer as the database writes it. `number`: that is how it holds it, too. */
struct db_cell {
    bool null;
    bool number;
    struct span text;                   /* valid in `row` only */
};

/* Who gets an answer. Neither must call the database. */
struct db_listener {
    void (*columns)(void *owner, const char *const *names, size_t count);  /* once, before the first row, if there is
                                                                            * one; the names are valid here only */
    bool (*row)(void *owner, const struct db_cell *cells);                 /* false: that is enough */
    void *owner;
};

struct db_parameters {
    const char *const *at;              /* texts, for $1, $2... in the statement */
    size_t count;
};

/* One statement of SQL that nobody knew before; row after row as they come, so that millions need no memory. */
bool db_ask(struct db *db, const char *sql, struct db_parameters parameters, struct db_listener listener,
            struct error *err) MUST_CHECK;

#endif
