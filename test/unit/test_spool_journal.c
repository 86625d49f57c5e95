/*
 * The spool with a journal: who goes which way, what stands in the way of the files, and every call fails in turn.
 * After each failure the power is cut, and the real recovery finds all that was answered as kept.
 */
#include "spool_recovery.h"
#include "step.h"

enum {
    WAVE = 12,   /* one record alone, and then a crowd */
    SIZE = 1300, /* of a record: two or three waves fill a segment */
    NTH_MOST = 400,
};

/* ---- each call fails in turn ---- */

static void assert_nothing_is_lost(const struct story_sight *sight)
{
    assert_int_equal(sight->half, 0);
    for (size_t i = 0; i < story.count; i++)
        assert_true(!story.answers[i].kept || sight->there[i]);
}

/* The power is cut at the end, and what was not synced is lost, or not; or the process is killed. */
static void assert_recovery(void)
{
    struct story_sight sight;
    recovery_replay();
    for (size_t i = 0; i < recording.event_count; i++)
        power_replay(i);
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            states_choose_lost();
        else
            states_choose_any();
        recovery_try(&sight);
        assert_nothing_is_lost(&sight);
    }
    recovery_run();
    story_look(&sight);
    assert_nothing_is_lost(&sight);
}

static void run_wave(struct faults_plan plan)
{
    struct spool *spool = NULL;
    story_begin(plan, true, SPOOL_SYNC_FSYNC);
    if (story_open(&spool)) {
        story_submit(spool, WAVE, SIZE);
        spool_close(spool);
        (void)story_count_kept(false);
    } else {
        assert_true(faults_hit());
    }
    assert_recovery();
}

static void a_crowd_is_answered_honestly_and_loses_nothing_whatever_fails(void **state)
{
    (void)state;
    static const struct faults_plan plans[] = {
        {.error = EIO}, {.error = ENOSPC, .for_good = true}, {.error = EINTR}, {.error = FAULTS_SHORT}};
    const unsigned step = step_of("ONE_IN");
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
        for (struct faults_plan plan = plans[i]; plan.call < FAULTS_CALLS; plan.call++) {
            bool hit = true;
            for (plan.nth = 1; hit; plan.nth += step) {
                const unsigned before = faults_count_descriptors();
                assert_true(plan.nth < NTH_MOST);
                run_wave(plan);
                hit = faults_hit();
                story_end();
                assert_int_equal(faults_count_descriptors(), before);
            }
        }
}

/* ---- who goes which way ---- */

static void wait_until_all_are_there(void)
{
    while (story_count_missing() > 0)
        (void)usleep(1000);
}

static void who_is_alone_has_his_file_with_his_answer_and_a_crowd_has_it_soon(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    story_begin((struct faults_plan){0}, false, SPOOL_SYNC_FSYNC);
    assert_true(story_open(&spool));
    assert_null(spool_complaint(spool));
    for (int i = 0; i < 5; i++) {
        story_submit(spool, 1, SIZE);
        assert_true(story.answers[i].kept);
        assert_int_equal(story_count_missing(), 0);
    }
    story_submit(spool, WAVE, SIZE);
    wait_until_all_are_there();
    spool_close(spool);
    assert_int_equal(story_count_kept(false), 5 + WAVE);
    story_end();
}

static void a_crowd_that_is_too_large_for_one_batch_is_kept_in_several(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    story_begin((struct faults_plan){0}, false, SPOOL_SYNC_FSYNC);
    assert_true(story_open(&spool));
    story_submit(spool, WAVE, 14000); /* a segment has room for four */
    wait_until_all_are_there();
    spool_close(spool);
    assert_int_equal(story_count_kept(false), WAVE);
    story_end();
}

static void what_cannot_be_a_file_now_is_tried_again_and_nobody_overtakes_it(void **state)
{
    (void)state;
    enum { LONE = 15 };
    struct spool *spool = NULL;
    story_begin((struct faults_plan){0}, true, SPOOL_SYNC_FSYNC);
    assert_true(story_open(&spool));
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = ENOSPC, .for_good = true});
    story_submit(spool, WAVE, SIZE);
    const unsigned kept = story_count_kept(true);
    assert_true(kept >= WAVE - 1);
    for (int i = 0; i < LONE; i++) { /* long after the crowd */
        story_submit(spool, 1, SIZE);
        assert_true(story.answers[story.count - 1].kept && story.answers[story.count - 1].journaled);
    }
    faults_plan((struct faults_plan){0});
    wait_until_all_are_there(); /* it heals by itself */
    spool_close(spool);
    assert_int_equal(story_count_kept(false), kept + LONE);
    story_end();
}

