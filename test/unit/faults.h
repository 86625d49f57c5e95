/*
 * System calls that fail on command and remember what they did.
 *
 * faults_begin puts this table in place of `sys`; a plan says which call fails, the how manieth, and how. A torture is
 * a loop: plan the 1st, 2nd, 3rd ... to fail until faults_hit() says that no call was left to fail. Everything that
 * changes files or syncs them is remembered in order, by any thread; faults_note_kept adds what was promised to whom;
 * faults_power.h and faults_rebuild.h ask of that recording what a power cut would have left. Syncs do not reach the
 * disk: no test here cuts the real power. Files are modelled that are made new and written from the beginning, and those
 * that are opened to be written in place (O_CREAT without O_EXCL, as the journal's); other files are let through.
 */
#ifndef TEST_FAULTS_H
#define TEST_FAULTS_H

#include "base/sys.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

enum { FAULTS_SHORT = -1, FAULTS_EVERYTHING = -1, FAULTS_UNKNOWN = -2, FAULTS_MOST = 4096 };

struct faults_plan {
    enum faults_call call;
    unsigned nth;                   /* from 1; 0: nothing fails */
    int error;                      /* or FAULTS_SHORT: reads and writes do half of it */
    bool for_good;                  /* and every one after it */
};

enum faults_kind {
    FAULTS_CREATED,
    FAULTS_WROTE,
    FAULTS_TRUNCATED,
    FAULTS_SYNCED,
    FAULTS_NAMED,
    FAULTS_UNNAMED,
    FAULTS_KEPT,
};

struct faults_event {
    enum faults_kind kind;
    int object;                     /* file or directory; of a sync of the file system: FAULTS_EVERYTHING */
    int directory;                  /* NAMED, UNNAMED, KEPT: with `name` in it */
    char name[64];
    size_t at;                      /* WROTE: where */
    size_t len;                     /* WROTE, TRUNCATED */
    char *bytes;                    /* WROTE: what; freed with the recording */
    size_t begun;                   /* SYNCED: covers the events before this one */
    struct span content[2];         /* KEPT: what should be there */
};

struct faults_object {
    bool is_directory;
    bool nameless;                  /* made without a name */
    bool in_place;                  /* a file that is written at any place, and opened again */
    dev_t device;                   /* of a directory, or of such a file */
    ino_t number;
    char *bytes;                    /* of another file, all that was written */
    size_t len;
};

