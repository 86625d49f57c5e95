/* Any bytes as a file of the inbox: bad with a reason, or a report that can be stored; and the client that is found
 * without parsing is within the bytes, the same in every encoding, and that of the report where nothing hides it. */
#include "../../src/statesys/file.h"

#include "fuzz.h"
#include "mutate_text.h"
#include "report/smx.h"

static const struct report_limits limits = {.xml = {.depth = 8, .tag_bytes = 1024}, .messages = 20};

static bool is_ascii(struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if ((unsigned char)bytes.at[i] >= 0x80 || bytes.at[i] == '\0')
            return false;
    return true;
}

static bool contains(struct span bytes, const char *word)
{
    return memmem(bytes.at, bytes.len, word, strlen(word)) != NULL;
}

/* Comments, sections, instructions, references and attributes are not understood by who does not parse, nor elements
 * inside of the client or of its name elsewhere. */
static bool is_plain(struct span text)
{
    static const char tag[] = "<ClientID";
    const char *end = text.at + text.len;
    const char *first = memmem(text.at, text.len, tag, sizeof tag - 1);
    if (first == NULL || !is_ascii(text) || contains(text, "<!") || contains(text, "<?") || contains(text, "&") ||
        contains(text, "\"") || contains(text, "'"))
        return false;
    const char *next = memchr(first + 1, '<', (size_t)(end - first - 1));
    return next != NULL && next + 1 < end && next[1] == '/' &&
           memmem(next, (size_t)(end - next), tag, sizeof tag - 1) == NULL;
}

static void check_other_encoding(struct span bytes, const char *client, size_t len, struct arena *arena)
{
    char again[FILE_CLIENT_SIZE];
    char *wide = arena_alloc(arena, 2 * bytes.len + 2);
    require(wide != NULL);
    memcpy(wide, "\xFE\xFF", 2);
    for (size_t i = 0; i < bytes.len; i++)
        wide[2 + 2 * i + 1] = bytes.at[i];
    require(file_find_client((struct span){wide, 2 * bytes.len + 2}, again) == len);
    require(len == 0 || memcmp(again, client, len) == 0);
}

static void check_report(struct span bytes, const struct report *report, const char *client, size_t len)
{
    require(report->sender.key.len > 0 && report->message_count > report->invalid_count);
    if (is_plain(bytes) && report->sender.key.len <= FILE_CLIENT_SIZE)
        require(len == report->sender.key.len && memcmp(client, report->sender.key.at, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct span file = {(const char *)bytes, size};
    struct arena *arena = arena_open(256UL * 1024 * 1024, NULL);
    struct report report;
    struct error err = {0};
    char client[FILE_CLIENT_SIZE];
    unsigned char hash[FILE_HASH_SIZE];
    require(arena != NULL && file_hash(file, hash, &err));
    const size_t len = file_find_client(file, client);
    require(len <= sizeof client);
    if (is_ascii(file) && size > 1)
        check_other_encoding(file, client, len, arena);
    if (file_parse(file, &limits, fuzz_reader(), arena, &report, &err))
        check_report(file, &report, client, len);
    else
        require((err.kind == ERROR_MALFORMED || err.kind == ERROR_TOO_BIG) && err.text[0] != '\0');
    arena_close(arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    return mutate_marked_text(bytes, size, most, &seed);
}
