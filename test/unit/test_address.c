/* Addresses of settings: what is one, and what is said of those that are none or taken. */
#include "base/address.h"
#include "base/sys.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct address say(const char *text)
{
    return (struct address){"some-listen", text, "ADDRESS:PORT"};
}

static void what_is_no_address_is_malformed_and_named(void **state)
{
    static const char *const rows[] = {"",
                                       "8080",
                                       ":8080",
                                       "127.0.0.1",
                                       "127.0.0.1:",
                                       "127.0.0.1:x",
                                       "127.0.0.1:65536",
                                       "127.0.0.1:-1",
                                       "::1:8080",
                                       "[::1]",
                                       "[]:80",
                                       "127.0.0.1:00000080",
                                       "127.0.0.1: 80",
                                       "127.0.0.1:0x50",
                                       "256.0.0.1:80",
                                       "no such host.invalid:80"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct address address = say(rows[i]);
        struct error err;
        int fd;
        assert_false(address_listen(&address, &fd, &err));
        assert_int_equal(err.kind, ERROR_MALFORMED);
        assert_ptr_equal(strstr(err.text, "some-listen = "), err.text);
    }
}

static void a_host_may_be_255_bytes_long(void **state)
{
    (void)state;
    for (size_t len = 255; len <= 256; len++) {
        char text[300];
        struct error err;
        int fd;
        memset(text, 'x', len);
        (void)strcpy(text + len, ":80");
        const struct address address = say(text);
        assert_false(address_listen(&address, &fd, &err));
        assert_true((strstr(err.text, "not an address") != NULL) == (len == 256));      /* else the resolver's words */
    }
}

static in_port_t port_of(int fd)
{
    struct sockaddr_in at = {0};
    socklen_t len = sizeof at;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    return ntohs(at.sin_port);
}

static void an_address_is_taken_once(void **state)
{
    struct error err;
    char text[32];
    int fd;
    int second;
    (void)state;
    const struct address any = say("127.0.0.1:0");
    assert_true(address_listen(&any, &fd, &err));
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", port_of(fd));
    const struct address same = say(text);
    assert_false(address_listen(&same, &second, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    assert_non_null(strstr(err.text, text));
    assert_non_null(strstr(err.text, "another program"));
    (void)close(fd);
    assert_true(address_listen(&same, &second, &err));
    (void)close(second);
}

/* Not every machine has IPv6. */
static void an_ipv6_address_stands_in_brackets(void **state)
{
    const struct address address = say("[::1]:0");
    struct error err;
    int fd;
    (void)state;
    if (address_listen(&address, &fd, &err))
        (void)close(fd);
    else
        assert_int_equal(err.kind, ERROR_SYSTEM);
}

static void nothing_and_off_are_no_address(void **state)
{
    (void)state;
    assert_true(address_is_off(NULL));
    assert_true(address_is_off("off"));
    assert_false(address_is_off("127.0.0.1:80"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_address_is_malformed_and_named),
        cmocka_unit_test(a_host_may_be_255_bytes_long),
        cmocka_unit_test(an_address_is_taken_once),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(nothing_and_off_are_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
