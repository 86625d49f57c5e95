/*
 * The state system as an operator sees it: ready or not and why, and its figures (base/admin.h).
 *
 * What it hides: what is asked of the database, the inbox and the disks (observer.h), the names of the metrics, which
 * the manual has (statesys(8)), and when the state system is not ready: the database cannot be reached or is not used;
 * the inbox cannot be used; the newest heartbeat that came through is older than three intervals; a file waits longer
 * than the polling interval and an hour; a disk is nearly full; database or inbox do not answer at all.
 * Calling sequence: operation_open, then the pages for admin_open, operation_close after admin_close. It gives the
 * histograms of site->counters their bounds: before threads that count.
 */
#ifndef STATESYS_OPERATION_H
#define STATESYS_OPERATION_H

#include "base/admin.h"
#include "site.h"

struct operation;
bool operation_open(struct site *site, struct operation **out, struct error *err) MUST_CHECK;
struct admin_pages operation_pages(struct operation *operation);
void operation_close(struct operation *operation); /* NULL is allowed */

#endif
