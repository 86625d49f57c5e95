/*
 * The spool with a journal: every call fails in turn, and the power is cut after every event. After each, the real
 * recovery runs on what is left, and then all that was answered as kept must be there, whole, under its name.
 */
#include "faults_rebuild.h"
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum {
    QUEUES = 3,
    WAVE = 12,                  /* one record alone, and then a crowd */
    MOST_WAVES = 8,
    BODY = 1300,
    JOURNAL_SIZE = 32 * 4096,   /* the smallest: two or three waves fill a segment */
    NTH_MOST = 400,
};

static const char *const queues[QUEUES] = {"in", "in/high", "in/low"};

static const struct way {
    bool no_nameless;
    enum spool_sync sync;
} ways[] = {{false, SPOOL_SYNC_FSYNC}, {false, SPOOL_SYNC_SYNCFS}, {true, SPOOL_SYNC_FSYNC}};

enum { WAYS = sizeof ways / sizeof ways[0] };

struct answer {
    struct spool_record record;
    char body[BODY];
    atomic_int times;
    bool kept;
    bool journaled;             /* answered before its file had a name */
    enum error_kind error;
};

static struct answer answers[MOST_WAVES * WAVE];
static size_t answer_count;
static char home[32];           /* where the spool works */
static char after[32];          /* what a cut left of it */

/* ---- records and their answers ---- */

static size_t write_body(unsigned number, char body[BODY])
{
    const size_t len = (size_t)snprintf(body, BODY, "<Report number=\"%u\">", number);
    for (size_t i = len; i < BODY; i++)
        body[i] = (char)('a' + (number + i) % 26);
    return BODY - number % 50;
}

static void note_answer(struct spool_record *record, const struct spool_name *name, const struct error *err)
{
    struct answer *answer = record->owner;
    char path[128];
    answer->kept = name != NULL;
    answer->error = err == NULL ? ERROR_NONE : err->kind;
    if (name != NULL) {
        (void)snprintf(path, sizeof path, "%s/%s", queues[record->queue], name->text);
        answer->journaled = access(path, F_OK) != 0;
        faults_note_kept(queues[record->queue], name->text, record->content);
    }
    answer->times++;                    /* last: somebody may wait for it */
}

static atomic_bool gate_is_reached;
static atomic_bool gate_is_open;

/* Holds the keeper until its next batch has gathered. */
static void note_behind_gate(struct spool_record *record, const struct spool_name *name, const struct error *err)
{
    gate_is_reached = true;
    while (!gate_is_open)
        (void)usleep(50);
    note_answer(record, name, err);
}

/* The first alone, and then the others in one batch. */
static void submit_some(struct spool *spool, size_t count)
{
    const size_t end = answer_count + count;
    assert_true(end <= MOST_WAVES * WAVE);
    gate_is_reached = gate_is_open = false;
    for (size_t i = answer_count; i < end; i++) {
        struct answer *answer = &answers[i];
        const size_t len = write_body((unsigned)i, answer->body);
        answer->times = 0;
        answer->record = (struct spool_record){
            .content = {SPAN("\xff\xfe"), {answer->body, len}},
            .queue = (unsigned)(i % QUEUES),
            .done = i == answer_count ? note_behind_gate : note_answer,
            .owner = answer,
        };
        spool_submit(spool, &answer->record);
        while (!gate_is_reached)
            (void)usleep(50);
    }
    gate_is_open = true;
    for (size_t i = answer_count; i < end; i++)
        while (answers[i].times == 0)
            (void)usleep(50);
    answer_count = end;
}

static unsigned count_kept(bool journaled)
{
    unsigned count = 0;
    for (size_t i = 0; i < answer_count; i++) {
        assert_int_equal(answers[i].times, 1);
        assert_true(answers[i].kept || answers[i].error != ERROR_NONE);
        count += answers[i].kept && (answers[i].journaled || !journaled);
    }
    return count;
}

static struct spool_settings settings;

static void reset_settings(const struct way *way)
{
    settings = (struct spool_settings){.queues = {queues[0], queues[1], queues[2]},
                                       .queue_count = QUEUES,
                                       .prefix = "",
                                       .extension = ".smx",
                                       .sync = way->sync,
                                       .max_files = 1000000,
                                       .journal_directory = "journal",
                                       .journal_size = JOURNAL_SIZE};
}

