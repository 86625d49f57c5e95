/*
 * Mutation of text whatever its encoding is on the wire: it becomes a draft in UTF-8, where tags are tags and the words
 * of a dictionary fit, and is encoded again.
 */
#ifndef MUTATE_TEXT_H
#define MUTATE_TEXT_H

#include "draft.h"
#include "report/text.h"

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed);

static inline bool draft_read(struct draft *draft, struct span text, enum text_encoding encoding)
{
    size_t used;
    struct error err;
    return text_to_utf8(encoding, text, true, &used, draft->at, DRAFT_ROOM, &draft->len, &err) && used == text.len;
}

/* How much of `out` was filled; 0 where the draft is no UTF-8, or too long. */
static inline size_t draft_write(const struct draft *draft, enum text_encoding encoding, char *out, size_t room)
{
    struct arena *arena = arena_open(16 * DRAFT_ROOM, NULL);
    struct span text = {draft->at, draft->len};
    struct error err;
    require(arena != NULL);
    size_t len = encoding == TEXT_UTF8 || text_to_utf16le(TEXT_UTF8, text, arena, &text, &err) ? text.len : 0;
    len = len <= room ? len : 0;
    memcpy(out, text.at, len);
    for (size_t i = 0; encoding == TEXT_UTF16BE && i < len; i += 2) {
        const char low = out[i];
        out[i] = out[i + 1];
        out[i + 1] = low;
    }
    arena_close(arena);
    return len;
}

/* In place; what is no text of this encoding is mutated as bytes, and so is a text now and then. */
static inline size_t mutate_text(uint8_t *bytes, size_t size, size_t most, enum text_encoding encoding, unsigned *seed)
{
    static struct draft draft;
    if (draw(seed, 4) == 0 || !draft_read(&draft, (struct span){(char *)bytes, size}, encoding))
        return LLVMFuzzerMutate(bytes, size, most);
    draft_mutate(&draft, encoding == TEXT_UTF8 ? most : most / 2, seed);
    const size_t len = draft_write(&draft, encoding, (char *)bytes, most);
    return len > 0 ? len : LLVMFuzzerMutate(bytes, size, most);
}

/* The same for a text that says itself how it is encoded; now and then it is encoded anew. */
static inline size_t mutate_marked_text(uint8_t *bytes, size_t size, size_t most, unsigned *seed)
{
    static const struct span marks[] = {{"\xFF\xFE", 2}, {"\xFE\xFF", 2}, {"\xEF\xBB\xBF", 3}};
    static struct draft draft;
    size_t mark;
    enum text_encoding encoding = text_detect((struct span){(char *)bytes, size}, &mark);
    if (most > mark && draw(seed, 16) > 0)
        return mark + mutate_text(bytes + mark, size - mark, most - mark, encoding, seed);
    if (most < 3 || !draft_read(&draft, (struct span){(char *)bytes + mark, size - mark}, encoding))
        return LLVMFuzzerMutate(bytes, size, most);
    encoding = (enum text_encoding)draw(seed, TEXT_UTF8 + 1);
    mark = draw(seed, 2) * marks[encoding].len;
    memcpy(bytes, marks[encoding].at, mark);
    return mark + draft_write(&draft, encoding, (char *)bytes + mark, most - mark);
}

#endif
