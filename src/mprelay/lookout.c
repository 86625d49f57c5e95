/* The decision hidden here: nobody who asks touches the disk himself, for it may hang. */
#include "lookout.h"

#include "base/daemon.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#define SECOND ((int64_t)1000000)

enum { SHARE = 20 }; /* counting files takes at most one part in so many of the time */
static const int64_t least_pause = 1 * SECOND;
static const int64_t least_count_pause = 10 * SECOND;
static const int64_t patience = 1 * SECOND;

struct paths {
    char queues[LOOKOUT_QUEUES][DAEMON_PATH_SIZE];
};

struct lookout {
    pthread_t thread;
    struct paths looked_at; /* its own, as the next */
    int64_t next_count;
    pthread_mutex_t lock; /* over what follows */
    struct lookout_settings settings; /* but for the names of the directories: */
    struct paths paths;
    bool turned; /* they are others than those that were looked at */
    pthread_cond_t asked;
    pthread_cond_t answered;
    bool wanted;
    bool stopping;
    int64_t begun; /* sys_ticks of the look under way; 0: none */
    int64_t next; /* before, the latest will do */
    int64_t due; /* something is told */
    struct lookout_view latest;
};

/* ---- looking ---- */

static void read_disk(const struct statvfs *disk, struct lookout_view *out)
{
    out->free_bytes = (uint64_t)disk->f_bavail * disk->f_frsize;
    out->free_inodes = disk->f_favail;
    out->counts_inodes = disk->f_files > 0;
    out->read_only = (disk->f_flag & ST_RDONLY) != 0;
    out->disk.kind = ERROR_NONE;
}

static void look_at_disk(const char *path, struct lookout_view *out)
{
    struct statvfs disk;
    const int fd = sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) {
        (void)error_os(&out->disk, "cannot look at '%s'", path);
        return;
    }
    if (sys.fstatvfs(fd, &disk) != 0)
        (void)error_os(&out->disk, "cannot look at the disk of '%s'", path);
    else
        read_disk(&disk, out);
    (void)sys.close(fd); /* nothing was written */
}

static void count_files(struct lookout *lookout, struct lookout_view *out)
{
    const int64_t begun = sys_ticks();
    out->inbox.kind = ERROR_NONE;
    for (size_t i = 0; i < LOOKOUT_QUEUES && out->inbox.kind == ERROR_NONE; i++)
        (void)!inbox_survey(lookout->looked_at.queues[i], LOOKOUT_MOST_FILES, &out->queues[i], &out->inbox);
    const int64_t now = sys_ticks(), rest = (now - begun) * (SHARE - 1);
    lookout->next_count = now + (rest > least_count_pause ? rest : least_count_pause);
}

static void follow_turn(struct lookout *lookout)
{
    if (!lookout->turned)
        return;
    lookout->turned = false;
    lookout->looked_at = lookout->paths;
    lookout->next_count = 0;
}

/* What was seen of directories that are none of ours any more is no answer: it is looked again. */
static void publish(struct lookout *lookout, struct lookout_view *fresh)
{
    lookout->begun = 0;
    lookout->wanted |= lookout->turned;
    if (lookout->turned)
        return;
    fresh->taken = sys_ticks();
    lookout->latest = *fresh;
    lookout->next = fresh->taken + least_pause;
    (void)pthread_cond_broadcast(&lookout->answered);
}

static void take_look(struct lookout *lookout)
{
    struct lookout_view fresh = lookout->latest;
    lookout->begun = sys_ticks();
    lookout->wanted = false;
    follow_turn(lookout);
    (void)pthread_mutex_unlock(&lookout->lock);
    look_at_disk(lookout->looked_at.queues[0], &fresh);
    if (sys_ticks() >= lookout->next_count)
        count_files(lookout, &fresh);
    (void)pthread_mutex_lock(&lookout->lock);
    publish(lookout, &fresh);
}

static void tell(struct lookout *lookout)
{
    const struct lookout_view view = lookout->latest;
    lookout->due = sys_ticks() + lookout->settings.interval;
    (void)pthread_mutex_unlock(&lookout->lock);
    lookout->settings.tell(lookout->settings.owner, &view);
    (void)pthread_mutex_lock(&lookout->lock);
}

