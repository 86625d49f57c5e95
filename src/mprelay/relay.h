/*
 * One report from bytes to verdict. The only place that knows the order of things (spec/wire.md 4) and the only one
 * that logs reports.
 *
 * Calling sequence, on a worker's thread: relay_take turns the body into a record; unless that is settled already,
 * spool_submit; when the record is durable, relay_note_kept, on whatever thread; relay_log with the outcome, which also
 * counts it, exactly once for each request whatever became of it; task_fini.
 * A task is the caller's; everything that it points to lies in its arena or in the HTTP body, which must stay until
 * task_fini. Errors of relay_take carry the rule word; the caller answers by error_policy.
 */
#ifndef MPRELAY_RELAY_H
#define MPRELAY_RELAY_H

#include "counters.h"
#include "enrolment.h"
#include "fsp.h"
#include "keyring.h"
#include "repeats.h"
#include "report/envelope.h"
#include "report/report.h"
#include "report/smx.h"
#include "report/trust.h"
#include "settings.h"
#include "spool/spool.h"
#include "vouch.h"

struct relay {
    struct spool *spool;
    struct budget memory;               /* max-memory */
    char *outboxes[3];                  /* by enum smx_queue */
    struct counters *counters;
    struct repeats *repeats;
    struct registrar *registrar;
    struct throttle *fsp_throttle;
};

/* What is known of one request, in the order in which it becomes known. */
struct task {
    const struct settings *settings;    /* as they were when the request began */
    const char *address;
    const struct vouch *vouch;          /* whom a proxy vouches for; NULL: nobody */
    uint32_t number;                    /* of the request, for log-context */
    enum counters_form counted_as;
    bool question;                      /* it is no report, but asks for something (http_resync.h) */
    bool fallback;                      /* for the fallback status point (fsp.h) */
    enum envelope_form form;
    enum envelope_coding coding;
    struct span boundary;
    struct span body;                   /* the HTTP body, whole */

    bool begun;                         /* relay_take was called */
    struct arena *arena;
    struct message message;
    struct trust trust;
    bool parsed;                        /* report and record are filled */
    struct report report;
    uint64_t throttled;                 /* messages that count against the throttle, */
    int64_t throttled_at;               /* of sys_ticks */
    enum smx_queue queue;
    struct spool_record record;
    bool marked;                        /* it could come again: */
    struct repeats_mark mark;
    bool repeated;                      /* it has: it is kept already */
    bool enrolled;                      /* it was no report but a registration, of which this came: */
    struct enrolment enrolment;

    struct error err;                   /* ERROR_NONE: kept as record.name, or settled */
    unsigned status;                    /* that the client was told; 0: nothing, or by the HTTP library */
};

/* Reader and keys are the thread's own. */
bool relay_take(struct relay *relay, struct xml_reader *reader, struct keyring *keys, struct task *task) MUST_CHECK;
/* There is nothing to keep: the answer can go. */
bool task_is_settled(const struct task *task);
void relay_note_kept(struct relay *relay, const struct task *task);
void relay_log(const struct relay *relay, struct task *task);
void task_fini(struct task *task);

#endif
