/* Where everything of the state system is, from its settings. Source of the places: spec/smx.md 3. */
#ifndef STATESYS_PATHS_H
#define STATESYS_PATHS_H

#include "base/daemon.h"
#include "settings.h"

enum { QUEUE_HIGH, QUEUE_NORMAL, QUEUE_LOW, QUEUES }; /* in the order in which they are read */

struct paths {
    char incoming[QUEUES][DAEMON_PATH_SIZE];
    char process[DAEMON_PATH_SIZE];
    char corrupt[DAEMON_PATH_SIZE];
    char retry[DAEMON_PATH_SIZE];
    char outgoing[DAEMON_PATH_SIZE];
    const char *parent_inbox; /* NULL: no parent site */
    char resync[DAEMON_PATH_SIZE];
    char database[DAEMON_PATH_SIZE];           /* a path, or a URL */
    char database_directory[DAEMON_PATH_SIZE]; /* empty: it is no file */
    char logs[DAEMON_PATH_SIZE];
    char log[DAEMON_PATH_SIZE];
};

/* ERROR_MALFORMED: one is too long. */
bool paths_write(const struct settings *settings, struct paths *out, struct error *err) MUST_CHECK;
/* ERROR_MALFORMED: that parent's inbox (NULL: none) is one of our own directories, or lies in one that we load from:
 * each file would come back. One that is not there is judged by what of its path is. */
bool paths_check_parent(const struct paths *paths, const char *parent, struct error *err) MUST_CHECK;

#endif
