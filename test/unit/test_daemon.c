/* What every daemon does alike: paths, signals, what it tells the service manager and takes from it. */
#include "base/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIRST_SOCKET = 3 };

static void a_path_is_its_base_and_its_rest_or_too_long(void **state)
{
    static char base[DAEMON_PATH_SIZE];
    char path[DAEMON_PATH_SIZE];
    struct error err;
    (void)state;
    assert_true(daemon_path(path, "/a", "/b", &err));
    assert_string_equal(path, "/a/b");
    memset(base, 'x', DAEMON_PATH_SIZE - 3);
    assert_true(daemon_path(path, base, "/b", &err));
    assert_false(daemon_path(path, base, "/bb", &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
}

static void what_is_chosen_wins_over_the_usual_place(void **state)
{
    char path[DAEMON_PATH_SIZE];
    struct error err;
    (void)state;
    assert_true(daemon_choose_path(path, "/chosen", "/root", "/usual", &err));
    assert_string_equal(path, "/chosen");
    assert_true(daemon_choose_path(path, NULL, "/root", "/usual", &err));
    assert_string_equal(path, "/root/usual");
}

static void signals_wait_until_they_are_asked_for(void **state)
{
    sigset_t signals;
    (void)state;
    daemon_block_signals(&signals);
    const int sent[] = {SIGHUP, SIGINT, SIGTERM};
    for (size_t i = 0; i < 3; i++) {
        int number = 0;
        assert_int_equal(raise(sent[i]), 0);
        assert_int_equal(sigwait(&signals, &number), 0);
        assert_int_equal(number, sent[i]);
    }
    assert_int_equal(raise(SIGPIPE), 0);
    assert_int_equal(raise(SIGXFSZ), 0);
}

/* ---- the service manager ---- */

/* A socket as the service manager has it; a name that begins with '@' is an abstract one. */
static int open_manager(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t len = strlen(name);
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(
        bind(fd, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static const char *next_word(int fd)
{
    static char text[1024];
    const ssize_t len = recv(fd, text, sizeof text - 1, 0);
    text[len < 0 ? 0 : len] = '\0';
    return text;
}

static void the_manager_is_told_at_a_path_and_at_an_abstract_name(void **state)
{
    char path[64];
    char abstract[64];
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/test-daemon-%d", (int)getpid());
    (void)snprintf(abstract, sizeof abstract, "@test-daemon-%d", (int)getpid());
    const char *const names[] = {path, abstract};
    for (size_t i = 0; i < 2; i++) {
        const int fd = open_manager(names[i]);
        daemon_notify("READY=1\nSTATUS=%d files", 5);
        assert_string_equal(next_word(fd), "READY=1\nSTATUS=5 files");
        (void)close(fd);
    }
    (void)unlink(path);
}

static void a_long_status_is_cut_off(void **state)
{
    char name[64];
    char status[600];
    (void)state;
    (void)snprintf(name, sizeof name, "@test-daemon-%d", (int)getpid());
    const int fd = open_manager(name);
    memset(status, 'x', sizeof status);
    status[sizeof status - 1] = '\0';
    daemon_notify("STATUS=%s", status);
    assert_int_equal(strlen(next_word(fd)), 511);
    (void)close(fd);
}

static void nobody_is_told_where_there_is_no_manager(void **state)
{
    static char name[200] = "@";
    (void)state;
    (void)unsetenv("NOTIFY_SOCKET");
    daemon_notify("READY=1");
    (void)setenv("NOTIFY_SOCKET", "/tmp/no-such-socket", 1);
    daemon_notify("READY=1");
    memset(name + 1, 'x', sizeof name - 2);         /* longer than an address */
    (void)setenv("NOTIFY_SOCKET", name, 1);
    daemon_notify("READY=1");
    (void)unsetenv("NOTIFY_SOCKET");
}

static void set_number(const char *variable, long long value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", value);
    assert_int_equal(setenv(variable, text, 1), 0);
}

static void the_watchdog_is_fed_twice_in_its_time(void **state)
{
    (void)state;
    assert_int_equal(daemon_watchdog_interval(), 0);
    set_number("WATCHDOG_USEC", 30000000);
    assert_int_equal(daemon_watchdog_interval(), 15000000);
    set_number("WATCHDOG_PID", getpid());
    assert_int_equal(daemon_watchdog_interval(), 15000000);
    set_number("WATCHDOG_PID", getpid() + 1);
    assert_int_equal(daemon_watchdog_interval(), 0);
    (void)unsetenv("WATCHDOG_PID");
    set_number("WATCHDOG_USEC", -4);
    assert_int_equal(daemon_watchdog_interval(), 0);
    (void)unsetenv("WATCHDOG_USEC");
}

static void a_socket_is_taken_only_by_whom_it_is_for(void **state)
{
    (void)state;
    const int kept = fcntl(FIRST_SOCKET, F_DUPFD_CLOEXEC, 10);      /* whatever that is now */
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(dup2(null, FIRST_SOCKET) == FIRST_SOCKET);
    assert_int_equal(daemon_take_socket(), -1);
    set_number("LISTEN_FDS", 1);
    assert_int_equal(daemon_take_socket(), -1);
    set_number("LISTEN_PID", getpid() + 1);
    assert_int_equal(daemon_take_socket(), -1);
    set_number("LISTEN_PID", getpid());
    assert_int_equal(daemon_take_socket(), FIRST_SOCKET);
    assert_int_equal(fcntl(FIRST_SOCKET, F_GETFD), FD_CLOEXEC);
    set_number("LISTEN_FDS", 0);
    assert_int_equal(daemon_take_socket(), -1);
    set_number("LISTEN_FDS", 1);
    (void)close(FIRST_SOCKET);
    assert_int_equal(daemon_take_socket(), -1);
    if (kept >= 0)
        (void)dup2(kept, FIRST_SOCKET);
    (void)close(kept);
    if (null != FIRST_SOCKET)
        (void)close(null);
}

static void sockets_come_with_their_names(void **state)
{
    static const struct {
        const char *names; /* NULL: it tells none */
        const char *first;
        const char *second;
    } rows[] = {{NULL, "", ""}, {"a", "a", ""}, {"a:b", "a", "b"}, {":b", "", "b"}, {"a::c", "a", ""}, {"", "", ""}};
    char name[DAEMON_SOCKET_NAME_SIZE];
    (void)state;
    const int kept[] = {fcntl(FIRST_SOCKET, F_DUPFD_CLOEXEC, 10), fcntl(FIRST_SOCKET + 1, F_DUPFD_CLOEXEC, 10)};
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(dup2(null, FIRST_SOCKET) == FIRST_SOCKET && dup2(null, FIRST_SOCKET + 1) == FIRST_SOCKET + 1);
    set_number("LISTEN_FDS", 2);
    set_number("LISTEN_PID", getpid());
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)(rows[i].names == NULL ? unsetenv("LISTEN_FDNAMES") : setenv("LISTEN_FDNAMES", rows[i].names, 1));
        assert_int_equal(daemon_handed_socket(0, name), FIRST_SOCKET);
        assert_string_equal(name, rows[i].first);
        assert_int_equal(daemon_handed_socket(1, name), FIRST_SOCKET + 1);
        assert_string_equal(name, rows[i].second);
        assert_int_equal(daemon_handed_socket(2, name), -1);
    }
    (void)unsetenv("LISTEN_FDNAMES");
    for (int i = 0; i < 2; i++) {
        (void)close(FIRST_SOCKET + i);
        if (kept[i] >= 0)
            (void)dup2(kept[i], FIRST_SOCKET + i);
        (void)close(kept[i]);
    }
}

/* ---- the end ---- */

static int status_of_output(const char *path)
{
    int status;
    const pid_t pid = fork();
    if (pid == 0) {
        if (freopen(path, "w", stdout) == NULL)
            _exit(EX_OSFILE);
        (void)puts("something");
        _exit(daemon_end_output());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void output_that_was_cut_off_is_no_success(void **state)
{
    (void)state;
    assert_int_equal(status_of_output("/dev/null"), EXIT_SUCCESS);
    assert_int_equal(status_of_output("/dev/full"), EX_IOERR);
}

static void a_start_that_fails_is_78(void **state)
{
    struct error err;
    (void)state;
    (void)error_set(&err, ERROR_SYSTEM, "what went wrong");
    assert_int_equal(daemon_fail("test", &err), 78);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_its_base_and_its_rest_or_too_long),
        cmocka_unit_test(what_is_chosen_wins_over_the_usual_place),
        cmocka_unit_test(signals_wait_until_they_are_asked_for),
        cmocka_unit_test(the_manager_is_told_at_a_path_and_at_an_abstract_name),
        cmocka_unit_test(a_long_status_is_cut_off),
        cmocka_unit_test(nobody_is_told_where_there_is_no_manager),
        cmocka_unit_test(the_watchdog_is_fed_twice_in_its_time),
        cmocka_unit_test(a_socket_is_taken_only_by_whom_it_is_for),
        cmocka_unit_test(sockets_come_with_their_names),
        cmocka_unit_test(output_that_was_cut_off_is_no_success),
        cmocka_unit_test(a_start_that_fails_is_78),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
