/* smx simulate: a fleet of clients that report to a management point. */
#include "base/sys.h"
#include "show.h"
#include "simulation.h"
#include "verbs.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define DAY ((int64_t)24 * 3600 * 1000000)

enum { MOST_CLIENTS = 10000000 };

struct options {
    uint64_t clients;
    uint64_t rate;
    uint64_t gaps;
    uint64_t floods;
    uint64_t bad;
    uint64_t seed;
    uint64_t rounds;
    uint64_t reports;               /* 0: by rounds */
    uint64_t patience;
    const char *to;
    const char *left_out;
    bool plain;
    bool answers;
    bool help;
};

static int show_usage(FILE *out, int status)
{
    (void)fputs("Usage: smx simulate --to URL [OPTION...]\n"
                "Sends the reports of a fleet of clients, the same ones for the same seed.\n"
                "  --clients N          1 to 10000000 (100)\n"
                "  --rounds N           how often each client reports (10)\n"
                "  --reports N          in place of --rounds: how many reports in all\n"
                "  --rate R             reports a second; 0: as fast as it goes (0)\n"
                "  --gaps P             percent of the messages get lost: 0 to 90 (0)\n"
                "  --floods F           so many clients send 100 times as much (0)\n"
                "  --bad B              percent of the reports are sent broken first (0)\n"
                "  --seed S             of all random numbers (1)\n"
                "  --plain              without an envelope\n"
                "  --patience SECONDS   with a server that takes nothing (60)\n"
                "  --left-out FILE      write what must be missing in the end: client, first, last\n"
                "  --answer-resyncs     answer resync requests as the fleet of an earlier call with the same options\n",
                out);
    return status;
}

/* ---- options ---- */

static const struct {
    const char *name;
    size_t field;
    uint64_t least;
    uint64_t most;
} numbers[] = {
    {"clients", offsetof(struct options, clients), 1, MOST_CLIENTS},
    {"rounds", offsetof(struct options, rounds), 0, 1000000},
    {"reports", offsetof(struct options, reports), 1, 1000000000},
    {"rate", offsetof(struct options, rate), 0, 1000000},
    {"gaps", offsetof(struct options, gaps), 0, FLEET_MOST_GAPS},
    {"floods", offsetof(struct options, floods), 0, MOST_CLIENTS},
    {"bad", offsetof(struct options, bad), 0, 100},
    {"seed", offsetof(struct options, seed), 0, UINT64_MAX},
    {"patience", offsetof(struct options, patience), 0, 86400},
};

enum { NUMBERS = sizeof numbers / sizeof numbers[0], TO = NUMBERS, LEFT_OUT, PLAIN, ANSWERS, HELP };

static bool read_number(struct options *options, int row, const char *text)
{
    uint64_t value;
    if (!span_to_uint64(span_of(text), &value) || value < numbers[row].least || value > numbers[row].most) {
        show_error("simulate: --%s is a number from %" PRIu64 " to %" PRIu64, numbers[row].name, numbers[row].least,
                   numbers[row].most);
        return false;
    }
    memcpy((char *)options + numbers[row].field, &value, sizeof value);
    return true;
}

static bool take_option(struct options *options, int option)
{
    if (option < NUMBERS)
        return read_number(options, option, optarg);
    if (option == TO)
        options->to = optarg;
    else if (option == LEFT_OUT)
        options->left_out = optarg;
    else if (option == PLAIN)
        options->plain = true;
    else if (option == ANSWERS)
        options->answers = true;
    else
        options->help = true;
    return true;
}

static bool check_options(const struct options *options, bool words_left)
{
    const char *wrong = NULL;
    if (options->to == NULL)
        wrong = "--to says where the reports go";
    else if (options->floods > options->clients)
        wrong = "--floods are some of the --clients";
    else if (words_left)
        wrong = "only options are known here";
    if (wrong != NULL)
        show_error("simulate: %s", wrong);
    return wrong == NULL;
}

static bool read_options(int argc, char **argv, struct options *out)
{
    struct option options[HELP + 2] = {[TO] = {"to", required_argument, NULL, TO},
                                       [LEFT_OUT] = {"left-out", required_argument, NULL, LEFT_OUT},
                                       [PLAIN] = {"plain", no_argument, NULL, PLAIN},
                                       [ANSWERS] = {"answer-resyncs", no_argument, NULL, ANSWERS},
                                       [HELP] = {"help", no_argument, NULL, HELP}};
    for (int i = 0; i < NUMBERS; i++)
        options[i] = (struct option){numbers[i].name, required_argument, NULL, i};
    optind = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == '?') {
            show_error("simulate: unknown option, or one without its value");
            return false;
        }
        if (!take_option(out, option))
            return false;
    }
    return out->help || check_options(out, optind < argc);
}