static bool open_spool(struct spool **out)
{
    struct error err = {0};
    if (spool_open(&settings, out, &err))
        return true;
    assert_int_not_equal(err.kind, ERROR_NONE);
    return false;
}

/* ---- directories ---- */

/* In memory where there is such a place: thousands of states are made and removed. */
static void make_home(char path[32], bool may_be_in_memory)
{
    const bool in_memory = may_be_in_memory && access("/dev/shm", W_OK) == 0;
    (void)snprintf(path, 32, "%s/spool-XXXXXX", in_memory ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(path));
}

static void remove_below(const char *path)
{
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char below[512];
        (void)snprintf(below, sizeof below, "%.200s/%.300s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || unlink(below) == 0)
            continue;
        remove_below(below);
        assert_int_equal(rmdir(below), 0);
    }
    (void)closedir(directory);
}

static size_t read_file(const char *path, char bytes[BODY + 8])
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 0;
    const size_t len = fread(bytes, 1, BODY + 8, file);
    (void)fclose(file);
    return len;
}

/* Is it one of the records, whole? */
static bool is_whole(const char *path)
{
    char bytes[BODY + 8];
    char body[BODY];
    unsigned number;
    const size_t len = read_file(path, bytes);
    if (len < 24 || sscanf(bytes + 2, "<Report number=\"%5u\">", &number) != 1)
        return false;
    return write_body(number, body) == len - 2 && memcmp(bytes, "\xff\xfe", 2) == 0 &&
           memcmp(bytes + 2, body, len - 2) == 0;
}

static unsigned count_half(void)
{
    unsigned count = 0;
    for (size_t i = 0; i < QUEUES; i++) {
        DIR *directory = opendir(queues[i]);
        for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
            char path[512];
            (void)snprintf(path, sizeof path, "%s/%.300s", queues[i], entry->d_name);
            count += entry->d_type == DT_REG && entry->d_name[0] != '.' && !is_whole(path);
        }
        if (directory != NULL)
            (void)closedir(directory);
    }
    return count;
}

static bool is_there(const struct answer *answer)
{
    char path[128];
    char bytes[BODY + 8];
    const struct span body = answer->record.content[1];
    (void)snprintf(path, sizeof path, "%s/%s", queues[answer->record.queue], answer->record.name.text);
    return read_file(path, bytes) == body.len + 2 && memcmp(bytes + 2, body.at, body.len) == 0;
}

/* ---- the power is cut ---- */

static int sync_nothing(int fd)
{
    return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

/* Opens the spool on what is there, which publishes what the journal has. */
static void recover(void)
{
    struct spool *spool = NULL;
    sys = sys_kernel;
    sys.fsync = sys.fdatasync = sys.syncfs = sync_nothing;
    assert_true(open_spool(&spool));
    assert_null(spool_complaint(spool));
    spool_close(spool);
}

struct loss {
    unsigned states;
    unsigned lost;                      /* states and records that were answered as kept */
    unsigned lost_journaled;
    unsigned half;                      /* states and files, before and after the recovery */
};

/* Was it answered before the cut? */
static bool was_kept(const struct answer *answer)
{
    for (size_t i = 0; i < power.kept_count; i++)
        if (power.kept[i]->content[1].at == answer->body)
            return true;
    return false;
}

static void try_state(enum rebuild_luck luck, struct loss *loss)
{
    assert_int_equal(chdir(after), 0);
    rebuild_state(home, ".", luck);
    loss->states++;
    loss->half += count_half();
    recover();
    loss->half += count_half();
    for (size_t i = 0; i < answer_count; i++) {
        if (!was_kept(&answers[i]) || is_there(&answers[i]))
            continue;
        loss->lost++;
        loss->lost_journaled += answers[i].journaled;
    }
    remove_below(".");
    assert_int_equal(chdir(home), 0);
}

/* Where all that was not synced is lost, only a sync or an answer makes a difference. */
static struct loss cut_everywhere(bool (*forgets)(const struct faults_event *event))
{
    struct loss loss = {0};
    rebuild_begin();
    for (size_t i = 1; i <= faults.event_count; i++) {
        const enum faults_kind kind = faults.events[i - 1].kind;
        rebuild_until(i, forgets);
        if (kind == FAULTS_SYNCED || kind == FAULTS_KEPT)
            try_state(REBUILD_LOST, &loss);
        if (i % 2 == 0)
            try_state(REBUILD_MIXED, &loss);
        if (i % 16 == 0)
            try_state(REBUILD_KEPT, &loss);
    }
    return loss;
}

/* ---- stories ---- */

static void begin_story(const struct way *way, struct faults_plan plan)
{
    make_home(home, way->no_nameless);
    make_home(after, true);
    assert_int_equal(chdir(home), 0);
    answer_count = 0;
    reset_settings(way);
    faults.no_nameless = way->no_nameless;
    faults_begin(plan);
}

static void end_story(void)
{
    faults_end();
    remove_below(home);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(home), 0);
    assert_int_equal(rmdir(after), 0);
}

