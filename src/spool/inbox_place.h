/*
 * A directory of the inbox: opened once, read in one pass, files moved into it without overwriting, synced if changed.
 * And the inbox as its parts see it: those directories.
 */
#ifndef SPOOL_INBOX_PLACE_H
#define SPOOL_INBOX_PLACE_H

#include "base/sys.h"
#include "inbox_name.h"

#include <pthread.h>

struct inbox_place {
    const char *path;                   /* the caller's */
    int fd;                             /* -1: not open */
    struct sys_identity identity;       /* of what is open */
    _Atomic uint64_t changes;           /* so many, */
    _Atomic uint64_t synced;            /* and so many of them survive a power cut */
};

struct inbox {
    struct inbox_settings settings;
    struct inbox_place queues[INBOX_MOST_QUEUES];
    struct inbox_place hand[INBOX_MOST_QUEUES];     /* process/<reader>/<queue>; its path is that of process/ */
    struct inbox_place process;
    struct inbox_place corrupt;
    struct inbox_place retry;
    unsigned reader;                    /* our number, */
    int lock_fd;                        /* held */
    bool recovered;                     /* nothing in hand is another reader's */
    pthread_mutex_t lock;               /* from the look for a free name to its use */
};

/* `below` is a path in it, "." itself. On false *fd is -1. */
bool inbox_place_open(const struct inbox_place *place, const char *below, int *fd, struct error *err) MUST_CHECK;
void inbox_place_close(struct inbox_place *place);
bool inbox_place_sync(struct inbox_place *place, struct error *err) MUST_CHECK;

struct inbox_visitor {
    bool (*each)(void *owner, const char *name, struct error *err);
    void *owner;
};

/* Calls `each` for every regular file whose name does not begin with a dot, in no order, until it says false.
 * Files that come and go meanwhile may be among them or not. */
bool inbox_place_scan(const struct inbox_place *place, struct inbox_visitor visitor, struct error *err) MUST_CHECK;

/* As inbox_list, those behind `after` in the order of names; NULL: from the first on. *more: there may be others behind
 * them. */
bool inbox_place_list(const struct inbox_place *place, const char *after, size_t most, struct inbox_entry **out,
                      size_t *count, bool *more, struct error *err) MUST_CHECK;

/* As renameat2 with RENAME_NOREPLACE, on every file system. 0, or -1 and errno. */
int inbox_place_move(const struct inbox_place *from, const char *name, const struct inbox_place *to, const char *as);

/* Moves it under that name, with a number if the name is taken. ERROR_NOT_FOUND: it is not there any more. */
bool inbox_place_put(struct inbox_place *from, const char *name, struct inbox_place *to, const struct inbox_name *as,
                     struct error *err) MUST_CHECK;

/* Settings may have changed since a file's queue was noted. */
struct inbox_place *inbox_queue(struct inbox *inbox, unsigned queue);

/* Finds a number that no reader has, makes its directories and locks them. */
bool inbox_reader_open(struct inbox *inbox, struct error *err) MUST_CHECK;

enum { INBOX_MOST_NUMBER = 1000000 };   /* of files with one name */

#endif
