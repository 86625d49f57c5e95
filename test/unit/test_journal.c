/* The journal: what was appended is read back, whole and in order, whatever failed in between; never anything else. */
#include "journal_records.h"

/* ---- appending and reading ---- */

static void records_are_read_back_as_they_were_in_the_order_of_appending(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    unsigned numbers[MOST];
    assert_true(journal_is_empty(journal));
    assert_int_equal(read_numbers(journal, numbers), 0);
    for (unsigned i = 0; i < 5; i++)
        append_kept(journal, i * BATCH, SMALL);
    assert_int_equal(read_numbers(journal, numbers), 5 * BATCH);
    expect(journal, 0, 5 * BATCH); /* what is not forgotten is read again */
    append_kept(journal, 5 * BATCH, SMALL);
    expect(journal, 5 * BATCH, 6 * BATCH);
    journal_close(journal);
}

static void short_and_interrupted_calls_change_nothing(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    plan.error = EINTR;
    plan.most = 1000;
    plan.pwrites = plan.preads = plan.fdatasyncs = 3;
    append_kept(journal, 0, LARGE);
    plan.fdatasyncs = 1;
    append_kept(journal, BATCH, LARGE);
    expect(journal, 0, 2 * BATCH);
    journal_close(journal);
}

static void a_batch_that_does_not_fit_is_refused_without_harm(void **state)
{
    (void)state;
    struct error err;
    struct journal *journal = open_journal(SIZE);
    assert_int_equal(journal_room(journal), 15 * SEGMENT_BLOCK - sizeof(struct segment_batch));
    append_kept(journal, 0, SMALL);
    assert_int_equal(append_some(journal, BATCH, 5, LARGE, &err), JOURNAL_FULL);
    append_kept(journal, BATCH, SMALL);
    expect(journal, 0, 2 * BATCH);
    journal_close(journal);
}

static void a_segment_is_not_written_over_before_its_batches_are_forgotten(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    append_kept(journal, 0, LARGE);
    append_kept(journal, BATCH, LARGE);
    assert_int_equal(append(journal, 2 * BATCH, LARGE), JOURNAL_FULL);
    journal_close(journal);
    journal = open_journal(SIZE);
    expect(journal, 0, 2 * BATCH);
    append_kept(journal, 2 * BATCH, LARGE);
    append_kept(journal, 3 * BATCH, LARGE);
    assert_int_equal(append(journal, 4 * BATCH, LARGE), JOURNAL_FULL);
    expect(journal, 2 * BATCH, 4 * BATCH);
    journal_close(journal);
}

/* The reader stands at the end of one segment, all forgotten, while the other fills; then the first is begun anew. */
static void a_reader_at_the_end_of_a_segment_that_is_begun_anew_skips_nothing(void **state)
{
    (void)state;
    for (unsigned ahead = 0; ahead < 2; ahead++) {
        struct journal *journal = open_journal(SIZE);
        append_kept(journal, 0, LARGE);
        if (ahead == 0)
            expect(journal, 0, BATCH);
        append_kept(journal, BATCH, LARGE); /* in the other */
        if (ahead == 1)
            expect(journal, 0, 2 * BATCH);
        append_kept(journal, 2 * BATCH, LARGE); /* in the first */
        if (ahead == 1)
            append_kept(journal, 3 * BATCH, LARGE);
        expect(journal, (1 + ahead) * BATCH, (3 + ahead) * BATCH);
        journal_close(journal);
    }
}

/* ---- after a failed write or sync ---- */

