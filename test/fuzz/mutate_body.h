/*
 * Mutation of a CCM_POST's body: taken apart, one of its two parts changed as what it is (text that may lie in a zlib
 * stream), and put together so that length and stream fit again. What cannot be taken apart is mutated as bytes.
 */
#ifndef MUTATE_BODY_H
#define MUTATE_BODY_H

#include "../../src/report/deflate.h"
#include "../../src/report/inflate.h"
#include "../../src/report/multipart.h"

#include "mutate_text.h"

#include <stdio.h>

struct part {
    size_t len;
    uint8_t at[2 * DRAFT_ROOM];
};

static inline bool part_set(struct part *part, struct span bytes)
{
    if (bytes.len == 0 || bytes.len > sizeof part->at)
        return false;
    memcpy(part->at, bytes.at, bytes.len);
    part->len = bytes.len;
    return true;
}

static inline bool part_inflate(struct part *part)
{
    static const struct inflate_options options = {.most = sizeof part->at, .ratio = 100};
    struct arena *arena = arena_open(8 * sizeof part->at, NULL);
    struct span bytes;
    struct error err;
    require(arena != NULL);
    const bool done = inflate_whole((struct span){(char *)part->at, part->len}, &options, arena, &bytes, &err) &&
                      part_set(part, bytes);
    arena_close(arena);
    return done;
}

static inline bool part_deflate(struct part *part)
{
    const struct span bytes = {(char *)part->at, part->len};
    struct buffer stream;
    struct error err;
    buffer_init(&stream, sizeof part->at);
    const bool done = deflate_write(&bytes, 1, &stream, &err) && part_set(part, buffer_span(&stream));
    buffer_fini(&stream);
    return done;
}

/* The first Length that stands there says `len` from now on. */
static inline void part_set_length(struct part *part, size_t len)
{
    static struct draft draft;
    size_t mark;
    char number[24];
    const enum text_encoding encoding = text_detect((struct span){(char *)part->at, part->len}, &mark);
    if (!draft_read(&draft, (struct span){(char *)part->at + mark, part->len - mark}, encoding))
        return;
    const char *at = memmem(draft.at, draft.len, "Length=\"", 8);
    if (at == NULL)
        return;
    const size_t begin = (size_t)(at - draft.at) + 8;
    (void)snprintf(number, sizeof number, "%zu", len);
    draft_replace(&draft, (struct range){begin, draft_find(&draft, begin, '"')}, span_of(number));
    part->len = mark + draft_write(&draft, encoding, (char *)part->at + mark, sizeof part->at - mark);
}

static inline void mutate_parts(struct part parts[MULTIPART_PARTS], unsigned *seed)
{
    struct part *part = &parts[draw(seed, MULTIPART_PARTS)];
    const bool compressed = part_inflate(&parts[1]);
    part->len = mutate_marked_text(part->at, part->len, sizeof part->at, seed);
    if (part == &parts[1] && draw(seed, 16) > 0)
        part_set_length(&parts[0], part->len);
    if (compressed && draw(seed, 16) > 0 && !part_deflate(&parts[1]))
        parts[1].len = 0;
}

/* What stands around the parts stays. */
static inline size_t join_parts(uint8_t *bytes, size_t size, size_t most, const struct span old[MULTIPART_PARTS],
                                const struct part parts[MULTIPART_PARTS])
{
    static uint8_t copy[8 * DRAFT_ROOM];
    const char *whole = (const char *)bytes;
    const struct span pieces[] = {
        {whole, (size_t)(old[0].at - whole)},
        {(const char *)parts[0].at, parts[0].len},
        {old[0].at + old[0].len, (size_t)(old[1].at - (old[0].at + old[0].len))},
        {(const char *)parts[1].at, parts[1].len},
        {old[1].at + old[1].len, (size_t)(whole + size - (old[1].at + old[1].len))},
    };
    size_t len = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; len += pieces[i].len, i++) {
        if (pieces[i].len > sizeof copy - len)
            return size;
        memcpy(copy + len, pieces[i].at, pieces[i].len);
    }
    if (len > most)
        return size;
    memcpy(bytes, copy, len);
    return len;
}

static inline size_t mutate_multipart(uint8_t *bytes, size_t size, size_t most, struct span boundary, unsigned *seed)
{
    static struct part parts[MULTIPART_PARTS];
    struct span found[MULTIPART_PARTS];
    struct error err;
    if (draw(seed, 4) == 0 || !multipart_split((struct span){(char *)bytes, size}, boundary, found, &err) ||
        !part_set(&parts[0], found[0]) || !part_set(&parts[1], found[1]))
        return LLVMFuzzerMutate(bytes, size, most);
    mutate_parts(parts, seed);
    return join_parts(bytes, size, most, found, parts);
}

#endif
