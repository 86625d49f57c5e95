/* Who only looks into a journal is told what of it is no file yet, beside the process that has it and after its end. */
#include "journal_records.h"

static bool holds(const char *stem)
{
    struct error err;
    bool held;
    assert_true(spool_journal_holds("j", span_of(stem), &held, &err));
    return held;
}

static void a_record_is_held_from_its_append_until_it_is_forgotten(void **state)
{
    (void)state;
    assert_false(holds("N0000000"));
    struct journal *journal = open_journal(SIZE);
    assert_false(holds("N0000000"));
    append_kept(journal, 0, SMALL);
    assert_true(holds("N0000000") && holds("n0000003"));
    assert_false(holds("N0000004") || holds("N000000") || holds("N00000000") || holds(""));
    expect(journal, 0, BATCH);
    assert_false(holds("N0000000"));
    journal_close(journal);
}

static void what_a_process_left_in_either_segment_is_found(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    append_kept(journal, 0, LARGE);
    expect(journal, 0, BATCH);
    append_kept(journal, BATCH, LARGE);
    append_kept(journal, 2 * BATCH, LARGE);
    journal_close(journal);
    assert_false(holds("N0000003"));
    assert_true(holds("N0000004") && holds("N0000011"));
    assert_int_equal(size_of(paths[0]), SEGMENT);
}

static void a_batch_that_is_half_written_and_all_behind_it_are_not_there(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    append_kept(journal, 0, SMALL);
    append_kept(journal, BATCH, SMALL);
    journal_close(journal);
    for (int i = 0; i < 2; i++) {
        const int fd = open(paths[i], O_RDWR);
        assert_int_equal(pwrite(fd, "x", 1, 2 * (off_t)SEGMENT_BLOCK + 100), 1);
        assert_int_equal(close(fd), 0);
    }
    assert_true(holds("N0000000"));
    assert_false(holds("N0000004"));
}

static void a_journal_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    struct error err;
    bool held;
    journal_close(open_journal(SIZE));
    plan.error = EIO;
    plan.preads = 1;
    assert_false(spool_journal_holds("j", SPAN("N0000000"), &held, &err));
    assert_non_null(strstr(err.text, "cannot read the journal"));
    assert_int_equal(unlink(paths[0]), 0);
    assert_int_equal(symlink("/etc/passwd", paths[0]), 0);
    assert_false(spool_journal_holds("j", SPAN("N0000000"), &held, &err));
    assert_non_null(strstr(err.text, "cannot open the journal 'j/segment-0'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_HOME(a_record_is_held_from_its_append_until_it_is_forgotten),
        IN_HOME(what_a_process_left_in_either_segment_is_found),
        IN_HOME(a_batch_that_is_half_written_and_all_behind_it_are_not_there),
        IN_HOME(a_journal_that_cannot_be_read_is_an_error),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("journal_look", tests, NULL, NULL);
}
