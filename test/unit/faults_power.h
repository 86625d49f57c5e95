/*
 * What a power cut after each event of a recording (faults.h) could have left, by the strictest reading of POSIX:
 * bytes not yet synced are there, lost or torn; a name made or removed and not yet synced in its directory is as
 * before or as after each such change, each name for itself; a directory is itself such a name. Since every name and
 * every file may turn out for itself, a promise is broken in some combination if and only if it is broken by one
 * name and one file, so that is all there is to look at.
 *
 * Without a journal (`journal` false) the link count of a file, too, is only there after a sync of the file itself.
 */
#ifndef TEST_FAULTS_POWER_H
#define TEST_FAULTS_POWER_H

#include "faults.h"

struct power_loss {
    unsigned cuts;          /* tried */
    unsigned kept;          /* answered by the end */
    unsigned lost;          /* cuts and records: answered as kept, and possibly not there, or not whole */
    unsigned half;          /* cuts and names: a name ending in .smx, possibly with less than the whole file */
};

enum { POWER_CHANGES = 8, POWER_MOST = FAULTS_MOST };

struct power_name {
    int directory;
    const char *name;
    int durable;                            /* an object, or FAULTS_UNKNOWN for nothing */
    size_t change_count;                    /* since then */
    struct {
        size_t at;
        int object;
    } changes[POWER_CHANGES];
};

struct power_file {
    size_t durable;                         /* bytes, of a file that is written from the beginning */
    size_t covered;                         /* what was done to it before this event is durable */
    size_t linked;                          /* the event that gave it its first name, +1 */
    bool counted;                           /* its link count is durable */
};

static struct {
    struct power_file files[FAULTS_MOST];
    struct power_name names[POWER_MOST];
    size_t name_count;
    const struct faults_event *kept[POWER_MOST];
    size_t kept_count;
} power;

static inline struct power_name *power_find(int directory, const char *name)
{
    for (size_t i = 0; i < power.name_count; i++)
        if (power.names[i].directory == directory && strcmp(power.names[i].name, name) == 0)
            return &power.names[i];
    assert(power.name_count < POWER_MOST);
    struct power_name *made = &power.names[power.name_count++];
    *made = (struct power_name){.directory = directory, .name = name, .durable = FAULTS_UNKNOWN};
    return made;
}

static inline void power_change(size_t at, const struct faults_event *event, int object)
{
    struct power_name *name = power_find(event->directory, event->name);
    assert(name->change_count < POWER_CHANGES);
    name->changes[name->change_count].at = at;
    name->changes[name->change_count++].object = object;
    if (object >= 0 && power.files[object].linked == 0)
        power.files[object].linked = at + 1;
}

static inline void power_sync_names(int directory, size_t begun)
{
    for (size_t i = 0; i < power.name_count; i++) {
        struct power_name *name = &power.names[i];
        if (directory != FAULTS_EVERYTHING && name->directory != directory)
            continue;
        size_t covered = 0;
        while (covered < name->change_count && name->changes[covered].at < begun)
            name->durable = name->changes[covered++].object;
        name->change_count -= covered;
        memmove(name->changes, name->changes + covered, name->change_count * sizeof name->changes[0]);
    }
}

static inline void power_sync_file(int object, size_t begun)
{
    struct power_file *file = &power.files[object];
    size_t len = 0;
    for (size_t i = 0; i < begun; i++)
        if (faults.events[i].kind == FAULTS_WROTE && faults.events[i].object == object)
            len += faults.events[i].len;
    file->durable = len > file->durable ? len : file->durable;
    file->covered = begun > file->covered ? begun : file->covered;
    file->counted |= file->linked > 0 && file->linked - 1 < begun;
}

static inline void power_sync(const struct faults_event *event)
{
    if (event->object == FAULTS_UNKNOWN)
        return;
    power_sync_names(event->object, event->begun);
    for (int i = 0; i < faults.object_count; i++)
        if (event->object == FAULTS_EVERYTHING || event->object == i)
            power_sync_file(i, event->begun);
}

static inline void power_replay(size_t at, const struct faults_event *event)
{
    switch (event->kind) {
    case FAULTS_NAMED:
        power_change(at, event, event->object);
        break;
    case FAULTS_UNNAMED:
        power_change(at, event, FAULTS_UNKNOWN);
        break;
    case FAULTS_SYNCED:
        power_sync(event);
        break;
    case FAULTS_KEPT:
        power.kept[power.kept_count++] = event;
        break;
    case FAULTS_CREATED:
    case FAULTS_WROTE:
    case FAULTS_TRUNCATED:
        break;
    }
}

static inline bool power_is_whole(int object)
{
    return power.files[object].durable == faults.objects[object].len;
}

static inline bool power_is(int object, const struct span content[2])
{
    const struct faults_object *file = &faults.objects[object];
    return file->len == content[0].len + content[1].len && memcmp(file->bytes, content[0].at, content[0].len) == 0 &&
           (content[1].len == 0 || memcmp(file->bytes + content[0].len, content[1].at, content[1].len) == 0);
}

/* Either older than the recording, or its own name is durable. */
static inline bool power_has_directory(int directory)
{
    for (size_t i = 0; i < power.name_count; i++) {
        const struct power_name *name = &power.names[i];
        if (name->durable == directory && name->change_count == 0)
            return power_has_directory(name->directory);
        for (size_t k = 0; k < name->change_count; k++)
            if (name->changes[k].object == directory)
                return false;
    }
    return true;
}

static inline bool power_keeps(const struct faults_event *kept, bool journal)
{
    const struct power_name *name = power_find(kept->directory, kept->name);
    const int object = name->durable;
    if (object < 0 || name->change_count > 0 || !power_has_directory(kept->directory))
        return false;
    if (!journal && faults.objects[object].nameless && !power.files[object].counted)
        return false;
    return power_is_whole(object) && power_is(object, kept->content);
}

static inline bool power_leaves_half(const struct power_name *name)
{
    const size_t len = strlen(name->name);
    if (len < 4 || strcmp(name->name + len - 4, ".smx") != 0)
        return false;
    bool half = name->durable >= 0 && !power_is_whole(name->durable);
    for (size_t i = 0; i < name->change_count; i++)
        half |= name->changes[i].object >= 0 && !power_is_whole(name->changes[i].object);
    return half;
}

static inline void power_cut(bool journal, struct power_loss *loss)
{
    loss->cuts++;
    for (size_t i = 0; i < power.kept_count; i++)
        loss->lost += !power_keeps(power.kept[i], journal);
    for (size_t i = 0; i < power.name_count; i++)
        loss->half += power_leaves_half(&power.names[i]);
}

/* Cuts the power after each event. What `forgets` says of (NULL: nothing) never happened: a checker that then finds no
 * loss is no checker. */
static inline struct power_loss power_cut_everywhere(bool journal, bool (*forgets)(const struct faults_event *event))
{
    struct power_loss loss = {0};
    memset(&power, 0, sizeof power);
    for (size_t i = 0; i < faults.event_count; i++) {
        if (forgets != NULL && forgets(&faults.events[i]))
            continue;
        power_replay(i, &faults.events[i]);
        power_cut(journal, &loss);
    }
    loss.kept = (unsigned)power.kept_count;
    return loss;
}

/* ---- things to forget ---- */

static inline bool power_is_directory_sync(const struct faults_event *event)
{
    return event->kind == FAULTS_SYNCED && event->object >= 0 && faults.objects[event->object].is_directory;
}

static inline bool power_is_data_sync(const struct faults_event *event)
{
    return event->kind == FAULTS_SYNCED && !power_is_directory_sync(event);
}

#endif
