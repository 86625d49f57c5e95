/* A client's request to be known by its key, and the answer: what is read is what is signed, to the byte. */
#include "report/registration.h"

#include "base/sys.h"
#include "report/reply.h"

#include "certificates.h"
#include "few.h"
#include "reader.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define ROOT(inside) "<ClientRegistrationRequest>" inside "</ClientRegistrationRequest>"
#define SIGNATURE(value) "<Signature><SignatureValue>" value "</SignatureValue></Signature>"
#define DATA                                                                                                           \
    "<Data HashAlgorithm=\"" SIGNATURE_SHA256 "\" SMSID=\" GUID:1 \" RequestType=\"Registration\"><AgentInformation "  \
    "AgentType=\"0\" /><Certificates><Encryption>30</Encryption><Signing KeyType=\"1\"> 3082 </Signing></Certificates>" \
    "<DiscoveryProperties><Property Name=\"a\" Value=\"b\" /></DiscoveryProperties></Data>"

static struct pair ours, others;
static struct arena *arena;
static struct error err;
static struct registration registration;

/* ---- the world ---- */

static int begin(void **state)
{
    if (!signature_init(&err) || open_reader(state) != 0)
        return -1;
    ours = make_pair(2048);
    others = make_pair(2048);
    return 0;
}

static int end(void **state)
{
    free_pair(&ours);
    free_pair(&others);
    return close_reader(state);
}

static int open_arena(void **state)
{
    (void)state;
    arena = arena_open(16 * 1024 * 1024, NULL);
    registration = (struct registration){.confirms = false};
    return arena == NULL ? -1 : 0;
}

static int close_arena(void **state)
{
    (void)state;
    sys = sys_kernel;
    arena_close(arena);
    return 0;
}

/* Then none. */
static void allow(unsigned allocations)
{
    left = allocations;
    sys.allocate = allocate_a_few;
    sys.reallocate = reallocate_a_few;
}

/* As UTF-16LE, in the arena. */
static struct span wide(const char *text)
{
    struct span out;
    if (!text_to_utf16le(TEXT_UTF8, span_of(text), arena, &out, &err))
        fail_msg("%s", err.text);
    return out;
}

static bool parse_span(struct span text, enum text_encoding encoding)
{
    const struct xml_limits limits = {.depth = 32, .tag_bytes = 65536};
    return registration_parse(text, encoding, &limits, reader, arena, &registration, &err);
}

static bool parse(const char *text)
{
    return parse_span(wide(text), TEXT_UTF16LE);
}

static void assert_span(struct span got, const char *expected)
{
    if (!span_equal(got, span_of(expected)))
        fail_msg("'%.*s' is not '%s'", (int)got.len, got.at, expected);
}

static void assert_refused(const char *text, enum error_kind kind, const char *rule, const char *why)
{
    err = (struct error){.kind = ERROR_NONE};
    if (parse(text))
        fail_msg("taken: %s", text);
    if (err.kind != kind || err.rule == NULL || strcmp(err.rule, rule) != 0 || strstr(err.text, why) == NULL)
        fail_msg("%s: kind %d, %s: %s", text, err.kind, err.rule, err.text);
}

/* ---- what is read ---- */

static void what_a_client_sends_is_read(void **state)
{
    (void)state;
    assert_true(parse(ROOT(DATA SIGNATURE("AB12"))));
    assert_false(registration.confirms);
    assert_span(registration.smsid, "GUID:1");
    assert_span(registration.certificate, "3082");
    assert_span(registration.signature.digits, "AB12");
    assert_span(registration.signature.algorithm, SIGNATURE_SHA256);
    assert_true(parse(
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<ClientRegistrationRequest a=\"b\">\n<More><Data2/>"
        "<DataX></DataX></More>" SIGNATURE(
            "&#65;B") "<Data RequestType=\"CONFIRMATION\"><Certificates>"
                      "<Signing>30<Note>no</Note></Signing></Certificates></Data></ClientRegistrationRequest>\r\n"));
    assert_true(registration.confirms);
    assert_span(registration.smsid, "");
    assert_span(registration.certificate, "30");
    assert_span(registration.signature.digits, "AB");
    assert_span(registration.signature.algorithm, "");
}

static void what_is_signed_is_data_from_its_first_byte_to_its_last(void **state)
{
    (void)state;
    const struct span text = wide("<?xml version=\"1.0\"?>" ROOT("\xC3\xA9" DATA SIGNATURE("00")));
    const struct span data = wide(DATA);
    assert_true(parse_span(text, TEXT_UTF16LE));
    assert_true(registration.signed_text.at > text.at && registration.signed_text.at < text.at + text.len);
    assert_true(span_equal(registration.signed_text, data));
}