/* ---- what was left out ---- */

struct list {
    FILE *file;
    char id[48];
};

static void write_range(void *owner, const struct fleet_range *range)
{
    const struct list *list = owner;
    (void)fprintf(list->file, "%s %" PRIu64 " %" PRIu64 "\n", list->id + sizeof "GUID:" - 1, range->first, range->last);
}

static bool write_ranges(const struct simulation *simulation, const uint32_t *counts, const char *path,
                         struct error *err)
{
    struct fleet_life life;
    struct list list = {.file = fopen(path, "w")};
    const struct fleet_listener listener = {write_range, &list};
    if (list.file == NULL)
        return error_os(err, "cannot write '%s'", path);
    for (uint32_t i = 0; i < simulation->fleet.clients; i++) {
        fleet_write_id(&simulation->fleet, i, list.id);
        fleet_relive(&simulation->fleet, i, counts[i], &listener, &life);
    }
    const bool written = fflush(list.file) == 0 && !ferror(list.file);
    const int error = errno;
    (void)fclose(list.file);
    errno = error;
    return written || error_os(err, "cannot write '%s'", path);
}

static bool write_left_out(const struct simulation *simulation, const char *path, struct error *err)
{
    uint32_t *counts = sys.allocate(simulation->fleet.clients * sizeof *counts);
    if (counts == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for %" PRIu32 " clients", simulation->fleet.clients);
    simulation_count(&simulation->fleet, simulation->reports, counts);
    const bool written = write_ranges(simulation, counts, path, err);
    sys.release(counts);
    return written;
}

/* ---- the command ---- */

static void show_sums(const struct simulation *simulation, const struct simulation_sums *sums)
{
    const double seconds = (double)sums->time / 1000000;
    if (simulation->answers)
        (void)printf("%" PRIu64 " clients asked, %" PRIu64 " answered with %" PRIu64 " messages", sums->asked,
                     sums->sent, sums->messages);
    else
        (void)printf("%" PRIu64 " reports sent, %" PRIu64 " messages; broken ones: %" PRIu64 " refused, %" PRIu64
                     " taken",
                     sums->sent, sums->messages, sums->broken_refused, sums->broken_taken);
    (void)printf("; %" PRIu64 " tried again; %.1f s, %.0f reports/s\n", sums->again, seconds,
                 seconds > 0 ? (double)sums->sent / seconds : 0);
}

static int status_of(const struct error *err)
{
    return err->kind == ERROR_MALFORMED ? EX_DATAERR : err->kind == ERROR_BUSY ? EX_UNAVAILABLE : EX_OSERR;
}

static int run(const struct simulation *simulation, const char *left_out)
{
    struct simulation_sums sums;
    struct error err;
    const bool ran = simulation_run(simulation, &sums, &err);
    show_sums(simulation, &sums);
    if (ran && (left_out == NULL || write_left_out(simulation, left_out, &err)))
        return EX_OK;
    show_error("simulate: %s", err.text);
    return status_of(&err);
}

/* Midnight of the day before, so that a later call of the same day finds the same times; and none lies ahead. */
static int64_t choose_start(void)
{
    const int64_t now = sys_now();
    return now - now % DAY - DAY;
}

int verb_simulate(int argc, char **argv)
{
    struct options options = {.clients = 100, .seed = 1, .rounds = 10, .patience = 60};
    struct error err;
    if (!read_options(argc, argv, &options))
        return show_usage(stderr, EX_USAGE);
    if (options.help)
        return show_usage(stdout, EX_OK);
    struct simulation simulation = {
        .fleet = {.seed = options.seed,
                  .clients = (uint32_t)options.clients,
                  .floods = (uint32_t)options.floods,
                  .gaps = (unsigned)options.gaps,
                  .bad = (unsigned)options.bad,
                  .start = choose_start()},
        .rate = options.rate,
        .patience = (int64_t)options.patience * 1000000,
        .answers = options.answers,
        .progress = isatty(STDERR_FILENO) == 1,
    };
    simulation.reports = options.reports > 0 ? options.reports : options.rounds * fleet_round(&simulation.fleet);
    if (!post_init(&simulation.post, options.to, options.plain, &err)) {
        show_error("simulate: --to: %s", err.text);
        return show_usage(stderr, EX_USAGE);
    }
    return run(&simulation, options.left_out);
}
