/* The decision hidden here: outgoing/ is one more queue of the inbox, so that who waits there is claimed, read and
 * recovered like any other file. */
#include "replicate.h"

#include "base/log.h"
#include "base/sys.h"

#include <stdatomic.h>

enum {
    MOST_WAITING = 1000,
    MOST_BYTES = 1024 * 1024,           /* of files that waited and go together */
};

bool replicate_is_wanted(const struct loading *loading)
{
    return loading->site->paths.parent_inbox != NULL;
}

/* ---- together ---- */

static void lose_parent(struct loading *loading, const struct error *why)
{
    if (!atomic_exchange(&loading->parent_away, true))
        log_warning("CMessageProcessor - WARNING: parent site %s takes no files (%s), they wait in %s",
                    loading->site->store.parent_site, why->text, loading->site->paths.outgoing);
}

/* How many of them the parent has, the first ones. */
static size_t deliver(const struct replication *replication)
{
    struct loading *loading = replication->loading;
    struct deliver_file sent[DELIVER_MOST];
    struct error err;
    size_t count = replication->count;
    if (count == 0 || atomic_load(&loading->parent_away))
        return 0;
    for (size_t i = 0; i < count; i++) {
        inbox_plain_name(replication->files[i], sent[i].name);
        sent[i].content = replication->contents[i];
    }
    if (!deliver_many(loading->site->paths.parent_inbox, sent, &count, &err))
        lose_parent(loading, &err);
    for (size_t i = 0; i < count; i++)
        log_info("CMessageProcessor - Successfully replicated file \"%s\" to parent site %s.", sent[i].name,
                 loading->site->store.parent_site);
    metrics_add(&loading->site->counters.files_replicated, count);
    return count;
}

void replicate_end(struct replication *replication)
{
    struct loading *loading = replication->loading;
    const size_t delivered = deliver(replication);
    struct error err;
    for (size_t i = 0; i < replication->count; i++) {
        const struct inbox_file *file = replication->files[i];
        const bool moved = i < delivered ? inbox_remove(loading->inbox, file, &err)
                                         : inbox_forward(loading->inbox, file, LOADING_OUTGOING, &err);
        if (!moved)
            loading_put_off(loading, file, &err);
    }
    replication->count = 0;
}

void replicate_add(struct replication *replication, const struct inbox_file *file, struct span content)
{
    replication->files[replication->count] = file;
    replication->contents[replication->count++] = content;
    if (replication->count == DELIVER_MOST)
        replicate_end(replication);
}

/* ---- those that wait ---- */

struct waiting {
    struct loading *loading;
    struct buffer content;
    size_t count;
    struct inbox_file files[DELIVER_MOST];
    size_t ends[DELIVER_MOST];          /* of their bytes in the content */
};

/* One that cannot be read does not hold up those behind it. */
static void take(struct waiting *waiting, const struct inbox_entry *entry)
{
    struct loading *loading = waiting->loading;
    struct inbox_file *file = &waiting->files[waiting->count];
    struct error err;
    if (!inbox_claim(loading->inbox, entry, NULL, file, &err)) {
        if (err.kind != ERROR_NOT_FOUND)
            loading_break(loading, &err);
        return;
    }
    waiting->content.most = waiting->content.len + loading->force->settings->max_file;
    if (inbox_read(loading->inbox, file, &waiting->content, &err)) {
        waiting->ends[waiting->count++] = waiting->content.len;
        return;
    }
    log_warning("CMessageProcessor - WARNING: file %s cannot be replicated (%s)", file->name, err.text);
    loading_return(loading, file);
}

/* A file that is too large goes alone, so that it is told by its own limit. */
static bool has_room(const struct waiting *waiting, const struct inbox_entry *next)
{
    const uint64_t largest = waiting->loading->force->settings->max_file;
    return waiting->count == 0 ||
           (waiting->count < DELIVER_MOST && next->size <= largest && next->size + waiting->content.len <= MOST_BYTES);
}

/* How many of the entries were looked at. */
static size_t gather(struct waiting *waiting, const struct inbox_entry *entries, size_t count)
{
    size_t i = 0;
    waiting->count = 0;
    waiting->content.len = 0;
    while (i < count && has_room(waiting, &entries[i]) && !loading_is_over(waiting->loading))
        take(waiting, &entries[i++]);
    return i;
}

/* How many are gone from here. */
static size_t deliver_gathered(struct waiting *waiting)
{
    struct loading *loading = waiting->loading;
    struct replication replication = {.loading = loading, .count = waiting->count};
    struct error err;
    for (size_t i = 0; i < waiting->count; i++) {
        const size_t begin = i == 0 ? 0 : waiting->ends[i - 1];
        replication.files[i] = &waiting->files[i];
        replication.contents[i] = (struct span){buffer_span(&waiting->content).at + begin, waiting->ends[i] - begin};
    }
    const size_t delivered = deliver(&replication);
    for (size_t i = 0; i < delivered; i++)
        if (!inbox_remove(loading->inbox, &waiting->files[i], &err))
            loading_break(loading, &err);
    for (size_t i = delivered; i < waiting->count; i++)
        loading_return(loading, &waiting->files[i]);
    return delivered;
}

static void deliver_all(struct loading *loading, const struct inbox_entry *entries, size_t count)
{
    struct waiting waiting = {.loading = loading};
    size_t looked = 0, done = 0;
    buffer_init(&waiting.content, 0);
    while (looked < count && !loading_is_over(loading) && !atomic_load(&loading->parent_away)) {
        looked += gather(&waiting, entries + looked, count - looked);
        done += deliver_gathered(&waiting);
    }
    buffer_fini(&waiting.content);
    if (count == MOST_WAITING && done > 0 && !atomic_load(&loading->parent_away))
        loading_look_at(loading, 0);
}

void replicate_waiting(struct loading *loading)
{
    struct inbox_entry *entries;
    struct error err;
    size_t count;
    if (!replicate_is_wanted(loading) || atomic_load(&loading->parent_away) || loading_is_over(loading))
        return;
    if (!inbox_list(loading->inbox, LOADING_OUTGOING, MOST_WAITING, &entries, &count, &err)) {
        loading_break(loading, &err);
        return;
    }
    deliver_all(loading, entries, count);
    sys.release(entries);
    if (count > 0 && !inbox_sync(loading->inbox, &err))
        loading_break(loading, &err);
}