static atomic_uint links;
static atomic_uint links_asked;

/* A reader that takes each file at once, on a disk that at first refuses every third. */
static int link_and_take(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    if (to[0] != '.' && ++links_asked <= WAVE && links_asked % 3 == 0) {
        errno = ENOSPC;
        return -1;
    }
    const int result = sys_kernel.linkat(from_directory, from, to_directory, to, flags);
    if (result == 0 && to[0] != '.') {
        links++;
        assert_int_equal(unlinkat(to_directory, to, 0), 0);
    }
    return result;
}

static void a_file_that_a_reader_took_does_not_come_back_while_others_are_tried_again(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    story_begin((struct faults_plan){0}, true, SPOOL_SYNC_FSYNC);
    assert_true(story_open(&spool));
    links = links_asked = 0;
    sys.linkat = link_and_take;
    story_submit(spool, WAVE, SIZE);
    const unsigned kept = story_count_kept(false);
    while (links < kept)
        (void)usleep(1000);
    spool_close(spool);
    assert_int_equal(links, kept);
    story_end();
}

static void leave_a_wave_in_the_journal(void)
{
    struct spool *spool = NULL;
    assert_true(story_open(&spool));
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = ENOSPC, .for_good = true});
    story_submit(spool, WAVE, SIZE);
    spool_close(spool);
    faults_plan((struct faults_plan){0});
    assert_true(story_count_kept(true) >= WAVE - 1);
}

static _Atomic unsigned troubles;
static _Atomic unsigned recoveries;

static void note_trouble(const struct error *err)
{
    if (err == NULL)
        recoveries++;
    else if (err->kind == ERROR_NO_SPACE && err->os == ENOSPC)
        troubles++;
}

static void wait_for_one(const _Atomic unsigned *count)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    while (*count == 0)
        (void)nanosleep(&moment, NULL);
}

static void trouble_with_the_files_is_told_once_and_so_is_its_end(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    story_begin((struct faults_plan){0}, false, SPOOL_SYNC_FSYNC);
    story.settings.trouble = note_trouble;
    assert_true(story_open(&spool));
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = ENOSPC, .for_good = true});
    story_submit(spool, WAVE, SIZE);
    wait_for_one(&troubles);
    for (const unsigned tried = faults_hits(); faults_hits() == tried;) /* a second time */
        (void)usleep(1000);
    faults_plan((struct faults_plan){0});
    wait_for_one(&recoveries);
    spool_close(spool);
    story.settings.trouble = NULL;
    assert_int_equal(troubles, 1);
    assert_int_equal(recoveries, 1);
    story_end();
}

static void what_was_left_is_published_also_where_no_journal_is_wanted_any_more(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    struct stat status;
    story_begin((struct faults_plan){0}, false, SPOOL_SYNC_FSYNC);
    leave_a_wave_in_the_journal();
    story.settings.journal_size = 0;
    for (int i = 0; i < 2; i++) {
        assert_true(story_open(&spool));
        assert_int_equal(story_count_missing(), 0);
        story_submit(spool, WAVE, SIZE);
        spool_close(spool);
    }
    assert_int_equal(stat("journal/segment-0", &status), 0);
    assert_int_equal(status.st_size, 0);
    story_end();
}

static void what_cannot_be_published_at_the_start_waits_also_where_no_journal_is_wanted(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    story_begin((struct faults_plan){0}, false, SPOOL_SYNC_FSYNC);
    leave_a_wave_in_the_journal();
    story.settings.journal_size = 0;
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = ENOSPC, .for_good = true});
    assert_true(story_open(&spool));
    assert_true(story_count_missing() > 0);
    faults_plan((struct faults_plan){0});
    wait_until_all_are_there();
    spool_close(spool);
    story_end();
}

