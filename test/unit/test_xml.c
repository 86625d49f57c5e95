/* XML from anyone: what of it becomes an event, what is refused and why, what must not take long or forever. */
#include "report/xml.h"

#include "base/sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "few.h"
#include "reader.h"
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { PIECE = 16 * 1024 };     /* what the reader takes at a time: faults like to lie at its borders */

/* The events of a document, written down: (name attribute=value text) and [name] for one that is not known. */
struct record {
    char *at;
    size_t len, room;
    size_t starts, fail_after;      /* an event of ours that fails, from 1; 0: none */
    size_t text_len;
    unsigned last_line;
};

static void add(struct record *record, const char *bytes, size_t len)
{
    if (len > record->room - record->len)
        len = record->room - record->len;
    memcpy(record->at + record->len, bytes, len);
    record->len += len;
}

static bool count_event(struct record *record, struct error *err)
{
    return record->fail_after == 0 || --record->fail_after > 0 ||
           error_refuse(err, ERROR_UNSUPPORTED, "binding", "an event of ours");
}

static bool on_start(void *owner, struct span name, bool known, const struct xml_attribute *attributes, size_t count,
                     unsigned line, struct error *err)
{
    struct record *record = owner;
    record->starts++;
    record->last_line = line;
    add(record, known ? "(" : "[", 1);
    add(record, name.at, name.len);
    for (size_t i = 0; i < count; i++) {
        add(record, " ", 1);
        add(record, attributes[i].name.at, attributes[i].name.len);
        add(record, "=", 1);
        add(record, attributes[i].value.at, attributes[i].value.len);
    }
    add(record, "|", 1);
    return count_event(record, err);
}

static bool on_text(void *owner, struct span text, struct error *err)
{
    struct record *record = owner;
    add(record, text.at, text.len);
    record->text_len += text.len;
    return count_event(record, err);
}

static bool on_end(void *owner, struct error *err)
{
    add(owner, ")", 1);
    return count_event(owner, err);
}

static const struct xml_events events = {.start = on_start, .text = on_text, .end = on_end};
static const struct xml_limits usual = {.depth = 32, .tag_bytes = 65536};

static bool read_with(const struct xml_limits *limits, struct span bytes, enum text_encoding encoding,
                      struct record *record, struct error *err)
{
    return xml_read(reader, bytes, encoding, limits, &events, record, "report", err);
}

static bool read_text(struct span bytes, struct record *record, struct error *err)
{
    return read_with(&usual, bytes, TEXT_UTF8, record, err);
}

static void assert_fit_for_use(void)
{
    char room[64];
    struct record record = {.at = room, .room = sizeof room};
    struct error err;
    assert_true(read_text(SPAN("<a x='1'>t</a>"), &record, &err));
    assert_int_equal(record.len, strlen("(a x=1|t)"));
    assert_memory_equal(room, "(a x=1|t)", record.len);
}

/* head, then `unit` again and again for at least `len` bytes, then tail. */
static struct span make_long(const char *head, const char *unit, size_t len, const char *tail)
{
    const size_t each = strlen(unit), times = (len + each - 1) / each;
    char *at = malloc(strlen(head) + times * each + strlen(tail) + 1);
    assert_non_null(at);
    struct span made = {at, strlen(head)};
    memcpy(at, head, made.len);
    for (size_t i = 0; i < times; i++, made.len += each)
        memcpy(at + made.len, unit, each);
    memcpy(at + made.len, tail, strlen(tail) + 1);
    made.len += strlen(tail);
    return made;
}

static void release(struct span made)
{
    free((void *)(uintptr_t)made.at);
}

/* ---- what becomes an event ---- */