/* Waves into both segments, the last of them while no file can be linked; a new start; and some waves more, which write
 * over what was there. Each record of the third wave is in the journal only when it is answered. */
static void record_story(const struct way *way)
{
    struct spool *spool = NULL;
    begin_story(way, (struct faults_plan){0});
    assert_true(open_spool(&spool));
    submit_some(spool, WAVE);
    submit_some(spool, WAVE);
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = EIO, .for_good = true});
    submit_some(spool, WAVE);
    spool_close(spool);
    faults_plan((struct faults_plan){0});
    assert_true(open_spool(&spool));
    for (size_t i = 0; i < answer_count; i++)
        assert_true(!answers[i].kept || is_there(&answers[i]));
    for (int i = 0; i < 3; i++)
        submit_some(spool, WAVE);
    spool_close(spool);
    assert_true(count_kept(true) >= WAVE - 1);
}

static void a_power_cut_at_any_moment_loses_nothing_kept_in_the_journal_and_leaves_nothing_half(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        record_story(&ways[i]);
        assert_true(count_kept(false) >= 5 * WAVE);
        const struct loss loss = cut_everywhere(NULL);
        assert_true(loss.states > 300);
        assert_int_equal(loss.lost, 0);
        assert_int_equal(loss.half, 0);
        end_story();
    }
}

static bool is_journal_sync(const struct faults_event *event)
{
    return event->kind == FAULTS_SYNCED && event->object >= 0 && faults.objects[event->object].in_place;
}

/* The steps of the publisher without the last one: then it forgets what is not durable yet. */
static bool is_directory_sync_of_a_queue(const struct faults_event *event)
{
    struct stat status;
    for (size_t i = 0; i < QUEUES; i++)
        if (power_is_directory_sync(event) && stat(queues[i], &status) == 0 &&
            event->object == faults_of_inode(&status))
            return true;
    return false;
}

static bool is_sync_of_the_journals_directory(const struct faults_event *event)
{
    struct stat status;
    return power_is_directory_sync(event) && stat("journal", &status) == 0 && event->object == faults_of_inode(&status);
}

static void the_checker_finds_the_loss_when_a_step_of_the_journal_is_left_out(void **state)
{
    (void)state;
    static bool (*const steps[])(const struct faults_event *event) = {is_journal_sync, is_directory_sync_of_a_queue,
                                                                      is_sync_of_the_journals_directory};
    record_story(&ways[0]);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const struct loss loss = cut_everywhere(steps[i]);
        assert_true(loss.lost_journaled > 0);
        assert_int_equal(loss.half, 0);
    }
    end_story();
}

/* ---- each call fails in turn ---- */

static void run_wave(const struct way *way, struct faults_plan plan)
{
    struct spool *spool = NULL;
    struct loss loss = {0};
    begin_story(way, plan);
    if (open_spool(&spool)) {
        submit_some(spool, WAVE);
        spool_close(spool);
        (void)count_kept(false);
    } else {
        assert_true(faults_hit());
        assert_null(spool);
    }
    rebuild_begin();
    rebuild_until(faults.event_count, NULL);
    try_state(REBUILD_LOST, &loss);
    try_state(REBUILD_MIXED, &loss);
    recover();                       /* where all is as it was, as after a kill */
    for (size_t i = 0; i < answer_count; i++)
        loss.lost += answers[i].kept && !is_there(&answers[i]);
    assert_int_equal(loss.lost, 0);
    assert_int_equal(loss.half, 0);
}

