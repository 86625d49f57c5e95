/* The decision hidden here: the question is the spool's own, whether it keeps; so a probe is kept where nothing else was
 * of late, and who asks often costs no more than one probe a second. */
#include "checkup.h"

#include "base/log.h"
#include "base/sys.h"
#include "facts.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { MOST_REASONS = 16 * 1024 };
static const int64_t patience = 2000000;        /* of who asks, microseconds */

struct checkup {
    struct spool *spool;
    const char *inbox;
    bool failing;                       /* the thread's own: what was answered last */
    pthread_t thread;
    pthread_mutex_t lock;               /* over what follows */
    pthread_cond_t asked;
    struct checkup_question *questions;
    bool closing;
};

/* ---- looking ---- */

/* The first reason. */
static bool judge(const struct facts *facts, struct error *err)
{
    struct buffer reasons;
    buffer_init(&reasons, MOST_REASONS);
    bool good = readiness_write(facts, &reasons, err);
    if (good && reasons.len > 0) {
        const char *end = memchr(reasons.at, '\n', reasons.len);
        good = error_set(err, ERROR_SYSTEM, "%.*s", (int)(end - reasons.at), reasons.at);
    }
    buffer_fini(&reasons);
    return good;
}

/* Of the disk nothing but what keeping a probe tells; and a log that is full keeps no report away. */
static bool look(const struct checkup *checkup, struct error *err)
{
    struct facts facts = {.phase = PHASE_RUNNING, .inbox = checkup->inbox};
    spool_look(checkup->spool, patience, &facts.spool);
    facts.now = sys_ticks();
    return judge(&facts, err);
}

static void log_change(struct checkup *checkup, const struct error *err)
{
    if (err != NULL && !checkup->failing)
        log_error("Relay: MPLIST is answered with 500 until reports can be kept: %s", err->text);
    if (err == NULL && checkup->failing)
        log_info("Relay: MPLIST is answered with 200 again");
    checkup->failing = err != NULL;
}

/* A question may be gone as soon as it is answered. */
static void answer(struct checkup *checkup, struct checkup_question *questions)
{
    struct error err;
    const struct error *why = look(checkup, &err) ? NULL : &err;
    log_change(checkup, why);
    while (questions != NULL) {
        struct checkup_question *next = questions->next;
        questions->done(questions, why);
        questions = next;
    }
}

static void *run(void *owner)
{
    struct checkup *checkup = owner;
    (void)pthread_mutex_lock(&checkup->lock);
    while (!checkup->closing || checkup->questions != NULL) {
        struct checkup_question *questions = checkup->questions;
        if (questions == NULL) {
            (void)pthread_cond_wait(&checkup->asked, &checkup->lock);
            continue;
        }
        checkup->questions = NULL;
        (void)pthread_mutex_unlock(&checkup->lock);
        answer(checkup, questions);
        (void)pthread_mutex_lock(&checkup->lock);
    }
    (void)pthread_mutex_unlock(&checkup->lock);
    return NULL;
}

/* ---- asking ---- */

void checkup_ask(struct checkup *checkup, struct checkup_question *question)
{
    (void)pthread_mutex_lock(&checkup->lock);
    question->next = checkup->questions;
    checkup->questions = question;
    (void)pthread_cond_signal(&checkup->asked);
    (void)pthread_mutex_unlock(&checkup->lock);
}

/* ---- opening and closing ---- */

static void drop(struct checkup *checkup)
{
    (void)pthread_cond_destroy(&checkup->asked);
    (void)pthread_mutex_destroy(&checkup->lock);
    sys.release(checkup);
}

bool checkup_open(struct spool *spool, const char *inbox, struct checkup **out, struct error *err)
{
    struct checkup *checkup = sys.allocate(sizeof *checkup);
    if (checkup == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for who looks whether reports are kept");
    *checkup = (struct checkup){.spool = spool, .inbox = inbox};
    (void)pthread_mutex_init(&checkup->lock, NULL);     /* neither can fail on Linux */
    (void)pthread_cond_init(&checkup->asked, NULL);
    errno = pthread_create(&checkup->thread, NULL, run, checkup);
    if (errno != 0) {
        (void)error_os(err, "cannot start the thread that looks whether reports are kept");
        drop(checkup);
        return false;
    }
    *out = checkup;
    return true;
}

void checkup_close(struct checkup *checkup)
{
    if (checkup == NULL)
        return;
    (void)pthread_mutex_lock(&checkup->lock);
    checkup->closing = true;
    (void)pthread_cond_signal(&checkup->asked);
    (void)pthread_mutex_unlock(&checkup->lock);
    (void)pthread_join(checkup->thread, NULL);
    drop(checkup);
}
