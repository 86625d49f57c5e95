/* Who is counted against which limit, and who has a connection: its worker or the watcher. Time is an argument. */
#include "../../src/mprelay/connection.h"

#include "base/sys.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { SECOND = 1000000, HEADER = 30 * SECOND, REQUEST = 120 * SECOND, RATE = 100 };

static const char too_slow[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

struct pair {
    int ours;
    int client;
};

static struct pair make_pair(void)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    return (struct pair){ends[0], ends[1]};
}

static struct pair make_tcp_pair(int family)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    socklen_t len = sizeof address;
    if (family == AF_INET)
        ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int listener = socket(family, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    if (family == AF_INET6) {                       /* an IPv4 client of a socket that takes both */
        const struct sockaddr_in6 both = *(struct sockaddr_in6 *)&address;
        memset(&address, 0, sizeof address);
        *(struct sockaddr_in *)&address = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = both.sin6_port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        len = sizeof(struct sockaddr_in);
    }
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, len), 0);
    const int ours = accept(listener, NULL, NULL);
    assert_true(ours >= 0);
    (void)close(listener);
    return (struct pair){ours, client};
}

static void close_pair(struct pair pair)
{
    (void)close(pair.ours);
    (void)close(pair.client);
}

static void begin(struct connections *connections, const struct proxies *proxies)
{
    connections_init(connections, proxies);
    connections->limits.connections = 2;
    connections->limits.per_address = 1;
    connections->limits.header_timeout = HEADER;
    connections->limits.request_timeout = REQUEST;
    connections->limits.min_rate = RATE;
}

/* All that the client was told; "" and *open where it was told nothing and is still connected. */
static const char *told(int client, bool *open)
{
    static char text[256];
    const ssize_t got = recv(client, text, sizeof text - 1, MSG_DONTWAIT);
    char next;
    text[got > 0 ? got : 0] = '\0';
    *open = got < 0 || (got > 0 && recv(client, &next, 1, MSG_DONTWAIT) < 0);
    return text;
}

/* ---- addresses and limits ---- */

static void an_address_is_written_without_its_port(void **state)
{
    struct connections connections;
    (void)state;
    const struct {
        struct pair pair;
        const char *address;
    } rows[] = {
        {make_pair(), "unix"},
        {make_tcp_pair(AF_INET), "127.0.0.1"},
        {make_tcp_pair(AF_INET6), "127.0.0.1"},
        {{open("/dev/null", O_RDONLY), dup(0)}, "-"},
    };
    begin(&connections, NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct connection *connection = connection_open(&connections, rows[i].pair.ours);
        assert_string_equal(connection->address, rows[i].address);
        connection_close(&connections, connection);
        close_pair(rows[i].pair);
    }
    connections_fini(&connections);
}

