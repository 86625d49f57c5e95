/* The decision hidden here: ready means that a report that comes now can be made durable; each reason why not is a
 * sentence that names what to look at. */
#include "base/admin.h"
#include "facts.h"

#define SECOND ((int64_t)1000000)

static void judge_phase(const struct facts *facts, struct admin_reasons *reasons)
{
    if (facts->phase == PHASE_STARTING)
        admin_add_reason(reasons, "the relay is starting");
    if (facts->phase == PHASE_STOPPING)
        admin_add_reason(reasons, "the relay is stopping");
}

static void judge_proof(const struct facts *facts, struct admin_reasons *reasons)
{
    const struct spool_state *spool = &facts->spool;
    const int64_t age = facts->now - spool->kept;
    if (spool->hangs > FACTS_SLOW)
        admin_add_reason(
            reasons, "the disk of '%s' is slow or hangs: what is being kept there has not been kept for %lld seconds",
            facts->inbox, (long long)(spool->hangs / SECOND));
    else if (spool->refusal.kind != ERROR_NONE)
        admin_add_reason(reasons, "reports cannot be kept: %s", spool->refusal.text);
    else if (spool->kept == 0)
        admin_add_reason(reasons, "nothing was kept in '%s' yet", facts->inbox);
    else if (age > FACTS_OLD)
        admin_add_reason(reasons, "nothing was kept in '%s' for %lld seconds", facts->inbox, (long long)(age / SECOND));
}

static void judge_queue(const struct facts *facts, struct admin_reasons *reasons)
{
    const struct spool_state *spool = &facts->spool;
    if (spool->waits > FACTS_SLOW)
        admin_add_reason(reasons, "%llu reports wait to be kept, the first for %lld seconds",
                         (unsigned long long)spool->waiting, (long long)(spool->waits / SECOND));
    if (spool->trouble.kind != ERROR_NONE)
        admin_add_reason(reasons, "reports wait in the journal, their files cannot be made: %s", spool->trouble.text);
}

static void judge_disk(const struct facts *facts, struct admin_reasons *reasons)
{
    const struct lookout_view *view = &facts->view;
    if (facts->view_hangs > FACTS_SLOW)
        admin_add_reason(reasons, "the disk of '%s' has not answered for %lld seconds", facts->inbox,
                         (long long)(facts->view_hangs / SECOND));
    else if (view->taken != 0 && view->disk.kind != ERROR_NONE)
        admin_add_reason(reasons, "%s", view->disk.text);
    else if (view->taken != 0 && view->read_only)
        admin_add_reason(reasons, "the file system of '%s' is mounted read-only", facts->inbox);
    else if (view->taken != 0 && view->counts_inodes && view->free_inodes == 0)
        admin_add_reason(reasons, "the disk of '%s' can take no more files: no inode is free", facts->inbox);
}

bool readiness_write(const struct facts *facts, struct buffer *out, struct error *err)
{
    struct admin_reasons reasons = {.out = out};
    judge_phase(facts, &reasons);
    judge_proof(facts, &reasons);
    judge_queue(facts, &reasons);
    judge_disk(facts, &reasons);
    if (facts->log.kind != ERROR_NONE)
        admin_add_reason(&reasons, "%s", facts->log.text);
    if (reasons.failed)
        *err = reasons.err;
    return !reasons.failed;
}
