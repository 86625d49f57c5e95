/*
 * A mover: brings files from one directory, an outbox, into others, inboxes, also to another file system or machine.
 *
 * What it hides: the order of steps. A file is read, delivered whole and durable under its own name (deliver.h), and only
 * then removed where it was; many at a time, in the order of their names. Whatever fails, and wherever a mover is killed,
 * the file is in one place at least, and never half. What is there already with the same name and the same bytes is the
 * file: so one that was delivered but not yet removed is not delivered twice, unless somebody took it there meanwhile.
 * Several movers of one directory harm nothing but each other's time. Where a disk is not mounted, or goes away in the
 * middle of a turn, nothing is put below its mount point.
 *
 * Which files count, and their order, is as in an inbox (inbox.h). Where a name is taken by another file, a number goes
 * before its end. A file that changed while it was read stays; one that is replaced before it is removed stays, too.
 * What could not be removed is not delivered again by this mover, but tried to be removed first.
 *
 * Calling sequence: mover_open; mover_turn as often as wanted, which opens the directories anew: so a disk may come and
 * go; mover_close. One thread. The callbacks are called within mover_turn.
 * Errors of a turn: nothing more can be moved now, ERROR_SYSTEM, ERROR_NO_SPACE, ERROR_NO_MEMORY. What was moved before
 * stays moved.
 */
#ifndef SPOOL_MOVER_H
#define SPOOL_MOVER_H

#include "base/error.h"
#include "base/mem.h"

enum { MOVER_MOST_QUEUES = 3, MOVER_STAYS = MOVER_MOST_QUEUES };

struct mover_events {
    /* Where does it go? An index of `to`; MOVER_STAYS: not now. `age` is the time since it was last written to, by the
     * clock of its own file system, microseconds. */
    unsigned (*judge)(void *owner, struct span content, int64_t age);
    void (*moving)(void *owner, unsigned to, size_t count);     /* so many now, */
    void (*moved)(void *owner, unsigned to, const char *name, const char *as);  /* and each of them that is there */
    /* This one cannot be moved now; those behind it are tried all the same. */
    void (*failed)(void *owner, const char *name, const struct error *err);
    bool (*goes_on)(void *owner);       /* false: the turn ends at the next file */
    void *owner;
};

struct mover_settings {
    const char *from;
    const char *to[MOVER_MOST_QUEUES];  /* without one of them nothing is moved to any */
    size_t most_bytes;                  /* of a file */
    struct mover_events events;
};

/* False: others than owner and group may write there, and so bring anything in anybody's name; or that cannot be told. Of a
 * directory that is not there nothing is said. */
bool mover_check(const char *directory, struct error *err) MUST_CHECK;

struct mover;
/* The settings' strings stay the caller's and valid. */
bool mover_open(const struct mover_settings *settings, struct mover **out, struct error *err) MUST_CHECK;
/* Looks at the next files, some thousands at most. *more: there may be more behind them, for the next turn; else that
 * begins with the first again. */
bool mover_turn(struct mover *mover, bool *more, struct error *err) MUST_CHECK;
void mover_close(struct mover *mover);  /* NULL is allowed */

#endif
