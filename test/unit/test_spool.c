/* The spool: names, files, limits, leftovers, and that every record is answered exactly once. */
#include "spool_records.h"

enum { THREADS = 8, EACH = 200, NAME_LENGTH = 16 + 4 };

/* ---- names ---- */

static void a_name_is_the_time_and_then_the_random_digits(void **state)
{
    (void)state;
    static const struct {
        int64_t time;
        uint32_t random;
        const char *name;
    } rows[] = {
        {0, 0, "0000000000000000"},
        {1, 1, "0000000000100001"},
        {31, 31, "0000000000Z0000Z"},
        {32, 32, "0000000001000010"},
        {((int64_t)1 << 55) - 1, 0x1ffffff, "ZZZZZZZZZZZZZZZZ"},
        {0, 0xfe000000, "0000000000000000"},               /* 25 bits are used */
        {1390247216903000, 0x155aa55, "17GDGKR6WTRNBAJN"}, /* 2014-01-20 19:46:56.903 UTC */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[17];
        spool_name_write(rows[i].time, rows[i].random, name);
        assert_string_equal(name, rows[i].name);
    }
}

static void names_of_rising_times_rise(void **state)
{
    (void)state;
    char before[17] = "";
    int64_t time = 0;
    for (int i = 0; i < 54; i++, time = time * 2 + i % 2 + 1) {
        char name[17];
        spool_name_write(time, (uint32_t)(54 - i) * 0x51f15ee, name);
        assert_int_equal(strspn(name, SPOOL_NAME_ALPHABET), 16);
        assert_true(strcmp(before, name) < 0);
        memcpy(before, name, sizeof before);
    }
}

static void names_rise_in_the_order_of_arrival_even_if_the_clock_steps_back(void **state)
{
    (void)state;
    static struct answer answers[EACH];
    struct spool *spool = open_spool();
    for (int i = 0; i < EACH; i++) {
        if (i % 50 == 49)
            clock_offset_seconds -= 3600;
        submit(spool, &answers[i], SPAN("x"), SPAN(""), 0);
    }
    spool_close(spool);
    for (int i = 0; i < EACH; i++) {
        assert_true(answers[i].kept);
        assert_int_equal(strlen(answers[i].name.text), NAME_LENGTH);
        assert_true(i == 0 || strcmp(answers[i - 1].name.text, answers[i].name.text) < 0);
    }
}

static void a_name_has_the_prefix_and_the_extension(void **state)
{
    (void)state;
    struct answer answer;
    settings.prefix = "N_";
    keep(&answer, SPAN("a"), SPAN("b"), 0);
    assert_memory_equal(answer.name.text, "N_", 2);
    assert_int_equal(strspn(answer.name.text + 2, SPOOL_NAME_ALPHABET), 16);
    assert_string_equal(answer.name.text + 18, ".smx");
    assert_file(&answer);
}

/* ---- files ---- */

static void assert_kept_exactly(void)
{
    static char large[3 << 20];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7 + i / 256);
    const struct {
        struct span prefix;
        struct span body;
        unsigned queue;
    } rows[] = {
        {SPAN("\xff\xfe"), SPAN("<\0R\0>\0"), 0},
        {SPAN(""), SPAN("no prefix"), 1},
        {SPAN("no body"), SPAN(""), 2},
        {SPAN(""), SPAN(""), 0},
        {SPAN("\xff\xfe"), {large, sizeof large}, 1},
        {{NULL, 0}, {NULL, 0}, 2},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct answer answers[ROWS];
    struct spool *spool = open_spool();
    for (size_t i = 0; i < ROWS; i++)
        submit(spool, &answers[i], rows[i].prefix, rows[i].body, rows[i].queue);
    spool_close(spool);
    for (size_t i = 0; i < ROWS; i++) {
        char path[256];
        struct stat status;
        assert_true(answers[i].kept);
        assert_file(&answers[i]);
        path_of(&answers[i], path);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0640);
        assert_int_equal(status.st_nlink, 1);
    }
    for (size_t i = 0; i < QUEUES; i++)
        assert_int_equal(count_files(settings.queues[i]), 2);
}

static int refuse_nameless(int directory, const char *path, int flags, mode_t mode)
{
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return sys_kernel.openat(directory, path, flags, mode);
}

static void a_kept_file_has_exactly_the_bytes_in_its_queue_s_directory_with_mode_0640(void **state)
{
    (void)state;
    (void)umask(022);
    assert_kept_exactly();
}

