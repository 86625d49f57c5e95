/* mprelay: settings, start, wait for a signal, stop gently. */
#include "base/daemon.h"
#include "base/log.h"
#include "base/sys.h"
#include "condition.h"
#include "http.h"
#include "relay.h"
#include "settings.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { MOST_RELOADS = 1000, LARGE_BLOCK = 128 * 1024 };

/* All that lives as long as the program. */
struct program {
    struct config *config;              /* in force */
    struct config *old[MOST_RELOADS];   /* requests may hold on to them */
    size_t old_count;
    char outboxes[3][DAEMON_PATH_SIZE];         /* by enum smx_queue */
    char logs[DAEMON_PATH_SIZE];
    char log[DAEMON_PATH_SIZE];
    char journal[DAEMON_PATH_SIZE];
    struct counters counters;
    struct relay relay;
    struct http *http;
    struct condition *condition;
    bool logging;
    bool started;
};

static const struct settings *settings_of(const struct program *program)
{
    return config_values(program->config);
}

/* ---- starting ---- */

static bool write_paths(struct program *program, struct error *err)
{
    const struct settings *settings = settings_of(program);
    char(*outboxes)[DAEMON_PATH_SIZE] = program->outboxes;
    for (int i = 0; i < 3; i++)
        program->relay.outboxes[i] = outboxes[i];
    return daemon_choose_path(outboxes[SMX_NORMAL], settings->outbox, settings->root,
                              "/inboxes/auth/statesys.box/incoming", err) &&
           daemon_path(outboxes[SMX_HIGH], outboxes[SMX_NORMAL], "/high", err) &&
           daemon_path(outboxes[SMX_LOW], outboxes[SMX_NORMAL], "/low", err) &&
           daemon_choose_path(program->logs, settings->log_dir, settings->root, "/logs", err) &&
           daemon_path(program->log, program->logs, "/MP_Relay.log", err) &&
           daemon_choose_path(program->journal, settings->journal_dir, settings->root, "/journal", err);
}

static struct log_settings log_settings(const struct program *program)
{
    const struct settings *settings = settings_of(program);
    return (struct log_settings){
        .path = program->log,
        .component = "MP_RelayEndpoint",
        .format = (enum log_format)settings->log_format,
        .level = (enum log_level)settings->log_level,
        .local_time = settings->log_time == LOG_TIME_LOCAL,
        .max_size = settings->log_max_size,
        .max_history = (unsigned)settings->log_max_history,
    };
}

static bool open_log(struct program *program, struct error *err)
{
    const struct log_settings settings = log_settings(program);
    if (!sys_make_directory(program->logs, err))
        return false;
    program->logging = log_open(&settings, err);
    return program->logging;
}

/* From a thread of the spool. */
static void log_trouble(const struct error *err)
{
    if (err != NULL)
        log_error("Relay: reports wait in the journal, their files cannot be made now, tried again each second: %s",
                  err->text);
    else
        log_info("Relay: the files of all reports in the journal are being made again");
}

static bool open_spool(struct program *program, struct error *err)
{
    const struct settings *settings = settings_of(program);
    const struct spool_settings spool = {
        .queues = {program->outboxes[SMX_NORMAL], program->outboxes[SMX_HIGH], program->outboxes[SMX_LOW]},
        .queue_count = 3,
        .prefix = settings->unverified_prefix == NULL ? "" : settings->unverified_prefix,
        .extension = ".smx",
        .sync = (enum spool_sync)settings->sync_method,
        .min_free = settings->min_free,
        .max_files = settings->max_inbox_files,
        .journal_directory = program->journal,
        .journal_size = settings->journal_size,
        .trouble = log_trouble,
        .batch_time = &program->counters.commit_time,
        .batch_size = &program->counters.batch_reports,
    };
    counters_init(&program->counters);
    program->relay.counters = &program->counters;
    if (!spool_open(&spool, &program->relay.spool, err))
        return false;
    const struct error *complaint = spool_complaint(program->relay.spool);
    if (complaint != NULL) {
        log_warning("Relay: working without a journal, and so slower: %s", complaint->text);
        (void)fprintf(stderr, "mprelay: working without a journal, and so slower: %s\n", complaint->text);
    }
    return true;
}

/* A descriptor for each connection and for each file of the batches in hand, and some. */
static bool raise_limits(const struct program *program, struct error *err)
{
    enum { OTHERS = 2048 };
    const uint64_t wanted = settings_of(program)->max_connections + OTHERS;
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
                         (unsigned long long)settings_of(program)->max_connections, (unsigned long long)wanted,
                         (unsigned long long)limit.rlim_max);
    return true;
}

