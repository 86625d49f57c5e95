/*
 * Any words as filters of smx query: each is refused with a sentence, or all of them become a condition in which nothing
 * of what was given stands but digits, quotes and brackets balance, and each parameter is asked for.
 */
#include "../../src/smx/filter.h"

#include "fuzz.h"

#include <stdio.h>

enum { MOST_MEMORY = 1024 * 1024, NOW_SECONDS = 1700000000 };

/* Brackets open and close, and every text in quotes is one of ours: empty, or a backslash. */
static void check_form(struct span sql)
{
    int depth = 0;
    for (size_t i = 0; i < sql.len; i++) {
        if (sql.at[i] == '\'') {
            const size_t len = sql.at[i + 1] == '\'' ? 1 : 2;
            require(i + len < sql.len && sql.at[i + len] == '\'' && (len == 1 || sql.at[i + 1] == '\\'));
            i += len;
        }
        depth += sql.at[i] == '(';
        depth -= sql.at[i] == ')';
        require(depth >= 0 && sql.at[i] != ';' && (unsigned char)sql.at[i] >= ' ' && (unsigned char)sql.at[i] < 0x7F);
    }
    require(depth == 0);
}

/* $1 and so on, each at least once and none beyond. */
static void check_parameters(const struct filter_sql *sql)
{
    bool asked[FILTER_MOST_PARAMETERS + 1] = {false};
    const struct span where = buffer_span(&sql->where);
    for (size_t i = 0; i < where.len; i++) {
        if (where.at[i] != '$')
            continue;
        size_t number = 0;
        for (i++; i < where.len && where.at[i] >= '0' && where.at[i] <= '9'; i++)
            number = number * 10 + (size_t)(where.at[i] - '0');
        require(number >= 1 && number <= sql->parameter_count);
        asked[number] = true;
    }
    for (size_t i = 1; i <= sql->parameter_count; i++)
        require(asked[i]);
}

static void check_sql(const struct filter *filters, size_t count, bool sqlite)
{
    struct filter_sql sql = {.parameter_count = 0};
    struct error err;
    struct arena *arena = arena_open(MOST_MEMORY, NULL);
    require(arena != NULL);
    buffer_init(&sql.where, MOST_MEMORY);
    if (filter_write(filters, count, sqlite, arena, &sql, &err)) {
        check_form(buffer_span(&sql.where));
        check_parameters(&sql);
    } else {
        require(err.kind == ERROR_TOO_BIG);
    }
    buffer_fini(&sql.where);
    arena_close(arena);
}

/* One word a line. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct filter filters[FILTER_MOST];
    size_t count = 0;
    char *text = malloc(size + 1);
    require(text != NULL);
    memcpy(text, bytes, size);
    text[size] = '\0';
    for (char *word = text; word < text + size && count < FILTER_MOST; word += strlen(word) + 1) {
        struct error err;
        word[strcspn(word, "\n")] = '\0';
        if (filter_parse(word, (int64_t)NOW_SECONDS * 1000000, &filters[count], &err))
            count++;
        else
            require(err.kind == ERROR_MALFORMED && err.text[0] != '\0');
    }
    check_sql(filters, count, true);
    check_sql(filters, count, false);
    free(text);
    return 0;
}
