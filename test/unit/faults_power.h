/*
 * What the disk may hold when the power is cut after some event of a recording, by the strictest reading of POSIX.
 *
 * A disk is a set of places: a name in a directory, or a block of a file. Each place holds what it held when it was
 * last synced, or any of what was put there since, each place for itself; a block may also be torn between two of
 * them. A directory is itself such a name. What a failed sync should have covered is forlorn: it may be there, but no
 * later sync makes it durable; only what is put there anew can be synced again.
 *
 * Without a journal (`journal` false) the link count of a file, too, is only there after a sync of the file itself.
 */
#ifndef TEST_FAULTS_POWER_H
#define TEST_FAULTS_POWER_H

#include "faults_recording.h"

#include <stdint.h>
#include <unistd.h>

enum { POWER_BLOCK = 4096, POWER_MOST = 2 * RECORDING_MOST, POWER_DURABLE = 0 };

struct power_version {
    size_t event; /* that put it there, + 1 */
    bool forlorn;
    int object;  /* of a name: what it names, or RECORDING_NOTHING */
    char *bytes; /* of a block */
    size_t len;
    uint64_t key; /* of what it holds */
};

struct power_place {
    int owner;                      /* the directory, or the file */
    const char *name;               /* NULL: a block */
    size_t at;                      /* where the block begins */
    uint64_t key;                   /* of the name, or of where the block begins */
    struct power_version *versions; /* what it may hold, POWER_DURABLE first */
    size_t count;
    size_t next;   /* place of the same owner, + 1 */
    size_t chosen; /* for the state that is looked at (faults_states.h) */
};

static struct {
    struct power_place places[POWER_MOST];
    size_t place_count;
    size_t first[RECORDING_MOST];  /* place of each object, + 1 */
    size_t linked[RECORDING_MOST]; /* the event that gave a file its first name, + 1 */
    bool counted[RECORDING_MOST];  /* its link count is durable */
    const struct recording_event *kept[RECORDING_MOST];
    size_t kept_count;
} power;

static inline uint64_t power_hash(const void *bytes, size_t len, uint64_t hash)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return (hash ^ hash >> 32) * UINT64_C(0x9E3779B97F4A7C15);
}

/* ---- places and what they may hold ---- */

static inline void power_begin(void)
{
    for (size_t i = 0; i < power.place_count; i++) {
        for (size_t k = 0; k < power.places[i].count; k++)
            free(power.places[i].versions[k].bytes);
        free(power.places[i].versions);
    }
    power.place_count = power.kept_count = 0;
    memset(power.first, 0, sizeof power.first);
    memset(power.linked, 0, sizeof power.linked);
    memset(power.counted, 0, sizeof power.counted);
}

static inline struct power_place *power_first(int owner)
{
    return power.first[owner] == 0 ? NULL : &power.places[power.first[owner] - 1];
}

static inline struct power_place *power_next(const struct power_place *place)
{
    return place->next == 0 ? NULL : &power.places[place->next - 1];
}

static inline void power_put(struct power_place *place, struct power_version version)
{
    place->versions = realloc(place->versions, (place->count + 1) * sizeof version);
    assert(place->versions != NULL);
    version.key = version.len > 0 ? power_hash(version.bytes, version.len, version.len) : (uint64_t)version.object;
    place->versions[place->count++] = version;
}

/* `name` NULL: the block at `at`. It first holds nothing. */
static inline struct power_place *power_find(int owner, const char *name, size_t at)
{
    for (struct power_place *place = power_first(owner); place != NULL; place = power_next(place))
        if (name == NULL ? place->at == at : strcmp(place->name, name) == 0)
            return place;
    assert(power.place_count < POWER_MOST);
    struct power_place *made = &power.places[power.place_count++];
    *made = (struct power_place){.owner = owner, .name = name, .at = at, .next = power.first[owner]};
    made->key = name == NULL ? power_hash(&at, sizeof at, 1) : power_hash(name, strlen(name), 2);
    power.first[owner] = power.place_count;
    power_put(made, (struct power_version){.object = RECORDING_NOTHING});
    return made;
}

