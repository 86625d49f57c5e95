/*
 * The end of the process: told by SIGTERM or SIGINT, and never later than stop-timeout, and two seconds for the log, after
 * that.
 *
 * What it hides: the thread that takes these signals, and that whoever waits for a database or a disk that never answers
 * is not waited for: when the time is up, the log says so and the process ends where it is, with status 75 (EX_TEMPFAIL).
 * Nothing is lost by that: it is a kill, and what was in hand goes back to the inbox at the next start.
 *
 * Calling sequence: ending_open after daemon_block_signals and log_open and before any other thread, from the thread that
 * waits for SIGHUP: it is sent one when the end is told, so that it looks. ending_begin before things are stopped,
 * whatever the reason; ending_close when all are and before log_close: after it nobody but main ends the process.
 */
#ifndef STATESYS_ENDING_H
#define STATESYS_ENDING_H

#include "base/error.h"

#include <stdint.h>

struct ending;
/* `most`: microseconds from the signal to the end. */
bool ending_open(uint64_t most, struct ending **out, struct error *err) MUST_CHECK;
void ending_set(struct ending *ending, uint64_t most); /* for an end that is not told yet */
bool ending_is_told(const struct ending *ending);
void ending_begin(struct ending *ending);                     /* NULL is allowed */
void ending_close(struct ending *ending);                     /* the same */

#endif
