/* Every call of the spool fails in turn: what was kept is there, nothing is half, and the next record is kept. */
#include "faults_answers.h"
#include "step.h"

enum { RECORDS = 5, NTH_MOST = 400 };

static const int failures[] = {EIO, ENOSPC, EDQUOT, EINTR, EMFILE, EOPNOTSUPP, FAULTS_SHORT};

enum { FAILURES = sizeof failures / sizeof failures[0] };

/* ---- each call fails in turn ---- */

/* Calls `run` with the first, second ... `call` failing, until none is left to fail. */
static void torture(void (*run)(struct faults_plan plan, const struct way *way), const struct way *way)
{
    const unsigned step = step_of("ONE_IN");
    for (struct faults_plan plan = {0}; plan.call < FAULTS_CALLS; plan.call++)
        for (size_t i = 0; i < FAILURES; i++) {
            bool hit = true;
            plan.error = failures[i];
            for (plan.nth = 1; hit; plan.nth += step) {
                assert_true(plan.nth < NTH_MOST);
                const unsigned before = faults_count_descriptors();
                faults.no_nameless = way->no_nameless;
                run(plan, way);
                hit = faults_hit();
                faults_end();
                assert_int_equal(faults_count_descriptors(), before);
            }
        }
}

static void assert_no_loss(void)
{
    const struct loss loss = loss_of_recording(true, NULL);
    assert_int_equal(loss.lost, 0);
    assert_int_equal(loss.half, 0);
}

/* A directory counts as synced only if it can be asked about afterwards. */
static bool fails_syncs(struct faults_plan plan)
{
    return plan.call == FAULTS_FSTAT ||
           ((plan.call == FAULTS_FSYNC || plan.call == FAULTS_SYNCFS) && plan.error != EINTR);
}

/* The batch: RECORDS records, one after the other in one thread. */
static size_t batch_size;

static void assert_honest_batch(struct faults_plan plan, bool synced, struct answer *answers)
{
    unsigned kept = 0;
    for (size_t i = 0; i < batch_size; i++) {
        const struct spool_record *record = &answers[i].record;
        assert_true(record->state == SPOOL_LINKED || record->state == SPOOL_FAILED);
        assert_int_equal(record->fd, -1);
        if (record->state == SPOOL_LINKED) {
            note_answer(&answers[i].record, &record->name, NULL);
            assert_true(is_file(&answers[i]));
            kept++;
        } else {
            assert_int_not_equal(record->error.kind, ERROR_NONE);
        }
    }
    if (faults_hit() && fails_syncs(plan)) {
        assert_false(synced);
        assert_int_equal(kept, 0);
    } else {
        assert_true(synced);
        assert_true(kept + 1 >= batch_size);
    }
    assert_int_equal(empty_visible(), kept);
}

static void run_batch(struct faults_plan plan, const struct way *way)
{
    const struct spool_settings settings = settings_of(way);
    struct spool_record *records[RECORDS];
    struct answer answers[RECORDS];
    struct outbox outbox;
    struct error err;
    faults_begin((struct faults_plan){0});
    outbox_init(&outbox);
    assert_true(outbox_prove(&outbox, &settings, &err));
    outbox.named = false;
    prepare(answers, batch_size);
    for (size_t i = 0; i < batch_size; i++) {
        records[i] = &answers[i].record;
        records[i]->arrived = 1000 + (int64_t)i;
    }
    faults_plan(plan);
    const bool synced = outbox_commit(&outbox, records, batch_size);
    assert_honest_batch(plan, synced, answers);
    assert_true(empty_hidden() == 0 || plan.call == FAULTS_UNLINKAT);
    outbox_close(&outbox);
    assert_no_loss();
}

static void a_batch_of_one_is_answered_honestly_whatever_fails(void **state)
{
    (void)state;
    batch_size = 1;
    for (size_t i = 0; i < WAYS; i++)
        torture(run_batch, &ways[i]);
}

static void a_batch_of_several_is_answered_honestly_whatever_fails(void **state)
{
    (void)state;
    batch_size = RECORDS;
    for (size_t i = 0; i < WAYS; i++)
        torture(run_batch, &ways[i]);
}

/* From opening to closing; then a second spool, without failures, which must find nothing in its way. */
static void run_spool(struct faults_plan plan, const struct way *way)
{
    const struct spool_settings settings = settings_of(way);
    struct answer answers[RECORDS];
    struct spool *spool = NULL;
    struct error err = {0};
    faults_begin(plan);
    if (spool_open(&settings, &spool, &err)) {
        keep_all(spool, answers, RECORDS);
        spool_close(spool);
        (void)assert_honest_answers(answers, RECORDS);
    } else {
        assert_int_not_equal(err.kind, ERROR_NONE);
        assert_true(faults_hit());
        assert_null(spool);
    }
    assert_no_loss();
    (void)empty_visible();

    const unsigned hits = faults.hits;
    faults_plan((struct faults_plan){0});
    assert_true(spool_open(&settings, &spool, &err));
    assert_int_equal(empty_hidden(), 0);
    keep_all(spool, answers, RECORDS);
    spool_close(spool);
    assert_int_equal(assert_honest_answers(answers, RECORDS), RECORDS);
    assert_int_equal(empty_visible(), RECORDS);
    assert_int_equal(empty_hidden(), 0);
    faults.hits = hits;
}

