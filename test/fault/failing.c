/*
 * The decision hidden here: how the nth call of one kind fails in a program that is not built for it. Loaded before the
 * C library (LD_PRELOAD), this library stands between the program, with all libraries that it uses, and the kernel. The
 * test and the program share a file, named by FAILING: the test writes there what is to fail (failing.py), the
 * program counts there.
 *
 * Only from main on: what the libraries do before is not the program's to survive.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#define EACH_CALL(X) \
    X(malloc), X(calloc), X(realloc), X(openat), X(close), X(read), X(write), X(writev), X(pread), X(pwrite),          \
        X(ftruncate), X(fsync), X(fdatasync), X(syncfs), X(linkat), X(unlinkat), X(renameat), X(mkdirat), X(fstat),    \
        X(fstatat), X(lstat), X(fstatfs), X(fstatvfs), X(getrandom), X(readlink), X(opendir), X(readdir), X(flock),    \
        X(chmod), X(getrlimit), X(setrlimit), X(socket), X(bind), X(listen), X(accept4), X(connect), X(setsockopt),    \
        X(getsockopt), X(getpeername), X(getaddrinfo), X(recv), X(send), X(sendmsg), X(poll), X(__poll_chk),           \
        X(epoll_create1), X(epoll_ctl), X(epoll_wait), X(eventfd), X(pthread_create), X(open64), X(pread64),           \
        X(pwrite64), X(ftruncate64), X(fstat64), X(stat64), X(lstat64), X(fcntl64), X(unlink), X(access), X(mmap64),   \
        X(renameat2), X(getdents64), X(inotify_init1), X(inotify_add_watch), X(ppoll)

#define AS_NUMBER(name) CALL_##name
#define AS_TEXT(name) #name
enum call { EACH_CALL(AS_NUMBER), CALLS };
static const char *const names[CALLS] = {EACH_CALL(AS_TEXT)};

enum { MOST_CALLS = 96, NAME_SIZE = 24, SHORT = -1, KILLED = -2, HANGS = -3 };

/* As failing.py packs it. */
struct control {
    _Atomic int32_t armed;              /* 1 and the call that is to fail; 0: none */
    _Atomic int32_t error;              /* the errno that it leaves; SHORT: it does its work for one byte; KILLED: there
                                           is no more of the program; HANGS: it never returns */
    _Atomic int64_t left;               /* so many calls until then */
    _Atomic int64_t failed;
    _Atomic int64_t blocks;             /* of memory in use */
    char names[MOST_CALLS][NAME_SIZE];
    _Atomic int64_t counts[MOST_CALLS];
};
_Static_assert((int)CALLS <= (int)MOST_CALLS, "room for all calls");

static struct control *control;
static bool running;                    /* main was entered */
static void *_Atomic reals[CALLS];

static void *real(enum call call)
{
    if (reals[call] == NULL)
        reals[call] = dlsym(RTLD_NEXT, names[call]);
    return reals[call];
}

#define REAL(name) ((__typeof__(&name))real(CALL_##name))

__attribute__((constructor)) static void share_control(void)
{
    const char *path = getenv("FAILING");
    const int fd = path == NULL ? -1 : REAL(openat)(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)REAL(close)(fd);
    if (at == MAP_FAILED)
        return;
    control = at;
    control->blocks = 0;
    for (size_t i = 0; i < CALLS; i++) {
        (void)snprintf(control->names[i], NAME_SIZE, "%s", names[i]);
        control->counts[i] = 0;
    }
}

static int (*real_main)(int argc, char **argv, char **environment);

static int run_main(int argc, char **argv, char **environment)
{
    running = true;
    return real_main(argc, argv, environment);
}

int __libc_start_main(int (*program)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end);
int __libc_start_main(int (*program)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end)
{
    __typeof__(&__libc_start_main) start = dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = program;
    return start(run_main, argc, argv, init, fini, loader_fini, stack_end);
}

/* 0: it is to work. Otherwise SHORT, or the errno, which is set. */
static int fault_of(enum call call)
{
    if (control == NULL || !running)
        return 0;
    control->counts[call]++;
    if (control->armed != (int)call + 1 || atomic_fetch_sub(&control->left, 1) != 1)
        return 0;
    control->failed++;
    if (control->error == KILLED)
        (void)kill(getpid(), SIGKILL);
    while (control->error == HANGS)
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    if (control->error != SHORT)
        errno = control->error;
    return control->error;
}

