/*
 * The decision hidden here: the list of calls. What stands in it a daemon makes when it is up, or the C library does for
 * it. Most stand there as they are; some only with certain arguments. What is not in it fails with EPERM, and what the
 * kernel learnt later than the list with ENOSYS, after which the C library goes another way.
 *
 * The kernel asks the filter once a call and then knows that it is always allowed (since Linux 5.11), so the length of
 * the list costs nothing.
 */
#include "base/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* Their runtimes look at other threads, and at the end at all memory, in ways of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#ifdef OUR_ARCHITECTURE

enum { MOST_LINES = 512, NEWEST_KNOWN = 450 };

static const int plain_calls[] = {
    /* bytes */
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_close,
    SYS_lseek,
    SYS_fcntl,
    SYS_ftruncate,
    SYS_fsync,
    SYS_fdatasync,
    SYS_syncfs,
    SYS_flock,
    /* names */
    SYS_openat,
    SYS_linkat,
    SYS_unlinkat,
    SYS_renameat,
    SYS_renameat2,
    SYS_mkdirat,
    SYS_readlinkat,
    SYS_getdents64,
    SYS_newfstatat,
    SYS_fstat,
    SYS_statx,
    SYS_statfs,
    SYS_fstatfs,
    SYS_faccessat,
    SYS_inotify_init1,
    SYS_inotify_add_watch,
    SYS_inotify_rm_watch,
#ifdef SYS_open
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_link,
    SYS_unlink,
    SYS_rename,
    SYS_mkdir,
    SYS_rmdir,
    SYS_readlink,
    SYS_access,
#endif
    /* connections; no connect, no bind */
    SYS_accept4,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_sendto,
    SYS_sendmsg,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    /* waiting */
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_ppoll,
    SYS_eventfd2,
    SYS_futex,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_restart_syscall,
    SYS_sched_yield,
#ifdef SYS_poll
    SYS_poll,
    SYS_epoll_wait,
#endif
    /* memory, threads, the end */
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_sched_getaffinity,
    SYS_exit,
    SYS_exit_group,
    /* signals */
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigtimedwait,
    SYS_sigaltstack,
    SYS_setitimer,
#ifdef SYS_alarm
    SYS_alarm,
#endif
    /* questions */
    SYS_getpid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getrandom,
    SYS_uname,
    SYS_sysinfo,
    SYS_prlimit64,
    SYS_getrusage,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_gettimeofday,
#if SANITIZED && defined(__x86_64__)
    SYS_getdents,
#endif
#if SANITIZED
    SYS_clone,
    SYS_ptrace,
    SYS_wait4,
    SYS_prctl,
    SYS_kill,
    SYS_tgkill,
    SYS_mmap,
    SYS_mprotect,
    SYS_getppid,
    SYS_process_vm_readv,
    SYS_pipe2,
    SYS_dup,
    SYS_getitimer,
    SYS_mincore,
    SYS_mlock,
    SYS_munlock,
    SYS_socketpair,
#endif
};

/* Allowed where the bits of `mask` in the argument are `value`. */
struct bounded_call {
    int call;
    unsigned argument;
    uint32_t mask;
    uint32_t value;
};

#define EXACTLY 0xFFFFFFFFU

static const struct bounded_call bounded_calls[] = {
    {SYS_socket, 0, EXACTLY, AF_UNIX},              /* to tell the service manager */
    {SYS_ioctl, 1, EXACTLY, FIONREAD},
#if !SANITIZED
    {SYS_clone, 0, CLONE_THREAD, CLONE_THREAD},     /* a thread, no process */
    {SYS_mmap, 2, PROT_EXEC, 0},
    {SYS_mprotect, 2, PROT_EXEC, 0},
    {SYS_prctl, 0, EXACTLY, PR_SET_NAME},
#endif
};

/* ---- the filter ---- */

struct filter {
    struct sock_filter lines[MOST_LINES];
    unsigned short count;
};

enum { OFFSET_CALL = offsetof(struct seccomp_data, nr), OFFSET_ARCHITECTURE = offsetof(struct seccomp_data, arch) };

static void add_line(struct filter *filter, uint16_t code, uint32_t value, uint8_t yes, uint8_t no)
{
    filter->lines[filter->count++] = (struct sock_filter){code, yes, no, value};
}

static void load(struct filter *filter, uint32_t offset)
{
    add_line(filter, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void give(struct filter *filter, uint32_t result)
{
    add_line(filter, BPF_RET | BPF_K, result, 0, 0);
}

/* The next `lines` only where what was loaded is equal. */
static void if_equal(struct filter *filter, uint32_t value, uint8_t lines)
{
    add_line(filter, BPF_JMP | BPF_JEQ | BPF_K, value, 0, lines);
}

static void allow(struct filter *filter, int call)
{
    if_equal(filter, (uint32_t)call, 1);
    give(filter, SECCOMP_RET_ALLOW);
}

/* Arguments are numbers of 64 bits; those looked at here have their meaning in the lower 32, as the kernel takes them. */
static void allow_bounded(struct filter *filter, const struct bounded_call *bounded)
{
    const uint32_t low = (uint32_t)offsetof(struct seccomp_data, args) + 8 * bounded->argument;
    if_equal(filter, (uint32_t)bounded->call, 5);
    load(filter, low);
    add_line(filter, BPF_ALU | BPF_AND | BPF_K, bounded->mask, 0, 0);
    if_equal(filter, bounded->value, 1);
    give(filter, SECCOMP_RET_ALLOW);
    give(filter, SECCOMP_RET_ERRNO | EPERM);
}

static unsigned write_filter(struct filter *filter)
{
    const size_t plain = sizeof plain_calls / sizeof plain_calls[0];
    const size_t bounded = sizeof bounded_calls / sizeof bounded_calls[0];
    load(filter, OFFSET_ARCHITECTURE);
    add_line(filter, BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCHITECTURE, 1, 0);
    give(filter, SECCOMP_RET_KILL_PROCESS);         /* calls of another kind, whose numbers mean other things */
    load(filter, OFFSET_CALL);
    for (size_t i = 0; i < plain; i++)
        allow(filter, plain_calls[i]);
    for (size_t i = 0; i < bounded; i++)
        allow_bounded(filter, &bounded_calls[i]);
#if !SANITIZED
    const uint32_t self = (uint32_t)getpid();
    allow_bounded(filter, &(struct bounded_call){SYS_kill, 0, EXACTLY, self});
    allow_bounded(filter, &(struct bounded_call){SYS_tgkill, 0, EXACTLY, self});
#endif
    /* Its flags cannot be seen; the C library then takes clone, whose can. */
    if_equal(filter, SYS_clone3, 1);
    give(filter, SECCOMP_RET_ERRNO | ENOSYS);
    add_line(filter, BPF_JMP | BPF_JGT | BPF_K, NEWEST_KNOWN, 0, 1);
    give(filter, SECCOMP_RET_ERRNO | ENOSYS);
    give(filter, SECCOMP_RET_ERRNO | EPERM);
    return (unsigned)(plain + bounded + (SANITIZED ? 0 : 2));
}

void sandbox_limit_calls(struct sandbox *sandbox)
{
    static struct filter filter;
    filter.count = 0;
    const unsigned allowed = write_filter(&filter);
    const struct sock_fprog program = {filter.count, filter.lines};
    const bool done = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
    sandbox->calls = done ? allowed : 0;
    sandbox->calls_os = done ? 0 : errno;
}

#else

void sandbox_limit_calls(struct sandbox *sandbox)
{
    sandbox->calls = 0;
    sandbox->calls_os = ENOSYS;
}

#endif
