/*
 * The command line that the verbs about a site have in common: where the site is, and the form of what is shown.
 *
 * Calling sequence: COMMAND_OPTIONS in the verb's options; command_init; command_next until it is -1: it takes our
 * options and gives the verb its own; then command_end, and only if that says COMMAND_RUN go on. Statuses are those of
 * sysexits(3).
 */
#ifndef SMX_COMMAND_H
#define SMX_COMMAND_H

#include "place.h"
#include "table.h"

#include "db/db.h"

#include <getopt.h>

enum { COMMAND_RUN = -1, COMMAND_LOCK_TIMEOUT_MS = 5000 };
#define COMMAND_MOST_ROWS 1000000000000

/* Their values are below those of any letter. */
enum command_option { COMMAND_CONFIG = 1, COMMAND_ROOT, COMMAND_DATABASE, COMMAND_JSON, COMMAND_CSV, COMMAND_LIMIT };

#define COMMAND_OPTIONS                                                                                                \
    {"config", required_argument, NULL, COMMAND_CONFIG}, {"root", required_argument, NULL, COMMAND_ROOT},              \
        {"database", required_argument, NULL, COMMAND_DATABASE}, {"json", no_argument, NULL, COMMAND_JSON},            \
        {"csv", no_argument, NULL, COMMAND_CSV}, {"limit", required_argument, NULL, COMMAND_LIMIT},                    \
        {"help", no_argument, NULL, 'h'},                                                                              \
    {                                                                                                                  \
        0                                                                                                              \
    }

extern const char command_help[]; /* of these options */

struct command {
    const char *usage; /* "Usage: ..." and what the verb does, whole lines */
    struct place_options places;
    enum table_form form;
    uint64_t limit; /* rows; 0: all */
    bool limited;   /* it was given */
    bool help;
    bool wrong;
};

/* `limit` is that without --limit. */
void command_init(struct command *command, const char *usage, uint64_t limit);
/* An option of the verb's own, or -1 at the end. What is wrong is kept for command_end. */
int command_next(struct command *command, int argc, char **argv, const struct option *options);
/* COMMAND_RUN, or the status to return: after --help, or after saying what is wrong, which is told with the usage. */
int command_end(const struct command *command);
/* The usage, because of something that the verb itself found wrong (NULL: plain). EX_USAGE. */
int command_misuse(const struct command *command, const char *why);

/* " LIMIT n", one more than are shown, so that it is known whether there are more; "" for all. Returns room. */
enum { COMMAND_LIMIT_SIZE = 40 };
const char *command_limit(const struct command *command, char room[COMMAND_LIMIT_SIZE]);

/* Says what is wrong; the status by its kind. */
int command_fail(const struct error *err);

/* The site's database, for reading. EX_OK, or a status after saying why not. */
int command_open(const struct command *command, struct db **out);
int command_find(const struct command *command, struct place *out);
/* No memory: says so. */
struct table *command_table(const struct command *command);

#endif