static struct {
    pthread_mutex_t lock;
    struct faults_plan plan;
    bool no_nameless;               /* O_TMPFILE is refused */
    unsigned counts[FAULTS_CALLS];
    unsigned hits;
    struct faults_event *events;
    size_t event_count;
    struct faults_object objects[FAULTS_MOST];
    int object_count;
    int object_of_fd[FAULTS_MOST];
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline bool faults_hit(void)
{
    return faults.hits > 0;
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

/* ---- failing ---- */

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

/* ---- remembering; `faults.lock` is held in those whose comment says so ---- */

static inline size_t faults_note(struct faults_event event)
{
    (void)pthread_mutex_lock(&faults.lock);
    if ((faults.event_count & (faults.event_count + 1)) == 0) {
        faults.events = realloc(faults.events, (2 * faults.event_count + 2) * sizeof event);
        assert(faults.events != NULL);
    }
    faults.events[faults.event_count] = event;
    const size_t index = faults.event_count++;
    (void)pthread_mutex_unlock(&faults.lock);
    return index;
}

static inline size_t faults_moment(void)
{
    (void)pthread_mutex_lock(&faults.lock);
    const size_t moment = faults.event_count;
    (void)pthread_mutex_unlock(&faults.lock);
    return moment;
}

/* Locked. */
static inline int faults_add_object(struct faults_object object)
{
    assert(faults.object_count < FAULTS_MOST);
    faults.objects[faults.object_count] = object;
    return faults.object_count++;
}

/* A directory, or a file that is written in place; an object of its own when it is seen first. */
static inline int faults_of_inode(const struct stat *status)
{
    const bool is_directory = S_ISDIR(status->st_mode);
    int found = 0;
    (void)pthread_mutex_lock(&faults.lock);
    for (; found < faults.object_count; found++) {
        const struct faults_object *object = &faults.objects[found];
        if ((object->is_directory || object->in_place) && object->is_directory == is_directory &&
            object->number == status->st_ino && object->device == status->st_dev)
            break;
    }
    if (found == faults.object_count)
        (void)faults_add_object((struct faults_object){.is_directory = is_directory,
                                                       .in_place = !is_directory,
                                                       .device = status->st_dev,
                                                       .number = status->st_ino});
    (void)pthread_mutex_unlock(&faults.lock);
    return found;
}

static inline int faults_of_fd(int fd)
{
    (void)pthread_mutex_lock(&faults.lock);
    const int object = fd >= 0 && fd < FAULTS_MOST ? faults.object_of_fd[fd] : FAULTS_UNKNOWN;
    (void)pthread_mutex_unlock(&faults.lock);
    return object;
}

static inline void faults_map(int fd, int object)
{
    assert(fd < FAULTS_MOST);
    (void)pthread_mutex_lock(&faults.lock);
    faults.object_of_fd[fd] = object;
    (void)pthread_mutex_unlock(&faults.lock);
}

/* An event about a name: the directory that holds it and its last part. */
static inline struct faults_event faults_named(enum faults_kind kind, int directory, const char *path, int object)
{
    struct faults_event event = {.kind = kind, .object = object, .directory = FAULTS_UNKNOWN};
    const char *slash = strrchr(path, '/');
    char above[512];
    (void)snprintf(above, sizeof above, "%.*s", slash == NULL ? 0 : (int)(slash - path) + 1, path);
    struct stat status;
    if (fstatat(directory, slash == NULL ? "." : above, &status, 0) == 0)
        event.directory = faults_of_inode(&status);
    (void)snprintf(event.name, sizeof event.name, "%.63s", slash == NULL ? path : slash + 1);
    return event;
}

static inline int faults_find(int directory, const char *path)
{
    int fd;
    if (sscanf(path, "/proc/self/fd/%9d", &fd) == 1)
        return faults_of_fd(fd);
    const struct faults_event wanted = faults_named(FAULTS_NAMED, directory, path, 0);
    int object = FAULTS_UNKNOWN;
    (void)pthread_mutex_lock(&faults.lock);
    for (size_t i = 0; i < faults.event_count; i++) {
        const struct faults_event *event = &faults.events[i];
        if ((event->kind == FAULTS_NAMED || event->kind == FAULTS_UNNAMED) && event->directory == wanted.directory &&
            strcmp(event->name, wanted.name) == 0)
            object = event->kind == FAULTS_NAMED ? event->object : FAULTS_UNKNOWN;
    }
    (void)pthread_mutex_unlock(&faults.lock);
    return object;
}

static inline void faults_note_kept(const char *directory, const char *name, const struct span content[2])
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    struct faults_event event = faults_named(FAULTS_KEPT, AT_FDCWD, path, 0);
    event.content[0] = content[0];
    event.content[1] = content[1];
    (void)faults_note(event);
}

/* ---- the table ---- */

/* The way in which src/spool asks whether an ext4 has a journal: here it always has one. */
static inline int faults_open_journal(void)
{
    const int fd = memfd_create("journal_task", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, "1\n", 2) == 2 && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static inline int faults_opened(int directory, const char *path, const struct stat *status, bool in_place, bool is_new)
{
    const bool nameless = status->st_nlink == 0;
    int object = FAULTS_UNKNOWN;
    if (S_ISDIR(status->st_mode))
        return faults_of_inode(status);
    if (in_place)
        object = faults_of_inode(status);
    if (!is_new)
        return object;
    if (!in_place) {
        (void)pthread_mutex_lock(&faults.lock);
        object = faults_add_object((struct faults_object){.nameless = nameless});
        (void)pthread_mutex_unlock(&faults.lock);
    }
    (void)faults_note((struct faults_event){.kind = FAULTS_CREATED, .object = object});
    if (!nameless)
        (void)faults_note(faults_named(FAULTS_NAMED, directory, path, object));
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
    if (strstr(path, "/journal_task") != NULL)
        return faults_open_journal();
    struct stat status;
    const bool in_place = (flags & O_CREAT) != 0 && (flags & O_EXCL) == 0;
    const bool is_new = in_place && fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) != 0;
    const int fd = sys_kernel.openat(directory, path, flags, mode);
    if (fd < 0 || fstat(fd, &status) != 0)
        return fd;
    faults_map(fd, faults_opened(directory, path, &status, in_place, nameless || (flags & O_EXCL) != 0 || is_new));
    return fd;
}

/* As on Linux, the descriptor is gone also when close fails. */
static inline int faults_close(int fd)
{
    const int due = faults_due(FAULTS_CLOSE);
    faults_map(fd, FAULTS_UNKNOWN);
    const int result = sys_kernel.close(fd);
    errno = due ? due : errno;
    return due ? -1 : result;
}

static inline ssize_t faults_read(int fd, void *bytes, size_t len)
{
    const int due = faults_due(FAULTS_READ);
    return due > 0 ? -1 : sys_kernel.read(fd, bytes, due == FAULTS_SHORT ? (len + 1) / 2 : len);
}

static inline void faults_wrote(int object, const char *bytes, size_t len, size_t at)
{
    char *copy = malloc(len);
    assert(copy != NULL);
    memcpy(copy, bytes, len);
    (void)faults_note(
        (struct faults_event){.kind = FAULTS_WROTE, .object = object, .at = at, .len = len, .bytes = copy});
}

static inline ssize_t faults_write(int fd, const void *bytes, size_t len)
{
    const int due = faults_due(FAULTS_WRITE);
    const ssize_t done = due > 0 ? -1 : sys_kernel.write(fd, bytes, due == FAULTS_SHORT ? (len + 1) / 2 : len);
    const int id = faults_of_fd(fd);
    if (done <= 0 || id < 0)
        return done;
    (void)pthread_mutex_lock(&faults.lock);
    struct faults_object *object = &faults.objects[id];
    const size_t at = object->len;
    object->bytes = realloc(object->bytes, object->len + (size_t)done);
    assert(object->bytes != NULL);
    memcpy(object->bytes + object->len, bytes, (size_t)done);
    object->len += (size_t)done;
    (void)pthread_mutex_unlock(&faults.lock);
    faults_wrote(id, bytes, (size_t)done, at);
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
    const int id = faults_of_fd(fd);
    if (done > 0 && id >= 0)
        faults_wrote(id, bytes, (size_t)done, (size_t)at);
    return done;
}

static inline int faults_ftruncate(int fd, off_t len)
{
    const int result = faults_due(FAULTS_FTRUNCATE) ? -1 : sys_kernel.ftruncate(fd, len);
    const int id = faults_of_fd(fd);
    if (result == 0 && id >= 0)
        (void)faults_note((struct faults_event){.kind = FAULTS_TRUNCATED, .object = id, .len = (size_t)len});
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

static inline int faults_sync(enum faults_call call, int fd, int object)
{
    const size_t begun = faults_moment();
    if (faults_due(call) || fcntl(fd, F_GETFD) < 0)
        return -1;
    (void)faults_note((struct faults_event){.kind = FAULTS_SYNCED, .object = object, .begun = begun});
    return 0;
}

static inline int faults_fsync(int fd)
{
    return faults_sync(FAULTS_FSYNC, fd, faults_of_fd(fd));
}

static inline int faults_fdatasync(int fd)
{
    return faults_sync(FAULTS_FDATASYNC, fd, faults_of_fd(fd));
}

static inline int faults_syncfs(int fd)
{
    return faults_sync(FAULTS_SYNCFS, fd, FAULTS_EVERYTHING);
}

static inline int faults_linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    if (faults_due(FAULTS_LINKAT))
        return -1;
    const int object = from[0] == '\0' ? faults_of_fd(from_directory) : faults_find(from_directory, from);
    const int result = sys_kernel.linkat(from_directory, from, to_directory, to, flags);
    if (result == 0)
        (void)faults_note(faults_named(FAULTS_NAMED, to_directory, to, object));
    return result;
}

static inline int faults_unlinkat(int directory, const char *path, int flags)
{
    const int result = faults_due(FAULTS_UNLINKAT) ? -1 : sys_kernel.unlinkat(directory, path, flags);
    if (result == 0)
        (void)faults_note(faults_named(FAULTS_UNNAMED, directory, path, FAULTS_UNKNOWN));
    return result;
}

static inline int faults_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    if (faults_due(FAULTS_RENAMEAT))
        return -1;
    const int object = faults_find(from_directory, from);
    const int result = sys_kernel.renameat(from_directory, from, to_directory, to);
    if (result == 0) {
        (void)faults_note(faults_named(FAULTS_NAMED, to_directory, to, object));
        (void)faults_note(faults_named(FAULTS_UNNAMED, from_directory, from, FAULTS_UNKNOWN));
    }
    return result;
}

static inline int faults_mkdirat(int directory, const char *path, mode_t mode)
{
    struct stat status;
    const int result = faults_due(FAULTS_MKDIRAT) ? -1 : sys_kernel.mkdirat(directory, path, mode);
    if (result == 0 && fstatat(directory, path, &status, 0) == 0)
        (void)faults_note(faults_named(FAULTS_NAMED, directory, path, faults_of_inode(&status)));
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
    for (int i = 0; i < FAULTS_MOST; i++)
        faults.object_of_fd[i] = FAULTS_UNKNOWN;
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
    for (int i = 0; i < faults.object_count; i++)
        free(faults.objects[i].bytes);
    for (size_t i = 0; i < faults.event_count; i++)
        free(faults.events[i].bytes);
    free(faults.events);
    faults.events = NULL;
    faults.event_count = 0;
    faults.object_count = 0;
    faults.no_nameless = false;
    faults_plan((struct faults_plan){0});
}

#endif
