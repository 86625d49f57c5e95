/* The decision hidden here: an arena is a chain of blocks, each twice the last, counted against the ceiling. Behind each
 * allocation a byte at least is nobody's, so that AddressSanitizer sees who steps over its end. */
#include "base/mem.h"

#include "base/sys.h"

#include <limits.h>
#include <stdalign.h>
#include <stdatomic.h>

#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

enum { FIRST_BLOCK = 8 * 1024, LARGEST_BLOCK = 1024 * 1024 };

/* ---- spans ---- */

struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span span)
{
    while (span.len > 0 && is_blank(span.at[0])) {
        span.at++;
        span.len--;
    }
    while (span.len > 0 && is_blank(span.at[span.len - 1]))
        span.len--;
    return span;
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool span_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

int span_compare(struct span a, struct span b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len == 0 ? 0 : memcmp(a.at, b.at, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool span_to_uint64(struct span span, uint64_t *out)
{
    uint64_t value = 0;
    if (span.len == 0)
        return false;
    for (size_t i = 0; i < span.len; i++) {
        const char c = span.at[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

/* ---- arena ---- */

struct block {
    struct block *next;
    size_t room;
    size_t used;
    alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *blocks;       /* the newest first */
    struct budget *budget;
    size_t ceiling;
    size_t taken;               /* bytes asked of the system */
    enum error_kind refused;    /* why the last allocation failed */
};

/* `most` may be lowered below `used` meanwhile. Who is refused must not be in the way of others even for a moment. */
bool budget_take(struct budget *budget, size_t size)
{
    const size_t most = budget->most;
    size_t used = budget->used;
    do {
        if (used > most || size > most - used)
            return false;
    } while (!atomic_compare_exchange_weak(&budget->used, &used, used + size));
    return true;
}

void budget_give(struct budget *budget, size_t size)
{
    atomic_fetch_sub(&budget->used, size);
}

struct arena *arena_open(size_t ceiling_bytes, struct budget *budget)
{
    struct arena *arena = sys.allocate(sizeof *arena);
    if (arena != NULL)
        *arena = (struct arena){.ceiling = ceiling_bytes, .budget = budget};
    return arena;
}

static bool refuse(struct arena *arena, enum error_kind kind)
{
    arena->refused = kind;
    return false;
}

static bool add_block(struct arena *arena, size_t size)
{
    size_t room = arena->blocks == NULL ? FIRST_BLOCK : arena->blocks->room * 2;
    if (room > LARGEST_BLOCK)
        room = LARGEST_BLOCK;
    if (room > arena->ceiling - arena->taken)
        room = arena->ceiling - arena->taken;
    if (room < size)
        room = size;
    if (room > arena->ceiling - arena->taken)
        return refuse(arena, ERROR_TOO_BIG);
    if (arena->budget != NULL && !budget_take(arena->budget, room))
        return refuse(arena, ERROR_BUSY);
    struct block *block = sys.allocate(sizeof *block + room);
    if (block == NULL) {
        if (arena->budget != NULL)
            budget_give(arena->budget, room);
        return refuse(arena, ERROR_NO_MEMORY);
    }
    block->next = arena->blocks;
    block->room = room;
    block->used = 0;
    ASAN_POISON_MEMORY_REGION(block->bytes, room);
    arena->blocks = block;
    arena->taken += room;
    return true;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t step = alignof(max_align_t);
    if (size > SIZE_MAX - sizeof(struct block) - step) {
        (void)refuse(arena, ERROR_TOO_BIG);
        return NULL;
    }
    const size_t taken = (size / step + 1) * step;
    if ((arena->blocks == NULL || arena->blocks->room - arena->blocks->used < taken) && !add_block(arena, taken))
        return NULL;
    struct block *block = arena->blocks;
    void *at = block->bytes + block->used;
    block->used += taken;
    ASAN_UNPOISON_MEMORY_REGION(at, size);
    return memset(at, 0, size);
}

bool arena_copy(struct arena *arena, struct span bytes, struct span *out)
{
    char *at = arena_alloc(arena, bytes.len);
    if (at == NULL)
        return false;
    if (bytes.len > 0)
        memcpy(at, bytes.at, bytes.len);
    *out = (struct span){at, bytes.len};
    return true;
}

bool arena_error(const struct arena *arena, const char *rule, struct error *err)
{
    if (arena->refused == ERROR_NO_MEMORY)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for the report");
    if (arena->refused == ERROR_BUSY)
        return error_set(err, ERROR_BUSY, "the reports in hand use up max-memory");
    return error_refuse(err, ERROR_TOO_BIG, rule, "the report wants more than %zu bytes of memory", arena->ceiling);
}

size_t arena_used(const struct arena *arena)
{
    return arena->taken;
}

void arena_close(struct arena *arena)
{
    if (arena == NULL)
        return;
    if (arena->budget != NULL)
        budget_give(arena->budget, arena->taken);
    for (struct block *block = arena->blocks; block != NULL;) {
        struct block *next = block->next;
        sys.release(block);
        block = next;
    }
    sys.release(arena);
}

/* ---- buffer ---- */

void buffer_init(struct buffer *buffer, size_t most_bytes)
{
    *buffer = (struct buffer){.most = most_bytes};
}

static bool set_room(struct buffer *buffer, size_t room, struct error *err)
{
    char *at = sys.reallocate(buffer->at, room);
    if (at == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused %zu bytes of memory", room);
    buffer->at = at;
    buffer->room = room;
    return true;
}

bool buffer_reserve(struct buffer *buffer, size_t size, struct error *err)
{
    if (size > buffer->most - buffer->len)
        return error_refuse(err, ERROR_TOO_BIG, "limit", "more than %zu bytes", buffer->most);
    return buffer->len + size <= buffer->room || set_room(buffer, buffer->len + size, err);
}

bool buffer_add(struct buffer *buffer, const void *bytes, size_t len, struct error *err)
{
    if (len == 0)
        return true;
    if (len > buffer->most - buffer->len)
        return error_refuse(err, ERROR_TOO_BIG, "limit", "more than %zu bytes", buffer->most);
    if (len > buffer->room - buffer->len) {
        size_t room = buffer->room < 4096 ? 4096 : buffer->room * 2;
        if (room < buffer->len + len)
            room = buffer->len + len;
        if (!set_room(buffer, room < buffer->most ? room : buffer->most, err))
            return false;
    }
    memcpy(buffer->at + buffer->len, bytes, len);
    buffer->len += len;
    return true;
}

struct span buffer_span(const struct buffer *buffer)
{
    return (struct span){buffer->at == NULL ? "" : buffer->at, buffer->len};
}

void buffer_fini(struct buffer *buffer)
{
    sys.release(buffer->at);
    *buffer = (struct buffer){.most = buffer->most};
}
