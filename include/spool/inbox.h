/*
 * The inbox: the reading side of the spool. Directories into which others put files, as queues.
 *
 * What it hides: which files count, their order, how a file comes to belong to one reader alone, where files lie that
 * are being worked on, cannot be loaded or wait for another try, and how several readers share one inbox. It does not
 * know what a report is.
 *
 * A file counts if its name ends in .smx or .smw (any case), does not begin with a dot and is a regular file. Order
 * is bytewise on the upper-cased name. Nobody lists a queue of millions as a whole: inbox_list keeps no more than the
 * first `most` names in memory, and no more of each than it is long.
 *
 * Readers: each has a directory of its own, process/<n>/, locked (process/<n>/lock) as long as it is open; in it one
 * directory for each queue, process/<n>/<queue>/. Where the lock is free the reader is gone, and what it had in hand
 * goes back to the queues. All directories lie on one file system, which must know locks.
 *
 * Tries: how often a file was tried is part of its name, so that it goes with the file wherever that goes: NAME.smx
 * waits as retry/NAME.retry-<tries>-<queue>-<due>.smx and comes back to its queue as NAME.retry-<tries>.smx.
 * Where a name is taken, a number goes before its end: NAME.1.smx, NAME.2.smx. Nothing is ever overwritten.
 *
 * Calling sequence: inbox_open; inbox_recover until it succeeds; then for ever inbox_bring_due, inbox_list, for each
 * entry inbox_claim, inbox_read and one of inbox_remove, inbox_reject, inbox_retry, inbox_return; inbox_sync,
 * inbox_trim. inbox_close. One thread at a time opens, recovers, brings, lists, trims; claims, reads and ends may be
 * called from any thread at the same time, each for files of its own.
 * Errors: ERROR_SYSTEM, ERROR_NO_SPACE and ERROR_NO_MEMORY, and what is said below. After false a file is where it
 * was: a claimed one still in hand. After a crash it is in exactly one place, and only inbox_remove and inbox_trim
 * make one go away. (Where the file system cannot rename without replacing, a crash may leave it in two, and it is
 * loaded twice.)
 * Source of names and places: spec/smx.md 2, 3; spec/statesys.md 1.
 */
#ifndef SPOOL_INBOX_H
#define SPOOL_INBOX_H

#include "base/error.h"
#include "base/mem.h"

#include <limits.h>
#include <stdint.h>

enum { INBOX_MOST_QUEUES = 4, INBOX_MOST_READERS = 64 };

struct inbox_settings {
    const char *queues[INBOX_MOST_QUEUES];  /* directories, made if missing; the strings stay the caller's and valid */
    size_t queue_count;
    const char *process;                    /* files in hand */
    const char *corrupt;                    /* files that cannot be loaded, each with its reason beside it */
    const char *retry;                      /* files that wait for another try */
    uint64_t corrupt_most;                  /* files kept there, oldest removed first */
    int64_t corrupt_age;                    /* microseconds kept there; 0: for ever */
};

/* A file that waits in a queue. */
struct inbox_entry {
    const char *name;
    uint64_t size;
    int64_t modified;                       /* microseconds since 1970 */
    unsigned queue;
    unsigned tries;                         /* that failed before */
};

/* A file in hand: the caller's alone. */
struct inbox_file {
    char name[NAME_MAX + 1];                /* that it has in process/ */
    unsigned queue;
    unsigned tries;
};

struct inbox;
/* ERROR_BUSY: it has INBOX_MOST_READERS already. */
bool inbox_open(const struct inbox_settings *settings, struct inbox **out, struct error *err) MUST_CHECK;
void inbox_close(struct inbox *inbox);      /* NULL is allowed; what is in hand goes back with the next recovery */
/* As in the settings, for inbox_trim. */
void inbox_set_limits(struct inbox *inbox, uint64_t corrupt_most, int64_t corrupt_age);

/* Puts back what readers that are gone had in hand, and what lies in process/ itself (into the first queue). Before the
 * first claim, because the reader that had our number before us is one of them; then as often as wanted, for those who
 * have gone since. */
bool inbox_recover(struct inbox *inbox, uint64_t *count, struct error *err) MUST_CHECK;
/* Puts back what is due in retry/: by its name; a name without the mark is due at once, for the first queue. */
bool inbox_bring_due(struct inbox *inbox, int64_t now, uint64_t *count, struct error *err) MUST_CHECK;

/* The first `most` files of a queue, in order, with their names in one piece of memory that the caller releases
 * with sys.release. *count is 0, and *out NULL, only if there is none. What this process has claimed is not there
 * any more. */
bool inbox_list(struct inbox *inbox, unsigned queue, size_t most, struct inbox_entry **out, size_t *count,
                struct error *err) MUST_CHECK;