static void documents_become_events(void **state)
{
    static const struct {
        const char *document;
        const char *events;
    } rows[] = {
        {"<a/>", "(a|)"},
        {"\r\n<a>\r\n<b/>\r\n</a>\r\n", "(a|\n(b|)\n)"},
        {"<?xml version='1.0' encoding='UTF-16'?>\r\n<a/>", "(a|)"},
        {"<?xml version='1.0' encoding='no such thing'?><a/>", NULL},
        {"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xC3\xA4</a>", "(a|\xC3\xA4)"},
        {"<?xml version='1.0' standalone='yes'?><a/>", "(a|)"},
        {"<a b='1' c=\"&lt;&#65;&amp;\"/>", "(a b=1 c=<A&|)"},
        {"<a b='&#38;&amp;#38;&amp;amp;&#x26;'/>", "(a b=&&#38;&amp;&|)"},
        {"<a b='x>y' c='/>'>t</a>", "(a b=x>y c=/>|t)"},
        {"<a>&lt;&gt;&amp;&apos;&quot;&#x20AC;</a>", "(a|<>&'\"\xE2\x82\xAC)"},
        {"<a><![CDATA[<b>&lt;]] ]>]]></a>", "(a|<b>&lt;]] ]>)"},
        {"<a>x<![CDATA[y]]>z</a>", "(a|xyz)"},
        {"<!-- <b> & --><a>x<!-- - -->y<?p <q>?>z</a><!-- --><?p?>", "(a|xyz)"},
        {"<a><!--> --></a>", "(a|)"},
        {"<a xmlns='u' b='1'><c/></a>", "[a b=1|[c|))"},
        {"<a xmlns:p='u' p:b='1' c='2'><p:d/><e/></a>", "(a c=2|[d|)(e|))"},
        {"<a xml:lang='en'/>", "(a|)"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[256];
        struct record record = {.at = room, .room = sizeof room - 1};
        struct error err;
        const bool done = read_text(span_of(rows[i].document), &record, &err);
        if (rows[i].events == NULL) {
            assert_false(done);
            continue;
        }
        if (!done)
            fail_msg("%s: %s", rows[i].document, err.text);
        room[record.len] = '\0';
        assert_string_equal(room, rows[i].events);
    }
}

static void the_encoding_is_what_the_caller_says(void **state)
{
    static const char le[] = "<\0a\0>\0\xAC\x20<\0/\0a\0>", be[] = "\0<\0a\0>\x20\xAC\0<\0/\0a\0>";
    char room[32];
    struct record record = {.at = room, .room = sizeof room};
    struct error err;
    (void)state;
    assert_true(read_with(&usual, (struct span){le, sizeof le}, TEXT_UTF16LE, &record, &err));
    assert_true(read_with(&usual, (struct span){be, sizeof be - 1}, TEXT_UTF16BE, &record, &err));
    assert_int_equal(record.len, 14);
    assert_memory_equal(room, "(a|\xE2\x82\xAC)(a|\xE2\x82\xAC)", 14);
}

/* Every document again with each of its bytes on the border of a piece: the parser must not tell the difference. */
static void a_piece_may_end_anywhere(void **state)
{
    static const struct {
        const char *part;
        const char *events;
    } rows[] = {
        {"<b c='>' d=\"'>\">t</b>", "(b c=> d='>|t)"},
        {"<![CDATA[x]] ]<b>]>]]>", "x]] ]<b>]>"},
        {"<!-- - --><!----><!--x-->", ""},
        {"<?p ? > ?><?p ?\?>", ""},
        {"a\r\nb\r\rc]]d&#x41;&amp;", "a\nb\n\nc]]dA&"},
        {"\xE2\x82\xAC\xF0\x90\x80\x80", "\xE2\x82\xAC\xF0\x90\x80\x80"},
    };
    static char room[PIECE + 256], expected[PIECE + 256];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t len = strlen(rows[i].part);
        for (size_t before = PIECE - 4 - len; before < PIECE + 2; before++) {
            struct span document = make_long("<a>", "x", before, rows[i].part);
            struct span whole = make_long(document.at, ".", 1, "</a>");
            struct record record = {.at = room, .room = sizeof room - 1};
            struct error err;
            if (!read_text(whole, &record, &err))
                fail_msg("%s behind %zu: %s", rows[i].part, before, err.text);
            room[record.len] = '\0';
            (void)snprintf(expected, sizeof expected, "(a|%.*s%s.)", (int)before, document.at + 3, rows[i].events);
            assert_string_equal(room, expected);
            release(document);
            release(whole);
        }
    }
}

