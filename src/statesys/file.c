/* The decision hidden here: the client is looked for as a row of characters, in the text as it lies there. Parsing it
 * twice would cost more than all else that the reading thread does. */
#include "file.h"

#include "report/smx.h"
#include "store_chunk.h"

#include <openssl/evp.h>

/* ---- characters of a text ---- */

struct text {
    struct span bytes;
    size_t unit; /* bytes of a character: 1 or 2 */
    size_t low;  /* where in it the low byte is */
};

static struct text text_of(struct span bytes)
{
    size_t mark;
    const enum text_encoding encoding = text_detect(bytes, &mark);
    return (struct text){
        .bytes = {bytes.at + mark, bytes.len - mark},
        .unit = encoding == TEXT_UTF8 ? 1 : 2,
        .low = encoding == TEXT_UTF16BE ? 1 : 0,
    };
}

/* What is not ASCII becomes '?'; -1 behind the end. */
static int character(const struct text *text, size_t index)
{
    const size_t at = index * text->unit;
    if (at + text->unit > text->bytes.len)
        return -1;
    const unsigned char low = (unsigned char)text->bytes.at[at + text->low];
    const bool ascii = low < 0x80 && (text->unit == 1 || text->bytes.at[at + 1 - text->low] == '\0');
    return ascii ? low : '?';
}

static size_t count_characters(const struct text *text)
{
    return text->bytes.len / text->unit;
}

static bool is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- the client ---- */

static bool is_word(const struct text *text, size_t index, const char *word)
{
    size_t i = 0;
    while (word[i] != '\0' && character(text, index + i) == word[i])
        i++;
    return word[i] == '\0';
}

/* The next '<' from `index` on; the number of characters: there is none. */
static size_t find_tag(const struct text *text, size_t index)
{
    const size_t count = count_characters(text);
    while (index < count) {
        const char *from = text->bytes.at + index * text->unit;
        const char *found = memchr(from, '<', text->bytes.len - index * text->unit);
        if (found == NULL)
            return count;
        index = (size_t)(found - text->bytes.at) / text->unit;
        if (character(text, index) == '<')
            return index;
        index++;
    }
    return count;
}

/* Behind the start tag of the first ClientID; 0: there is none. */
static size_t find_value(const struct text *text)
{
    static const char tag[] = "<ClientID";
    const size_t count = count_characters(text);
    for (size_t at = find_tag(text, 0); at < count; at = find_tag(text, at + 1)) {
        size_t end = at + sizeof tag - 1;
        if (!is_word(text, at, tag) || (character(text, end) != '>' && !is_blank(character(text, end))))
            continue;
        while (end < count && character(text, end) != '>')
            end++;
        return end + 1;
    }
    return 0;
}

static int upper(int c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

static size_t skip_prefix(const struct text *text, size_t index)
{
    static const char prefix[] = "GUID:";
    size_t i = 0;
    while (is_blank(character(text, index)))
        index++;
    while (prefix[i] != '\0' && upper(character(text, index + i)) == prefix[i])
        i++;
    return prefix[i] == '\0' ? index + i : index;
}

size_t file_find_client(struct span bytes, char out[FILE_CLIENT_SIZE])
{
    const struct text text = text_of(bytes);
    const size_t value = find_value(&text);
    size_t len = 0;
    if (value == 0)
        return 0;
    int c;
    for (size_t i = skip_prefix(&text, value); len < FILE_CLIENT_SIZE && (c = character(&text, i)) >= 0 && c != '<';
         i++)
        if (!is_blank(c))
            out[len++] = (char)upper(c);
    return len;
}

/* ---- fingerprint and report ---- */

bool file_hash(struct span bytes, unsigned char out[FILE_HASH_SIZE], struct error *err)
{
    return EVP_Digest(bytes.at, bytes.len, out, NULL, EVP_sha256(), NULL) == 1 ||
           error_set(err, ERROR_NO_MEMORY, "no SHA-256 could be made: the system refused memory");
}

static bool has_valid(const struct report *report)
{
    size_t i = 0;
    while (i < report->message_count && !store_state_is_valid(&report->messages[i]))
        i++;
    return i < report->message_count;
}

bool file_parse(struct span bytes, const struct report_limits *limits, struct xml_reader *reader, struct arena *arena,
                struct report *out, struct error *err)
{
    struct span text;
    enum text_encoding encoding;
    if (!smx_text(bytes, &text, &encoding, err) || !report_parse(text, encoding, limits, reader, arena, out, err))
        return false;
    return has_valid(out) ||
           error_refuse(err, ERROR_MALFORMED, "report", "no message is valid: numbers beyond the database's");
}
