/* What smx send builds is what the relay's envelope reads back, and what no memory allows is said to be just that. */
#include "report/outgoing.h"

#include "base/sys.h"
#include "report/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TEXT SPAN("<\0R\0e\0p\0o\0r\0t\0/\0>\0")

static const struct envelope_limits limits = {.xml = {.depth = 32, .tag_bytes = 65536},
                                              .msg = 262144,
                                              .inflated = 8 * 1024 * 1024,
                                              .attachments = 0,
                                              .properties = 6,
                                              .ratio = 1100};

static struct outgoing usual(void)
{
    return (struct outgoing){.id = SPAN("{0E6D5B5C-6C0B-4A6E-9B57-2B4D1E8F7A01}"),
                             .source_id = {"", 0},
                             .source_host = SPAN("client.example.test"),
                             .target_host = SPAN("mp.example.test"),
                             .sent_time = SPAN("2026-11-22T12:00:00Z")};
}

static void open_again(struct span body, struct arena *arena, struct message *message)
{
    struct envelope_type type;
    struct xml_reader *reader;
    struct error err = {0};
    assert_true(envelope_type(SPAN(OUTGOING_CONTENT_TYPE), &type, &err));
    assert_int_equal(type.form, ENVELOPE_MULTIPART);
    assert_true(xml_open(&reader, &err));
    if (!envelope_open(body, span_of(type.boundary), &limits, reader, arena, message, &err))
        fail_msg("%s", err.text);
    xml_close(reader);
}

static void assert_span(struct span got, struct span expected)
{
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.at, expected.at, expected.len);
}

static void what_is_written_is_read_back(void **state)
{
    static char long_text[3 * 1024 * 1024];         /* of noise, so that it stays long when compressed */
    uint32_t noise = 1;
    (void)state;
    for (size_t i = 0; i < sizeof long_text; i += 2) {
        noise = noise * 1103515245u + 12345u;
        memcpy(long_text + i, (const char[]){(char)('!' + (noise >> 16) % 89), 0}, 2);
    }
    const struct span texts[] = {TEXT, {long_text, sizeof long_text}, SPAN("<\0\x3D\xD8\x00\xDE")};
    const struct outgoing outgoing = usual();
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct buffer body;
        struct error err;
        struct message message = {0};
        struct arena *arena = arena_open(64 * 1024 * 1024, NULL);
        buffer_init(&body, 8 * 1024 * 1024);
        assert_true(outgoing_write(&outgoing, texts[i], &body, &err));
        open_again(buffer_span(&body), arena, &message);
        assert_span(message.text, texts[i]);
        assert_int_equal(message.encoding, TEXT_UTF16LE);
        assert_span(message.id, outgoing.id);
        assert_int_equal(message.source_id.len, 0);
        assert_span(message.source_host, outgoing.source_host);
        assert_span(message.endpoint, SPAN("MP_RelayEndpoint"));
        assert_span(message.reply_mode, SPAN("Async"));
        assert_span(message.file_type, SPAN("SMX"));
        assert_false(message.guessed);
        assert_false(message.has_clientauth);
        assert_int_equal(message.attachments, 0);
        assert_int_equal(message.warning_count, 0);
        arena_close(arena);
        buffer_fini(&body);
    }
}

/* A key made here: no private one lies in the tree. */
static struct signature_signer *open_signer(void)
{
    struct signature_signer *signer;
    struct error err;
    char *text;
    EVP_PKEY *pair = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL), 1);
    const long len = BIO_get_mem_data(bio, &text);
    assert_true(signature_signer_open((struct span){text, (size_t)len}, &signer, &err));
    BIO_free(bio);
    EVP_PKEY_free(pair);
    return signer;
}

static void what_is_signed_is_part_2_as_it_is_sent(void **state)
{
    struct outgoing outgoing = usual();
    struct signature_signer *signer = open_signer();
    struct signature_key *enclosed;
    struct buffer body;
    struct error err;
    struct message message = {0};
    struct arena *arena = arena_open(1024 * 1024, NULL);
    (void)state;
    outgoing.signer = signer;
    outgoing.source_id = SPAN("GUID:1");
    buffer_init(&body, 1024 * 1024);
    assert_true(outgoing_write(&outgoing, TEXT, &body, &err));
    open_again(buffer_span(&body), arena, &message);
    assert_span(message.text, TEXT);
    assert_span(message.source_id, outgoing.source_id);
    assert_span(message.signature.algorithm, SPAN(SIGNATURE_SHA256));
    assert_true(signature_key_read_blob(message.public_key, &enclosed, &err));
    assert_true(signature_check(&message.signature, enclosed, message.payload, false, &err));
    assert_true(signature_check(&message.signature, signature_signer_key(signer), message.payload, false, &err));
    signature_key_close(enclosed);
    signature_signer_close(signer);
    arena_close(arena);
    buffer_fini(&body);
}

