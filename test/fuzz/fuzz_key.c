/* Keys in PEM and in blobs, and signatures: whatever is read is written and read back the same, and no signature that
 * was not made is good. The first byte says what the rest is. */
#include "report/signature.h"

#include "fuzz.h"

static void check_nothing_is_good(const struct signature_key *key, struct span bytes)
{
    const struct signature signature = {bytes, SPAN(SIGNATURE_SHA256), NULL};
    struct error err = {.kind = ERROR_NONE};
    require(!signature_check(&signature, key, SPAN("part 2"), true, &err));
    require(err.kind == ERROR_UNTRUSTED && err.rule != NULL && err.text[0] != '\0');
}

static void check_print(const struct signature_key *key, const char *expected)
{
    char print[SIGNATURE_PRINT_SIZE];
    struct error err;
    require(signature_key_print(key, print, &err) && strcmp(print, expected) == 0);
}

/* Read back from PEM, and from a blob if that can hold its exponent. */
static void check_the_way_back(const struct signature_key *key)
{
    char print[SIGNATURE_PRINT_SIZE];
    struct signature_key *again;
    struct buffer text;
    struct error err;
    buffer_init(&text, SIGNATURE_MOST_FILE);
    require(signature_key_print(key, print, &err) && signature_key_write(key, &text, &err));
    require(signature_key_read(buffer_span(&text), &again, &err));
    check_print(again, print);
    signature_key_close(again);
    text.len = 0;
    if (signature_key_write_blob(key, &text, &err)) {
        require(signature_key_read_blob(buffer_span(&text), &again, &err));
        check_print(again, print);
        signature_key_close(again);
    }
    buffer_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static bool begun;
    struct signature_key *key;
    struct error err;
    if (size == 0)
        return 0;
    require(begun || signature_init(&err));
    begun = true;
    const struct span rest = {(const char *)bytes + 1, size - 1};
    const bool read = (bytes[0] & 1) != 0 ? signature_key_read_blob(rest, &key, &err)
                                          : signature_key_read(rest, &key, &err);
    if (!read) {
        require(err.kind == ERROR_MALFORMED && err.text[0] != '\0');
        return 0;
    }
    if (signature_key_judge(key, &err))
        check_the_way_back(key);
    check_nothing_is_good(key, rest);
    signature_key_close(key);
    return 0;
}
