/* The admin listener, asked over a socket: each page, each refusal, and what is said when a page cannot be made. */
#include "base/address.h"
#include "base/admin.h"
#include "base/sys.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_ANSWER = 4 * 1024 * 1024 };

static struct admin *admin;
static struct sockaddr_in place;
static char answer[MOST_ANSWER + 1];

/* What the listener's thread finds. */
static const char *_Atomic reasons_text;        /* NULL: they cannot be found out */
static _Atomic size_t metrics_size;
static _Atomic bool refusing;                   /* memory */

static void *allocate(size_t size)
{
    return refusing ? NULL : malloc(size);
}

static void *reallocate(void *old, size_t size)
{
    return refusing ? NULL : realloc(old, size);
}

static bool write_reasons(void *owner, struct buffer *out, struct error *err)
{
    const char *text = reasons_text;
    if (text == NULL || strcmp(owner, "owner") != 0)
        return error_set(err, ERROR_BUSY, "ask \"later\"");
    return buffer_add(out, text, strlen(text), err);
}

static bool write_metrics(void *owner, struct buffer *page, struct error *err)
{
    for (size_t i = 0; i < metrics_size; i += 8)
        if (!buffer_add(page, "figure 1", 8, err))
            return false;
    return strcmp(owner, "owner") == 0;
}

static int open_admin(void **state)
{
    static char owner[] = "owner";
    const struct admin_pages pages = {write_reasons, write_metrics, owner};
    const struct address any = {"listen", "127.0.0.1:0", ""};
    socklen_t len = sizeof place;
    struct error err;
    int fd;
    (void)state;
    reasons_text = "";
    metrics_size = 8;
    refusing = false;
    sys.allocate = allocate;
    sys.reallocate = reallocate;
    if (!address_listen(&any, &fd, &err) || getsockname(fd, (struct sockaddr *)&place, &len) != 0 ||
        !admin_open(fd, &pages, &admin, &err))
        fail_msg("%s", err.text);
    return 0;
}

static int close_admin(void **state)
{
    (void)state;
    admin_close(admin);
    sys = sys_kernel;
    return 0;
}

static int connect_to_admin(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&place, sizeof place), 0);
    return fd;
}

/* All that comes back until the connection ends. */
static const char *ask(const char *request)
{
    const int fd = connect_to_admin();
    size_t len = 0;
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    for (ssize_t more; (more = recv(fd, answer + len, MOST_ANSWER - len, 0)) > 0;)
        len += (size_t)more;
    answer[len] = '\0';
    (void)close(fd);
    return answer;
}

#define ASK(line) ask(line " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

static void assert_answer(const char *text, const char *status, const char *body)
{
    assert_ptr_equal(strstr(text, status), text);
    assert_non_null(strstr(text, "\r\nCache-Control: no-store\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n") + 4, body);
}

