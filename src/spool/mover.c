/*
 * The decision hidden here: the source is the truth until the file is durable elsewhere; nothing is written down about
 * what is under way. Each step argued against a kill, or a power cut, right after it:
 *
 * 1. Files are read. Nothing has happened.
 * 2. They are delivered: private file, sync, link, sync of the directory. Some may be there: whole, for the link comes
 *    last. They are still here, too; the next mover finds them there with the same bytes, gives them their names anew,
 *    since the sync may have failed that was to make these durable, and goes on with step 3.
 *    Objection: a reader may have taken one from there meanwhile; then it is delivered a second time. To prevent that,
 *    there would have to be a record of what was delivered, on the same disk and in the same transaction, and there is no
 *    such thing across file systems. Readers count the same content once.
 * 3. Each is removed here, if it is still the one that was read. A cut may undo it: then it is delivered again, as above.
 * 4. The directory here is synced, so that a cut does no longer.
 *
 * A file that cannot be removed would be delivered at each turn, as long as somebody takes it there: so a probe is
 * removed here before anything is delivered, and what could not be removed all the same is remembered.
 */
#include "spool/mover.h"

#include "base/sys.h"
#include "directory.h"
#include "inbox_place.h"
#include "spool/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
    MOST_LISTED = 10000,
    MOST_GATHERED = 1024 * 1024,        /* bytes of files that go together */
};

