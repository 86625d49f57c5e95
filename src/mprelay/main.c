/* mprelay: settings, start, wait for a signal, stop gently. */
#include "base/daemon.h"
#include "base/log.h"
#include "base/sys.h"
#include "condition.h"
#include "confine.h"
#include "dispatch.h"
#include "generation.h"
#include "handover.h"
#include "life.h"
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000)

enum { MOST_RELOADS = 1000, LARGE_BLOCK = 128 * 1024 };

/* Beyond what the drain takes at most; and what is longer than any thread's turn. */
#define STOP_GRACE (10 * SECOND)
#define HANGS (300 * SECOND)
#define TAKE_PATIENCE (10 * SECOND)

/* A generation of before a reload, until all that it has in hand is answered. */
struct retired {
    struct retired *before;
    struct generation *generation;
    pthread_t thread;
};

/* All that lives as long as the program. */
struct program {
    struct config *config;              /* in force */
    struct config *old[MOST_RELOADS];   /* requests may hold on to them */
    size_t old_count;
    char logs[DAEMON_PATH_SIZE];
    char log[DAEMON_PATH_SIZE];
    struct counters counters;
    struct registrar registrar;
    struct throttle fsp_throttle;
    struct relay common;                /* what all generations share */
    struct sandbox sandbox;
    struct handover_sockets given;      /* by the relay whose place we take */
    struct handover *handover;          /* to the one that takes ours */
    struct error handover_complaint;    /* why nobody can */
    struct listener *listener;
    struct generation *generation;
    struct condition *condition;
    struct retired *retired;
    bool logging;
    bool started;
};

static const struct settings *settings_of(const struct program *program)
{
    return config_values(program->config);
}

/* ---- starting ---- */

static bool write_log_paths(const struct settings *settings, char logs[DAEMON_PATH_SIZE], char log[DAEMON_PATH_SIZE],
                            struct error *err)
{
    return daemon_choose_path(logs, settings->log_dir, settings->root, "/logs", err) &&
           daemon_path(log, logs, "/MP_Relay.log", err);
}

