/* A place is taken from the hand-over until the connection ends, or until its socket is gone without a word. */
#include "../../src/mprelay/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int open_socket(void)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static void fill(struct places *places, int sockets[PLACES_MOST])
{
    places_init(places);
    for (size_t i = 0; i < PLACES_MOST; i++) {
        sockets[i] = open_socket();
        assert_true(places_take(places, sockets[i]));
    }
    assert_int_equal(places_taken(places), PLACES_MOST);
}

static void close_sockets(const int sockets[PLACES_MOST])
{
    for (size_t i = 0; i < PLACES_MOST; i++)
        (void)close(sockets[i]);
}

static void test_there_are_so_many_and_no_more(void **state)
{
    struct places places;
    int sockets[PLACES_MOST];
    (void)state;
    fill(&places, sockets);
    assert_false(places_take(&places, sockets[0]));
    for (size_t i = 0; i < PLACES_MOST; i++)
        places_start(&places, sockets[i]);
    assert_false(places_take(&places, sockets[0]));
    places_recount(&places);
    assert_int_equal(places_taken(&places), PLACES_MOST);
    for (size_t i = 0; i < PLACES_MOST; i++)
        places_end(&places);
    assert_int_equal(places_taken(&places), 0);
    close_sockets(sockets);
    places_fini(&places);
}

static void test_a_socket_that_is_gone_gives_its_place_back(void **state)
{
    struct places places;
    int sockets[PLACES_MOST];
    (void)state;
    fill(&places, sockets);
    places_recount(&places);
    assert_int_equal(places_taken(&places), PLACES_MOST);
    close_sockets(sockets);
    const int next = open_socket();             /* has the number of one of them */
    assert_true(places_take(&places, next));
    assert_int_equal(places_taken(&places), 1);
    places_start(&places, next);
    places_end(&places);
    assert_int_equal(places_taken(&places), 0);
    (void)close(next);
    places_fini(&places);
}

static void test_a_number_that_comes_again_is_another_socket(void **state)
{
    struct places places;
    (void)state;
    places_init(&places);
    const int first = open_socket();
    assert_true(places_take(&places, first));
    (void)close(first);
    const int second = open_socket();
    assert_int_equal(second, first);
    assert_true(places_take(&places, second));
    places_start(&places, second);
    assert_int_equal(places_taken(&places), 2);
    places_recount(&places);
    assert_int_equal(places_taken(&places), 1);
    (void)close(second);
    places_fini(&places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_are_so_many_and_no_more),
        cmocka_unit_test(test_a_socket_that_is_gone_gives_its_place_back),
        cmocka_unit_test(test_a_number_that_comes_again_is_another_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