/* A file as it was when it was read. */
struct version {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

struct item {
    char name[NAME_MAX + 1];
    struct version version;
    size_t begin;                       /* of its bytes in the content */
    size_t end;
    unsigned to;
    bool delivered;
};

struct mover {
    struct mover_settings settings;
    struct inbox_place from;            /* open within a turn only, as what follows */
    struct sys_identity to[MOVER_MOST_QUEUES];
    int64_t now;
    char after[NAME_MAX + 1];           /* the next turn goes on behind it; "" with the first */
    struct buffer content;
    struct item items[DELIVER_MOST];
    size_t count;
    bool keeps;                         /* the items are delivered, and could not be removed */
};

/* ---- reading ---- */

static struct version version_of(const struct stat *status)
{
    return (struct version){status->st_dev, status->st_ino, status->st_size, status->st_mtim};
}

static bool is_same(const struct version *a, const struct version *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

static bool read_all(struct mover *mover, int fd, const char *name, struct error *err)
{
    char bytes[16 * 1024];
    ssize_t got;
    while ((got = sys.read(fd, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0 && !buffer_add(&mover->content, bytes, (size_t)got, err))
            return false;
    return got == 0 || error_os(err, "cannot read '%.80s' in '%s'", name, mover->from.path);
}

/* *still: it did not change meanwhile. */
static bool read_open(struct mover *mover, int fd, struct item *item, bool *still, struct error *err)
{
    struct stat before, after;
    if (sys.fstat(fd, &before) != 0)
        return error_os(err, "cannot look at '%.80s' in '%s'", item->name, mover->from.path);
    if (!S_ISREG(before.st_mode))
        return true;
    if ((uint64_t)before.st_size > mover->settings.most_bytes)
        return error_set(err, ERROR_TOO_BIG, "'%.80s' in '%s' has %lld bytes, at most %zu are moved", item->name,
                         mover->from.path, (long long)before.st_size, mover->settings.most_bytes);
    if (!read_all(mover, fd, item->name, err))
        return false;
    if (sys.fstat(fd, &after) != 0)
        return error_os(err, "cannot look at '%.80s' in '%s'", item->name, mover->from.path);
    item->version = version_of(&after);
    item->end = mover->content.len;
    const struct version first = version_of(&before);
    *still = is_same(&first, &item->version) && (uint64_t)after.st_size == item->end - item->begin;
    return true;
}

/* What is there under that name may be anything by now. */
static bool read_item(struct mover *mover, struct item *item, bool *still, struct error *err)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    const int fd = sys.openat(mover->from.fd, item->name, flags, 0);
    *still = false;
    if (fd < 0)
        return errno == ENOENT || errno == ELOOP ||
               error_os(err, "cannot open '%.80s' in '%s'", item->name, mover->from.path);
    const bool done = read_open(mover, fd, item, still, err);
    (void)sys.close(fd);                /* only read from */
    return done;
}

static int64_t age_of(const struct mover *mover, const struct item *item)
{
    return mover->now - ((int64_t)item->version.modified.tv_sec * 1000000 + item->version.modified.tv_nsec / 1000);
}

static struct span content_of(const struct mover *mover, const struct item *item)
{
    return (struct span){mover->content.at + item->begin, item->end - item->begin};
}

static void gather(struct mover *mover, const char *name)
{
    const struct mover_events *events = &mover->settings.events;
    struct item *item = &mover->items[mover->count];
    struct error err;
    bool still;
    *item = (struct item){.begin = mover->content.len};
    memcpy(item->name, name, strlen(name) + 1);
    mover->content.most = item->begin + mover->settings.most_bytes;
    if (!read_item(mover, item, &still, &err)) {
        still = false;
        events->failed(events->owner, name, &err);
    }
    item->to = still ? events->judge(events->owner, content_of(mover, item), age_of(mover, item)) : MOVER_STAYS;
    if (item->to == MOVER_STAYS)
        mover->content.len = item->begin;
    else
        mover->count++;
}

/* ---- delivering ---- */

struct batch {
    struct deliver_file files[DELIVER_MOST];
    struct item *items[DELIVER_MOST];
    size_t count;
    unsigned to;
};

static void take_items(struct mover *mover, unsigned to, struct batch *out)
{
    out->count = 0;
    out->to = to;
    for (size_t i = 0; i < mover->count; i++) {
        struct item *item = &mover->items[i];
        if (item->to != to)
            continue;
        memcpy(out->files[out->count].name, item->name, sizeof item->name);
        out->files[out->count].content = content_of(mover, item);
        out->items[out->count++] = item;
    }
}

/* It is the file, or its name, that the inbox does not take. */
static bool is_its_own(const struct error *err)
{
    return err->kind == ERROR_BUSY || err->os == EINVAL || err->os == EILSEQ || err->os == ENAMETOOLONG ||
           err->os == EFBIG;
}

static void note_delivered(const struct mover *mover, const struct batch *batch, size_t at, size_t count)
{
    const struct mover_events *events = &mover->settings.events;
    for (size_t end = at + count; at < end; at++) {
        batch->items[at]->delivered = true;
        events->moved(events->owner, batch->to, batch->items[at]->name, batch->files[at].name);
    }
}

/* One that cannot go for a reason of its own does not hold up those behind it. These were written in vain; so the next go
 * in smaller groups until all goes well again. */
static bool deliver_batch(const struct mover *mover, struct batch *batch, struct error *err)
{
    const struct mover_events *events = &mover->settings.events;
    size_t most = DELIVER_MOST;
    for (size_t at = 0; at < batch->count;) {
        size_t done = batch->count - at < most ? batch->count - at : most;
        const bool all = deliver_again(mover->settings.to[batch->to], batch->files + at, &done, err);
        note_delivered(mover, batch, at, done);
        at += done;
        most = all ? most * 2 : (most + 1) / 2;
        if (!all && !is_its_own(err))
            return false;
        if (!all)
            events->failed(events->owner, batch->items[at++]->name, err);
    }
    return true;
}

static bool identify(const char *path, struct sys_identity *out, struct error *err)
{
    const int fd = sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    const bool known = fd >= 0 && sys_identify(fd, out);
    if (!known)
        (void)error_os(err, "cannot open the directory '%s'", path);
    if (fd >= 0)
        (void)sys.close(fd);            /* nothing was written */
    return known;
}

/* All of them, whichever is needed: an inbox that has not all its directories is one whose disk is not mounted, and what
 * is put there nobody finds. */
static bool find_inboxes(struct mover *mover, struct error *err)
{
    unsigned to = 0;
    while (to < MOVER_MOST_QUEUES && identify(mover->settings.to[to], &mover->to[to], err))
        to++;
    return to == MOVER_MOST_QUEUES;
}

static bool deliver_items(struct mover *mover, struct error *err)
{
    const struct mover_events *events = &mover->settings.events;
    struct batch batch;
    for (unsigned to = 0; to < MOVER_MOST_QUEUES; to++) {
        take_items(mover, to, &batch);
        if (batch.count == 0)
            continue;
        if (!sys_is_at(&mover->to[to], mover->settings.to[to]))
            return error_set(err, ERROR_SYSTEM, "'%s' is not the directory any more that was opened",
                             mover->settings.to[to]);
        events->moving(events->owner, to, batch.count);
        if (!deliver_batch(mover, &batch, err))
            return false;
    }
    return true;
}

/* ---- removing ---- */

/* Somebody else may have taken it, or put another in its place. */
static bool remove_item(const struct mover *mover, const struct item *item, struct error *err)
{
    struct stat status;
    if (sys.fstatat(mover->from.fd, item->name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        const struct version now = version_of(&status);
        if (!is_same(&now, &item->version) || sys.unlinkat(mover->from.fd, item->name, 0) == 0)
            return true;
    }
    return errno == ENOENT || error_os(err, "cannot remove '%.80s' from '%s'", item->name, mover->from.path);
}

/* Those that are there for good. What cannot be removed is kept in mind. */
static bool remove_items(struct mover *mover, struct error *err)
{
    size_t left = 0, removed = 0;
    for (size_t i = 0; i < mover->count; i++) {
        if (!mover->items[i].delivered)
            continue;
        if (remove_item(mover, &mover->items[i], err))
            removed++;
        else
            mover->items[left++] = mover->items[i];
    }
    mover->count = left;
    mover->keeps = left > 0;
    if (removed > 0 && !directory_sync(mover->from.fd))
        return error_os(err, "cannot sync the directory '%s'", mover->from.path);
    return !mover->keeps;
}

static bool move_gathered(struct mover *mover, struct error *err)
{
    struct error later;
    const bool delivered = deliver_items(mover, err);
    return remove_items(mover, delivered ? err : &later) && delivered;
}

/* ---- turns ---- */

/* A file that is too large for company goes alone. */
static bool has_room(const struct mover *mover, const struct inbox_entry *next)
{
    return mover->count == 0 || (mover->count < DELIVER_MOST && next->size + mover->content.len <= MOST_GATHERED);
}

static bool move_entries(struct mover *mover, const struct inbox_entry *entries, size_t count, struct error *err)
{
    const struct mover_events *events = &mover->settings.events;
    size_t i = 0;
    while (i < count && events->goes_on(events->owner)) {
        mover->count = 0;
        mover->content.len = 0;
        while (i < count && has_room(mover, &entries[i]))
            gather(mover, entries[i++].name);
        memcpy(mover->after, entries[i - 1].name, strlen(entries[i - 1].name) + 1);
        if (!move_gathered(mover, err))
            return false;
    }
    return true;
}

/* Where the disk of the outbox is full files can be removed all the same, and must be, to make room; but then it does not
 * tell its time. */
static bool probe(struct mover *mover, struct error *err)
{
    if (deliver_probe(mover->settings.from, &mover->now, err))
        return true;
    mover->now = sys_now();
    return err->kind == ERROR_NO_SPACE;
}

static bool move_listed(struct mover *mover, bool *more, struct error *err)
{
    struct inbox_entry *entries;
    size_t count;
    if (!inbox_place_list(&mover->from, mover->after[0] == '\0' ? NULL : mover->after, MOST_LISTED, &entries, &count,
                          more, err))
        return false;
    const bool moved = count == 0 ||
                       (find_inboxes(mover, err) && probe(mover, err) && move_entries(mover, entries, count, err));
    sys.release(entries);
    return moved;
}

bool mover_turn(struct mover *mover, bool *more, struct error *err)
{
    const char *from = mover->settings.from;
    mover->from = (struct inbox_place){.path = from};
    mover->from.fd = sys.openat(AT_FDCWD, from, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    *more = false;
    if (mover->from.fd < 0)
        return error_os(err, "cannot open the directory '%s'", from);
    const bool moved = (!mover->keeps || remove_items(mover, err)) && move_listed(mover, more, err);
    inbox_place_close(&mover->from);
    if (!moved || !*more)
        mover->after[0] = '\0';
    return moved;
}

bool mover_check(const char *directory, struct error *err)
{
    return directory_check_path(directory, err);
}

bool mover_open(const struct mover_settings *settings, struct mover **out, struct error *err)
{
    struct mover *mover = sys.allocate(sizeof *mover);
    if (mover == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a mover of files");
    *mover = (struct mover){.settings = *settings};
    buffer_init(&mover->content, 0);
    *out = mover;
    return true;
}

void mover_close(struct mover *mover)
{
    if (mover == NULL)
        return;
    buffer_fini(&mover->content);
    sys.release(mover);
}
