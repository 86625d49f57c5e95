/*
 * The manager: what the state system does by the clock, beside loading (spec/statesys.md 4.3, 4.5, 5).
 *
 * What it hides: when each of these is due, and how: the heartbeat (a report of ours through the whole inbox), the check
 * who needs a resync and the requests in resync-dir, the task SUM Delete Aged Status, forgetting files that were loaded
 * long ago. What could not be done because of the database is done at the next try, after database-retry.
 *
 * Calling sequence: manager_open, manager_start (its thread begins), manager_stop. Settings come from site->force, anew
 * for each turn; manager_wake after a reload.
 */
#ifndef STATESYS_MANAGER_H
#define STATESYS_MANAGER_H

#include "site.h"

struct manager;
bool manager_open(struct site *site, struct manager **out, struct error *err) MUST_CHECK;
bool manager_start(struct manager *manager, struct error *err) MUST_CHECK;
void manager_wake(struct manager *manager);
/* NULL is allowed, and one that was not started; frees it. It waits as long as the database does not answer (ending.h). */
void manager_stop(struct manager *manager);

#endif
