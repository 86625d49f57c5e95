/* The decision hidden here: between two pieces a task makes room for the loader; one that is told to stop is not
 * completed, and begins anew at the next start. */
#include "tasks.h"

#include "base/log.h"
#include "base/sys.h"

struct task {
    const char *name;
    /* *more: there may be more to do. */
    bool (*piece)(struct task *task, const struct duty *duty, bool *more, struct error *err);
    uint64_t rows;
    int64_t after; /* the last client that was looked at */
};

static bool run_task(struct task *task, const struct duty *duty, struct error *err)
{
    const int64_t began = sys_ticks();
    bool more = true;
    log_info("Started task '%s'", task->name);
    while (more) {
        if (!task->piece(task, duty, &more, err))
            return false;
        if (more && !duty->pause(duty->owner))
            return true;
    }
    log_info("Task '%s' completed successfully after running for %lld seconds, with status %llu.", task->name,
             (long long)(sys_ticks() - began) / 1000000, (unsigned long long)task->rows);
    return true;
}

static bool delete_some_states(struct task *task, const struct duty *duty, bool *more, struct error *err)
{
    const int64_t before = duty->now - (int64_t)duty->force->settings->state_keep;
    uint64_t deleted;
    if (!store_delete_states(duty->store, before, &task->after, &deleted, err))
        return false;
    task->rows += deleted;
    *more = task->after != INT64_MAX;
    return true;
}

bool tasks_delete_states(const struct duty *duty, struct error *err)
{
    struct task task = {.name = "SUM Delete Aged Status", .piece = delete_some_states};
    return run_task(&task, duty, err);
}

static bool forget_some_files(struct task *task, const struct duty *duty, bool *more, struct error *err)
{
    enum { AT_ONCE = 1000 };
    const int64_t before = duty->now - (int64_t)duty->force->settings->processed_keep;
    uint64_t forgotten;
    if (!store_forget_files(duty->store, before, AT_ONCE, &forgotten, err))
        return false;
    task->rows += forgotten;
    *more = forgotten == AT_ONCE;
    return true;
}

bool tasks_forget_files(const struct duty *duty, struct error *err)
{
    struct task task = {.name = "Delete Aged Processed Files", .piece = forget_some_files};
    return run_task(&task, duty, err);
}
