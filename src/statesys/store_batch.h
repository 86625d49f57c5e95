/*
 * Rows on their way to the database, bounded as its columns are: what SQLite would take and PostgreSQL refuse is made
 * to fit here, so that both hold the same.
 *
 * Calling sequence: store_batch_init; store_batch_row for the place of the next row, which has as many values as the
 * statement has inputs, all to be filled; store_batch_flush at the end. The texts must stay until they are flushed.
 */
#ifndef STATESYS_STORE_BATCH_H
#define STATESYS_STORE_BATCH_H

#include "db/db.h"

struct store_batch {
    struct db *db;
    const struct db_statement *statement;
    struct store_batch *before;             /* sent first, whenever this one is; NULL: none */
    struct arena *arena;
    struct db_value *values;            /* NULL before the first row */
    size_t count;
    size_t most;
};

/* `rows`: how many will be added in all, if that is known, else SIZE_MAX. */
void store_batch_init(struct store_batch *batch, struct db *db, const struct db_statement *statement, size_t rows,
                      struct arena *arena);
/* NULL: no memory, or a flush that was due has failed. */
struct db_value *store_batch_row(struct store_batch *batch, struct error *err);
bool store_batch_flush(struct store_batch *batch, struct error *err) MUST_CHECK;

/* The first `most` characters of UTF-8. */
struct span store_truncate(struct span text, size_t most);

struct db_value store_null(void);
struct db_value store_integer(int64_t value);
struct db_value store_time(int64_t value);              /* REPORT_NO_TIME and LEDGER_NO_TIME are NULL */
struct db_value store_int32(int64_t value);             /* NULL where it does not fit, as absent numbers do not */
struct db_value store_text(struct span text, size_t most);
struct db_value store_optional(struct span text, size_t most);         /* NULL where empty */

#endif
