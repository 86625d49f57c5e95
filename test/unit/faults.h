/*
 * System calls that fail on command and write down what they did.
 *
 * faults_begin puts this table in place of `sys`; a plan says which call fails, the how manieth, and how. A torture is
 * a loop: plan the 1st, 2nd, 3rd ... to fail until faults_hit() says that no call was left to fail. Everything that
 * changes files or syncs them goes into the recording (faults_recording.h). Syncs do not reach the disk: no test here
 * cuts the real power.
 */
#ifndef TEST_FAULTS_H
#define TEST_FAULTS_H

#include "base/sys.h"
#include "faults_recording.h"

#include <errno.h>
#include <unistd.h>

enum faults_call {
    FAULTS_OPENAT,
    FAULTS_CLOSE,
    FAULTS_READ,
    FAULTS_WRITE,
    FAULTS_WRITEV,
    FAULTS_PREAD,
    FAULTS_PWRITE,
    FAULTS_FTRUNCATE,
    FAULTS_FSYNC,
    FAULTS_FDATASYNC,
    FAULTS_SYNCFS,
    FAULTS_LINKAT,
    FAULTS_UNLINKAT,
    FAULTS_RENAMEAT,
    FAULTS_MKDIRAT,
    FAULTS_FSTAT,
    FAULTS_FSTATVFS,
    FAULTS_GETRANDOM,
    FAULTS_ALLOCATE,
    FAULTS_REALLOCATE,
    FAULTS_CALLS,
};

enum { FAULTS_SHORT = -1 };

struct faults_plan {
    enum faults_call call;
    unsigned nth;  /* from 1; 0: nothing fails */
    int error;     /* or FAULTS_SHORT: reads and writes do half of it */
    bool for_good; /* and every one after it */
};

static struct {
    pthread_mutex_t lock;
    struct faults_plan plan;
    bool no_nameless; /* O_TMPFILE is refused */
    unsigned counts[FAULTS_CALLS];
    unsigned hits;
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline unsigned faults_hits(void)
{
    (void)pthread_mutex_lock(&faults.lock);
    const unsigned hits = faults.hits;
    (void)pthread_mutex_unlock(&faults.lock);
    return hits;
}

static inline bool faults_hit(void)
{
    return faults_hits() > 0;
}

static inline unsigned faults_count_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}

/* 0, or FAULTS_SHORT, or an errno, which is then set. */
static inline int faults_due(enum faults_call call)
{
    (void)pthread_mutex_lock(&faults.lock);
    const unsigned count = ++faults.counts[call];
    const struct faults_plan plan = faults.plan;
    const bool can = plan.error != FAULTS_SHORT || (call >= FAULTS_READ && call <= FAULTS_PWRITE);
    const bool due = can && plan.nth > 0 && plan.call == call &&
                     (count == plan.nth || (plan.for_good && count > plan.nth));
    faults.hits += due;
    (void)pthread_mutex_unlock(&faults.lock);
    if (due)
        errno = plan.error;
    return due ? plan.error : 0;
}

/* ---- the table ---- */

static inline int faults_opened(int directory, const char *path, const struct stat *status, bool in_place, bool is_new)
{
    if (!is_new)
        return S_ISDIR(status->st_mode) || in_place ? recording_of_inode(status) : RECORDING_NOTHING;
    const int object = recording_of_new_file(status, in_place);
    if (status->st_nlink > 0)
        (void)recording_note(recording_named(RECORDING_NAMED, directory, path, object));
    return object;
}

static inline int faults_openat(int directory, const char *path, int flags, mode_t mode)
{
    const bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
    if (faults_due(FAULTS_OPENAT))
        return -1;
    if (nameless && faults.no_nameless) {
        errno = EOPNOTSUPP;
        return -1;
    }
    struct stat status;
    const bool in_place = (flags & O_CREAT) != 0 && (flags & O_EXCL) == 0;
    const bool is_new = in_place && fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) != 0;
    const int fd = sys_kernel.openat(directory, path, flags, mode);
    if (fd < 0 || fstat(fd, &status) != 0)
        return fd;
    recording_map(fd, faults_opened(directory, path, &status, in_place, nameless || (flags & O_EXCL) != 0 || is_new));
    return fd;
}

/* As on Linux, the descriptor is gone also when close fails. */
static inline int faults_close(int fd)
{
    const int due = faults_due(FAULTS_CLOSE);
    recording_map(fd, RECORDING_NOTHING);
    const int result = sys_kernel.close(fd);
    errno = due ? due : errno;
    return due ? -1 : result;
}

