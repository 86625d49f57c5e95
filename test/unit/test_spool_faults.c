/* Every call of the spool fails in turn, and the power is cut after every event: what was kept must be kept. */
#include "../../src/spool/batch.h"
#include "faults_power.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum { RECORDS = 5, QUEUES = 3, THREADS = 4, EACH = 12, NTH_MOST = 400 };

static const int failures[] = {EIO, ENOSPC, EDQUOT, EINTR, EMFILE, EOPNOTSUPP, FAULTS_SHORT};
static const char *const queues[QUEUES] = {"in", "in/high", "in/low"};

/* How files are made and synced. */
static const struct way {
    bool no_nameless;
    enum spool_sync sync;
} ways[] = {
    {false, SPOOL_SYNC_FSYNC},
    {false, SPOOL_SYNC_SYNCFS},
    {true, SPOOL_SYNC_FSYNC},
    {true, SPOOL_SYNC_SYNCFS},
};

enum { WAYS = sizeof ways / sizeof ways[0], FAILURES = sizeof failures / sizeof failures[0] };

struct answer {
    struct spool_record record;
    char body[64];
    atomic_int times;
    bool kept;
    struct spool_name name;
    struct error error;
};

static char home[] = "/tmp/spool-faults-XXXXXX";

/* ---- records and their answers ---- */

static void note_answer(struct spool_record *record, const struct spool_name *name, const struct error *err)
{
    struct answer *answer = record->owner;
    answer->kept = name != NULL;
    if (name != NULL) {
        answer->name = *name;
        faults_note_kept(queues[record->queue], name->text, record->content);
    } else {
        answer->error = *err;
    }
    answer->times++;                    /* last: somebody may wait for it */
}

static void prepare(struct answer *answers, size_t count)
{
    memset(answers, 0, count * sizeof *answers);
    for (size_t i = 0; i < count; i++) {
        struct answer *answer = &answers[i];
        const int len = snprintf(answer->body, sizeof answer->body, "<Report number=\"%zu\">", i);
        answer->record.content[0] = SPAN("\xff\xfe");
        answer->record.content[1] = (struct span){answer->body, (size_t)len};
        answer->record.queue = (unsigned)(i % QUEUES);
        answer->record.done = note_answer;
        answer->record.owner = answer;
    }
}

static struct spool_settings settings_of(const struct way *way)
{
    return (struct spool_settings){.queues = {queues[0], queues[1], queues[2]},
                                   .queue_count = QUEUES,
                                   .prefix = "",
                                   .extension = ".smx",
                                   .sync = way->sync,
                                   .max_files = 1000000};
}

/* ---- looking at the directories ---- */

static bool is_file(const struct answer *answer)
{
    char path[128];
    char bytes[128];
    (void)snprintf(path, sizeof path, "%s/%s", queues[answer->record.queue], answer->name.text);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    const size_t len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    const struct span *content = answer->record.content;
    return len == content[0].len + content[1].len && memcmp(bytes, content[0].at, content[0].len) == 0 &&
           memcmp(bytes + content[0].len, content[1].at, content[1].len) == 0;
}

static void empty(bool (*wanted)(const char *name), unsigned *count)
{
    for (size_t i = 0; i < QUEUES; i++) {
        DIR *directory = opendir(queues[i]);
        if (directory == NULL)
            continue;
        for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
            if (entry->d_type == DT_REG && wanted(entry->d_name)) {
                (*count)++;
                assert_int_equal(unlinkat(dirfd(directory), entry->d_name, 0), 0);
            }
        (void)closedir(directory);
    }
}

static bool is_hidden(const char *name)
{
    return name[0] == '.';
}

static bool is_visible(const char *name)
{
    return name[0] != '.';
}

static unsigned empty_hidden(void)
{
    unsigned count = 0;
    empty(is_hidden, &count);
    return count;
}

static unsigned empty_visible(void)
{
    unsigned count = 0;
    empty(is_visible, &count);
    return count;
}

static void make_queues(void)
{
    for (size_t i = 0; i < QUEUES; i++)
        assert_true(mkdir(queues[i], 0750) == 0 || errno == EEXIST);
}

static int enter_home(void **state)
{
    (void)state;
    return mkdtemp(home) == NULL || chdir(home) != 0;
}

static int leave_home(void **state)
{
    (void)state;
    (void)empty_hidden();
    (void)empty_visible();
    return rmdir("in/high") != 0 || rmdir("in/low") != 0 || rmdir("in") != 0 || chdir("/") != 0 || rmdir(home) != 0;
}

/* ---- each call fails in turn ---- */

