/* The decision hidden here: outgoing/ is one more queue of the inbox, so that who waits there is claimed, read and
 * recovered like any other file. */
#include "replicate.h"

#include "base/log.h"
#include "base/sys.h"
#include "spool/deliver.h"

#include <stdatomic.h>
#include <stdio.h>

enum { MOST_WAITING = 1000, MOST_NUMBER = 1000, EXTENSION = 4 };

bool replicate_is_wanted(const struct loading *loading)
{
    return loading->site->paths.parent_inbox != NULL;
}

/* ---- one file ---- */

/* NAME.smw, NAME.1.smw: the parent may have a file of that name, from us before a crash or from another child. */
static void write_numbered(const char *name, unsigned number, char out[NAME_MAX + 1])
{
    const size_t len = strlen(name) - EXTENSION;
    char counted[16] = "";
    if (number > 0)
        (void)snprintf(counted, sizeof counted, ".%u", number);
    const size_t room = NAME_MAX - strlen(counted) - EXTENSION;
    (void)snprintf(out, NAME_MAX + 1, "%.*s%s%.*s", (int)(len < room ? len : room), name, counted, EXTENSION,
                   name + len);
}

static bool deliver(const struct loading *loading, const struct inbox_file *file, struct span content,
                    struct error *err)
{
    const char *parent = loading->site->paths.parent_inbox;
    char plain[NAME_MAX + 1];
    char numbered[NAME_MAX + 1];
    bool delivered = false;
    inbox_plain_name(file, plain);
    for (unsigned number = 0; !delivered && number < MOST_NUMBER; number++) {
        write_numbered(plain, number, numbered);
        delivered = deliver_new(parent, numbered, content, err);
        if (!delivered && err->kind != ERROR_BUSY)
            return false;
    }
    if (!delivered)
        return false;
    log_info("CMessageProcessor - Successfully replicated file \"%s\" to parent site %s.", numbered,
             loading->site->store.parent_site);
    metrics_add(&loading->site->counters.files_replicated, 1);
    return true;
}

static void lose_parent(struct loading *loading, const struct error *why)
{
    if (!atomic_exchange(&loading->parent_away, true))
        log_warning("CMessageProcessor - WARNING: parent site %s takes no files (%s), they wait in %s",
                    loading->site->store.parent_site, why->text, loading->site->paths.outgoing);
}

bool replicate_file(struct loading *loading, const struct inbox_file *file, struct span content, struct error *err)
{
    if (!atomic_load(&loading->parent_away)) {
        if (deliver(loading, file, content, err))
            return inbox_remove(loading->inbox, file, err);
        lose_parent(loading, err);
    }
    return inbox_forward(loading->inbox, file, LOADING_OUTGOING, err);
}

/* ---- those that wait ---- */

/* False: it is still in hand. One that cannot be read does not hold up those behind it. */
static bool deliver_claimed(struct loading *loading, const struct inbox_file *file, struct buffer *content)
{
    struct error err;
    content->len = 0;
    if (!inbox_read(loading->inbox, file, content, &err)) {
        log_warning("CMessageProcessor - WARNING: file %s cannot be replicated (%s)", file->name, err.text);
        return false;
    }
    if (!deliver(loading, file, buffer_span(content), &err)) {
        lose_parent(loading, &err);
        return false;
    }
    if (inbox_remove(loading->inbox, file, &err))
        return true;
    loading_break(loading, &err);
    return false;
}

static bool deliver_waiting(struct loading *loading, const struct inbox_entry *entry, struct buffer *content)
{
    struct inbox_file file;
    struct error err;
    if (!inbox_claim(loading->inbox, entry, NULL, &file, &err)) {
        if (err.kind != ERROR_NOT_FOUND)
            loading_break(loading, &err);
        return err.kind == ERROR_NOT_FOUND;
    }
    if (deliver_claimed(loading, &file, content))
        return true;
    loading_return(loading, &file);
    return false;
}

static void deliver_all(struct loading *loading, const struct inbox_entry *entries, size_t count)
{
    struct buffer content;
    size_t done = 0;
    buffer_init(&content, loading->force->settings->max_file);
    for (size_t i = 0; i < count && !loading_is_over(loading) && !atomic_load(&loading->parent_away); i++)
        done += deliver_waiting(loading, &entries[i], &content);
    buffer_fini(&content);
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
