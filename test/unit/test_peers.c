/* How many connections each of many addresses has. */
#include "../../src/mprelay/peers.h"

#include "base/sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { ADDRESSES = 5 * PEER_BUCKETS, EACH = 3 };

static const char *address_of(size_t number)
{
    static char text[PEER_ADDRESS_SIZE];
    (void)snprintf(text, sizeof text, "10.0.%zu.%zu", number / 256, number % 256);
    return text;
}

static void each_address_is_counted_for_itself(void **state)
{
    static struct peers peers;
    static struct peer *joined[ADDRESSES];
    (void)state;
    for (size_t round = 1; round <= EACH; round++)
        for (size_t i = 0; i < ADDRESSES; i++) {
            struct peer *peer = peer_join(&peers, address_of(i));
            assert_true(round == 1 || peer == joined[i]);
            joined[i] = peer;
            assert_int_equal(peer->connections, round);
        }
    for (size_t round = EACH; round > 0; round--)
        for (size_t i = 0; i < ADDRESSES; i++) {
            assert_int_equal(joined[i]->connections, round);
            peer_leave(&peers, joined[i]);
        }
    for (size_t i = 0; i < PEER_BUCKETS; i++)
        assert_null(peers.buckets[i]);
}

static void *refuse_memory(size_t size)
{
    (void)size;
    return NULL;
}

static void without_memory_nobody_joins(void **state)
{
    static struct peers peers;
    (void)state;
    struct peer *peer = peer_join(&peers, "10.0.0.1");
    sys.allocate = refuse_memory;
    assert_null(peer_join(&peers, "10.0.0.2"));
    assert_ptr_equal(peer_join(&peers, "10.0.0.1"), peer);
    sys = sys_kernel;
    peer_leave(&peers, peer);
    peer_leave(&peers, peer);
    for (size_t i = 0; i < PEER_BUCKETS; i++)
        assert_null(peers.buckets[i]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_is_counted_for_itself),
        cmocka_unit_test(without_memory_nobody_joins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
