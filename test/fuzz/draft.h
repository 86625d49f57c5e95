/* A text in UTF-8 that is XML, or nearly, on its way to being another: changed by tags, elements and values, or by
 * libFuzzer itself. */
#ifndef DRAFT_H
#define DRAFT_H

#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most);

enum { DRAFT_ROOM = 16 * 1024 };

struct draft {
    size_t len;
    char at[DRAFT_ROOM];
};

struct range {
    size_t begin;
    size_t end;
};

/* 0 to count - 1 */
static inline unsigned draw(unsigned *seed, size_t count)
{
    *seed = *seed * 1103515245 + 12345;
    return count == 0 ? 0 : (unsigned)((*seed >> 8) % count);
}

static inline struct span draft_span(const struct draft *draft, struct range range)
{
    return (struct span){draft->at + range.begin, range.end - range.begin};
}

/* `with` lies elsewhere. Nothing changes where there is no room. */
static inline void draft_replace(struct draft *draft, struct range range, struct span with)
{
    const size_t rest = draft->len - range.end;
    if (range.begin + with.len + rest > DRAFT_ROOM)
        return;
    memmove(draft->at + range.begin + with.len, draft->at + range.end, rest);
    memcpy(draft->at + range.begin, with.at, with.len);
    draft->len = range.begin + with.len + rest;
}

/* ---- pieces ---- */

static inline size_t draft_find(const struct draft *draft, size_t from, char c)
{
    const char *at = memchr(draft->at + from, c, draft->len - from);
    return at == NULL ? draft->len : (size_t)(at - draft->at);
}

/* Between the first `open` from somewhere on and the `close` behind it. */
static inline struct range draft_between(const struct draft *draft, char open, char close, unsigned *seed)
{
    size_t begin = draft_find(draft, draw(seed, draft->len), open);
    begin = begin < draft->len ? begin + 1 : begin;
    return (struct range){begin, draft_find(draft, begin, close)};
}

static inline struct range draft_tag(const struct draft *draft, unsigned *seed)
{
    const struct range inside = draft_between(draft, '<', '>', seed);
    return (struct range){inside.begin - (inside.begin > 0), inside.end + (inside.end < draft->len)};
}

/* From a tag to the one that ends its element, by counting; nobody has promised that names fit. */
static inline struct range draft_element(const struct draft *draft, unsigned *seed)
{
    struct range element = draft_tag(draft, seed);
    struct range tag = element;
    for (int depth = 0; tag.begin + 1 < draft->len; tag.begin = draft_find(draft, element.end, '<')) {
        const size_t end = draft_find(draft, tag.begin, '>');
        const char first = tag.begin + 1 < draft->len ? draft->at[tag.begin + 1] : '/';
        if (first == '/')
            depth--;
        else if (draft->at[end - 1] != '/' && first != '?' && first != '!')
            depth++;
        element.end = end + (end < draft->len);
        if (depth <= 0)
            break;
    }
    return element;
}

static inline struct range draft_value(const struct draft *draft, unsigned *seed)
{
    return draw(seed, 2) == 0 ? draft_between(draft, '"', '"', seed) : draft_between(draft, '>', '<', seed);
}

static inline struct range draft_piece(const struct draft *draft, unsigned *seed)
{
    switch (draw(seed, 4)) {
    case 0:
        return draft_tag(draft, seed);
    case 1:
        return draft_value(draft, seed);
    default:
        return draft_element(draft, seed);
    }
}

/* ---- mutations ---- */

/* What numbers, dates, names and text have been broken with. */
static inline struct span draft_new_value(unsigned *seed)
{
    static const char values[] =
        "|| |0|-1|1|5|10|2147483648|4294967295|4294967296|9223372036854775808|18446744073709551615|18446744073709551616|"
        "007|+1|1.5|SMX|GUID:|guid: 12ab |20260102030405.000000+000|20260102030405.******+***|99999999999999.999999-999|"
        "&amp;|&#x10FFFF;|&#0;|&#xD800;|&nosuch;|]]>|<![CDATA[x]]>|<!-- x -->|<?x y?>|<!DOCTYPE x [<!ENTITY y 'z'>]>|"
        "\" a=\"|\xC3\xA9|\xF0\x9F\x98\x80|\xEF\xBF\xBF|\xE2\x80\xA8|x:y|../../etc|%s%n|";
    const char *begin = strchr(values + draw(seed, sizeof values - 2), '|') + 1;
    return (struct span){begin, strcspn(begin, "|")};
}

static inline void draft_mutate(struct draft *draft, size_t most, unsigned *seed)
{
    static struct draft copy;
    const struct range place = draft_piece(draft, seed);
    copy.len = draft->len;
    memcpy(copy.at, draft->at, draft->len);
    switch (draw(seed, 8)) {
    case 0:
        draft_replace(draft, place, SPAN(""));
        break;
    case 1:
        draft_replace(draft, (struct range){place.begin, place.begin}, draft_span(&copy, draft_piece(draft, seed)));
        break;
    case 2:
        draft_replace(draft, place, draft_span(&copy, draft_piece(draft, seed)));
        break;
    case 3:
    case 4:
        draft_replace(draft, draft_value(draft, seed), draft_new_value(seed));
        break;
    default:
        most = most < DRAFT_ROOM ? most : DRAFT_ROOM;
        if (draft->len <= most)
            draft->len = LLVMFuzzerMutate((uint8_t *)draft->at, draft->len, most);
    }
}

#endif