/* Everything that can be wrong shows here; --check-config ends after it. */
static bool prepare(struct program *program, struct error *err)
{
    return raise_limits(program, err) && write_paths(program, err) && open_log(program, err) &&
           open_spool(program, err) && http_open(&program->relay, settings_of(program), &program->http, err) &&
           condition_open(&program->relay, settings_of(program), &program->condition, err);
}

/* ---- running ---- */

static void log_change(void *owner, const struct config_row *row, const char *before, const char *after)
{
    (void)owner;
    if (row->when == ON_RELOAD)
        log_info("Relay: setting %s changed from '%s' to '%s'", row->name, before, after);
    else
        log_warning("Relay: setting %s is now '%s' in the file; it stays '%s' until the relay is started anew",
                    row->name, after, before);
}

static void refuse_settings(struct program *program, const struct error *err)
{
    log_error("Relay: settings not reloaded, the old ones stay: %s", err->text);
    condition_note_reload(program->condition, NULL);
}

/* A bad file changes nothing. The old settings stay in memory, because requests in hand may still use them. */
static void reload(struct program *program)
{
    struct config *fresh;
    struct error err;
    log_reopen();
    if (program->old_count == MOST_RELOADS) {
        log_error("Relay: settings were reloaded %d times; start the relay anew for the next change", MOST_RELOADS);
        return;
    }
    if (!config_reload(program->config, &fresh, &err)) {
        refuse_settings(program, &err);
        return;
    }
    if (!http_reload(program->http, config_values(fresh), &err)) {
        refuse_settings(program, &err);
        config_close(fresh);
        return;
    }
    config_compare(program->config, fresh, log_change, NULL);
    program->old[program->old_count++] = program->config;
    program->config = fresh;
    const struct log_settings settings = log_settings(program);
    log_set(&settings);
    condition_note_reload(program->condition, settings_of(program));
    log_info("Relay: settings reloaded");
}

static void say_ready(const struct program *program)
{
    const struct settings *settings = settings_of(program);
    for (size_t i = 0; i < settings->listen.count; i++) {
        log_info("Relay: taking reports on %s", settings->listen.at[i]);
        (void)fprintf(stderr, "mprelay: ready on %s, keeping reports in %s\n", settings->listen.at[i],
                      program->outboxes[SMX_NORMAL]);
    }
}

static bool run(struct program *program, const sigset_t *signals, struct error *err)
{
    if (!http_start(program->http, err))
        return false;
    program->started = true;
    condition_enter(program->condition, PHASE_RUNNING);
    say_ready(program);
    for (;;) {
        int signal_number;
        if (sigwait(signals, &signal_number) != 0)
            continue;                   /* interrupted */
        if (signal_number != SIGHUP)
            break;
        reload(program);
    }
    condition_enter(program->condition, PHASE_STOPPING);
    log_info("Relay: stopping");
    return true;
}

static void close_program(struct program *program)
{
    http_stop(program->http);
    condition_close(program->condition);
    spool_close(program->relay.spool);
    if (program->started)
        log_info("Relay: stopped");
    if (program->logging)
        log_close();
    for (size_t i = 0; i < program->old_count; i++)
        config_close(program->old[i]);
    config_close(program->config);
}

int main(int argc, char **argv)
{
    static struct program program;
    struct error err;
    sigset_t signals;
    (void)umask(0027);
    if (!config_open(&settings_table, argc, argv, &program.config, &err))
        return daemon_fail("mprelay", &err);
    const enum config_wish wish = config_wish(program.config);
    if (wish != CONFIG_RUN && wish != CONFIG_CHECK) {
        config_answer(program.config, stdout);
        config_close(program.config);
        return daemon_end_output();
    }
    /* Left alone, the C library keeps ever larger blocks for itself after a few large reports.
     * NOLINTNEXTLINE(concurrency-mt-unsafe): there are no threads yet */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    daemon_block_signals(&signals);
    xml_init();
    const bool good = prepare(&program, &err) && (wish == CONFIG_CHECK || run(&program, &signals, &err));
    close_program(&program);
    if (!good)
        return daemon_fail("mprelay", &err);
    if (wish == CONFIG_CHECK)
        (void)printf("mprelay: the settings are good\n");
    return daemon_end_output();
}
