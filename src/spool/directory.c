/* The decisions hidden here: what a leftover of ours looks like, when a directory's sync is believed, and who may write
 * there. */
#include "directory.h"

#include "base/sys.h"
#include "batch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#define STALE_AGE ((int64_t)3600 * 1000000)

static bool ends_with(const char *name, const char *end)
{
    const size_t len = strlen(name);
    const size_t end_len = strlen(end);
    return len >= end_len && strcasecmp(name + len - end_len, end) == 0;
}

bool directory_is_drawn(const char *name, const char *end)
{
    enum { DIGITS = 16 };
    return strspn(name, SPOOL_NAME_ALPHABET) == DIGITS && strcmp(name + DIGITS, end) == 0;
}

/* Exactly our own: another program's temporaries may begin with a dot and end in ".part" too. */
static bool is_leftover(const char *name)
{
    const size_t probe = sizeof OUTBOX_PROBE - 1;
    return (name[0] == '.' && directory_is_drawn(name + 1, OUTBOX_TEMPORARY)) ||
           (strncmp(name, OUTBOX_PROBE, probe) == 0 && directory_is_drawn(name + probe, ""));
}

static bool is_older(int directory, const char *name, int64_t time)
{
    struct stat status;
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
           status.st_mtime < time / 1000000;
}

bool directory_remove(const char *path, bool (*is_ours)(const char *name), int64_t before, struct error *err)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return error_os(err, "cannot read the directory '%s'", path);
    bool swept = true;
    for (const struct dirent *entry; swept && (entry = readdir(directory)) != NULL;) {
        const char *name = entry->d_name;
        if (!is_ours(name) || !(before == INT64_MAX || is_older(dirfd(directory), name, before)))
            continue;
        if (sys.unlinkat(dirfd(directory), name, 0) != 0 && errno != ENOENT)
            swept = error_os(err, "cannot remove the leftover '%s' in '%s'", name, path);
    }
    (void)closedir(directory);          /* only read from */
    return swept;
}

int64_t directory_stale(int64_t now)
{
    return now - STALE_AGE;
}

bool directory_sweep(const char *path, bool alone, struct error *err)
{
    return directory_remove(path, is_leftover, alone ? INT64_MAX : directory_stale(sys_now()), err);
}

static bool check_mode(mode_t mode, const char *path, struct error *err)
{
    return (mode & S_IWOTH) == 0 ||
           error_set(err, ERROR_SYSTEM, "others may write to the directory '%s' (mode %04o): take that right from them",
                     path, (unsigned)(mode & 07777));
}

bool directory_check(int directory, const char *path, struct error *err)
{
    struct stat status;
    if (sys.fstat(directory, &status) != 0)
        return error_os(err, "cannot ask for the rights of '%s'", path);
    return check_mode(status.st_mode, path, err);
}

bool directory_check_path(const char *path, struct error *err)
{
    struct stat status;
    if (sys.fstatat(AT_FDCWD, path, &status, 0) != 0)
        return errno == ENOENT || errno == ENOTDIR || error_os(err, "cannot ask for the rights of '%s'", path);
    return check_mode(status.st_mode, path, err);
}

/* Where XFS was shut down, because its disk broke, it says that a directory was synced, and nothing was. But it answers
 * nothing else any more: so who can still be asked about has been synced. */
bool directory_sync(int directory)
{
    struct stat ignored;
    return sys_fsync(directory) == 0 && sys.fstat(directory, &ignored) == 0;
}

static bool is_content(struct span bytes, const struct span content[2])
{
    return bytes.len == content[0].len + content[1].len &&
           span_equal((struct span){bytes.at, content[0].len}, content[0]) &&
           span_equal((struct span){bytes.at + content[0].len, content[1].len}, content[1]);
}

/* What is there may be no file at all. */
bool directory_holds(int directory, const char *name, const struct span content[2])
{
    struct buffer file;
    struct error ignored;
    const int fd = sys.openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    buffer_init(&file, content[0].len + content[1].len);
    const bool same = sys_read_open(fd, name, &file, &ignored) && is_content(buffer_span(&file), content);
    buffer_fini(&file);
    (void)sys.close(fd);                /* only read from */
    return same;
}

void directory_count(const char *path, const char *extension, uint64_t *count)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;                         /* an estimate; whatever is wrong shows when a file is to be kept */
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        *count += entry->d_name[0] != '.' && ends_with(entry->d_name, extension);
    (void)closedir(directory);          /* only read from */
}
