/*
 * What a program did to directories and files, in order, by any thread, and what it promised to whom. faults.h writes
 * it down; faults_power.h and faults_states.h ask of it what a power cut would have left.
 *
 * Files are modelled that are made new and written from the beginning, and those that are opened to be written in place
 * (O_CREAT without O_EXCL, as the journal's); other files are let through.
 */
#ifndef TEST_FAULTS_RECORDING_H
#define TEST_FAULTS_RECORDING_H

#include "base/mem.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { RECORDING_EVERYTHING = -1, RECORDING_NOTHING = -2, RECORDING_MOST = 4096 };

enum recording_kind {
    RECORDING_WROTE,
    RECORDING_TRUNCATED,
    RECORDING_SYNCED,
    RECORDING_FAILED, /* a sync */
    RECORDING_NAMED,
    RECORDING_UNNAMED,
    RECORDING_KEPT,
};

struct recording_event {
    enum recording_kind kind;
    int object;    /* file or directory; of a sync of the file system: RECORDING_EVERYTHING */
    int directory; /* NAMED, UNNAMED, KEPT: with `name` in it */
    char name[64];
    size_t at;              /* WROTE: where */
    size_t len;             /* WROTE, TRUNCATED */
    char *bytes;            /* WROTE: what; freed with the recording */
    size_t begun;           /* SYNCED, FAILED: concerns the events before this one */
    struct span content[2]; /* KEPT: what should be there */
};

struct recording_object {
    bool is_directory;
    bool nameless; /* made without a name */
    bool in_place; /* a file that is written at any place, and opened again */
    dev_t device;  /* of a directory, or of such a file */
    ino_t number;
    char *bytes; /* of another file, all that was written */
    size_t len;
    unsigned failures; /* of its syncs */
};

struct recording_descriptor {
    int object;
    unsigned failures;     /* of the object's, those that it was told of or that were before it was opened */
    unsigned all_failures; /* the same for the file system */
};

static struct {
    pthread_mutex_t lock;
    struct recording_event *events;
    size_t event_count;
    struct recording_object objects[RECORDING_MOST];
    int object_count;
    unsigned all_failures; /* of syncs of the file system */
    struct recording_descriptor descriptors[RECORDING_MOST];
} recording = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline size_t recording_note(struct recording_event event)
{
    (void)pthread_mutex_lock(&recording.lock);
    if ((recording.event_count & (recording.event_count + 1)) == 0) {
        recording.events = realloc(recording.events, (2 * recording.event_count + 2) * sizeof event);
        assert(recording.events != NULL);
    }
    recording.events[recording.event_count] = event;
    const size_t index = recording.event_count++;
    (void)pthread_mutex_unlock(&recording.lock);
    return index;
}

static inline size_t recording_moment(void)
{
    (void)pthread_mutex_lock(&recording.lock);
    const size_t moment = recording.event_count;
    (void)pthread_mutex_unlock(&recording.lock);
    return moment;
}

/* ---- objects and descriptors ---- */

/* Locked. */
static inline int recording_add(struct recording_object object)
{
    assert(recording.object_count < RECORDING_MOST);
    recording.objects[recording.object_count] = object;
    return recording.object_count++;
}

static inline int recording_of_new_file(const struct stat *status, bool in_place)
{
    (void)pthread_mutex_lock(&recording.lock);
    const int object = recording_add((struct recording_object){
        .nameless = status->st_nlink == 0, .in_place = in_place, .device = status->st_dev, .number = status->st_ino});
    (void)pthread_mutex_unlock(&recording.lock);
    return object;
}

/* A directory, or a file that is written in place; an object of its own when it is seen first. The newest counts: the
 * number may have been another's that is gone. */
static inline int recording_of_inode(const struct stat *status)
{
    const bool is_directory = S_ISDIR(status->st_mode);
    (void)pthread_mutex_lock(&recording.lock);
    int found = recording.object_count;
    while (--found >= 0) {
        const struct recording_object *object = &recording.objects[found];
        if ((is_directory ? object->is_directory : object->in_place) && object->number == status->st_ino &&
            object->device == status->st_dev)
            break;
    }
    if (found < 0)
        found = recording_add((struct recording_object){.is_directory = is_directory,
                                                        .in_place = !is_directory,
                                                        .device = status->st_dev,
                                                        .number = status->st_ino});
    (void)pthread_mutex_unlock(&recording.lock);
    return found;
}

static inline int recording_of_path(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? recording_of_inode(&status) : RECORDING_NOTHING;
}

static inline int recording_of_fd(int fd)
{
    (void)pthread_mutex_lock(&recording.lock);
    const int object = fd >= 0 && fd < RECORDING_MOST ? recording.descriptors[fd].object : RECORDING_NOTHING;
    (void)pthread_mutex_unlock(&recording.lock);
    return object;
}

static inline void recording_map(int fd, int object)
{
    assert(fd < RECORDING_MOST);
    (void)pthread_mutex_lock(&recording.lock);
    recording.descriptors[fd] = (struct recording_descriptor){
        object, object < 0 ? 0 : recording.objects[object].failures, recording.all_failures};
    (void)pthread_mutex_unlock(&recording.lock);
}

/* ---- names ---- */

