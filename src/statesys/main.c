/* statesys: settings, start, wait for the end or a reload, stop gently. */
#include "base/address.h"
#include "base/admin.h"
#include "base/daemon.h"
#include "base/log.h"
#include "base/sys.h"
#include "ending.h"
#include "loader.h"
#include "manager.h"
#include "operation.h"
#include "report/xml.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND ((int64_t)1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

enum { MOST_RELOADS = 1000 };

/* All that lives as long as the program. */
struct program {
    struct config *config;              /* in force */
    struct config *old[MOST_RELOADS];   /* threads may hold on to them, */
    struct force *old_force[MOST_RELOADS];
    size_t old_count;
    char site_code[4];
    char parent_site[4];
    struct site site;
    struct ending *ending;
    struct loader *loader;
    struct manager *manager;
    struct operation *operation;
    struct admin *admin;
    bool logging;
    int64_t progress;      /* of the loader, when it was last looked at, */
    int64_t progress_seen; /* and the sys_ticks at which that had changed */
};

static const struct settings *settings_of(const struct program *program)
{
    return config_values(program->config);
}

/* ---- starting ---- */

static struct log_settings log_settings(const struct program *program)
{
    const struct settings *settings = settings_of(program);
    return (struct log_settings){
        .path = program->site.paths.log,
        .component = "SMS_STATE_SYSTEM",
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
    if (!sys_make_directory(program->site.paths.logs, err))
        return false;
    program->logging = log_open(&settings, err);
    return program->logging;
}

static void copy_site_code(char out[4], const char *code)
{
    for (size_t i = 0; code != NULL && i < 3; i++)
        out[i] = (char)toupper((unsigned char)code[i]);
}

static void set_store(struct program *program)
{
    const struct settings *settings = settings_of(program);
    copy_site_code(program->site_code, settings->site_code);
    copy_site_code(program->parent_site, settings->parent_site);
    program->site.store = (struct store_settings){
        .database = program->site.paths.database,
        .lock_timeout_ms = (unsigned)(settings->lock_timeout / 1000),
        .site_code = program->site_code,
        .site_name = settings->site_name == NULL ? program->site_code : settings->site_name,
        .parent_site = program->parent_site,
    };
}

/* On the socket that the service manager hands in, else on one of our own. */
static bool open_admin(struct program *program, struct error *err)
{
    const struct admin_pages pages = operation_pages(program->operation);
    const struct address address = {"admin-listen", settings_of(program)->admin_listen, "ADDRESS:PORT or [IPV6]:PORT"};
    int fd = daemon_take_socket();
    if (fd < 0 && address_is_off(address.text))
        return true;
    return (fd >= 0 || address_listen(&address, &fd, err)) && admin_open(fd, &pages, &program->admin, err);
}

static bool make_directories(const struct paths *paths, struct error *err)
{
    const bool is_file = paths->database_directory[0] != '\0';
    return sys_make_directory(paths->resync, err) && (!is_file || sys_make_directory(paths->database_directory, err));
}

/* Everything that can be wrong but for a database that is away shows here. */
static bool prepare(struct program *program, struct error *err)
{
    struct site *site = &program->site;
    if (!daemon_check_user(settings_of(program)->root, err) || !paths_write(settings_of(program), &site->paths, err) ||
        !open_log(program, err) || !ending_open(settings_of(program)->stop_timeout, &program->ending, err) ||
        !make_directories(&site->paths, err))
        return false;
    set_store(program);
    return loader_open(site, &program->loader, err) &&
           paths_check_parent(&site->paths, site->paths.parent_inbox, err) &&
           manager_open(site, &program->manager, err) && operation_open(site, &program->operation, err) &&
           open_admin(program, err);
}

/* ---- settings in force ---- */

static void complain(const char *sentence)
{
    log_warning("CMessageProcessor - WARNING: %s", sentence);
}

static struct force *read_force(const struct program *program, const struct config *config, struct error *err)
{
    struct store *store;
    struct force *force = sys.allocate(sizeof *force);
    if (force == NULL) {
        (void)error_set(err, ERROR_NO_MEMORY, "the system refused memory for the settings");
        return NULL;
    }
    force->settings = config_values(config);
    bool read = store_open(&program->site.store, &store, err);
    if (read) {
        read = properties_read(store, force->settings, complain, &force->properties, err);
        store_close(store);
    }
    if (read)
        return force;
    sys.release(force);
    return NULL;
}

static void log_start(const struct program *program, const struct force *force)
{
    const struct properties *properties = &force->properties;
    const bool verbose = force->settings->log_level == LOG_LEVEL_VERBOSE;
    struct log_block block;
    log_block_begin(&block);
    log_block_info(&block, "Using the following configuration properties from the site control file:");
    log_block_info(&block, "  Site code                              %s", program->site_code);
    log_block_info(&block, "  Parent site code                       %s", program->parent_site);
    log_block_info(&block, "  Loader threads                         %llu",
                   (unsigned long long)properties->loader_threads);
    log_block_info(&block, "  Inbox polling interval (secs)          %lld",
                   (long long)(properties->polling_interval / SECOND));
    log_block_info(&block, "  Loader chunk size (KB)                 %llu",
                   (unsigned long long)properties->chunk_size / 1024);
    log_block_info(&block, "  Max chunks fetched                     %llu", (unsigned long long)properties->max_chunks);
    log_block_info(&block, "  Verbose logging                        %s", verbose ? "YES" : "NO");
    log_block_info(&block, "  Min resync period (hours)              %llu",
                   (unsigned long long)force->settings->min_resync_period / (unsigned long long)HOUR);
    log_block_info(&block, "  Resync check interval (min)            %lld",
                   (long long)(properties->resync_check_interval / MINUTE));
    log_block_info(&block, "  Min missing message age (min)          %lld",
                   (long long)(properties->min_missing_age / MINUTE));
    log_block_info(&block, "  Heartbeat message interval (min)       %lld",
                   (long long)(properties->heartbeat_interval / MINUTE));
    log_block_info(&block, "=== StateSys has been successfully initialized. ===");
    log_block_end(&block);
}

/* ---- running ---- */

/* The URL of a database may hold a password. */
static void log_change(void *owner, const struct config_row *row, const char *before, const char *after)
{
    (void)owner;
    if (strcmp(row->name, "database") == 0)
        log_warning("Setting database is another now in the file; it stays until the state system is started anew");
    else if (row->when == ON_RELOAD)
        log_info("Setting %s changed from '%s' to '%s'", row->name, before, after);
    else
        log_warning("Setting %s is now '%s' in the file; it stays '%s' until the state system is started anew",
                    row->name, after, before);
}

static bool read_config(const struct program *program, struct config **out, struct error *err)
{
    if (!config_reload(program->config, out, err))
        return false;
    const struct settings *settings = config_values(*out);
    if (paths_check_parent(&program->site.paths, settings->parent_inbox, err))
        return true;
    config_close(*out);
    return false;
}

/* While the database is waited for nothing is in force yet, and it is not asked for its settings either. */
static bool read_fresh(const struct program *program, struct config **config, struct force **force, struct error *err)
{
    *force = NULL;
    if (!read_config(program, config, err))
        return false;
    if (atomic_load(&program->site.force) == NULL)
        return true;
    *force = read_force(program, *config, err);
    if (*force == NULL)
        config_close(*config);
    return *force != NULL;
}

static void take_fresh(struct program *program, struct config *config, struct force *force)
{
    program->old[program->old_count] = program->config;
    program->old_force[program->old_count++] = (struct force *)atomic_load(&program->site.force);
    program->config = config;
    const struct log_settings settings = log_settings(program);
    log_set(&settings);
    ending_set(program->ending, settings_of(program)->stop_timeout);
    if (force == NULL)
        return;
    atomic_store(&program->site.force, force);
    loader_wake(program->loader);
    manager_wake(program->manager);
}

/* A bad file, or a database that is away, changes nothing. */
static void reload(struct program *program)
{
    struct config *config;
    struct force *force;
    struct error err;
    log_reopen();
    if (program->old_count == MOST_RELOADS) {
        log_error("Settings were reloaded %d times; start the state system anew for the next change", MOST_RELOADS);
        return;
    }
    if (!read_fresh(program, &config, &force, &err)) {
        log_error("Settings not reloaded, the old ones stay: %s", err.text);
        return;
    }
    config_compare(program->config, config, log_change, NULL);
    take_fresh(program, config, force);
    log_info("Settings reloaded");
}

/* The loader ends a round at least each polling interval, and within a round commits a chunk now and then; only without
 * a database it may do neither. */
static bool is_alive(struct program *program)
{
    const struct site *site = &program->site;
    const struct force *force = atomic_load(&site->force);
    const int64_t round = atomic_load(&site->last_round), load = atomic_load(&site->last_load);
    const int64_t progress = round > load ? round : load, now = sys_ticks();
    if (force == NULL || atomic_load(&site->database_lost) || progress != program->progress) {
        program->progress = progress;
        program->progress_seen = now;
    }
    return force == NULL || now - program->progress_seen < force->properties.polling_interval + HOUR;
}

static void reload_aloud(struct program *program)
{
    daemon_notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)sys_ticks());
    reload(program);
    daemon_notify("READY=1");
}

