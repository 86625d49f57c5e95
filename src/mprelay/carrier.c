/* The decision hidden here: a file that is no report is moved too, once it is old enough not to be half written: it is
 * the state system that puts such files aside, with the reason, where people look. */
#include "carrier.h"

#include "base/log.h"
#include "base/sys.h"
#include "report/report.h"
#include "report/smx.h"
#include "spool/deliver.h"
#include "spool/mover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define SECOND ((int64_t)1000000)

/* A writer of another make may write under the final name (smx.md 3). */
static const int64_t half_written = 60 * SECOND;

enum { QUEUES = 3, MOST_COMPLAINTS = 256 };

struct source {
    struct carrier *carrier;
    enum smx_queue queue;
    struct mover *mover;
    bool more;
};

struct carrier {
    const struct settings *settings;
    const struct carrier_paths *paths;
    struct xml_reader *reader;
    bool (*goes_on)(void *owner);
    void *owner;
    struct source sources[QUEUES];
    char complaints[MOST_COMPLAINTS][240];      /* about files: the same again is not worth a line, */
    size_t complaint_count;
    uint64_t untold;                    /* nor each of those beyond, of which so many are in this run, */
    uint64_t told;                      /* and so many were in the last that was told of */
    uint64_t moved;
    uint64_t failed;
};

static const enum smx_queue in_order[QUEUES] = {SMX_HIGH, SMX_NORMAL, SMX_LOW};

/* ---- paths ---- */

static bool write_three(char out[3][DAEMON_PATH_SIZE], const char *chosen, const char *root, struct error *err)
{
    return daemon_choose_path(out[SMX_NORMAL], chosen, root, "/inboxes/auth/statesys.box/incoming", err) &&
           daemon_path(out[SMX_HIGH], out[SMX_NORMAL], "/high", err) &&
           daemon_path(out[SMX_LOW], out[SMX_NORMAL], "/low", err);
}

bool carrier_write_paths(const struct settings *settings, struct carrier_paths *out, struct error *err)
{
    return write_three(out->from, settings->outbox, settings->root, err) &&
           write_three(out->to, settings->inbox, settings->root, err);
}

/* By what they are, for a path may lead anywhere. What is not there is no other either. */
static bool check_apart(const struct carrier_paths *paths, struct error *err)
{
    struct stat from, to;
    for (int i = 0; i < QUEUES; i++)
        for (int k = 0; k < QUEUES; k++)
            if (sys.fstatat(AT_FDCWD, paths->from[i], &from, 0) == 0 &&
                sys.fstatat(AT_FDCWD, paths->to[k], &to, 0) == 0 && from.st_dev == to.st_dev &&
                from.st_ino == to.st_ino)
                return error_set(err, ERROR_MALFORMED, "outbox and inbox must be apart: '%.80s' is '%.80s'",
                                 paths->from[i], paths->to[k]);
    return true;
}

static bool check_there(const char *what, const char *path, struct error *err)
{
    struct stat status;
    return sys.fstatat(AT_FDCWD, path, &status, 0) == 0 || error_os(err, "cannot find the %s '%s'", what, path);
}

/* Nothing is made: what is missing there may be on a disk that is not mounted, and files would go below its mount point. */
static bool check_queue(const char *path, struct error *err)
{
    struct stat status;
    return sys.fstatat(AT_FDCWD, path, &status, 0) == 0 ||
           error_os(err, "cannot find the inbox's '%s' (the state system makes it; is its disk mounted?)", path);
}

static bool check_rights(const struct carrier_paths *paths, struct error *err)
{
    int i = 0;
    while (i < QUEUES && mover_check(paths->from[i], err) && mover_check(paths->to[i], err))
        i++;
    return i == QUEUES;
}

bool carrier_check(const struct carrier_paths *paths, struct error *err)
{
    return check_there("outbox", paths->from[SMX_NORMAL], err) && check_there("inbox", paths->to[SMX_NORMAL], err) &&
           check_apart(paths, err) && check_queue(paths->to[SMX_HIGH], err) && check_queue(paths->to[SMX_LOW], err) &&
           check_rights(paths, err);
}

