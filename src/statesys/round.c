/* The decision hidden here: a queue is listed again only when all that was listed is taken. To list a million names for
 * each fetch would cost more than to load what is fetched. */
#include "round.h"

#include "base/log.h"
#include "base/sys.h"
#include "turns.h"

#include <stdatomic.h>
#include <stdio.h>

enum {
    MOST_LISTED = 32768, /* of a queue: 6 MB or so */
    MOST_CHUNKS = 10000, /* the bound of Max Chunks Fetched */
    MOST_FILES = 1024,   /* in a chunk, however small they are */
    MOST_REFUSED = 10,   /* files that cannot be taken before it is said that the inbox is bad */
};

struct list {
    struct inbox_entry *entries;
    size_t count;
    size_t planned; /* those before are in a chunk */
    size_t taken;
};

struct chunk_plan {
    unsigned queue;
    unsigned files;
};

struct round {
    struct loading *loading;
    struct workers *workers;
    struct watch *watch;
    struct turns turns;
    struct list lists[QUEUES];
    struct buffer content; /* of the file in hand */
    bool found;            /* any file, in this round */
    unsigned refused;
    size_t chunks;
    struct chunk_plan plan[MOST_CHUNKS];
};

bool round_open(struct loading *loading, struct workers *workers, struct watch *watch, struct round **out,
                struct error *err)
{
    struct round *round = sys.allocate(sizeof *round);
    if (round == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for the loader");
    memset(round, 0, sizeof *round);
    round->loading = loading;
    round->workers = workers;
    round->watch = watch;
    *out = round;
    return true;
}

static void clear_list(struct list *list)
{
    sys.release(list->entries);
    *list = (struct list){0};
}

void round_close(struct round *round)
{
    if (round == NULL)
        return;
    for (size_t i = 0; i < QUEUES; i++)
        clear_list(&round->lists[i]);
    buffer_fini(&round->content);
    sys.release(round);
}

/* ---- looking ---- */

static void drop_left(struct round *round, struct list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (!loading_is_left(round->loading, &list->entries[i]))
            list->entries[kept++] = list->entries[i];
    list->count = kept;
}

/* Lists the queues of which all is taken. */
static bool look(struct round *round)
{
    struct error err;
    for (unsigned i = 0; i < QUEUES; i++) {
        struct list *list = &round->lists[i];
        if (list->planned < list->count)
            continue;
        clear_list(list);
        if (!inbox_list(round->loading->inbox, i, MOST_LISTED, &list->entries, &list->count, &err)) {
            loading_break(round->loading, &err);
            return false;
        }
        drop_left(round, list);
    }
    return true;
}

/* ---- planning ---- */

static unsigned measure_chunk(const struct list *list, uint64_t most)
{
    uint64_t size = 0;
    unsigned files = 0;
    for (size_t i = list->planned; i < list->count && files < MOST_FILES; i++, files++) {
        if (files > 0 && list->entries[i].size > most - size)
            break;
        size += list->entries[i].size;
        if (size >= most)
            return files + 1;
    }
    return files;
}

static void plan(struct round *round)
{
    const struct properties *properties = &round->loading->force->properties;
    size_t queue = 0;
    for (round->chunks = 0; round->chunks < properties->max_chunks && round->chunks < MOST_CHUNKS; round->chunks++) {
        bool waiting[QUEUES];
        for (size_t i = 0; i < QUEUES; i++)
            waiting[i] = round->lists[i].planned < round->lists[i].count;
        if (!turns_next(&round->turns, waiting, &queue))
            break;
        struct list *list = &round->lists[queue];
        const unsigned files = measure_chunk(list, properties->chunk_size);
        round->plan[round->chunks] = (struct chunk_plan){(unsigned)queue, files};
        list->planned += files;
    }
}

/* Once more when all that is in hand has come to its end: some of it may have come back, and only what came after this
 * look shall be noticed. */
static bool find_chunks(struct round *round)
{
    if (!look(round))
        return false;
    plan(round);
    if (round->chunks == 0) {
        workers_finish(round->workers);
        watch_drain(round->watch);
        if (loading_is_over(round->loading) || !look(round))
            return false;
        plan(round);
    }
    return round->chunks > 0;
}

/* ---- taking ---- */

/* X.smx becomes X.SMW where the file goes on to a parent site (spec/smx.md 5). */
static const char *name_in_hand(const struct round *round, const char *name, char out[NAME_MAX + 1])
{
    if (round->loading->site->paths.parent_inbox == NULL)
        return NULL;
    const size_t stem = strlen(name) - 4;
    (void)snprintf(out, NAME_MAX + 1, "%.*s.SMW", (int)stem, name);
    return out;
}

/* One file in the way shall not hold up the others; a directory that takes no more of them is something else. */
static void pass_by(struct round *round, const struct inbox_entry *entry, const struct error *why)
{
    log_warning("CMessageProcessor - WARNING: file %s cannot be taken (%s), tried again later", entry->name, why->text);
    loading_pass_by(round->loading, entry);
    if (why->kind != ERROR_SYSTEM || ++round->refused == MOST_REFUSED)
        loading_break(round->loading, why);
}

static void add_unread(struct round *round, const struct inbox_file *file, const struct error *why)
{
    if (why->kind == ERROR_MALFORMED || why->kind == ERROR_TOO_BIG) {
        workers_add(round->workers, file, SPAN(""), why);
        return;
    }
    log_warning("CMessageProcessor - WARNING: file %s cannot be read (%s), tried again later", file->name, why->text);
    loading_leave(round->loading, file);
    if (why->kind != ERROR_SYSTEM)
        loading_break(round->loading, why);
}

static void take_file(struct round *round, const struct inbox_entry *entry)
{
    struct loading *loading = round->loading;
    struct inbox_file file;
    struct error err;
    char name[NAME_MAX + 1];
    if (!inbox_claim(loading->inbox, entry, name_in_hand(round, entry->name, name), &file, &err)) {
        if (err.kind != ERROR_NOT_FOUND)
            pass_by(round, entry, &err);
        return;
    }
    round->content.most = loading->force->settings->max_file;
    round->content.len = 0;
    if (inbox_read(loading->inbox, &file, &round->content, &err))
        workers_add(round->workers, &file, buffer_span(&round->content), NULL);
    else
        add_unread(round, &file, &err);
    if (round->content.room > loading->force->properties.chunk_size)
        buffer_fini(&round->content); /* one large file is no reason to keep so much */
}

static void take_chunks(struct round *round)
{
    for (size_t i = 0; i < round->chunks; i++) {
        struct list *list = &round->lists[round->plan[i].queue];
        for (unsigned left = round->plan[i].files; left > 0; left--) {
            if (loading_is_over(round->loading))
                return;
            take_file(round, &list->entries[list->taken++]);
        }
    }
}

/* ---- all of it ---- */

static size_t count_threads(const struct round *round)
{
    const size_t most = round->loading->force->properties.loader_threads;
    return round->chunks < most ? round->chunks : most;
}

/* The ends of files need not be durable at once: what comes back after a power cut is known by its content. So they are
 * synced once a fetch, not once a batch, which would cost as much as its commit. */
static void sync_ends(struct round *round)
{
    struct error err;
    if (!inbox_sync(round->loading->inbox, &err))
        loading_break(round->loading, &err);
}

/* False: the round is over. */
static bool fetch(struct round *round)
{
    struct error err;
    if (!find_chunks(round))
        return false;
    if (!round->found)
        log_info("Found new state messages to process, starting processing thread");
    round->found = true;
    if (!workers_start(round->workers, count_threads(round), &err)) {
        loading_break(round->loading, &err);
        return false;
    }
    log_info("total chucks loaded (%zu)", round->chunks);
    take_chunks(round);
    sync_ends(round);
    return !loading_is_over(round->loading);
}

void round_run(struct round *round)
{
    turns_init(&round->turns);
    round->found = false;
    round->refused = 0;
    while (fetch(round))
        ;
    workers_finish(round->workers);
    if (round->found && !loading_is_over(round->loading))
        log_info("total chucks loaded (0)");
    workers_end(round->workers);
    if (round->found)
        sync_ends(round);
    for (size_t i = 0; i < QUEUES; i++)
        clear_list(&round->lists[i]);
}
