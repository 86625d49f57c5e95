/* The real recovery, run on a state that a power cut could have left (faults_states.h), and what it makes of it. */
#ifndef TEST_SPOOL_RECOVERY_H
#define TEST_SPOOL_RECOVERY_H

#include "faults_states.h"
#include "spool_story.h"

static struct {
    char path[HOME_SIZE]; /* where states are built */
    int root;             /* the directory of the recording that they are built from */
} recovery;

static inline void recovery_begin(void)
{
    home_make(recovery.path);
}

static inline void recovery_end(void)
{
    home_remove(recovery.path);
}

/* The replay of a recording that took place in the story's home begins. */
static inline void recovery_replay(void)
{
    power_begin();
    recovery.root = recording_of_path(story.home);
}

static inline int recovery_sync_nothing(int fd)
{
    return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

/* Opens the spool on what is here, which publishes what the journal has. */
static inline void recovery_run(void)
{
    struct spool *spool = NULL;
    sys = sys_kernel;
    sys.fsync = sys.fdatasync = sys.syncfs = recovery_sync_nothing;
    assert_true(story_open(&spool));
    assert_null(spool_complaint(spool));
    spool_close(spool);
}

/* Builds the state in hand and recovers it; `half` files are those from before and after. */
static inline void recovery_try(struct story_sight *out)
{
    struct story_sight before;
    assert_int_equal(chdir(recovery.path), 0);
    states_build(recovery.root, ".");
    story_look(&before);
    recovery_run();
    story_look(out);
    out->half += before.half;
    home_empty(".");
    assert_int_equal(chdir(story.home), 0);
}

static inline int recovery_set_up(void **state)
{
    (void)state;
    recovery_begin();
    return 0;
}

static inline int recovery_tear_down(void **state)
{
    (void)state;
    recovery_end();
    return 0;
}

#endif
