/*
 * The decision hidden here: the order of steps. The file is written whole under a private name and synced; only then it
 * gets its own, because a file system may make a name durable long before what is behind it; then the directory is
 * synced. A link cannot overwrite, and a rename shows the old file or the new one, never none.
 * Many take these steps together, each step for all of them before the next: then one sync of the directory covers all
 * names, and where the file system is trusted with it (filesystem.h), one more covers all that is in the files.
 */
#include "spool/deliver.h"

#include "base/sys.h"
#include "directory.h"
#include "filesystem.h"
#include "inbox_name.h"
#include "spool/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PRIVATE ".deliver-"

enum {
    FILE_MODE = 0640,
    PUBLIC_MODE = 0644,
    PRIVATE_SIZE = sizeof PRIVATE + 16,
    MOST_NUMBER = 1000,
    FEW = 2,                            /* so few files sync faster than a file system */
};

struct delivery {
    const char *path;
    const char *name;
    bool over;
    bool public;                        /* readable for everybody, whatever the umask is */
    bool synced_later;                  /* with others */
    bool again;                         /* it may be there already, and stays */
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
    const bool written = sys_write_all(fd, parts) && (!delivery->public || fchmod(fd, PUBLIC_MODE) == 0) &&
                         (delivery->synced_later || sys_fsync(fd) == 0);
    if (!written)
        (void)error_os(err, "cannot write a file in '%s'", delivery->path);
    (void)sys.close(fd);                /* synced, or to be, or given up */
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

bool deliver_public(const char *directory, const char *name, bool over, struct span content, struct error *err)
{
    struct delivery delivery = {.path = directory, .name = name, .over = over, .public = true};
    return deliver(&delivery, content, err);
}

/* ---- many ---- */

static size_t write_all(struct delivery *deliveries, const struct deliver_file *files, size_t count, struct error *err)
{
    size_t i = 0;
    while (i < count && draw_name(&deliveries[i], err) && write_private(&deliveries[i], files[i].content, err))
        i++;
    return i;
}

static bool sync_all(const struct delivery *first, struct error *err)
{
    return !first->synced_later || sys_syncfs(first->directory) == 0 ||
           error_os(err, "cannot sync the file system of '%s'", first->path);
}

static bool is_there(const struct delivery *delivery, const char *name, struct span content)
{
    const struct span parts[2] = {content, {NULL, 0}};
    return directory_holds(delivery->directory, name, parts);
}

/* Who put it there may not have done so. */
static int sync_there(const struct delivery *delivery, const char *name)
{
    const int fd = sys.openat(delivery->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0)
        return errno == ENOENT ? EEXIST : errno;
    const int why = sys_fsync(fd) == 0 ? 0 : errno;
    (void)sys.close(fd);                /* only synced */
    return why;
}

static bool exchange(const struct delivery *delivery, const char *name)
{
    const int directory = delivery->directory;
    return sys.renameat2(directory, delivery->private, directory, name, RENAME_EXCHANGE) == 0;
}

/* The one that is there may be from a try whose sync of the directory failed: then no later sync makes its name durable,
 * though it says so. So the name is given anew, to our file. Where names cannot be exchanged (NFS, CIFS) the server has
 * made it durable before it was seen. 0, or errno; EEXIST: go on with the next number. */
static int renew(const struct delivery *delivery, const char *name, struct span content)
{
    if (!exchange(delivery, name))
        return errno == EINVAL || errno == ENOSYS ? sync_there(delivery, name) : errno == ENOENT ? EEXIST : errno;
    if (is_there(delivery, delivery->private, content))
        return 0;
    (void)exchange(delivery, name);     /* another came there meanwhile: the name is its own, or else the next number */
    return EEXIST;
}

/* 0: it is there under that name. Else errno. */
static int link_one(const struct delivery *delivery, const char *name, struct span content)
{
    if (sys.linkat(delivery->directory, delivery->private, delivery->directory, name, 0) == 0)
        return 0;
    const int why = errno;
    return why == EEXIST && delivery->again && is_there(delivery, name, content) ? renew(delivery, name, content) : why;
}

static bool link_numbered(const struct delivery *delivery, struct deliver_file *file, struct error *err)
{
    struct inbox_name parts;
    char wanted[NAME_MAX + 1];
    int why = EEXIST;
    (void)snprintf(wanted, sizeof wanted, "%s", file->name);
    inbox_name_parse(wanted, &parts);
    for (unsigned number = 0; why == EEXIST && number < MOST_NUMBER; number++) {
        inbox_name_write(&parts, number, NAME_MAX, file->name);
        why = link_one(delivery, file->name, file->content);
    }
    if (why == 0)
        return true;
    errno = why;
    (void)error_os(err, "cannot put '%.80s' into '%s'", wanted, delivery->path);
    if (why == EEXIST)
        err->kind = ERROR_BUSY;
    return false;
}

static size_t link_all(const struct delivery *deliveries, struct deliver_file *files, size_t count, struct error *err)
{
    size_t i = 0;
    while (i < count && link_numbered(&deliveries[i], &files[i], err))
        i++;
    return i;
}

/* What cannot be made durable is taken back, unless another may count on it. */
static bool sync_names(const struct delivery *first, const struct deliver_file *files, size_t count, struct error *err)
{
    if (count == 0 || directory_sync(first->directory))
        return true;
    (void)error_os(err, "cannot sync the directory '%s'", first->path);
    for (size_t i = 0; i < count && !first->again; i++)
        (void)sys.unlinkat(first->directory, files[i].name, 0);
    return false;
}

/* How many are there for good. */
static size_t deliver_all(struct delivery *deliveries, struct deliver_file *files, size_t count, struct error *err)
{
    const size_t written = write_all(deliveries, files, count, err);
    size_t named = 0;
    if (written > 0 && sync_all(&deliveries[0], err))
        named = link_all(deliveries, files, written, err);
    for (size_t i = 0; i < written; i++)
        drop_private(&deliveries[i]);
    return sync_names(&deliveries[0], files, named, err) ? named : 0;
}

static bool deliver_files(const char *directory, bool again, struct deliver_file *files, size_t *count,
                          struct error *err)
{
    struct delivery deliveries[DELIVER_MOST];
    const size_t wanted = *count;
    assert(wanted > 0 && wanted <= DELIVER_MOST);
    *count = 0;
    const int fd = sys.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_os(err, "cannot open the directory '%s'", directory);
    const bool later = wanted > FEW && filesystem_syncs_whole(fd);
    for (size_t i = 0; i < wanted; i++)
        deliveries[i] = (struct delivery){.path = directory, .directory = fd, .synced_later = later, .again = again};
    *count = deliver_all(deliveries, files, wanted, err);
    (void)sys.close(fd);                /* a directory: nothing is lost */
    return *count == wanted;
}

bool deliver_many(const char *directory, struct deliver_file *files, size_t *count, struct error *err)
{
    return deliver_files(directory, false, files, count, err);
}

bool deliver_again(const char *directory, struct deliver_file *files, size_t *count, struct error *err)
{
    return deliver_files(directory, true, files, count, err);
}

/* ---- probing ---- */

static bool probe(const struct delivery *delivery, struct stat *out, struct error *err)
{
    return write_private(delivery, SPAN("written to see whether this disk can be written to; it may be removed\n"),
                         err) &&
           ((sys.fstatat(delivery->directory, delivery->private, out, AT_SYMLINK_NOFOLLOW) == 0 &&
             sys.unlinkat(delivery->directory, delivery->private, 0) == 0) ||
            error_os(err, "cannot remove a file from '%s'", delivery->path));
}

bool deliver_probe(const char *directory, int64_t *now, struct error *err)
{
    struct delivery delivery = {.path = directory, .synced_later = true};
    struct stat status;
    delivery.directory = sys.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (delivery.directory < 0)
        return error_os(err, "cannot open the directory '%s'", directory);
    const bool done = draw_name(&delivery, err) && probe(&delivery, &status, err);
    (void)sys.close(delivery.directory);        /* a directory: nothing is lost */
    if (done)
        *now = (int64_t)status.st_mtim.tv_sec * 1000000 + status.st_mtim.tv_nsec / 1000;
    return done;
}

/* ---- sweeping ---- */

static bool is_private(const char *name)
{
    const size_t len = sizeof PRIVATE - 1;
    return strncmp(name, PRIVATE, len) == 0 && directory_is_drawn(name + len, "");
}

bool deliver_sweep(const char *directory, int64_t now, struct error *err)
{
    return directory_remove(directory, is_private, directory_stale(now), err);
}