static void lines_are_counted(void **state)
{
    char room[256];
    struct record record = {.at = room, .room = sizeof room};
    struct error err;
    struct span document = make_long("<a>", "<!-- -->\r\n", 3 * PIECE, "<b/></a>");
    (void)state;
    assert_true(read_text(document, &record, &err));
    assert_int_equal(record.last_line, 3 * PIECE / 10 + 2);
    release(document);
}

/* ---- what is refused ---- */

static void what_is_not_well_formed_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *document;
        const char *text;
    } rows[] = {
        {"", "line 1: not well-formed: the document ends too early"},
        {"\n<", "line 2: not well-formed: the document ends too early"},
        {"xyz", "line 1: not well-formed: Document is empty"},
        {"<a>\n</b>", "line 2: not well-formed: Opening and ending tag mismatch: a line 1 and b"},
        {"<a>\n\n<b></b>", "line 3: not well-formed: the document ends too early"},
        {"<a/><b/>", "line 1: not well-formed: Extra content at the end of the document"},
        {"<a/>x", "line 1: not well-formed: Extra content at the end of the document"},
        {"<![CDATA[]]><a/>", "line 1: not well-formed: StartTag: invalid element name"},
        {"<a>]]></a>", "line 1: not well-formed: Sequence ']]>' not allowed in content"},
        {"<a>&b;</a>", "line 1: not well-formed: Entity 'b' not defined"},
        {"<a>\n&#0;</a>", "line 2: not well-formed: xmlParseCharRef: invalid xmlChar value 0"},
        {"<a>&#xD800;</a>", "line 1: not well-formed: xmlParseCharRef: invalid xmlChar value 55296"},
        {"<a>&lt</a>", "line 1: not well-formed: EntityRef: expecting ';'"},
        {"<a>& b</a>", "line 1: not well-formed: xmlParseEntityRef: no name"},
        {"<a b='1' b='2'/>", "line 1: not well-formed: Attribute b redefined"},
        {"<a b=1/>", "line 1: not well-formed: AttValue: \" or ' expected"},
        {"<a b='<'/>", "line 1: not well-formed: Unescaped '<' not allowed in attributes values"},
        {"<a b='x", "line 1: not well-formed: AttValue: ' expected"},
        {"<a>\x01</a>", "line 1: not well-formed: PCDATA invalid Char value 1"},
        {"<a>\xEF\xBF\xBE</a>", "line 1: not well-formed: Char 0xFFFE out of allowed range"},
        {"<a><!-- a -- b --></a>", "line 1: not well-formed: Double hyphen within comment"},
        {"<a><!-- ", "line 1: not well-formed: Comment not terminated"},
        {"<a><![CDATA[x]]", "line 1: not well-formed: the document ends too early"},
        {"<a><?xml version='1.0'?></a>", "line 1: not well-formed: XML declaration allowed only at the start of the "
                                         "document"},
        {"<p:a/>", "line 1: not well-formed: Namespace prefix p on a is not defined"},
        {"<a p:b='1'/>", "line 1: not well-formed: Namespace prefix p for b on a is not defined"},
        {"<?xml version='1.1'?><a/>", "line 1: the XML version is not 1.0"},
        {"<?xml version='2.0'?><a/>", NULL},
        {"<?xml?><a/>", NULL},
        {"<!DOCTYPE a><a/>", "line 1: a DTD is not allowed"},
        {"\n<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "line 2: a DTD is not allowed"},
        {"<!DOCTYPE", "line 1: a DTD is not allowed"},
        {"<a>\n<!ELEMENT a></a>", "line 2: a DTD is not allowed"},
        {"<a>\n\xFF</a>", "line 2: byte 4: not UTF-8"},
        {"<a>\xE2\x82", "line 1: byte 3: a character is cut off at the end"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[256];
        struct record record = {.at = room, .room = sizeof room};
        struct error err = {0};
        assert_false(read_text(span_of(rows[i].document), &record, &err));
        assert_int_equal(err.kind, ERROR_MALFORMED);
        assert_string_equal(err.rule, "report");
        if (rows[i].text != NULL && strncmp(err.text, rows[i].text, strlen(rows[i].text)) != 0)
            fail_msg("%s: %s", rows[i].document, err.text);
        assert_fit_for_use();
    }
}

static void a_nul_is_refused_with_its_line(void **state)
{
    char room[64];
    struct record record = {.at = room, .room = sizeof room};
    struct error err;
    (void)state;
    assert_false(read_text(SPAN("<a>\n\n\0</a>"), &record, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_string_equal(err.text, "line 3: a NUL character");
}

static void a_refusal_has_no_control_characters(void **state)
{
    char room[64];
    struct record record = {.at = room, .room = sizeof room};
    struct error err;
    (void)state;
    assert_false(read_text(SPAN("<a b=\"\n\x7F&x\xC2\x9Fy;\"/>"), &record, &err));
    for (const char *at = err.text; *at != '\0'; at++)
        assert_true((unsigned char)*at >= ' ' && *at != 0x7F);
}

static void over_a_limit_is_refused(void **state)
{
    static const struct xml_limits small = {.depth = 3, .tag_bytes = 100};
    static const struct {
        const char *head, *unit;
        size_t len;
        const char *tail;
        const char *text;       /* NULL: taken */
    } rows[] = {
        {"<a>", "<b>", 6, "</b></b></a>", NULL},
        {"<a>\n", "<b>", 9, "", "line 2: more than 3 elements inside each other"},
        {"<a b='", "x", 92, "'/>", "line 1: more than 100 bytes in one tag"},
        {"<a b='", ">", 91, "'/>", NULL},
        {"<a>\n<b c='", ">", 100, "", "line 2: more than 100 bytes in one tag"},
        {"<", "a", 20000, "", "line 1: more than 100 bytes in one tag"},
        {"<a>", "</a", 20000, "", "line 1: more than 100 bytes in one tag"},
        {"<a>", "&", 64, "", "line 1: not well-formed: '&' begins no reference"},
        {"<a>&#", "0", 60, "65;</a>", "line 1: not well-formed: '&' begins no reference"},
        {"<a>&#", "0", 59, "65;</a>", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[64];
        struct span document = make_long(rows[i].head, rows[i].unit, rows[i].len, rows[i].tail);
        struct record record = {.at = room, .room = sizeof room};
        struct error err = {0};
        assert_int_equal(read_with(&small, document, TEXT_UTF8, &record, &err), rows[i].text == NULL);
        if (rows[i].text != NULL) {
            assert_string_equal(err.text, rows[i].text);
            const bool form = strstr(err.text, "well-formed") != NULL;
            assert_int_equal(err.kind, form ? ERROR_MALFORMED : ERROR_TOO_BIG);
            assert_string_equal(err.rule, form ? "report" : "limit");
        }
        release(document);
        assert_fit_for_use();
    }
}

/* `count` attributes, or namespaces, with different names. */
static struct span make_attributes(const char *head, const char *prefix, unsigned count, const char *tail)
{
    char *at = malloc(count * 24 + 64);
    assert_non_null(at);
    int len = snprintf(at, 32, "%s", head);
    for (unsigned i = 0; i < count; i++)
        len += snprintf(at + len, 24, " %s%u='%u'", prefix, i, i);
    len += snprintf(at + len, 32, "%s", tail);
    return (struct span){at, (size_t)len};
}

static void what_grows_with_the_square_is_bounded(void **state)
{
    static const struct {
        const char *head, *prefix;
        unsigned count;
        const char *tail;
        const char *text;
    } rows[] = {
        {"<a", "b", 256, "/>", NULL},
        {"<a", "b", 257, "/>", "line 1: more than 256 attributes in one tag"},
        {"<a", "b", 257, "", "line 1: more than 256 attributes in one tag"},
        {"<a", "xmlns:b", 64, "/>", NULL},
        {"<a", "xmlns:b", 65, "/>", "line 1: more than 64 namespaces"},
        {"<c xmlns='x'><a", "xmlns:b", 64, "/></c>", "line 1: more than 64 namespaces"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        static char room[4096];
        struct span document = make_attributes(rows[i].head, rows[i].prefix, rows[i].count, rows[i].tail);
        struct record record = {.at = room, .room = sizeof room};
        struct error err = {0};
        assert_int_equal(read_text(document, &record, &err), rows[i].text == NULL);
        if (rows[i].text != NULL) {
            assert_int_equal(err.kind, ERROR_TOO_BIG);
            assert_string_equal(err.text, rows[i].text);
        }
        release(document);
    }
}

/* Elements with names that were never seen before, `count` of them. */
static struct span make_names(unsigned first, unsigned count)
{
    char *at = malloc(count * 64 + 16);
    assert_non_null(at);
    int len = snprintf(at, 8, "<a>");
    for (unsigned i = first; i < first + count; i++)
        len += snprintf(at + len, 64, "<a-name-that-takes-up-a-lot-of-memory-%u/>", i);
    len += snprintf(at + len, 8, "</a>");
    return (struct span){at, (size_t)len};
}

static void names_do_not_pile_up(void **state)
{
    struct error err = {0};
    (void)state;
    for (unsigned i = 0; i < 300; i++) {        /* 12 MB: more than the parser's dictionary bears */
        char room[64];
        struct record record = {.at = room, .room = sizeof room};
        struct span document = make_names(i * 1000, 1000);
        assert_true(read_text(document, &record, &err));
        assert_int_equal(record.starts, 1001);
        release(document);
    }
    char room[64];
    struct record record = {.at = room, .room = sizeof room};
    struct span document = make_names(0, 100000);
    assert_false(read_text(document, &record, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
    assert_non_null(strstr(err.text, "bytes of different names"));
    release(document);
    assert_fit_for_use();
}

/* So many names that the limit is crossed, and a fault of form right behind, before anybody looked at the limit. */
static void of_two_faults_the_first_is_told(void **state)
{
    struct error err = {0};
    unsigned fit = 0;
    (void)state;
    for (unsigned over = 100000; over - fit > 1;) {
        char room[64];
        struct record record = {.at = room, .room = sizeof room};
        const unsigned count = fit + (over - fit) / 2;
        struct span document = make_names(0, count);
        if (read_text(document, &record, &err))
            fit = count;
        else
            over = count;
        release(document);
    }
    char room[64];
    struct record record = {.at = room, .room = sizeof room};
    struct span document = make_names(0, fit + 1);
    memcpy((char *)(uintptr_t)document.at + document.len - strlen("</a>"), "</b>", strlen("</b>"));
    assert_false(read_text(document, &record, &err));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    release(document);
}

/* The parser's own limit is 10 MB, and its ways with a section that is not complete are quadratic. */
static void a_section_may_be_long(void **state)
{
    static const struct {
        const char *head, *unit, *tail;
        bool is_text;
    } rows[] = {
        {"<a><![CDATA[", "x<\"y' z>&]]", "]]></a>", true},
        {"<a><![CDATA[", "]", "]]></a>", true},
        {"<a><!--", "x<\"y' z> - ", "--></a>", false},
        {"<!--", "- ", "--><a/>", false},
        {"<a><?p ", "?", "?></a>", false},
        {"<a>", "text\r\n", "</a>", true},
        {"<a>", "]", "</a>", true},
        {"", " ", "<a/>", false},
        {"<a/>", "\n", "", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[64];
        struct span document = make_long(rows[i].head, rows[i].unit, 12000000, rows[i].tail);
        struct record record = {.at = room, .room = sizeof room};
        struct error err = {0};
        if (!read_text(document, &record, &err))
            fail_msg("%s%s: %s", rows[i].head, rows[i].unit, err.text);
        if (!rows[i].is_text)
            assert_int_equal(record.text_len, 0);
        else
            assert_in_range(record.text_len, 10000000, 12000010);
        release(document);
    }
}

static void a_tag_may_be_longer_than_a_piece(void **state)
{
    static char room[70000];
    struct record record = {.at = room, .room = sizeof room};
    struct error err = {0};
    struct span document = make_long("<a><b c='", ">", 65536 - 9, "'/></a>");
    (void)state;
    assert_true(read_text(document, &record, &err));
    assert_int_equal(record.starts, 2);
    assert_int_equal(record.len, strlen("(a|(b c=|))") + 65536 - 9);
    release(document);
}

static void an_event_that_fails_ends_the_reading(void **state)
{
    char room[64];
    (void)state;
    for (size_t i = 1; i <= 5; i++) {
        struct record record = {.at = room, .room = sizeof room, .fail_after = i};
        struct error err = {0};
        assert_false(read_text(SPAN("<a>x<b/></a><oh no"), &record, &err));
        assert_int_equal(err.kind, ERROR_UNSUPPORTED);
        assert_string_equal(err.rule, "binding");
        assert_string_equal(err.text, "an event of ours");
        assert_int_equal(record.fail_after, 0);
        assert_fit_for_use();
    }
}

/* ---- memory ---- */

static bool read_with_few(struct xml_reader **own, struct span document, struct error *err)
{
    char room[256];
    struct record record = {.at = room, .room = sizeof room};
    sys.allocate = allocate_a_few;
    sys.reallocate = reallocate_a_few;
    const bool done = (*own != NULL || xml_open(own, err)) &&
                      xml_read(*own, document, TEXT_UTF8, &usual, &events, &record, "report", err);
    sys = sys_kernel;
    return done;
}

/* With a new reader each time, and with one that has read before. Good documents and bad: memory comes first. */
static void refused_memory_is_never_bad_xml(void **state)
{
    static const char *const documents[] = {
        "<?xml version='1.0' encoding='UTF-16'?>\n<a xmlns:p='u' b='1&amp;2'><p:c p:d='e'/>text&lt;<![CDATA[x]]></a>",
        "<a><!-- comment --><?pi with text?><b c='&#65;'>&#x20AC;</b></a>",
        "<a><b></a>",
        "<a>&undefined;</a>",
    };
    struct xml_reader *used = NULL;
    (void)state;
    for (size_t i = 0; i < COUNT(documents); i++) {
        const bool good = i < 2;
        for (unsigned fresh = 0; fresh < 2; fresh++) {
            struct error err = {0};
            bool over = false;
            unsigned failures = 0;
            for (; !over; failures++) {
                struct xml_reader *own = fresh ? NULL : used;
                left = failures;
                err.kind = ERROR_NONE;
                over = read_with_few(&own, span_of(documents[i]), &err) || err.kind == ERROR_MALFORMED;
                if (!over)
                    assert_int_equal(err.kind, ERROR_NO_MEMORY);
                else
                    assert_int_equal(err.kind, good ? ERROR_NONE : ERROR_MALFORMED);
                if (fresh)
                    xml_close(own);
                else
                    used = own;
            }
            assert_in_range(failures, 5, 1000);
        }
    }
    xml_close(used);
}

static void refused_memory_for_a_long_tag_is_no_fault_of_it(void **state)
{
    struct span document = make_long("<a b='", ">", 60000, "'/>");
    bool done = false;
    unsigned failures = 0;
    (void)state;
    for (; !done; failures++) {
        struct xml_reader *own = NULL;
        struct error err = {0};
        left = failures;
        done = read_with_few(&own, document, &err);
        if (!done)
            assert_int_equal(err.kind, ERROR_NO_MEMORY);
        xml_close(own);
    }
    assert_in_range(failures, 5, 1000);
    release(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_become_events),
        cmocka_unit_test(the_encoding_is_what_the_caller_says),
        cmocka_unit_test(a_piece_may_end_anywhere),
        cmocka_unit_test(lines_are_counted),
        cmocka_unit_test(what_is_not_well_formed_is_refused_with_its_line),
        cmocka_unit_test(a_nul_is_refused_with_its_line),
        cmocka_unit_test(a_refusal_has_no_control_characters),
        cmocka_unit_test(over_a_limit_is_refused),
        cmocka_unit_test(what_grows_with_the_square_is_bounded),
        cmocka_unit_test(names_do_not_pile_up),
        cmocka_unit_test(of_two_faults_the_first_is_told),
        cmocka_unit_test(a_section_may_be_long),
        cmocka_unit_test(a_tag_may_be_longer_than_a_piece),
        cmocka_unit_test(an_event_that_fails_ends_the_reading),
        cmocka_unit_test(refused_memory_is_never_bad_xml),
        cmocka_unit_test(refused_memory_for_a_long_tag_is_no_fault_of_it),
    };
    return cmocka_run_group_tests(tests, open_reader, close_reader);
}