/* ---- memory: the C library's under its other names, for dlsym may want some itself ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *at);

static void *count_block(void *at, int64_t step)
{
    if (control != NULL)
        control->blocks += at == NULL ? 0 : step;
    return at;
}

void *malloc(size_t size)
{
    return fault_of(CALL_malloc) != 0 ? NULL : count_block(__libc_malloc(size), 1);
}

void *calloc(size_t count, size_t size)
{
    return fault_of(CALL_calloc) != 0 ? NULL : count_block(__libc_calloc(count, size), 1);
}

void *realloc(void *old, size_t size)
{
    return fault_of(CALL_realloc) != 0 ? NULL : count_block(__libc_realloc(old, size), old == NULL);
}

void free(void *at)
{
    (void)count_block(at, -1);
    __libc_free(at);
}

/* ---- calls that fail by a value and errno ---- */

#define FAIL(type, value, name, parameters, ...)                                                                     \
    type name parameters                                                                                             \
    {                                                                                                                \
        return fault_of(CALL_##name) != 0 ? (value) : REAL(name)(__VA_ARGS__);                                       \
    }

FAIL(int, -1, ftruncate, (int fd, off_t len), fd, len)
FAIL(int, -1, fsync, (int fd), fd)
FAIL(int, -1, fdatasync, (int fd), fd)
FAIL(int, -1, syncfs, (int fd), fd)
FAIL(int, -1, linkat, (int from_at, const char *from, int to_at, const char *to, int flags), from_at, from, to_at, to,
     flags)
FAIL(int, -1, unlinkat, (int at, const char *path, int flags), at, path, flags)
FAIL(int, -1, renameat, (int from_at, const char *from, int to_at, const char *to), from_at, from, to_at, to)
FAIL(int, -1, mkdirat, (int at, const char *path, mode_t mode), at, path, mode)
FAIL(int, -1, fstat, (int fd, struct stat *out), fd, out)
FAIL(int, -1, fstatat, (int at, const char *path, struct stat *out, int flags), at, path, out, flags)
FAIL(int, -1, lstat, (const char *path, struct stat *out), path, out)
FAIL(int, -1, fstatfs, (int fd, struct statfs *out), fd, out)
FAIL(int, -1, fstatvfs, (int fd, struct statvfs *out), fd, out)
FAIL(ssize_t, -1, getrandom, (void *bytes, size_t len, unsigned flags), bytes, len, flags)
FAIL(ssize_t, -1, readlink, (const char *path, char *out, size_t room), path, out, room)
FAIL(DIR *, NULL, opendir, (const char *path), path)
FAIL(struct dirent *, NULL, readdir, (DIR * directory), directory)
FAIL(int, -1, flock, (int fd, int operation), fd, operation)
FAIL(int, -1, chmod, (const char *path, mode_t mode), path, mode)
FAIL(int, -1, getrlimit, (__rlimit_resource_t which, struct rlimit *out), which, out)
FAIL(int, -1, setrlimit, (__rlimit_resource_t which, const struct rlimit *to), which, to)
FAIL(int, -1, socket, (int family, int type, int protocol), family, type, protocol)
FAIL(int, -1, bind, (int fd, const struct sockaddr *address, socklen_t len), fd, address, len)
FAIL(int, -1, listen, (int fd, int backlog), fd, backlog)
FAIL(int, -1, connect, (int fd, const struct sockaddr *address, socklen_t len), fd, address, len)
FAIL(int, -1, setsockopt, (int fd, int level, int name, const void *value, socklen_t len), fd, level, name, value, len)
FAIL(int, -1, getsockopt, (int fd, int level, int name, void *value, socklen_t *len), fd, level, name, value, len)
FAIL(int, -1, getpeername, (int fd, struct sockaddr *address, socklen_t *len), fd, address, len)
FAIL(int, EAI_MEMORY, getaddrinfo,
     (const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out), host, port, hints, out)
FAIL(int, -1, poll, (struct pollfd * sockets, nfds_t count, int timeout), sockets, count, timeout)
int __poll_chk(struct pollfd *sockets, nfds_t count, int timeout, size_t size);
FAIL(int, -1, __poll_chk, (struct pollfd * sockets, nfds_t count, int timeout, size_t size), sockets, count, timeout,
     size)
FAIL(int, -1, epoll_create1, (int flags), flags)
FAIL(int, -1, epoll_wait, (int fd, struct epoll_event *out, int most, int timeout), fd, out, most, timeout)
FAIL(int, -1, eventfd, (unsigned count, int flags), count, flags)
FAIL(int, errno, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument), thread, attributes,
     run, argument)