/* ---- where a file goes ---- */

/* What a relay of these settings takes at most, as UTF-16 (the state system's max-file). */
static size_t most_file(const struct settings *settings)
{
    const uint64_t most = settings->max_inflated > settings->max_request ? settings->max_inflated
                                                                         : settings->max_request;
    return 2 * most + 1024UL * 1024;
}

static size_t arena_ceiling(const struct settings *settings)
{
    return 4 * most_file(settings);
}

static bool read_priority(const struct carrier *carrier, struct span content, struct arena *arena, int *out,
                          struct error *err)
{
    const struct settings *settings = carrier->settings;
    const struct report_limits limits = {{.depth = (unsigned)settings->xml_depth, .tag_bytes = settings->max_tag},
                                         REPORT_MOST_MESSAGES};
    enum text_encoding encoding;
    struct report report;
    struct span text;
    if (!smx_text(content, &text, &encoding, err) ||
        !report_parse(text, encoding, &limits, carrier->reader, arena, &report, err))
        return false;
    *out = report.priority;
    return true;
}

/* A time that lies ahead says nothing. */
static bool is_half(const struct error *err, int64_t age)
{
    return err->kind == ERROR_NO_MEMORY || err->kind == ERROR_BUSY || (age < half_written && age >= -half_written);
}

static unsigned judge(void *owner, struct span content, int64_t age)
{
    const struct source *source = owner;
    const struct settings *settings = source->carrier->settings;
    struct arena *arena = arena_open(arena_ceiling(settings), NULL);
    int priority = REPORT_PRIORITY_DEFAULT;
    struct error err;
    bool stays = arena == NULL;
    if (!stays && !read_priority(source->carrier, content, arena, &priority, &err))
        stays = is_half(&err, age);
    arena_close(arena);
    if (stays)
        return MOVER_STAYS;
    return source->queue == SMX_LOW
               ? SMX_LOW
               : smx_queue(priority, (int)settings->priority_high_max, (int)settings->priority_low_min);
}

/* ---- the log, in the words of SMS_MP_FILE_DISPATCH_MANAGER (logs.md 7) ---- */

enum { SHOWN_SIZE = 1024 };

static const char *show(const struct carrier *carrier, const char *directory, char out[SHOWN_SIZE])
{
    const bool windows = carrier->settings->log_windows_paths;
    (void)snprintf(out, SHOWN_SIZE, "%.1000s%c", directory, windows ? '\\' : '/');
    for (char *at = out; windows && *at != '\0'; at++)
        if (*at == '/')
            *at = '\\';
    return out;
}

static void log_moving(void *owner, unsigned to, size_t count)
{
    const struct source *source = owner;
    const struct carrier *carrier = source->carrier;
    char from[SHOWN_SIZE], into[SHOWN_SIZE];
    log_info("~Moving %zu *.SMX file(s) from %s to %s.", count,
             show(carrier, carrier->paths->from[source->queue], from), show(carrier, carrier->paths->to[to], into));
}

static void log_moved(void *owner, unsigned to, const char *name, const char *as)
{
    const struct source *source = owner;
    struct carrier *carrier = source->carrier;
    char from[SHOWN_SIZE], into[SHOWN_SIZE];
    log_info("Moved file %s%s to %s%s", show(carrier, carrier->paths->from[source->queue], from), name,
             show(carrier, carrier->paths->to[to], into), as);
    carrier->moved++;
}

static bool is_known(const struct carrier *carrier, const char *complaint)
{
    size_t i = 0;
    while (i < carrier->complaint_count && strcmp(carrier->complaints[i], complaint) != 0)
        i++;
    return i < carrier->complaint_count;
}

static void log_failed(void *owner, const char *name, const struct error *err)
{
    struct carrier *carrier = ((struct source *)owner)->carrier;
    carrier->failed++;
    if (is_known(carrier, err->text))
        return;
    if (carrier->complaint_count == MOST_COMPLAINTS) {
        carrier->untold++;
        return;
    }
    log_error("Dispatch: '%.200s' cannot be moved, it stays: %s%s", name, err->text,
              err->kind == ERROR_TOO_BIG ? "; raise max-inflated" : "");
    (void)snprintf(carrier->complaints[carrier->complaint_count++], sizeof carrier->complaints[0], "%s", err->text);
}