static void records_of_a_queue_that_is_gone_are_published_in_the_first(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    story_begin((struct faults_plan){0}, false, SPOOL_SYNC_FSYNC);
    leave_a_wave_in_the_journal();
    story.settings.queue_count = 1;
    assert_true(story_open(&spool));
    spool_close(spool);
    for (size_t i = 0; i < story.count; i++)
        story.answers[i].record.queue = 0;
    assert_int_equal(story_count_missing(), 0);
    story_end();
}

static void a_spool_that_cannot_have_its_journal_says_so_and_works_without(void **state)
{
    (void)state;
    static const struct {
        struct faults_plan plan;
        const char *directory;
        enum error_kind kind;
    } rows[] = {
        {{0}, "journal", ERROR_BUSY}, /* the other spool has it */
        {{0}, "file/journal", ERROR_SYSTEM},
        {{.call = FAULTS_FTRUNCATE, .nth = 1, .error = EOPNOTSUPP, .for_good = true}, "second", ERROR_SYSTEM},
        {{.call = FAULTS_PWRITE, .nth = 1, .error = EFBIG, .for_good = true}, "third", ERROR_SYSTEM},
        {{.call = FAULTS_PWRITE, .nth = 2, .error = ENOSPC, .for_good = true}, "fourth", ERROR_NO_SPACE},
    };
    struct spool *other = NULL;
    story_begin((struct faults_plan){0}, false, SPOOL_SYNC_FSYNC);
    assert_true(story_open(&other));
    assert_int_equal(close(open("file", O_CREAT | O_WRONLY, 0600)), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct spool *spool = NULL;
        faults_plan(rows[i].plan);
        story.settings.journal_directory = rows[i].directory;
        assert_true(story_open(&spool));
        assert_non_null(spool_complaint(spool));
        assert_int_equal(spool_complaint(spool)->kind, rows[i].kind);
        story_submit(spool, WAVE, SIZE);
        spool_close(spool);
    }
    spool_close(other);
    assert_int_equal(story_count_kept(false), story.count);
    assert_int_equal(story_count_kept(true), 0);
    story_end();
}

static void after_a_failed_sync_of_the_journal_nothing_is_kept_before_a_probe_was(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    story_begin((struct faults_plan){0}, false, SPOOL_SYNC_FSYNC);
    assert_true(story_open(&spool));
    faults_plan((struct faults_plan){.call = FAULTS_FDATASYNC, .nth = 1, .error = EIO});
    story_submit(spool, WAVE, SIZE);
    assert_true(faults_hit());
    assert_true(story_count_kept(false) < WAVE);
    faults_plan((struct faults_plan){.call = FAULTS_OPENAT, .nth = 1, .error = EIO, .for_good = true});
    story_submit(spool, 1, SIZE);
    assert_int_equal(story.answers[story.count - 1].error, ERROR_BUSY);
    faults_plan((struct faults_plan){0});
    story_submit(spool, WAVE, SIZE);
    story_submit(spool, WAVE, SIZE);
    for (size_t i = WAVE + 1; i < story.count; i++)
        assert_true(story.answers[i].kept);
    assert_true(story.answers[story.count - 1].times == 1);
    spool_close(spool);
    assert_int_equal(story_count_missing(), 0);
    story_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_alone_has_his_file_with_his_answer_and_a_crowd_has_it_soon),
        cmocka_unit_test(a_crowd_that_is_too_large_for_one_batch_is_kept_in_several),
        cmocka_unit_test(what_cannot_be_a_file_now_is_tried_again_and_nobody_overtakes_it),
        cmocka_unit_test(a_file_that_a_reader_took_does_not_come_back_while_others_are_tried_again),
        cmocka_unit_test(trouble_with_the_files_is_told_once_and_so_is_its_end),
        cmocka_unit_test(what_was_left_is_published_also_where_no_journal_is_wanted_any_more),
        cmocka_unit_test(what_cannot_be_published_at_the_start_waits_also_where_no_journal_is_wanted),
        cmocka_unit_test(records_of_a_queue_that_is_gone_are_published_in_the_first),
        cmocka_unit_test(a_spool_that_cannot_have_its_journal_says_so_and_works_without),
        cmocka_unit_test(after_a_failed_sync_of_the_journal_nothing_is_kept_before_a_probe_was),
        cmocka_unit_test(a_crowd_is_answered_honestly_and_loses_nothing_whatever_fails),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("spool_journal", tests, recovery_set_up, recovery_tear_down);
}
