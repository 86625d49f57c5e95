/* The decision hidden here: a file is moved so that neither a crash nor another reader makes two of it or none. */
#include "inbox_place.h"

#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>

bool inbox_place_open(const struct inbox_place *place, const char *below, int *fd, struct error *err)
{
    *fd = sys.openat(place->fd, below, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    return *fd >= 0 || error_os(err, "cannot open the directory '%s' of '%s'", below, place->path);
}

void inbox_place_close(struct inbox_place *place)
{
    if (place->fd >= 0)
        (void)sys.close(place->fd);     /* a directory read from: nothing is lost */
    place->fd = -1;
}

bool inbox_place_sync(struct inbox_place *place, struct error *err)
{
    const uint64_t changes = place->changes;    /* what changes meanwhile is for the next one */
    if (changes == place->synced)
        return true;
    if (sys_fsync(place->fd) != 0)
        return error_os(err, "cannot sync the directory '%s'", place->path);
    place->synced = changes;            /* if another thread was faster: once too often is harmless */
    return true;
}

struct inbox_place *inbox_queue(struct inbox *inbox, unsigned queue)
{
    const size_t last = inbox->settings.queue_count - 1;
    return &inbox->queues[queue < last ? queue : last];
}

/* ---- reading ---- */

/* Some file systems do not say in the directory what is a file. */
static bool is_regular(const struct inbox_place *place, const struct dirent64 *entry, bool *out, struct error *err)
{
    struct stat status = {0};
    if (entry->d_type != DT_UNKNOWN)
        *out = entry->d_type == DT_REG;
    else if (sys.fstatat(place->fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 || errno == ENOENT)
        *out = S_ISREG(status.st_mode);
    else
        return error_os(err, "cannot look at '%.80s' in '%s'", entry->d_name, place->path);
    return true;
}

static bool tell(const struct inbox_place *place, const struct dirent64 *entry, const struct inbox_visitor *visitor,
                 struct error *err)
{
    bool regular;
    if (entry->d_name[0] == '.' || strlen(entry->d_name) > NAME_MAX)
        return true;
    return is_regular(place, entry, &regular, err) && (!regular || visitor->each(visitor->owner, entry->d_name, err));
}

static bool scan_open(const struct inbox_place *place, int directory, const struct inbox_visitor *visitor,
                      struct error *err)
{
    alignas(struct dirent64) char entries[32 * 1024];
    for (;;) {
        const ssize_t len = sys.getdents64(directory, entries, sizeof entries);
        if (len <= 0)
            return len == 0 || error_os(err, "cannot read the directory '%s'", place->path);
        for (ssize_t at = 0; at < len;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            if (!tell(place, entry, visitor, err))
                return false;
            at += entry->d_reclen;
        }
    }
}

bool inbox_place_scan(const struct inbox_place *place, struct inbox_visitor visitor, struct error *err)
{
    int directory;
    if (!inbox_place_open(place, ".", &directory, err))     /* its own position */
        return false;
    const bool done = scan_open(place, directory, &visitor, err);
    (void)sys.close(directory);         /* only read from */
    return done;
}

/* ---- moving ---- */

/* Of two readers that link the same file, the one whose unlink succeeds has it. */
static int link_and_unlink(const struct inbox_place *from, const char *name, const struct inbox_place *to,
                           const char *as)
{
    if (sys.linkat(from->fd, name, to->fd, as, 0) != 0)
        return -1;
    if (sys.unlinkat(from->fd, name, 0) == 0)
        return 0;
    const int why = errno;
    (void)sys.unlinkat(to->fd, as, 0);
    errno = why;
    return -1;
}

int inbox_place_move(const struct inbox_place *from, const char *name, const struct inbox_place *to, const char *as)
{
    if (sys.renameat2(from->fd, name, to->fd, as, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return link_and_unlink(from, name, to, as);     /* NFS and older kernels */
}

bool inbox_place_put(struct inbox_place *from, const char *name, struct inbox_place *to, const struct inbox_name *as,
                     struct error *err)
{
    char written[NAME_MAX + 1];
    for (unsigned number = 0; number < INBOX_MOST_NUMBER; number++) {
        inbox_name_write(as, number, NAME_MAX, written);
        if (inbox_place_move(from, name, to, written) == 0) {
            from->changes++;
            to->changes++;
            return true;
        }
        if (errno != EEXIST)
            break;
    }
    const bool gone = errno == ENOENT;
    (void)error_os(err, "cannot move '%.80s' from '%s' to '%s'", name, from->path, to->path);
    err->kind = gone ? ERROR_NOT_FOUND : err->kind;
    return false;
}
