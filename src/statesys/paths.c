/* The decision hidden here: what is not set is below the root, in the tree that the relay fills. */
#include "paths.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static bool write_incoming(struct paths *paths, const char *inbox, struct error *err)
{
    return daemon_path(paths->incoming[QUEUE_NORMAL], inbox, "/incoming", err) &&
           daemon_path(paths->incoming[QUEUE_HIGH], inbox, "/incoming/high", err) &&
           daemon_path(paths->incoming[QUEUE_LOW], inbox, "/incoming/low", err);
}

static bool write_inbox(struct paths *paths, const struct settings *settings, struct error *err)
{
    char inbox[DAEMON_PATH_SIZE];
    return daemon_choose_path(inbox, settings->inbox, settings->root, "/inboxes/auth/statesys.box", err) &&
           write_incoming(paths, inbox, err) && daemon_path(paths->process, inbox, "/process", err) &&
           daemon_choose_path(paths->corrupt, settings->corrupt_dir, inbox, "/corrupt", err) &&
           daemon_path(paths->retry, inbox, "/retry", err) && daemon_path(paths->outgoing, inbox, "/outgoing", err) &&
           daemon_choose_path(paths->resync, settings->resync_dir, inbox, "/outgoing/resync", err);
}

static void write_directory(const char *file, char out[DAEMON_PATH_SIZE])
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        (void)snprintf(out, DAEMON_PATH_SIZE, ".");
    else
        (void)snprintf(out, DAEMON_PATH_SIZE, "%.*s", slash == file ? 1 : (int)(slash - file), file);
}

/* Without the scheme that a file may have. */
static bool write_database(struct paths *paths, const struct settings *settings, struct error *err)
{
    static const char scheme[] = "sqlite:";
    const char *chosen = settings->database;
    if (chosen != NULL && strncmp(chosen, scheme, sizeof scheme - 1) == 0)
        chosen += sizeof scheme - 1;
    if (!daemon_choose_path(paths->database, chosen, settings->root, "/db/statesys.db", err))
        return false;
    if (strstr(paths->database, "://") == NULL)
        write_directory(paths->database, paths->database_directory);
    return true;
}

bool paths_write(const struct settings *settings, struct paths *out, struct error *err)
{
    *out = (struct paths){.parent_inbox = settings->parent_inbox};
    return write_inbox(out, settings, err) && write_database(out, settings, err) &&
           daemon_choose_path(out->logs, settings->log_dir, settings->root, "/logs", err) &&
           daemon_path(out->log, out->logs, "/statesys.log", err);
}

/* ---- the parent's inbox ---- */

enum { LOOK = O_PATH | O_DIRECTORY | O_CLOEXEC };

/* The directory, or if it is not there the next above that is. -1: none can be looked at. */
static int open_nearest(const char *path, bool *itself)
{
    char text[DAEMON_PATH_SIZE];
    *itself = true;
    (void)snprintf(text, sizeof text, "%s", path);
    for (;;) {
        const int fd = sys.openat(AT_FDCWD, text, LOOK, 0);
        char *slash = strrchr(text, '/');
        if (fd >= 0 || errno != ENOENT || slash == NULL || slash == text)
            return fd;
        *itself &= slash[1] == '\0';
        *slash = '\0';
    }
}

static bool is_own(const struct paths *paths, const struct sys_identity *identity, bool itself)
{
    const char *const own[] = {paths->incoming[QUEUE_HIGH],
                               paths->incoming[QUEUE_NORMAL],
                               paths->incoming[QUEUE_LOW],
                               paths->process,
                               paths->retry,
                               paths->outgoing,
                               paths->corrupt};
    const size_t count = itself ? sizeof own / sizeof own[0] : QUEUES;
    size_t i = 0;
    while (i < count && !sys_is_at(identity, own[i]))
        i++;
    return i < count;
}

/* Looks at a directory and all above it; its descriptor is closed. By what they are, for a path may lead anywhere. */
static bool is_within_own(const struct paths *paths, int fd, bool itself)
{
    struct sys_identity below = {0}, at;
    bool own = false;
    while (fd >= 0 && sys_identify(fd, &at) && (at.device != below.device || at.inode != below.inode)) {
        own |= is_own(paths, &at, itself);
        itself = false;
        below = at;
        const int above = own ? -1 : sys.openat(fd, "..", LOOK, 0);
        (void)sys.close(fd);            /* only looked at */
        fd = above;
    }
    if (fd >= 0)
        (void)sys.close(fd);            /* the same */
    return own;
}

bool paths_check_parent(const struct paths *paths, const char *parent, struct error *err)
{
    bool itself;
    if (parent == NULL)
        return true;
    const int nearest = open_nearest(parent, &itself);
    return !is_within_own(paths, nearest, itself) ||
           error_set(err, ERROR_MALFORMED,
                     "parent-inbox leads into this site's own inbox, where each file would be loaded and delivered for "
                     "ever: give incoming/ of the parent site, not %s",
                     parent);
}