static void a_spool_answers_honestly_and_works_after_a_restart_whatever_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++)
        torture(run_spool, &ways[i]);
}

/* ---- after a failed sync ---- */

static void wait_for(const struct answer *answer)
{
    while (answer->times == 0)
        (void)usleep(100);
}

static void keep_one(struct spool *spool, struct answer *answer)
{
    keep_all(spool, answer, 1);
    wait_for(answer);
}

static bool was_written(const struct answer *answer, size_t since)
{
    const struct span body = answer->record.content[1];
    for (size_t i = since; i < recording.event_count; i++) {
        const struct recording_event *event = &recording.events[i];
        if (event->kind == RECORDING_WROTE && event->len == body.len &&
            memcmp(recording.objects[event->object].bytes + 2, body.at, body.len) == 0)
            return true;
    }
    return false;
}

static unsigned count_probes(size_t since)
{
    unsigned count = 0;
    for (size_t i = since; i < recording.event_count; i++)
        count += recording.events[i].kind == RECORDING_NAMED && strncmp(recording.events[i].name, OUTBOX_PROBE, 7) == 0;
    return count;
}

static void after_a_failed_sync_nothing_is_kept_before_a_probe_was(void **state)
{
    (void)state;
    const struct spool_settings settings = settings_of(&ways[0]);
    struct answer answer;
    struct spool *spool;
    struct error err;
    faults_begin((struct faults_plan){0});
    assert_true(spool_open(&settings, &spool, &err));
    keep_one(spool, &answer);
    assert_true(answer.kept);

    faults_plan((struct faults_plan){.call = FAULTS_FSYNC, .nth = 1, .error = EIO, .for_good = true});
    keep_one(spool, &answer);
    assert_false(answer.kept);
    assert_int_equal(answer.error.kind, ERROR_BUSY);

    size_t since = recording_moment();
    keep_one(spool, &answer); /* the probe fails, so the record is not even written */
    assert_false(answer.kept);
    assert_int_equal(answer.error.kind, ERROR_BUSY);
    assert_false(was_written(&answer, since));

    faults_plan((struct faults_plan){0});
    since = recording_moment();
    keep_one(spool, &answer);
    assert_true(answer.kept);
    assert_true(was_written(&answer, since));
    assert_int_equal(count_probes(since), QUEUES);

    spool_close(spool);
    assert_no_loss();
    faults_end();
    assert_int_equal(empty_visible(), 2);
}

static void a_disk_found_full_by_a_sync_is_no_space(void **state)
{
    (void)state;
    const struct spool_settings settings = settings_of(&ways[0]);
    struct answer answer;
    struct spool *spool;
    struct error err;
    faults_begin((struct faults_plan){0});
    assert_true(spool_open(&settings, &spool, &err));
    faults_plan((struct faults_plan){.call = FAULTS_FSYNC, .nth = 1, .error = ENOSPC});
    keep_one(spool, &answer);
    assert_false(answer.kept);
    assert_int_equal(answer.error.kind, ERROR_NO_SPACE);
    spool_close(spool);
    faults_end();
    assert_int_equal(empty_visible(), 0);
}

static void on_a_disk_that_is_full_at_the_start_nothing_is_kept_until_it_has_room(void **state)
{
    (void)state;
    const struct spool_settings settings = settings_of(&ways[0]);
    struct answer answer;
    struct spool *spool;
    struct error err;
    faults_begin((struct faults_plan){.call = FAULTS_WRITEV, .nth = 1, .error = ENOSPC, .for_good = true});
    assert_true(spool_open(&settings, &spool, &err));
    for (int i = 0; i < 3; i++) {
        keep_one(spool, &answer);
        assert_false(answer.kept);
        assert_int_equal(answer.error.kind, ERROR_NO_SPACE);
    }
    faults_plan((struct faults_plan){0});
    const size_t since = recording_moment();
    keep_one(spool, &answer);
    assert_true(answer.kept);
    assert_int_equal(count_probes(since), QUEUES);
    spool_close(spool);
    assert_no_loss();
    faults_end();
    assert_int_equal(empty_visible(), 1);
}

static void a_disk_that_is_broken_at_the_start_is_an_error(void **state)
{
    (void)state;
    const struct spool_settings settings = settings_of(&ways[0]);
    struct spool *spool = NULL;
    struct error err;
    faults_begin((struct faults_plan){.call = FAULTS_WRITEV, .nth = 1, .error = EIO, .for_good = true});
    assert_false(spool_open(&settings, &spool, &err));
    assert_null(spool);
    assert_int_equal(err.os, EIO);
    faults_end();
    (void)empty_hidden();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_of_one_is_answered_honestly_whatever_fails),
        cmocka_unit_test(a_batch_of_several_is_answered_honestly_whatever_fails),
        cmocka_unit_test(a_spool_answers_honestly_and_works_after_a_restart_whatever_fails),
        cmocka_unit_test(after_a_failed_sync_nothing_is_kept_before_a_probe_was),
        cmocka_unit_test(a_disk_found_full_by_a_sync_is_no_space),
        cmocka_unit_test(on_a_disk_that_is_full_at_the_start_nothing_is_kept_until_it_has_room),
        cmocka_unit_test(a_disk_that_is_broken_at_the_start_is_an_error),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("spool_faults", tests, make_queues_once, leave_home);
}
