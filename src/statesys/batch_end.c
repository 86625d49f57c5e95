/* The decision hidden here: what becomes of a file once it is known what the database made of it. A file that cannot be
 * brought to its end goes back: what is in the database already is known there by its content. */
#include "batch.h"

#include "base/log.h"
#include "base/sys.h"
#include "replicate.h"

/* ---- bad files ---- */

/* Whoever writes it may not have come to its end. A time that lies ahead says nothing; one that cannot be asked for now is
 * asked for again. */
static bool is_half_written(struct loading *loading, const struct inbox_file *file)
{
    const int64_t age = (int64_t)loading->force->settings->half_written_age;
    int64_t modified;
    struct error err;
    if (!inbox_modified(loading->inbox, file, &modified, &err))
        return true;
    const int64_t now = sys_now();
    if (now - modified >= age || modified - now > age)
        return false;
    loading_look_at(loading, modified + age);
    return true;
}

/* True: it has its end. */
static bool end_bad(struct loading *loading, const struct batch_file *file)
{
    struct error err;
    if (is_half_written(loading, &file->file)) {
        if (log_wants(LOG_INFO, true))
            log_info("CMessageProcessor - File %s may not be whole yet (%s), left for later", file->file.name,
                     file->bad.text);
        loading_leave(loading, &file->file);
        return false;
    }
    if (!inbox_reject(loading->inbox, &file->file, file->bad.text, &err)) {
        loading_put_off(loading, &file->file, &err);
        return false;
    }
    log_error("CMessageProcessor - ERROR: file %s cannot be loaded (%s), moved to %s", file->file.name, file->bad.text,
              loading->site->paths.corrupt);
    metrics_add(&loading->site->counters.files_bad, 1);
    return true;
}

/* ---- what the database refused ---- */

static bool end_failed(struct loading *loading, const struct inbox_file *file, const struct error *why)
{
    struct error err;
    char text[sizeof why->text + 64];
    (void)snprintf(text, sizeof text, "failed after %u retries: %s", file->tries, why->text);
    if (!inbox_reject(loading->inbox, file, text, &err)) {
        loading_put_off(loading, file, &err);
        return false;
    }
    log_error("CMessageProcessor - ERROR: file %s failed after %u retries, moved to %s", file->name, file->tries,
              loading->site->paths.corrupt);
    metrics_add(&loading->site->counters.files_failed, 1);
    return true;
}

static bool end_refused(struct loading *loading, const struct inbox_file *file, const struct error *why)
{
    const struct properties *properties = &loading->force->properties;
    struct error err;
    if (file->tries >= properties->retry_count)
        return end_failed(loading, file, why);
    const int64_t step = properties->retry_steps[file->tries];
    const int64_t due = sys_now() + step;
    if (!inbox_retry(loading->inbox, file, file->tries + 1, due, &err)) {
        loading_put_off(loading, file, &err);
        return false;
    }
    loading_look_at(loading, due);
    log_warning("CMessageProcessor - WARNING: database error while loading %s (%s), retry %u in %lld seconds",
                file->name, why->text, file->tries + 1, (long long)(step / 1000000));
    metrics_add(&loading->site->counters.files_retried, 1);
    return true;
}

/* ---- what it holds ---- */

static void count_loaded(struct counters *counters, const struct store_file *stored)
{
    if (stored->result == STORE_REPEATED) {
        metrics_add(&counters->files_repeated, 1);
        return;
    }
    metrics_add(&counters->files_loaded, 1);
    metrics_add(&counters->messages_loaded, stored->report->message_count - stored->invalid);
    metrics_add(&counters->messages_invalid, stored->invalid);
}

/* Repeated files, too, go to the parent: before a crash this one may not have come there. */
static void end_loaded(struct replication *replication, const struct batch *batch, const struct batch_file *file)
{
    struct loading *loading = replication->loading;
    struct error err;
    if (replicate_is_wanted(loading))
        replicate_add(replication, &file->file, batch_content(batch, file));
    else if (!inbox_remove(loading->inbox, &file->file, &err))
        loading_put_off(loading, &file->file, &err);
}

/* ---- all of them ---- */

/* True: it has its end. */
static bool end_file(struct batch *batch, struct batch_file *file, struct replication *replication)
{
    struct loading *loading = replication->loading;
    batch_log_file(batch, file, loading);
    file->ended = true;
    if (file->stored == NULL)
        return end_bad(loading, file);
    if (file->stored->result == STORE_FAILED)
        return end_refused(loading, &file->file, &file->stored->err);
    count_loaded(&loading->site->counters, file->stored);
    end_loaded(replication, batch, file);
    return true;
}

void batch_end_files(struct batch *batch, struct loading *loading, size_t *ended, size_t *bad)
{
    struct replication replication = {.loading = loading};
    *ended = *bad = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct batch_file *file = &batch->files[i];
        const bool waits = file->stored != NULL && file->stored->result == STORE_WAITING;
        if (waits || !end_file(batch, file, &replication))
            continue;
        ++*ended;
        *bad += file->stored == NULL;
    }
    replicate_end(&replication);
}
