/* What is known of the relay at one moment: gathered by condition.c, judged by readiness.c, written by figures.c. */
#ifndef MPRELAY_FACTS_H
#define MPRELAY_FACTS_H

#include "base/mem.h"
#include "counters.h"
#include "lookout.h"
#include "spool/spool.h"

enum facts_phase { PHASE_STARTING, PHASE_RUNNING, PHASE_STOPPING };

/* Times are microseconds: `now` of sys_ticks, the others since 1970. */
struct facts {
    enum facts_phase phase;
    int64_t now;
    int64_t started;
    int64_t settings_read;              /* last, without an error */
    bool settings_refused;              /* those that were read since */
    const char *inbox;
    uint64_t max_connections;
    uint64_t memory;                    /* in use for reports in hand, bytes */
    const struct counters *counters;    /* they go on counting */
    struct spool_state spool;
    struct lookout_view view;
    int64_t view_hangs;
    struct error log;                   /* ERROR_NONE: it is written */
    uint64_t log_lost;
};

/* For so long a batch, a report in the queue or a look may take, and so old may a proof be, microseconds. */
#define FACTS_SLOW ((int64_t)3000000)
#define FACTS_OLD ((int64_t)5000000)

/* Each reason why a report might not be kept now, ended by a line feed; none: it is ready. */
bool readiness_write(const struct facts *facts, struct buffer *out, struct error *err) MUST_CHECK;

/* The page of base/metrics.h. What could not be looked at has no samples: an old figure would look like a new one. */
bool figures_write_page(const struct facts *facts, bool ready, struct buffer *out, struct error *err) MUST_CHECK;

/* What was counted up to a moment. All zero: the start. */
struct figures_sums {
    int64_t at;                         /* of sys_ticks */
    uint64_t reports[RESULTS];
    uint64_t requests, request_time;
    uint64_t batches, commit_time;
};
enum { FIGURES_LINE_SIZE = 1024 };
/* What happened since `before`, and how things are, in one line; `before` becomes what was counted now. */
void figures_write_line(const struct facts *facts, struct span reasons, struct figures_sums *before,
                        char out[FIGURES_LINE_SIZE]);

#endif
