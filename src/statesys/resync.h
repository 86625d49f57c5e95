/*
 * Asking clients for a resync (spec/statesys.md 4.3): the check that is made every Resync Check Interval.
 *
 * What it hides: when nobody is asked because of a backlog; the order in which file and database are written; what a
 * request says; and which requests are taken back. Who needs one is the store's to find.
 *
 * A request is there before the database says that it was issued: a client that is asked twice after a crash does no
 * harm, one that is held to be asked and never was would wait for Min Resync Period.
 */
#ifndef STATESYS_RESYNC_H
#define STATESYS_RESYNC_H

#include "duty.h"

/* False: a database or a disk that failed; what was asked before that stays asked. */
bool resync_check(const struct duty *duty, struct error *err) MUST_CHECK;

/* The lines of a request; returns their length. Pure. */
enum { RESYNC_TEXT_SIZE = 256 };
size_t resync_write(const struct store_resync *resync, int64_t now, char out[RESYNC_TEXT_SIZE]);

#endif
