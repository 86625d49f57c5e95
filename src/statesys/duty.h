/* What the manager hands to those who do its duties: resync.h, tasks.h. */
#ifndef STATESYS_DUTY_H
#define STATESYS_DUTY_H

#include "site.h"

struct duty {
    struct site *site;
    struct store *store;
    const struct force *force;
    int64_t now; /* microseconds since 1970 */
    /* Between two pieces of a long duty, so that others get at the database. False: told to stop; end now, well. */
    bool (*pause)(void *owner);
    void *owner;
};

#endif