static inline ssize_t faults_read(int fd, void *bytes, size_t len)
{
    const int due = faults_due(FAULTS_READ);
    return due > 0 ? -1 : sys_kernel.read(fd, bytes, due == FAULTS_SHORT ? (len + 1) / 2 : len);
}

static inline ssize_t faults_write(int fd, const void *bytes, size_t len)
{
    const int due = faults_due(FAULTS_WRITE);
    const ssize_t done = due > 0 ? -1 : sys_kernel.write(fd, bytes, due == FAULTS_SHORT ? (len + 1) / 2 : len);
    const int id = recording_of_fd(fd);
    if (done > 0 && id >= 0)
        recording_append(id, bytes, (size_t)done);
    return done;
}

static inline ssize_t faults_pread(int fd, void *bytes, size_t len, off_t at)
{
    const int due = faults_due(FAULTS_PREAD);
    return due > 0 ? -1 : sys_kernel.pread(fd, bytes, due == FAULTS_SHORT ? (len + 1) / 2 : len, at);
}

static inline ssize_t faults_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    const int due = faults_due(FAULTS_PWRITE);
    const ssize_t done = due > 0 ? -1 : sys_kernel.pwrite(fd, bytes, due == FAULTS_SHORT ? (len + 1) / 2 : len, at);
    const int id = recording_of_fd(fd);
    if (done > 0 && id >= 0)
        recording_note_bytes(id, bytes, (size_t)done, (size_t)at);
    return done;
}

static inline int faults_ftruncate(int fd, off_t len)
{
    const int result = faults_due(FAULTS_FTRUNCATE) ? -1 : sys_kernel.ftruncate(fd, len);
    const int id = recording_of_fd(fd);
    if (result == 0 && id >= 0)
        (void)recording_note((struct recording_event){.kind = RECORDING_TRUNCATED, .object = id, .len = (size_t)len});
    return result;
}

/* Part for part, so that a file may also be torn between them; the last part may come short. */
static inline ssize_t faults_writev(int fd, const struct iovec *parts, int count)
{
    const int due = faults_due(FAULTS_WRITEV);
    ssize_t sum = 0;
    if (due > 0)
        return -1;
    for (int i = 0; i < count; i++) {
        const size_t len = due == FAULTS_SHORT ? (parts[i].iov_len + 1) / 2 : parts[i].iov_len;
        const ssize_t done = len == 0 ? 0 : faults_write(fd, parts[i].iov_base, len);
        if (done < 0)
            return sum > 0 ? sum : -1;
        sum += done;
        if ((size_t)done < parts[i].iov_len)
            break;
    }
    return sum;
}

/* As on Linux: what a failed sync did not write is clean afterwards, so that no later one writes it; and whoever had
 * the same object open is told, once, by his own next sync. */
static inline int faults_sync(enum faults_call call, int fd, int object)
{
    const size_t begun = recording_moment();
    const int due = faults_due(call);
    if (due == EINTR || fcntl(fd, F_GETFD) < 0)
        return -1;
    if (due != 0)
        recording_note_failure(object, begun);
    if (recording_tell_failure(fd, object) || due != 0) {
        errno = due != 0 ? due : EIO;
        return -1;
    }
    (void)recording_note((struct recording_event){.kind = RECORDING_SYNCED, .object = object, .begun = begun});
    return 0;
}

static inline int faults_fsync(int fd)
{
    return faults_sync(FAULTS_FSYNC, fd, recording_of_fd(fd));
}

static inline int faults_fdatasync(int fd)
{
    return faults_sync(FAULTS_FDATASYNC, fd, recording_of_fd(fd));
}

static inline int faults_syncfs(int fd)
{
    return faults_sync(FAULTS_SYNCFS, fd, RECORDING_EVERYTHING);
}

static inline int faults_linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    if (faults_due(FAULTS_LINKAT))
        return -1;
    const int object = from[0] == '\0' ? recording_of_fd(from_directory) : recording_find(from_directory, from);
    const int result = sys_kernel.linkat(from_directory, from, to_directory, to, flags);
    if (result == 0)
        (void)recording_note(recording_named(RECORDING_NAMED, to_directory, to, object));
    return result;
}

