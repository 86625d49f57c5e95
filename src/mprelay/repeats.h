/*
 * Which messages were kept a short while ago, so that one that comes again byte for byte is not kept twice (spec/wire.md
 * 3.5).
 *
 * What it hides: a table of fixed size with the newest entries; where it is full the oldest makes room, so it costs the
 * same whatever is sent, and only its pages in use take memory. Nothing of it is on a disk: after a restart no message
 * is known.
 * Calling sequence: repeats_open before there are threads, one for the whole life of the program; a message is looked
 * for with repeats_find before it is kept, and noted with repeats_add when it is durable and not before: one that comes
 * while the first is on its way is not found, and kept a second time. Any thread may call both; each holds a lock for
 * less than a microsecond. The time is the caller's, of a clock that never steps.
 */
#ifndef MPRELAY_REPEATS_H
#define MPRELAY_REPEATS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { REPEATS_MOST = 65536, REPEATS_MARK_SIZE = 32 };

/* A hash of all that must be the same; from a cryptographic function, so that nobody makes two that are. */
struct repeats_mark {
    unsigned char bytes[REPEATS_MARK_SIZE];
};

struct repeats;

/* For at most so many messages, 1 to REPEATS_MOST. */
bool repeats_open(size_t most, struct repeats **out, struct error *err) MUST_CHECK;
void repeats_close(struct repeats *repeats);    /* NULL is allowed */

/* Was it noted later than `window` before `now`? */
bool repeats_find(struct repeats *repeats, const struct repeats_mark *mark, int64_t now, int64_t window);
void repeats_add(struct repeats *repeats, const struct repeats_mark *mark, int64_t now);

#endif
