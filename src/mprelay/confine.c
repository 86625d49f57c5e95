/* The decision hidden here: of a file that others replace the directory is kept, since a new file is another one. */
#include "confine.h"

#include "base/sys.h"
#include "keyring.h"

#include <stdio.h>
#include <string.h>

enum { MOST_PLACES = 16 + 64 };

struct places {
    struct sandbox_place at[MOST_PLACES];
    size_t count;
    char parents[MOST_PLACES][DAEMON_PATH_SIZE];
    size_t parent_count;
};

static void add(struct places *places, const char *path, enum sandbox_use use)
{
    if (places->count < MOST_PLACES)
        places->at[places->count++] = (struct sandbox_place){path, use};
}

static void add_parent(struct places *places, const char *path, enum sandbox_use use)
{
    if (path == NULL || places->parent_count == MOST_PLACES)
        return;
    char *parent = places->parents[places->parent_count++];
    const char *slash = strrchr(path, '/');
    const int len = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    (void)snprintf(parent, DAEMON_PATH_SIZE, "%.*s", len, slash == NULL ? "." : path);
    add(places, parent, use);
}

static bool make_directories(const struct generation *paths, const struct settings *settings, const char *logs,
                             struct error *err)
{
    for (int i = 0; i < 3; i++)
        if (!sys_make_directory(paths->outboxes[i], err))
            return false;
    return sys_make_directory(settings->root, err) && sys_make_directory(logs, err);
}

/* What is wrong with it keyring_prepare says. */
static void add_keys(struct places *places, const struct settings *settings)
{
    static char directory[DAEMON_PATH_SIZE];
    struct error ignored;
    if (!keyring_is_used(settings) || !keyring_path(settings, directory, &ignored) ||
        !sys_make_directory(directory, &ignored))
        return;
    add(places, directory, keyring_is_written(settings) ? SANDBOX_WRITE : SANDBOX_READ);
}

bool confine_files(const struct settings *settings, const char *logs, const char *config_file, struct sandbox *sandbox,
                   struct error *err)
{
    static struct generation paths;
    static struct places places;
    struct error ignored;
    places.count = places.parent_count = 0;
    if (!generation_write_paths(&paths, settings, err) || !make_directories(&paths, settings, logs, err))
        return false;
    add(&places, settings->root, SANDBOX_WRITE);
    add(&places, logs, SANDBOX_WRITE);
    for (int i = 0; i < 3; i++)
        add(&places, paths.outboxes[i], SANDBOX_WRITE);
    if (settings->journal_size > 0 && sys_make_directory(paths.journal, &ignored))     /* the spool says why not */
        add(&places, paths.journal, SANDBOX_WRITE);
    add_keys(&places, settings);
    add(&places, settings->resync_dir, SANDBOX_READ);
    add_parent(&places, settings->async_reply.rest, SANDBOX_READ);
    add_parent(&places, settings->mp_certificate, SANDBOX_READ);
    add_parent(&places, config_file, SANDBOX_READ);
    for (size_t i = 0; i < settings->listen.count; i++)
        if (strncmp(settings->listen.at[i], "unix:", 5) == 0)
            add_parent(&places, settings->listen.at[i] + 5, SANDBOX_UNLINK);
    sandbox_limit_files(sandbox, places.at, places.count);
    return true;
}
