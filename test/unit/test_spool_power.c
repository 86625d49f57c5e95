/* The power is cut after every event: what was kept is there, and without one of the steps the checker finds a loss. */
#include "faults_answers.h"

enum { THREADS = 4, EACH = 12 };

struct submitter {
    pthread_t thread;
    struct spool *spool;
    struct answer answers[EACH];
};

static void *submit_each(void *argument)
{
    struct submitter *submitter = argument;
    keep_all(submitter->spool, submitter->answers, EACH);
    return NULL;
}

/* Records what THREADS threads do to a spool whose directories do not exist yet. */
static void record_work(const struct way *way)
{
    static struct submitter submitters[THREADS];
    const struct spool_settings settings = settings_of(way);
    struct spool *spool;
    struct error err;
    (void)leave_home(NULL);
    assert_int_equal(enter_home(NULL), 0);
    faults.no_nameless = way->no_nameless;
    faults_begin((struct faults_plan){0});
    assert_true(spool_open(&settings, &spool, &err));
    for (size_t i = 0; i < THREADS; i++) {
        submitters[i].spool = spool;
        assert_int_equal(pthread_create(&submitters[i].thread, NULL, submit_each, &submitters[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(submitters[i].thread, NULL), 0);
    spool_close(spool);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(assert_honest_answers(submitters[i].answers, EACH), EACH);
}

static void a_power_cut_at_any_moment_loses_nothing_kept_and_leaves_nothing_half(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        record_work(&ways[i]);
        const struct loss loss = loss_of_recording(true, NULL);
        assert_true(loss.cuts > THREADS * EACH * 4);
        assert_int_equal(loss.kept, THREADS * EACH);
        assert_int_equal(loss.lost, 0);
        assert_int_equal(loss.half, 0);
        faults_end();
    }
}

static void without_a_journal_named_temporaries_lose_nothing(void **state)
{
    (void)state;
    record_work(&ways[2]);
    const struct loss loss = loss_of_recording(false, NULL);
    assert_int_equal(loss.kept, THREADS * EACH);
    assert_int_equal(loss.lost, 0);
    assert_int_equal(loss.half, 0);
    faults_end();
}

static bool is_sync_above_the_queues(const struct recording_event *event)
{
    const struct recording_event made = recording_named(RECORDING_NAMED, AT_FDCWD, "in", RECORDING_NOTHING);
    return loss_is_directory_sync(event) && event->object == made.directory;
}

/* Each row takes one step out of what happened; the checker must find what that loses. (A sync of the file system
 * takes the directory's own name along.) */
static void the_checker_finds_the_loss_when_a_step_is_left_out(void **state)
{
    (void)state;
    static const struct {
        bool (*forgets)(const struct recording_event *event);
        bool half;
        bool only_one_by_one;
    } rows[] = {
        {loss_is_directory_sync, false, false},
        {loss_is_data_sync, true, false},
        {is_sync_above_the_queues, false, true},
    };
    for (size_t i = 0; i < WAYS; i++) {
        record_work(&ways[i]);
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            if (rows[k].only_one_by_one && ways[i].sync == SPOOL_SYNC_SYNCFS)
                continue;
            const struct loss loss = loss_of_recording(true, rows[k].forgets);
            assert_int_equal(loss.kept, THREADS * EACH);
            assert_true(loss.lost > 0);
            assert_int_equal(loss.half > 0, rows[k].half);
        }
        faults_end();
    }
}

static void the_checker_finds_nameless_files_lost_without_a_journal(void **state)
{
    (void)state;
    const struct spool_settings settings = settings_of(&ways[0]);
    struct answer answer;
    struct spool_record *records[] = {&answer.record};
    struct outbox outbox;
    struct error err;
    make_queues();
    faults_begin((struct faults_plan){0});
    outbox_init(&outbox);
    assert_true(outbox_prove(&outbox, &settings, &err));
    outbox.named = false; /* as if this file system had a journal */
    prepare(&answer, 1);
    answer.record.arrived = 1;
    assert_true(outbox_commit(&outbox, records, 1));
    note_answer(&answer.record, &answer.record.name, NULL);
    outbox_close(&outbox);
    assert_int_equal(loss_of_recording(true, NULL).lost, 0);
    assert_true(answer.record.named || loss_of_recording(false, NULL).lost > 0);
    faults_end();
}

/* ---- a name that an earlier try has left ---- */

static int never_comes(int directory, const char *path, int flags)
{
    (void)directory;
    (void)path;
    (void)flags;
    errno = EINTR;
    return -1;
}

static bool publish(const struct spool_settings *settings, struct answer *answer, struct faults_plan plan)
{
    struct spool_record *records[] = {&answer->record};
    struct outbox outbox;
    struct error err;
    outbox_init(&outbox);
    assert_true(outbox_prove(&outbox, settings, &err));
    faults_plan(plan);
    const bool published = outbox_commit(&outbox, records, 1);
    outbox_close(&outbox);
    return published;
}

static void publish_and_die_before_the_name_is_taken_back(const struct spool_settings *settings, struct answer *answer)
{
    const struct faults_plan directory_sync = {.call = FAULTS_FSYNC, .nth = 2, .error = EIO};
    int (*const unlinkat)(int directory, const char *path, int flags) = sys.unlinkat;
    sys.unlinkat = never_comes;
    assert_false(publish(settings, answer, directory_sync));
    sys.unlinkat = unlinkat;
    assert_true(is_file(answer));
}

/* What a failed sync of a directory left in it no later one makes durable, though it says so. */
static void a_name_that_was_told_is_given_anew_where_an_earlier_try_has_left_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        const struct spool_settings settings = settings_of(&ways[i]);
        struct answer answer;
        (void)leave_home(NULL);
        assert_int_equal(enter_home(NULL), 0);
        make_queues();
        faults.no_nameless = ways[i].no_nameless;
        faults_begin((struct faults_plan){0});
        prepare(&answer, 1);
        answer.record.arrived = 1;
        answer.record.told = true;
        (void)snprintf(answer.name.text, sizeof answer.name.text, "0123456789ABCDEF.smx");
        answer.record.name = answer.name;
        publish_and_die_before_the_name_is_taken_back(&settings, &answer);
        assert_true(publish(&settings, &answer, (struct faults_plan){0}));
        assert_string_equal(answer.record.name.text, answer.name.text);
        note_answer(&answer.record, &answer.record.name, NULL);
        const struct loss loss = loss_of_recording(true, NULL);
        assert_int_equal(loss.kept, 1);
        assert_int_equal(loss.lost + loss.half, 0);
        faults_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_cut_at_any_moment_loses_nothing_kept_and_leaves_nothing_half),
        cmocka_unit_test(without_a_journal_named_temporaries_lose_nothing),
        cmocka_unit_test(the_checker_finds_the_loss_when_a_step_is_left_out),
        cmocka_unit_test(the_checker_finds_nameless_files_lost_without_a_journal),
        cmocka_unit_test(a_name_that_was_told_is_given_anew_where_an_earlier_try_has_left_it),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("spool_power", tests, make_queues_once, leave_home);
}
