/* Whether reports are kept, asked by many: each is answered once, by one look for all that wait, and the log says what
 * changed. The spool is one that says what it is told to say. */
#include "../../src/mprelay/checkup.h"

#include "../../src/mprelay/facts.h"
#include "log_directory.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

enum { MANY = 100 };

struct question {
    struct checkup_question question;   /* first */
    atomic_int answered;
    bool good;
    enum error_kind kind;
    char why[240];
};

static struct checkup *checkup;
static struct error err;
static struct question questions[MANY];
static _Atomic(const char *) trouble;
static atomic_int looks;
static atomic_bool holds;
static sem_t reached, released;
static atomic_bool no_thread;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (no_thread)
        return EAGAIN;
    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    return create(thread, attributes, run, argument);
}

void spool_look(struct spool *spool, int64_t patience, struct spool_state *out)
{
    const char *why = trouble;
    assert_ptr_equal(spool, &looks);
    assert_true(patience > 0);
    looks++;
    if (holds) {
        (void)sem_post(&reached);
        (void)sem_wait(&released);
    }
    *out = (struct spool_state){.kept = sys_ticks()};
    if (why != NULL)
        (void)error_set(&out->refusal, ERROR_NO_SPACE, "%s", why);
}

static void note(struct checkup_question *at, const struct error *why)
{
    struct question *question = (struct question *)(void *)at;
    question->good = why == NULL;
    if (why != NULL) {
        question->kind = why->kind;
        (void)snprintf(question->why, sizeof question->why, "%s", why->text);
    }
    question->answered++;               /* last: somebody may wait for it */
}

static void ask(size_t i)
{
    questions[i] = (struct question){.question.done = note};
    checkup_ask(checkup, &questions[i].question);
}

static void wait_for(size_t i)
{
    while (questions[i].answered == 0)
        (void)sched_yield();
}

static void open_checkup(void)
{
    if (!checkup_open((struct spool *)(void *)&looks, "/box/incoming", &checkup, &err))
        fail_msg("%s", err.text);
}

static int begin(void **state)
{
    (void)state;
    trouble = NULL;
    looks = 0;
    holds = no_thread = false;
    checkup = NULL;
    return sem_init(&reached, 0, 0) + sem_init(&released, 0, 0);
}

static int end(void **state)
{
    checkup_close(checkup);
    return clean_up(state);
}

static void who_asks_is_answered_once(void **state)
{
    (void)state;
    open_checkup();
    ask(0);
    wait_for(0);
    assert_true(questions[0].good);
    ask(1);
    wait_for(1);
    assert_int_equal(looks, 2);
    assert_int_equal(questions[0].answered, 1);
}

static void one_look_answers_all_who_asked_meanwhile(void **state)
{
    (void)state;
    holds = true;
    open_checkup();
    ask(0);
    (void)sem_wait(&reached);
    for (size_t i = 1; i < MANY; i++)
        ask(i);
    assert_int_equal(questions[0].answered, 0);
    holds = false;
    (void)sem_post(&released);
    for (size_t i = 0; i < MANY; i++)
        wait_for(i);
    assert_int_equal(looks, 2);
}

static void what_keeps_reports_away_is_said_and_logged_once(void **state)
{
    (void)state;
    open_log(&usual);
    open_checkup();
    for (size_t i = 0; i < 6; i++) {
        trouble = i == 2 || i == 3 || i == 4 ? "No space left" : NULL;
        ask(i);
        wait_for(i);
        assert_int_equal(questions[i].good, trouble == NULL);
    }
    assert_int_equal(questions[2].kind, ERROR_SYSTEM);
    assert_string_equal(questions[2].why, "reports cannot be kept: No space left");
    checkup_close(checkup);
    checkup = NULL;
    log_close();
    assert_texts("X.log", "Relay: MPLIST is answered with 500 until reports can be kept: reports cannot be kept: "
                          "No space left|Relay: MPLIST is answered with 200 again|");
}

static void *refuse_reallocation(void *old, size_t size)
{
    (void)old, (void)size;
    return NULL;
}

static void refused_memory_is_no_good_answer(void **state)
{
    (void)state;
    trouble = "x";
    open_checkup();
    sys.reallocate = refuse_reallocation;
    ask(0);
    wait_for(0);
    assert_false(questions[0].good);
    assert_int_equal(questions[0].kind, ERROR_NO_MEMORY);
}

static void all_are_answered_at_the_end(void **state)
{
    (void)state;
    holds = true;
    open_checkup();
    ask(0);
    (void)sem_wait(&reached);
    for (size_t i = 1; i < MANY; i++)
        ask(i);
    holds = false;
    (void)sem_post(&released);
    checkup_close(checkup);
    checkup = NULL;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(questions[i].answered, 1);
}

static void *refuse_allocation(size_t size)
{
    (void)size;
    return NULL;
}

static void what_cannot_be_opened_is_told(void **state)
{
    (void)state;
    no_thread = true;
    assert_false(checkup_open((struct spool *)(void *)&looks, "/box", &checkup, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    sys.allocate = refuse_allocation;
    assert_false(checkup_open((struct spool *)(void *)&looks, "/box", &checkup, &err));
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(who_asks_is_answered_once),
        STORY(one_look_answers_all_who_asked_meanwhile),
        STORY(what_keeps_reports_away_is_said_and_logged_once),
        STORY(refused_memory_is_no_good_answer),
        STORY(all_are_answered_at_the_end),
        STORY(what_cannot_be_opened_is_told),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
