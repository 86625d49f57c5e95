/*
 * The loader: takes the files of the inbox and puts them into the store (spec/statesys.md 1).
 *
 * What it hides: waking up (inotify with a pause, polling), rounds, chunks, the threads "State Message Processing
 * Thread #n" and which files go to which of them, the turns of the three priorities, what becomes of a file that is
 * bad, half written, refused by the database or loaded, delivery to the parent site, and the lines of the log that
 * tell of all this.
 *
 * Calling sequence: loader_open, loader_start (its thread begins), loader_wake after a reload, loader_stop. Settings
 * come from site->force, anew for each round. loader_stop ends the round in hand: chunks that are in the database are
 * finished, all other files go back to the inbox.
 */
#ifndef STATESYS_LOADER_H
#define STATESYS_LOADER_H

#include "site.h"

struct loader;
bool loader_open(struct site *site, struct loader **out, struct error *err) MUST_CHECK;
bool loader_start(struct loader *loader, struct error *err) MUST_CHECK;
void loader_wake(struct loader *loader);
/* NULL is allowed, and one that was not started; frees it. It waits as long as the database has a chunk (ending.h). */
void loader_stop(struct loader *loader);

#endif