/* Calls `run` with the first, second ... `call` failing, until none is left to fail. */
static void torture(void (*run)(struct faults_plan plan, const struct way *way), const struct way *way)
{
    for (struct faults_plan plan = {0}; plan.call < FAULTS_CALLS; plan.call++)
        for (size_t i = 0; i < FAILURES; i++) {
            bool hit = true;
            plan.error = failures[i];
            for (plan.nth = 1; hit; plan.nth++) {
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
    const struct power_loss loss = power_cut_everywhere(true, NULL);
    assert_int_equal(loss.lost, 0);
    assert_int_equal(loss.half, 0);
}

static bool is_sync(enum faults_call call)
{
    return call == FAULTS_FSYNC || call == FAULTS_SYNCFS;
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
    if (faults_hit() && is_sync(plan.call) && plan.error != EINTR) {
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
    struct store store;
    struct error err;
    faults_begin((struct faults_plan){0});
    assert_true(store_open(&store, &settings, &err));
    store.named = false;
    prepare(answers, batch_size);
    for (size_t i = 0; i < batch_size; i++) {
        records[i] = &answers[i].record;
        records[i]->arrived = 1000 + (int64_t)i;
    }
    faults_plan(plan);
    const bool synced = store_commit(&store, records, batch_size);
    assert_honest_batch(plan, synced, answers);
    assert_true(empty_hidden() == 0 || plan.call == FAULTS_UNLINKAT);
    store_close(&store);
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

static void keep_all(struct spool *spool, struct answer *answers, size_t count)
{
    prepare(answers, count);
    for (size_t i = 0; i < count; i++)
        spool_submit(spool, &answers[i].record);
}

static unsigned assert_honest_answers(const struct answer *answers, size_t count)
{
    unsigned kept = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(answers[i].times, 1);
        assert_true(!answers[i].kept || is_file(&answers[i]));
        kept += answers[i].kept;
    }
    return kept;
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
    for (size_t i = since; i < faults.event_count; i++) {
        const struct faults_event *event = &faults.events[i];
        if (event->kind == FAULTS_WROTE && event->len == body.len &&
            memcmp(faults.objects[event->object].bytes + 2, body.at, body.len) == 0)
            return true;
    }
    return false;
}

static unsigned count_probes(size_t since)
{
    unsigned count = 0;
    for (size_t i = since; i < faults.event_count; i++)
        count += faults.events[i].kind == FAULTS_NAMED && strncmp(faults.events[i].name, STORE_PROBE, 7) == 0;
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

    size_t since = faults_moment();
    keep_one(spool, &answer);                       /* the probe fails, so the record is not even written */
    assert_false(answer.kept);
    assert_int_equal(answer.error.kind, ERROR_BUSY);
    assert_false(was_written(&answer, since));

    faults_plan((struct faults_plan){0});
    since = faults_moment();
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
    const size_t since = faults_moment();
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

/* ---- the power is cut ---- */

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
    (void)strcpy(home + sizeof home - 7, "XXXXXX");
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
        const struct power_loss loss = power_cut_everywhere(true, NULL);
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
    const struct power_loss loss = power_cut_everywhere(false, NULL);
    assert_int_equal(loss.kept, THREADS * EACH);
    assert_int_equal(loss.lost, 0);
    assert_int_equal(loss.half, 0);
    faults_end();
}

static bool is_sync_above_the_queues(const struct faults_event *event)
{
    const struct faults_event made = faults_named(FAULTS_NAMED, AT_FDCWD, "in", FAULTS_UNKNOWN);
    return power_is_directory_sync(event) && event->object == made.directory;
}

/* Each row takes one step out of what happened; the checker must find what that loses. (A sync of the file system
 * takes the directory's own name along.) */
static void the_checker_finds_the_loss_when_a_step_is_left_out(void **state)
{
    (void)state;
    static const struct {
        bool (*forgets)(const struct faults_event *event);
        bool half;
        bool only_one_by_one;
    } rows[] = {
        {power_is_directory_sync, false, false},
        {power_is_data_sync, true, false},
        {is_sync_above_the_queues, false, true},
    };
    for (size_t i = 0; i < WAYS; i++) {
        record_work(&ways[i]);
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            if (rows[k].only_one_by_one && ways[i].sync == SPOOL_SYNC_SYNCFS)
                continue;
            const struct power_loss loss = power_cut_everywhere(true, rows[k].forgets);
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
    struct store store;
    struct error err;
    make_queues();
    faults_begin((struct faults_plan){0});
    assert_true(store_open(&store, &settings, &err));
    store.named = false;                            /* as if this file system had a journal */
    prepare(&answer, 1);
    answer.record.arrived = 1;
    assert_true(store_commit(&store, records, 1));
    note_answer(&answer.record, &answer.record.name, NULL);
    store_close(&store);
    assert_int_equal(power_cut_everywhere(true, NULL).lost, 0);
    assert_true(answer.record.named || power_cut_everywhere(false, NULL).lost > 0);
    faults_end();
}

static int make_queues_once(void **state)
{
    if (enter_home(state) != 0)
        return -1;
    make_queues();
    return 0;
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
        cmocka_unit_test(a_power_cut_at_any_moment_loses_nothing_kept_and_leaves_nothing_half),
        cmocka_unit_test(without_a_journal_named_temporaries_lose_nothing),
        cmocka_unit_test(the_checker_finds_the_loss_when_a_step_is_left_out),
        cmocka_unit_test(the_checker_finds_nameless_files_lost_without_a_journal),
    };
    return cmocka_run_group_tests_name("spool_faults", tests, make_queues_once, leave_home);
}
