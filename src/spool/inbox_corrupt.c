/*
 * The decision hidden here: the reason is there before the file. A file in corrupt/ so always has its reason, and
 * the move of the file is the last step, which says whether it was rejected; a crash before it leaves a reason more,
 * which grows old. So a file is ours if its reason lies beside it: what others keep in the directory is left alone.
 */
#include "base/sys.h"
#include "inbox_order.h"
#include "inbox_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#define WHY INBOX_WHY

enum { TEXT_SIZE = 1024, TEXT_MODE = 0640, TEMPORARY_SIZE = 32 };

/* ---- rejecting ---- */

/* One line that no terminal takes for a command: whoever sent the file may have words in it. */
static void write_text(const char *why, char out[TEXT_SIZE])
{
    struct tm utc;
    const time_t now = (time_t)(sys_now() / 1000000);
    size_t len = strftime(out, TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ ", gmtime_r(&now, &utc));
    for (; *why != '\0' && len < TEXT_SIZE - 2; why++)
        out[len++] = *why >= ' ' && *why <= '~' ? *why : '?';
    out[len++] = '\n';
    out[len] = '\0';
}

static bool write_temporary(const struct inbox_place *corrupt, const char *temporary, const char *text,
                            struct error *err)
{
    const struct span parts[2] = {span_of(text), {NULL, 0}};
    const int fd = sys.openat(corrupt->fd, temporary, O_CREAT | O_TRUNC | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, TEXT_MODE);
    if (fd < 0)
        return error_os(err, "cannot create a file in '%s'", corrupt->path);
    const bool written = sys_write_all(fd, parts) && sys_fsync(fd) == 0;
    if (!written)
        (void)error_os(err, "cannot write a file in '%s'", corrupt->path);
    (void)sys.close(fd);                /* synced, or given up */
    return written;
}

static bool is_there(const struct inbox *inbox, const char *name)
{
    struct stat status;
    return sys.fstatat(inbox->corrupt.fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* 0, or -1 and errno; the text is then under its temporary name again. No reason comes beside a file that was there
 * before: after a crash it would be taken for ours. */
static int put_both(struct inbox *inbox, const struct inbox_file *file, const char *temporary, const char *name)
{
    char why[NAME_MAX + 1];
    if (is_there(inbox, name)) {
        errno = EEXIST;
        return -1;
    }
    (void)snprintf(why, sizeof why, "%.*s" WHY, NAME_MAX - (int)sizeof WHY + 1, name);
    if (inbox_place_move(&inbox->corrupt, temporary, &inbox->corrupt, why) != 0)
        return -1;
    if (inbox_place_move(&inbox->hand[file->queue], file->name, &inbox->corrupt, name) == 0)
        return 0;
    const int reason = errno;
    (void)sys.renameat(inbox->corrupt.fd, why, inbox->corrupt.fd, temporary);
    errno = reason;
    return -1;
}

static bool put_numbered(struct inbox *inbox, const struct inbox_file *file, const char *temporary, struct error *err)
{
    struct inbox_name parts;
    char name[NAME_MAX + 1];
    inbox_name_parse(file->name, &parts);
    for (unsigned number = 0; number < INBOX_MOST_NUMBER; number++) {
        inbox_name_write(&parts, number, NAME_MAX - (sizeof WHY - 1), name);
        if (put_both(inbox, file, temporary, name) == 0) {
            inbox->corrupt.changes++;
            inbox->hand[file->queue].changes++;
            return true;
        }
        if (errno != EEXIST)
            break;
    }
    return error_os(err, "cannot move '%.80s' to '%s'", file->name, inbox->corrupt.path);
}

bool inbox_reject(struct inbox *inbox, const struct inbox_file *file, const char *why, struct error *err)
{
    char text[TEXT_SIZE];
    char temporary[TEMPORARY_SIZE];
    write_text(why, text);
    (void)snprintf(temporary, sizeof temporary, ".%u" WHY ".part", inbox->reader);
    (void)pthread_mutex_lock(&inbox->lock);     /* one temporary for each reader: what a crash leaves is used again */
    const bool rejected = write_temporary(&inbox->corrupt, temporary, text, err) &&
                          put_numbered(inbox, file, temporary, err);
    if (!rejected)
        (void)sys.unlinkat(inbox->corrupt.fd, temporary, 0);
    (void)pthread_mutex_unlock(&inbox->lock);
    return rejected;
}

/* ---- trimming ---- */

enum { TRIM_MOST = 10000, KEY_TIME = 16 };

struct trimming {
    struct inbox *inbox;
    int64_t now;
    uint64_t kept;
    uint64_t removed;
    struct inbox_order oldest;
};

static bool remove_one(struct inbox *inbox, const char *name, uint64_t *removed, struct error *err)
{
    if (sys.unlinkat(inbox->corrupt.fd, name, 0) == 0) {
        *removed += inbox_name_counts(name);
        inbox->corrupt.changes++;
        return true;
    }
    return errno == ENOENT || error_os(err, "cannot remove '%.80s' from '%s'", name, inbox->corrupt.path);
}

/* When its name last changed, which is when it came here; the time of its content is older. 0: it is gone, and so
 * the first to go. */
static bool read_time(struct inbox *inbox, const char *name, int64_t *out, struct error *err)
{
    struct stat status;
    *out = 0;
    if (sys.fstatat(inbox->corrupt.fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        *out = (int64_t)status.st_ctim.tv_sec * 1000000 + status.st_ctim.tv_nsec / 1000;
    else if (errno != ENOENT)
        return error_os(err, "cannot look at '%.80s' in '%s'", name, inbox->corrupt.path);
    return true;
}

static bool find(struct inbox *inbox, const char *name, bool *there, struct error *err)
{
    int64_t came;
    const bool looked = read_time(inbox, name, &came, err);
    *there = came > 0;
    return looked;
}

/* A file with its reason, or a reason whose file is gone. A reason that has its file goes with that. */
static bool find_ours(struct inbox *inbox, const char *name, bool *ours, struct error *err)
{
    char other[NAME_MAX + sizeof WHY];
    const size_t len = strlen(name), end = sizeof WHY - 1;
    *ours = false;
    if (inbox_name_counts(name)) {
        (void)snprintf(other, sizeof other, "%s" WHY, name);
        return len + end > NAME_MAX || find(inbox, other, ours, err);
    }
    if (len <= end || strcmp(name + len - end, WHY) != 0)
        return true;
    (void)snprintf(other, sizeof other, "%.*s", (int)(len - end), name);
    if (!inbox_name_counts(other))
        return true;
    const bool looked = find(inbox, other, ours, err);
    *ours = looked && !*ours;
    return looked;
}

static bool remove_with_reason(struct trimming *trimming, const char *name, struct error *err)
{
    char why[NAME_MAX + sizeof WHY];
    uint64_t reasons = 0;
    (void)snprintf(why, sizeof why, "%s" WHY, name);
    return remove_one(trimming->inbox, name, &trimming->removed, err) &&
           (!inbox_name_counts(name) || remove_one(trimming->inbox, why, &reasons, err));
}

static bool remove_if_old(void *owner, const char *name, struct error *err)
{
    struct trimming *trimming = owner;
    const int64_t age = trimming->inbox->settings.corrupt_age;
    int64_t came;
    bool ours;
    if (!find_ours(trimming->inbox, name, &ours, err))
        return false;
    if (!ours)
        return true;
    if (!read_time(trimming->inbox, name, &came, err))
        return false;
    if (age > 0 && came > 0 && trimming->now - came > age)
        return remove_with_reason(trimming, name, err);
    trimming->kept += came > 0 && inbox_name_counts(name);
    return true;
}

static bool add_by_time(void *owner, const char *name, struct error *err)
{
    struct trimming *trimming = owner;
    char key[KEY_TIME + NAME_MAX + 1];
    int64_t came;
    bool ours;
    if (!inbox_name_counts(name))
        return true;
    if (!find_ours(trimming->inbox, name, &ours, err) || !read_time(trimming->inbox, name, &came, err))
        return false;
    (void)snprintf(key, sizeof key, "%016llX%s", (unsigned long long)came, name);
    return !ours || inbox_order_add(&trimming->oldest, key, err);
}

static bool remove_oldest(struct trimming *trimming, struct error *err)
{
    if (!inbox_place_scan(&trimming->inbox->corrupt, (struct inbox_visitor){add_by_time, trimming}, err))
        return false;
    for (size_t i = 0; i < trimming->oldest.count; i++)
        if (!remove_with_reason(trimming, trimming->oldest.names[i] + KEY_TIME, err))
            return false;
    return true;
}

bool inbox_trim(struct inbox *inbox, int64_t now, uint64_t *removed, struct error *err)
{
    struct trimming trimming = {.inbox = inbox, .now = now};
    if (!inbox_place_scan(&inbox->corrupt, (struct inbox_visitor){remove_if_old, &trimming}, err))
        return false;
    if (trimming.kept > inbox->settings.corrupt_most) {
        const uint64_t excess = trimming.kept - inbox->settings.corrupt_most;
        inbox_order_init(&trimming.oldest, excess < TRIM_MOST ? (size_t)excess : TRIM_MOST);
        const bool done = remove_oldest(&trimming, err);
        inbox_order_fini(&trimming.oldest);
        if (!done)
            return false;
    }
    *removed = trimming.removed;
    return true;
}
