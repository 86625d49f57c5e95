/* The decision hidden here: what the store notices of serial numbers is told at once, before the files themselves: it is
 * in the database now, whatever becomes of the files. */
#include "batch.h"

#include "base/log.h"
#include "spool/request.h"

#include <inttypes.h>

enum { QUOTED = 208, MOST_QUOTED = 200 };

static void note_missing(struct counters *counters, const char *client, const struct ledger_event *event)
{
    log_info("CMessageProcessor - Client %s: messages %" PRIu64 " to %" PRIu64 " are missing", client, event->first,
             event->last);
    metrics_add(&counters->gaps_opened, 1);
}

static void note_filled(struct counters *counters, const char *client, const struct ledger_event *event)
{
    log_info("CMessageProcessor - Client %s: messages %" PRIu64 " to %" PRIu64 " are no longer missing", client,
             event->first, event->last);
    metrics_add(&counters->gaps_filled, 1);
}

/* Ahead it went if the jump was too far for a gap. */
static void note_restart(struct counters *counters, const char *client, const struct ledger_event *event)
{
    const bool back = event->last <= event->first;
    log_warning("CMessageProcessor - WARNING: client %s: serial number went %s from %" PRIu64 " to %" PRIu64, client,
                back ? "back" : "too far ahead", event->first, event->last);
    metrics_add(&counters->restarts, 1);
}

/* The request need not be handed out any more. What is left of it here, the next check removes. */
static void remove_request(const struct loading *loading, struct span client)
{
    char guid[REQUEST_GUID_SIZE];
    struct error ignored;
    if (request_guid(client, guid))
        (void)!request_remove(loading->site->paths.resync, guid, &ignored);
}

static void note_resync(struct loading *loading, const char *client, const struct store_notice *notice)
{
    log_info("CResyncManager - Client %s: resync completed", client);
    metrics_add(&loading->site->counters.resyncs_completed, 1);
    remove_request(loading, notice->file->report->sender.key);
}

void batch_note(void *owner, const struct store_notice *notice)
{
    struct loading *loading = owner;
    struct counters *counters = &loading->site->counters;
    char client[QUOTED];
    (void)log_quote(notice->client, MOST_QUOTED, client, sizeof client);
    if (notice->resync_completed)
        note_resync(loading, client, notice);
    else if (notice->event.verdict == LEDGER_OPENS_GAP)
        note_missing(counters, client, &notice->event);
    else if (notice->event.verdict == LEDGER_FILLS_GAP)
        note_filled(counters, client, &notice->event);
    else if (notice->event.verdict == LEDGER_RESTARTED)
        note_restart(counters, client, &notice->event);
}