static inline int faults_unlinkat(int directory, const char *path, int flags)
{
    const int result = faults_due(FAULTS_UNLINKAT) ? -1 : sys_kernel.unlinkat(directory, path, flags);
    if (result == 0)
        (void)recording_note(recording_named(RECORDING_UNNAMED, directory, path, RECORDING_NOTHING));
    return result;
}

static inline int faults_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    if (faults_due(FAULTS_RENAMEAT))
        return -1;
    const int object = recording_find(from_directory, from);
    const int result = sys_kernel.renameat(from_directory, from, to_directory, to);
    if (result == 0) {
        (void)recording_note(recording_named(RECORDING_NAMED, to_directory, to, object));
        (void)recording_note(recording_named(RECORDING_UNNAMED, from_directory, from, RECORDING_NOTHING));
    }
    return result;
}

static inline int faults_renameat2(int from_directory, const char *from, int to_directory, const char *to,
                                   unsigned flags)
{
    if (faults_due(FAULTS_RENAMEAT))
        return -1;
    const bool exchanges = flags == RENAME_EXCHANGE;
    const int object = recording_find(from_directory, from);
    const int other = exchanges ? recording_find(to_directory, to) : RECORDING_NOTHING;
    const int result = sys_kernel.renameat2(from_directory, from, to_directory, to, flags);
    if (result == 0) {
        (void)recording_note(recording_named(RECORDING_NAMED, to_directory, to, object));
        (void)recording_note(
            recording_named(exchanges ? RECORDING_NAMED : RECORDING_UNNAMED, from_directory, from, other));
    }
    return result;
}

static inline int faults_mkdirat(int directory, const char *path, mode_t mode)
{
    struct stat status;
    const int result = faults_due(FAULTS_MKDIRAT) ? -1 : sys_kernel.mkdirat(directory, path, mode);
    if (result == 0 && fstatat(directory, path, &status, 0) == 0)
        (void)recording_note(recording_named(RECORDING_NAMED, directory, path, recording_of_inode(&status)));
    return result;
}

static inline int faults_fstat(int fd, struct stat *out)
{
    return faults_due(FAULTS_FSTAT) ? -1 : sys_kernel.fstat(fd, out);
}

static inline int faults_fstatvfs(int fd, struct statvfs *out)
{
    return faults_due(FAULTS_FSTATVFS) ? -1 : sys_kernel.fstatvfs(fd, out);
}

static inline ssize_t faults_getrandom(void *bytes, size_t len, unsigned flags)
{
    return faults_due(FAULTS_GETRANDOM) ? -1 : sys_kernel.getrandom(bytes, len, flags);
}

static inline void *faults_allocate(size_t size)
{
    return faults_due(FAULTS_ALLOCATE) ? NULL : sys_kernel.allocate(size);
}

static inline void *faults_reallocate(void *old, size_t size)
{
    return faults_due(FAULTS_REALLOCATE) ? NULL : sys_kernel.reallocate(old, size);
}

/* ---- begin and end ---- */

static inline void faults_begin(struct faults_plan plan)
{
    recording_begin();
    faults.plan = plan;
    sys = (struct sys_calls){
        .openat = faults_openat,
        .close = faults_close,
        .read = faults_read,
        .write = faults_write,
        .writev = faults_writev,
        .pread = faults_pread,
        .pwrite = faults_pwrite,
        .ftruncate = faults_ftruncate,
        .fsync = faults_fsync,
        .fdatasync = faults_fdatasync,
        .syncfs = faults_syncfs,
        .linkat = faults_linkat,
        .unlinkat = faults_unlinkat,
        .renameat = faults_renameat,
        .mkdirat = faults_mkdirat,
        .fstat = faults_fstat,
        .fstatat = sys_kernel.fstatat,
        .renameat2 = faults_renameat2,
        .getdents64 = sys_kernel.getdents64,
        .fstatvfs = faults_fstatvfs,
        .getrandom = faults_getrandom,
        .allocate = faults_allocate,
        .reallocate = faults_reallocate,
        .release = free,
    };
}

/* From now on this fails, counted anew; what was recorded stays. */
static inline void faults_plan(struct faults_plan plan)
{
    (void)pthread_mutex_lock(&faults.lock);
    faults.plan = plan;
    faults.hits = 0;
    memset(faults.counts, 0, sizeof faults.counts);
    (void)pthread_mutex_unlock(&faults.lock);
}

static inline void faults_end(void)
{
    sys = sys_kernel;
    recording_end();
    faults.no_nameless = false;
    faults_plan((struct faults_plan){0});
}

#endif
