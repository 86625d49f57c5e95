/* The decision hidden here: how many rows are gathered before they are sent, and the bounds of a value. Memory for more
 * rows than that is never taken, however large a chunk is. */
#include "store_batch.h"

#include "report/report.h"

enum { MOST_ROWS = 1024 };

void store_batch_init(struct store_batch *batch, struct db *db, const struct db_statement *statement, size_t rows,
                      struct arena *arena)
{
    const size_t most = rows < MOST_ROWS ? rows : MOST_ROWS;
    *batch = (struct store_batch){.db = db, .statement = statement, .arena = arena, .most = most};
}

static bool send_rows(struct store_batch *batch, struct error *err)
{
    const struct db_rows rows = {batch->values, batch->count};
    batch->count = 0;
    return db_run(batch->db, batch->statement, rows, (struct db_reader){NULL, NULL}, NULL, err);
}

bool store_batch_flush(struct store_batch *batch, struct error *err)
{
    return (batch->before == NULL || send_rows(batch->before, err)) && send_rows(batch, err);
}

struct db_value *store_batch_row(struct store_batch *batch, struct error *err)
{
    if (batch->values == NULL)
        batch->values = arena_alloc(batch->arena, batch->most * batch->statement->input_count * sizeof *batch->values);
    if (batch->values == NULL) {
        (void)arena_error(batch->arena, "store", err);
        return NULL;
    }
    if (batch->count == batch->most && !store_batch_flush(batch, err))
        return NULL;
    return batch->values + batch->count++ * batch->statement->input_count;
}

struct span store_truncate(struct span text, size_t most)
{
    size_t len = 0, characters = 0;
    if (text.len <= most)
        return text;
    for (; len < text.len; len++) {
        const bool begins = ((unsigned char)text.at[len] & 0xC0) != 0x80;
        if (begins && characters++ == most)
            break;
    }
    return (struct span){text.at, len};
}

struct db_value store_null(void)
{
    return (struct db_value){.null = true};
}

struct db_value store_integer(int64_t value)
{
    return (struct db_value){.integer = value};
}

struct db_value store_time(int64_t value)
{
    return value == REPORT_NO_TIME ? store_null() : store_integer(value);
}

struct db_value store_int32(int64_t value)
{
    return value < INT32_MIN || value > INT32_MAX ? store_null() : store_integer(value);
}

struct db_value store_text(struct span text, size_t most)
{
    return (struct db_value){.text = store_truncate(text, most)};
}

struct db_value store_optional(struct span text, size_t most)
{
    return text.len == 0 ? store_null() : store_text(text, most);
}
