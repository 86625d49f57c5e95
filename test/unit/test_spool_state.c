/* How the spool is: what was kept last, what hangs, why not; and that a probe is kept for who asks, no oftener. */
#include "spool_records.h"

#include <semaphore.h>

enum { PATIENCE = 60 * 1000000 };       /* microseconds until a probe is given up: never */

static atomic_int syncs;
static atomic_int sync_error;
static sem_t released;

static int count_sync(int fd)
{
    syncs++;
    errno = sync_error;
    return sync_error != 0 ? -1 : sys_kernel.fsync(fd);
}

static int hang_sync(int fd)
{
    (void)sem_wait(&released);
    return sys_kernel.fsync(fd);
}

static struct spool_state look(struct spool *spool)
{
    struct spool_state state;
    spool_look(spool, PATIENCE, &state);
    return state;
}

/* Until the last proof is too old. */
static void let_time_pass(void)
{
    steady_offset_seconds = 100;
}

/* However slow the machine is, the last proof is a fresh one. */
static void turn_time_back(void)
{
    steady_offset_seconds = -100;
}

static void one_that_kept_nothing_yet_keeps_a_probe_for_who_asks(void **state)
{
    (void)state;
    struct spool *spool = open_spool();
    struct spool_state found;
    spool_look(spool, 0, &found);
    assert_int_equal(found.kept, 0);
    const int64_t before = sys_ticks();
    found = look(spool);
    assert_true(found.kept >= before);
    assert_int_equal(found.refusal.kind, ERROR_NONE);
    assert_int_equal(found.trouble.kind, ERROR_NONE);
    assert_true(found.waiting == 0 && found.waits == 0);
    spool_close(spool);
    assert_int_equal(count_files("box/incoming"), 0);
}

static void what_was_just_kept_is_proof_enough(void **state)
{
    struct answer answer;
    (void)state;
    sys.fsync = count_sync;
    struct spool *spool = open_spool();
    submit(spool, &answer, SPAN("a"), SPAN("b"), 0);
    while (answer.times == 0)
        (void)sched_yield();
    const int before = syncs;
    turn_time_back();
    assert_true(look(spool).kept > 0);
    assert_int_equal(syncs, before);
    let_time_pass();
    (void)look(spool);
    assert_true(syncs > before);
    spool_close(spool);
}

static void a_probe_that_fails_is_the_reason_until_one_is_kept(void **state)
{
    (void)state;
    sys.fsync = count_sync;
    struct spool *spool = open_spool();
    sync_error = EIO;
    struct spool_state found = look(spool);
    assert_int_equal(found.kept, 0);
    assert_int_equal(found.refusal.kind, ERROR_BUSY);
    assert_string_equal(found.refusal.text, "cannot sync a file in 'box/incoming': Input/output error");
    sync_error = 0;
    turn_time_back();
    assert_int_equal(look(spool).refusal.kind, ERROR_BUSY);     /* not tried again yet */
    let_time_pass();
    assert_int_equal(look(spool).refusal.kind, ERROR_NONE);
    spool_close(spool);
}

static void a_batch_that_fails_is_the_reason_until_one_is_kept(void **state)
{
    struct answer answers[2];
    (void)state;
    sys.fsync = count_sync;
    struct spool *spool = open_spool();
    struct spool_state found = look(spool);
    sync_error = EIO;
    submit(spool, &answers[0], SPAN("a"), SPAN("b"), 1);
    while (answers[0].times == 0)
        (void)sched_yield();
    sync_error = 0;
    spool_look(spool, 0, &found);
    assert_string_equal(found.refusal.text, "cannot sync a file in 'box/incoming/high': Input/output error");
    submit(spool, &answers[1], SPAN("a"), SPAN("b"), 1);
    while (answers[1].times == 0)
        (void)sched_yield();
    spool_look(spool, 0, &found);
    assert_int_equal(found.refusal.kind, ERROR_NONE);
    spool_close(spool);
}

static void a_disk_below_its_limits_is_a_reason(void **state)
{
    (void)state;
    struct spool *spool = open_spool();
    spool_set_limits(spool, UINT64_MAX, 1);
    struct spool_state found = look(spool);
    assert_int_equal(found.refusal.kind, ERROR_NO_SPACE);
    assert_non_null(strstr(found.refusal.text, "min-free"));
    spool_set_limits(spool, 0, 0);
    let_time_pass();
    found = look(spool);
    assert_non_null(strstr(found.refusal.text, "max-inbox-files"));
    spool_close(spool);
}

