/* The list of management points, byte for byte, and which questions are asked for it. */
#include "../../src/mprelay/mplist.h"

#include "base/sys.h"
#include "few.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static struct error err;
static bool nameless;

int gethostname(char *out, size_t room)
{
    (void)snprintf(out, room, "Relay7.example.test");
    return nameless ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    sys = sys_kernel;
    nameless = false;
    return 0;
}

static void assert_list(const struct settings *settings, const char *site, const char *expected)
{
    struct buffer text;
    buffer_init(&text, MPLIST_MOST);
    assert_true(mplist_write(settings, site, &text, &err));
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.at, expected, text.len);
    buffer_fini(&text);
}

#define CAPABILITIES "<Capabilities SchemaVersion=\"1.0\"><Property Name=\"SSLState\" Value=\"0\"/></Capabilities>"

static void the_list_is_that_of_a_real_one(void **state)
{
    const struct settings settings = {.mp_name = "CMC.CORP.LOCAL", .mp_fqdn = "CMC.corp.local", .mp_version = "9128"};
    (void)state;
    assert_list(&settings, "",
                "<MPList><MP Name=\"CMC.CORP.LOCAL\" FQDN=\"CMC.corp.local\"><Version>9128</Version>" CAPABILITIES
                "</MP></MPList>");
    assert_list(
        &settings, "XYZ",
        "<MPList><MP Name=\"CMC.CORP.LOCAL\" FQDN=\"CMC.corp.local\" SiteCode=\"XYZ\"><Version>9128</Version>" CAPABILITIES
        "</MP></MPList>");
}

static void what_is_not_set_is_the_name_of_the_machine(void **state)
{
    const struct settings settings = {.mp_version = "1"}, named = {.mp_version = "1", .mp_fqdn = "a.b"};
    (void)state;
    assert_list(
        &settings, "",
        "<MPList><MP Name=\"RELAY7.EXAMPLE.TEST\" FQDN=\"Relay7.example.test\"><Version>1</Version>" CAPABILITIES
        "</MP></MPList>");
    assert_list(&named, "", "<MPList><MP Name=\"A.B\" FQDN=\"a.b\"><Version>1</Version>" CAPABILITIES "</MP></MPList>");
    nameless = true;
    assert_list(&settings, "",
                "<MPList><MP Name=\"LOCALHOST\" FQDN=\"localhost\"><Version>1</Version>" CAPABILITIES "</MP></MPList>");
}

static void what_is_no_xml_is_escaped(void **state)
{
    const struct settings settings = {.mp_name = "a&b<c>\"d'", .mp_fqdn = "\xC3\xA4\xFF!", .mp_version = "<1>"};
    (void)state;
    assert_list(
        &settings, "",
        "<MPList><MP Name=\"a&amp;b&lt;c&gt;&quot;d'\" FQDN=\"\xC3\xA4\xEF\xBF\xBD!\"><Version>&lt;1&gt;</Version>" CAPABILITIES
        "</MP></MPList>");
}

static void assert_question(const char *first, const char *second, enum mplist_question asked, const char *expected)
{
    char site[MPLIST_SITE_SIZE] = "???";
    const struct span words[MPLIST_MOST_WORDS] = {span_of(first), span_of(second == NULL ? "" : second)};
    assert_int_equal(mplist_read(words, second == NULL ? 1 : 2, site), asked);
    if (asked != MPLIST_NONE)
        assert_string_equal(site, expected);
}

static void questions_are_known_in_any_case(void **state)
{
    (void)state;
    assert_question("MPLIST", NULL, MPLIST_LIST, "");
    assert_question("mplist", NULL, MPLIST_LIST, "");
    assert_question("MpList1", "x0z", MPLIST_LIST, "X0Z");
    assert_question("MPCERT", NULL, MPLIST_CERTIFICATE, "");
}

static void other_questions_are_not(void **state)
{
    static const char *const others[] = {"",           "MPLIST1",          "MPLIST2",      "MPLIS",
                                         "MPLISTS",    "MPKEYINFORMATION", "MPTRK",        "SMSTRC",
                                         "MPLOCATION", "MPCERT2",          "SITESIGNCERT", " MPLIST"};
    static const char *const sites[] = {"", "X", "XY", "WXYZ", "X-Z", "X Z", "<Z>", "\xC3\xA4X"};
    const struct span words[3] = {SPAN("MPLIST1"), SPAN("XYZ"), SPAN("")};
    char site[MPLIST_SITE_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_question(others[i], NULL, MPLIST_NONE, "");
    for (size_t i = 0; i < sizeof sites / sizeof sites[0]; i++)
        assert_question("MPLIST1", sites[i], MPLIST_NONE, "");
    assert_question("MPLIST", "XYZ", MPLIST_NONE, "");
    assert_question("MPCERT", "XYZ", MPLIST_NONE, "");
    assert_int_equal(mplist_read(words, 0, site), MPLIST_NONE);
    assert_int_equal(mplist_read(words, 3, site), MPLIST_NONE);
}

static void a_list_that_finds_no_room_is_told(void **state)
{
    const struct settings settings = {.mp_name = "A", .mp_fqdn = "a", .mp_version = "1"};
    struct buffer text;
    (void)state;
    buffer_init(&text, 100);
    assert_false(mplist_write(&settings, "", &text, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
    buffer_fini(&text);
    buffer_init(&text, MPLIST_MOST);
    sys.reallocate = reallocate_a_few;
    left = 0;
    assert_false(mplist_write(&settings, "", &text, &err));
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    buffer_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_list_is_that_of_a_real_one, end),
        cmocka_unit_test_teardown(what_is_not_set_is_the_name_of_the_machine, end),
        cmocka_unit_test_teardown(what_is_no_xml_is_escaped, end),
        cmocka_unit_test_teardown(questions_are_known_in_any_case, end),
        cmocka_unit_test_teardown(other_questions_are_not, end),
        cmocka_unit_test_teardown(a_list_that_finds_no_room_is_told, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
