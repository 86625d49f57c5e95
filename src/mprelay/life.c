/* The decision hidden here: the status is one sentence, the worst that is true. */
#include "life.h"

#include "base/daemon.h"
#include "base/log.h"
#include "base/sys.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { SENTENCE_SIZE = 400, LAST_SECONDS = 2 };

static struct {
    pthread_mutex_t lock;
    char ready[SENTENCE_SIZE];
    char trouble[SENTENCE_SIZE];        /* empty: none, as the next */
    char refused[SENTENCE_SIZE];
    bool stopping;
    _Atomic bool ending;
    _Atomic bool is_bound;
    struct timespec bound;
    pthread_t watch;
    bool watching;
    _Atomic bool watched;               /* enough */
    int64_t watch_bound;
} life = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const char *sentence(void)
{
    if (life.trouble[0] != '\0')
        return life.trouble;
    return life.refused[0] != '\0' ? life.refused : life.ready;
}

static void say(const char *words)
{
    if (!life.stopping && life.ready[0] != '\0')
        daemon_notify("%sSTATUS=%s", words, sentence());
}

static void write_sentence(char out[SENTENCE_SIZE], const char *beginning, const char *why)
{
    out[0] = '\0';
    if (why != NULL)
        (void)snprintf(out, SENTENCE_SIZE, "%s: %s", beginning, why);
}

void life_say_ready(const char *first, size_t count, const char *outbox)
{
    char others[48] = "";
    (void)pthread_mutex_lock(&life.lock);
    if (count > 1)
        (void)snprintf(others, sizeof others, " and %zu other addresses", count - 1);
    (void)snprintf(life.ready, sizeof life.ready, "taking reports on %s%s, keeping them in %s", first, others, outbox);
    say("READY=1\n");
    (void)pthread_mutex_unlock(&life.lock);
}

void life_say_reloading(void)
{
    daemon_notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)sys_ticks());
}

void life_say_reloaded(const char *why)
{
    (void)pthread_mutex_lock(&life.lock);
    write_sentence(life.refused, "working with the settings of before, those in the file are refused", why);
    say("READY=1\n");
    (void)pthread_mutex_unlock(&life.lock);
}

void life_say_trouble(const char *why)
{
    (void)pthread_mutex_lock(&life.lock);
    write_sentence(life.trouble, "reports wait in the journal, their files cannot be made now", why);
    say("");
    (void)pthread_mutex_unlock(&life.lock);
}

void life_say_alive(void)
{
    daemon_notify("WATCHDOG=1");
}

void life_say_stopping(size_t connections)
{
    (void)pthread_mutex_lock(&life.lock);
    life.stopping = true;
    daemon_notify("STOPPING=1\nSTATUS=stopping, %zu connections are still open", connections);
    (void)pthread_mutex_unlock(&life.lock);
}

/* ---- the last end ---- */

/* The log may hang like everything else: then the alarm ends us. */
static void *end_at_last(void *unused)
{
    (void)nanosleep(&life.bound, NULL);
    if (!life_may_end())
        return unused;
    log_error("Relay: stopped although a disk or a request still hung; what was answered is kept, what was not is not");
    (void)fprintf(stderr, "mprelay: stopped although a disk or a request still hung\n");
    (void)alarm(LAST_SECONDS);
    log_close();
    _exit(EX_TEMPFAIL);
}

void life_bound_stop(int64_t time)
{
    pthread_t thread;
    if (atomic_exchange(&life.is_bound, true))
        return;
    life.bound = (struct timespec){.tv_sec = time / 1000000, .tv_nsec = time % 1000000 * 1000};
    if (pthread_create(&thread, NULL, end_at_last, NULL) == 0)
        (void)pthread_detach(thread);
}

bool life_may_end(void)
{
    return !atomic_exchange(&life.ending, true);
}

/* ---- a stop while somebody is held up ---- */

/* What was heard is said again, for who ends in good order when he can. */
static void *watch_for_stop(void *unused)
{
    const struct timespec moment = {.tv_nsec = 10 * 1000000L};
    sigset_t stops;
    int number = -1;
    (void)sigemptyset(&stops);          /* these cannot fail with such arguments */
    (void)sigaddset(&stops, SIGTERM);
    (void)sigaddset(&stops, SIGINT);
    while (number < 0 && !life.watched)
        number = sigtimedwait(&stops, NULL, &moment);
    if (number < 0)
        return unused;
    life_bound_stop(life.watch_bound);
    (void)kill(getpid(), number);
    while (!life.watched)
        (void)nanosleep(&moment,
                        NULL); /* a thread that has ended and is never joined is a leak to who looks for them */
    return unused;
}

void life_begin_watch(int64_t time)
{
    life.watch_bound = time;
    life.watched = false;
    life.watching = pthread_create(&life.watch, NULL, watch_for_stop, NULL) == 0;
}

void life_end_watch(void)
{
    life.watched = true;
    if (life.watching)
        (void)pthread_join(life.watch, NULL);
    life.watching = false;
}