static void a_crowd_is_answered_honestly_and_loses_nothing_whatever_fails(void **state)
{
    (void)state;
    static const struct faults_plan plans[] = {
        {.error = EIO}, {.error = ENOSPC, .for_good = true}, {.error = EINTR}, {.error = FAULTS_SHORT}};
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
        for (struct faults_plan plan = plans[i]; plan.call < FAULTS_CALLS; plan.call++) {
            bool hit = true;
            for (plan.nth = 1; hit; plan.nth++) {
                const unsigned before = faults_count_descriptors();
                assert_true(plan.nth < NTH_MOST);
                run_wave(&ways[WAYS - 1], plan);
                hit = faults_hit();
                end_story();
                assert_int_equal(faults_count_descriptors(), before);
            }
        }
}

/* ---- who goes which way ---- */

static void wait_until_all_are_there(void)
{
    for (size_t i = 0; i < answer_count; i++)
        while (answers[i].kept && !is_there(&answers[i]))
            (void)usleep(1000);
}

static void who_is_alone_has_his_file_with_his_answer_and_a_crowd_has_it_soon(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    begin_story(&ways[0], (struct faults_plan){0});
    assert_true(open_spool(&spool));
    assert_null(spool_complaint(spool));
    for (int i = 0; i < 5; i++) {
        submit_some(spool, 1);
        assert_true(answers[i].kept);
        assert_true(is_there(&answers[i]));
    }
    submit_some(spool, WAVE);
    wait_until_all_are_there();
    spool_close(spool);
    assert_int_equal(count_kept(false), 5 + WAVE);
    end_story();
}

static void what_cannot_be_a_file_now_is_tried_again_and_nobody_overtakes_it(void **state)
{
    (void)state;
    enum { LONE = 15 };
    struct spool *spool = NULL;
    begin_story(&ways[2], (struct faults_plan){0});
    assert_true(open_spool(&spool));
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = ENOSPC, .for_good = true});
    submit_some(spool, WAVE);
    const unsigned kept = count_kept(true);
    assert_true(kept >= WAVE - 1);
    for (int i = 0; i < LONE; i++) {    /* long after the crowd */
        submit_some(spool, 1);
        assert_true(answers[answer_count - 1].kept && answers[answer_count - 1].journaled);
    }
    faults_plan((struct faults_plan){0});
    wait_until_all_are_there();         /* it heals by itself */
    spool_close(spool);
    assert_int_equal(count_kept(false), kept + LONE);
    end_story();
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
    begin_story(&ways[2], (struct faults_plan){0});
    assert_true(open_spool(&spool));
    links = links_asked = 0;
    sys.linkat = link_and_take;
    submit_some(spool, WAVE);
    const unsigned kept = count_kept(false);
    while (links < kept)
        (void)usleep(1000);
    spool_close(spool);
    assert_int_equal(links, kept);
    end_story();
}

static void leave_a_wave_in_the_journal(void)
{
    struct spool *spool = NULL;
    assert_true(open_spool(&spool));
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = EIO, .for_good = true});
    submit_some(spool, WAVE);
    spool_close(spool);
    faults_plan((struct faults_plan){0});
    assert_true(count_kept(true) >= WAVE - 1);
}

static _Atomic unsigned troubles;
static _Atomic unsigned recoveries;

static void note_trouble(const struct error *err)
{
    if (err == NULL)
        recoveries++;
    else if (err->kind == ERROR_SYSTEM && err->os == EIO)
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
    begin_story(&ways[0], (struct faults_plan){0});
    settings.trouble = note_trouble;
    assert_true(open_spool(&spool));
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = EIO, .for_good = true});
    submit_some(spool, WAVE);
    wait_for_one(&troubles);
    faults_plan((struct faults_plan){0});
    wait_for_one(&recoveries);
    spool_close(spool);
    settings.trouble = NULL;
    assert_int_equal(troubles, 1);
    assert_int_equal(recoveries, 1);
    end_story();
}

static void what_was_left_is_published_also_where_no_journal_is_wanted_any_more(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    struct stat status;
    begin_story(&ways[0], (struct faults_plan){0});
    leave_a_wave_in_the_journal();
    settings.journal_size = 0;
    for (int i = 0; i < 2; i++) {
        assert_true(open_spool(&spool));
        for (size_t k = 0; k < answer_count; k++)
            assert_true(!answers[k].kept || is_there(&answers[k]));
        submit_some(spool, WAVE);
        spool_close(spool);
    }
    assert_int_equal(stat("journal/segment-0", &status), 0);
    assert_int_equal(status.st_size, 0);
    end_story();
}

