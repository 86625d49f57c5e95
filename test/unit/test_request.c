/* Requests to clients: their names are made of GUIDs and of nothing else, and nothing but a small file is read. */
#include "spool/request.h"

#include "inbox_home.h"

#include <sys/stat.h>

#define GUID "0123ABCD-4567-89EF-0123-456789ABCDEF"
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void a_guid_is_taken_in_any_form_that_clients_use(void **state)
{
    static const char *const rows[] = {GUID, "GUID:" GUID, "guid: 0123abcd-4567-89ef-0123-456789abcdef",
                                       "Guid:0123ABCD-4567-89ef-0123-456789ABCDEF", " " GUID "\r\n"};
    char guid[REQUEST_GUID_SIZE];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(request_guid(span_of(rows[i]), guid));
        assert_string_equal(guid, GUID);
    }
}

static void what_is_no_guid_is_refused(void **state)
{
    static const struct span rows[] = {
        {"", 0},
        SPAN("GUID:"),
        SPAN("0123ABCD-4567-89EF-0123-456789ABCDE"),
        SPAN(GUID "0"),
        SPAN("GUID:GUID:" GUID),
        SPAN("{" GUID "}"),
        SPAN("0123ABCD-4567-89EF-0123-456789ABCDEG"),
        SPAN("0123ABCD-4567-89EF-0123456789-ABCDEF"),
        SPAN("0123ABCD04567-89EF-0123-456789ABCDEF"),
        SPAN("../../../../../../../../etc/passwd//"),
        SPAN("0123ABCD-4567-89EF-0123-456789ABC\0EF"),
        SPAN("0123ABCD-4567-89EF-0123-456789ABCD\xC3\x9F"),
        SPAN("------------------------------------"),
    };
    char guid[REQUEST_GUID_SIZE] = "as before";
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_false(request_guid(rows[i], guid));
    assert_string_equal(guid, "as before");
}

static void a_name_is_its_guid_and_back(void **state)
{
    static const char *const others[] = {
        "", ".rsy", GUID, GUID ".RSY", GUID ".rsy.why", "." GUID ".rsy", "0123abcd-4567-89ef-0123-456789abcdef.rsy"};
    char name[REQUEST_NAME_SIZE], guid[REQUEST_GUID_SIZE];
    (void)state;
    request_name(GUID, name);
    assert_string_equal(name, GUID ".rsy");
    assert_true(request_parse_name(name, guid));
    assert_string_equal(guid, GUID);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(request_parse_name(others[i], guid));
}

static enum error_kind kind_of_reading(size_t most)
{
    struct error err = {0};
    struct buffer text;
    buffer_init(&text, most);
    const bool read = request_read(home, GUID, &text, &err);
    assert_true(read || text.len == 0);
    buffer_fini(&text);
    return err.kind;
}

static void a_request_is_read_whole_or_not(void **state)
{
    char path[PATH_SIZE];
    (void)state;
    assert_int_equal(kind_of_reading(10), ERROR_NOT_FOUND);
    put(GUID ".rsy", "0123456789");
    assert_int_equal(kind_of_reading(10), ERROR_NONE);
    assert_int_equal(kind_of_reading(9), ERROR_TOO_BIG);
    (void)snprintf(path, sizeof path, "%s/" GUID ".rsy", home);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(kind_of_reading(10000), ERROR_SYSTEM);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(kind_of_reading(10), ERROR_SYSTEM);
}

static void a_request_is_taken_back_once_or_twice(void **state)
{
    struct error err;
    (void)state;
    put(GUID ".rsy", "0123456789");
    put("other", "");
    assert_true(request_remove(home, GUID, &err));
    assert_false(is_there(GUID ".rsy"));
    assert_true(request_remove(home, GUID, &err));
    assert_true(is_there("other"));
    assert_false(request_remove("/nowhere", GUID, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_guid_is_taken_in_any_form_that_clients_use),
        TEST(what_is_no_guid_is_refused),
        TEST(a_name_is_its_guid_and_back),
        TEST(a_request_is_read_whole_or_not),
        TEST(a_request_is_taken_back_once_or_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