static void one_too_many_is_marked(void **state)
{
    static const char *const trusted[] = {"10.0.0.1", "127.0.0.1"};
    struct connections connections;
    (void)state;
    static const struct {
        bool tcp;
        size_t trusted;                             /* of the two */
        bool refused[3];                            /* most 2 in all, 1 of an address */
    } rows[] = {
        {false, 0, {false, false, true}},           /* unix sockets are not counted singly */
        {true, 0, {false, true, true}},
        {true, 1, {false, true, true}},
        {true, 2, {false, false, true}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct connection *open[3];
        struct pair pairs[3];
        const struct config_list list = {trusted, rows[i].trusted};
        struct proxies *proxies;
        struct error err;
        assert_true(proxies_open(&list, &proxies, &err));
        begin(&connections, proxies);
        for (size_t k = 0; k < 3; k++) {
            pairs[k] = rows[i].tcp ? make_tcp_pair(AF_INET) : make_pair();
            open[k] = connection_open(&connections, pairs[k].ours);
            assert_int_equal(open[k]->refused, rows[i].refused[k]);
            assert_int_equal(open[k]->proxied, rows[i].tcp && rows[i].trusted == 2);
        }
        connection_close(&connections, open[1]);    /* from the middle, the end and the beginning of the list */
        connection_close(&connections, open[0]);
        assert_int_equal(connections_count(&connections), 1);
        struct connection *again = connection_open(&connections, pairs[0].ours);
        assert_int_equal(again->refused, rows[i].tcp && rows[i].trusted < 2);
        connection_close(&connections, again);
        connection_close(&connections, open[2]);
        assert_int_equal(connections_count(&connections), 0);
        for (size_t k = 0; k < 3; k++)
            close_pair(pairs[k]);
        connections_fini(&connections);
        proxies_close(proxies);
    }
}

static void *refuse_memory(size_t size)
{
    (void)size;
    return NULL;
}

static void a_request_through_a_proxy_counts_as_a_connection(void **state)
{
    struct connections connections;
    const struct pair pair = make_tcp_pair(AF_INET), another = make_tcp_pair(AF_INET);
    bool over;
    (void)state;
    begin(&connections, NULL);
    struct peer *request = connections_join(&connections, "127.0.0.1", &over);
    assert_false(over);
    struct connection *connection = connection_open(&connections, pair.ours);
    assert_true(connection->refused);
    struct peer *second = connections_join(&connections, "127.0.0.1", &over);
    assert_true(over && second == request);
    connections_leave(&connections, second);
    connections_leave(&connections, request);
    connection_close(&connections, connection);
    assert_int_equal(connections_count(&connections), 0);       /* a request is none */
    sys.allocate = refuse_memory;
    assert_null(connections_join(&connections, "127.0.0.1", &over));
    sys = sys_kernel;
    connection = connection_open(&connections, another.ours);
    assert_false(connection->refused);
    connection_close(&connections, connection);
    close_pair(pair);
    close_pair(another);
    connections_fini(&connections);
}

static void who_is_over_a_limit_beyond_the_reserve_is_turned_away(void **state)
{
    enum { ALL = 1 + CONNECTION_RESERVE + 1 };
    struct connections connections;
    struct connection *connection[ALL];
    struct pair pairs[ALL];
    bool open;
    (void)state;
    begin(&connections, NULL);
    for (size_t i = 0; i < ALL; i++) {
        pairs[i] = make_tcp_pair(AF_INET);
        connection[i] = connection_open(&connections, pairs[i].ours);
        assert_int_equal(connection[i]->refused, i > 0);
        assert_int_equal(connection[i]->state, i < ALL - 1 ? CONNECTION_IDLE : CONNECTION_CUT);
        const char *answer = told(pairs[i].client, &open);
        assert_int_equal(strncmp(answer, "HTTP/1.1 503 ", 13) == 0, i == ALL - 1);
        assert_int_equal(open, i < ALL - 1);
    }
    struct pair other = make_pair();                /* of another address: they take no place from him */
    struct connection *admitted = connection_open(&connections, other.ours);
    assert_false(admitted->refused);
    connection_close(&connections, admitted);
    close_pair(other);
    for (size_t i = 0; i < ALL; i++) {
        connection_close(&connections, connection[i]);
        close_pair(pairs[i]);
    }
    assert_int_equal(connections.refused, 0);
    connections_fini(&connections);
}

static void refused_memory_is_no_connection(void **state)
{
    struct connections connections;
    (void)state;
    begin(&connections, NULL);
    sys.allocate = refuse_memory;
    assert_null(connection_open(&connections, 0));
    sys = sys_kernel;
    assert_int_equal(connections_count(&connections), 0);
    connections_fini(&connections);
}

/* ---- deadlines ---- */

/* The states of one request up to and with `state`. */
static void lead_to(struct connection *connection, enum connection_state state)
{
    static const enum connection_state way[] = {CONNECTION_HEAD, CONNECTION_BODY, CONNECTION_OURS, CONNECTION_ANSWER};
    for (size_t i = 0; state != CONNECTION_IDLE && i < COUNT(way); i++) {
        assert_true(connection_enter(connection, way[i]));
        if (way[i] == state)
            return;
    }
}

static void each_state_has_its_deadline(void **state)
{
    static const struct {
        enum connection_state state;
        int64_t deadline;                           /* 0: none */
        uint64_t min_rate;
        const char *told;
    } rows[] = {
        {CONNECTION_IDLE, HEADER, RATE, ""},     {CONNECTION_HEAD, HEADER, RATE, too_slow},
        {CONNECTION_BODY, REQUEST, 0, too_slow}, {CONNECTION_BODY, 10 * SECOND, RATE, too_slow},
        {CONNECTION_OURS, 0, RATE, ""},          {CONNECTION_ANSWER, REQUEST, RATE, ""},
    };
    struct connections connections;
    bool open;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct pair pair = make_pair();
        begin(&connections, NULL);
        connections.limits.min_rate = rows[i].min_rate;
        const int64_t before = sys_ticks();
        struct connection *connection = connection_open(&connections, pair.ours);
        lead_to(connection, rows[i].state);
        const int64_t after = sys_ticks();
        connections_watch(&connections, before + (rows[i].deadline > 0 ? rows[i].deadline - 1 : 1000LL * REQUEST));
        assert_string_equal(told(pair.client, &open), "");
        assert_true(open);
        assert_int_equal(connection->state, rows[i].state);
        if (rows[i].deadline > 0) {
            connections_watch(&connections, after + rows[i].deadline + 1);
            assert_string_equal(told(pair.client, &open), rows[i].told);
            assert_false(open);
            assert_false(connection_enter(connection, CONNECTION_ANSWER));
            connection_rest(connection);
            assert_int_equal(connection->state, CONNECTION_CUT);
        }
        connection_close(&connections, connection);
        close_pair(pair);
        connections_fini(&connections);
    }
}