static inline const struct power_version *power_newest(const struct power_place *place)
{
    return &place->versions[place->count - 1];
}

static inline bool power_is_open(const struct power_place *place)
{
    return place->count > 1;
}

/* ---- replaying what happened ---- */

static inline void power_name(size_t event, int directory, const char *name, int object)
{
    power_put(power_find(directory, name, 0), (struct power_version){.event = event + 1, .object = object});
    if (object >= 0 && power.linked[object] == 0)
        power.linked[object] = event + 1;
}

static inline void power_write_block(size_t event, int object, size_t at, const char *bytes, size_t len)
{
    struct power_place *place = power_find(object, NULL, at / POWER_BLOCK * POWER_BLOCK);
    const struct power_version *before = power_newest(place);
    const size_t end = at % POWER_BLOCK + len;
    char *copy = calloc(1, POWER_BLOCK);
    assert(copy != NULL);
    if (before->len > 0)
        memcpy(copy, before->bytes, before->len);
    memcpy(copy + at % POWER_BLOCK, bytes, len);
    power_put(place, (struct power_version){.event = event + 1,
                                            .object = RECORDING_NOTHING,
                                            .bytes = copy,
                                            .len = end > before->len ? end : before->len});
}

static inline void power_write(size_t event, const struct recording_event *wrote)
{
    for (size_t done = 0; done < wrote->len;) {
        const size_t at = wrote->at + done;
        const size_t room = POWER_BLOCK - at % POWER_BLOCK;
        const size_t len = room < wrote->len - done ? room : wrote->len - done;
        power_write_block(event, wrote->object, at, wrote->bytes + done, len);
        done += len;
    }
}

static inline void power_truncate(size_t event, const struct recording_event *truncated)
{
    assert(truncated->len == 0); /* nobody cuts a file in the middle */
    for (struct power_place *place = power_first(truncated->object); place != NULL; place = power_next(place))
        power_put(place, (struct power_version){.event = event + 1, .object = RECORDING_NOTHING});
}

/* The newest version that the sync covers is durable; those before it are no more. */
static inline void power_sync_place(struct power_place *place, size_t begun)
{
    size_t durable = 0;
    for (size_t i = 1; i < place->count && place->versions[i].event <= begun; i++)
        if (!place->versions[i].forlorn)
            durable = i;
    for (size_t i = 0; i < durable; i++)
        free(place->versions[i].bytes);
    place->count -= durable;
    memmove(place->versions, place->versions + durable, place->count * sizeof place->versions[0]);
}

static inline void power_give_up_place(struct power_place *place, size_t begun)
{
    for (size_t i = 1; i < place->count && place->versions[i].event <= begun; i++)
        place->versions[i].forlorn = true;
}

/* A sync, done or failed, of an object or of everything. */
static inline void power_sync(const struct recording_event *sync)
{
    const bool done = sync->kind == RECORDING_SYNCED;
    for (int i = 0; i < recording.object_count; i++) {
        if (sync->object != RECORDING_EVERYTHING && sync->object != i)
            continue;
        for (struct power_place *place = power_first(i); place != NULL; place = power_next(place))
            (done ? power_sync_place : power_give_up_place)(place, sync->begun);
        power.counted[i] |= done && power.linked[i] > 0 && power.linked[i] <= sync->begun;
    }
}

static inline void power_replay(size_t index)
{
    const struct recording_event *event = &recording.events[index];
    switch (event->kind) {
    case RECORDING_WROTE:
        power_write(index, event);
        break;
    case RECORDING_TRUNCATED:
        power_truncate(index, event);
        break;
    case RECORDING_NAMED:
        power_name(index, event->directory, event->name, event->object);
        break;
    case RECORDING_UNNAMED:
        power_name(index, event->directory, event->name, RECORDING_NOTHING);
        break;
    case RECORDING_SYNCED:
    case RECORDING_FAILED:
        power_sync(event);
        break;
    case RECORDING_KEPT:
        power.kept[power.kept_count++] = event;
        break;
    }
}

#endif