static void so_it_has_where_nameless_files_are_unknown(void **state)
{
    (void)state;
    sys.openat = refuse_nameless;
    assert_kept_exactly();
}

static void so_it_has_with_a_sync_of_each_file(void **state)
{
    (void)state;
    settings.sync = SPOOL_SYNC_FSYNC;
    assert_kept_exactly();
}

static void so_it_has_with_a_sync_of_the_file_system(void **state)
{
    (void)state;
    settings.sync = SPOOL_SYNC_SYNCFS;
    assert_kept_exactly();
}

/* ---- directories ---- */

static void missing_directories_are_made_and_an_existing_one_is_taken(void **state)
{
    (void)state;
    struct answer answer;
    struct stat status;
    (void)umask(022);
    for (int i = 0; i < 2; i++) {
        keep(&answer, SPAN("a"), SPAN("b"), 1);
        assert_true(answer.kept);
    }
    for (size_t i = 0; i < QUEUES; i++) {
        assert_int_equal(stat(settings.queues[i], &status), 0);
        assert_int_equal(status.st_mode & 07777, 0750);
    }
    assert_int_equal(count_files(settings.queues[1]), 2);
}

static void a_directory_that_is_a_file_is_an_error_that_names_it(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    struct error err;
    put_file("box", 0);
    assert_false(spool_open(&settings, &spool, &err));
    assert_null(spool);
    assert_non_null(strstr(err.text, "box/incoming"));
}

/* ---- limits ---- */

static void below_min_free_nothing_is_kept_until_the_limit_changes(void **state)
{
    (void)state;
    struct answer answer;
    settings.min_free = UINT64_MAX;
    struct spool *spool = open_spool();
    submit(spool, &answer, SPAN("a"), SPAN("b"), 0);
    while (answer.times == 0)
        (void)usleep(100);
    assert_false(answer.kept);
    assert_int_equal(answer.error.kind, ERROR_NO_SPACE);
    assert_int_equal(count_files(settings.queues[0]), 0);
    spool_set_limits(spool, 0, settings.max_files);
    submit(spool, &answer, SPAN("a"), SPAN("b"), 0);
    spool_close(spool);
    assert_true(answer.kept);
}

static void files_that_are_there_already_count_against_max_files(void **state)
{
    (void)state;
    struct answer answer;
    struct outbox outbox;
    open_outbox(&outbox);
    outbox_close(&outbox);
    put_file("box/incoming/A.SMX", 0);
    put_file("box/incoming/high/b.smx", 0);
    put_file("box/incoming/low/.c.smx", 0); /* hidden ones and others do not count */
    put_file("box/incoming/d.txt", 0);
    settings.max_files = 3;
    keep(&answer, SPAN("a"), SPAN("b"), 0);
    assert_true(answer.kept);
    keep(&answer, SPAN("a"), SPAN("b"), 0);
    assert_false(answer.kept);
    assert_int_equal(answer.error.kind, ERROR_BUSY);
}

static void files_kept_count_against_max_files(void **state)
{
    (void)state;
    struct answer answer;
    settings.max_files = 2;
    struct spool *spool = open_spool();
    for (int i = 0; i < 3; i++) {
        submit(spool, &answer, SPAN("a"), SPAN("b"), 0);
        while (answer.times == 0)
            (void)usleep(100);
        assert_int_equal(answer.kept, i < 2);
    }
    spool_close(spool);
}

/* The spool is opened an hour before, so the minute between two surveys has passed when the clock is right again. */
static void files_that_a_reader_took_count_no_more_after_a_survey(void **state)
{
    (void)state;
    struct answer answer = {0};
    char path[256];
    settings.max_files = 1;
    steady_offset_seconds = -3600;
    struct spool *spool = open_spool();
    submit(spool, &answer, SPAN("a"), SPAN("b"), 0);
    while (answer.times == 0)
        (void)usleep(100);
    assert_true(answer.kept);
    path_of(&answer, path);
    assert_int_equal(unlink(path), 0);
    steady_offset_seconds = 0;
    do {
        submit(spool, &answer, SPAN("a"), SPAN("b"), 0);
        while (answer.times == 0)
            (void)usleep(100);
    } while (!answer.kept);
    spool_close(spool);
}

/* ---- leftovers ---- */

static const char *const young = "box/incoming/.0123456789ABCDEF.part";
static const char *const stale = "box/incoming/high/.0123456789ABCDEG.part";
static const char *const probe = "box/incoming/low/.probe-0123456789ABCDEF";
static const char *const foreign[] = {
    "box/incoming/.hidden",
    "box/incoming/.other.part",
    "box/incoming/.0123456789ABCDEF.smx.part",
    "box/incoming/.0123456789abcdef.part",
    "box/incoming/.probe-of-somebody",
    "box/incoming/0123456789ABCDEF.part",
    "box/incoming/0123456789ABCDEF.smx",
};

