/* smx status and smx top: the same look at both daemons, twice for the rates, or again and again. */
#include "base/sys.h"
#include "health_show.h"
#include "place.h"
#include "show.h"
#include "verbs.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { NOT_HEALTHY = 1, MOST_SECONDS = 3600 };

struct options {
    struct place_options where;
    const char *url;
    const char *relay;
    const char *relay_pages;
    bool json;
    bool batch;
    uint64_t count;                 /* of looks that are shown; 0: without end */
    uint64_t seconds;               /* between two looks */
    bool help;
};

/* ---- options ---- */

static int show_usage(FILE *out, int status)
{
    (void)fputs("Usage: smx status [--json] [WHERE...]\n"
                "       smx top [-b] [-n COUNT] [-d SECONDS] [WHERE...]\n"
                "Shows how mprelay and statesys are: once, with status 1 if all is not well, or again and again.\n"
                "  -b             a line for each look, for files\n"
                "  -n COUNT       so many looks\n"
                "  -d SECONDS     between two looks (2; status: 1)\n"
                "WHERE:\n"
                "  --config FILE  settings of statesys (/etc/statesys.conf)\n"
                "  --root DIR     in place of the one that stands there\n"
                "  --url URL      of statesys's pages (its admin-listen)\n"
                "  --relay URL    where mprelay takes reports (its pages say; else http://127.0.0.1:8080)\n"
                "  --relay-admin URL  of mprelay's pages (http://127.0.0.1:8081); empty: it has none\n",
                out);
    return status;
}

static bool read_number(uint64_t least, uint64_t most, uint64_t *out)
{
    return span_to_uint64(span_of(optarg), out) && *out >= least && *out <= most;
}

static bool take_option(struct options *options, int option)
{
    switch (option) {
    case 'c':
        options->where.config = optarg;
        return true;
    case 'r':
        options->where.root = optarg;
        return true;
    case 'u':
        options->url = optarg;
        return true;
    case 'l':
        options->relay = optarg;
        return true;
    case 'a':
        options->relay_pages = optarg;
        return true;
    case 'j':
        options->json = true;
        return true;
    case 'b':
        options->batch = true;
        return true;
    case 'n':
        return read_number(1, UINT32_MAX, &options->count);
    case 'd':
        return read_number(1, MOST_SECONDS, &options->seconds);
    case 'h':
        options->help = true;
        return true;
    default:
        return false;
    }
}

static bool read_options(int argc, char **argv, const char *letters, struct options *out)
{
    static const struct option words[] = {{"config", required_argument, NULL, 'c'},
                                          {"root", required_argument, NULL, 'r'},
                                          {"url", required_argument, NULL, 'u'},
                                          {"relay", required_argument, NULL, 'l'},
                                          {"relay-admin", required_argument, NULL, 'a'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    optind = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, letters, words, NULL)) != -1;)
        if (!take_option(out, option))
            return false;
    return optind == argc;
}

/* ---- looking ---- */

struct view {
    struct place place;
    char log[DAEMON_PATH_SIZE];
    struct health_sources sources;
};

static bool find_sources(const struct options *options, struct view *out, struct error *err)
{
    if (!place_find(&options->where, &out->place, err) || !daemon_path(out->log, out->place.logs, "/MP_Relay.log", err))
        return false;
    out->sources = (struct health_sources){
        .statesys = options->url == NULL ? out->place.admin : options->url,
        .relay = options->relay == NULL ? "http://127.0.0.1:8080" : options->relay,
        .relay_guessed = options->relay == NULL,
        .relay_pages = options->relay_pages == NULL ? "http://127.0.0.1:8081" : options->relay_pages,
        .relay_log = out->log,
    };
    return true;
}

static void pause_for(uint64_t seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds};
    while (nanosleep(&left, &left) != 0)
        ;
}

/* A later look, in place of the one before. */
static bool look_again(const struct view *view, uint64_t seconds, struct health *before, struct health *now,
                       struct error *err)
{
    struct health next;
    pause_for(seconds);
    if (!health_read(&view->sources, &next, err))
        return false;
    health_fini(before);
    *before = *now;
    *now = next;
    return true;
}

static int tell(const struct error *err)
{
    show_error("%s", err->text);
    return err->kind == ERROR_MALFORMED ? EX_USAGE : EX_OSERR;
}

/* ---- top ---- */

static void show_line(const struct health *before, const struct health *now, uint64_t row)
{
    char time[SHOW_TIME_SIZE];
    if (row % 20 == 0)
        (void)printf("%-23s  %12s  %12s  %s\n", "time", "messages/min", "files/min", "state");
    (void)printf("%-23s  %12.0f  %12.0f  ", show_local_time(now->time, time), health_messages_rate(before, now),
                 health_files_rate(before, now));
    if (now->reasons.len == 0)
        (void)fputs("healthy", stdout);
    show_text(stdout, buffer_span(&now->reasons), "; ");
    (void)fputc('\n', stdout);
}

static void show_screen(const struct health *before, const struct health *now)
{
    char time[SHOW_TIME_SIZE];
    (void)printf("\033[H\033[2Jsmx top    %s, Ctrl-C ends\n\n", show_local_time(now->time, time));
    health_show(stdout, before, now);
}

static bool watch(const struct options *options, const struct view *view, struct error *err)
{
    struct health before;
    struct health now;
    bool good = health_read(&view->sources, &now, err);
    if (!good)
        return false;
    before = (struct health){.time = now.time};
    for (uint64_t row = 0; good && (options->count == 0 || row < options->count); row++) {
        good = look_again(view, options->seconds, &before, &now, err);
        if (good && options->batch)
            show_line(&before, &now, row);
        else if (good)
            show_screen(&before, &now);
        if (good && fflush(stdout) != 0)
            good = error_os(err, "the output cannot be written");
    }
    health_fini(&before);
    health_fini(&now);
    return good;
}

/* ---- the commands ---- */

int verb_top(int argc, char **argv)
{
    struct options options = {.seconds = 2};
    struct view view;
    struct error err;
    if (!read_options(argc, argv, "bn:d:h", &options) || options.json)
        return show_usage(stderr, EX_USAGE);
    if (options.help)
        return show_usage(stdout, EX_OK);
    options.batch = options.batch || !isatty(STDOUT_FILENO);
    return find_sources(&options, &view, &err) && watch(&options, &view, &err) ? EX_OK : tell(&err);
}

static int show_status(const struct options *options, const struct view *view)
{
    struct health before;
    struct health now;
    struct error err;
    if (!health_read(&view->sources, &now, &err))
        return tell(&err);
    before = (struct health){.time = now.time};
    const bool looked = look_again(view, options->seconds, &before, &now, &err);
    if (looked && options->json)
        health_show_json(stdout, &before, &now);
    else if (looked)
        health_show(stdout, &before, &now);
    const bool healthy = now.reasons.len == 0;
    health_fini(&before);
    health_fini(&now);
    return !looked ? tell(&err) : healthy ? EX_OK : NOT_HEALTHY;
}

int verb_status(int argc, char **argv)
{
    struct options options = {.seconds = 1};
    struct view view;
    struct error err;
    if (!read_options(argc, argv, "d:h", &options))
        return show_usage(stderr, EX_USAGE);
    if (options.help)
        return show_usage(stdout, EX_OK);
    return find_sources(&options, &view, &err) ? show_status(&options, &view) : tell(&err);
}
