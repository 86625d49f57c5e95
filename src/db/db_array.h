/*
 * A column of rows as an array in PostgreSQL's binary form: what its array_recv reads, with nothing to quote.
 *
 * Calling sequence: db_array_begin on an initialized buffer, whose content is forgotten and whose room is used again;
 * db_array_add for each row; db_array_end. Errors are the buffer's.
 */
#ifndef DB_DB_ARRAY_H
#define DB_DB_ARRAY_H

#include "db/db.h"

bool db_array_begin(struct buffer *array, enum db_type type, struct error *err) MUST_CHECK;
bool db_array_add(struct buffer *array, enum db_type type, const struct db_value *value, struct error *err) MUST_CHECK;
void db_array_end(struct buffer *array, size_t count);

#endif
