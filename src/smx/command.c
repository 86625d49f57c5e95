/* The decision hidden here: one set of words and statuses for all verbs that look into a site. */
#include "command.h"

#include "show.h"

#include <string.h>
#include <sysexits.h>

const char command_help[] =
    "  --json, --csv        one object a line; comma separated values\n"
    "  --limit N            show N rows at most; 0: all of them\n"
    "  --database DATABASE  a file of SQLite, or postgresql://USER@HOST/NAME\n"
    "  --root DIRECTORY     the root of relay and state system\n"
    "  --config FILE        settings of the state system that say where all this is, if not /etc/statesys.conf\n";

void command_init(struct command *command, const char *usage, uint64_t limit)
{
    *command = (struct command){.usage = usage, .limit = limit};
    optind = 0; /* another verb may have used getopt before */
    opterr = 0;
}

/* False: it is not one of ours. */
static bool take(struct command *command, int option)
{
    switch (option) {
    case COMMAND_CONFIG:
        command->places.config = optarg;
        return true;
    case COMMAND_ROOT:
        command->places.root = optarg;
        return true;
    case COMMAND_DATABASE:
        command->places.database = optarg;
        return true;
    case COMMAND_JSON:
        command->form = TABLE_JSON;
        return true;
    case COMMAND_CSV:
        command->form = TABLE_CSV;
        return true;
    case COMMAND_LIMIT:
        command->limited = true;
        command->wrong = command->wrong || !span_to_uint64(span_of(optarg), &command->limit) ||
                         command->limit > COMMAND_MOST_ROWS;
        return true;
    case 'h':
        command->help = true;
        return true;
    case '?':
        command->wrong = true;
        return true;
    default:
        return false;
    }
}

int command_next(struct command *command, int argc, char **argv, const struct option *options)
{
    int option;
    do
        option = getopt_long(argc, argv, "h", options, NULL);
    while (option != -1 && take(command, option));
    return option;
}

static int show_usage(const struct command *command, FILE *out, int status)
{
    (void)fputs(command->usage, out);
    (void)fputs(command_help, out);
    return status;
}

int command_end(const struct command *command)
{
    if (command->help)
        return show_usage(command, stdout, EX_OK);
    return command->wrong ? show_usage(command, stderr, EX_USAGE) : COMMAND_RUN;
}

int command_misuse(const struct command *command, const char *why)
{
    if (why != NULL)
        show_error("%s", why);
    return show_usage(command, stderr, EX_USAGE);
}

const char *command_limit(const struct command *command, char room[COMMAND_LIMIT_SIZE])
{
    room[0] = '\0';
    if (command->limit > 0)
        (void)snprintf(room, COMMAND_LIMIT_SIZE, " LIMIT %llu", (unsigned long long)command->limit + 1);
    return room;
}

int command_fail(const struct error *err)
{
    show_error("%s", err->text);
    switch (err->kind) {
    case ERROR_NO_MEMORY:
        return EX_OSERR;
    case ERROR_BUSY:
        return EX_TEMPFAIL;
    case ERROR_NOT_FOUND:
        return EX_NOINPUT;
    default:
        return EX_DATAERR;
    }
}

int command_find(const struct command *command, struct place *out)
{
    struct error err;
    if (place_find(&command->places, out, &err))
        return EX_OK;
    show_error("%s", err.text);
    return err.kind == ERROR_NO_MEMORY ? EX_OSERR : EX_CONFIG;
}

int command_open(const struct command *command, struct db **out)
{
    struct place place;
    struct error err;
    const int found = command_find(command, &place);
    if (found != EX_OK)
        return found;
    if (db_open_reading(place.database, COMMAND_LOCK_TIMEOUT_MS, out, &err))
        return EX_OK;
    show_error("%s", err.text);
    return strstr(place.database, "://") == NULL ? EX_NOINPUT : EX_UNAVAILABLE;
}

struct table *command_table(const struct command *command)
{
    struct table *table = table_open(stdout, command->form);
    if (table == NULL)
        show_error("no memory");
    return table;
}
