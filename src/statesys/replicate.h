/*
 * Files on their way to the parent site (spec/statesys.md 1.9).
 *
 * What it hides: that the parent may be away: a file then waits in outgoing/ and is delivered in a later round, in order
 * of name. A file never goes before the parent or outgoing/ has it, so it may come twice (after a crash, under a
 * number), and the parent counts it once. Many go together, for one sync of the parent's directory.
 *
 * Calling sequence: replicate_add for each file in hand that was loaded, replicate_end; from any thread.
 * replicate_waiting at the end of a round.
 */
#ifndef STATESYS_REPLICATE_H
#define STATESYS_REPLICATE_H

#include "loading.h"
#include "spool/deliver.h"

/* All zero but for `loading`. */
struct replication {
    struct loading *loading;
    size_t count;
    const struct inbox_file *files[DELIVER_MOST];
    struct span contents[DELIVER_MOST];
};

bool replicate_is_wanted(const struct loading *loading);
/* The file's end is this module's from now on. Both stay until replicate_end. */
void replicate_add(struct replication *replication, const struct inbox_file *file, struct span content);
void replicate_end(struct replication *replication);
/* As many as one turn may take; if more are left the next look is due at once. */
void replicate_waiting(struct loading *loading);

#endif