static void names_cannot_break_out_of_their_element(void **state)
{
    struct outgoing outgoing = usual();
    struct buffer body;
    struct error err;
    struct message message = {0};
    struct arena *arena = arena_open(1024 * 1024, NULL);
    (void)state;
    outgoing.source_host = SPAN("a</SourceHost><ID>&amp;]]>");
    outgoing.source_id = SPAN("GUID:<&>");
    buffer_init(&body, 1024 * 1024);
    assert_true(outgoing_write(&outgoing, TEXT, &body, &err));
    open_again(buffer_span(&body), arena, &message);
    assert_span(message.source_host, outgoing.source_host);
    assert_span(message.source_id, outgoing.source_id);
    assert_span(message.id, outgoing.id);
    arena_close(arena);
    buffer_fini(&body);
}

static void a_name_of_other_than_printable_ascii_is_refused(void **state)
{
    static const struct span names[] = {SPAN("m\xC3\xBCnchen.example.test"), SPAN("a\nb"), SPAN("a\0b"), SPAN("\x7F")};
    struct outgoing outgoing = usual();
    struct error err;
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct buffer body;
        outgoing.target_host = names[i];
        buffer_init(&body, 1024 * 1024);
        assert_false(outgoing_write(&outgoing, TEXT, &body, &err));
        assert_int_equal(err.kind, ERROR_MALFORMED);
        buffer_fini(&body);
    }
}

static void a_buffer_that_is_too_small_is_said_to_be(void **state)
{
    const struct outgoing outgoing = usual();
    struct buffer body;
    struct error err;
    (void)state;
    buffer_init(&body, 1024 * 1024);
    assert_true(outgoing_write(&outgoing, TEXT, &body, &err));
    const size_t whole = body.len;
    buffer_fini(&body);
    for (size_t most = 0; most < whole; most++) {
        buffer_init(&body, most);
        assert_false(outgoing_write(&outgoing, TEXT, &body, &err));
        assert_int_equal(err.kind, ERROR_TOO_BIG);
        buffer_fini(&body);
    }
}

static size_t allocations_left;

static bool is_refused(void)
{
    return allocations_left == 0 || allocations_left-- == 0;
}

static void *allocate_some(size_t size)
{
    return is_refused() ? NULL : sys_kernel.allocate(size);
}

static void *reallocate_some(void *old, size_t size)
{
    return is_refused() ? NULL : sys_kernel.reallocate(old, size);
}

static size_t count_refusals(const struct signature_signer *signer)
{
    struct outgoing outgoing = usual();
    bool written = false;
    size_t refusals = 0;
    outgoing.signer = signer;
    for (; !written; refusals++) {
        struct buffer body;
        struct error err;
        buffer_init(&body, 1024 * 1024);
        allocations_left = refusals;
        sys.allocate = allocate_some;
        sys.reallocate = reallocate_some;
        written = outgoing_write(&outgoing, TEXT, &body, &err);
        sys = sys_kernel;
        assert_true(written || err.kind == ERROR_NO_MEMORY);
        buffer_fini(&body);
    }
    return refusals;
}

static void each_refused_allocation_is_no_memory(void **state)
{
    struct signature_signer *signer = open_signer();
    (void)state;
    assert_true(count_refusals(NULL) > 3);      /* the buffer's and those of zlib */
    assert_true(count_refusals(signer) > 10);
    signature_signer_close(signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_is_signed_is_part_2_as_it_is_sent),
        cmocka_unit_test(names_cannot_break_out_of_their_element),
        cmocka_unit_test(a_name_of_other_than_printable_ascii_is_refused),
        cmocka_unit_test(a_buffer_that_is_too_small_is_said_to_be),
        cmocka_unit_test(each_refused_allocation_is_no_memory),
    };
    struct error err;
    xml_init();
    if (!signature_init(&err))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
