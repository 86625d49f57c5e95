/*
 * Bytes: seen (span), taken until a report is done (arena), gathered while they arrive (buffer).
 *
 * An arena has a ceiling, which is the defence against reports that want too much: what does not fit below it is
 * refused, not allocated. There is one arena for each report; closing it frees all that was taken from it, so
 * nothing inside it is ever freed singly. A buffer cannot be made without its maximum.
 * arena_alloc returns NULL at the ceiling, when the common budget is used up and when the system refuses memory;
 * arena_error says which it was (ERROR_TOO_BIG, ERROR_BUSY, ERROR_NO_MEMORY). An arena or buffer belongs to one thread
 * at a time. A span owns nothing.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *at;
    size_t len;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

struct span span_of(const char *text);                       /* up to its NUL */
struct span span_trim(struct span span);                     /* without blanks, tabs, CR and LF around it */
bool span_equal(struct span a, struct span b);
bool span_equal_nocase(struct span a, struct span b);        /* ASCII letters only */
int span_compare(struct span a, struct span b);              /* bytewise; the shorter first. Below 0, 0, above 0 */
/* Decimal digits only, at least one, nothing else. False also on overflow; out is then untouched. */
bool span_to_uint64(struct span span, uint64_t *out);

/* What many may take together: the defence against many reports that are each within their ceiling. Any thread. */
struct budget {
    _Atomic size_t most;
    _Atomic size_t used;
};
bool budget_take(struct budget *budget, size_t size) MUST_CHECK;
void budget_give(struct budget *budget, size_t size);

struct arena;
/* Also counted against `budget`, unless it is NULL. NULL: the system refused memory. */
struct arena *arena_open(size_t ceiling_bytes, struct budget *budget);
void *arena_alloc(struct arena *arena, size_t size);         /* zeroed, aligned for any type; NULL: see above */
bool arena_copy(struct arena *arena, struct span bytes, struct span *out) MUST_CHECK;
/* Why the last arena_alloc returned NULL; always returns false. `rule` is the word for error_refuse. */
bool arena_error(const struct arena *arena, const char *rule, struct error *err);
size_t arena_used(const struct arena *arena);
void arena_close(struct arena *arena);                       /* NULL is allowed */

struct buffer {
    char *at;
    size_t len;
    size_t room;
    size_t most;
};

void buffer_init(struct buffer *buffer, size_t most_bytes);
/* Makes room for `size` more bytes at once, as far as `most` allows: for a length known beforehand. */
bool buffer_reserve(struct buffer *buffer, size_t size, struct error *err) MUST_CHECK;
/* ERROR_TOO_BIG over `most`, ERROR_NO_MEMORY if the system refuses; the buffer is then as before. */
bool buffer_add(struct buffer *buffer, const void *bytes, size_t len, struct error *err) MUST_CHECK;
struct span buffer_span(const struct buffer *buffer);
void buffer_fini(struct buffer *buffer);

#endif
