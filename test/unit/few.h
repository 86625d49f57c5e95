/* Memory that runs out: so many allocations still succeed, then none. A test puts these into the table of sys.h. */
#ifndef TEST_UNIT_FEW_H
#define TEST_UNIT_FEW_H

#include <stdlib.h>

static unsigned left;       /* allocations that still succeed */

static inline void *allocate_a_few(size_t size)
{
    return left == 0 ? NULL : (left--, malloc(size));
}

static inline void *reallocate_a_few(void *old, size_t size)
{
    return left == 0 ? NULL : (left--, realloc(old, size));
}

#endif