static void a_failed_write_or_sync_refuses_the_batch_and_keeps_what_was_before(void **state)
{
    (void)state;
    static const struct {
        int error;
        enum error_kind kind;
    } rows[] = {{EIO, ERROR_BUSY}, {ENOSPC, ERROR_NO_SPACE}, {EDQUOT, ERROR_NO_SPACE}};
    unsigned next = 0;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        struct journal *journal = open_journal(SIZE);
        struct error err = {0};
        const unsigned first = next;
        append_kept(journal, next, SMALL);
        next += BATCH;
        plan.error = rows[i / 2].error;
        *(i % 2 == 0 ? &plan.fdatasyncs : &plan.pwrites) = 1;
        assert_int_equal(append_some(journal, 900, BATCH, SMALL, &err), JOURNAL_FAILED);
        assert_int_equal(err.kind, rows[i / 2].kind);
        plan.opened = 0;
        assert_int_equal(append(journal, next, SMALL), JOURNAL_FULL); /* first those before must be files */
        assert_int_equal(plan.opened, 0);
        expect(journal, first, next);
        append_kept(journal, next, SMALL);
        assert_int_equal(plan.opened, 3); /* the directory, and descriptors that know of no error */
        next += BATCH;
        expect(journal, next - BATCH, next);
        journal_close(journal);
    }
}

static void failure_upon_failure_loses_nothing_and_repeats_nothing(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    unsigned next = 0;
    for (unsigned failures = 0; failures < 5; failures++) {
        for (unsigned i = 0; i < 3; i++, next += BATCH)
            append_kept(journal, next, SMALL);
        expect(journal, next - 3 * BATCH, next);
        for (unsigned i = 0; i < failures; i++) {
            plan.error = EIO;
            plan.fdatasyncs = 1;
            assert_int_equal(append(journal, 900, SMALL), JOURNAL_FAILED);
        }
    }
    journal_close(journal);
}

static void a_journal_whose_segments_cannot_be_opened_again_waits_until_they_can(void **state)
{
    (void)state;
    const unsigned before = count_descriptors();
    struct journal *journal = open_journal(SIZE);
    plan.error = EIO;
    plan.fdatasyncs = 1;
    assert_int_equal(append(journal, 900, SMALL), JOURNAL_FAILED);
    for (int i = 0; i < 3; i++) {
        plan.fsyncs = 1; /* of the directory */
        assert_int_equal(append(journal, 0, SMALL), JOURNAL_FULL);
        assert_int_equal(count_descriptors(), before);
    }
    append_kept(journal, 0, SMALL);
    expect(journal, 0, BATCH);
    journal_close(journal);
}

static void a_batch_that_cannot_be_read_back_stays(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    static struct spool_record records[MOST];
    struct error err = {0};
    append_kept(journal, 0, SMALL);
    plan.error = EIO;
    plan.preads = 1;
    assert_int_equal(journal_read(journal, records, MOST, &err), SIZE_MAX);
    assert_int_equal(err.os, EIO);
    assert_false(journal_is_empty(journal));
    expect(journal, 0, BATCH);
    journal_close(journal);
}

/* ---- random histories against a model ---- */

static size_t random_length(void)
{
    static const size_t lengths[] = {SMALL, SMALL, SMALL, 500, 3000, LARGE};
    return lengths[random_below(6)];
}

/* What is read must be `*oldest` and on, up to before `next`; numbers from 5,000,000 were refused and may come up after
 * a restart only. */
static void read_some(struct journal *journal, unsigned *oldest, unsigned next)
{
    unsigned numbers[MOST];
    const size_t count = read_numbers(journal, numbers);
    assert_int_equal(count == 0, journal_is_empty(journal));
    for (size_t i = 0; i < count; i++)
        if (numbers[i] < 5000000)
            assert_int_equal(numbers[i], (*oldest)++);
    assert_true(*oldest <= next);
    if (count > 0)
        journal_forget(journal);
}