static void what_hangs_and_what_waits_behind_it_shows(void **state)
{
    struct answer answers[5];
    struct spool_state found;
    (void)state;
    (void)sem_init(&released, 0, 0);
    struct spool *spool = open_spool();
    sys.fsync = hang_sync;
    for (int i = 0; i < 2; i++) {       /* one batch for each keeper */
        submit(spool, &answers[i], SPAN("a"), SPAN("b"), 0);
        do
            spool_look(spool, 0, &found);
        while (found.waiting > 0);
    }
    for (int i = 2; i < 5; i++)
        submit(spool, &answers[i], SPAN("a"), SPAN("b"), 0);
    steady_offset_seconds = 100;
    clock_offset_seconds = 50;
    found = look(spool);                /* and does not wait for it */
    assert_true(found.hangs >= 99 * 1000000L && found.waits >= 49 * 1000000L);
    assert_int_equal(found.waiting, 3);
    clock_offset_seconds = -50;
    assert_int_equal(look(spool).waits, 0);
    for (int i = 0; i < 100; i++)
        (void)sem_post(&released);
    spool_close(spool);
    for (int i = 0; i < 5; i++)
        assert_true(answers[i].kept);
}

static void who_asks_waits_no_longer_than_he_wants(void **state)
{
    struct spool_state found;
    (void)state;
    (void)sem_init(&released, 0, 0);
    struct spool *spool = open_spool();
    sys.fsync = hang_sync;
    spool_look(spool, 1000, &found);
    assert_int_equal(found.kept, 0);
    for (int i = 0; i < 100; i++)
        (void)sem_post(&released);
    spool_close(spool);
}

static void batches_are_counted(void **state)
{
    static const uint64_t bounds[] = {1000000, 0};
    struct metrics_histogram times = {0}, sizes = {0};
    struct answer answer;
    (void)state;
    metrics_init(&times, 1, bounds);
    metrics_init(&sizes, 1, bounds);
    settings.batch_time = &times;
    settings.batch_size = &sizes;
    struct spool *spool = open_spool();
    (void)look(spool);                  /* a probe is no batch */
    submit(spool, &answer, SPAN("a"), SPAN("b"), 0);
    spool_close(spool);
    assert_int_equal(times.buckets[0] + times.buckets[1], 1);
    assert_int_equal(sizes.sum, 1);
}

static atomic_int links_left;           /* that succeed; below 0: all */

static int refuse_link(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    if (links_left < 0 || links_left-- > 0)
        return sys_kernel.linkat(from_directory, from, to_directory, to, flags);
    links_left = 0;
    errno = EROFS;
    return -1;
}

static void what_cannot_be_published_is_told(void **state)
{
    enum { CROWD = 16 };
    struct answer answers[CROWD];
    struct spool_state found;
    (void)state;
    settings.journal_directory = "journal";
    settings.journal_size = 1 << 17;
    (void)sem_init(&released, 0, 0);
    struct spool *spool = open_spool();
    sys.fsync = hang_sync;              /* so that a crowd gathers behind the first */
    sys.linkat = refuse_link;
    links_left = 1;                     /* of that first one; the others go into the journal */
    submit(spool, &answers[0], SPAN("a"), SPAN("b"), 0);
    do
        spool_look(spool, 0, &found);
    while (found.waiting > 0);
    for (int i = 1; i < CROWD; i++)
        submit(spool, &answers[i], SPAN("a"), SPAN("b"), 0);
    for (int i = 0; i < 1000; i++)
        (void)sem_post(&released);
    do
        spool_look(spool, 0, &found);
    while (found.trouble.kind == ERROR_NONE);
    assert_non_null(strstr(found.trouble.text, "Read-only file system"));
    links_left = -1;
    do
        spool_look(spool, 0, &found);
    while (found.trouble.kind != ERROR_NONE);
    spool_close(spool);
}

static int begin_state(void **state)
{
    syncs = sync_error = 0;
    return begin(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_state, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_kept_nothing_yet_keeps_a_probe_for_who_asks),
        TEST(what_was_just_kept_is_proof_enough),
        TEST(a_probe_that_fails_is_the_reason_until_one_is_kept),
        TEST(a_batch_that_fails_is_the_reason_until_one_is_kept),
        TEST(a_disk_below_its_limits_is_a_reason),
        TEST(what_hangs_and_what_waits_behind_it_shows),
        TEST(who_asks_waits_no_longer_than_he_wants),
        TEST(batches_are_counted),
        TEST(what_cannot_be_published_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
