/* The decision hidden here: one pass over the directory for names alone; size and time are asked of the chosen ones. */
#include "base/sys.h"
#include "inbox_order.h"
#include "inbox_place.h"

#include <errno.h>
#include <fcntl.h>

enum { MOST_PASSES = 10 };

struct listing {
    struct inbox_order order;
    const char *after;                  /* NULL: all */
};

static bool add_name(void *owner, const char *name, struct error *err)
{
    struct listing *listing = owner;
    return !inbox_name_counts(name) || (listing->after != NULL && !inbox_order_is_before(listing->after, name)) ||
           inbox_order_add(&listing->order, name, err);
}

/* One piece: the entries, and behind them their names. */
static struct inbox_entry *allocate_entries(const struct inbox_order *order)
{
    size_t size = order->count * sizeof(struct inbox_entry);
    for (size_t i = 0; i < order->count; i++)
        size += strlen(order->names[i]) + 1;
    return sys.allocate(size);
}

static bool ask(const struct inbox_place *place, struct inbox_entry *entry, bool *there, struct error *err)
{
    struct inbox_name name;
    struct stat status;
    if (sys.fstatat(place->fd, entry->name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        *there = false;
        return errno == ENOENT || error_os(err, "cannot look at '%.80s' in '%s'", entry->name, place->path);
    }
    inbox_name_parse(entry->name, &name);
    *there = S_ISREG(status.st_mode);
    entry->size = (uint64_t)status.st_size;
    entry->modified = (int64_t)status.st_mtim.tv_sec * 1000000 + status.st_mtim.tv_nsec / 1000;
    entry->tries = name.tries;
    return true;
}

static bool fill_entries(const struct inbox_place *place, const struct inbox_order *order, struct inbox_entry *entries,
                         size_t *count, struct error *err)
{
    char *name = (char *)(entries + order->count);
    size_t filled = 0;
    for (size_t i = 0; i < order->count; i++) {
        const size_t size = strlen(order->names[i]) + 1;
        bool there;
        memcpy(name, order->names[i], size);
        entries[filled] = (struct inbox_entry){.name = name};
        if (!ask(place, &entries[filled], &there, err))
            return false;
        name += there ? size : 0;
        filled += there;
    }
    *count = filled;
    return true;
}

static bool make_list(const struct inbox_place *place, struct inbox_order *order, struct inbox_entry **out,
                      size_t *count, struct error *err)
{
    inbox_order_sort(order);
    struct inbox_entry *entries = allocate_entries(order);
    if (entries == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a list of %zu files", order->count);
    if (fill_entries(place, order, entries, count, err)) {
        *out = entries;
        return true;
    }
    sys.release(entries);
    return false;
}

/* Of `found` names `left` are still files. */
static bool list_names(const struct inbox_place *place, struct listing *listing, struct inbox_entry **out,
                       size_t *found, size_t *left, struct error *err)
{
    struct inbox_order *order = &listing->order;
    *out = NULL;
    *left = 0;
    bool listed = inbox_place_scan(place, (struct inbox_visitor){add_name, listing}, err);
    *found = order->count;
    if (listed && order->count > 0)
        listed = make_list(place, order, out, left, err);
    inbox_order_fini(order);
    return listed;
}

/* Other readers may take all that one pass found, while more is waiting. But some file systems list names behind which
 * there never is a file: so not for ever. */
bool inbox_place_list(const struct inbox_place *place, const char *after, size_t most, struct inbox_entry **out,
                      size_t *count, bool *more, struct error *err)
{
    struct listing listing = {.after = after};
    struct inbox_entry *entries = NULL;
    size_t found = 1;
    size_t left = 0;
    inbox_order_init(&listing.order, most);
    for (int pass = 0; pass < MOST_PASSES && found > 0 && left == 0; pass++) {
        sys.release(entries);
        if (!list_names(place, &listing, &entries, &found, &left, err))
            return false;
    }
    *out = entries;
    *count = left;
    *more = left > 0 && found == most;
    return true;
}

bool inbox_list(struct inbox *inbox, unsigned queue, size_t most, struct inbox_entry **out, size_t *count,
                struct error *err)
{
    const struct inbox_place *place = &inbox->queues[queue];
    bool more;
    if (!sys_is_at(&place->identity, place->path))
        return error_set(err, ERROR_SYSTEM, "'%s' is not the directory any more that was opened", place->path);
    if (!inbox_place_list(place, NULL, most, out, count, &more, err))
        return false;
    for (size_t i = 0; i < *count; i++)
        (*out)[i].queue = queue;
    return true;
}
