/* Whom a proxy vouches for, and whose report it may be: tables of what a proxy says of a certificate. */
#include "../../src/mprelay/vouch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define ID "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77"
#define OTHER "00000000-0000-0000-0000-00000000000B"
#define LONG_NAME "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct vouch_rule rule_of(const char *text)
{
    struct vouch_rule rule;
    struct error err;
    if (!vouch_rule_parse(text, &rule, &err))
        fail_msg("%s", err.text);
    return rule;
}

static void a_rule_is_a_header_and_a_form_with_one_name(void **state)
{
    static const struct {
        const char *text;
        const char *header, *before, *after;
        enum vouch_for kind;
    } rows[] = {
        {"X-Name {client}", "X-Name", "", "", VOUCH_CLIENT},
        {"X-Name\t {machine}", "X-Name", "", "", VOUCH_MACHINE},
        {"X-SSL-Client-S-DN CN={machine}", "X-SSL-Client-S-DN", "CN=", "", VOUCH_MACHINE},
        {"X-Names URI:urn:uuid:{client}", "X-Names", "URI:urn:uuid:", "", VOUCH_CLIENT},
        {"X-Name CN={{client}}", "X-Name", "CN={", "}", VOUCH_CLIENT},
        {"X-Name CN=ConfigMgr Client {client} (PKI)", "X-Name", "CN=ConfigMgr Client ", " (PKI)", VOUCH_CLIENT},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct vouch_rule rule = rule_of(rows[i].text);
        assert_true(span_equal(rule.header, span_of(rows[i].header)));
        assert_true(span_equal(rule.before, span_of(rows[i].before)));
        assert_true(span_equal(rule.after, span_of(rows[i].after)));
        assert_int_equal(rule.kind, rows[i].kind);
    }
    assert_int_equal(rule_of(NULL).header.len, 0);
}

static void what_is_no_rule_is_refused(void **state)
{
    static const char *const bad[] = {
        "X-Name",
        "{client}",
        "X-Name CN=",
        "X-Name CN={guid}",
        "X-Name {client}{client}",
        "X-Name {client} {machine}",
        "X-Name {machine}{client}",
        "X-Name {machine}.{machine}",
        "X-Name CN={client},O=x",
        "X-Name CN=\"{client}\"",
        "X-Name CN=\\{client}",
        "X:Name {client}",
        "X-N\xc3\xa4me {client}",
        " X-Name {client}",
        "X-Name {Client}",
        (LONG_NAME "a {client}"),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct vouch_rule rule;
        struct error err;
        if (vouch_rule_parse(bad[i], &rule, &err))
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(err.kind, ERROR_MALFORMED);
        assert_memory_equal(err.text, "proxy-identity = ", 17);
    }
}