static void *run(void *owner)
{
    struct lookout *lookout = owner;
    (void)pthread_mutex_lock(&lookout->lock);
    while (!lookout->stopping) {
        const bool tells = lookout->settings.interval > 0, due = tells && sys_ticks() >= lookout->due;
        if (lookout->wanted || due)
            take_look(lookout);
        else if (tells)
            (void)sys_wait_until(&lookout->asked, &lookout->lock, lookout->due);
        else
            (void)pthread_cond_wait(&lookout->asked, &lookout->lock);
        if (due && !lookout->wanted)
            tell(lookout);
    }
    (void)pthread_mutex_unlock(&lookout->lock);
    return NULL;
}

/* ---- asking ---- */

static void wait_for_answer(struct lookout *lookout)
{
    const int64_t before = lookout->latest.taken, until = sys_ticks() + patience;
    lookout->wanted = lookout->begun == 0; /* else the one under way will do */
    (void)pthread_cond_signal(&lookout->asked);
    while (lookout->latest.taken == before)
        if (!sys_wait_until(&lookout->answered, &lookout->lock, until))
            return;
}

void lookout_look(struct lookout *lookout, struct lookout_view *out, int64_t *hangs)
{
    (void)pthread_mutex_lock(&lookout->lock);
    const bool is_known_to_hang = lookout->begun != 0 && sys_ticks() - lookout->begun > patience;
    if (sys_ticks() >= lookout->next && !is_known_to_hang)
        wait_for_answer(lookout);
    *out = lookout->latest;
    *hangs = lookout->begun == 0 ? 0 : sys_ticks() - lookout->begun;
    (void)pthread_mutex_unlock(&lookout->lock);
}

static void set_paths(struct lookout *lookout, const char *const queues[LOOKOUT_QUEUES])
{
    for (size_t i = 0; i < LOOKOUT_QUEUES; i++)
        (void)snprintf(lookout->paths.queues[i], DAEMON_PATH_SIZE, "%s", queues[i]);
    lookout->turned = true;
}

/* What is known of the directories before says nothing about these. */
void lookout_turn(struct lookout *lookout, const char *const queues[LOOKOUT_QUEUES])
{
    (void)pthread_mutex_lock(&lookout->lock);
    set_paths(lookout, queues);
    lookout->next = 0;
    (void)pthread_mutex_unlock(&lookout->lock);
}

void lookout_set_interval(struct lookout *lookout, int64_t interval)
{
    (void)pthread_mutex_lock(&lookout->lock);
    if (interval != lookout->settings.interval)
        lookout->due = sys_ticks() + interval;
    lookout->settings.interval = interval;
    (void)pthread_cond_signal(&lookout->asked);
    (void)pthread_mutex_unlock(&lookout->lock);
}

/* ---- opening ---- */

static void init_locks(struct lookout *lookout)
{
    (void)pthread_mutex_init(&lookout->lock, NULL); /* cannot fail on Linux */
    sys_condition_init(&lookout->asked);
    sys_condition_init(&lookout->answered);
}

static void release(struct lookout *lookout)
{
    (void)pthread_cond_destroy(&lookout->answered);
    (void)pthread_cond_destroy(&lookout->asked);
    (void)pthread_mutex_destroy(&lookout->lock);
    sys.release(lookout);
}

bool lookout_open(const struct lookout_settings *settings, struct lookout **out, struct error *err)
{
    struct lookout *lookout = sys.allocate(sizeof *lookout);
    if (lookout == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory to look at the inbox");
    *lookout = (struct lookout){.settings = *settings, .due = sys_ticks() + settings->interval};
    set_paths(lookout, settings->queues);
    init_locks(lookout);
    errno = pthread_create(&lookout->thread, NULL, run, lookout);
    const bool opened = errno == 0 || error_os(err, "cannot start the thread that looks at the inbox");
    if (opened)
        *out = lookout;
    else
        release(lookout);
    return opened;
}

void lookout_close(struct lookout *lookout)
{
    if (lookout == NULL)
        return;
    (void)pthread_mutex_lock(&lookout->lock);
    lookout->stopping = true;
    (void)pthread_cond_signal(&lookout->asked);
    (void)pthread_mutex_unlock(&lookout->lock);
    (void)pthread_join(lookout->thread, NULL);
    release(lookout);
}
