/*
 * The outbox carried to the inbox once, all of it: three movers (spool/mover.h), and what they ask.
 *
 * What it hides: into which directory a file goes, by the Priority in it once more (spec/smx.md 3); that what was put into
 * the outbox's low directory stays low, for nothing else tells what came to the fallback status point; which file may be
 * half written; the words of the log. One thread.
 */
#ifndef MPRELAY_CARRIER_H
#define MPRELAY_CARRIER_H

#include "base/daemon.h"
#include "settings.h"

struct carrier_paths {
    char from[3][DAEMON_PATH_SIZE];     /* by enum smx_queue, as the next */
    char to[3][DAEMON_PATH_SIZE];
};
bool carrier_write_paths(const struct settings *settings, struct carrier_paths *out, struct error *err) MUST_CHECK;

/* Would a run that began now get as far as the files? */
bool carrier_check(const struct carrier_paths *paths, struct error *err) MUST_CHECK;

struct carrier;
/* Settings and paths stay the caller's and valid. `goes_on` is asked between files. */
bool carrier_open(const struct settings *settings, const struct carrier_paths *paths, bool (*goes_on)(void *owner),
                  void *owner, struct carrier **out, struct error *err) MUST_CHECK;
/* *moved: so many files, *failed: so many could not be, each with a line in the log, once, and those beyond some hundreds
 * with one line for all. Half-written ones are neither. On false nothing more can be moved now; what was moved is counted
 * all the same. */
bool carrier_run(struct carrier *carrier, uint64_t *moved, uint64_t *failed, struct error *err) MUST_CHECK;
void carrier_close(struct carrier *carrier);    /* NULL is allowed */

#endif
