/*
 * The decision hidden here: how a reader is known to be gone. It holds a lock on a file in its directory, which the
 * kernel takes from it whatever way it ends; on a file, because NFS locks no directories.
 */
#include "base/sys.h"
#include "inbox_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

enum { LOCK_MODE = 0640 };

/* *fd is -1 where there is no such reader (unless `flags` make one) or somebody holds its lock. */
static bool lock_reader(const struct inbox_place *process, unsigned number, int flags, int *fd, struct error *err)
{
    char path[32];
    (void)snprintf(path, sizeof path, "%u/lock", number);
    *fd = sys.openat(process->fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, LOCK_MODE);
    if (*fd < 0)
        return errno == ENOENT || error_os(err, "cannot open '%s' in '%s'", path, process->path);
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    const bool held = errno == EWOULDBLOCK;
    if (!held)
        (void)error_os(err, "cannot lock '%s' in '%s'", path, process->path);
    (void)sys.close(*fd);               /* nothing was written */
    *fd = -1;
    return held;
}

static bool make_below(const struct inbox *inbox, const char *below, struct error *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", inbox->settings.process, below) >= (int)sizeof path)
        return error_set(err, ERROR_MALFORMED, "'%.100s...' is too long a path", path);
    return sys_make_directory(path, err);
}

static bool open_hand(struct inbox *inbox, struct inbox_place *hand, unsigned queue, struct error *err)
{
    char below[32];
    (void)snprintf(below, sizeof below, "%u/%u", inbox->reader, queue);
    return make_below(inbox, below, err) && inbox_place_open(&inbox->process, below, &hand->fd, err);
}

static bool lock_own(struct inbox *inbox, struct error *err)
{
    for (unsigned number = 1; number <= INBOX_MOST_READERS; number++) {
        char below[16];
        (void)snprintf(below, sizeof below, "%u", number);
        if (!make_below(inbox, below, err) || !lock_reader(&inbox->process, number, O_CREAT, &inbox->lock_fd, err))
            return false;
        inbox->reader = number;
        if (inbox->lock_fd >= 0)
            return true;
    }
    return error_set(err, ERROR_BUSY, "'%s' has %d readers already", inbox->process.path, INBOX_MOST_READERS);
}

bool inbox_reader_open(struct inbox *inbox, struct error *err)
{
    if (!lock_own(inbox, err))
        return false;
    for (unsigned i = 0; i < inbox->settings.queue_count; i++)
        if (!open_hand(inbox, &inbox->hand[i], i, err))
            return false;
    return true;
}

/* ---- recovery ---- */

struct recovery {
    struct inbox_place *from;
    struct inbox_place *to;
    uint64_t count;
};

static bool give_back(void *owner, const char *name, struct error *err)
{
    struct recovery *recovery = owner;
    struct inbox_name parts;
    if (!inbox_name_counts(name))
        return true;
    inbox_name_parse(name, &parts);
    if (inbox_place_put(recovery->from, name, recovery->to, &parts, err)) {
        recovery->count++;
        return true;
    }
    return err->kind == ERROR_NOT_FOUND;
}

/* The directory is synced at once: it is open only here. */
static bool recover_queue(struct inbox *inbox, unsigned number, unsigned queue, uint64_t *count, struct error *err)
{
    struct inbox_place left = {.path = inbox->process.path};
    struct recovery recovery = {.from = &left, .to = inbox_queue(inbox, queue)};
    char below[32];
    (void)snprintf(below, sizeof below, "%u/%u", number, queue);
    if (!inbox_place_open(&inbox->process, below, &left.fd, err))
        return err->os == ENOENT;
    const bool done = inbox_place_scan(&left, (struct inbox_visitor){give_back, &recovery}, err) &&
                      inbox_place_sync(recovery.to, err) && inbox_place_sync(&left, err);
    inbox_place_close(&left);
    *count += recovery.count;
    return done;
}

static bool recover_reader(struct inbox *inbox, unsigned number, uint64_t *count, struct error *err)
{
    for (unsigned queue = 0; queue < INBOX_MOST_QUEUES; queue++)
        if (!recover_queue(inbox, number, queue, count, err))
            return false;
    return true;
}

static bool recover_other(struct inbox *inbox, unsigned number, uint64_t *count, struct error *err)
{
    int lock;
    if (!lock_reader(&inbox->process, number, 0, &lock, err))
        return false;
    if (lock < 0)
        return true;
    const bool done = recover_reader(inbox, number, count, err);
    (void)sys.close(lock);              /* nothing was written */
    return done;
}

bool inbox_recover(struct inbox *inbox, uint64_t *count, struct error *err)
{
    struct recovery loose = {.from = &inbox->process, .to = &inbox->queues[0]};
    uint64_t sum = 0;
    if (!inbox->recovered && !recover_reader(inbox, inbox->reader, &sum, err))
        return false;
    for (unsigned number = 1; number <= INBOX_MOST_READERS; number++)
        if (number != inbox->reader && !recover_other(inbox, number, &sum, err))
            return false;
    if (!inbox_place_scan(&inbox->process, (struct inbox_visitor){give_back, &loose}, err) ||
        !inbox_place_sync(loose.to, err) || !inbox_place_sync(loose.from, err))
        return false;
    inbox->recovered = true;
    *count = sum + loose.count;
    return true;
}
