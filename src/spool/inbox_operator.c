/*
 * The decision hidden here: what an operator may do with the files of the inbox while the state system works on it.
 *
 * Looking takes no lock and makes no directory. A file goes back by one rename that replaces nothing, as everything in
 * the inbox moves; its reason goes after it, so a crash in between leaves a reason more, never one less.
 */
#include "base/sys.h"
#include "inbox_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static bool open_place(const char *directory, struct inbox_place *out, struct error *err)
{
    *out = (struct inbox_place){.path = directory};
    out->fd = sys.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    return out->fd >= 0 || error_os(err, "cannot open the directory '%s'", directory);
}

/* ---- looking ---- */

struct looking {
    const struct inbox_place *place;
    struct inbox_looker looker;
};

static bool look_at(void *owner, const char *name, struct error *err)
{
    const struct looking *looking = owner;
    struct inbox_name parts;
    struct stat status;
    if (!inbox_name_counts(name))
        return true;
    if (sys.fstatat(looking->place->fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || error_os(err, "cannot look at '%.80s' in '%s'", name, looking->place->path);
    inbox_name_parse(name, &parts);
    const struct inbox_seen seen = {
        .directory = looking->place->path,
        .name = name,
        .size = (uint64_t)status.st_size,
        .modified = (int64_t)status.st_mtim.tv_sec * 1000000 + status.st_mtim.tv_nsec / 1000,
        .tries = parts.tries,
        .due = parts.waits ? parts.due : 0,
    };
    looking->looker.each(looking->looker.owner, &seen);
    return true;
}

bool inbox_look(const char *directory, struct inbox_looker looker, struct error *err)
{
    struct inbox_place place;
    if (!open_place(directory, &place, err))
        return false;
    struct looking looking = {&place, looker};
    const bool looked = inbox_place_scan(&place, (struct inbox_visitor){look_at, &looking}, err);
    inbox_place_close(&place);
    return looked;
}

/* A reader that is not there has nothing in hand. */
bool inbox_look_process(const char *process, struct inbox_looker looker, struct error *err)
{
    enum { DIRECTORIES = INBOX_MOST_READERS * INBOX_MOST_QUEUES };
    char path[PATH_MAX];
    bool looked = inbox_look(process, looker, err);
    for (unsigned i = 0; i < DIRECTORIES && looked; i++) {
        const int len =
            snprintf(path, sizeof path, "%s/%u/%u", process, i / INBOX_MOST_QUEUES + 1, i % INBOX_MOST_QUEUES);
        looked = len < (int)sizeof path && (inbox_look(path, looker, err) || err->os == ENOENT);
    }
    return looked;
}

bool inbox_read_why(const char *directory, const char *name, struct buffer *out, struct error *err)
{
    struct inbox_place place;
    char why[NAME_MAX + sizeof INBOX_WHY];
    if (!open_place(directory, &place, err))
        return false;
    (void)snprintf(why, sizeof why, "%s" INBOX_WHY, name);
    const bool read = sys_read_file(place.fd, why, out, err);
    inbox_place_close(&place);
    return read;
}

/* ---- putting back ---- */

/* From retry/ with its tries, as when it is due; from corrupt/ it begins anew. */
static void name_anew(const char *text, struct inbox_name *out)
{
    inbox_name_parse(text, out);
    if (!out->waits)
        out->tries = 0;
    out->waits = false;
}

static bool put_back(struct inbox_place *from, const char *name, struct inbox_place *to, struct error *err)
{
    struct inbox_name as;
    char why[NAME_MAX + sizeof INBOX_WHY];
    name_anew(name, &as);
    if (!inbox_place_put(from, name, to, &as, err))
        return false;
    (void)snprintf(why, sizeof why, "%s" INBOX_WHY, name);
    (void)sys.unlinkat(from->fd, why, 0); /* one that stays grows old */
    return inbox_place_sync(to, err) && inbox_place_sync(from, err);
}

bool inbox_requeue(const char *directory, const char *name, const char *const *queues, size_t queue_count,
                   struct error *err)
{
    struct inbox_place from;
    struct inbox_place to;
    struct inbox_name parts;
    if (strchr(name, '/') != NULL || strlen(name) > NAME_MAX || !inbox_name_counts(name))
        return error_set(err, ERROR_MALFORMED, "'%.80s' is no name of a file in the inbox", name);
    inbox_name_parse(name, &parts);
    const size_t queue = parts.waits && parts.queue < queue_count ? parts.queue : INBOX_USUAL_QUEUE;
    if (!open_place(directory, &from, err))
        return false;
    bool done = open_place(queues[queue], &to, err);
    if (done) {
        done = put_back(&from, name, &to, err);
        inbox_place_close(&to);
    }
    inbox_place_close(&from);
    return done;
}