/* True: it lies in process/ now and belongs to the caller, as `file` says. `name` is what it shall be called there
 * (NULL: as it is), with .smx or .smw at its end. ERROR_NOT_FOUND: somebody else took it. */
bool inbox_claim(struct inbox *inbox, const struct inbox_entry *entry, const char *name, struct inbox_file *file,
                 struct error *err) MUST_CHECK;
/* ERROR_TOO_BIG over the buffer's maximum; ERROR_MALFORMED: it is no regular file, and never will be. */
bool inbox_read(struct inbox *inbox, const struct inbox_file *file, struct buffer *out, struct error *err) MUST_CHECK;
/* When its content was last written to, microseconds since 1970. */
bool inbox_modified(struct inbox *inbox, const struct inbox_file *file, int64_t *out, struct error *err) MUST_CHECK;
/* The name without what it says of its tries. */
void inbox_plain_name(const struct inbox_file *file, char out[NAME_MAX + 1]);

/* The ends of a claimed file. They survive a power cut after inbox_sync, which the caller calls once for many. */
bool inbox_remove(struct inbox *inbox, const struct inbox_file *file, struct error *err) MUST_CHECK;
/* To corrupt/, with time and reason as one line of ASCII in NAME.smx.why, which is there before the file is. */
bool inbox_reject(struct inbox *inbox, const struct inbox_file *file, const char *why, struct error *err) MUST_CHECK;
/* To retry/, to be due at `due` (microseconds since 1970); `tries` is what it will have failed until then. */
bool inbox_retry(struct inbox *inbox, const struct inbox_file *file, unsigned tries, int64_t due,
                 struct error *err) MUST_CHECK;
/* Back to its queue: nothing was done with it. */
bool inbox_return(struct inbox *inbox, const struct inbox_file *file, struct error *err) MUST_CHECK;
/* To another queue, without what its name says of its tries. */
bool inbox_forward(struct inbox *inbox, const struct inbox_file *file, unsigned queue, struct error *err) MUST_CHECK;
bool inbox_sync(struct inbox *inbox, struct error *err) MUST_CHECK;

/* Removes what is too old or too much in corrupt/, with the reasons. Apart from inbox_reject, because it reads the
 * whole directory: for the end of a round. At most 10,000 files too much at once. What has no reason beside it is not
 * ours: it is neither removed nor counted. */
bool inbox_trim(struct inbox *inbox, int64_t now, uint64_t *removed, struct error *err) MUST_CHECK;

/* What waits in a directory, for those who only look, whoever reads it. */
struct inbox_survey {
    uint64_t count;                         /* at most as many as were asked for: then there may be more */
    int64_t oldest;                         /* microseconds since 1970, by modification; INT64_MAX: none waits */
};
/* Counts up to `most` files, at least 1. Any thread, no struct inbox needed. */
bool inbox_survey(const char *directory, uint64_t most, struct inbox_survey *out, struct error *err) MUST_CHECK;

/* ---- for an operator: no struct inbox is needed, and nobody is in the way of the readers ---- */

#define INBOX_WHY ".why"                    /* behind the name of a file in corrupt/: its reason */
enum { INBOX_USUAL_QUEUE = 1 };             /* of queues that are in the order high, normal, low */

struct inbox_seen {
    const char *directory;                  /* valid in `each` only, as the name */
    const char *name;
    uint64_t size;
    int64_t modified;                       /* microseconds since 1970, as the next */
    int64_t due;                            /* in retry/; 0: at once */
    unsigned tries;
};

struct inbox_looker {
    void (*each)(void *owner, const struct inbox_seen *seen);   /* in no order */
    void *owner;
};

/* The files that count in one directory. ERROR_SYSTEM with os ENOENT: there is no such directory. */
bool inbox_look(const char *directory, struct inbox_looker looker, struct error *err) MUST_CHECK;
/* The same for process/: what all readers have in hand, and what lies beside it. */
bool inbox_look_process(const char *process, struct inbox_looker looker, struct error *err) MUST_CHECK;
/* Why a file lies in corrupt/. */
bool inbox_read_why(const char *directory, const char *name, struct buffer *out, struct error *err) MUST_CHECK;
/* Puts a file of retry/ or corrupt/ back: into the queue that it came from where its name says so, else into the usual
 * one; under its own name, with a number if that is taken. It survives a power cut. ERROR_NOT_FOUND: it is not there
 * (any more); ERROR_MALFORMED: that is no name of one. */
bool inbox_requeue(const char *directory, const char *name, const char *const *queues, size_t queue_count,
                   struct error *err) MUST_CHECK;
#endif
