/*
 * The kernel: every system call that can fail us on the way of a report to the disk, and every allocation, in one
 * replaceable table. Programs call through `sys`; tests put failing or recording functions in its place, so that
 * each failure and each power cut can be tried in turn. Raw open, write, fsync, link, rename and unlink stand
 * nowhere else (scripts/check-banned).
 *
 * The entries have the manual page's arguments, return values and errno. The functions below the table add only
 * what every caller needs: going on after EINTR and after a short write. Replace the table before threads start.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include "base/error.h"
#include "base/mem.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>

struct sys_calls {
    int (*openat)(int directory, const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*read)(int fd, void *bytes, size_t len);
    ssize_t (*write)(int fd, const void *bytes, size_t len);
    ssize_t (*writev)(int fd, const struct iovec *parts, int count);
    ssize_t (*pread)(int fd, void *bytes, size_t len, off_t at);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t len, off_t at);
    int (*ftruncate)(int fd, off_t len);
    int (*fsync)(int fd);
    int (*fdatasync)(int fd);
    int (*syncfs)(int fd);
    int (*linkat)(int from_directory, const char *from, int to_directory, const char *to, int flags);
    int (*unlinkat)(int directory, const char *path, int flags);
    int (*renameat)(int from_directory, const char *from, int to_directory, const char *to);
    int (*renameat2)(int from_directory, const char *from, int to_directory, const char *to, unsigned flags);
    int (*mkdirat)(int directory, const char *path, mode_t mode);
    int (*fstat)(int fd, struct stat *out);
    int (*fstatat)(int directory, const char *path, struct stat *out, int flags);
    ssize_t (*getdents64)(int fd, void *entries, size_t size);
    int (*fstatvfs)(int fd, struct statvfs *out);
    ssize_t (*getrandom)(void *bytes, size_t len, unsigned flags);
    void *(*allocate)(size_t size);
    void *(*reallocate)(void *old, size_t size);
    void (*release)(void *at);
};

extern struct sys_calls sys;            /* the table in use */
extern const struct sys_calls sys_kernel;   /* the real one */

/* Microseconds since 1970, UTC. */
int64_t sys_now(void);
/* Microseconds of a clock that never steps. */
int64_t sys_ticks(void);

/* A condition that is waited for by sys_ticks. */
void sys_condition_init(pthread_cond_t *condition);
/* Waits as pthread_cond_wait does. False: it is `ticks` or later; what was waited for may be there all the same. */
bool sys_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t ticks);

/* Writes all of both parts; on false errno is set (ENOSPC after a short write that the kernel does not explain). */
bool sys_write_all(int fd, const struct span parts[2]) MUST_CHECK;
/* Reads a whole file into the buffer, up to the buffer's maximum; with the second one that is open, under that path. */
bool sys_read_file(int directory, const char *path, struct buffer *out, struct error *err) MUST_CHECK;
bool sys_read_open(int fd, const char *path, struct buffer *out, struct error *err) MUST_CHECK;
/* Which file or directory it is, whatever it is called. */
struct sys_identity {
    dev_t device;
    ino_t inode;
};
bool sys_identify(int fd, struct sys_identity *out) MUST_CHECK;         /* on false errno is set */
/* Does the path still lead to it? Not after it was renamed or removed, or its file system unmounted or broken. */
bool sys_is_at(const struct sys_identity *identity, const char *path) MUST_CHECK;
/* As fsync, fdatasync and syncfs, going on after EINTR. 0 or -1 and errno. */
int sys_fsync(int fd);
int sys_fdatasync(int fd);
int sys_syncfs(int fd);

/* Makes the path's missing directories (0750), each synced into its parent: a new directory is itself an entry that a
 * power cut could take. */
bool sys_make_directory(const char *path, struct error *err) MUST_CHECK;

#endif
