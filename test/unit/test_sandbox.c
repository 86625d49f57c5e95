/* What a process cannot do any more, tried from a child that has limited itself; and what it still must. */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "home.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static char home[HOME_SIZE];
static char inside[HOME_SIZE + 32];
static char outside[HOME_SIZE + 32];

static const char *below(const char *directory, const char *name)
{
    static char path[2][2 * HOME_SIZE];
    static int turn;
    turn = 1 - turn;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
    return path[turn];
}

/* A step gives 0 or the errno of its failure; the child's status is the number of the step that surprised. */
struct step {
    const char *what;
    int (*take)(void);
    int expected;
};

static int errno_of(int result)
{
    const int os = result < 0 ? errno : 0;
    if (result > STDERR_FILENO)
        (void)close(result);
    return os;
}

static int run_steps(const struct step *steps)
{
    for (int i = 0; steps[i].what != NULL; i++) {
        const int os = steps[i].take();
        if (os == steps[i].expected)
            continue;
        (void)fprintf(stderr, "%s: %s instead of %s\n", steps[i].what, strerror(os), strerror(steps[i].expected));
        return i + 1;
    }
    return 0;
}

static int status_of(pid_t child)
{
    int status;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- files ---- */

static int write_passwd(void)
{
    return errno_of(open("/etc/passwd", O_WRONLY | O_APPEND | O_CLOEXEC));
}

static int read_passwd(void)
{
    return errno_of(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int make_inside(void)
{
    return errno_of(open(below(inside, "new"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

static int truncate_inside(void)
{
    return errno_of(truncate(below(inside, "new"), 0));
}

static int nameless_inside(void)
{
    const int fd = open(inside, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int os = errno_of(linkat(AT_FDCWD, path, AT_FDCWD, below(inside, "linked"), AT_SYMLINK_FOLLOW));
    (void)close(fd);
    return os;
}

static int rename_inside(void)
{
    return errno_of(rename(below(inside, "new"), below(inside, "renamed")));
}

static int remove_inside(void)
{
    return errno_of(unlink(below(inside, "renamed")));
}

static int directory_inside(void)
{
    return errno_of(mkdir(below(inside, "directory"), 0700));
}

static int device_inside(void)
{
    return errno_of(mkfifo(below(inside, "fifo"), 0600));
}

static int make_outside(void)
{
    return errno_of(open(below(outside, "new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int read_outside(void)
{
    return errno_of(open(below(outside, "there"), O_RDONLY | O_CLOEXEC));
}

static int list_outside(void)
{
    return errno_of(open(outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int move_outside(void)
{
    return errno_of(rename(below(inside, "linked"), below(outside, "linked")));
}

static int remove_outside(void)
{
    return errno_of(unlink(below(outside, "there")));
}

static int limit_files(const struct sandbox_place *places, size_t count)
{
    struct sandbox sandbox = {0};
    sandbox_limit_files(&sandbox, places, count);
    return sandbox.files > 0 ? 0 : sandbox.files_os;
}

static void only_what_lies_below_its_places_can_be_written_or_read(void **state)
{
    static const struct step steps[] = {
        {"make", make_inside, 0},
        {"truncate", truncate_inside, 0},
        {"link a nameless file", nameless_inside, 0},
        {"rename", rename_inside, 0},
        {"remove", remove_inside, 0},
        {"make a directory", directory_inside, 0},
        {"read of the system", read_passwd, 0},
        {"write to the system", write_passwd, EACCES},
        {"make a pipe", device_inside, EACCES},
        {"make outside", make_outside, EACCES},
        {"read outside", read_outside, EACCES},
        {"list outside", list_outside, EACCES},
        {"move outside", move_outside, EACCES},
        {"remove outside", remove_outside, EACCES},
        {0},
    };
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        const struct sandbox_place places[] = {{inside, SANDBOX_WRITE}, {NULL, SANDBOX_WRITE}};
        _exit(limit_files(places, 2) != 0 ? 100 : run_steps(steps));
    }
    assert_int_equal(status_of(child), 0);
}

static void what_may_be_read_or_removed_may_not_be_written(void **state)
{
    static const struct step steps[] = {
        {"read", read_outside, 0},
        {"list", list_outside, 0},
        {"make", make_outside, EACCES},
        {"remove", remove_outside, 0},
        {0},
    };
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        const struct sandbox_place places[] = {{below(outside, "not/yet/there"), SANDBOX_READ},
                                               {outside, SANDBOX_UNLINK}};
        _exit(limit_files(places, 2) != 0 ? 100 : run_steps(steps));
    }
    assert_int_equal(status_of(child), 0);
}

static void a_place_that_is_not_there_leaves_all_as_it_was(void **state)
{
    static const struct step steps[] = {{"read", list_outside, 0}, {0}};
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        const struct sandbox_place places[] = {{below(outside, "none"), SANDBOX_WRITE}};
        _exit(limit_files(places, 1) != ENOENT ? 100 : run_steps(steps));
    }
    assert_int_equal(status_of(child), 0);
}

/* ---- calls ---- */

static int start_program(void)
{
    char name[] = "true";
    char *arguments[] = {name, NULL};
    return errno_of(execv("/bin/true", arguments));
}

static int start_process(void)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    return errno_of((int)(child > 0 ? 0 : child));
}

static int make_code(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : 0;
}

static int turn_to_code(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return errno_of(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int open_tcp(void)
{
    return errno_of(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int open_raw(void)
{
    return errno_of(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int open_unix(void)
{
    return errno_of(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int connect_unix(void)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/none"};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int os = errno_of(connect(fd, (const struct sockaddr *)&address, sizeof address));
    (void)close(fd);
    return os;
}

static int trace(void)
{
    return errno_of((int)syscall(SYS_ptrace, 0, 0, 0, 0));
}

static int mount_something(void)
{
    return errno_of((int)syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL));
}

static int change_user(void)
{
    return errno_of((int)syscall(SYS_setuid, 0));
}

static pid_t parent;

static int kill_parent(void)
{
    return errno_of((int)syscall(SYS_kill, parent, 0));
}

static int signal_itself(void)
{
    return errno_of((int)syscall(SYS_kill, getpid(), 0));
}

static int push_byte(void)
{
    char byte = 'x';
    return errno_of(ioctl(STDIN_FILENO, TIOCSTI, &byte));
}

static int ask_what_nobody_knows(void)
{
    return errno_of((int)syscall(1000));
}

static int ring(void)
{
    return errno_of((int)syscall(SYS_io_uring_setup, 1, NULL));
}

static void *do_nothing(void *argument)
{
    return argument;
}

static int start_thread(void)
{
    pthread_t thread;
    const int os = pthread_create(&thread, NULL, do_nothing, NULL);
    return os != 0 ? os : pthread_join(thread, NULL);
}

static const struct step refused_calls[] = {
    {"start a program", start_program, EPERM},
    {"make a TCP socket", open_tcp, EPERM},
    {"make a raw socket", open_raw, EPERM},
    {"connect", connect_unix, EPERM},
    {"mount", mount_something, EPERM},
    {"another user", change_user, EPERM},
    {"type for others", push_byte, EPERM},
    {"a ring of calls", ring, EPERM},
    {"a call of later kernels", ask_what_nobody_knows, ENOSYS},
    {"signal itself", signal_itself, 0},
    {"tell the service manager", open_unix, 0},
    {"start a thread", start_thread, 0},
    {0},
};

/* Left to the sanitizers' runtimes where the program is built with one. */
static const struct step refused_elsewhere[] = {
    {"start a process", start_process, EPERM}, {"map code", make_code, EPERM},
    {"make code", turn_to_code, EPERM},        {"trace", trace, EPERM},
    {"kill another", kill_parent, EPERM},      {0},
};

static int run_calls(void)
{
    const int status = run_steps(refused_calls);
    return status != 0 || SANITIZED ? status : run_steps(refused_elsewhere);
}

static void no_program_is_started_and_nobody_is_connected_to(void **state)
{
    (void)state;
    parent = getpid();
    const pid_t child = fork();
    if (child == 0) {
        struct sandbox sandbox = {0};
        sandbox_limit_calls(&sandbox);
        _exit(sandbox.calls == 0 ? 100 : run_calls());
    }
    assert_int_equal(status_of(child), 0);
}

static pthread_barrier_t barrier;

static void *start_program_later(void *result)
{
    (void)pthread_barrier_wait(&barrier);
    (void)pthread_barrier_wait(&barrier);
    *(int *)result = start_program();
    return NULL;
}

static void threads_that_were_there_before_are_bound_too(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        struct sandbox sandbox = {0};
        pthread_t thread;
        int os = 0;
        (void)pthread_barrier_init(&barrier, NULL, 2);
        if (pthread_create(&thread, NULL, start_program_later, &os) != 0)
            _exit(101);
        (void)pthread_barrier_wait(&barrier);
        sandbox_limit_calls(&sandbox);
        (void)pthread_barrier_wait(&barrier);
        (void)pthread_join(thread, NULL);
        _exit(os == EPERM ? 0 : 102);
    }
    assert_int_equal(status_of(child), 0);
}

/* ---- kernels that cannot ---- */

static void refuse_call(int call)
{
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {4, lines};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        _exit(110);
}

static bool says(const struct sandbox *sandbox, const char *words)
{
    char text[SANDBOX_TEXT_SIZE];
    sandbox_describe(sandbox, text);
    return strstr(text, words) != NULL;
}

static void a_kernel_without_one_of_them_still_has_the_other(void **state)
{
    static const int missing[] = {SYS_landlock_create_ruleset, SYS_landlock_add_rule, SYS_landlock_restrict_self};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const pid_t child = fork();
        if (child == 0) {
            const struct sandbox_place places[] = {{inside, SANDBOX_WRITE}};
            struct sandbox sandbox = {0};
            refuse_call(missing[i]);
            sandbox_limit_files(&sandbox, places, 1);
            sandbox_limit_calls(&sandbox);
            const bool said = says(&sandbox, "no limit on files (Landlock: Function not implemented)") &&
                              says(&sandbox, "no program can be started");
            _exit(sandbox.files == 0 && sandbox.calls > 0 && said && list_outside() == 0 ? 0 : 1);
        }
        assert_int_equal(status_of(child), 0);
    }
}

static void what_is_on_is_one_sentence(void **state)
{
    const struct sandbox both = {.files = 4, .calls = 99};
    const struct sandbox none = {.files_os = ENOSYS, .calls_os = EINVAL};
    (void)state;
    assert_true(says(&both, "files outside of its directories are out of reach (Landlock 4), "
                            "no program can be started (seccomp, 99 calls allowed)"));
    assert_true(says(&none, "no limit on files (Landlock: Function not implemented), "
                            "no limit on calls (seccomp: Invalid argument)"));
}

static int make_places(void **state)
{
    (void)state;
    /* Not in memory: what lies on a disk of its own shares its rights with the directory above. */
    (void)snprintf(home, sizeof home, "/tmp/sandbox-XXXXXX");
    if (mkdtemp(home) == NULL)
        return -1;
    (void)snprintf(inside, sizeof inside, "%s/inside", home);
    (void)snprintf(outside, sizeof outside, "%s/outside", home);
    const int fd = mkdir(inside, 0700) != 0 || mkdir(outside, 0700) != 0
                       ? -1
                       : open(below(outside, "there"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)close(fd);
    return fd < 0 ? -1 : 0;
}

static int remove_places(void **state)
{
    (void)state;
    home_remove(home);
    return 0;
}

#define WITH_PLACES(test) cmocka_unit_test_setup_teardown(test, make_places, remove_places)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACES(only_what_lies_below_its_places_can_be_written_or_read),
        WITH_PLACES(what_may_be_read_or_removed_may_not_be_written),
        WITH_PLACES(a_place_that_is_not_there_leaves_all_as_it_was),
        cmocka_unit_test(no_program_is_started_and_nobody_is_connected_to),
        cmocka_unit_test(threads_that_were_there_before_are_bound_too),
        WITH_PLACES(a_kernel_without_one_of_them_still_has_the_other),
        cmocka_unit_test(what_is_on_is_one_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
