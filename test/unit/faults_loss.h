/*
 * What a power cut after each event of a recording could have lost, without building any state: since every place may
 * turn out for itself (faults_power.h), a promise is broken in some state if and only if it is broken by one name and
 * its one file, so that is all there is to look at. For a spool without a journal; with one see faults_states.h.
 */
#ifndef TEST_FAULTS_LOSS_H
#define TEST_FAULTS_LOSS_H

#include "faults_power.h"

struct loss {
    unsigned cuts; /* tried */
    unsigned kept; /* answered by the end */
    unsigned lost; /* cuts and records: answered as kept, and possibly not there, or not whole */
    unsigned half; /* cuts and names: a name ending in .smx, possibly with less than the whole file */
};

static inline bool loss_is_whole(int object)
{
    for (const struct power_place *block = power_first(object); block != NULL; block = power_next(block))
        if (power_is_open(block))
            return false;
    return true;
}

static inline bool loss_is(int object, const struct span content[2])
{
    const struct recording_object *file = &recording.objects[object];
    return file->len == content[0].len + content[1].len && memcmp(file->bytes, content[0].at, content[0].len) == 0 &&
           (content[1].len == 0 || memcmp(file->bytes + content[0].len, content[1].at, content[1].len) == 0);
}

/* Either older than the recording, or its own name is durable. */
static inline bool loss_has_directory(int directory)
{
    for (size_t i = 0; i < power.place_count; i++) {
        const struct power_place *place = &power.places[i];
        if (place->name != NULL && power_newest(place)->object == directory)
            return !power_is_open(place) && loss_has_directory(place->owner);
    }
    return true;
}

static inline bool loss_keeps(const struct recording_event *kept, bool journal)
{
    const struct power_place *place = power_find(kept->directory, kept->name, 0);
    const int object = place->versions[POWER_DURABLE].object;
    if (object < 0 || power_is_open(place) || !loss_has_directory(kept->directory))
        return false;
    if (!journal && recording.objects[object].nameless && !power.counted[object])
        return false;
    return loss_is_whole(object) && loss_is(object, kept->content);
}

static inline bool loss_leaves_half(const struct power_place *place)
{
    const size_t len = place->name == NULL ? 0 : strlen(place->name);
    if (len < 4 || strcmp(place->name + len - 4, ".smx") != 0)
        return false;
    for (size_t i = 0; i < place->count; i++)
        if (place->versions[i].object >= 0 && !loss_is_whole(place->versions[i].object))
            return true;
    return false;
}

static inline void loss_cut(bool journal, struct loss *loss)
{
    loss->cuts++;
    for (size_t i = 0; i < power.kept_count; i++)
        loss->lost += !loss_keeps(power.kept[i], journal);
    for (size_t i = 0; i < power.place_count; i++)
        loss->half += loss_leaves_half(&power.places[i]);
}

/* Cuts the power after each event. What `forgets` says of (NULL: nothing) never happened: a checker that then finds no
 * loss is no checker. */
static inline struct loss loss_of_recording(bool journal, bool (*forgets)(const struct recording_event *event))
{
    struct loss loss = {0};
    power_begin();
    for (size_t i = 0; i < recording.event_count; i++) {
        if (forgets != NULL && forgets(&recording.events[i]))
            continue;
        power_replay(i);
        loss_cut(journal, &loss);
    }
    loss.kept = (unsigned)power.kept_count;
    return loss;
}

/* ---- things to forget ---- */

static inline bool loss_is_directory_sync(const struct recording_event *event)
{
    return event->kind == RECORDING_SYNCED && event->object >= 0 && recording.objects[event->object].is_directory;
}

static inline bool loss_is_data_sync(const struct recording_event *event)
{
    return event->kind == RECORDING_SYNCED && !loss_is_directory_sync(event);
}

#endif
