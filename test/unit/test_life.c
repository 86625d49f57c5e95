/* What the service manager hears: one sentence, the worst that is true. */
#include "../../src/mprelay/life.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int manager;

static void assert_hears(const char *words)
{
    char text[1024];
    const ssize_t len = recv(manager, text, sizeof text - 1, MSG_DONTWAIT);
    text[len < 0 ? 0 : len] = '\0';
    assert_string_equal(text, words);
}

/* In one piece, for there is one life. */
static void the_status_is_the_worst_that_is_true(void **state)
{
    (void)state;
    life_say_trouble("disk full");
    assert_hears("");                   /* not before it is ready */
    life_say_trouble(NULL);
    life_say_ready("127.0.0.1:8080", 1, "/in");
    assert_hears("READY=1\nSTATUS=taking reports on 127.0.0.1:8080, keeping them in /in");
    life_say_reloaded("line 1: no");
    assert_hears("READY=1\nSTATUS=working with the settings of before, those in the file are refused: line 1: no");
    life_say_trouble("disk full");
    assert_hears("STATUS=reports wait in the journal, their files cannot be made now: disk full");
    life_say_reloaded(NULL);
    assert_hears("READY=1\nSTATUS=reports wait in the journal, their files cannot be made now: disk full");
    life_say_trouble(NULL);
    assert_hears("STATUS=taking reports on 127.0.0.1:8080, keeping them in /in");
    life_say_alive();
    assert_hears("WATCHDOG=1");
    life_say_stopping(3);
    assert_hears("STOPPING=1\nSTATUS=stopping, 3 connections are still open");
    life_say_trouble("disk full");
    assert_hears("");                   /* it stays the last word */
    assert_true(life_may_end());
    assert_false(life_may_end());
}

/* ---- the end ---- */

/* The status of a process of its own that does this with SIGTERM and SIGINT blocked. */
static int status_of(void (*story)(void))
{
    int status;
    sigset_t stops;
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTERM);
    (void)sigaddset(&stops, SIGINT);
    const pid_t child = fork();
    if (child == 0) {
        (void)pthread_sigmask(SIG_BLOCK, &stops, NULL);
        story();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void hang(void)
{
    for (;;)
        (void)pause();
}

static void is_held_up_for_ever(void)
{
    life_begin_watch(1000);
    (void)kill(getpid(), SIGTERM);
    hang();
}

static void is_held_up_for_a_while(void)
{
    sigset_t stops;
    int number = 0;
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGINT);
    life_begin_watch((int64_t)3600 * 1000000);
    (void)kill(getpid(), SIGINT);
    life_end_watch();
    (void)sigwait(&stops, &number);
    _exit(number == SIGINT ? 7 : 8);
}

static void is_asked_to_stop_afterwards(void)
{
    life_begin_watch(1000);
    life_end_watch();
    (void)kill(getpid(), SIGTERM);
    (void)usleep(20000);
    _exit(7);
}

static void who_is_held_up_is_ended_when_a_stop_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(status_of(is_held_up_for_ever), 75);
}

static void who_was_held_up_still_hears_that_he_is_to_stop(void **state)
{
    (void)state;
    assert_int_equal(status_of(is_held_up_for_a_while), 7);
    assert_int_equal(status_of(is_asked_to_stop_afterwards), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_held_up_is_ended_when_a_stop_is_asked_for),
        cmocka_unit_test(who_was_held_up_still_hears_that_he_is_to_stop),
        cmocka_unit_test(the_status_is_the_worst_that_is_true),         /* the last: it has ended afterwards */
    };
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    (void)snprintf(name, sizeof name, "@test-life-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(manager, (const struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) != 0 ||
        setenv("NOTIFY_SOCKET", name, 1) != 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
