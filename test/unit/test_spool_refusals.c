/* What the system seldom refuses: threads, locks, directories that can be read, files that can be removed. */
#include "../../src/spool/directory.h"
#include "spool_records.h"

#include <dlfcn.h>
#include <sys/file.h>

/* ---- calls that fail on command ---- */

static atomic_int threads_left; /* that can still be started */
static int lock_error;
static atomic_int lock_interrupts;
static int unlink_error;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (threads_left-- <= 0)
        return EAGAIN;
    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    return create(thread, attributes, run, argument);
}

int flock(int fd, int operation)
{
    const int error = lock_interrupts-- > 0 ? EINTR : lock_error;
    errno = error;
    return error != 0 ? -1 : (int)syscall(SYS_flock, fd, operation);
}

static int refuse_unlink(int directory, const char *path, int flags)
{
    (void)sys_kernel.unlinkat(directory, path, flags);
    errno = unlink_error;
    return -1;
}

static int begin_refusals(void **state)
{
    threads_left = 1000;
    lock_interrupts = 0;
    lock_error = 0;
    return begin(state);
}

#define IN_REFUSALS(test) cmocka_unit_test_setup_teardown(test, begin_refusals, end)

/* ---- tests ---- */

static void a_spool_whose_threads_cannot_be_started_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    for (uint64_t size = 0; size <= 1 << 17; size += 1 << 17) {
        settings.journal_directory = "journal";
        settings.journal_size = size;
        for (int threads = 0; threads < 3; threads++) {
            const unsigned before = count_descriptors();
            struct spool *spool = NULL;
            struct error err;
            threads_left = threads;
            assert_false(spool_open(&settings, &spool, &err));
            assert_null(spool);
            assert_int_equal(err.os, EAGAIN);
            assert_int_equal(count_descriptors(), before);
        }
        threads_left = 3;
        spool_close(open_spool());
    }
}

static void where_there_are_no_locks_it_is_never_alone(void **state)
{
    (void)state;
    struct outbox outbox;
    open_outbox(&outbox);
    outbox_close(&outbox);
    put_file("box/incoming/.0123456789ABCDEF.part", 60);
    put_file("box/incoming/.0123456789ABCDEG.part", 7200);
    lock_error = ENOLCK;
    spool_close(open_spool());
    assert_int_equal(access("box/incoming/.0123456789ABCDEF.part", F_OK), 0);
    assert_int_not_equal(access("box/incoming/.0123456789ABCDEG.part", F_OK), 0);
}

static void an_interrupted_lock_is_waited_for(void **state)
{
    (void)state;
    struct outbox outbox;
    lock_interrupts = 3;
    open_outbox(&outbox);
    assert_true(lock_interrupts < 0);
    outbox_close(&outbox);
}

static void a_leftover_that_cannot_be_removed_is_an_error_unless_it_is_gone(void **state)
{
    (void)state;
    static const struct {
        int error;
        bool opens;
    } rows[] = {{EIO, false}, {ENOENT, true}};
    struct outbox outbox;
    open_outbox(&outbox);
    outbox_close(&outbox);
    for (size_t i = 0; i < 2; i++) {
        struct spool *spool = NULL;
        struct error err;
        put_file("box/incoming/.0123456789ABCDEF.part", 60);
        unlink_error = rows[i].error;
        sys.unlinkat = refuse_unlink;
        assert_int_equal(spool_open(&settings, &spool, &err), rows[i].opens);
        sys.unlinkat = sys_kernel.unlinkat;
        spool_close(spool);
    }
}

static void what_only_looks_like_a_leftover_stays_beside_another_process(void **state)
{
    (void)state;
    struct error err;
    struct outbox outbox;
    open_outbox(&outbox);
    outbox_close(&outbox);
    assert_int_equal(mkdir("box/incoming/.0123456789ABCDEF.part", 0700), 0);
    assert_true(directory_sweep("box/incoming", false, &err));
    assert_int_equal(access("box/incoming/.0123456789ABCDEF.part", F_OK), 0);
}

static void a_directory_that_others_may_write_to_is_refused(void **state)
{
    static const char *const paths[] = {"box/incoming", "box/incoming/high", "journal"};
    (void)state;
    settings.journal_directory = "journal";
    settings.journal_size = 128 * 1024UL;
    for (size_t i = 0; i < 3; i++) {
        struct spool *spool = NULL;
        struct error err;
        assert_true(spool_open(&settings, &spool, &err));
        spool_close(spool);
        spool = NULL;
        assert_int_equal(chmod(paths[i], 01777), 0);
        assert_false(spool_open(&settings, &spool, &err));
        assert_int_equal(err.kind, ERROR_SYSTEM);
        assert_non_null(strstr(err.text, paths[i]));
        assert_non_null(strstr(err.text, "1777"));
        assert_int_equal(chmod(paths[i], 0770), 0);
    }
    settings.journal_directory = NULL;
    settings.journal_size = 0;
}

static void a_directory_that_cannot_be_read_is_told_by_the_sweep_and_counts_nothing(void **state)
{
    (void)state;
    struct error err;
    uint64_t count = 7;
    assert_false(directory_sweep("missing", true, &err));
    assert_int_equal(err.os, ENOENT);
    directory_count("missing", ".smx", &count);
    assert_int_equal(count, 7);
}

/* With nothing to do it would never notice by itself that its disk is gone. */
static void who_is_made_to_doubt_holds_nothing_and_keeps_the_next_record(void **state)
{
    (void)state;
    settings.journal_directory = "journal";
    for (settings.journal_size = 0; settings.journal_size <= 1 << 17; settings.journal_size += 1 << 17) {
        const struct timespec pause = {.tv_nsec = 1000000};
        const unsigned before = count_descriptors();
        struct spool *spool = open_spool();
        struct answer answers[2];
        assert_true(count_descriptors() > before);
        spool_doubt(spool);
        while (count_descriptors() > before)    /* or else until the time of a test is over */
            (void)nanosleep(&pause, NULL);
        submit(spool, &answers[0], SPAN("a"), SPAN("b"), 0);
        while (answers[0].times == 0)
            (void)nanosleep(&pause, NULL);
        assert_true(answers[0].kept);
        spool_doubt(spool);
        submit(spool, &answers[1], SPAN("c"), SPAN("d"), 1);
        spool_doubt(spool);
        spool_close(spool);
        assert_true(answers[1].kept);
        assert_int_equal(answers[0].times + answers[1].times, 2);
        assert_file(&answers[0]);
        assert_file(&answers[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_REFUSALS(a_spool_whose_threads_cannot_be_started_is_an_error_and_leaves_nothing),
        IN_REFUSALS(where_there_are_no_locks_it_is_never_alone),
        IN_REFUSALS(an_interrupted_lock_is_waited_for),
        IN_REFUSALS(a_leftover_that_cannot_be_removed_is_an_error_unless_it_is_gone),
        IN_REFUSALS(what_only_looks_like_a_leftover_stays_beside_another_process),
        IN_REFUSALS(a_directory_that_others_may_write_to_is_refused),
        IN_REFUSALS(who_is_made_to_doubt_holds_nothing_and_keeps_the_next_record),
        IN_REFUSALS(a_directory_that_cannot_be_read_is_told_by_the_sweep_and_counts_nothing),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("spool_refusals", tests, NULL, NULL);
}
