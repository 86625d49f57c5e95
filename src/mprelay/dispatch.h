/*
 * mprelay --dispatch: brings the files of an outbox, of a relay on another machine, to the inbox of the state system
 * (spec/smx.md 3).
 *
 * What it hides: its log, what it gives up once started, how often is looked for files and how it is stopped. What becomes
 * of a file is carrier.h. Called once, instead of all that a relay does; it returns the exit status: 0; 75, not all could
 * be moved; 78, it could not start.
 */
#ifndef MPRELAY_DISPATCH_H
#define MPRELAY_DISPATCH_H

#include "base/config.h"

/* `only_checks`: says whether it would start. */
int dispatch_main(const struct config *config, bool only_checks);

#endif
