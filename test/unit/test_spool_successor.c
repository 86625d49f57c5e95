/* A spool that is opened where another still works: it is to take its place, and gets the journal when that has ended. */
#include "spool_story.h"

#include <time.h>

enum { WAVE = 12, SIZE = 1300 };

static _Atomic unsigned adoptions;
static _Atomic enum error_kind adopted_with;

static void note_adoption(const struct error *err)
{
    adopted_with = err == NULL ? ERROR_NONE : err->kind;
    adoptions++;
}

static void wait_for_adoptions(unsigned count)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    while (adoptions < count)
        (void)nanosleep(&moment, NULL);
}

static void begin(struct spool **first, struct spool **second, uint64_t size)
{
    story_begin((struct faults_plan){0}, false, SPOOL_SYNC_FSYNC);
    story.settings.adopted = note_adoption;
    adoptions = 0;
    assert_true(story_open(first));
    story.settings.journal_size = size;
    assert_true(story_open(second));
    assert_int_equal(spool_complaint(*second)->kind, ERROR_BUSY);
    assert_int_equal(adoptions, 0);
}

/* Where no file can be made a crowd is kept in the journal, or not at all. Its first comes alone. */
static bool has_journal(struct spool *spool)
{
    const unsigned before = story_count_kept(false);
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = ENOSPC, .for_good = true});
    story_submit(spool, WAVE, SIZE);
    faults_plan((struct faults_plan){0});
    return story_count_kept(false) >= before + WAVE - 1;
}

static void wait_until_all_are_there(void)
{
    while (story_count_missing() > 0)
        (void)usleep(1000);
}

static void end(struct spool *spool)
{
    spool_close(spool);
    assert_int_equal(adoptions, 1);
    assert_int_equal(story_count_missing(), 0);
    story_end();
}

static void both_keep_and_the_second_has_the_journal_when_the_first_has_ended(void **state)
{
    (void)state;
    struct spool *first = NULL;
    struct spool *second = NULL;
    begin(&first, &second, STORY_JOURNAL);
    assert_false(has_journal(second));
    assert_true(has_journal(first));
    story_submit(second, WAVE, SIZE);
    wait_until_all_are_there();
    spool_close(first);
    wait_for_adoptions(1);
    assert_int_equal(adopted_with, ERROR_NONE);
    assert_null(spool_complaint(second));
    assert_true(has_journal(second));
    for (int i = 0; i < 4; i++) /* its second keeper has ended: nobody waits for it */
        story_submit(second, 1, SIZE);
    end(second);
}

/* As one that was killed: what it could not make into files is in the journal. The first of the crowd may be refused. */
static void end_with_files_missing(struct spool *spool)
{
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = ENOSPC, .for_good = true});
    story_submit(spool, WAVE, SIZE);
    spool_close(spool);
    assert_true(story_count_missing() >= WAVE - 1);
    faults_plan((struct faults_plan){0});
}

static void what_the_first_left_in_the_journal_is_published_by_the_second(void **state)
{
    static const uint64_t sizes[] = {STORY_JOURNAL, 2 * STORY_JOURNAL, 0};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct spool *first = NULL;
        struct spool *second = NULL;
        begin(&first, &second, sizes[i]);
        end_with_files_missing(first);
        wait_until_all_are_there();
        wait_for_adoptions(1);
        assert_int_equal(adopted_with, ERROR_NONE);
        assert_int_equal(has_journal(second), sizes[i] > 0);
        end(second);
    }
}

static void a_journal_that_cannot_be_opened_is_told_once_and_tried_until_what_is_in_it_is_published(void **state)
{
    (void)state;
    struct spool *first = NULL;
    struct spool *second = NULL;
    begin(&first, &second, STORY_JOURNAL);
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = ENOSPC, .for_good = true});
    story_submit(first, WAVE, SIZE);
    faults_plan((struct faults_plan){.call = FAULTS_OPENAT, .nth = 1, .error = EMFILE, .for_good = true});
    spool_close(first);
    wait_for_adoptions(1);
    assert_int_equal(adopted_with, ERROR_SYSTEM);
    assert_true(story_count_missing() >= WAVE - 1);
    faults_plan((struct faults_plan){0});
    wait_for_adoptions(2);
    assert_int_equal(adopted_with, ERROR_NONE);
    assert_int_equal(story_count_missing(), 0);
    assert_true(has_journal(second));
    adoptions = 1;
    end(second);
}

/* It has no room for a larger one, and does not try that each second. */
static void a_journal_that_the_second_cannot_use_is_told_once_and_it_works_without(void **state)
{
    (void)state;
    struct spool *first = NULL;
    struct spool *second = NULL;
    begin(&first, &second, 2 * STORY_JOURNAL);
    faults_plan((struct faults_plan){.call = FAULTS_PWRITE, .nth = 1, .error = ENOSPC, .for_good = true});
    spool_close(first);
    wait_for_adoptions(1);
    assert_int_equal(adopted_with, ERROR_NO_SPACE);
    assert_non_null(spool_complaint(second));
    faults_plan((struct faults_plan){0});
    assert_false(has_journal(second));
    story_submit(second, WAVE, SIZE);
    end(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_keep_and_the_second_has_the_journal_when_the_first_has_ended),
        cmocka_unit_test(what_the_first_left_in_the_journal_is_published_by_the_second),
        cmocka_unit_test(a_journal_that_cannot_be_opened_is_told_once_and_tried_until_what_is_in_it_is_published),
        cmocka_unit_test(a_journal_that_the_second_cannot_use_is_told_once_and_it_works_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
