/* The decision hidden here: files are parsed by as many threads as there are, and only what is parsed waits for the
 * right to write. */
#include "batch.h"

#include "base/log.h"
#include "base/sys.h"
#include "file.h"

#include <stdatomic.h>

enum { FIRST_FILES = 16 };

/* ---- gathered ---- */

bool batch_open(struct batch **out, struct error *err)
{
    struct batch *batch = sys.allocate(sizeof *batch);
    if (batch == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for a batch");
    *batch = (struct batch){0};
    buffer_init(&batch->content, SIZE_MAX / 2); /* each file has its limit, and who gathers them another */
    *out = batch;
    return true;
}

static bool make_room(struct batch *batch, struct error *err)
{
    if (batch->count < batch->room)
        return true;
    const size_t room = batch->room == 0 ? FIRST_FILES : batch->room * 2;
    struct batch_file *files = sys.reallocate(batch->files, room * sizeof *files);
    if (files == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for a batch");
    batch->files = files;
    batch->room = room;
    return true;
}

bool batch_add(struct batch *batch, const struct inbox_file *file, struct span content, const struct error *bad,
               struct error *err)
{
    const size_t at = batch->content.len;
    if (!make_room(batch, err) || !buffer_add(&batch->content, content.at, content.len, err))
        return false;
    struct batch_file *added = &batch->files[batch->count++];
    *added = (struct batch_file){.file = *file, .at = at, .len = content.len};
    if (bad != NULL)
        added->bad = *bad;
    return true;
}

struct span batch_content(const struct batch *batch, const struct batch_file *file)
{
    return (struct span){buffer_span(&batch->content).at + file->at, file->len};
}

void batch_return(struct batch *batch, struct loading *loading)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (!batch->files[i].ended)
            loading_return(loading, &batch->files[i].file);
        batch->files[i].ended = true;
    }
}

void batch_close(struct batch *batch)
{
    if (batch == NULL)
        return;
    for (size_t i = 0; i < batch->count; i++)
        arena_close(batch->files[i].arena);
    buffer_fini(&batch->content);
    sys.release(batch->files);
    sys.release(batch);
}

/* ---- tools ---- */

static bool open_tools(struct batch_tools *tools, struct error *err)
{
    return tools->reader != NULL || xml_open(&tools->reader, err);
}

/* The policy of the ledger is that of this round. */
static bool open_store(struct batch_tools *tools, struct error *err)
{
    const struct force *force = tools->loading->force;
    const struct ledger_policy policy = {
        .expect_first = force->settings->first_serial == FIRST_SERIAL_EXPECT_1,
        .min_missing_age = force->properties.min_missing_age,
        .max_gap = force->settings->max_gap,
    };
    if (tools->store == NULL)
        tools->settings = tools->loading->site->store;
    tools->settings.ledger = policy;
    tools->settings.notice = batch_note;
    tools->settings.owner = tools->loading;
    return tools->store != NULL || store_open(&tools->settings, &tools->store, err);
}

void batch_close_tools(struct batch_tools *tools)
{
    store_close(tools->store);
    xml_close(tools->reader);
    tools->store = NULL;
    tools->reader = NULL;
}

/* ---- parsed ---- */

static struct report_limits limits_of(const struct settings *settings)
{
    return (struct report_limits){
        .xml = {.depth = (unsigned)settings->xml_depth, .tag_bytes = settings->max_tag},
        .messages = settings->max_messages,
    };
}

/* What the relay takes, the loader must not refuse: as much memory for a report as there. */
static size_t arena_ceiling(const struct settings *settings)
{
    return 1024UL * 1024 + 6 * settings->max_file;
}

/* False: nothing is known of the file, for want of memory. */
static bool parse_file(const struct batch *batch, struct batch_file *file, struct batch_tools *tools, struct error *err)
{
    const struct settings *settings = tools->loading->force->settings;
    const struct report_limits limits = limits_of(settings);
    file->arena = arena_open(arena_ceiling(settings), NULL);
    if (file->arena == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for a report");
    if (file_parse(batch_content(batch, file), &limits, tools->reader, file->arena, &file->report, err))
        return true;
    if (err->kind == ERROR_NO_MEMORY)
        return false;
    file->bad = *err;
    return true;
}

static bool parse_files(struct batch *batch, struct batch_tools *tools, struct error *err)
{
    if (!open_tools(tools, err))
        return false;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->files[i].bad.kind == ERROR_NONE && !parse_file(batch, &batch->files[i], tools, err))
            return false;
    return true;
}

