/*
 * Settings: one table, from which come the file's syntax, the command line, the bounds, --help, --print-config,
 * --example-config and the manual page.
 *
 * A program gives a table of rows and a struct; each row names a setting and the field that it fills. Defaults are
 * written as a user would write them and pass through the same parser. Later wins: default, file, command line; a
 * CONFIG_LIST given again replaces the earlier list where it comes from a stronger place and adds to it where it
 * comes from the same one. The file is `name = value`, one a line, `#` begins a comment at the start of a line or
 * after a blank. Unknown names, values out of bounds and names given twice are errors with file, line and, for names,
 * "did you mean". The command line is --name value or --name=value, --name alone for yes; single switches of its own:
 *   --config FILE   --help   --version   --print-config   --check-config   --example-config
 *
 * Field types by row type: CONFIG_TEXT and CONFIG_URL const char * (NULL where empty); CONFIG_LIST struct config_list;
 * CONFIG_NUMBER, CONFIG_SIZE, CONFIG_DURATION uint64_t (a number, bytes, microseconds); CONFIG_RATE struct config_rate,
 * of which each part has its own bounds; CONFIG_YES_NO bool;
 * CONFIG_CHOICE int (the index of the word in `least`, "a|b|c"; a word that ends in ":" as in "noreply|empty|file:"
 * takes the rest as text, which goes to the const char * right behind the int: use struct config_choice).
 * Sizes: 4096, 64K, 8M, 1G (1024s). Durations: 30s, 15m, 24h, 7d, 500ms. Rates: a number, '/' and a duration.
 *
 * A value holds no control characters, and no '#' where it would begin a comment, wherever it comes from: so what
 * --print-config writes can be read back, but for passwords. An empty value takes a text or a list away; other types
 * need one. Quantities end in one unit; only 0 needs none. A second --name for the same setting is an error, too,
 * unless it is a list.
 *
 * The values belong to the struct config and live until config_close; argv must live as long. Errors in what was given
 * are ERROR_MALFORMED with the sentence "FILE:LINE: ..." or "--name: ..."; a file that cannot be read is ERROR_SYSTEM,
 * refused memory ERROR_NO_MEMORY. Not for several threads at once. Source of the setting names: spec/.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum config_type {
    CONFIG_TEXT,
    CONFIG_URL,                  /* a text; if it is a URL, passwords in it are shown as *** wherever it is shown */
    CONFIG_LIST,
    CONFIG_NUMBER,
    CONFIG_SIZE,
    CONFIG_DURATION,
    CONFIG_RATE,                 /* so many in a time: 10000/3600s */
    CONFIG_YES_NO,
    CONFIG_CHOICE,
};

/* When a changed value takes effect. RENEWED: on reload too, but something has to be opened anew for it. */
enum config_when { AT_START, ON_RELOAD, RENEWED };

struct config_list {
    const char *const *at;
    size_t count;
};

struct config_rate {
    uint64_t count;
    uint64_t time;               /* microseconds */
};

struct config_choice {
    int word;
    const char *rest;            /* behind "word:", else NULL */
};

struct config_row {
    const char *name;
    enum config_type type;
    size_t field;                /* offsetof */
    const char *initial;         /* lists: comma separated; "" for none */
    const char *least;           /* least value, or the words of a choice */
    const char *most;
    enum config_when when;
    const char *help;            /* one sentence or more, ending in a full stop */
};

struct config_table {
    const char *program;
    const char *version;
    const char *summary;         /* one line for --help */
    const char *file;            /* read if it exists when no --config is given; NULL for none */
    const struct config_row *rows;
    size_t count;
    size_t values_size;          /* sizeof the struct that is filled */
    bool borrowed;               /* the file is another program's: names that are not in the table are skipped */
    /* What no row can say: pairs of settings that contradict. NULL for none. */
    bool (*check)(const void *values, struct error *err);
};

/* What the command line asks for. All but CONFIG_RUN and CONFIG_CHECK are answered by config_answer, then exit. */
enum config_wish {
    CONFIG_RUN,
    CONFIG_HELP,
    CONFIG_VERSION,
    CONFIG_PRINT,
    CONFIG_CHECK,                /* the program goes on to find out whether it would start */
    CONFIG_EXAMPLE,
};

struct config;

bool config_open(const struct config_table *table, int argc, char **argv, struct config **out,
                 struct error *err) MUST_CHECK;
/* Reads file and command line again into a new config; the old one stays until its owner closes it. */
bool config_reload(const struct config *config, struct config **out, struct error *err) MUST_CHECK;
/* The file that is read; NULL: none. */
const char *config_file(const struct config *config);
const void *config_values(const struct config *config);
enum config_wish config_wish(const struct config *config);
/* Writes --help, --version, --print-config (value and where it came from) or --example-config. */
void config_answer(const struct config *config, FILE *out);
/* Calls `each` for every row whose value differs, with both values as they are shown (for the log at a reload). */
void config_compare(const struct config *before, const struct config *after,
                    void (*each)(void *owner, const struct config_row *row, const char *before, const char *after),
                    void *owner);
void config_close(struct config *config);

#endif
