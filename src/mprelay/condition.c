/* The decision hidden here: whoever asks, and the line of the log too, gets what is true at this moment: a probe is kept
 * for him if nothing else was. */
#include "condition.h"

#include "base/address.h"
#include "base/admin.h"
#include "base/daemon.h"
#include "base/log.h"
#include "base/sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SECOND ((int64_t)1000000)

static const int64_t patience = 2 * SECOND;
enum { MOST_REASONS = 16 * 1024 };

struct condition {
    int64_t started;
    _Atomic uint64_t max_connections;
    _Atomic enum facts_phase phase;
    _Atomic int64_t settings_read;
    _Atomic bool settings_refused;
    struct lookout *lookout;
    struct figures_sums told;           /* the lookout's */
    char address[HANDOVER_NAME_SIZE];   /* of the admin listener, as it is given to who takes our place */
    int socket;
    struct admin *admin;
    pthread_mutex_t lock;               /* held while the relay is asked, and the answer written */
    const struct relay *relay;
};

/* ---- gathering ---- */

/* The keepers last: what they say then is the newest. */
static void gather(const struct condition *condition, const struct lookout_view *view, int64_t view_hangs,
                   struct facts *out)
{
    const struct relay *relay = condition->relay;
    *out = (struct facts){
        .phase = condition->phase,
        .started = condition->started,
        .settings_read = condition->settings_read,
        .settings_refused = condition->settings_refused,
        .inbox = relay->outboxes[SMX_NORMAL],
        .max_connections = condition->max_connections,
        .memory = relay->memory.used,
        .counters = relay->counters,
        .view = *view,
        .view_hangs = view_hangs,
        .log_lost = log_lost(),
    };
    if (log_works(&out->log))
        out->log.kind = ERROR_NONE;
    spool_look(relay->spool, patience, &out->spool);
    out->now = sys_ticks();
}

/* ---- pages ---- */

typedef bool writer(const struct facts *facts, struct buffer *out, struct error *err);

static bool answer(struct condition *condition, writer *write_answer, struct buffer *out, struct error *err)
{
    struct lookout_view view;
    struct facts facts;
    int64_t hangs;
    lookout_look(condition->lookout, &view, &hangs);
    (void)pthread_mutex_lock(&condition->lock);
    gather(condition, &view, hangs, &facts);
    const bool written = write_answer(&facts, out, err);
    (void)pthread_mutex_unlock(&condition->lock);
    return written;
}

static bool write_reasons(void *owner, struct buffer *out, struct error *err)
{
    return answer(owner, readiness_write, out, err);
}

static bool write_page(const struct facts *facts, struct buffer *page, struct error *err)
{
    struct buffer reasons;
    buffer_init(&reasons, MOST_REASONS);
    const bool written = readiness_write(facts, &reasons, err) &&
                         figures_write_page(facts, reasons.len == 0, page, err);
    buffer_fini(&reasons);
    return written;
}

static bool write_metrics(void *owner, struct buffer *page, struct error *err)
{
    return answer(owner, write_page, page, err);
}

static void write_line(void *owner, const struct lookout_view *view)
{
    struct condition *condition = owner;
    struct facts facts;
    struct buffer reasons;
    struct error err;
    char line[FIGURES_LINE_SIZE];
    buffer_init(&reasons, MOST_REASONS);
    (void)pthread_mutex_lock(&condition->lock);
    gather(condition, view, 0, &facts);
    if (!readiness_write(&facts, &reasons, &err))
        log_error("Relay: the figures are not complete: %s", err.text);
    figures_write_line(&facts, buffer_span(&reasons), &condition->told, line);
    (void)pthread_mutex_unlock(&condition->lock);
    buffer_fini(&reasons);
    log_info("%s", line);
}

/* ---- opening ---- */

static bool open_lookout(struct condition *condition, const struct settings *settings, struct error *err)
{
    struct lookout_settings lookout = {
        .interval = (int64_t)settings->stats_interval, .tell = write_line, .owner = condition};
    for (size_t i = 0; i < LOOKOUT_QUEUES; i++)
        lookout.queues[i] = condition->relay->outboxes[i];
    return lookout_open(&lookout, &condition->lookout, err);
}

/* -1: the service manager has handed in none. */
static int find_handed(void)
{
    char name[DAEMON_SOCKET_NAME_SIZE];
    int fd;
    for (size_t i = 0; (fd = daemon_handed_socket(i, name)) >= 0; i++)
        if (strcmp(name, "admin") == 0)
            return fd;
    return -1;
}

static bool find_socket(const struct condition *condition, const struct address *address,
                        struct handover_sockets *given, int *out, struct error *err)
{
    *out = find_handed();
    if (*out < 0)
        *out = handover_find(given, condition->address);
    return *out >= 0 || address_listen(address, out, err);
}

static bool open_admin(struct condition *condition, const struct settings *settings, struct handover_sockets *given,
                       struct error *err)
{
    const struct admin_pages pages = {.reasons = write_reasons, .metrics = write_metrics, .owner = condition};
    const struct address address = {"admin-listen", settings->admin_listen, "ADDRESS:PORT, [IPV6]:PORT or off"};
    if (address_is_off(address.text))
        return true;
    (void)snprintf(condition->address, sizeof condition->address, "admin %s", address.text);
    return find_socket(condition, &address, given, &condition->socket, err) &&
           admin_open(condition->socket, &pages, &condition->admin, err);
}

bool condition_open(const struct relay *relay, const struct settings *settings, struct handover_sockets *given,
                    struct condition **out, struct error *err)
{
    const int64_t now = sys_now();
    struct condition *condition = sys.allocate(sizeof *condition);
    if (condition == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for what an operator is told");
    *condition = (struct condition){.relay = relay,
                                    .started = now,
                                    .max_connections = settings->max_connections,
                                    .settings_read = now,
                                    .told = {.at = sys_ticks()}};
    (void)pthread_mutex_init(&condition->lock, NULL);   /* cannot fail on Linux */
    if (!open_lookout(condition, settings, err) || !open_admin(condition, settings, given, err)) {
        condition_close(condition);
        return false;
    }
    *out = condition;
    return true;
}

void condition_turn(struct condition *condition, const struct relay *relay)
{
    (void)pthread_mutex_lock(&condition->lock);
    condition->relay = relay;
    (void)pthread_mutex_unlock(&condition->lock);
    lookout_turn(condition->lookout, (const char *const *)relay->outboxes);
}

void condition_write_socket(const struct condition *condition, struct handover_sockets *out)
{
    if (condition->admin != NULL)
        handover_add(out, condition->address, condition->socket);
}

void condition_give_up(struct condition *condition)
{
    admin_close(condition->admin);
    condition->admin = NULL;
}

void condition_enter(struct condition *condition, enum facts_phase phase)
{
    if (condition != NULL)
        condition->phase = phase;
}

void condition_note_reload(struct condition *condition, const struct settings *settings)
{
    condition->settings_refused = settings == NULL;
    if (settings == NULL)
        return;
    condition->settings_read = sys_now();
    condition->max_connections = settings->max_connections;
    lookout_set_interval(condition->lookout, (int64_t)settings->stats_interval);
}

void condition_close(struct condition *condition)
{
    if (condition == NULL)
        return;
    admin_close(condition->admin);
    lookout_close(condition->lookout);
    (void)pthread_mutex_destroy(&condition->lock);
    sys.release(condition);
}
