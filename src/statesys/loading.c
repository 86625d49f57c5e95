/* The decision hidden here: a file that is left is known by its name. By anything that changes while somebody still
 * writes it, it would be taken again and again. */
#include "loading.h"

#include "base/log.h"

#include <stdatomic.h>

void loading_init(struct loading *loading, struct site *site)
{
    *loading = (struct loading){.site = site};
    (void)pthread_mutex_init(&loading->writing, NULL); /* these cannot fail on Linux */
    (void)pthread_mutex_init(&loading->lock, NULL);
}

void loading_fini(struct loading *loading)
{
    (void)pthread_mutex_destroy(&loading->writing);
    (void)pthread_mutex_destroy(&loading->lock);
}

void loading_begin(struct loading *loading)
{
    loading->force = atomic_load(&loading->site->force);
    loading->parent_away = false;
    loading->broken = false;
    loading->next_look = INT64_MAX;
    if (loading->left_count > 0)
        memset(loading->left, 0, sizeof loading->left);
    loading->left_count = 0;
}

/* ---- how the round goes ---- */

static void break_off(struct loading *loading, const struct error *why)
{
    if (!loading->broken)
        loading->trouble = *why;
    loading->broken = true;
}

void loading_break(struct loading *loading, const struct error *why)
{
    (void)pthread_mutex_lock(&loading->lock);
    break_off(loading, why);
    (void)pthread_mutex_unlock(&loading->lock);
}

void loading_lose_database(struct loading *loading, const struct error *why)
{
    metrics_add(&loading->site->counters.database_failures, 1);
    if (why->kind != ERROR_NO_MEMORY)
        atomic_store(&loading->site->database_lost, true);
    loading_break(loading, why);
}

bool loading_is_over(struct loading *loading)
{
    if (atomic_load(&loading->stopping))
        return true;
    (void)pthread_mutex_lock(&loading->lock);
    const bool broken = loading->broken;
    (void)pthread_mutex_unlock(&loading->lock);
    return broken;
}

void loading_look_at(struct loading *loading, int64_t time)
{
    (void)pthread_mutex_lock(&loading->lock);
    if (time < loading->next_look)
        loading->next_look = time;
    (void)pthread_mutex_unlock(&loading->lock);
}

/* ---- files that are left ---- */

/* FNV-1a. */
static uint64_t hash_name(unsigned queue, const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ queue;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return hash == 0 ? 1 : hash;
}

/* Where it is, or where it belongs. */
static uint64_t *find_slot(struct loading *loading, uint64_t hash)
{
    size_t i = hash % LOADING_LEFT_SLOTS;
    while (loading->left[i] != 0 && loading->left[i] != hash)
        i = (i + 1) % LOADING_LEFT_SLOTS;
    return &loading->left[i];
}

/* Of more than that nobody could say in this round what was tried already. */
static void note_left(struct loading *loading, unsigned queue, const char *name)
{
    const uint64_t hash = hash_name(queue, name);
    struct error err;
    (void)pthread_mutex_lock(&loading->lock);
    uint64_t *slot = find_slot(loading, hash);
    if (*slot == 0 && loading->left_count == LOADING_MOST_LEFT) {
        (void)error_set(&err, ERROR_BUSY, "more than %d files are not whole yet or cannot be moved", LOADING_MOST_LEFT);
        break_off(loading, &err);
    } else if (*slot == 0) {
        *slot = hash;
        loading->left_count++;
    }
    (void)pthread_mutex_unlock(&loading->lock);
}

void loading_return(struct loading *loading, const struct inbox_file *file)
{
    struct error err;
    if (!inbox_return(loading->inbox, file, &err) && err.kind != ERROR_NOT_FOUND)
        loading_break(loading, &err);
}

void loading_leave(struct loading *loading, const struct inbox_file *file)
{
    note_left(loading, file->queue, file->name); /* first: as soon as it is back it may be listed */
    loading_return(loading, file);
}

void loading_put_off(struct loading *loading, const struct inbox_file *file, const struct error *why)
{
    log_warning("CMessageProcessor - WARNING: file %s cannot be moved (%s), tried again later", file->name, why->text);
    loading_leave(loading, file);
}

void loading_pass_by(struct loading *loading, const struct inbox_entry *entry)
{
    note_left(loading, entry->queue, entry->name);
}

bool loading_is_left(struct loading *loading, const struct inbox_entry *entry)
{
    (void)pthread_mutex_lock(&loading->lock);
    const bool left = loading->left_count > 0 && *find_slot(loading, hash_name(entry->queue, entry->name)) != 0;
    (void)pthread_mutex_unlock(&loading->lock);
    return left;
}
