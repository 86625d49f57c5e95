/* Where all places are taken: whoever accepts waits while some will be free, and no longer. No thread and no clock: what
 * the workers would do meanwhile is done when the newcomer's socket is asked for the second time. */
#include "../../src/mprelay/hall.h"

#include "base/sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORKERS = 3, EAGER = 2 };

static struct places workers[WORKERS];
static struct connections connections;
static struct hall hall;
static int crowd[WORKERS][PLACES_MOST];

static struct {
    int fd;
    unsigned asked;
    void (*meanwhile)(void);
} newcomer;

static int open_socket(void)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static int ask_socket(int fd, struct stat *out)
{
    if (fd == newcomer.fd && ++newcomer.asked == 2)
        newcomer.meanwhile();
    return sys_kernel.fstat(fd, out);
}

static int make_hall(void **state)
{
    (void)state;
    connections_init(&connections, NULL);
    for (size_t i = 0; i < WORKERS; i++)
        places_init(&workers[i]);
    hall = (struct hall){.workers = workers, .count = WORKERS, .eager = EAGER, .connections = &connections};
    for (size_t i = 0; i < WORKERS; i++)
        for (size_t k = 0; k < PLACES_MOST; k++)
            crowd[i][k] = open_socket();
    newcomer.fd = open_socket();
    newcomer.asked = 0;
    newcomer.meanwhile = NULL;
    sys.fstat = ask_socket;
    return 0;
}

static int remove_hall(void **state)
{
    (void)state;
    sys = sys_kernel;
    (void)close(newcomer.fd);
    for (size_t i = 0; i < WORKERS; i++) {
        for (size_t k = 0; k < PLACES_MOST; k++)
            (void)close(crowd[i][k]);
        places_fini(&workers[i]);
    }
    connections_fini(&connections);
    return 0;
}

/* All on their way: no worker has come to one of them. */
static void send_crowd(void)
{
    for (size_t i = 0; i < WORKERS; i++)
        for (size_t k = 0; k < PLACES_MOST; k++)
            assert_true(places_take(&workers[i], crowd[i][k]));
}

static void begin_crowd(void)
{
    for (size_t i = 0; i < WORKERS; i++)
        for (size_t k = 0; k < PLACES_MOST; k++)
            places_start(&workers[i], crowd[i][k]);
}

/* ---- a choice ---- */

static void the_eager_workers_are_filled_evenly_first(void **state)
{
    size_t worker;
    (void)state;
    for (size_t n = 0; n < WORKERS * PLACES_MOST; n++) {
        assert_true(hall_find(&hall, crowd[n % WORKERS][n / WORKERS], &worker));
        assert_int_equal(worker, n < EAGER * PLACES_MOST ? n % EAGER : EAGER);
    }
}

/* ---- no place ---- */

static void turn_one_away(void)
{
    places_start(&workers[1], crowd[1][7]);
    places_end(&workers[1]);
}

static void who_comes_behind_a_crowd_on_its_way_waits_for_it(void **state)
{
    size_t worker = WORKERS;
    (void)state;
    send_crowd();
    newcomer.meanwhile = turn_one_away;
    assert_true(hall_find(&hall, newcomer.fd, &worker));
    assert_int_equal(worker, 1);
}

static void let_one_go(void)
{
    places_end(&workers[2]);
}

static void who_comes_behind_those_that_are_being_turned_away_waits_for_them(void **state)
{
    size_t worker = WORKERS;
    (void)state;
    send_crowd();
    begin_crowd();
    connections.refused = CONNECTION_RESERVE + 1;
    newcomer.meanwhile = let_one_go;
    assert_true(hall_find(&hall, newcomer.fd, &worker));
    assert_int_equal(worker, 2);
}

static void who_comes_behind_those_that_stay_is_told_so_at_once(void **state)
{
    size_t worker = WORKERS;
    (void)state;
    send_crowd();
    begin_crowd();
    connections.refused = CONNECTION_RESERVE;       /* they have an answer to come */
    assert_false(hall_find(&hall, newcomer.fd, &worker));
    assert_int_equal(newcomer.asked, 1);
    assert_int_equal(worker, WORKERS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_hall, remove_hall)
    const struct CMUnitTest tests[] = {
        TEST(the_eager_workers_are_filled_evenly_first),
        TEST(who_comes_behind_a_crowd_on_its_way_waits_for_it),
        TEST(who_comes_behind_those_that_are_being_turned_away_waits_for_them),
        TEST(who_comes_behind_those_that_stay_is_told_so_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
