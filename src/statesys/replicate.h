/*
 * Files on their way to the parent site (spec/statesys.md 1.9).
 *
 * What it hides: that the parent may be away: a file then waits in outgoing/ and is delivered in a later round, in order
 * of name. A file never goes before the parent or outgoing/ has it, so it may come twice (after a crash, under a
 * number), and the parent counts it once.
 *
 * replicate_file from any thread, replicate_waiting at the end of a round.
 */
#ifndef STATESYS_REPLICATE_H
#define STATESYS_REPLICATE_H

#include "loading.h"

bool replicate_is_wanted(const struct loading *loading);
/* True: the file is not in hand any more. */
bool replicate_file(struct loading *loading, const struct inbox_file *file, struct span content,
                    struct error *err) MUST_CHECK;
/* As many as one turn may take; if more are left the next look is due at once. */
void replicate_waiting(struct loading *loading);

#endif
