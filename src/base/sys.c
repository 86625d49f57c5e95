/* The decision hidden here: what "all of it" means when the kernel interrupts or does only a part. */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int kernel_openat(int directory, const char *path, int flags, mode_t mode)
{
    return openat(directory, path, flags, mode);
}

static int kernel_fstat(int fd, struct stat *out)
{
    return fstat(fd, out);
}

static int kernel_fstatvfs(int fd, struct statvfs *out)
{
    return fstatvfs(fd, out);
}

#define KERNEL_CALLS                                                                                                 \
    {                                                                                                                \
        .openat = kernel_openat, .close = close, .read = read, .write = write, .writev = writev, .fsync = fsync,     \
        .syncfs = syncfs, .linkat = linkat, .unlinkat = unlinkat, .renameat = renameat, .mkdirat = mkdirat,          \
        .fstat = kernel_fstat, .fstatvfs = kernel_fstatvfs, .getrandom = getrandom, .allocate = malloc,              \
        .reallocate = realloc, .release = free,                                                                      \
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
            left[i].iov_base = (char *)left[i].iov_base + step;
            left[i].iov_len -= step;
            done -= (ssize_t)step;
        }
    }
    return true;
}

bool sys_read_file(int directory, const char *path, struct buffer *out, struct error *err)
{
    const int fd = sys.openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    if (fd < 0)
        return error_os(err, "cannot open '%s'", path);
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
    (void)sys.close(fd);                /* only read from: nothing is lost */
    return done;
}

int sys_fsync(int fd)
{
    int result;
    do
        result = sys.fsync(fd);
    while (result < 0 && errno == EINTR);
    return result;
}

int sys_syncfs(int fd)
{
    int result;
    do
        result = sys.syncfs(fd);
    while (result < 0 && errno == EINTR);
    return result;
}

void sys_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || path[0] == '\0' || strlen(path) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';     /* the abstract name space */
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    const socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, len);   /* nobody to tell */
    (void)close(fd);
}
