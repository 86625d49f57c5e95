/* The end of the process: told by a signal, gentle if all is stopped in time, and else the end of the process alone. */
#include "../../src/statesys/ending.h"
#include "base/daemon.h"
#include "base/log.h"
#include "base/sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR ((uint64_t)3600 * 1000000)

static const int ends[] = {SIGTERM, SIGINT};

static void wait_for_poke(void)
{
    sigset_t signals;
    int number = 0;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGHUP);
    assert_int_equal(sigwait(&signals, &number), 0);
}

static struct ending *open_ending(uint64_t most)
{
    struct ending *ending;
    struct error err;
    if (!ending_open(most, &ending, &err))
        fail_msg("%s", err.text);
    return ending;
}

static void who_waits_is_poked_and_finds_that_the_end_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct ending *ending = open_ending(HOUR);
        assert_false(ending_is_told(ending));
        assert_int_equal(kill(getpid(), ends[i]), 0);
        wait_for_poke();
        assert_true(ending_is_told(ending));
        ending_begin(ending);
        ending_close(ending);
    }
}

static void an_end_that_nobody_told_can_be_begun(void **state)
{
    struct ending *ending = open_ending(HOUR);
    (void)state;
    ending_begin(ending);
    wait_for_poke();
    assert_true(ending_is_told(ending));
    ending_close(ending);
}

static void one_that_was_never_told_can_be_closed(void **state)
{
    (void)state;
    ending_close(open_ending(HOUR));
    wait_for_poke();
    ending_begin(NULL);
    ending_close(NULL);
}

static void open_log(void)
{
    const struct log_settings settings = {.path = "/dev/null", .component = "TEST", .level = LOG_LEVEL_DEFAULT};
    struct error err;
    if (!log_open(&settings, &err))
        fail_msg("%s", err.text);
}

/* The status with which a process ends that never stops what it began. Signal 0: it begins the end itself. */
static int status_of_who_hangs(int number, uint64_t most)
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        open_log();
        struct ending *ending = open_ending(HOUR);
        ending_set(ending, most);
        if (number == 0)
            ending_begin(ending);
        else
            (void)kill(getpid(), number);
        for (;;)
            (void)pause();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void who_hangs_is_ended_with_a_status_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(status_of_who_hangs(SIGTERM, 1000), EX_TEMPFAIL);
    assert_int_equal(status_of_who_hangs(SIGINT, 1), EX_TEMPFAIL);
    assert_int_equal(status_of_who_hangs(0, 1000), EX_TEMPFAIL);
}

static ssize_t write_never(int fd, const void *bytes, size_t len)
{
    (void)fd, (void)bytes;
    for (;;)
        (void)pause();
    return (ssize_t)len;
}

/* Its disk may be the one that hangs. */
static void who_hangs_is_ended_even_if_nothing_can_be_written_to_the_log(void **state)
{
    const struct sys_calls before = sys;
    (void)state;
    sys.write = write_never;
    const int status = status_of_who_hangs(SIGTERM, 1000);
    sys = before;
    assert_int_equal(status, EX_TEMPFAIL);
}

static void *allocate_nothing(size_t size)
{
    (void)size;
    return NULL;
}

static void refused_memory_is_told(void **state)
{
    const struct sys_calls before = sys;
    struct ending *ending;
    struct error err;
    (void)state;
    sys.allocate = allocate_nothing;
    assert_false(ending_open(HOUR, &ending, &err));
    sys = before;
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_is_poked_and_finds_that_the_end_is_told),
        cmocka_unit_test(an_end_that_nobody_told_can_be_begun),
        cmocka_unit_test(one_that_was_never_told_can_be_closed),
        cmocka_unit_test(who_hangs_is_ended_with_a_status_of_its_own),
        cmocka_unit_test(who_hangs_is_ended_even_if_nothing_can_be_written_to_the_log),
        cmocka_unit_test(refused_memory_is_told),
    };
    sigset_t signals;
    daemon_block_signals(&signals);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
