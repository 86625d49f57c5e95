/* The decision hidden here: no call into a database's library or the kernel can be broken off soundly from another
 * thread, so none is; the process ends around it. */
#include "ending.h"

#include "base/log.h"
#include "base/sys.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sysexits.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000)

enum { LAST_WORDS = 2 };                /* seconds for the log, whose disk may be the one that hangs */

struct ending {
    pthread_t thread;
    pthread_t waiting; /* for SIGHUP */
    _Atomic int64_t most;
    atomic_bool told;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed; /* under the lock */
};

static void end_now(int number)
{
    (void)number;
    _exit(EX_TEMPFAIL);
}

static void end_soon(void)
{
    const struct sigaction action = {.sa_handler = end_now};
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGALRM);
    (void)sigaction(SIGALRM, &action, NULL);
    (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    (void)alarm(LAST_WORDS);
}

/* The lock is never given back: who is about to close finds the end. */
static _Noreturn void end_process(int64_t most)
{
    end_soon();
    log_error("Not stopped within %lld seconds, because the database or a disk does not answer: the process ends now; "
              "what is in hand goes back to the inbox at the next start",
              (long long)(most / SECOND));
    log_close();
    _exit(EX_TEMPFAIL);
}

static void wait_for_close(struct ending *ending)
{
    const int64_t most = atomic_load(&ending->most), until = sys_ticks() + most;
    (void)pthread_mutex_lock(&ending->lock);
    while (!ending->closed)
        if (!sys_wait_until(&ending->changed, &ending->lock, until) && !ending->closed)
            end_process(most);
    (void)pthread_mutex_unlock(&ending->lock);
}

static void *run(void *owner)
{
    struct ending *ending = owner;
    sigset_t signals;
    int number;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigwait(&signals, &number);
    atomic_store(&ending->told, true);
    (void)pthread_kill(ending->waiting, SIGHUP);
    wait_for_close(ending);
    return NULL;
}

static void init(struct ending *ending, uint64_t most)
{
    *ending = (struct ending){.waiting = pthread_self()};
    ending_set(ending, most);
    (void)pthread_mutex_init(&ending->lock, NULL); /* cannot fail on Linux */
    sys_condition_init(&ending->changed);
}

static void release(struct ending *ending)
{
    (void)pthread_cond_destroy(&ending->changed);
    (void)pthread_mutex_destroy(&ending->lock);
    sys.release(ending);
}

bool ending_open(uint64_t most, struct ending **out, struct error *err)
{
    struct ending *ending = sys.allocate(sizeof *ending);
    if (ending == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for the thread that takes signals");
    init(ending, most);
    errno = pthread_create(&ending->thread, NULL, run, ending);
    const bool opened = errno == 0 || error_os(err, "cannot start the thread that takes signals");
    if (opened)
        *out = ending;
    else
        release(ending);
    return opened;
}

void ending_set(struct ending *ending, uint64_t most)
{
    atomic_store(&ending->most, (int64_t)most);
}

bool ending_is_told(const struct ending *ending)
{
    return atomic_load(&ending->told);
}

/* A second signal waits for ever. */
void ending_begin(struct ending *ending)
{
    if (ending != NULL)
        (void)pthread_kill(ending->thread, SIGTERM); /* NOLINT(bugprone-bad-signal-to-kill-thread,cert-pos44-c) */
}

void ending_close(struct ending *ending)
{
    if (ending == NULL)
        return;
    (void)pthread_mutex_lock(&ending->lock);
    ending->closed = true;
    (void)pthread_cond_signal(&ending->changed);
    (void)pthread_mutex_unlock(&ending->lock);
    ending_begin(ending);
    (void)pthread_join(ending->thread, NULL);
    release(ending);
}
