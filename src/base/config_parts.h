/*
 * What the four files of config share: config.c joins the places that settings come from, config_value.c knows what a
 * value may look like, config_name.c finds names, config_print.c shows it all. For them only.
 */
#ifndef BASE_CONFIG_PARTS_H
#define BASE_CONFIG_PARTS_H

#include "base/config.h"
#include "base/mem.h"

enum {
    CONFIG_LONGEST_NAME = 64,
    CONFIG_LONGEST_VALUE = 4096,
    /* What --print-config writes must read back: a value with its name and the comment behind it. */
    CONFIG_LONGEST_LINE = 8192,
    /* Text that is shown, in an error or a comment: so much of it, "..." and a NUL. */
    CONFIG_SHOWN_VALUE = 48,
    CONFIG_SHOWN_FILE = 96,
};

/* From the weakest to the strongest. */
enum config_place { CONFIG_NOWHERE, CONFIG_BY_DEFAULT, CONFIG_BY_FILE, CONFIG_BY_COMMAND_LINE };

/* What is known of a row's present value; config->entries has one for each row, in the table's order. */
struct config_entry {
    enum config_place place;
    unsigned line;               /* in the file */
    const char *text;            /* as it was written; of a list, its items joined by ", " */
    const char *shown;           /* the same without passwords */
    unsigned *lines;             /* of a list: of each item */
};

struct config {
    const struct config_table *table;
    int argc;
    char **argv;
    struct arena *arena;         /* holds this struct too */
    const char *file;            /* the one that is read, or NULL */
    bool file_must_exist;
    enum config_wish wish;
    struct config_entry *entries;
    void *values;
};

/* A value as it was given, with all that an error about it has to say. */
struct config_input {
    const struct config_row *row;
    enum config_place place;
    const char *file;
    unsigned line;
    struct span text;
};

/* The options that are no settings. */
struct config_switch {
    const char *name;
    const char *value;           /* what it takes, or NULL */
    enum config_wish wish;
    const char *help;
};

extern const struct config_switch config_switches[];
extern const size_t config_switch_count;

/* ---- config_name.c ---- */

const struct config_row *config_find_row(const struct config_table *table, struct span name);   /* NULL: none */
const struct config_switch *config_find_switch(struct span name);
/* The name that was probably meant, or NULL. Switches count only on the command line. */
const char *config_nearest(const struct config_table *table, bool with_switches, struct span name);
/* Copies `text` to `out`, cut to `most` bytes and without control characters. `out` has room for most + 4. */
const char *config_show(struct span text, size_t most, char *out);

/* ---- config_value.c ---- */

/* Parses the input into the row's field; a list is added to. */
bool config_value_read(const struct config_input *input, struct arena *arena, struct config_entry *entry, void *field,
                       struct error *err) MUST_CHECK;
/* Fills err with where the input stands, what it is, and what is wrong with it. Returns false. */
bool config_value_refuse(const struct config_input *input, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool config_no_memory(struct error *err);

#endif
