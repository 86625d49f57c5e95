/* Sockets that go from one relay to the next, both played by one process. */
#include "../../src/mprelay/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "home.h"

#define PATIENCE ((int64_t)60 * 1000000)

static char home[HOME_SIZE];
static atomic_int times_given;

static void note_given(void *owner)
{
    assert_ptr_equal(owner, home);
    times_given++;
}

static ino_t inode_of(int fd)
{
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    return status.st_ino;
}

/* Descriptors with these names; each is another file. */
static void make_sockets(struct handover_sockets *sockets, const char *const *names)
{
    *sockets = (struct handover_sockets){.connection = -1};
    for (; *names != NULL; names++)
        handover_add(sockets, *names, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static void close_sockets(struct handover_sockets *sockets)
{
    handover_finish(sockets, false);
}

static struct handover *open_first(const struct handover_sockets *sockets)
{
    struct handover_sockets none = {.connection = -1};
    struct handover *handover = NULL;
    struct error err;
    assert_true(handover_open(home, &none, &handover, &err));
    assert_true(handover_start(handover, sockets, note_given, home, &err));
    return handover;
}

static void wait_until_given(int times)
{
    while (times_given < times)
        (void)usleep(100);
}

static void what_is_given_comes_under_its_name_and_the_giver_hears_of_it(void **state)
{
    static const char *const names[] = {"127.0.0.1:8080", "unix:/run/mprelay/socket", NULL};
    struct handover_sockets sockets;
    struct handover_sockets taken;
    struct error err;
    (void)state;
    make_sockets(&sockets, names);
    struct handover *handover = open_first(&sockets);
    assert_true(handover_take(home, PATIENCE, &taken, &err));
    assert_true(taken.connection >= 0);
    assert_int_equal(handover_find(&taken, "127.0.0.1:8081"), -1);
    for (size_t i = 0; i < 2; i++) {
        const int fd = handover_find(&taken, names[i]);
        assert_int_equal(inode_of(fd), inode_of(sockets.fds[i]));
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(handover_find(&taken, names[i]), -1);
        (void)close(fd);
    }
    assert_int_equal(times_given, 0);
    handover_finish(&taken, true);
    wait_until_given(1);
    handover_close(handover);
    close_sockets(&sockets);
}

static void who_ends_without_a_word_changes_nothing(void **state)
{
    static const char *const names[] = {"a", NULL};
    struct handover_sockets sockets;
    struct handover_sockets taken;
    struct error err;
    (void)state;
    make_sockets(&sockets, names);
    struct handover *handover = open_first(&sockets);
    for (int i = 0; i < 3; i++) {
        assert_true(handover_take(home, PATIENCE, &taken, &err));
        assert_int_equal(taken.count, 2); /* and the socket over which it came */
        handover_finish(&taken, false);
    }
    assert_int_equal(times_given, 0);
    assert_true(handover_take(home, PATIENCE, &taken, &err));
    handover_finish(&taken, true);
    wait_until_given(1);
    handover_close(handover);
    close_sockets(&sockets);
}

/* Else he would take away the names of sockets that another is about to listen on. */
static void who_ends_before_the_other_is_ready_has_given(void **state)
{
    static const char *const names[] = {"a", NULL};
    struct handover_sockets sockets;
    struct handover_sockets taken;
    struct error err;
    (void)state;
    make_sockets(&sockets, names);
    struct handover *handover = open_first(&sockets);
    assert_true(handover_take(home, PATIENCE, &taken, &err));
    handover_close(handover);
    assert_int_equal(times_given, 1);
    handover_finish(&taken, true);      /* he does not mind that nobody hears it */
    close_sockets(&sockets);
    handover = open_first(&sockets);
    handover_close(handover);
    assert_int_equal(times_given, 1);
}

static void the_next_one_is_found_by_the_one_after_it(void **state)
{
    static const char *const names[] = {"a", NULL};
    struct handover_sockets sockets;
    struct error err;
    (void)state;
    make_sockets(&sockets, names);
    struct handover *handover = open_first(&sockets);
    int fd = -1;
    for (int i = 0; i < 3; i++) {
        const int before = fd;
        struct handover_sockets taken;
        struct handover *next = NULL;
        assert_true(handover_take(home, PATIENCE, &taken, &err));
        assert_true(handover_open(home, &taken, &next, &err));
        fd = handover_find(&taken, "a");
        const struct handover_sockets own = {.count = 1, .fds = {fd}, .names = {"a"}};
        assert_true(handover_start(next, &own, note_given, home, &err));
        handover_finish(&taken, true);
        wait_until_given(i + 1);
        handover_close(handover);
        handover = next;
        if (before >= 0)
            (void)close(before);
    }
    (void)close(fd);
    handover_close(handover);
    close_sockets(&sockets);
}

static void a_giver_that_cannot_give_is_an_error_and_not_waited_for(void **state)
{
    const struct handover_sockets closed = {.count = 1, .fds = {1000}, .names = {"a"}};
    struct handover *handover = open_first(&closed);
    struct handover_sockets taken;
    struct error err;
    (void)state;
    assert_false(handover_take(home, PATIENCE, &taken, &err));
    assert_int_equal(taken.connection, -1);
    handover_close(handover);
}

/* It listens, and is as deaf as a process that was stopped by a signal; its one place for who waits is taken, too. */
static void a_giver_that_does_not_answer_is_given_up(void **state)
{
    struct handover_sockets none = {.connection = -1};
    struct handover_sockets taken;
    struct handover *deaf = NULL;
    struct error err;
    size_t failures = 0;
    (void)state;
    assert_true(handover_open(home, &none, &deaf, &err));
    for (; failures < 4; failures++) {
        assert_false(handover_take(home, 1000, &taken, &err));
        assert_string_equal(err.text, "the relay that is there does not answer: end it first");
        assert_int_equal(taken.connection, -1);
    }
    handover_close(deaf);
    assert_true(handover_take(home, PATIENCE, &taken, &err));
    assert_int_equal(taken.connection, -1);
}

static void where_nobody_is_nothing_is_taken(void **state)
{
    struct handover_sockets taken;
    struct error err;
    (void)state;
    assert_true(handover_take(home, PATIENCE, &taken, &err));
    assert_true(taken.count == 0 && taken.connection == -1);
    assert_true(handover_take("/none", PATIENCE, &taken, &err));
    assert_true(taken.count == 0 && taken.connection == -1);
}

static void who_works_beside_another_cannot_be_followed(void **state)
{
    struct handover_sockets none = {.connection = -1};
    struct handover *first = open_first(&none);
    struct handover *second = NULL;
    struct error err;
    (void)state;
    assert_false(handover_open(home, &none, &second, &err));
    assert_non_null(strstr(err.text, "another relay on this root"));
    handover_close(first);
    assert_true(handover_open(home, &none, &second, &err));
    handover_close(second);
    handover_close(NULL);
}

static int make_home(void **state)
{
    (void)state;
    times_given = 0;
    home_make(home);
    return 0;
}

static int remove_home(void **state)
{
    (void)state;
    home_remove(home);
    return 0;
}

#define IN_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_HOME(what_is_given_comes_under_its_name_and_the_giver_hears_of_it),
        IN_HOME(who_ends_without_a_word_changes_nothing),
        IN_HOME(who_ends_before_the_other_is_ready_has_given),
        IN_HOME(the_next_one_is_found_by_the_one_after_it),
        IN_HOME(a_giver_that_cannot_give_is_an_error_and_not_waited_for),
        IN_HOME(a_giver_that_does_not_answer_is_given_up),
        IN_HOME(where_nobody_is_nothing_is_taken),
        IN_HOME(who_works_beside_another_cannot_be_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
