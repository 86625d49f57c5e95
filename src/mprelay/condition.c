/* The decision hidden here: whoever asks, and the line of the log too, gets what is true at this moment: a probe is kept
 * for him if nothing else was. */
#include "condition.h"

#include "base/address.h"
#include "base/admin.h"
#include "base/log.h"
#include "base/sys.h"

#include <stdatomic.h>

#define SECOND ((int64_t)1000000)

static const int64_t patience = 2 * SECOND;
enum { MOST_REASONS = 16 * 1024 };

struct condition {
    const struct relay *relay;
    int64_t started;
    uint64_t max_connections;
    _Atomic enum facts_phase phase;
    _Atomic int64_t settings_read;
    _Atomic bool settings_refused;
    struct lookout *lookout;
    struct figures_sums told;           /* the lookout's */
    struct admin *admin;
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

static void look(const struct condition *condition, struct facts *out)
{
    struct lookout_view view;
    int64_t hangs;
    lookout_look(condition->lookout, &view, &hangs);
    gather(condition, &view, hangs, out);
}

/* ---- pages ---- */

static bool write_reasons(void *owner, struct buffer *out, struct error *err)
{
    struct facts facts;
    look(owner, &facts);
    return readiness_write(&facts, out, err);
}

static bool write_metrics(void *owner, struct buffer *page, struct error *err)
{
    struct facts facts;
    struct buffer reasons;
    look(owner, &facts);
    buffer_init(&reasons, MOST_REASONS);
    const bool written = readiness_write(&facts, &reasons, err) &&
                         figures_write_page(&facts, reasons.len == 0, page, err);
    buffer_fini(&reasons);
    return written;
}

static void write_line(void *owner, const struct lookout_view *view)
{
    struct condition *condition = owner;
    struct facts facts;
    struct buffer reasons;
    struct error err;
    char line[FIGURES_LINE_SIZE];
    gather(condition, view, 0, &facts);
    buffer_init(&reasons, MOST_REASONS);
    if (!readiness_write(&facts, &reasons, &err))
        log_error("Relay: the figures are not complete: %s", err.text);
    figures_write_line(&facts, buffer_span(&reasons), &condition->told, line);
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

static bool open_admin(struct condition *condition, const struct settings *settings, struct error *err)
{
    const struct admin_pages pages = {.reasons = write_reasons, .metrics = write_metrics, .owner = condition};
    const struct address address = {"admin-listen", settings->admin_listen, "ADDRESS:PORT, [IPV6]:PORT or off"};
    int fd;
    if (address_is_off(address.text))
        return true;
    return address_listen(&address, &fd, err) && admin_open(fd, &pages, &condition->admin, err);
}

bool condition_open(const struct relay *relay, const struct settings *settings, struct condition **out,
                    struct error *err)
{
    struct condition *condition = sys.allocate(sizeof *condition);
    if (condition == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for what an operator is told");
    *condition = (struct condition){.relay = relay,
                                    .started = sys_now(),
                                    .max_connections = settings->max_connections,
                                    .settings_read = sys_now(),
                                    .told = {.at = sys_ticks()}};
    if (!open_lookout(condition, settings, err) || !open_admin(condition, settings, err)) {
        condition_close(condition);
        return false;
    }
    *out = condition;
    return true;
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
    lookout_set_interval(condition->lookout, (int64_t)settings->stats_interval);
}

void condition_close(struct condition *condition)
{
    if (condition == NULL)
        return;
    admin_close(condition->admin);
    lookout_close(condition->lookout);
    sys.release(condition);
}
