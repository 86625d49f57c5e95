/* The decision hidden here: the layout of an array on PostgreSQL's wire, in network byte order: a head, then each value
 * behind its length, which is -1 for NULL. */
#include "db_array.h"

#include <endian.h>

enum { TYPE_BIGINT = 20, TYPE_TEXT = 25 };      /* as pg_type has them since ever */

struct head {
    uint32_t dimensions;
    uint32_t has_nulls;
    uint32_t type;
    uint32_t count;
    uint32_t first;                             /* index of the first value */
};

bool db_array_begin(struct buffer *array, enum db_type type, struct error *err)
{
    const struct head head = {
        .dimensions = htobe32(1),
        .has_nulls = htobe32(1),                /* may have */
        .type = htobe32(type == DB_INTEGER ? TYPE_BIGINT : TYPE_TEXT),
        .first = htobe32(1),
    };
    array->len = 0;
    return buffer_add(array, &head, sizeof head, err);
}

static bool add_integer(struct buffer *array, int64_t value, struct error *err)
{
    struct {
        uint32_t len, high, low;
    } const written = {
        .len = htobe32(sizeof value),
        .high = htobe32((uint32_t)((uint64_t)value >> 32)),
        .low = htobe32((uint32_t)value),
    };
    return buffer_add(array, &written, sizeof written, err);
}

static bool add_text(struct buffer *array, struct span text, struct error *err)
{
    const uint32_t len = htobe32((uint32_t)text.len);
    return buffer_add(array, &len, sizeof len, err) && buffer_add(array, text.at, text.len, err);
}

bool db_array_add(struct buffer *array, enum db_type type, const struct db_value *value, struct error *err)
{
    static const uint32_t null = UINT32_MAX;
    if (value->null)
        return buffer_add(array, &null, sizeof null, err);
    return type == DB_INTEGER ? add_integer(array, value->integer, err) : add_text(array, value->text, err);
}

void db_array_end(struct buffer *array, size_t count)
{
    const uint32_t written = htobe32((uint32_t)count);
    memcpy(array->at + offsetof(struct head, count), &written, sizeof written);
    if (count > 0)
        return;
    memset(array->at + offsetof(struct head, dimensions), 0, sizeof(uint32_t));
    array->len = offsetof(struct head, count);  /* what follows is there for each dimension */
}