static void records_of_a_queue_that_is_gone_are_published_in_the_first(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    begin_story(&ways[0], (struct faults_plan){0});
    leave_a_wave_in_the_journal();
    settings.queue_count = 1;
    assert_true(open_spool(&spool));
    spool_close(spool);
    for (size_t i = 0; i < answer_count; i++) {
        answers[i].record.queue = 0;
        assert_true(!answers[i].kept || is_there(&answers[i]));
    }
    end_story();
}

static void a_spool_that_cannot_have_its_journal_says_so_and_works_without(void **state)
{
    (void)state;
    static const struct {
        struct faults_plan plan;
        const char *directory;
        enum error_kind kind;
    } rows[] = {
        {{0}, "journal", ERROR_BUSY},           /* the other spool has it */
        {{0}, "file/journal", ERROR_SYSTEM},
        {{.call = FAULTS_FTRUNCATE, .nth = 1, .error = EOPNOTSUPP, .for_good = true}, "second", ERROR_SYSTEM},
        {{.call = FAULTS_PWRITE, .nth = 1, .error = EFBIG, .for_good = true}, "third", ERROR_SYSTEM},
        {{.call = FAULTS_PWRITE, .nth = 2, .error = ENOSPC, .for_good = true}, "fourth", ERROR_NO_SPACE},
    };
    struct spool *other = NULL;
    begin_story(&ways[0], (struct faults_plan){0});
    assert_true(open_spool(&other));
    assert_int_equal(close(open("file", O_CREAT | O_WRONLY, 0600)), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct spool *spool = NULL;
        faults_plan(rows[i].plan);
        settings.journal_directory = rows[i].directory;
        assert_true(open_spool(&spool));
        assert_non_null(spool_complaint(spool));
        assert_int_equal(spool_complaint(spool)->kind, rows[i].kind);
        submit_some(spool, WAVE);
        spool_close(spool);
    }
    spool_close(other);
    assert_int_equal(count_kept(false), answer_count);
    assert_int_equal(count_kept(true), 0);
    end_story();
}

static void after_a_failed_sync_of_the_journal_nothing_is_kept_before_a_probe_was(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    begin_story(&ways[0], (struct faults_plan){0});
    assert_true(open_spool(&spool));
    faults_plan((struct faults_plan){.call = FAULTS_FDATASYNC, .nth = 1, .error = EIO});
    submit_some(spool, WAVE);
    assert_true(faults_hit());
    assert_true(count_kept(false) < WAVE);
    faults_plan((struct faults_plan){.call = FAULTS_OPENAT, .nth = 1, .error = EIO, .for_good = true});
    submit_some(spool, 1);
    assert_int_equal(answers[answer_count - 1].error, ERROR_BUSY);
    faults_plan((struct faults_plan){0});
    submit_some(spool, WAVE);
    submit_some(spool, WAVE);
    for (size_t i = WAVE + 1; i < answer_count; i++)
        assert_true(answers[i].kept);
    assert_true(answers[answer_count - 1].times == 1);
    spool_close(spool);
    for (size_t i = 0; i < answer_count; i++)
        assert_true(!answers[i].kept || is_there(&answers[i]));
    end_story();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_alone_has_his_file_with_his_answer_and_a_crowd_has_it_soon),
        cmocka_unit_test(what_cannot_be_a_file_now_is_tried_again_and_nobody_overtakes_it),
        cmocka_unit_test(a_file_that_a_reader_took_does_not_come_back_while_others_are_tried_again),
        cmocka_unit_test(trouble_with_the_files_is_told_once_and_so_is_its_end),
        cmocka_unit_test(what_was_left_is_published_also_where_no_journal_is_wanted_any_more),
        cmocka_unit_test(records_of_a_queue_that_is_gone_are_published_in_the_first),
        cmocka_unit_test(a_spool_that_cannot_have_its_journal_says_so_and_works_without),
        cmocka_unit_test(after_a_failed_sync_of_the_journal_nothing_is_kept_before_a_probe_was),
        cmocka_unit_test(a_crowd_is_answered_honestly_and_loses_nothing_whatever_fails),
        cmocka_unit_test(a_power_cut_at_any_moment_loses_nothing_kept_in_the_journal_and_leaves_nothing_half),
        cmocka_unit_test(the_checker_finds_the_loss_when_a_step_of_the_journal_is_left_out),
    };
    return cmocka_run_group_tests_name("spool_journal", tests, NULL, NULL);
}
