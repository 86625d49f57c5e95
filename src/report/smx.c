/* The decision hidden here: nothing of a report is written anew but the one word that would be untrue in its file,
 * the encoding in an XML declaration that was not UTF-16. */
#include "report/smx.h"

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

static const char utf16[] = {'U', 0, 'T', 0, 'F', 0, '-', 0, '1', 0, '6', 0};

/* A place in UTF-16LE text. */
struct cursor {
    const char *at;
    const char *end;
};

/* The character there; NUL at the end, and for what is not ASCII, which no declaration has. */
static char character(const struct cursor *cursor)
{
    const bool ascii = cursor->at < cursor->end && cursor->at[1] == '\0' && (cursor->at[0] & 0x80) == 0;
    return ascii ? cursor->at[0] : '\0';
}

static void skip_blanks(struct cursor *cursor)
{
    while (character(cursor) != '\0' && strchr(" \t\r\n", character(cursor)) != NULL)
        cursor->at += 2;
}

/* Moves behind `word`, around which blanks are allowed. */
static bool skip_word(struct cursor *cursor, const char *word)
{
    skip_blanks(cursor);
    for (; *word != '\0'; word++, cursor->at += 2)
        if (character(cursor) != *word)
            return false;
    skip_blanks(cursor);
    return true;
}

static bool read_value(struct cursor *cursor, struct span *value)
{
    const char quote = character(cursor);
    if (quote != '"' && quote != '\'')
        return false;
    const char *const begin = cursor->at += 2;
    while (character(cursor) != quote) {
        if (character(cursor) == '\0')
            return false;
        cursor->at += 2;
    }
    *value = (struct span){begin, (size_t)(cursor->at - begin)};
    cursor->at += 2;
    return true;
}

/* The name of an encoding other than UTF-16, however far behind it stands. */
static bool find_foreign_encoding(struct span text, struct span *name)
{
    struct cursor cursor = {text.at, text.at + text.len};
    struct span version;
    return character(&cursor) == '<' && skip_word(&cursor, "<?xml") && skip_word(&cursor, "version") &&
           skip_word(&cursor, "=") && read_value(&cursor, &version) && skip_word(&cursor, "encoding") &&
           skip_word(&cursor, "=") && read_value(&cursor, name) &&
           !span_equal_nocase(*name, (struct span){utf16, sizeof utf16});
}

/* FF FE, what stands before the name of the encoding, and UTF-16. */
static bool write_declaration(struct span before, struct arena *arena, struct span *out, struct error *err)
{
    char *at = arena_alloc(arena, 2 + before.len + sizeof utf16);
    if (at == NULL)
        return arena_error(arena, "limit", err);
    memcpy(at, "\xFF\xFE", 2);
    memcpy(at + 2, before.at, before.len);
    memcpy(at + 2 + before.len, utf16, sizeof utf16);
    *out = (struct span){at, 2 + before.len + sizeof utf16};
    return true;
}

bool smx_prepare(struct span text, enum text_encoding encoding, struct arena *arena, struct span content[2],
                 struct error *err)
{
    struct span first = SPAN("\xFF\xFE"), second = text, name;
    if (encoding != TEXT_UTF16LE && !text_to_utf16le(encoding, text, arena, &second, err)) {
        err->rule = err->kind == ERROR_MALFORMED ? "body" : err->rule;
        return false;
    }
    if (encoding != TEXT_UTF16LE && find_foreign_encoding(second, &name)) {
        const struct span before = {second.at, (size_t)(name.at - second.at)};
        if (!write_declaration(before, arena, &first, err))
            return false;
        second = (struct span){name.at + name.len, second.len - before.len - name.len};
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
