/*
 * The decision hidden here: who owns a file. A rename into a directory that is ours alone (inbox_reader.c) gives a
 * file to exactly one reader, on every file system; whatever ends it is again one rename, or its removal.
 */
#include "spool/inbox.h"

#include "base/sys.h"
#include "inbox_place.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>

/* ---- opening and closing ---- */

static void set_paths(struct inbox *inbox)
{
    const struct inbox_settings *settings = &inbox->settings;
    for (size_t i = 0; i < INBOX_MOST_QUEUES; i++) {
        inbox->queues[i] = (struct inbox_place){.path = settings->queues[i], .fd = -1};
        inbox->hand[i] = (struct inbox_place){.path = settings->process, .fd = -1};
    }
    inbox->process = (struct inbox_place){.path = settings->process, .fd = -1};
    inbox->corrupt = (struct inbox_place){.path = settings->corrupt, .fd = -1};
    inbox->retry = (struct inbox_place){.path = settings->retry, .fd = -1};
}

/* A rename does not lead from one to another; better told now than with each file. */
static bool check_file_system(const struct inbox_place *place, const struct inbox *inbox, struct error *err)
{
    return place->identity.device == inbox->process.identity.device ||
           error_set(err, ERROR_SYSTEM, "'%s' is not on the file system of '%s'", place->path, inbox->process.path);
}

