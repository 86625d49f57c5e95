/* The decision hidden here: what "all of it" means when the kernel interrupts or does only a part. */
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { DIRECTORY_MODE = 0750 };

static int kernel_openat(int directory, const char *path, int flags, mode_t mode)
{
    return openat(directory, path, flags, mode);
}

static int kernel_fstat(int fd, struct stat *out)
{
    return fstat(fd, out);
}

static int kernel_fstatat(int directory, const char *path, struct stat *out, int flags)
{
    return fstatat(directory, path, out, flags);
}

static int kernel_fstatvfs(int fd, struct statvfs *out)
{
    return fstatvfs(fd, out);
}

#define KERNEL_CALLS                                                                                                 \
    {                                                                                                                \
        .openat = kernel_openat, .close = close, .read = read, .write = write, .writev = writev, .pread = pread,     \
        .pwrite = pwrite, .ftruncate = ftruncate, .fsync = fsync, .fdatasync = fdatasync, .syncfs = syncfs,          \
        .linkat = linkat, .unlinkat = unlinkat, .renameat = renameat, .renameat2 = renameat2, .mkdirat = mkdirat,    \
        .fstat = kernel_fstat, .fstatat = kernel_fstatat, .getdents64 = getdents64, .fstatvfs = kernel_fstatvfs,     \
        .getrandom = getrandom, .allocate = malloc, .reallocate = realloc, .release = free,                          \
    }

const struct sys_calls sys_kernel = KERNEL_CALLS;
struct sys_calls sys = KERNEL_CALLS;

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);   /* fails only for a clock that does not exist */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t sys_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t sys_ticks(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* None of these calls can fail on Linux. */
void sys_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

bool sys_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t ticks)
{
    const struct timespec time = {.tv_sec = ticks / 1000000, .tv_nsec = ticks % 1000000 * 1000};
    return pthread_cond_timedwait(condition, lock, &time) != ETIMEDOUT;
}

bool sys_write_all(int fd, const struct span parts[2])
{
    struct iovec left[2] = {
        {(void *)(uintptr_t)parts[0].at, parts[0].len},
        {(void *)(uintptr_t)parts[1].at, parts[1].len},
    };
    while (left[0].iov_len + left[1].iov_len > 0) {
        ssize_t done = sys.writev(fd, left, 2);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        if (done == 0) {
            errno = ENOSPC;
            return false;
        }
        for (int i = 0; i < 2; i++) {
            const size_t step = (size_t)done < left[i].iov_len ? (size_t)done : left[i].iov_len;
            if (step == 0)
                continue;               /* an empty part may be NULL, which has no offsets */
            left[i].iov_base = (char *)left[i].iov_base + step;
            left[i].iov_len -= step;
            done -= (ssize_t)step;
        }
    }
    return true;
}

bool sys_read_open(int fd, const char *path, struct buffer *out, struct error *err)
{
    const size_t before = out->len;
    bool done = false;
    char bytes[16 * 1024];
    for (;;) {
        const ssize_t got = sys.read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            (void)error_os(err, "cannot read '%s'", path);
            break;
        }
        if (got == 0) {
            done = true;
            break;
        }
        if (!buffer_add(out, bytes, (size_t)got, err))
            break;
    }
    if (!done)
        out->len = before;
    return done;
}

bool sys_read_file(int directory, const char *path, struct buffer *out, struct error *err)
{
    const int fd = sys.openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    if (fd < 0)
        return error_os(err, "cannot open '%s'", path);
    const bool done = sys_read_open(fd, path, out, err);
    (void)sys.close(fd);                /* only read from: nothing is lost */
    return done;
}

/* A stat that fails is no failure of a report: what is open is opened anew, and that tells. */
bool sys_identify(int fd, struct sys_identity *out)
{
    struct stat status;
    if (sys.fstat(fd, &status) != 0)
        return false;
    *out = (struct sys_identity){.device = status.st_dev, .inode = status.st_ino};
    return true;
}

bool sys_is_at(const struct sys_identity *identity, const char *path)
{
    struct stat status;
    return sys.fstatat(AT_FDCWD, path, &status, 0) == 0 && status.st_dev == identity->device &&
           status.st_ino == identity->inode;
}

static int sync_to_the_end(int (*sync)(int fd), int fd)
{
    int result;
    do
        result = sync(fd);
    while (result < 0 && errno == EINTR);
    return result;
}

int sys_fsync(int fd)
{
    return sync_to_the_end(sys.fsync, fd);
}

int sys_fdatasync(int fd)
{
    return sync_to_the_end(sys.fdatasync, fd);
}

int sys_syncfs(int fd)
{
    return sync_to_the_end(sys.syncfs, fd);
}

static bool sync_parent(char *path, size_t len, struct error *err)
{
    while (len > 0 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    const char kept = path[len];
    path[len] = '\0';
    const int parent = sys.openat(AT_FDCWD, len == 0 ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    path[len] = kept;
    if (parent < 0)
        return error_os(err, "cannot open the directory above '%s'", path);
    const bool synced = sys_fsync(parent) == 0;
    if (!synced)
        (void)error_os(err, "cannot sync the directory above '%s'", path);
    (void)sys.close(parent);            /* only synced */
    return synced;
}

static bool make_one(char *path, size_t len, struct error *err)
{
    struct error ignored;
    if (sys.mkdirat(AT_FDCWD, path, DIRECTORY_MODE) == 0) {
        if (sync_parent(path, len, err))
            return true;
        (void)sys.unlinkat(AT_FDCWD, path, AT_REMOVEDIR);   /* a later sync would not cover it, but be believed */
        return false;
    }
    if (errno != EEXIST)
        return error_os(err, "cannot make the directory '%s'", path);
    /* Made just before a crash, it may not be durable yet; above our own directories we may not be allowed to sync. */
    (void)!sync_parent(path, len, &ignored);
    return true;
}

bool sys_make_directory(const char *path, struct error *err)
{
    char part[PATH_MAX];
    const size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return error_set(err, ERROR_MALFORMED, "'%.100s' is not a path of 1 to %zu bytes", path, sizeof part - 1);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (!make_one(part, i, err))
            return false;
        part[i] = path[i];
    }
    return true;
}
