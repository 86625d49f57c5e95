/*
 * A round: the files that wait are taken, by their turns, until there are none (spec/statesys.md 1.2, 1.3).
 *
 * What it hides: that of millions of files only some are listed at a time; chunks; claiming and reading; that files that
 * were left in this round are not taken again; the words "total chucks loaded".
 */
#ifndef STATESYS_ROUND_H
#define STATESYS_ROUND_H

#include "watch.h"
#include "workers.h"

struct round;
bool round_open(struct loading *loading, struct workers *workers, struct watch *watch, struct round **out,
                struct error *err) MUST_CHECK;
/* When it returns no thread runs and, unless something went wrong (loading->broken), nothing is in hand. */
void round_run(struct round *round);
void round_close(struct round *round); /* NULL is allowed */

#endif
