/* Who is a proxy, and whose request came through some: tables of what is written, and what must be read of it. */
#include "../../src/mprelay/proxy.h"

#include "base/sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { MOST = 8 };

/* NULL ends it. */
static struct proxies *open_proxies(const char *const *list)
{
    struct config_list addresses = {.at = list};
    struct proxies *proxies;
    struct error err;
    while (list[addresses.count] != NULL)
        addresses.count++;
    if (!proxies_open(&addresses, &proxies, &err))
        fail_msg("%s", err.text);
    return proxies;
}

static void a_proxy_is_known_by_address_network_or_socket(void **state)
{
    static const struct {
        const char *list[MOST];
        const char *yes[MOST];
        const char *no[MOST];
    } rows[] = {
        {{NULL}, {NULL}, {"127.0.0.1", "::1", "unix", "-"}},
        {{"127.0.0.1", "::1"}, {"127.0.0.1", "::1"}, {"127.0.0.2", "::2", "unix", "-", "", "0.0.0.1"}},
        {{"unix:"}, {"unix"}, {"127.0.0.1", "unix:"}},
        {{"10.0.0.0/8", "192.0.2.128/25"},
         {"10.0.0.0", "10.255.255.255", "192.0.2.128", "192.0.2.255"},
         {"9.255.255.255", "11.0.0.0", "192.0.2.127", "192.0.3.128", "::10.0.0.1"}},
        {{"2001:db8::/33", "fe80::/10"},
         {"2001:db8::1", "2001:DB8:7fff::1", "febf::1"},
         {"2001:db8:8000::1", "2001:db9::1", "fec0::1", "10.0.0.1"}},
        {{"0.0.0.0/0"}, {"0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"}, {"::1", "unix"}},
        {{"::/0"}, {"::1", "1.2.3.4"}, {"unix", "-"}},
        {{"192.0.2.1/32"}, {"192.0.2.1", "::ffff:192.0.2.1"}, {"192.0.2.0"}},
        {{"::ffff:192.0.2.0/120"}, {"192.0.2.1"}, {"192.0.3.1"}},
        {{"2001:db8::1/128"}, {"2001:db8:0:0::1"}, {"2001:db8::2"}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct proxies *proxies = open_proxies(rows[i].list);
        for (size_t j = 0; j < MOST && rows[i].yes[j] != NULL; j++)
            if (!proxies_have(proxies, rows[i].yes[j]))
                fail_msg("row %zu: %s is one", i, rows[i].yes[j]);
        for (size_t j = 0; j < MOST && rows[i].no[j] != NULL; j++)
            if (proxies_have(proxies, rows[i].no[j]))
                fail_msg("row %zu: %s is none", i, rows[i].no[j]);
        proxies_close(proxies);
    }
}

static void what_is_no_address_or_network_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "proxy.example.test",
        "10.0.0.1/",
        "10.0.0.1/33",
        "10.0.0.0/-8",
        "10.0.0.0/8/8",
        "10.0.0",
        "10.0.0.1/8",
        "10.0.0.0/0008",
        "::1/129",
        "2001:db8::1/64",
        "[::1]",
        "10.0.0.1:80",
        "/8",
        "unix",
        "unix:/run/socket",
        "fe80::1%eth0",
        "10.0.0.0/8 ",
        " 10.0.0.1",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *list[] = {"127.0.0.1", bad[i]};
        const struct config_list addresses = {list, COUNT(list)};
        struct proxies *proxies = NULL;
        struct error err;
        if (proxies_open(&addresses, &proxies, &err))
            fail_msg("'%s' was taken", bad[i]);
        assert_null(proxies);
        assert_int_equal(err.kind, ERROR_MALFORMED);
        assert_memory_equal(err.text, "trusted-proxy = ", 16);
    }
}

static void *refuse_memory(size_t size)
{
    (void)size;
    return NULL;
}

static void without_memory_there_are_no_proxies(void **state)
{
    const struct config_list none = {NULL, 0};
    struct proxies *proxies;
    struct error err;
    (void)state;
    sys.allocate = refuse_memory;
    assert_false(proxies_open(&none, &proxies, &err));
    sys = sys_kernel;
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    proxies_close(NULL);
}

/* ---- X-Forwarded-For ---- */

#define LONG_HOP "1111111111111111111111111111111111111111111111111111111111111111"

