/* The decision hidden here: what has to be remembered of a file is in its name, which a rename changes all at once. */
#include "inbox_name.h"

#include <stdio.h>

enum { EXTENSION = 4 };

bool inbox_name_counts(const char *name)
{
    const size_t len = strlen(name);
    if (name[0] == '.' || len < EXTENSION)
        return false;
    const struct span end = {name + len - EXTENSION, EXTENSION};
    return span_equal_nocase(end, SPAN(".smx")) || span_equal_nocase(end, SPAN(".smw"));
}

static bool find_last(struct span text, char c, size_t *at)
{
    for (size_t i = text.len; i > 0; i--)
        if (text.at[i - 1] == c) {
            *at = i - 1;
            return true;
        }
    return false;
}

/* The number behind the last '-', which is taken off the text. Only as we write it: "01" is part of somebody's name. */
static bool take_number(struct span *text, uint64_t most, uint64_t *out)
{
    size_t dash;
    if (!find_last(*text, '-', &dash))
        return false;
    const struct span digits = {text->at + dash + 1, text->len - dash - 1};
    uint64_t value;
    if ((digits.len > 1 && digits.at[0] == '0') || !span_to_uint64(digits, &value) || value > most)
        return false;
    text->len = dash;
    *out = value;
    return true;
}

static bool is_mark(struct span text)
{
    return span_equal(text, SPAN(".retry"));
}

/* "-TRIES" or "-TRIES-QUEUE-DUE" behind the mark; "-0" alone we never write. */
static bool parse_mark(struct span mark, struct inbox_name *out)
{
    struct span rest = mark;
    uint64_t tries;
    uint64_t queue = 0;
    uint64_t due = 0;
    const bool waits = take_number(&rest, INT64_MAX, &due) && take_number(&rest, INBOX_MOST_QUEUES - 1, &queue);
    if (!waits)
        rest = mark;
    if (!take_number(&rest, UINT_MAX, &tries) || !is_mark(rest) || (tries == 0 && !waits))
        return false;
    out->tries = (unsigned)tries;
    out->waits = waits;
    out->queue = waits ? (unsigned)queue : 0;
    out->due = waits ? (int64_t)due : 0;
    return true;
}

void inbox_name_parse(const char *text, struct inbox_name *out)
{
    const size_t stem = strlen(text) - EXTENSION;
    size_t dot;
    *out = (struct inbox_name){.stem = {text, stem}, .extension = {text + stem, EXTENSION}};
    if (find_last(out->stem, '.', &dot) && parse_mark((struct span){text + dot, stem - dot}, out))
        out->stem.len = dot;
}

void inbox_name_write(const struct inbox_name *name, unsigned number, size_t most, char out[NAME_MAX + 1])
{
    char counted[16] = "";
    char mark[64] = "";
    if (number > 0)
        (void)snprintf(counted, sizeof counted, ".%u", number);
    if (name->waits)
        (void)snprintf(mark, sizeof mark, ".retry-%u-%u-%lld", name->tries, name->queue, (long long)name->due);
    else if (name->tries > 0)
        (void)snprintf(mark, sizeof mark, ".retry-%u", name->tries);
    const size_t room = most - strlen(counted) - strlen(mark) - name->extension.len;
    const size_t len = name->stem.len < room ? name->stem.len : room;
    (void)snprintf(out, NAME_MAX + 1, "%.*s%s%s%.*s", (int)len, name->stem.at, counted, mark, (int)name->extension.len,
                   name->extension.at);
}
