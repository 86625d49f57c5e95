/*
 * The threads "State Message Processing Thread #n": they load what the reading thread gives them.
 *
 * What it hides: which file goes to which thread (those of one client to one, in the order in which they are given),
 * how files are gathered into batches, and how much may be in hand at once, so that memory is bounded whatever waits.
 * Threads live from workers_start to workers_end; what they need to load stays open for the next time.
 *
 * Calling sequence: workers_open; workers_start as often as more threads are wanted; workers_add for each file;
 * workers_finish; workers_end; workers_close. All from one thread.
 */
#ifndef STATESYS_WORKERS_H
#define STATESYS_WORKERS_H

#include "batch.h"

struct workers;
bool workers_open(struct loading *loading, struct workers **out, struct error *err) MUST_CHECK;
void workers_close(struct workers *workers); /* NULL is allowed */

/* Between rounds: nothing of the database stays open. */
void workers_let_go(struct workers *workers);

/* So many threads, if there are not more already; fewer if the system refuses some. When it returns, each has said in
 * the log that it is there. False: there is none. */
bool workers_start(struct workers *workers, size_t count, struct error *err) MUST_CHECK;
/* Takes the file over, with a copy of its content; `bad` (NULL: nothing) is why there is none. Waits while too much is
 * in hand. */
void workers_add(struct workers *workers, const struct inbox_file *file, struct span content, const struct error *bad);
/* Until all that was added has its end. */
void workers_finish(struct workers *workers);
/* The same, and the threads end. */
void workers_end(struct workers *workers);

#endif