/* Waits until `end` (sys_ticks). True: told to stop. Meanwhile settings are reloaded when that is asked for, and the
 * service manager is told that we are alive. */
static bool wait_until(struct program *program, int64_t end)
{
    const int64_t watchdog = daemon_watchdog_interval(), longest = watchdog > 0 ? watchdog : HOUR;
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGHUP);
    for (int64_t left; !ending_is_told(program->ending) && (left = end - sys_ticks()) > 0;) {
        const int64_t pause = left < longest ? left : longest;
        const struct timespec time = {.tv_sec = pause / SECOND, .tv_nsec = pause % SECOND * 1000};
        if (sigtimedwait(&signals, NULL, &time) == SIGHUP && !ending_is_told(program->ending))
            reload_aloud(program);
        if (watchdog > 0 && is_alive(program))
            daemon_notify("WATCHDOG=1");
    }
    return ending_is_told(program->ending);
}

/* A database that cannot be reached now, or has no room, is waited for; one that refuses us is an error. *out NULL: told
 * to stop. */
static bool wait_for_database(struct program *program, struct force **out, struct error *err)
{
    for (;;) {
        *out = read_force(program, program->config, err);
        if (*out != NULL)
            return true;
        if (err->kind != ERROR_BUSY && err->kind != ERROR_NO_SPACE)
            return false;
        log_error("The database cannot be reached, tried again in %llu seconds: %s",
                  (unsigned long long)settings_of(program)->database_retry / 1000000, err->text);
        daemon_notify("READY=1\nSTATUS=waiting for the database: %s", err->text);
        atomic_store(&program->site.database_lost, true);
        if (wait_until(program, sys_ticks() + (int64_t)settings_of(program)->database_retry))
            return true;
    }
}