static void the_last_hop_that_is_no_proxy_is_the_client(void **state)
{
    static const char *const ours[] = {"127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48", NULL};
    static const struct {
        const char *lines[MOST];
        const char *client;             /* NULL: not told */
    } rows[] = {
        {{NULL}, NULL},
        {{""}, NULL},
        {{" "}, NULL},
        {{","}, NULL},
        {{"192.0.2.1"}, "192.0.2.1"},
        {{" \t192.0.2.1\t "}, "192.0.2.1"},
        {{"2001:DB8:0:0::1"}, "2001:db8::1"},
        {{"::ffff:192.0.2.1"}, "192.0.2.1"},
        {{"192.0.2.1:4711"}, "192.0.2.1"},
        {{"[2001:db8::1]:4711"}, "2001:db8::1"},
        {{"[2001:db8::1]"}, "2001:db8::1"},
        /* through several of ours */
        {{"192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
        {{"192.0.2.1,10.0.0.2,2001:db8:1::3"}, "192.0.2.1"},
        {{"192.0.2.1", "10.0.0.2"}, "192.0.2.1"},
        {{"192.0.2.1", "", "10.0.0.2"}, "192.0.2.1"},
        {{"10.0.0.9"}, "10.0.0.9"},
        {{"10.0.0.9, 10.0.0.2"}, "10.0.0.9"},
        /* the client wrote what stands before */
        {{"198.51.100.7, 192.0.2.1"}, "192.0.2.1"},
        {{"198.51.100.7", "192.0.2.1"}, "192.0.2.1"},
        {{"127.0.0.1, 192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
        {{"nonsense \"\\\x01\xff, 192.0.2.1"}, "192.0.2.1"},
        {{",,,,192.0.2.1"}, "192.0.2.1"},
        {{"10.0.0.1, 192.0.2.1"}, "192.0.2.1"},
        /* a proxy of ours does not say whom it was asked by */
        {{"unknown"}, NULL},
        {{"198.51.100.7, unknown"}, NULL},
        {{"198.51.100.7,"}, NULL},
        {{"198.51.100.7", ",10.0.0.2"}, "10.0.0.2"},
        {{"198.51.100.7,,10.0.0.2"}, "10.0.0.2"},
        {{"198.51.100.7, unknown, 10.0.0.2"}, "10.0.0.2"},
        {{"198.51.100.7", "_hidden", "10.0.0.2, 10.0.0.3"}, "10.0.0.2"},
        {{"192.0.2.1 10.0.0.2"}, NULL},
        {{"192.0.2.256"}, NULL},
        {{"192.0.2"}, NULL},
        {{"fe80::1%eth0"}, NULL},
        {{"\"[2001:db8::1]\""}, NULL},
        {{"[2001:db8::1"}, NULL},
        {{"[2001:db8::1]4711"}, NULL},
        {{"["}, NULL},
        {{"[]"}, NULL},
        {{":"}, NULL},
        {{":4711"}, NULL},
        {{"unix:"}, NULL},
        {{"192.0.2.1, \xd9\xa1.\xd9\xa2.3.4"}, NULL},
        {{LONG_HOP}, NULL},
        {{LONG_HOP ", 192.0.2.1"}, "192.0.2.1"},
    };
    struct proxies *proxies = open_proxies(ours);
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct span lines[MOST];
        char client[PEER_ADDRESS_SIZE] = "";
        size_t count = 0;
        for (; count < MOST && rows[i].lines[count] != NULL; count++)
            lines[count] = span_of(rows[i].lines[count]);
        const bool told = proxies_find_client(proxies, lines, count, client);
        if (told != (rows[i].client != NULL) || strcmp(client, told ? rows[i].client : "") != 0)
            fail_msg("row %zu: '%s'", i, client);
    }
    proxies_close(proxies);
}

static void a_nul_does_not_end_an_address(void **state)
{
    static const char *const ours[] = {"127.0.0.1", NULL};
    const struct span line = {"192.0.2.1\0x", 11};
    char client[PEER_ADDRESS_SIZE];
    struct proxies *proxies = open_proxies(ours);
    (void)state;
    assert_false(proxies_find_client(proxies, &line, 1, client));
    proxies_close(proxies);
}

static void a_header_has_the_name_of_a_token(void **state)
{
    static const char *const yes[] = {"X-Forwarded-For", "a", "0!#$%&'*+-.^_`|~z"};
    static const char *const no[] = {"", "X-Forwarded-For:", "X Forwarded", "X-\xc3\xa4", "X\t", "(x)"};
    (void)state;
    for (size_t i = 0; i < COUNT(yes); i++)
        assert_true(proxy_is_header(span_of(yes[i])));
    for (size_t i = 0; i < COUNT(no); i++)
        assert_false(proxy_is_header(span_of(no[i])));
    assert_false(proxy_is_header((struct span){"X\0Y", 3}));
}

/* ---- who lies ---- */

static void each_liar_is_new_once_for_each_header(void **state)
{
    static struct proxy_liars liars;
    (void)state;
    assert_true(proxy_liars_add(&liars, "192.0.2.1", SPAN("X-Forwarded-For")));
    assert_false(proxy_liars_add(&liars, "192.0.2.1", SPAN("X-Forwarded-For")));
    assert_true(proxy_liars_add(&liars, "192.0.2.1", SPAN("X-SSL-Client-S-DN")));
    assert_true(proxy_liars_add(&liars, "192.0.2.2", SPAN("X-Forwarded-For")));
    assert_false(proxy_liars_add(&liars, "192.0.2.1", SPAN("X-SSL-Client-S-DN")));
    assert_false(proxy_liars_add(&liars, "192.0.2.1", SPAN("X-Forwarded-For")));
}

static void many_liars_make_it_forget_some_and_no_more(void **state)
{
    static struct proxy_liars liars;
    size_t known = 0;
    (void)state;
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < 4 * PROXY_LIARS; i++) {
            char address[PEER_ADDRESS_SIZE];
            (void)snprintf(address, sizeof address, "10.0.%u.%u", i / 256, i % 256);
            known += !proxy_liars_add(&liars, address, SPAN("X-Forwarded-For"));
        }
    assert_true(known <= PROXY_LIARS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxy_is_known_by_address_network_or_socket),
        cmocka_unit_test(what_is_no_address_or_network_is_refused),
        cmocka_unit_test(without_memory_there_are_no_proxies),
        cmocka_unit_test(the_last_hop_that_is_no_proxy_is_the_client),
        cmocka_unit_test(a_nul_does_not_end_an_address),
        cmocka_unit_test(a_header_has_the_name_of_a_token),
        cmocka_unit_test(each_liar_is_new_once_for_each_header),
        cmocka_unit_test(many_liars_make_it_forget_some_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
