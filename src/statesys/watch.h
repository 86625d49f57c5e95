/*
 * Waiting for files: what wakes the loader (spec/statesys.md 1.1).
 *
 * What it hides: inotify; that a directory may be exchanged while it is watched; that a notice is a hint only, may be
 * lost, and tells of our own moves, too. Where the kernel gives no more watches there is no notice, and files are found
 * at the next poll.
 *
 * Calling sequence: watch_open; watch_add before each round, again and again; watch_drain before the last look into the
 * directories, so that what comes after it is noticed; watch_wait. watch_wake from any thread; all else from one.
 */
#ifndef STATESYS_WATCH_H
#define STATESYS_WATCH_H

#include "base/error.h"

#include <stdint.h>

enum watch_reason { WATCH_TIME, WATCH_NOTICE, WATCH_WOKEN };

struct watch;
bool watch_open(struct watch **out, struct error *err) MUST_CHECK;
void watch_close(struct watch *watch); /* NULL is allowed */

/* False: there will be no notice of this directory. */
bool watch_add(struct watch *watch, const char *directory, struct error *err) MUST_CHECK;
void watch_drain(struct watch *watch);
/* Until `ticks` (sys_ticks), the first notice of a file, unless nobody `listens`, or watch_wake. */
enum watch_reason watch_wait(struct watch *watch, int64_t ticks, bool listens);
void watch_wake(struct watch *watch);

#endif
