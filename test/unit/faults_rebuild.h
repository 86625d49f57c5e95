/*
 * What a power cut after an event of a recording (faults.h) left, as real directories and files, so that the real
 * recovery can be run on them: by the reading of faults_power.h, where each block of a write that was not synced is
 * there or not, for itself, and each name that was not synced as before or as after any of its changes.
 *
 * The loop: rebuild_begin, then rebuild_until each event in turn, and after it as many rebuild_state as states are to
 * be tried.
 */
#ifndef TEST_FAULTS_REBUILD_H
#define TEST_FAULTS_REBUILD_H

#include "faults_power.h"

/* What becomes of all that was not synced. */
enum rebuild_luck { REBUILD_LOST, REBUILD_KEPT, REBUILD_MIXED };

enum { REBUILD_BLOCK = 4096 };

static struct {
    size_t events;                          /* that happened before the cut */
    enum rebuild_luck luck;
    uint64_t seed;
} rebuild;

static inline void rebuild_begin(void)
{
    memset(&power, 0, sizeof power);
    rebuild.events = 0;
    rebuild.seed = 1;
}

/* What `forgets` says of (NULL: nothing) never happened. */
static inline void rebuild_until(size_t events, bool (*forgets)(const struct faults_event *event))
{
    for (; rebuild.events < events; rebuild.events++)
        if (forgets == NULL || !forgets(&faults.events[rebuild.events]))
            power_replay(rebuild.events, &faults.events[rebuild.events]);
}

static inline unsigned rebuild_random(unsigned bound)
{
    rebuild.seed = rebuild.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(rebuild.seed >> 33) % bound;
}

static inline bool rebuild_is_lucky(bool durable)
{
    return durable || rebuild.luck == REBUILD_KEPT || (rebuild.luck == REBUILD_MIXED && rebuild_random(2) == 0);
}

static inline void rebuild_write(int fd, const struct faults_event *event, bool durable)
{
    for (size_t done = 0; done < event->len;) {
        const size_t at = event->at + done;
        const size_t left = REBUILD_BLOCK - at % REBUILD_BLOCK;
        const size_t len = left < event->len - done ? left : event->len - done;
        const bool put = !rebuild_is_lucky(durable) || pwrite(fd, event->bytes + done, len, (off_t)at) == (ssize_t)len;
        assert(put);
        (void)put;
        done += len;
    }
}

static inline void rebuild_file(int object, const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0640);
    assert(fd >= 0);
    for (size_t i = 0; i < rebuild.events; i++) {
        const struct faults_event *event = &faults.events[i];
        const bool durable = i < power.files[object].covered;
        if (event->object != object)
            continue;
        if (event->kind == FAULTS_WROTE)
            rebuild_write(fd, event, durable);
        else if (event->kind == FAULTS_TRUNCATED && rebuild_is_lucky(durable) && ftruncate(fd, (off_t)event->len) != 0)
            abort();
    }
    (void)close(fd);
}

static inline int rebuild_choose(const struct power_name *name)
{
    size_t choice = 0;
    if (rebuild.luck == REBUILD_KEPT)
        choice = name->change_count;
    else if (rebuild.luck == REBUILD_MIXED)
        choice = rebuild_random((unsigned)name->change_count + 1);
    return choice == 0 ? name->durable : name->changes[choice - 1].object;
}

/* All that is below a directory of the recording, into one that is there and empty. */
static inline void rebuild_below(int directory, const char *path)
{
    for (size_t i = 0; i < power.name_count; i++) {
        const struct power_name *name = &power.names[i];
        const int object = name->directory == directory ? rebuild_choose(name) : FAULTS_UNKNOWN;
        char below[512];
        (void)snprintf(below, sizeof below, "%.400s/%s", path, name->name);
        if (object == FAULTS_UNKNOWN)
            continue;
        if (!faults.objects[object].is_directory) {
            rebuild_file(object, below);
            continue;
        }
        if (mkdir(below, 0750) != 0)
            abort();
        rebuild_below(object, below);
    }
}

/* `recorded` is where the recording took place, `path` an empty directory. */
static inline void rebuild_state(const char *recorded, const char *path, enum rebuild_luck luck)
{
    struct stat status;
    if (stat(recorded, &status) != 0)
        abort();
    rebuild.luck = luck;
    rebuild_below(faults_of_inode(&status), path);
}

#endif
