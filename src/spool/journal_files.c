/*
 * The decision hidden here: what the files of the journal are called, and when their names count.
 *
 * Names are made durable before the first batch, and not removed any more: a process that had opened such a file would
 * lock and fill one that nobody finds again. Only where that sync fails, new names are: a later one would not cover
 * them, but be believed.
 */
#include "journal_files.h"

#include "base/sys.h"
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>

enum { FILE_MODE = 0640 };

static const char *const names[JOURNAL_FILES] = {"segment-0", "segment-1"};

void journal_files_init(struct journal_files *files, const char *path)
{
    files->path = path;
    for (unsigned i = 0; i < JOURNAL_FILES; i++)
        files->fds[i] = -1;
}

void journal_files_close(struct journal_files *files)
{
    for (unsigned i = 0; i < JOURNAL_FILES; i++) {
        if (files->fds[i] >= 0)
            (void)sys.close(files->fds[i]);         /* what mattered was synced */
        files->fds[i] = -1;
    }
}

bool journal_files_are_open(const struct journal_files *files)
{
    return files->fds[0] >= 0;
}

/* ---- opening ---- */

/* Without the lock another process might write over what we acknowledge: no lock, no journal. */
static bool lock_files(const struct journal_files *files, struct error *err)
{
    if (flock(files->fds[0], LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return error_set(err, ERROR_BUSY, "another process uses the journal");
    return error_os(err, "cannot lock the journal");
}

static bool open_in(struct journal_files *files, int directory, struct error *err)
{
    for (unsigned i = 0; i < JOURNAL_FILES; i++) {
        files->fds[i] = sys.openat(directory, names[i], O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        if (files->fds[i] < 0 || !sys_identify(files->fds[i], &files->places[i]))
            return error_os(err, "cannot open the journal '%s'", names[i]);
    }
    return true;
}

/* The names may be new, or be left by a process that was killed before it synced them. An empty file holds no batch. */
static bool sync_names(const struct journal_files *files, int directory, struct error *err)
{
    struct stat status;
    if (sys_fsync(directory) == 0)
        return true;
    (void)error_os(err, "cannot sync the directory of the journal");
    for (unsigned i = 0; i < JOURNAL_FILES; i++)
        if (sys.fstat(files->fds[i], &status) == 0 && status.st_size == 0)
            (void)sys.unlinkat(directory, names[i], 0);
    return false;
}

static int open_directory(const char *path)
{
    return sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

bool journal_files_open(struct journal_files *files, struct error *err)
{
    const int directory = open_directory(files->path);
    if (directory < 0)
        return error_os(err, "cannot open the directory '%s'", files->path);
    const bool opened = open_in(files, directory, err) && lock_files(files, err) && sync_names(files, directory, err);
    (void)sys.close(directory);                     /* only synced */
    if (!opened)
        journal_files_close(files);
    return opened;
}

bool journal_files_open_to_read(struct journal_files *files, struct error *err)
{
    char path[PATH_MAX];
    for (unsigned i = 0; i < JOURNAL_FILES; i++) {
        const int len = snprintf(path, sizeof path, "%s/%s", files->path, names[i]);
        if (len > 0 && (size_t)len < sizeof path)
            files->fds[i] = sys.openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
        if (files->fds[i] >= 0)
            continue;
        (void)error_os(err, "cannot open the journal '%.150s/%s'", files->path, names[i]);
        err->kind = err->os == ENOENT ? ERROR_NOT_FOUND : err->kind;
        journal_files_close(files);
        return false;
    }
    return true;
}

/* ---- asking ---- */

bool journal_files_are_in_place(const struct journal_files *files)
{
    char path[PATH_MAX];
    for (unsigned i = 0; i < JOURNAL_FILES; i++) {
        const int len = snprintf(path, sizeof path, "%s/%s", files->path, names[i]);
        if (len < 0 || (size_t)len >= sizeof path || !sys_is_at(&files->places[i], path))
            return false;
    }
    return true;
}

static bool exists_in(int directory, const char *name)
{
    const int fd = sys.openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0)
        return errno != ENOENT;
    (void)sys.close(fd);                            /* only looked for */
    return true;
}

bool journal_files_exist(const char *path)
{
    const int directory = open_directory(path);
    if (directory < 0)
        return errno != ENOENT;
    bool found = false;
    for (unsigned i = 0; i < JOURNAL_FILES; i++)
        found = found || exists_in(directory, names[i]);
    (void)sys.close(directory);                     /* only looked into */
    return found;
}

bool journal_files_find_sizes(const struct journal_files *files, uint64_t sizes[JOURNAL_FILES], struct error *err)
{
    for (unsigned i = 0; i < JOURNAL_FILES; i++) {
        struct stat status;
        if (sys.fstat(files->fds[i], &status) != 0)
            return error_os(err, "cannot ask for the size of the journal '%s'", names[i]);
        if (!S_ISREG(status.st_mode))
            return error_set(err, ERROR_SYSTEM, "the journal '%s' is not a file", names[i]);
        sizes[i] = (uint64_t)status.st_size;
    }
    return true;
}

/* ---- filling ---- */

/* Both are emptied first: what one still holds is published, and is not to be told again when the other fails. */
static bool make_room(const struct journal_files *files, uint64_t size, char *bytes)
{
    bool made = true;
    for (unsigned i = 0; i < JOURNAL_FILES; i++)
        made = sys.ftruncate(files->fds[i], 0) == 0 && made;
    for (unsigned i = 0; made && i < JOURNAL_FILES; i++)
        made = segment_fill(files->fds[i], size, bytes);
    return made;
}

bool journal_files_fill(const struct journal_files *files, uint64_t size, char *bytes, struct error *err)
{
    if (make_room(files, size, bytes))
        return true;
    (void)error_os(err, "cannot make room for the journal");
    for (unsigned i = 0; i < JOURNAL_FILES; i++)
        (void)!sys.ftruncate(files->fds[i], 0);     /* else it keeps from the reports what is left */
    return false;
}