static bool run(struct program *program, struct error *err)
{
    struct force *force;
    if (!wait_for_database(program, &force, err))
        return false;
    if (force == NULL)
        return true;
    atomic_store(&program->site.force, force);
    atomic_store(&program->site.database_lost, false);
    program->site.store.was_there = true;
    log_start(program, force);
    program->progress_seen = sys_ticks();
    if (!loader_start(program->loader, err) || !manager_start(program->manager, err))
        return false;
    (void)fprintf(stderr, "statesys: ready, loading %s into %s\n", program->site.paths.incoming[QUEUE_NORMAL],
                  program->site.paths.database_directory[0] == '\0' ? "PostgreSQL" : program->site.paths.database);
    daemon_notify("READY=1\nSTATUS=loading %s", program->site.paths.incoming[QUEUE_NORMAL]);
    (void)wait_until(program, INT64_MAX);
    daemon_notify("STOPPING=1");
    log_info("Stopping");
    return true;
}

static bool check_database(const struct program *program, struct error *err)
{
    struct force *force = read_force(program, program->config, err);
    sys.release(force);
    return force != NULL;
}

static void close_program(struct program *program)
{
    ending_begin(program->ending);
    loader_stop(program->loader);
    manager_stop(program->manager);
    admin_close(program->admin);
    operation_close(program->operation);
    ending_close(program->ending);
    if (program->logging)
        log_close();
    for (size_t i = 0; i < program->old_count; i++) {
        sys.release(program->old_force[i]);
        config_close(program->old[i]);
    }
    sys.release((struct force *)atomic_load(&program->site.force));
    config_close(program->config);
}

int main(int argc, char **argv)
{
    static struct program program;
    struct error err;
    sigset_t signals;
    (void)umask(0027);
    if (!config_open(&statesys_settings_table, argc, argv, &program.config, &err))
        return daemon_fail("statesys", &err);
    const enum config_wish wish = config_wish(program.config);
    if (wish != CONFIG_RUN && wish != CONFIG_CHECK) {
        config_answer(program.config, stdout);
        config_close(program.config);
        return daemon_end_output();
    }
    daemon_block_signals(&signals);
    xml_init();
    const bool good = prepare(&program, &err) &&
                      (wish == CONFIG_CHECK ? check_database(&program, &err) : run(&program, &err));
    close_program(&program);
    if (!good)
        return daemon_fail("statesys", &err);
    if (wish == CONFIG_CHECK)
        (void)printf("statesys: the settings are good\n");
    return daemon_end_output();
}
