/* The decision hidden here: the spool is opened first and closed last, since requests in hand are answered by it. */
#include "generation.h"

#include "base/log.h"
#include "base/sys.h"
#include "life.h"

#include <stdio.h>
#include <sys/resource.h>

bool generation_write_paths(struct generation *generation, const struct settings *settings, struct error *err)
{
    char(*outboxes)[DAEMON_PATH_SIZE] = generation->outboxes;
    return daemon_choose_path(outboxes[SMX_NORMAL], settings->outbox, settings->root,
                              "/inboxes/auth/statesys.box/incoming", err) &&
           daemon_path(outboxes[SMX_HIGH], outboxes[SMX_NORMAL], "/high", err) &&
           daemon_path(outboxes[SMX_LOW], outboxes[SMX_NORMAL], "/low", err) &&
           daemon_choose_path(generation->journal, settings->journal_dir, settings->root, "/journal", err);
}

/* ---- the spool ---- */

/* From a thread of the spool, as the next. */
static void tell_trouble(const struct error *err)
{
    if (err != NULL)
        log_error("Relay: reports wait in the journal, their files cannot be made now, tried again each second: %s",
                  err->text);
    else
        log_info("Relay: the files of all reports in the journal are being made again");
    life_say_trouble(err == NULL ? NULL : err->text);
}

static void tell_adoption(const struct error *err)
{
    if (err == NULL)
        log_info("Relay: working with the journal from now on; who had it before has ended");
    else
        log_warning("Relay: working without a journal, and so slower: %s", err->text);
}

static bool open_spool(struct generation *generation, const struct settings *settings, struct error *err)
{
    const struct spool_settings spool = {
        .queues = {generation->outboxes[SMX_NORMAL], generation->outboxes[SMX_HIGH], generation->outboxes[SMX_LOW]},
        .queue_count = 3,
        .prefix = settings->unverified_prefix == NULL ? "" : settings->unverified_prefix,
        .extension = ".smx",
        .sync = (enum spool_sync)settings->sync_method,
        .min_free = settings->min_free,
        .max_files = settings->max_inbox_files,
        .journal_directory = generation->journal,
        .journal_size = settings->journal_size,
        .trouble = tell_trouble,
        .adopted = tell_adoption,
        .batch_time = &generation->relay.counters->commit_time,
        .batch_size = &generation->relay.counters->batch_reports,
    };
    if (!spool_open(&spool, &generation->relay.spool, err))
        return false;
    const struct error *complaint = spool_complaint(generation->relay.spool);
    if (complaint != NULL) {
        log_warning("Relay: working without a journal, and so slower: %s", complaint->text);
        (void)fprintf(stderr, "mprelay: working without a journal, and so slower: %s\n", complaint->text);
    }
    return true;
}

/* A descriptor for each connection and for each file of the batches in hand, and some. */
static bool raise_limits(const struct settings *settings, struct error *err)
{
    enum { OTHERS = 2048 };
    const uint64_t wanted = settings->max_connections + OTHERS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return error_os(err, "cannot ask for the limit of open files");
    if (limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max < wanted || setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return error_set(err, ERROR_SYSTEM,
                         "max-connections = %llu needs %llu open files, the limit is %llu: raise it "
                         "(ulimit -n, LimitNOFILE=) or take fewer connections",
                         (unsigned long long)settings->max_connections, (unsigned long long)wanted,
                         (unsigned long long)limit.rlim_max);
    return true;
}

/* ---- opening and closing ---- */

bool generation_open(const struct settings *settings, const struct relay *common, struct generation **out,
                     struct error *err)
{
    struct generation *generation = sys.allocate(sizeof *generation);
    if (generation == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the relay");
    *generation = (struct generation){.relay = {.counters = common->counters,
                                                .repeats = common->repeats,
                                                .registrar = common->registrar,
                                                .fsp_throttle = common->fsp_throttle}};
    for (int i = 0; i < 3; i++)
        generation->relay.outboxes[i] = generation->outboxes[i];
    if (!raise_limits(settings, err) || !generation_write_paths(generation, settings, err) ||
        !open_spool(generation, settings, err) || !http_open(&generation->relay, settings, &generation->http, err)) {
        generation_close(generation);
        return false;
    }
    *out = generation;
    return true;
}

bool generation_start(struct generation *generation, struct error *err)
{
    return http_start(generation->http, err);
}

bool generation_reload(struct generation *generation, const struct settings *settings, struct error *err)
{
    return http_reload(generation->http, settings, err);
}

void generation_stop(struct generation *generation)
{
    if (generation == NULL)
        return;
    http_stop(generation->http);
    generation->http = NULL;
}

void generation_close(struct generation *generation)
{
    if (generation == NULL)
        return;
    generation_stop(generation);
    spool_close(generation->relay.spool);
    sys.release(generation);
}
