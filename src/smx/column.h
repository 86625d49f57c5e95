/* What the columns and views of the schema are called, and which hold a time, whatever a database makes of their names:
 * PostgreSQL answers in lower case. Pure. */
#ifndef SMX_COLUMN_H
#define SMX_COLUMN_H

#include <stdbool.h>

struct column {
    const char *name; /* as spec/statesys.md 3 spells it */
    bool time;        /* microseconds since 1970 */
};

/* NULL: not one of ours. */
const struct column *column_find(const char *name);

#endif