static bool make_and_open(struct inbox_place *place, const struct inbox *inbox, struct error *err)
{
    if (!sys_make_directory(place->path, err))
        return false;
    place->fd = sys.openat(AT_FDCWD, place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (place->fd < 0 || !sys_identify(place->fd, &place->identity))
        return error_os(err, "cannot open the directory '%s'", place->path);
    return check_file_system(place, inbox, err);
}

static bool open_places(struct inbox *inbox, struct error *err)
{
    if (!make_and_open(&inbox->process, inbox, err))
        return false;
    for (size_t i = 0; i < inbox->settings.queue_count; i++)
        if (!make_and_open(&inbox->queues[i], inbox, err))
            return false;
    return make_and_open(&inbox->corrupt, inbox, err) && make_and_open(&inbox->retry, inbox, err) &&
           inbox_reader_open(inbox, err);
}

bool inbox_open(const struct inbox_settings *settings, struct inbox **out, struct error *err)
{
    assert(settings->queue_count > 0 && settings->queue_count <= INBOX_MOST_QUEUES);
    struct inbox *inbox = sys.allocate(sizeof *inbox);
    if (inbox == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the inbox");
    *inbox = (struct inbox){.settings = *settings, .lock_fd = -1};
    (void)pthread_mutex_init(&inbox->lock, NULL);       /* cannot fail on Linux */
    set_paths(inbox);
    if (!open_places(inbox, err)) {
        inbox_close(inbox);
        return false;
    }
    *out = inbox;
    return true;
}

void inbox_close(struct inbox *inbox)
{
    if (inbox == NULL)
        return;
    for (size_t i = 0; i < INBOX_MOST_QUEUES; i++) {
        inbox_place_close(&inbox->queues[i]);
        inbox_place_close(&inbox->hand[i]);
    }
    inbox_place_close(&inbox->process);
    inbox_place_close(&inbox->corrupt);
    inbox_place_close(&inbox->retry);
    if (inbox->lock_fd >= 0)
        (void)sys.close(inbox->lock_fd);                /* last: from here on others take what is in hand */
    (void)pthread_mutex_destroy(&inbox->lock);
    sys.release(inbox);
}

void inbox_set_limits(struct inbox *inbox, uint64_t corrupt_most, int64_t corrupt_age)
{
    inbox->settings.corrupt_most = corrupt_most;
    inbox->settings.corrupt_age = corrupt_age;
}

/* ---- claims ---- */

/* Nobody else puts files into this directory, and we are alone with the lock: what is free now is so when it is
 * used. */
static bool find_free_name(const struct inbox_place *hand, const struct inbox_name *wanted, char out[NAME_MAX + 1],
                           struct error *err)
{
    struct stat status;
    for (unsigned number = 0; number < INBOX_MOST_NUMBER; number++) {
        inbox_name_write(wanted, number, NAME_MAX, out);
        if (sys.fstatat(hand->fd, out, &status, AT_SYMLINK_NOFOLLOW) != 0)
            break;
        errno = EEXIST;
    }
    return errno == ENOENT || error_os(err, "cannot find a name for '%.80s' in '%s'", out, hand->path);
}

static bool take(const struct inbox *inbox, const struct inbox_entry *entry, const char *name, struct error *err)
{
    const struct inbox_place *queue = &inbox->queues[entry->queue];
    if (sys.renameat(queue->fd, entry->name, inbox->hand[entry->queue].fd, name) == 0)
        return true;
    if (errno == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "'%.80s' is not in '%s' any more", entry->name, queue->path);
    return error_os(err, "cannot take '%.80s' from '%s'", entry->name, queue->path);
}

bool inbox_claim(struct inbox *inbox, const struct inbox_entry *entry, const char *name, struct inbox_file *file,
                 struct error *err)
{
    assert(inbox->recovered);           /* or recovery would give away what is claimed now */
    struct inbox_name wanted;
    char found[NAME_MAX + 1];
    inbox_name_parse(name == NULL ? entry->name : name, &wanted);
    (void)pthread_mutex_lock(&inbox->lock);
    const bool taken = find_free_name(&inbox->hand[entry->queue], &wanted, found, err) &&
                       take(inbox, entry, found, err);
    (void)pthread_mutex_unlock(&inbox->lock);
    if (!taken)
        return false;
    file->queue = entry->queue;
    file->tries = entry->tries;
    memcpy(file->name, found, sizeof found);
    return true;
}

static bool look_at(const struct inbox *inbox, const struct inbox_file *file, struct stat *out, struct error *err)
{
    const struct inbox_place *hand = &inbox->hand[file->queue];
    return sys.fstatat(hand->fd, file->name, out, AT_SYMLINK_NOFOLLOW) == 0 ||
           error_os(err, "cannot find '%.80s' in '%s'", file->name, hand->path);
}

/* What was listed as a file may have been exchanged before it was taken; here nobody can any more. A link would
 * lead out of the inbox, a pipe would be waited for. */
bool inbox_read(struct inbox *inbox, const struct inbox_file *file, struct buffer *out, struct error *err)
{
    struct stat status;
    if (!look_at(inbox, file, &status, err))
        return false;
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_MALFORMED, "'%.80s' is no regular file", file->name);
    return sys_read_file(inbox->hand[file->queue].fd, file->name, out, err);
}

bool inbox_modified(struct inbox *inbox, const struct inbox_file *file, int64_t *out, struct error *err)
{
    struct stat status;
    if (!look_at(inbox, file, &status, err))
        return false;
    *out = (int64_t)status.st_mtim.tv_sec * 1000000 + status.st_mtim.tv_nsec / 1000;
    return true;
}

static void parse_plain(const struct inbox_file *file, struct inbox_name *out)
{
    inbox_name_parse(file->name, out);
    out->tries = 0;
    out->waits = false;
}

void inbox_plain_name(const struct inbox_file *file, char out[NAME_MAX + 1])
{
    struct inbox_name name;
    parse_plain(file, &name);
    inbox_name_write(&name, 0, NAME_MAX, out);
}

/* ---- ends ---- */

bool inbox_remove(struct inbox *inbox, const struct inbox_file *file, struct error *err)
{
    struct inbox_place *hand = &inbox->hand[file->queue];
    if (sys.unlinkat(hand->fd, file->name, 0) != 0)
        return error_os(err, "cannot remove '%.80s' from '%s'", file->name, hand->path);
    hand->changes++;
    return true;
}

bool inbox_return(struct inbox *inbox, const struct inbox_file *file, struct error *err)
{
    struct inbox_name name;
    inbox_name_parse(file->name, &name);
    return inbox_place_put(&inbox->hand[file->queue], file->name, &inbox->queues[file->queue], &name, err);
}

bool inbox_forward(struct inbox *inbox, const struct inbox_file *file, unsigned queue, struct error *err)
{
    struct inbox_name name;
    parse_plain(file, &name);
    return inbox_place_put(&inbox->hand[file->queue], file->name, &inbox->queues[queue], &name, err);
}

/* Where files came to before where they came from: a cut in between leaves them in one place at least. */
bool inbox_sync(struct inbox *inbox, struct error *err)
{
    for (size_t i = 0; i < INBOX_MOST_QUEUES; i++)
        if (!inbox_place_sync(&inbox->queues[i], err))
            return false;
    if (!inbox_place_sync(&inbox->corrupt, err) || !inbox_place_sync(&inbox->retry, err))
        return false;
    for (size_t i = 0; i < INBOX_MOST_QUEUES; i++)
        if (!inbox_place_sync(&inbox->hand[i], err))
            return false;
    return true;
}
