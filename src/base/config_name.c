/* The decision hidden here: how far a name may be from a known one to be taken for a slip of the fingers. */
#include "config_parts.h"

const struct config_switch config_switches[] = {
    {"config", "FILE", CONFIG_RUN, "Read the settings from FILE, which must exist."},
    {"help", NULL, CONFIG_HELP, "Show this help."},
    {"version", NULL, CONFIG_VERSION, "Show the version."},
    {"print-config", NULL, CONFIG_PRINT, "Show each setting's value and where it comes from."},
    {"check-config", NULL, CONFIG_CHECK, "Find out whether the program would start, and end."},
    {"example-config", NULL, CONFIG_EXAMPLE, "Show a commented sample of the settings file."},
};
const size_t config_switch_count = sizeof config_switches / sizeof config_switches[0];

const struct config_row *config_find_row(const struct config_table *table, struct span name)
{
    for (size_t i = 0; i < table->count; i++)
        if (span_equal(span_of(table->rows[i].name), name))
            return &table->rows[i];
    return NULL;
}

const struct config_switch *config_find_switch(struct span name)
{
    for (size_t i = 0; i < config_switch_count; i++)
        if (span_equal(span_of(config_switches[i].name), name))
            return &config_switches[i];
    return NULL;
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's: how many letters must be added, left out or changed. One row of his matrix is enough. */
static size_t distance(struct span a, struct span b)
{
    size_t row[CONFIG_LONGEST_NAME + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            const size_t changed = diagonal + (a.at[i] == b.at[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = least_of(changed, least_of(row[j], diagonal) + 1);
        }
    }
    return row[b.len];
}

struct guess {
    const char *name;
    size_t distance;
};

static void compare_name(struct guess *best, struct span given, const char *name)
{
    const struct span known = span_of(name);
    if (known.len > CONFIG_LONGEST_NAME)
        return;
    const size_t far = distance(given, known);
    if (far < best->distance)
        *best = (struct guess){name, far};
}

const char *config_nearest(const struct config_table *table, bool with_switches, struct span name)
{
    if (name.len > CONFIG_LONGEST_NAME)
        return NULL;
    /* One slip, and another one in each four letters. */
    struct guess best = {NULL, least_of(name.len, 2 + name.len / 4)};
    for (size_t i = 0; i < table->count; i++)
        compare_name(&best, name, table->rows[i].name);
    for (size_t i = 0; with_switches && i < config_switch_count; i++)
        compare_name(&best, name, config_switches[i].name);
    return best.name;
}

const char *config_show(struct span text, size_t most, char *out)
{
    size_t len = text.len;
    if (len > most) {
        len = most;
        while (len > 0 && (text.at[len] & 0xC0) == 0x80)
            len--;                       /* not into the middle of a character */
    }
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)text.at[i] < ' ' || text.at[i] == 0x7F ? '?' : text.at[i];
    memcpy(out + len, "...", 4);
    if (len == text.len)
        out[len] = '\0';
    return out;
}
