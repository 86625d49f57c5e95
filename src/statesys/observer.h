/*
 * What an operator wants to know of the database, the inbox and the disks, looked at by a thread of its own: so who asks
 * waits a moment only, even where a disk or a server hangs.
 *
 * What it hides: a connection of its own to the database; how often is looked: when somebody asks, at most once in 10
 * seconds, and so seldom that it takes at most a twentieth of the time.
 * Calling sequence: observer_open (its thread begins), observer_look from one thread, observer_close.
 */
#ifndef STATESYS_OBSERVER_H
#define STATESYS_OBSERVER_H

#include "site.h"
#include "spool/inbox.h"
#include "store_facts.h"

enum { OBSERVER_MOST_FILES = 100000 }; /* counted of a queue; there may be more */

/* An error of the kind ERROR_NONE: nothing is wrong. */
struct observation {
    int64_t taken; /* sys_ticks; 0: nothing was looked at yet */
    struct error database;
    struct store_facts facts; /* if nothing is wrong with the database */
    struct error inbox;
    struct inbox_survey queues[QUEUES]; /* if nothing is wrong with the inbox */
    struct error inbox_disk;
    struct error database_disk;
};

struct observer;
bool observer_open(const struct site *site, struct observer **out, struct error *err) MUST_CHECK;
/* The latest; *hangs: microseconds for which a look has been under way now, 0 for none. */
void observer_look(struct observer *observer, struct observation *out, int64_t *hangs);
void observer_close(struct observer *observer); /* NULL is allowed; waits for a look under way (ending.h) */

#endif