static void put_leftovers(void)
{
    struct outbox outbox;
    open_outbox(&outbox);
    outbox_close(&outbox);
    put_file(young, 60);
    put_file(stale, 7200);
    put_file(probe, 7200);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        put_file(foreign[i], 7200);
}

static void assert_foreign_files_are_there(void)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        assert_int_equal(access(foreign[i], F_OK), 0);
}

static void alone_it_sweeps_all_its_temporaries_and_nothing_else(void **state)
{
    (void)state;
    put_leftovers();
    spool_close(open_spool());
    assert_int_not_equal(access(young, F_OK), 0);
    assert_int_not_equal(access(stale, F_OK), 0);
    assert_int_not_equal(access(probe, F_OK), 0);
    assert_foreign_files_are_there();
}

static void beside_another_it_sweeps_only_stale_temporaries(void **state)
{
    (void)state;
    struct spool *other = open_spool();
    put_leftovers();
    spool_close(open_spool());
    assert_int_equal(access(young, F_OK), 0);
    assert_int_not_equal(access(stale, F_OK), 0);
    assert_int_not_equal(access(probe, F_OK), 0);
    assert_foreign_files_are_there();
    spool_close(other);
    spool_close(open_spool()); /* the last one has gone: alone again */
    assert_int_not_equal(access(young, F_OK), 0);
}

/* ---- threads ---- */

struct submitter {
    pthread_t thread;
    struct spool *spool;
    struct answer answers[EACH];
};

static void *submit_each(void *argument)
{
    struct submitter *submitter = argument;
    for (unsigned i = 0; i < EACH; i++)
        submit(submitter->spool, &submitter->answers[i], SPAN("one of "), SPAN("many"), i % QUEUES);
    return NULL;
}

/* Closed as soon as all is submitted, while most of it still waits. */
static void every_record_of_many_threads_is_answered_exactly_once(void **state)
{
    (void)state;
    static struct submitter submitters[THREADS];
    unsigned kept = 0;
    struct spool *spool = open_spool();
    for (size_t i = 0; i < THREADS; i++) {
        submitters[i].spool = spool;
        assert_int_equal(pthread_create(&submitters[i].thread, NULL, submit_each, &submitters[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(submitters[i].thread, NULL), 0);
    spool_close(spool);
    for (size_t i = 0; i < THREADS; i++)
        for (size_t k = 0; k < EACH; k++) {
            assert_int_equal(submitters[i].answers[k].times, 1);
            assert_true(submitters[i].answers[k].kept);
            assert_file(&submitters[i].answers[k]);
        }
    for (size_t i = 0; i < QUEUES; i++)
        kept += count_files(settings.queues[i]);
    assert_int_equal(kept, THREADS * EACH);
}

static void a_spool_that_was_never_opened_can_be_closed(void **state)
{
    (void)state;
    spool_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_the_time_and_then_the_random_digits),
        cmocka_unit_test(names_of_rising_times_rise),
        IN_HOME(names_rise_in_the_order_of_arrival_even_if_the_clock_steps_back),
        IN_HOME(a_name_has_the_prefix_and_the_extension),
        IN_HOME(a_kept_file_has_exactly_the_bytes_in_its_queue_s_directory_with_mode_0640),
        IN_HOME(so_it_has_where_nameless_files_are_unknown),
        IN_HOME(so_it_has_with_a_sync_of_each_file),
        IN_HOME(so_it_has_with_a_sync_of_the_file_system),
        IN_HOME(missing_directories_are_made_and_an_existing_one_is_taken),
        IN_HOME(a_directory_that_is_a_file_is_an_error_that_names_it),
        IN_HOME(below_min_free_nothing_is_kept_until_the_limit_changes),
        IN_HOME(files_that_are_there_already_count_against_max_files),
        IN_HOME(files_kept_count_against_max_files),
        IN_HOME(files_that_a_reader_took_count_no_more_after_a_survey),
        IN_HOME(alone_it_sweeps_all_its_temporaries_and_nothing_else),
        IN_HOME(beside_another_it_sweeps_only_stale_temporaries),
        IN_HOME(every_record_of_many_threads_is_answered_exactly_once),
        cmocka_unit_test(a_spool_that_was_never_opened_can_be_closed),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
