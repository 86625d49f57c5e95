/*
 * The calls of an inbox as steps: the n-th call of any kind fails, or the process dies before it. For file systems that
 * know less: no rename without replacing, no types of files in directories.
 */
#ifndef TEST_INBOX_STEPS_H
#define TEST_INBOX_STEPS_H

#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { STEPS_DEATH = -1, STEPS_EXIT = 77 };

static struct {
    unsigned at;        /* 0: never */
    _Atomic unsigned count;     /* of all threads */
    int error;          /* or STEPS_DEATH */
    bool poor;          /* a file system that knows less */
    _Atomic bool hit;
    struct sys_calls before;
} steps;

static inline bool steps_due(void)
{
    if (++steps.count != steps.at)
        return false;
    if (steps.error == STEPS_DEATH)
        _exit(STEPS_EXIT);
    steps.hit = true;
    errno = steps.error;
    return true;
}

static inline int steps_openat(int directory, const char *path, int flags, mode_t mode)
{
    return steps_due() ? -1 : sys_kernel.openat(directory, path, flags, mode);
}

static inline ssize_t steps_read(int fd, void *bytes, size_t len)
{
    return steps_due() ? -1 : sys_kernel.read(fd, bytes, len);
}

static inline ssize_t steps_writev(int fd, const struct iovec *parts, int count)
{
    return steps_due() ? -1 : sys_kernel.writev(fd, parts, count);
}

static inline int steps_fsync(int fd)
{
    return steps_due() ? -1 : steps.before.fsync(fd);
}

static inline int steps_syncfs(int fd)
{
    return steps_due() ? -1 : steps.before.syncfs(fd);
}

static inline int steps_linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    return steps_due() ? -1 : sys_kernel.linkat(from_directory, from, to_directory, to, flags);
}

static inline int steps_unlinkat(int directory, const char *path, int flags)
{
    return steps_due() ? -1 : sys_kernel.unlinkat(directory, path, flags);
}

static inline int steps_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    return steps_due() ? -1 : sys_kernel.renameat(from_directory, from, to_directory, to);
}

static inline int steps_renameat2(int from_directory, const char *from, int to_directory, const char *to,
                                  unsigned flags)
{
    if (steps_due())
        return -1;
    if (!steps.poor)
        return sys_kernel.renameat2(from_directory, from, to_directory, to, flags);
    errno = EINVAL;
    return -1;
}

static inline int steps_mkdirat(int directory, const char *path, mode_t mode)
{
    return steps_due() ? -1 : sys_kernel.mkdirat(directory, path, mode);
}

static inline int steps_fstatat(int directory, const char *path, struct stat *out, int flags)
{
    return steps_due() ? -1 : sys_kernel.fstatat(directory, path, out, flags);
}

static inline int steps_fstat(int fd, struct stat *out)
{
    return steps_due() ? -1 : sys_kernel.fstat(fd, out);
}

static inline ssize_t steps_getdents64(int fd, void *entries, size_t size)
{
    const ssize_t len = steps_due() ? -1 : sys_kernel.getdents64(fd, entries, size);
    for (ssize_t at = 0; steps.poor && at < len;) {
        struct dirent64 *entry = (void *)((char *)entries + at);
        entry->d_type = DT_UNKNOWN;
        at += entry->d_reclen;
    }
    return len;
}

static inline void *steps_allocate(size_t size)
{
    return steps_due() ? NULL : sys_kernel.allocate(size);
}

static inline void *steps_reallocate(void *old, size_t size)
{
    return steps_due() ? NULL : sys_kernel.reallocate(old, size);
}

static inline void steps_begin(unsigned at, int error)
{
    steps.at = at;
    steps.error = error;
    steps.count = 0;
    steps.hit = false;
    steps.before = sys;
    sys.openat = steps_openat;
    sys.read = steps_read;
    sys.writev = steps_writev;
    sys.fsync = steps_fsync;
    sys.syncfs = steps_syncfs;
    sys.linkat = steps_linkat;
    sys.unlinkat = steps_unlinkat;
    sys.renameat = steps_renameat;
    sys.renameat2 = steps_renameat2;
    sys.mkdirat = steps_mkdirat;
    sys.fstat = steps_fstat;
    sys.fstatat = steps_fstatat;
    sys.getdents64 = steps_getdents64;
    sys.allocate = steps_allocate;
    sys.reallocate = steps_reallocate;
}

static inline void steps_end(void)
{
    sys = steps.before;
}

#endif