/* When none fails any more, what fails later is worth a line again. */
static void end_complaints(struct carrier *carrier)
{
    if (carrier->untold > 0 && carrier->untold != carrier->told)
        log_error("Dispatch: %llu other files cannot be moved either, they stay", (unsigned long long)carrier->untold);
    carrier->told = carrier->untold;
    if (carrier->failed == 0)
        carrier->complaint_count = 0;
}

static bool may_go_on(void *owner)
{
    const struct carrier *carrier = ((const struct source *)owner)->carrier;
    return carrier->goes_on(carrier->owner);
}

/* ---- running ---- */

/* The outbox of another make has one directory only. */
static bool is_absent(const struct source *source)
{
    struct stat status;
    return source->queue != SMX_NORMAL &&
           sys.fstatat(AT_FDCWD, source->carrier->paths->from[source->queue], &status, 0) != 0 && errno == ENOENT;
}

/* High files that come meanwhile do not wait for all others. */
static bool take_turns(struct carrier *carrier, struct error *err)
{
    bool more = true;
    while (more && carrier->goes_on(carrier->owner)) {
        more = false;
        for (int i = 0; i < QUEUES; i++) {
            struct source *source = &carrier->sources[in_order[i]];
            if (is_absent(source))
                continue;
            if (!mover_turn(source->mover, &source->more, err))
                return false;
            more |= source->more;
        }
    }
    return true;
}

bool carrier_run(struct carrier *carrier, uint64_t *moved, uint64_t *failed, struct error *err)
{
    carrier->moved = carrier->failed = carrier->untold = 0;
    const bool done = carrier_check(carrier->paths, err) && take_turns(carrier, err);
    *moved = carrier->moved;
    *failed = carrier->failed;
    if (done)
        end_complaints(carrier);
    return done;
}

/* ---- opening ---- */

static bool open_source(struct carrier *carrier, enum smx_queue queue, struct error *err)
{
    struct source *source = &carrier->sources[queue];
    *source = (struct source){.carrier = carrier, .queue = queue};
    struct mover_settings settings = {
        .from = carrier->paths->from[queue],
        .most_bytes = most_file(carrier->settings),
        .events = {judge, log_moving, log_moved, log_failed, may_go_on, source},
    };
    for (int i = 0; i < QUEUES; i++)
        settings.to[i] = carrier->paths->to[i];
    return mover_open(&settings, &source->mover, err);
}

/* Leftovers of one that was killed; where a directory is not there yet, there are none. */
static void sweep(const struct carrier_paths *paths)
{
    struct error ignored;
    for (int i = 0; i < QUEUES; i++) {
        (void)!deliver_sweep(paths->from[i], sys_now(), &ignored);
        (void)!deliver_sweep(paths->to[i], sys_now(), &ignored);
    }
}

bool carrier_open(const struct settings *settings, const struct carrier_paths *paths, bool (*goes_on)(void *owner),
                  void *owner, struct carrier **out, struct error *err)
{
    struct carrier *carrier = sys.allocate(sizeof *carrier);
    if (carrier == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the dispatch");
    *carrier = (struct carrier){.settings = settings, .paths = paths, .goes_on = goes_on, .owner = owner};
    bool opened = xml_open(&carrier->reader, err);
    for (int i = 0; i < QUEUES && opened; i++)
        opened = open_source(carrier, (enum smx_queue)i, err);
    if (!opened) {
        carrier_close(carrier);
        return false;
    }
    sweep(paths);
    *out = carrier;
    return true;
}

void carrier_close(struct carrier *carrier)
{
    if (carrier == NULL)
        return;
    for (int i = 0; i < QUEUES; i++)
        mover_close(carrier->sources[i].mover);
    xml_close(carrier->reader);
    sys.release(carrier);
}
