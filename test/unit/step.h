/* One in so many of what a test would do in turn: enough for a sanitizer, which sees each time what they have in common. */
#ifndef TEST_UNIT_STEP_H
#define TEST_UNIT_STEP_H

#include <assert.h>
#include <stdlib.h>

/* From the environment, as EVERY=5; 1 where there is no such variable. */
static inline unsigned step_of(const char *variable)
{
    const char *text = getenv(variable);
    const unsigned step = text == NULL ? 1 : (unsigned)strtoul(text, NULL, 10);
    assert(step > 0);
    return step;
}

#endif
