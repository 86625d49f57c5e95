/*
 * Summary tasks, once a day: SUM Delete Aged Status removes states that nobody reported again for state-keep, Delete
 * Aged Processed Files forgets files that were loaded before processed-keep (spec/statesys.md 1.5, 5).
 *
 * What it hides: the pieces in which they work, and their lines in the log.
 */
#ifndef STATESYS_TASKS_H
#define STATESYS_TASKS_H

#include "duty.h"

bool tasks_delete_states(const struct duty *duty, struct error *err) MUST_CHECK;
bool tasks_forget_files(const struct duty *duty, struct error *err) MUST_CHECK;

#endif