static struct log_settings log_settings(const struct program *program)
{
    const struct settings *settings = settings_of(program);
    return (struct log_settings){
        .path = program->log,
        .component = "MP_RelayEndpoint",
        .format = (enum log_format)settings->log_format,
        .level = config_wish(program->config) == CONFIG_CHECK ? LOG_LEVEL_NONE : (enum log_level)settings->log_level,
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

/* Who only checks takes nobody's place, and is followed by nobody. */
static bool open_addresses(struct program *program, bool only_checks, struct error *err)
{
    const struct settings *settings = settings_of(program);
    struct handover_sockets *given = &program->given;
    given->connection = -1;
    if (!only_checks && settings->take_over && !handover_take(settings->root, TAKE_PATIENCE, given, err))
        return false;
    return listener_open(&settings->listen, given, &program->listener, err);
}

/* Everything that can be wrong shows here; --check-config ends after it. Files are limited before there are threads. */
static bool prepare(struct program *program, bool only_checks, struct error *err)
{
    const struct settings *settings = settings_of(program);
    counters_init(&program->counters);
    registrar_init(&program->registrar);
    throttle_init(&program->fsp_throttle);
    program->common = (struct relay){
        .counters = &program->counters, .registrar = &program->registrar, .fsp_throttle = &program->fsp_throttle};
    return daemon_check_user(settings->root, err) && signature_init(err) &&
           write_log_paths(settings, program->logs, program->log, err) && open_addresses(program, only_checks, err) &&
           (!settings->sandbox ||
            confine_files(settings, program->logs, config_file(program->config), &program->sandbox, err)) &&
           open_log(program, err) && keyring_prepare(settings, err) &&
           repeats_open(REPEATS_MOST, &program->common.repeats, err) &&
           generation_open(settings, &program->common, &program->generation, err) &&
           condition_open(&program->generation->relay, settings, &program->given, &program->condition, err);
}

/* ---- reloading ---- */

static void note_renewal(void *owner, const struct config_row *row, const char *before, const char *after)
{
    (void)before, (void)after;
    *(bool *)owner |= row->when == RENEWED;
}

static void log_change(void *owner, const struct config_row *row, const char *before, const char *after)
{
    (void)owner;
    if (row->when == AT_START)
        log_warning("Relay: setting %s is now '%s' in the file; it stays '%s' until the relay is started anew",
                    row->name, after, before);
    else
        log_info("Relay: setting %s changed from '%s' to '%s'", row->name, before, after);
}

static void *retire(void *argument)
{
    struct retired *retired = argument;
    generation_close(retired->generation);
    log_info("Relay: all that came under the old settings is answered");
    return NULL;
}

/* Without a thread for the old generation it is closed here, and signals wait. */
static void put_off(struct program *program, struct retired *retired)
{
    retired->generation = program->generation;
    if (pthread_create(&retired->thread, NULL, retire, retired) == 0) {
        retired->before = program->retired;
        program->retired = retired;
        return;
    }
    (void)retire(retired);
    sys.release(retired);
}

/* The old generation takes no socket any more when the new one takes the first. */
static bool renew(struct program *program, const struct settings *settings, struct error *err)
{
    struct generation *fresh = NULL;
    struct retired *retired = sys.allocate(sizeof *retired);
    if (retired == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the new settings");
    if (!generation_open(settings, &program->common, &fresh, err) || !generation_start(fresh, err)) {
        generation_close(fresh);
        sys.release(retired);
        return false;
    }
    listener_turn(program->listener, fresh->http);
    condition_turn(program->condition, &fresh->relay);
    put_off(program, retired);
    program->generation = fresh;
    return true;
}

/* Is it within reach, for what opens it later? What is not there yet may come. */
static bool check_reach(const char *directory, struct error *err)
{
    const int fd = directory == NULL ? -1 : sys.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd >= 0)
        (void)sys.close(fd);            /* only tried */
    return directory == NULL || fd >= 0 || errno != EACCES || error_os(err, "cannot open '%s'", directory);
}

static bool try_log(const char *logs, const char *log, struct error *err)
{
    if (!sys_make_directory(logs, err))
        return false;
    const int fd = sys.openat(AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0)
        return error_os(err, "cannot open the log '%s'", log);
    (void)sys.close(fd);                /* only tried */
    return true;
}

/* The root stays: paths below it are those of the start. */
static bool take_settings(struct program *program, struct config *fresh, struct error *err)
{
    struct settings *settings = (struct settings *)(uintptr_t)config_values(fresh);
    char logs[DAEMON_PATH_SIZE];
    char log[DAEMON_PATH_SIZE];
    bool renewed = false;
    settings->root = settings_of(program)->root;
    config_compare(program->config, fresh, note_renewal, &renewed);
    if (!write_log_paths(settings, logs, log, err) || (strcmp(log, program->log) != 0 && !try_log(logs, log, err)) ||
        !check_reach(settings->resync_dir, err) || !keyring_prepare(settings, err))
        return false;
    if (!(renewed ? renew(program, settings, err) : generation_reload(program->generation, settings, err)))
        return false;
    memcpy(program->logs, logs, sizeof logs);
    memcpy(program->log, log, sizeof log);
    return true;
}

static bool read_settings(struct program *program, struct config **out, struct error *err)
{
    if (program->old_count == MOST_RELOADS)
        return error_set(err, ERROR_BUSY, "they were reloaded %d times: start the relay anew", MOST_RELOADS);
    if (!config_reload(program->config, out, err))
        return false;
    if (take_settings(program, *out, err))
        return true;
    config_close(*out);
    return false;
}

/* A bad file changes nothing. The old settings stay in memory, because requests in hand may still use them. */
static void reload(struct program *program)
{
    struct config *fresh;
    struct error err;
    log_reopen();
    if (!read_settings(program, &fresh, &err)) {
        const bool shut_out = err.os == EACCES && program->sandbox.files > 0;
        log_error("Relay: settings not reloaded, the old ones stay: %s%s", err.text,
                  shut_out ? " (with sandbox = yes only what lay below its directories at the start is in reach)" : "");
        condition_note_reload(program->condition, NULL);
        life_say_reloaded(err.text);
        return;
    }
    config_compare(program->config, fresh, log_change, NULL);
    program->old[program->old_count++] = program->config;
    program->config = fresh;
    const struct log_settings settings = log_settings(program);
    log_set(&settings);
    log_move(&settings);
    condition_note_reload(program->condition, settings_of(program));
    log_info("Relay: settings reloaded");
    life_say_reloaded(NULL);
}

/* ---- running ---- */

static void limit_calls(struct program *program)
{
    char text[SANDBOX_TEXT_SIZE];
    if (!settings_of(program)->sandbox) {
        log_info("Relay: sandbox: off");
        return;
    }
    sandbox_limit_calls(&program->sandbox);
    sandbox_describe(&program->sandbox, text);
    if (program->sandbox.files > 0 && program->sandbox.calls > 0)
        log_info("Relay: sandbox: %s", text);
    else
        log_warning("Relay: sandbox: %s", text);
}

/* From the thread of the handover. */
static void note_given(void *owner)
{
    const struct program *program = owner;
    listener_give_up(program->listener);
    condition_give_up(program->condition);
    log_info("Relay: another relay has taken this one's place");
    (void)kill(getpid(), SIGTERM);      /* as a service manager would */
}

/* Not a reason not to start: whoever was here before is left at this moment. */
static void start_handover(struct program *program)
{
    static struct handover_sockets sockets;
    struct error *complaint = &program->handover_complaint;
    listener_write_sockets(program->listener, &sockets);
    condition_write_socket(program->condition, &sockets);
    if (program->handover != NULL && handover_start(program->handover, &sockets, note_given, program, complaint))
        return;
    log_info("Relay: no other relay can take this one's place: %s", complaint->text);
    handover_close(program->handover);
    program->handover = NULL;
}

static void say_ready(const struct program *program)
{
    const char *outbox = program->generation->outboxes[SMX_NORMAL];
    size_t count = 0;
    for (const char *name; (name = listener_name(program->listener, count)) != NULL; count++) {
        log_info("Relay: taking reports on %s", name);
        (void)fprintf(stderr, "mprelay: ready on %s, keeping reports in %s\n", name, outbox);
    }
    life_say_ready(listener_name(program->listener, 0), count, outbox);
}

/* Sockets are made until here. */
static bool start(struct program *program, struct error *err)
{
    struct generation *generation = program->generation;
    if (!handover_open(settings_of(program)->root, &program->given, &program->handover, &program->handover_complaint))
        program->handover = NULL;
    limit_calls(program);
    if (!generation_start(generation, err) || !listener_start(program->listener, http_take, generation->http, err))
        return false;
    start_handover(program);
    program->started = true;
    condition_enter(program->condition, PHASE_RUNNING);
    say_ready(program);
    handover_finish(&program->given, true);
    return true;
}

static bool is_alive(const struct program *program)
{
    return sys_ticks() - listener_looked(program->listener) < HANGS && http_is_alive(program->generation->http);
}

/* 0: the time is up, or the call was interrupted. */
static int wait_for_signal(const sigset_t *signals, int64_t time)
{
    const struct timespec most = {.tv_sec = time / SECOND, .tv_nsec = time % SECOND * 1000};
    const int number = time > 0 ? sigtimedwait(signals, NULL, &most) : sigwaitinfo(signals, NULL);
    return number < 0 ? 0 : number;
}

static int64_t stop_bound(const struct program *program)
{
    return (int64_t)settings_of(program)->request_timeout + STOP_GRACE;
}

static bool run(struct program *program, const sigset_t *signals, struct error *err)
{
    const int64_t watchdog = daemon_watchdog_interval();
    int number = 0;
    if (!start(program, err))
        return false;
    while (number == 0 || number == SIGHUP) {
        number = wait_for_signal(signals, watchdog);
        if (number == SIGHUP) {
            life_say_reloading();
            life_begin_watch(stop_bound(program));
            reload(program);
            life_end_watch();
        }
        if (watchdog > 0 && is_alive(program))
            life_say_alive();
    }
    condition_enter(program->condition, PHASE_STOPPING);
    life_say_stopping(http_count_connections(program->generation->http));
    life_bound_stop(stop_bound(program));
    log_info("Relay: stopping");
    return true;
}

static void close_retired(struct retired *retired)
{
    while (retired != NULL) {
        struct retired *before = retired->before;
        (void)pthread_join(retired->thread, NULL);
        sys.release(retired);
        retired = before;
    }
}

/* Another thread ends the process: it has taken too long. */
static void wait_for_end(void)
{
    const struct timespec moment = {.tv_sec = 1};
    for (;;)
        (void)nanosleep(&moment, NULL);
}

static void close_program(struct program *program)
{
    handover_finish(&program->given, false);
    handover_close(program->handover);
    listener_close(program->listener);
    generation_stop(program->generation);
    condition_close(program->condition);
    generation_close(program->generation);
    close_retired(program->retired);
    repeats_close(program->common.repeats);
    if (!life_may_end())
        wait_for_end();
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
    if (settings_of(&program)->dispatch) {
        const int status = dispatch_main(program.config, wish == CONFIG_CHECK);
        config_close(program.config);
        return status;
    }
    /* Left alone, the C library keeps ever larger blocks for itself after a few large reports.
     * NOLINTNEXTLINE(concurrency-mt-unsafe): there are no threads yet */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    daemon_block_signals(&signals);
    xml_init();
    const bool good = prepare(&program, wish == CONFIG_CHECK, &err) &&
                      (wish == CONFIG_CHECK || run(&program, &signals, &err));
    close_program(&program);
    if (!good)
        return daemon_fail("mprelay", &err);
    if (wish == CONFIG_CHECK)
        (void)printf("mprelay: the settings are good\n");
    return daemon_end_output();
}