static void each_page_is_answered(void **state)
{
    (void)state;
    assert_answer(ASK("GET /livez"), "HTTP/1.1 200 ", "ok\n");
    assert_answer(ASK("GET /readyz"), "HTTP/1.1 200 ", "{\"ready\": true, \"reasons\": []}\n");
    assert_answer(ASK("GET /metrics?x=y"), "HTTP/1.1 200 ", "figure 1");
    assert_non_null(strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
}

static void head_is_the_answer_without_its_body(void **state)
{
    (void)state;
    assert_answer(ASK("HEAD /metrics"), "HTTP/1.1 200 ", "");
    assert_non_null(strstr(answer, "\r\nContent-Length: 8\r\n"));
}

static void what_is_not_there_is_404_and_other_methods_are_405(void **state)
{
    static const char words[] = "there are /livez, /readyz and /metrics\n";
    (void)state;
    assert_answer(ASK("GET /"), "HTTP/1.1 404 ", words);
    assert_answer(ASK("GET /livez/"), "HTTP/1.1 404 ", words);
    assert_answer(ASK("POST /"), "HTTP/1.1 404 ", words);
    assert_answer(ASK("DELETE /livez"), "HTTP/1.1 405 ", "only GET and HEAD\n");
    assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
    assert_answer(ask("POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"),
                  "HTTP/1.1 405 ", "only GET and HEAD\n");
}

static void each_reason_is_a_string_of_json_whatever_is_in_it(void **state)
{
    (void)state;
    reasons_text = "first\nsay \"x\\y\"\tand \xC3\xBC\x7F\nlast without an end";
    assert_answer(ASK("GET /readyz"), "HTTP/1.1 503 ",
                  "{\"ready\": false, \"reasons\": [\"first\", \"say \\u0022x\\u005cy\\u0022\\u0009and ??\\u007f\", "
                  "\"last without an end\"]}\n");
    assert_non_null(strstr(answer, "\r\nContent-Type: application/json\r\n"));
}

static void a_page_that_cannot_be_made_is_answered_by_its_error(void **state)
{
    (void)state;
    reasons_text = NULL;
    assert_answer(ASK("GET /readyz"), "HTTP/1.1 503 ", "ask \"later\"\n");
    metrics_size = 2 * 1024 * 1024;
    assert_ptr_equal(strstr(ASK("GET /metrics"), "HTTP/1.1 413 "), answer);
    metrics_size = 8;
    assert_answer(ASK("GET /metrics"), "HTTP/1.1 200 ", "figure 1");
}

static void refused_memory_is_503(void **state)
{
    (void)state;
    refusing = true;
    assert_answer(ASK("GET /livez"), "HTTP/1.1 503 ", "");
    assert_answer(ASK("GET /readyz"), "HTTP/1.1 503 ", "");
    assert_answer(ASK("GET /metrics"), "HTTP/1.1 503 ", "");
    refusing = false;
    assert_answer(ASK("GET /livez"), "HTTP/1.1 200 ", "ok\n");
}

static void what_is_no_http_ends_its_connection_only(void **state)
{
    (void)state;
    (void)ask("\x16\x03\x01\r\n\r\n");
    (void)ask("GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n");
    assert_answer(ASK("GET /livez"), "HTTP/1.1 200 ", "ok\n");
}

/* One byte of a header now and then: each keeps its connection from ever being idle. */
static void drip(const int *holders, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)send(holders[i], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void who_holds_connections_cannot_keep_others_out(void **state)
{
    enum { HOLDERS = 40, MOST_DRIPS = 1200 };
    static const char begin[] = "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ", end[] = "\r\n\r\n";
    const struct timeval moment = {.tv_usec = 50 * 1000};
    int holders[HOLDERS];
    ssize_t len = -1;
    (void)state;
    for (int i = 0; i < HOLDERS; i++) {
        holders[i] = connect_to_admin();
        (void)send(holders[i], begin, sizeof begin - 1, MSG_NOSIGNAL);
    }
    const int fd = connect_to_admin();
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment), 0);
    (void)send(fd, begin, sizeof begin - 1, MSG_NOSIGNAL);
    (void)send(fd, end, sizeof end - 1, MSG_NOSIGNAL);
    for (int i = 0; i < MOST_DRIPS && len < 0; i++) {
        drip(holders, HOLDERS);
        len = recv(fd, answer, MOST_ANSWER, 0);
    }
    assert_true(len > 12);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    (void)close(fd);
    for (int i = 0; i < HOLDERS; i++)
        (void)close(holders[i]);
}

/* The service manager goes on listening on a socket that it handed in. */
static void a_socket_that_others_share_still_listens_at_the_end(void **state)
{
    static char owner[] = "owner";
    const struct admin_pages pages = {write_reasons, write_metrics, owner};
    const struct address any = {"listen", "127.0.0.1:0", ""};
    socklen_t len = sizeof place;
    struct admin *second;
    struct error err;
    int fd;
    (void)state;
    assert_true(address_listen(&any, &fd, &err));
    assert_int_equal(getsockname(fd, (struct sockaddr *)&place, &len), 0);
    const int shared = dup(fd);
    assert_true(admin_open(fd, &pages, &second, &err));
    assert_answer(ASK("GET /livez"), "HTTP/1.1 200 ", "ok\n");
    admin_close(second);
    (void)close(connect_to_admin());
    (void)close(shared);
}

static void no_memory_to_open_closes_the_socket(void **state)
{
    const struct admin_pages pages = {0};
    const int fd = dup(STDERR_FILENO);
    struct admin *second;
    struct error err;
    (void)state;
    refusing = true;
    assert_false(admin_open(fd, &pages, &second, &err));
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    assert_int_equal(close(fd), -1);
    admin_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_admin, close_admin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_page_is_answered),
        TEST(head_is_the_answer_without_its_body),
        TEST(what_is_not_there_is_404_and_other_methods_are_405),
        TEST(each_reason_is_a_string_of_json_whatever_is_in_it),
        TEST(a_page_that_cannot_be_made_is_answered_by_its_error),
        TEST(refused_memory_is_503),
        TEST(what_is_no_http_ends_its_connection_only),
        TEST(who_holds_connections_cannot_keep_others_out),
        TEST(a_socket_that_others_share_still_listens_at_the_end),
        TEST(no_memory_to_open_closes_the_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