static void the_name_is_taken_from_the_one_piece_that_fits(void **state)
{
    static const struct {
        const char *rule;
        const char *said;
        const char *name;               /* "": nobody is vouched for; NULL: refused */
    } rows[] = {
        {"X-Name {client}", "", ""},
        {"X-Name {client}", " \t", ""},
        {"X-Name {client}", ID, ID},
        {"X-Name {client}", "guid:9b2a6a3c-3c51-4e0b-9b7a-0d6a4f7c1e77", ID},
        {"X-Name {client}", "GUID:", NULL},
        {"X-Name {client}", ID ", " ID, NULL},
        {"X-Name {client}", ID ",", ID},
        {"X-Name {client}", ",", NULL},
        {"X-Name {client}", "{" ID "}", NULL},
        {"X-Name {client}", ID " " ID, NULL},
        {"X-Name {client}", LONG_NAME LONG_NAME, NULL},
        {"X-Name {client}", LONG_NAME "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAAAAAAAAA"},
        {"X-Name {machine}", "pc1.example.test", "pc1.example.test"},
        {"X-Name {machine}", "*.example.test", NULL},
        {"X-Name {machine}", "pc\xc3\xa4.example.test", NULL},
        {"X-Name {machine}", "pc1.example.test,pc2.example.test", NULL},
        /* a distinguished name as nginx and HAProxy write it */
        {"X-DN CN={machine}", "CN=pc1.example.test,OU=Clients,O=Example,C=DE", "pc1.example.test"},
        {"X-DN CN={machine}", "O=Example,cn=PC1", "PC1"},
        {"X-DN CN={machine}", "O=M\xc3\xbcller\\, S\xc3\xb6hne,CN=pc1", "pc1"},
        {"X-DN CN={machine}", "O=Example", NULL},
        {"X-DN CN={machine}", "CN=", NULL},
        {"X-DN CN={machine}", "CN", NULL},
        {"X-DN CN={machine}", "/C=DE/O=Example/CN=pc1", NULL},
        /* names that somebody got into another part of a certificate */
        {"X-DN CN={machine}", "CN=pc1,O=Example\\,CN=victim", "pc1"},
        {"X-DN CN={machine}", "O=Example\\,CN=victim", NULL},
        {"X-DN CN={machine}", "CN=pc1,CN=victim", NULL},
        {"X-DN CN={machine}", "CN=victim+OU=x", NULL},
        {"X-DN CN={machine}", "CN=pc1,OU=x+CN=victim", "pc1"},
        {"X-DN CN={machine}", "CN=pc1,O=\"x,CN=victim\"", NULL},
        {"X-DN CN={machine}", "O=\"x,CN=victim,y\"", NULL},
        {"X-DN CN={machine}", "O=\\\"x\\\\,CN=pc1", "pc1"},
        {"X-DN CN={machine}", "CN=vic\\tim", NULL},
        {"X-DN CN={machine}", "CN=victim\\", NULL},
        {"X-DN CN={machine}", "CN=victim\\2CO=x", NULL},
        {"X-DN CN={machine}", "SCN=victim", NULL},
        {"X-DN CN={{client}}", "CN={" ID "},O=x", ID},
        {"X-DN CN={{client}}", "CN=" ID ",O=x", NULL},
        {"X-DN CN={{client}}", "CN={}", NULL},
        {"X-DN CN=a{client}a", "CN=a", NULL},
        /* a list of alternative names */
        {"X-SAN URI:urn:uuid:{client}", "DNS:pc1.example.test, URI:urn:uuid:" ID, ID},
        {"X-SAN URI:urn:uuid:{client}", "DNS:URI:urn:uuid:" ID, NULL},
        {"X-SAN URI:urn:uuid:{client}", "URI:urn:uuid:" ID ", URI:urn:uuid:" OTHER, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct vouch_rule rule = rule_of(rows[i].rule);
        const struct span line = span_of(rows[i].said);
        struct vouch vouch = {.kind = VOUCH_NOBODY};
        struct error err = {0};
        const bool read = vouch_read(&rule, &line, 1, &vouch, &err);
        const char *name = !read ? NULL : vouch.kind == VOUCH_NOBODY ? "" : vouch.name;
        if ((name == NULL) != (rows[i].name == NULL) || (name != NULL && strcmp(name, rows[i].name) != 0))
            fail_msg("row %zu: %s", i, name == NULL ? err.text : name);
        assert_true(read || (err.kind == ERROR_UNTRUSTED && strcmp(err.rule, "binding") == 0));
        assert_int_equal(vouch.kind, name == NULL || name[0] == '\0' ? VOUCH_NOBODY : rule.kind);
    }
}

static void several_headers_vouch_for_nobody(void **state)
{
    const struct vouch_rule rule = rule_of("X-Name {machine}");
    const struct span lines[] = {SPAN("pc1"), SPAN("pc1")}, empty[] = {SPAN("pc1"), SPAN("")};
    struct vouch vouch = {.kind = VOUCH_MACHINE};
    struct error err;
    (void)state;
    assert_false(vouch_read(&rule, lines, 2, &vouch, &err));
    assert_false(vouch_read(&rule, empty, 2, &vouch, &err));
    assert_true(vouch_read(&rule, NULL, 0, &vouch, &err));
    assert_int_equal(vouch.kind, VOUCH_NOBODY);
}

static void a_report_must_be_of_who_is_vouched_for(void **state)
{
    static const struct {
        const char *rule;
        const char *said;
        const char *client, *machine;
        bool bound;
    } rows[] = {
        {"X {client}", "", OTHER, "PC2", true},
        {"X {client}", ID, "GUID:" ID, "PC2", true},
        {"X {client}", ID, "guid: 9b2a6a3c-3c51-4e0b-9b7a-0d6a4f7c1e77", "", true},
        {"X {client}", ID, OTHER, "PC1", false},
        {"X {client}", ID, "", "PC1", false},
        {"X {client}", ID, ID "0", "PC1", false},
        {"X {machine}", "pc1.example.test", OTHER, "PC1", true},
        {"X {machine}", "PC1", OTHER, " pc1 ", true},
        {"X {machine}", "pc1.example.test", OTHER, "pc1.example.test", false},
        {"X {machine}", "pc1.example.test", OTHER, "PC10", false},
        {"X {machine}", "pc10", OTHER, "PC1", false},
        {"X {machine}", "pc1", OTHER, "", false},
        {"X {machine}", ".example.test", OTHER, "", false},
        {"X {machine}", "a-name-of-eighteen.example.test", OTHER, "A-NAME-OF-EIGHT", true},
        {"X {machine}", "a-name-of-eighteen.example.test", OTHER, "A-NAME-OF-EIGHTEEN", true},
        {"X {machine}", "a-name-of-eighteen.example.test", OTHER, "A-NAME-OF-EIGH", false},
        {"X {machine}", "a-name-of-eight", OTHER, "A-NAME-OF-EIGHT", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct vouch_rule rule = rule_of(rows[i].rule);
        const struct span line = span_of(rows[i].said);
        struct sender sender = {.id = span_of(rows[i].client), .name = span_of(rows[i].machine)};
        struct vouch vouch;
        struct error err;
        char key[64];
        sender.key = (struct span){key, report_client_key(sender.id, key)};
        assert_true(vouch_read(&rule, &line, 1, &vouch, &err));
        if (vouch_bind(&vouch, &sender, &err) != rows[i].bound)
            fail_msg("row %zu", i);
        assert_true(rows[i].bound || (err.kind == ERROR_UNTRUSTED && strcmp(err.rule, "binding") == 0));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_is_a_header_and_a_form_with_one_name),
        cmocka_unit_test(what_is_no_rule_is_refused),
        cmocka_unit_test(the_name_is_taken_from_the_one_piece_that_fits),
        cmocka_unit_test(several_headers_vouch_for_nobody),
        cmocka_unit_test(a_report_must_be_of_who_is_vouched_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
