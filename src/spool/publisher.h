/*
 * The publisher: a thread that makes files from what is in the journal, many at a time, by the same steps as a batch
 * that never was in one (batch.h). What it cannot make it tries again until the end, since it was acknowledged; what is
 * left then, the next start publishes.
 *
 * Calling sequence: publisher_open, which first publishes what an earlier process left, as far as that can be done now;
 * publisher_wake after each journal_append; publisher_close after the last one, before journal_close.
 */
#ifndef SPOOL_PUBLISHER_H
#define SPOOL_PUBLISHER_H

#include "journal.h"

struct publisher;
bool publisher_open(struct journal *journal, const struct spool_settings *settings, struct publisher **out,
                    struct error *err) MUST_CHECK;
void publisher_wake(struct publisher *publisher);
/* The disk went wrong, others found: nothing is held open on it until there is something to publish. */
void publisher_let_go(struct publisher *publisher);
/* Why what is in the journal cannot be made into files now; ERROR_NONE: it can, as far as is known. Any thread. */
void publisher_trouble(struct publisher *publisher, struct error *out);
void publisher_close(struct publisher *publisher);      /* NULL is allowed */

#endif
