/* The decision hidden here: nothing of a report is written anew but the one word that would be untrue in its file,
 * the encoding in an XML declaration that was not UTF-16. */
#include "report/smx.h"

#include <strings.h>

static bool is_nul(const char *at, size_t unit)
{
    return at[0] == '\0' && at[unit - 1] == '\0';
}

static bool is_blank(const char *at, size_t unit, enum text_encoding encoding)
{
    const char low = at[encoding == TEXT_UTF16BE ? 1 : 0];
    const char high = at[encoding == TEXT_UTF16LE ? 1 : 0];
    return strchr(" \t\r\n", low) != NULL && low != '\0' && (unit == 1 || high == '\0');
}

/* Blanks before the first of the trailing NULs belong to the text, those between and behind them do not. */
static size_t without_nuls(struct span text, enum text_encoding encoding)
{
    const size_t unit = encoding == TEXT_UTF8 ? 1 : 2;
    size_t len = text.len;
    for (size_t end = text.len; end >= unit; end -= unit) {
        const char *at = text.at + end - unit;
        if (is_nul(at, unit))
            len = end - unit;
        else if (!is_blank(at, unit, encoding))
            break;
    }
    return len;
}

bool smx_text(struct span bytes, struct span *text, enum text_encoding *encoding, struct error *err)
{
    size_t mark;
    const enum text_encoding found = text_detect(bytes, &mark);
    struct span rest = {bytes.at + mark, bytes.len - mark};
    if (found != TEXT_UTF8 && rest.len % 2 != 0) {
        if (rest.at[rest.len - 1] != '\0')
            return error_refuse(err, ERROR_MALFORMED, "body", "UTF-16 text of %zu bytes: an odd number", rest.len);
        rest.len--;
    }
    rest.len = without_nuls(rest, found);
    *text = rest;
    *encoding = found;
    return true;
}

/* ---- the declaration ---- */

/* Moves *at behind `word`, around which blanks are allowed. */
static bool skip(const char **at, const char *word)
{
    const char *here = *at + strspn(*at, " \t\r\n");
    const size_t len = strlen(word);
    if (strncmp(here, word, len) != 0)
        return false;
    *at = here + len + strspn(here + len, " \t\r\n");
    return true;
}

/* A quoted value at *at: where it lies in `head`. */
static bool read_value(const char *head, const char **at, size_t *from, size_t *to)
{
    const char quote[] = {**at, '\0'};
    if (quote[0] != '"' && quote[0] != '\'')
        return false;
    *from = (size_t)(*at + 1 - head);
    *to = *from + strcspn(*at + 1, quote);
    if (head[*to] == '\0')
        return false;
    *at = head + *to + 1;
    return true;
}

/* Where the name of an encoding other than UTF-16 lies, in characters. */
static bool find_foreign_encoding(const char *head, size_t *from, size_t *to)
{
    const char *at = head;
    if (!skip(&at, "<?xml") || at != head + 5 + strspn(head + 5, " \t\r\n") || !skip(&at, "version") ||
        !skip(&at, "=") || !read_value(head, &at, from, to) || !skip(&at, "encoding") || !skip(&at, "=") ||
        !read_value(head, &at, from, to))
        return false;
    return *to - *from != 6 || strncasecmp(head + *from, "UTF-16", 6) != 0;
}

/* The beginning of the text, as far as a declaration could reach: ASCII, so that places can be counted. */
static void read_head(struct span text, enum text_encoding encoding, char head[256])
{
    struct error ignored;       /* whatever stops the conversion stands behind the declaration */
    size_t used, len, ascii = 0;
    (void)!text_to_utf8(encoding, text, false, &used, head, 255, &len, &ignored);
    while (ascii < len && (head[ascii] & 0x80) == 0)
        ascii++;
    head[ascii] = '\0';
}

/* FF FE, the text up to the name of the encoding, and UTF-16. */
static bool write_declaration(struct span text, enum text_encoding encoding, struct arena *arena, struct span *out,
                              struct error *err)
{
    static const char name[] = {'U', 0, 'T', 0, 'F', 0, '-', 0, '1', 0, '6', 0};
    struct span before;
    if (!text_to_utf16le(encoding, text, arena, &before, err))
        return false;
    char *at = arena_alloc(arena, 2 + before.len + sizeof name);
    if (at == NULL)
        return arena_error(arena, "limit", err);
    memcpy(at, "\xFF\xFE", 2);
    memcpy(at + 2, before.at, before.len);
    memcpy(at + 2 + before.len, name, sizeof name);
    *out = (struct span){at, 2 + before.len + sizeof name};
    return true;
}

bool smx_prepare(struct span text, enum text_encoding encoding, struct arena *arena, struct span content[2],
                 struct error *err)
{
    struct span first = SPAN("\xFF\xFE"), second = text;
    if (encoding != TEXT_UTF16LE) {
        const size_t unit = encoding == TEXT_UTF8 ? 1 : 2;
        char head[256];
        size_t from, to = 0;
        read_head(text, encoding, head);
        if (!find_foreign_encoding(head, &from, &to))
            to = 0;
        else if (!write_declaration((struct span){text.at, from * unit}, encoding, arena, &first, err))
            return false;
        const struct span rest = {text.at + to * unit, text.len - to * unit};
        if (!text_to_utf16le(encoding, rest, arena, &second, err)) {
            err->rule = err->kind == ERROR_MALFORMED ? "body" : err->rule;
            return false;
        }
    }
    content[0] = first;
    content[1] = second;
    return true;
}

enum smx_queue smx_queue(int priority, int high_max, int low_min)
{
    if (priority <= high_max)
        return SMX_HIGH;
    return priority >= low_min ? SMX_LOW : SMX_NORMAL;
}