/* An event about a name: the directory that holds it and its last part. */
static inline struct recording_event recording_named(enum recording_kind kind, int directory, const char *path,
                                                     int object)
{
    struct recording_event event = {.kind = kind, .object = object, .directory = RECORDING_NOTHING};
    const char *slash = strrchr(path, '/');
    char above[512];
    (void)snprintf(above, sizeof above, "%.*s", slash == NULL ? 0 : (int)(slash - path) + 1, path);
    struct stat status;
    if (fstatat(directory, slash == NULL ? "." : above, &status, 0) == 0)
        event.directory = recording_of_inode(&status);
    (void)snprintf(event.name, sizeof event.name, "%.63s", slash == NULL ? path : slash + 1);
    return event;
}

static inline int recording_find(int directory, const char *path)
{
    int fd;
    if (sscanf(path, "/proc/self/fd/%9d", &fd) == 1)
        return recording_of_fd(fd);
    const struct recording_event wanted = recording_named(RECORDING_NAMED, directory, path, 0);
    int object = RECORDING_NOTHING;
    (void)pthread_mutex_lock(&recording.lock);
    for (size_t i = 0; i < recording.event_count; i++) {
        const struct recording_event *event = &recording.events[i];
        if ((event->kind == RECORDING_NAMED || event->kind == RECORDING_UNNAMED) &&
            event->directory == wanted.directory && strcmp(event->name, wanted.name) == 0)
            object = event->kind == RECORDING_NAMED ? event->object : RECORDING_NOTHING;
    }
    (void)pthread_mutex_unlock(&recording.lock);
    return object;
}

static inline void recording_note_kept(const char *directory, const char *name, const struct span content[2])
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    struct recording_event event = recording_named(RECORDING_KEPT, AT_FDCWD, path, 0);
    event.content[0] = content[0];
    event.content[1] = content[1];
    (void)recording_note(event);
}

/* ---- bytes and syncs ---- */

static inline void recording_note_bytes(int object, const char *bytes, size_t len, size_t at)
{
    char *copy = malloc(len);
    assert(copy != NULL);
    memcpy(copy, bytes, len);
    (void)recording_note(
        (struct recording_event){.kind = RECORDING_WROTE, .object = object, .at = at, .len = len, .bytes = copy});
}

/* Written behind all that the file has. */
static inline void recording_append(int id, const char *bytes, size_t len)
{
    (void)pthread_mutex_lock(&recording.lock);
    struct recording_object *object = &recording.objects[id];
    const size_t at = object->len;
    object->bytes = realloc(object->bytes, object->len + len);
    assert(object->bytes != NULL);
    memcpy(object->bytes + object->len, bytes, len);
    object->len += len;
    (void)pthread_mutex_unlock(&recording.lock);
    recording_note_bytes(id, bytes, len, at);
}

static inline void recording_note_failure(int object, size_t begun)
{
    (void)recording_note((struct recording_event){.kind = RECORDING_FAILED, .object = object, .begun = begun});
    (void)pthread_mutex_lock(&recording.lock);
    recording.all_failures += object == RECORDING_EVERYTHING;
    for (int i = 0; i < recording.object_count; i++)
        recording.objects[i].failures += object == RECORDING_EVERYTHING || object == i;
    (void)pthread_mutex_unlock(&recording.lock);
}

/* Is this descriptor to be told of a failed sync, its own or another's? Each is told once, as by Linux. */
static inline bool recording_tell_failure(int fd, int object)
{
    (void)pthread_mutex_lock(&recording.lock);
    struct recording_descriptor *descriptor = &recording.descriptors[fd];
    unsigned *told = object == RECORDING_EVERYTHING ? &descriptor->all_failures : &descriptor->failures;
    const unsigned failures = object == RECORDING_EVERYTHING ? recording.all_failures
                              : object < 0                   ? 0
                                                             : recording.objects[object].failures;
    const bool is_news = *told < failures;
    *told = failures;
    (void)pthread_mutex_unlock(&recording.lock);
    return is_news;
}

/* ---- what was there before ---- */

static inline void recording_note_file(int object, const char *path)
{
    char bytes[4096];
    FILE *file = fopen(path, "rb");
    assert(file != NULL);
    for (size_t at = 0, len; (len = fread(bytes, 1, sizeof bytes, file)) > 0; at += len)
        recording_note_bytes(object, bytes, len, at);
    (void)fclose(file);
}

static inline void recording_note_below(const char *path)
{
    DIR *directory = opendir(path);
    assert(directory != NULL);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char below[512];
        (void)snprintf(below, sizeof below, "%.200s/%.300s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        const int object = recording_of_path(below);
        (void)recording_note(recording_named(RECORDING_NAMED, AT_FDCWD, below, object));
        if (recording.objects[object].is_directory)
            recording_note_below(below);
        else
            recording_note_file(object, below);
    }
    (void)closedir(directory);
}

/* All of it durable. */
static inline void recording_note_tree(const char *path)
{
    recording_note_below(path);
    (void)recording_note((struct recording_event){
        .kind = RECORDING_SYNCED, .object = RECORDING_EVERYTHING, .begun = recording_moment()});
}

/* ---- begin and end ---- */

static inline void recording_begin(void)
{
    for (int i = 0; i < RECORDING_MOST; i++)
        recording.descriptors[i].object = RECORDING_NOTHING;
}

static inline void recording_end(void)
{
    for (int i = 0; i < recording.object_count; i++)
        free(recording.objects[i].bytes);
    for (size_t i = 0; i < recording.event_count; i++)
        free(recording.events[i].bytes);
    free(recording.events);
    recording.events = NULL;
    recording.event_count = 0;
    recording.object_count = 0;
    recording.all_failures = 0;
}

#endif