FAIL(int, -1, ftruncate64, (int fd, off64_t len), fd, len)
FAIL(int, -1, fstat64, (int fd, struct stat64 *out), fd, out)
FAIL(int, -1, stat64, (const char *path, struct stat64 *out), path, out)
FAIL(int, -1, lstat64, (const char *path, struct stat64 *out), path, out)
FAIL(int, -1, unlink, (const char *path), path)
FAIL(int, -1, access, (const char *path, int how), path, how)
FAIL(void *, MAP_FAILED, mmap64, (void *at, size_t len, int rights, int flags, int fd, off64_t from), at, len, rights,
     flags, fd, from)
FAIL(int, -1, renameat2, (int from_at, const char *from, int to_at, const char *to, unsigned flags), from_at, from,
     to_at, to, flags)
FAIL(ssize_t, -1, getdents64, (int fd, void *entries, size_t size), fd, entries, size)
FAIL(int, -1, inotify_init1, (int flags), flags)
FAIL(int, -1, inotify_add_watch, (int fd, const char *path, uint32_t events), fd, path, events)
FAIL(int, -1, ppoll, (struct pollfd * files, nfds_t count, const struct timespec *time, const sigset_t *signals), files,
     count, time, signals)

int openat(int at, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = va_arg(arguments, mode_t);      /* there is one, or a register of no meaning */
    va_end(arguments);
    return fault_of(CALL_openat) != 0 ? -1 : REAL(openat)(at, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return fault_of(CALL_open64) != 0 ? -1 : REAL(open64)(path, flags, mode);
}

/* Only locks that are taken can fail. */
int fcntl64(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    const bool locks = command == F_SETLK && ((const struct flock *)argument)->l_type != F_UNLCK;
    return locks && fault_of(CALL_fcntl64) != 0 ? -1 : REAL(fcntl64)(fd, command, argument);
}

/* The kernel gives the descriptor back whatever it says. */
int close(int fd)
{
    const int result = REAL(close)(fd);
    return fault_of(CALL_close) != 0 ? -1 : result;
}

/* The client of an aborted connection, or one that no process can be given, is gone. */
int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    const int fault = fault_of(CALL_accept4);
    if (fault == ECONNABORTED || fault == EPROTO)
        (void)REAL(close)(REAL(accept4)(fd, NULL, NULL, flags));
    errno = fault != 0 ? fault : errno;
    return fault != 0 ? -1 : REAL(accept4)(fd, address, len, flags);
}

/* Taking a descriptor out cannot fail. */
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    const bool fails = operation != EPOLL_CTL_DEL && fault_of(CALL_epoll_ctl) != 0;
    return fails ? -1 : REAL(epoll_ctl)(epoll, operation, fd, event);
}

/* ---- calls that may also do a part of their work ---- */

/* An event descriptor, by which threads wake each other, has no file or line behind it that could fail. */
static int fault_of_transfer(enum call call, int fd)
{
    struct stat status;
    const bool fails = REAL(fstat)(fd, &status) != 0 || (status.st_mode & S_IFMT) != 0;
    return fails ? fault_of(call) : 0;
}

#define TRANSFER(name, parameters, len, ...)                                                                         \
    ssize_t name parameters                                                                                          \
    {                                                                                                                \
        const int fault = fault_of_transfer(CALL_##name, fd);                                                        \
        if (fault == SHORT && len > 1)                                                                               \
            len = 1;                                                                                                 \
        return fault > 0 ? -1 : REAL(name)(__VA_ARGS__);                                                             \
    }

TRANSFER(read, (int fd, void *bytes, size_t len), len, fd, bytes, len)
TRANSFER(write, (int fd, const void *bytes, size_t len), len, fd, bytes, len)
TRANSFER(pread, (int fd, void *bytes, size_t len, off_t at), len, fd, bytes, len, at)
TRANSFER(pwrite, (int fd, const void *bytes, size_t len, off_t at), len, fd, bytes, len, at)
TRANSFER(pread64, (int fd, void *bytes, size_t len, off64_t at), len, fd, bytes, len, at)
TRANSFER(pwrite64, (int fd, const void *bytes, size_t len, off64_t at), len, fd, bytes, len, at)
TRANSFER(recv, (int fd, void *bytes, size_t len, int flags), len, fd, bytes, len, flags)
TRANSFER(send, (int fd, const void *bytes, size_t len, int flags), len, fd, bytes, len, flags)

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    const int fault = fault_of_transfer(CALL_writev, fd);
    if (fault == SHORT)
        return REAL(write)(fd, parts[0].iov_base, parts[0].iov_len > 1);
    return fault > 0 ? -1 : REAL(writev)(fd, parts, count);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    const int fault = fault_of_transfer(CALL_sendmsg, fd);
    if (fault == SHORT)
        return REAL(send)(fd, message->msg_iov[0].iov_base, 1, flags);
    return fault > 0 ? -1 : REAL(sendmsg)(fd, message, flags);
}
