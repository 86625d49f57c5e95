/*
 * What an operator wants to know of the inbox and its disk, looked at by a thread of its own: so who asks waits a moment
 * only, even where a disk hangs. The same thread says now and then how things are (stats-interval).
 *
 * What it hides: how often is looked: when somebody asks, at the disk at most once a second, at the files at most once in
 * 10 seconds and so seldom that it takes at most a twentieth of the time.
 * Calling sequence: lookout_open (its thread begins), lookout_look from any thread, lookout_close, which waits for a look
 * under way. The names of the directories are copied. `tell` is called from the thread, after a fresh look.
 */
#ifndef MPRELAY_LOOKOUT_H
#define MPRELAY_LOOKOUT_H

#include "base/error.h"
#include "spool/inbox.h"

enum { LOOKOUT_QUEUES = 3, LOOKOUT_MOST_FILES = 100000 };     /* counted of a queue; there may be more */

/* An error of the kind ERROR_NONE: nothing is wrong, and what stands behind it is filled. */
struct lookout_view {
    int64_t taken; /* sys_ticks; 0: nothing was looked at yet */
    struct error disk;
    uint64_t free_bytes;
    uint64_t free_inodes;
    bool counts_inodes; /* else there is no bound */
    bool read_only;
    struct error inbox;
    struct inbox_survey queues[LOOKOUT_QUEUES];
};

struct lookout_settings {
    const char *queues[LOOKOUT_QUEUES]; /* directories; the disk is that of the first */
    int64_t interval; /* microseconds; 0: nothing is told */
    void (*tell)(void *owner, const struct lookout_view *view);
    void *owner;
};

struct lookout;
bool lookout_open(const struct lookout_settings *settings, struct lookout **out, struct error *err) MUST_CHECK;
/* The latest; *hangs: microseconds for which a look has been under way now, 0 for none. */
void lookout_look(struct lookout *lookout, struct lookout_view *out, int64_t *hangs);
/* Other directories from now on. */
void lookout_turn(struct lookout *lookout, const char *const queues[LOOKOUT_QUEUES]);
void lookout_set_interval(struct lookout *lookout, int64_t interval);
void lookout_close(struct lookout *lookout); /* NULL is allowed */

#endif
