/* The decision hidden here: when a file is due is in its name, so that waiting needs no memory and no second file. */
#include "base/sys.h"
#include "inbox_place.h"

bool inbox_retry(struct inbox *inbox, const struct inbox_file *file, unsigned tries, int64_t due, struct error *err)
{
    struct inbox_name name;
    inbox_name_parse(file->name, &name);
    name.tries = tries;
    name.waits = true;
    name.queue = file->queue;
    name.due = due > 0 ? due : 0;
    return inbox_place_put(&inbox->hand[file->queue], file->name, &inbox->retry, &name, err);
}

struct bringing {
    struct inbox *inbox;
    int64_t now;
    uint64_t count;
};

static bool bring(void *owner, const char *text, struct error *err)
{
    struct bringing *bringing = owner;
    struct inbox_name name;
    if (!inbox_name_counts(text))
        return true;
    inbox_name_parse(text, &name);
    if (name.due > bringing->now)
        return true;
    name.waits = false;
    if (inbox_place_put(&bringing->inbox->retry, text, inbox_queue(bringing->inbox, name.queue), &name, err)) {
        bringing->count++;
        return true;
    }
    return err->kind == ERROR_NOT_FOUND;        /* another reader brought it */
}

bool inbox_bring_due(struct inbox *inbox, int64_t now, uint64_t *count, struct error *err)
{
    struct bringing bringing = {.inbox = inbox, .now = now};
    if (!inbox_place_scan(&inbox->retry, (struct inbox_visitor){bring, &bringing}, err))
        return false;
    *count = bringing.count;
    return true;
}
