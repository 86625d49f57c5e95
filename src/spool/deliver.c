/*
 * The decision hidden here: the order of steps. The file is written whole under a private name and synced; only then it
 * gets its own, because a file system may make a name durable long before what is behind it; then the directory is
 * synced. A link cannot overwrite, and a rename shows the old file or the new one, never none.
 */
#include "spool/deliver.h"

#include "base/sys.h"
#include "directory.h"
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define PRIVATE ".deliver-"

enum { FILE_MODE = 0640, PRIVATE_SIZE = sizeof PRIVATE + 16 };

struct delivery {
    const char *path;
    const char *name;
    bool over;
    int directory;
    char private[PRIVATE_SIZE];
};

static bool draw_name(struct delivery *delivery, struct error *err)
{
    uint32_t number;
    char digits[17];
    if (sys.getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return error_os(err, "cannot draw a name for a file in '%s'", delivery->path);
    spool_name_write(sys_now(), number, digits);
    (void)snprintf(delivery->private, sizeof delivery->private, PRIVATE "%s", digits);
    return true;
}

static void drop_private(const struct delivery *delivery)
{
    (void)sys.unlinkat(delivery->directory, delivery->private, 0);     /* else swept some time */
}

static bool write_private(const struct delivery *delivery, struct span content, struct error *err)
{
    const struct span parts[2] = {content, {NULL, 0}};
    const int flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC;
    const int fd = sys.openat(delivery->directory, delivery->private, flags, FILE_MODE);
    if (fd < 0)
        return error_os(err, "cannot create a file in '%s'", delivery->path);
    const bool written = sys_write_all(fd, parts) && sys_fsync(fd) == 0;
    if (!written)
        (void)error_os(err, "cannot write a file in '%s'", delivery->path);
    (void)sys.close(fd);                /* synced, or given up */
    if (!written)
        drop_private(delivery);
    return written;
}

static bool give_name(const struct delivery *delivery, struct error *err)
{
    const int directory = delivery->directory;
    const int done = delivery->over ? sys.renameat(directory, delivery->private, directory, delivery->name)
                                    : sys.linkat(directory, delivery->private, directory, delivery->name, 0);
    const bool taken = done != 0 && !delivery->over && errno == EEXIST;
    if (done != 0)
        (void)error_os(err, "cannot put '%.80s' into '%s'", delivery->name, delivery->path);
    if (taken)
        err->kind = ERROR_BUSY;
    if (done != 0 || !delivery->over)
        drop_private(delivery);
    return done == 0;
}

/* What cannot be made durable is taken back, unless it stands for one that is gone. */
static bool sync_entry(const struct delivery *delivery, struct error *err)
{
    if (directory_sync(delivery->directory))
        return true;
    (void)error_os(err, "cannot sync the directory '%s'", delivery->path);
    if (!delivery->over)
        (void)sys.unlinkat(delivery->directory, delivery->name, 0);
    return false;
}

static bool deliver(struct delivery *delivery, struct span content, struct error *err)
{
    delivery->directory = sys.openat(AT_FDCWD, delivery->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (delivery->directory < 0)
        return error_os(err, "cannot open the directory '%s'", delivery->path);
    const bool delivered = draw_name(delivery, err) && write_private(delivery, content, err) &&
                           give_name(delivery, err) && sync_entry(delivery, err);
    (void)sys.close(delivery->directory);       /* a directory: nothing is lost */
    return delivered;
}

bool deliver_new(const char *directory, const char *name, struct span content, struct error *err)
{
    struct delivery delivery = {.path = directory, .name = name};
    return deliver(&delivery, content, err);
}

bool deliver_over(const char *directory, const char *name, struct span content, struct error *err)
{
    struct delivery delivery = {.path = directory, .name = name, .over = true};
    return deliver(&delivery, content, err);
}

static bool is_private(const char *name)
{
    const size_t len = sizeof PRIVATE - 1;
    return strncmp(name, PRIVATE, len) == 0 && directory_is_drawn(name + len, "");
}

bool deliver_sweep(const char *directory, int64_t now, struct error *err)
{
    return directory_remove(directory, is_private, directory_stale(now), err);
}