static void any_history_of_appends_reads_failures_and_restarts_keeps_the_order_and_loses_nothing(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {SIZE, SIZE, SIZE, 2 * SIZE, 3 * SIZE};
    for (int run = 0; run < 30; run++) {
        struct journal *journal = open_journal(SIZE);
        unsigned oldest = 0;
        unsigned next = 0;
        for (int step = 0; step < 200; step++) {
            const unsigned what = random_below(20);
            plan.error = EIO;
            plan.fdatasyncs = what == 0;
            if (what < 12) {
                const enum journal_result result = append(journal, what == 0 ? 5000000 : next, random_length());
                assert_true(result == (what == 0 ? JOURNAL_FAILED : JOURNAL_KEPT) || result == JOURNAL_FULL);
                assert_true(result != JOURNAL_FULL || !journal_is_empty(journal));
                next += result == JOURNAL_KEPT ? BATCH : 0;
            } else if (what < 19) {
                read_some(journal, &oldest, next);
            } else {
                plan.fdatasyncs = 0;
                journal_close(journal);
                journal = open_journal(sizes[random_below(5)]);
            }
        }
        while (!journal_is_empty(journal))
            read_some(journal, &oldest, next);
        assert_int_equal(oldest, next);
        journal_close(journal);
    }
}

/* ---- memory ---- */

static int allocations;

static void *allocate_unless_failing(size_t size)
{
    return is_due(&allocations) ? NULL : malloc(size);
}

static void refused_memory_is_told_as_such(void **state)
{
    (void)state;
    int nth = 1;
    sys.allocate = allocate_unless_failing;
    plan.error = ENOMEM;
    for (;; nth++) {
        struct journal *journal = NULL;
        struct error err;
        const unsigned before = count_descriptors();
        allocations = nth;
        if (journal_open("j", SIZE, &journal, &err)) {
            journal_close(journal);
            break;
        }
        assert_int_equal(err.kind, ERROR_NO_MEMORY);
        assert_int_equal(count_descriptors(), before);
    }
    assert_int_equal(nth, 4);
    allocations = 0;
}

/* ---- threads ---- */

enum { PASSES = 300 };

static void *append_many(void *argument)
{
    struct journal *journal = argument;
    for (unsigned i = 0; i < PASSES;) {
        struct error err;
        struct spool_record records[BATCH];
        struct spool_record *pointers[BATCH];
        static char bytes[BATCH][LARGE];
        for (unsigned k = 0; k < BATCH; k++) {
            prepare(i * BATCH + k, i % 9 == 0 ? LARGE : 600, bytes[k], &records[k]);
            pointers[k] = &records[k];
        }
        i += journal_append(journal, pointers, BATCH, &err) == JOURNAL_KEPT;
    }
    return NULL;
}

static void one_thread_appends_while_another_reads(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    pthread_t thread;
    unsigned oldest = 0;
    assert_int_equal(pthread_create(&thread, NULL, append_many, journal), 0);
    while (oldest < PASSES * BATCH)
        if (!journal_is_empty(journal)) {
            unsigned numbers[MOST];
            const size_t count = read_numbers(journal, numbers);
            assert_true(count > 0);
            for (size_t i = 0; i < count; i++)
                assert_int_equal(numbers[i], oldest++);
            journal_forget(journal);
        }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(journal_is_empty(journal));
    journal_close(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_HOME(records_are_read_back_as_they_were_in_the_order_of_appending),
        IN_HOME(short_and_interrupted_calls_change_nothing),
        IN_HOME(a_batch_that_does_not_fit_is_refused_without_harm),
        IN_HOME(a_segment_is_not_written_over_before_its_batches_are_forgotten),
        IN_HOME(a_reader_at_the_end_of_a_segment_that_is_begun_anew_skips_nothing),
        IN_HOME(a_failed_write_or_sync_refuses_the_batch_and_keeps_what_was_before),
        IN_HOME(failure_upon_failure_loses_nothing_and_repeats_nothing),
        IN_HOME(a_journal_whose_segments_cannot_be_opened_again_waits_until_they_can),
        IN_HOME(a_batch_that_cannot_be_read_back_stays),
        IN_HOME(any_history_of_appends_reads_failures_and_restarts_keeps_the_order_and_loses_nothing),
        IN_HOME(refused_memory_is_told_as_such),
        IN_HOME(one_thread_appends_while_another_reads),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
