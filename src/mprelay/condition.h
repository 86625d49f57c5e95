/*
 * The relay as an operator sees it: ready or not and why, its figures on a page and in the log (stats-interval), and the
 * admin listener that shows them (base/admin.h). What is shown and when it is not ready: mprelay(8).
 *
 * Calling sequence: condition_open when the spool is open; it takes the address of admin-listen. condition_enter at each
 * phase; condition_turn before a relay is closed that another has followed (generation.h); condition_note_reload after
 * each try to read the settings again. condition_close before the spool is closed.
 */
#ifndef MPRELAY_CONDITION_H
#define MPRELAY_CONDITION_H

#include "facts.h"
#include "handover.h"
#include "relay.h"

struct condition;
/* As starting. The relay stays the caller's and valid, until another takes its part. The socket that listens is the one
 * that the service manager hands in as `admin`, or is given (handover.h), or a new one. */
bool condition_open(const struct relay *relay, const struct settings *settings, struct handover_sockets *given,
                    struct condition **out, struct error *err) MUST_CHECK;
/* When it returns nothing is asked of the relay before any more. */
void condition_turn(struct condition *condition, const struct relay *relay);
/* As it is given to who takes our place; and then, that operators ask there. */
void condition_write_socket(const struct condition *condition, struct handover_sockets *out);
void condition_give_up(struct condition *condition);
void condition_enter(struct condition *condition, enum facts_phase phase); /* NULL is allowed */
/* NULL: they were refused. */
void condition_note_reload(struct condition *condition, const struct settings *settings);
void condition_close(struct condition *condition); /* NULL is allowed */

#endif