/* Each would let two readers see different things, or could, if it were taken. */
static void nothing_hides_from_what_is_signed(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {ROOT("<!--" DATA "-->" DATA SIGNATURE("00")), "comments"},
        {ROOT(DATA "<!-- -->" SIGNATURE("00")), "comments"},
        {ROOT("<![CDATA[" DATA "]]>" SIGNATURE("00")), "comments"},
        {ROOT("<?x " DATA "?>" SIGNATURE("00")), "instructions"},
        {"<!DOCTYPE x>" ROOT(DATA SIGNATURE("00")), "comments"},
        {ROOT(DATA DATA SIGNATURE("00")), "not one Data"},
        {ROOT("<Data/>" DATA SIGNATURE("00")), "not one Data"},
        {ROOT("<Data/>" SIGNATURE("00")), "not one Data"},
        {ROOT("<X>" DATA "</X>" SIGNATURE("00")), "Data is missing"},
        {ROOT("<Data RequestType=\"Registration\"><Certificates><Signing>0</Signing></Certificates></Data >" SIGNATURE(
             "00")),
         "not one Data"},
        {ROOT("<x:Data xmlns:x=\"y\" RequestType=\"Registration\"></x:Data>" SIGNATURE("00")), "not one Data"},
        {ROOT("<Data xmlns=\"y\" RequestType=\"Registration\"></Data>" SIGNATURE("00")), "Data is missing"},
        {ROOT("<Data RequestType=\"Registration\"><Certificates/></Data><Signing>0</Signing>" SIGNATURE("00")),
         "Signing is missing"},
        {ROOT(DATA SIGNATURE("00") SIGNATURE("01")), "Signature is repeated"},
        {ROOT("<Data RequestType=\"Registration\"><Certificates><Signing>0</Signing><Signing>1</Signing></Certificates>"
              "</Data>" SIGNATURE("00")),
         "Signing is repeated"},
        {ROOT("</Data><Data>" SIGNATURE("00")), "not one Data"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_refused(rows[i].text, ERROR_MALFORMED, "body", rows[i].why);
}

static void what_is_no_registration_is_refused(void **state)
{
    (void)state;
    assert_refused("<Report>" DATA "</Report>", ERROR_MALFORMED, "body", "root");
    assert_refused(ROOT(DATA), ERROR_MALFORMED, "body", "Signature is missing");
    assert_refused(ROOT(DATA "<Signature/>"), ERROR_MALFORMED, "body", "SignatureValue is missing");
    assert_refused(ROOT(DATA SIGNATURE("00") "<"), ERROR_MALFORMED, "body", "");
    assert_refused(ROOT("<Data></Data>" SIGNATURE("00")), ERROR_UNSUPPORTED, "body", "RequestType ''");
    assert_refused(ROOT("<Data RequestType=\"Reset\"></Data>" SIGNATURE("00")), ERROR_UNSUPPORTED, "body", "'Reset'");
    assert_refused("", ERROR_MALFORMED, "body", "not one Data");
    assert_false(parse_span(SPAN(ROOT(DATA SIGNATURE("00"))), TEXT_UTF8));
    assert_non_null(strstr(err.text, "not UTF-16LE"));
    static char large[REGISTRATION_MOST_BYTES + 2];
    assert_false(parse_span((struct span){large, sizeof large}, TEXT_UTF16LE));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
}

/* ---- the key ---- */

static char *with_signature(const struct pair *pair, const struct pair *signer)
{
    static char data[16384], whole[32768];
    struct buffer digits;
    buffer_init(&digits, 4096);
    (void)snprintf(data, sizeof data,
                   "<Data HashAlgorithm=\"" SIGNATURE_SHA256 "\" SMSID=\"\" RequestType=\"Registration\"><Certificates>"
                   "<Signing>%s</Signing></Certificates></Data>",
                   pair->certificate);
    assert_true(signature_make(signer->signer, wide(data), &digits, &err));
    (void)snprintf(whole, sizeof whole, ROOT("%s" SIGNATURE("%.*s")), data, (int)digits.len, digits.at);
    buffer_fini(&digits);
    return whole;
}

static bool take_key(char print[SIGNATURE_PRINT_SIZE])
{
    struct signature_key *key;
    if (!registration_key(&registration, false, &key, &err))
        return false;
    const bool printed = signature_key_print(key, print, &err);
    signature_key_close(key);
    return printed;
}

static void who_has_the_private_key_is_believed(void **state)
{
    char got[SIGNATURE_PRINT_SIZE], expected[SIGNATURE_PRINT_SIZE];
    (void)state;
    assert_true(parse(with_signature(&ours, &ours)));
    if (!take_key(got))
        fail_msg("%s", err.text);
    assert_true(signature_key_print(signature_signer_key(ours.signer), expected, &err));
    assert_string_equal(got, expected);
}

static void assert_untrusted(const char *why)
{
    char print[SIGNATURE_PRINT_SIZE];
    assert_false(take_key(print));
    assert_int_equal(err.kind, ERROR_UNTRUSTED);
    assert_string_equal(err.rule, "signature");
    if (strstr(err.text, why) == NULL)
        fail_msg("%s", err.text);
}

static void who_has_not_is_not(void **state)
{
    (void)state;
    assert_true(parse(with_signature(&ours, &others)));
    assert_untrusted("SignatureValue");
    registration.signature.digits = SPAN("00");
    assert_untrusted("hex digits");
    registration.signature.algorithm = SPAN("1.2");
    assert_untrusted("HashAlgorithm");
    registration.signature.algorithm = SPAN("");
    assert_untrusted("SHA-1");
}

static void no_byte_of_what_is_signed_can_be_changed(void **state)
{
    (void)state;
    assert_true(parse(with_signature(&ours, &ours)));
    char *at = (char *)(uintptr_t)registration.signed_text.at;     /* in the arena */
    for (size_t i = 0; i < registration.signed_text.len; i++) {
        at[i] ^= 0x10;
        assert_untrusted("");
        at[i] ^= 0x10;
    }
    char print[SIGNATURE_PRINT_SIZE];
    assert_true(take_key(print));
}

static void what_is_no_certificate_is_malformed(void **state)
{
    char print[SIGNATURE_PRINT_SIZE];
    static char large[2 * SIGNATURE_MOST_FILE + 2];
    (void)state;
    assert_true(parse(with_signature(&ours, &ours)));
    const size_t len = registration.certificate.len;
    const struct span rows[] = {SPAN(""),
                                SPAN("30"),
                                SPAN("3"),
                                SPAN("xx"),
                                {ours.certificate, len - 2},
                                {ours.certificate, len - 1},
                                {large, sizeof large}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        registration.certificate = rows[i];
        assert_false(take_key(print));
        assert_int_equal(err.kind, ERROR_MALFORMED);
        assert_string_equal(err.rule, "body");
    }
}

static void a_short_key_is_not_taken(void **state)
{
    struct pair weak = make_pair(1024);
    (void)state;
    assert_true(parse(with_signature(&ours, &ours)));
    registration.certificate = span_of(weak.certificate);
    assert_untrusted("1024 bits");
    free_pair(&weak);
}

static void each_refused_allocation_is_no_memory(void **state)
{
    char print[SIGNATURE_PRINT_SIZE];
    bool done = false;
    unsigned refusals = 0;
    (void)state;
    const struct span text = wide(with_signature(&ours, &ours));
    for (; !done; refusals++) {
        allow(refusals);
        done = parse_span(text, TEXT_UTF16LE) && take_key(print);
        sys = sys_kernel;
        if (!done && err.kind != ERROR_NO_MEMORY)
            fail_msg("%u: kind %d: %s", refusals, err.kind, err.text);
    }
    assert_true(refusals > 5);
}

/* ---- the answer ---- */

static void each_status_has_its_words(void **state)
{
    static const char *const expected[] = {
        [REGISTRATION_DONE] = "Status=\"0\" SMSID=\"GUID:1\" ApprovalStatus=\"1\"/>",
        [REGISTRATION_PENDING] = "Status=\"1\" SMSID=\"GUID:1\" ApprovalStatus=\"0\"/>",
        [REGISTRATION_LATER] = "Status=\"2\" SMSID=\"GUID:1\" ApprovalStatus=\"2\"/>",
        [REGISTRATION_REJECTED] = "Status=\"3\" SMSID=\"GUID:1\" ApprovalStatus=\"2\"/>",
    };
    (void)state;
    for (unsigned i = 0; i < COUNT(expected); i++) {
        struct registration_answer answer = {i == 2, i, SPAN("GUID:1"), INT64_C(1165532191) * 1000000 + 999999};
        struct buffer text;
        char whole[300];
        buffer_init(&text, 4096);
        (void)snprintf(whole, sizeof whole,
                       "<ClientRegistrationResponse ResponseType=\"%s\" TimeStamp=\"2006-12-07T22:56:31Z\" %s",
                       i == 2 ? "Confirmation" : "Registration", expected[i]);
        assert_true(registration_answer(&answer, &text, &err));
        assert_true(span_equal(buffer_span(&text), wide(whole)));
        buffer_fini(&text);
    }
}

#define DELIMITER "--aAbBcCdDv1234567890VxXyYzZ"

static struct reply usual_reply(void)
{
    return (struct reply){SPAN("{1}"), SPAN("{2}"), SPAN("direct:PC1:Queue"), SPAN("mp"), true};
}

static void add(struct buffer *out, struct span bytes)
{
    assert_true(buffer_add(out, bytes.at, bytes.len, &err));
}

static void a_reply_is_these_bytes(void **state)
{
    struct buffer got, expected;
    const struct reply reply = usual_reply();
    (void)state;
    buffer_init(&got, 65536);
    buffer_init(&expected, 65536);
    add(&expected, SPAN(DELIMITER "\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\n\xFF\xFE"));
    add(&expected,
        wide("<Msg SchemaVersion=\"1.1\"><ID>{1}</ID><SourceHost>mp</SourceHost><TargetAddress>direct:PC1:Queue"
             "</TargetAddress><CorrelationID>{2}</CorrelationID><Body Type=\"ByteRange\" Offset=\"0\" "
             "Length=\"10\"/><Hooks/><Payload Type=\"inline\"/><TargetEndpoint>Queue</TargetEndpoint>"
             "<ReplyMode>Reply</ReplyMode><Protocol>http</Protocol></Msg>"));
    add(&expected,
        SPAN("\r\n" DELIMITER "\r\ncontent-type: application/octet-stream\r\n\r\n<\0x\0/\0>\0\0\0\r\n" DELIMITER "--"));
    assert_true(reply_write(&reply, wide("<x/>"), &got, &err));
    assert_true(span_equal(buffer_span(&got), buffer_span(&expected)));
    buffer_fini(&got);
    buffer_fini(&expected);
}

static bool contains(const struct buffer *bytes, struct span wanted)
{
    return memmem(bytes->at, bytes->len, wanted.at, wanted.len) != NULL;
}

static void names_cannot_break_out_of_their_element(void **state)
{
    struct reply reply = usual_reply();
    struct buffer got;
    (void)state;
    reply.request_id = SPAN("</CorrelationID>&\"\r\x01\xFF");
    reply.reply_to = SPAN("");
    reply.raw = false;
    buffer_init(&got, 65536);
    assert_true(reply_write(&reply, wide("<x/>"), &got, &err));
    assert_true(
        contains(&got, wide("<CorrelationID>&lt;/CorrelationID&gt;&amp;&quot;&#13;\xEF\xBF\xBD\xEF\xBF\xBD</Corr")));
    assert_true(contains(&got, wide("<TargetAddress></TargetAddress>")));
    assert_true(contains(&got, wide("<TargetEndpoint></TargetEndpoint>")));
    assert_true(contains(&got, wide("<Hooks><Hook3 Name=\"zlib-compress\"/></Hooks>")));
    reply.reply_to = SPAN("queue");
    got.len = 0;
    assert_true(reply_write(&reply, wide("<x/>"), &got, &err));
    assert_true(contains(&got, wide("<TargetEndpoint>queue</TargetEndpoint>")));
    buffer_fini(&got);
}

static void a_reply_without_room_or_memory_is_an_error(void **state)
{
    struct reply reply = usual_reply();
    struct buffer got;
    bool done = false;
    (void)state;
    reply.raw = false;
    const struct span text = wide("<x/>");
    for (size_t most = 0; !done; most += 10) {
        buffer_init(&got, most);
        done = reply_write(&reply, text, &got, &err);
        assert_true(done || err.kind == ERROR_TOO_BIG);
        buffer_fini(&got);
    }
    done = false;
    for (unsigned i = 0; !done; i++) {
        buffer_init(&got, 65536);
        allow(i);
        done = reply_write(&reply, text, &got, &err);
        sys = sys_kernel;
        assert_true(done || err.kind == ERROR_NO_MEMORY);
        buffer_fini(&got);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_client_sends_is_read),
        TEST(what_is_signed_is_data_from_its_first_byte_to_its_last),
        TEST(nothing_hides_from_what_is_signed),
        TEST(what_is_no_registration_is_refused),
        TEST(who_has_the_private_key_is_believed),
        TEST(who_has_not_is_not),
        TEST(no_byte_of_what_is_signed_can_be_changed),
        TEST(what_is_no_certificate_is_malformed),
        TEST(a_short_key_is_not_taken),
        TEST(each_refused_allocation_is_no_memory),
        TEST(each_status_has_its_words),
        TEST(a_reply_is_these_bytes),
        TEST(names_cannot_break_out_of_their_element),
        TEST(a_reply_without_room_or_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
