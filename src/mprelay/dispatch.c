/* The decision hidden here: a disk of another machine tells nobody of its files, so they are looked for again and again;
 * and it may be away: then it is tried again, and said once. */
#include "dispatch.h"

#include "base/daemon.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/sys.h"
#include "carrier.h"
#include "report/xml.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#define SECOND ((int64_t)1000000)

struct dispatch {
    const struct settings *settings;
    struct carrier_paths paths;
    char logs[DAEMON_PATH_SIZE];
    char log[DAEMON_PATH_SIZE];
    struct carrier *carrier;
    sigset_t signals;
    bool only_checks;
    bool logging;
    bool stopping;
    char complaint[240];                /* why nothing could be moved the last time */
};

/* ---- opening ---- */

static bool write_paths(struct dispatch *dispatch, struct error *err)
{
    const struct settings *settings = dispatch->settings;
    return carrier_write_paths(settings, &dispatch->paths, err) &&
           daemon_choose_path(dispatch->logs, settings->log_dir, settings->root, "/logs", err) &&
           daemon_path(dispatch->log, dispatch->logs, "/mpfdm.log", err);
}

static bool open_log(struct dispatch *dispatch, struct error *err)
{
    const struct settings *settings = dispatch->settings;
    const struct log_settings log = {
        .path = dispatch->log,
        .component = "SMS_MP_FILE_DISPATCH_MANAGER",
        .format = (enum log_format)settings->log_format,
        .level = dispatch->only_checks ? LOG_LEVEL_NONE : (enum log_level)settings->log_level,
        .local_time = settings->log_time == LOG_TIME_LOCAL,
        .max_size = settings->log_max_size,
        .max_history = (unsigned)settings->log_max_history,
    };
    dispatch->logging = log_open(&log, err);
    return dispatch->logging;
}

/* Files before there are threads, calls when all is open. */
static void limit_files(const struct dispatch *dispatch, struct sandbox *sandbox)
{
    const struct carrier_paths *paths = &dispatch->paths;
    const struct sandbox_place places[] = {
        {dispatch->logs, SANDBOX_WRITE}, {paths->from[0], SANDBOX_WRITE}, {paths->to[0], SANDBOX_WRITE}};
    sandbox_limit_files(sandbox, places, sizeof places / sizeof places[0]);
}

static void limit_calls(struct sandbox *sandbox)
{
    char text[SANDBOX_TEXT_SIZE];
    sandbox_limit_calls(sandbox);
    sandbox_describe(sandbox, text);
    if (sandbox->files > 0 && sandbox->calls > 0)
        log_info("Dispatch: sandbox: %s", text);
    else
        log_warning("Dispatch: sandbox: %s", text);
}

/* ---- running ---- */

static void take_signal(struct dispatch *dispatch, int number)
{
    if (number == SIGHUP)
        log_reopen();
    else if (number > 0)
        dispatch->stopping = true;
}

static void wait_for_signal(struct dispatch *dispatch, int64_t time)
{
    const struct timespec most = {.tv_sec = time / SECOND, .tv_nsec = time % SECOND * 1000};
    take_signal(dispatch, sigtimedwait(&dispatch->signals, NULL, &most));
}

/* Asked between files. */
static bool goes_on(void *owner)
{
    struct dispatch *dispatch = owner;
    wait_for_signal(dispatch, 0);
    return !dispatch->stopping;
}

static void tell_trouble(struct dispatch *dispatch, const struct error *err)
{
    const char *why = err == NULL ? "" : err->text;
    if (strcmp(dispatch->complaint, why) == 0)
        return;
    if (err != NULL)
        log_error("Dispatch: files wait in '%s': %s", dispatch->paths.from[0], why);
    else
        log_info("Dispatch: files are moved again");
    daemon_notify("STATUS=%s%.200s", err == NULL ? "Moving files" : "Files wait: ", why);
    (void)snprintf(dispatch->complaint, sizeof dispatch->complaint, "%s", why);
}

/* False: not all could be moved. */
static bool carry(struct dispatch *dispatch, struct error *err)
{
    uint64_t moved, failed;
    if (!carrier_run(dispatch->carrier, &moved, &failed, err)) {
        tell_trouble(dispatch, err);
        return false;
    }
    tell_trouble(dispatch, NULL);
    return failed == 0 || error_set(err, ERROR_SYSTEM, "%llu files could not be moved, see '%s'",
                                    (unsigned long long)failed, dispatch->log);
}

static void carry_on(struct dispatch *dispatch)
{
    struct error ignored;               /* the log has it */
    const int64_t interval = (int64_t)dispatch->settings->dispatch_interval;
    log_info("Dispatch: moving files from '%s' to '%s'", dispatch->paths.from[0], dispatch->paths.to[0]);
    (void)fprintf(stderr, "mprelay: ready, moving files from %s to %s\n", dispatch->paths.from[0],
                  dispatch->paths.to[0]);
    daemon_notify("READY=1\nSTATUS=Moving files from %.200s to %.200s", dispatch->paths.from[0], dispatch->paths.to[0]);
    while (!dispatch->stopping) {
        (void)!carry(dispatch, &ignored);
        if (!dispatch->stopping)
            wait_for_signal(dispatch, interval);
    }
    daemon_notify("STOPPING=1");
    log_info("Dispatch: stopped");
}

/* ---- its life ---- */

static bool prepare(struct dispatch *dispatch, struct sandbox *sandbox, struct error *err)
{
    if (!daemon_check_user(dispatch->settings->root, err) || !write_paths(dispatch, err) ||
        !sys_make_directory(dispatch->logs, err))
        return false;
    if (dispatch->settings->sandbox)
        limit_files(dispatch, sandbox);
    return carrier_open(dispatch->settings, &dispatch->paths, goes_on, dispatch, &dispatch->carrier, err) &&
           open_log(dispatch, err);
}

static int run(struct dispatch *dispatch, struct sandbox *sandbox)
{
    struct error err;
    int status = EXIT_SUCCESS;
    if (!prepare(dispatch, sandbox, &err))
        return daemon_fail("mprelay", &err);
    if (dispatch->only_checks && !carrier_check(&dispatch->paths, &err))
        return daemon_fail("mprelay", &err);
    if (dispatch->only_checks) {
        (void)printf("mprelay: the settings are good\n");
        return daemon_end_output();
    }
    if (dispatch->settings->sandbox)
        limit_calls(sandbox);
    if (dispatch->settings->dispatch_interval > 0) {
        carry_on(dispatch);
    } else if (!carry(dispatch, &err)) {
        (void)daemon_fail("mprelay", &err);
        status = EX_TEMPFAIL;
    }
    return status;
}

int dispatch_main(const struct config *config, bool only_checks)
{
    static struct dispatch dispatch;
    static struct sandbox sandbox;
    dispatch.settings = config_values(config);
    dispatch.only_checks = only_checks;
    daemon_block_signals(&dispatch.signals);
    xml_init();
    const int status = run(&dispatch, &sandbox);
    carrier_close(dispatch.carrier);
    if (dispatch.logging)
        log_close();
    return status;
}