/* ---- stored ---- */

static bool fill_stored(struct batch *batch, struct store_file *stored, size_t *count, struct error *err)
{
    *count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct batch_file *file = &batch->files[i];
        if (file->bad.kind != ERROR_NONE)
            continue;
        struct store_file *next = &stored[(*count)++];
        *next = (struct store_file){.name = file->file.name, .report = &file->report};
        if (!file_hash(batch_content(batch, file), next->hash, err))
            return false;
        file->stored = next;
    }
    return true;
}

/* Asked once more before the transaction: what waited for it may go back at a stop. */
static bool load_alone(struct batch_tools *tools, struct store_file *stored, size_t count, struct error *err)
{
    struct loading *loading = tools->loading;
    struct counters *counters = &loading->site->counters;
    if (loading_is_over(loading))
        return error_set(err, ERROR_BUSY, "the loading was broken off");
    const int64_t begin = sys_ticks();
    const int64_t now = sys_now();
    if (!open_store(tools, err) || !store_load(tools->store, stored, count, now, err)) {
        if (!atomic_load(&loading->stopping))
            loading_lose_database(loading, err);
        return false;
    }
    atomic_store(&loading->site->last_load, now);
    metrics_observe(&counters->batch_time, (uint64_t)(sys_ticks() - begin));
    metrics_observe(&counters->batch_files, count);
    return true;
}

static void note_waiting(struct loading *loading, const struct store_file *stored, size_t count,
                         const struct error *err)
{
    size_t i = 0;
    while (i < count && stored[i].result != STORE_WAITING)
        i++;
    if (i < count)
        loading_lose_database(loading, err);
}

static bool store_files(struct batch_tools *tools, struct store_file *stored, size_t count, struct error *err)
{
    struct loading *loading = tools->loading;
    if (count == 0)
        return true;
    if (loading->one_writer)
        (void)pthread_mutex_lock(&loading->writing);
    const bool done = load_alone(tools, stored, count, err);
    if (loading->one_writer)
        (void)pthread_mutex_unlock(&loading->writing);
    if (done)
        note_waiting(loading, stored, count, err);
    return done;
}

/* ---- all of it ---- */

/* Of the database's troubles load_alone has told. */
static bool load_files(struct batch *batch, struct batch_tools *tools, struct store_file *stored)
{
    struct error err = {0};
    size_t count;
    if (parse_files(batch, tools, &err) && fill_stored(batch, stored, &count, &err))
        return store_files(tools, stored, count, &err);
    loading_break(tools->loading, &err);
    return false;
}

static void log_parent(const struct loading *loading)
{
    const char *parent = loading->site->store.parent_site;
    if (parent[0] != '\0')
        log_info("CMessageProcessor - Detected parent site '%s'", parent);
}

/* With an array for the store that is as long as the batch. */
static void load_with(struct batch *batch, struct batch_tools *tools, struct store_file *stored)
{
    struct loading *loading = tools->loading;
    size_t ended;
    size_t bad;
    log_parent(loading);
    if (!load_files(batch, tools, stored))
        return;
    batch_end_files(batch, loading, &ended, &bad);
    if (ended > 0)
        batch_log_sum(loading, ended, bad);
}

void batch_load(struct batch *batch, struct batch_tools *tools)
{
    struct error err;
    if (!loading_is_over(tools->loading)) {
        struct store_file *stored = sys.allocate(batch->count * sizeof *stored);
        if (stored != NULL) {
            load_with(batch, tools, stored);
        } else {
            (void)error_set(&err, ERROR_NO_MEMORY, "the system refused memory for a batch");
            loading_break(tools->loading, &err);
        }
        sys.release(stored);
    }
    batch_return(batch, tools->loading);
}
