/* smx: the command line. One table of verbs. */
#include "report/xml.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
};

static const struct verb verbs[] = {
    {"inspect", verb_inspect, "inspect [--xml | --json] FILE...   show what is in a request, a body or an .smx file"},
    {"send", verb_send,
     "send FILE... --to URL [--sign KEY | --plain] [--count N]   post reports to a management point"},
    {"log", verb_log, "log [-f] [--json] FILE   read a log as CMTrace would"},
    {"query", verb_query, "query [FILTER...] [--view NAME] [--sql TEXT] [--json | --csv]   ask the database"},
    {"client", verb_client, "client NAME|GUID [--json]   what is known of a client"},
    {"gaps", verb_gaps, "gaps [--json | --csv]   which messages are missing"},
    {"resync", verb_resync, "resync --list | CLIENT...   who needs a resync; ask for one"},
    {"name", verb_name, "name TOPIC [STATE]   what a number means"},
    {"trace", verb_trace, "trace CLIENT:SERIAL   where a message is, and how it came there"},
    {"spool", verb_spool, "spool ls | requeue NAME...   what lies in the inbox; put files back"},
    {"status", verb_status, "status [--json]   whether mprelay and statesys are well, and their figures"},
    {"top", verb_top, "top [-b] [-n COUNT] [-d SECONDS]   the same again and again"},
    {"key", verb_key,
     "key list | show CLIENT... | import CLIENT FILE | approve | reject CLIENT...   whom the relay believes"},
    {"simulate", verb_simulate, "simulate --to URL [--clients N] [--gaps P]...   be a fleet of clients"},
};

enum { VERBS = sizeof verbs / sizeof verbs[0] };

static int print_usage(FILE *out, int status)
{
    (void)fputs("usage:\n", out);
    for (int i = 0; i < VERBS; i++)
        (void)fprintf(out, "  smx %s\n", verbs[i].usage);
    (void)fputs("See smx(1).\n", out);
    return status;
}

static int print_version(void)
{
    (void)printf("smx %s\n", VERSION);
    return EX_OK;
}

static int run(int argc, char **argv)
{
    if (argc < 2)
        return print_usage(stderr, EX_USAGE);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return print_usage(stdout, EX_OK);
    if (strcmp(argv[1], "--version") == 0)
        return print_version();
    xml_init();
    for (int i = 0; i < VERBS; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    (void)fprintf(stderr, "smx: there is no verb '%s'\n", argv[1]);
    return print_usage(stderr, EX_USAGE);
}

/* Whatever was shown is worth its status only once it is written. */
int main(int argc, char **argv)
{
    const int status = run(argc, argv);
    const bool written = fflush(stdout) == 0 && !ferror(stdout);
    return written || status != EX_OK ? status : EX_IOERR;
}