static void the_least_rate_is_that_of_each_window(void **state)
{
    struct connections connections;
    const struct pair pair = make_pair();
    (void)state;
    begin(&connections, NULL);
    struct connection *connection = connection_open(&connections, pair.ours);
    lead_to(connection, CONNECTION_BODY);
    int64_t now = connection->since;
    connections_watch(&connections, now);
    for (int window = 0; window < 5; window++) {
        now += 10 * SECOND;
        connection->received += 10 * RATE;
        connections_watch(&connections, now);
        assert_int_equal(connection->state, CONNECTION_BODY);
    }
    now += 10 * SECOND;
    connection->received += 10 * RATE - 1;          /* what came before does not count */
    connections_watch(&connections, now);
    assert_int_equal(connection->state, CONNECTION_CUT);
    connection_close(&connections, connection);
    close_pair(pair);
    connections_fini(&connections);
}

static void draining_ends_what_is_idle_for_a_while_and_nothing_else(void **state)
{
    struct connections connections;
    (void)state;
    for (enum connection_state at = CONNECTION_IDLE; at <= CONNECTION_ANSWER; at++) {
        const struct pair pair = make_pair();
        begin(&connections, NULL);
        struct connection *connection = connection_open(&connections, pair.ours);
        lead_to(connection, at);
        connections.draining = true;
        assert_int_equal(connections_have_work(&connections), at == CONNECTION_OURS);
        connections_watch(&connections, connection->since + 2 * SECOND);
        assert_int_equal(connection->state, at);        /* it may be about to ask */
        connections_watch(&connections, connection->since + 2 * SECOND + 1);
        assert_int_equal(connection->state, at == CONNECTION_IDLE ? CONNECTION_CUT : at);
        connection_close(&connections, connection);
        close_pair(pair);
        connections_fini(&connections);
    }
}

/* The same for one that was cut: its worker has to close it at once. */
static void what_waits_for_us_too_long_hangs(void **state)
{
    struct connections connections;
    (void)state;
    for (enum connection_state at = CONNECTION_IDLE; at <= CONNECTION_CUT; at++) {
        const struct pair pair = make_pair();
        begin(&connections, NULL);
        struct connection *connection = connection_open(&connections, pair.ours);
        if (at == CONNECTION_CUT)
            connections_watch(&connections, sys_ticks() + 3600LL * SECOND);
        else
            lead_to(connection, at);
        assert_int_equal(connection->state, at);
        assert_false(connections_hang(&connections, connection->since));
        const bool hangs = connections_hang(&connections, connection->since + 1);
        assert_int_equal(hangs, at == CONNECTION_OURS || at == CONNECTION_CUT);
        connection_close(&connections, connection);
        close_pair(pair);
        connections_fini(&connections);
    }
}

