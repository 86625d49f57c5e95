/* The decision hidden here: what is not set is below the root, in the tree that the relay fills. */
#include "paths.h"

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