static void a_second_request_has_its_own_time(void **state)
{
    struct connections connections;
    const struct pair pair = make_pair();
    (void)state;
    begin(&connections, NULL);
    struct connection *connection = connection_open(&connections, pair.ours);
    lead_to(connection, CONNECTION_ANSWER);
    connection->received = 1000;
    connection_rest(connection);
    assert_int_equal(connection->state, CONNECTION_IDLE);
    const int64_t before = sys_ticks();
    lead_to(connection, CONNECTION_BODY);
    assert_true(connection->started >= before && connection->since >= connection->started);
    assert_int_equal(connection->received, 0);
    connection_close(&connections, connection);
    close_pair(pair);
    connections_fini(&connections);
}

static bool has_edge(int epoll)
{
    struct epoll_event event;
    return epoll_wait(epoll, &event, 1, 0) == 1;
}

/* As the library does: it waits for edges, and reads once for each. */
static int wait_for_edges(int fd)
{
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLET};
    const int epoll = epoll_create1(0);
    assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted), 0);
    return epoll;
}

static void an_end_that_came_with_the_last_bytes_is_shown_to_the_worker(void **state)
{
    struct connections connections;
    (void)state;
    for (int row = 0; row < 2 * CONNECTION_CUT; row++) {
        const struct pair pair = row % 2 == 0 ? make_pair() : make_tcp_pair(AF_INET);
        const enum connection_state at = (enum connection_state)(row / 2);
        const int epoll = wait_for_edges(pair.ours);
        char bytes[16];
        begin(&connections, NULL);
        struct connection *connection = connection_open(&connections, pair.ours);
        lead_to(connection, at);
        assert_int_equal(send(pair.client, "POST", 4, 0), 4);
        assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
        assert_true(has_edge(epoll));
        assert_int_equal(recv(pair.ours, bytes, sizeof bytes, 0), 4);
        assert_false(has_edge(epoll));
        for (int watch = 0; watch < 10; watch++)
            connections_watch(&connections, sys_ticks());
        assert_int_equal(has_edge(epoll), at != CONNECTION_OURS);
        assert_int_equal(recv(pair.ours, bytes, sizeof bytes, 0), 0);
        connection_close(&connections, connection);
        close_pair(pair);
        (void)close(epoll);
        connections_fini(&connections);
    }
}

/* ---- what is no request ---- */

static void bytes_without_a_request_are_garbage(void **state)
{
    static const struct {
        const char *sent;
        enum connection_state state;
        bool garbage;
    } rows[] = {
        {"", CONNECTION_IDLE, false},
        {"\x16\x03", CONNECTION_IDLE, true},
        {"GET /", CONNECTION_HEAD, false},
        {"GET", CONNECTION_CUT, false},
    };
    struct connections connections;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct pair pair = make_tcp_pair(AF_INET);
        char bytes[16];
        const ssize_t len = (ssize_t)strlen(rows[i].sent);
        begin(&connections, NULL);
        struct connection *connection = connection_open(&connections, pair.ours);
        assert_int_equal(send(pair.client, rows[i].sent, (size_t)len, 0), len);
        assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
        assert_int_equal(recv(pair.ours, bytes, (size_t)len, MSG_WAITALL), len);
        if (len == 0)
            assert_int_equal(recv(pair.ours, bytes, 1, 0), 0);
        if (rows[i].state != CONNECTION_IDLE)
            assert_true(connection_enter(connection, rows[i].state));
        assert_int_equal(connection_sent_garbage(connection), rows[i].garbage);
        connection_close(&connections, connection);
        close_pair(pair);
        connections_fini(&connections);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_written_without_its_port),
        cmocka_unit_test(one_too_many_is_marked),
        cmocka_unit_test(a_request_through_a_proxy_counts_as_a_connection),
        cmocka_unit_test(who_is_over_a_limit_beyond_the_reserve_is_turned_away),
        cmocka_unit_test(refused_memory_is_no_connection),
        cmocka_unit_test(each_state_has_its_deadline),
        cmocka_unit_test(the_least_rate_is_that_of_each_window),
        cmocka_unit_test(draining_ends_what_is_idle_for_a_while_and_nothing_else),
        cmocka_unit_test(what_waits_for_us_too_long_hangs),
        cmocka_unit_test(a_second_request_has_its_own_time),
        cmocka_unit_test(an_end_that_came_with_the_last_bytes_is_shown_to_the_worker),
        cmocka_unit_test(bytes_without_a_request_are_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
