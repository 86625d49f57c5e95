/* An outbox alone, in one thread, so that what it calls can be counted: syncs, links, names. */
#include "spool_records.h"

static unsigned fsyncs;
static unsigned syncfses;
static unsigned links_refused;

static int count_fsync(int fd)
{
    fsyncs++;
    return sys_kernel.fsync(fd);
}

static int count_syncfs(int fd)
{
    (void)fd;
    syncfses++;
    return 0;
}

static int refuse_empty_path(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    if ((flags & AT_EMPTY_PATH) != 0) {
        links_refused++;
        errno = ENOENT;
        return -1;
    }
    return sys_kernel.linkat(from_directory, from, to_directory, to, flags);
}

static void commit(struct outbox *outbox, struct answer *answers, size_t count, int64_t arrived)
{
    struct spool_record *records[8];
    assert_true(count <= sizeof records / sizeof records[0]);
    memset(answers, 0, count * sizeof *answers);
    for (size_t i = 0; i < count; i++) {
        answers[i].record = (struct spool_record){.content = {SPAN("ab"), SPAN("c")}, .arrived = arrived + (int64_t)i};
        records[i] = &answers[i].record;
    }
    assert_true(outbox_commit(outbox, records, count));
    for (size_t i = 0; i < count; i++)
        answers[i].name = records[i]->name;
}

static void a_batch_is_synced_as_the_setting_says(void **state)
{
    (void)state;
    static const struct {
        enum spool_sync sync;
        size_t records;
        unsigned fsyncs; /* of files, and one of the directory */
        unsigned syncfses;
    } rows[] = {
        {SPOOL_SYNC_FSYNC, 1, 1 + 1, 0},
        {SPOOL_SYNC_FSYNC, 8, 8 + 1, 0},
        {SPOOL_SYNC_SYNCFS, 1, 1 + 1, 0}, /* so few are synced by themselves */
        {SPOOL_SYNC_SYNCFS, 8, 0 + 1, 1},
    };
    sys.fsync = count_fsync;
    sys.syncfs = count_syncfs;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outbox outbox;
        struct answer answers[8];
        settings.sync = rows[i].sync;
        open_outbox(&outbox);
        fsyncs = syncfses = 0;
        commit(&outbox, answers, rows[i].records, 1000 * (int64_t)i);
        assert_int_equal(fsyncs, rows[i].fsyncs);
        assert_int_equal(syncfses, rows[i].syncfses);
        outbox_close(&outbox);
    }
}

static void a_nameless_file_is_linked_through_proc_where_the_direct_way_is_refused(void **state)
{
    (void)state;
    struct outbox outbox;
    struct answer answers[3];
    sys.linkat = refuse_empty_path;
    links_refused = 0;
    open_outbox(&outbox);
    outbox.named = false;
    commit(&outbox, answers, 3, 1);
    assert_int_equal(links_refused, 1); /* it is asked once */
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(answers[i].record.state, SPOOL_LINKED);
        assert_file(&answers[i]);
    }
    outbox_close(&outbox);
}

static unsigned draws;
static unsigned draws_alike;

/* The same number for so many draws, then another; numbers are drawn in advance, the last first. */
static ssize_t repeat_random(void *bytes, size_t len, unsigned flags)
{
    uint32_t *numbers = bytes;
    (void)flags;
    for (size_t i = len / sizeof numbers[0]; i-- > 0;)
        numbers[i] = ++draws <= draws_alike ? 7 : 8;
    return (ssize_t)len;
}

static ssize_t repeat_random_for_ever(void *bytes, size_t len, unsigned flags)
{
    (void)flags;
    memset(bytes, 7, len);
    return (ssize_t)len;
}

static unsigned drawn_by(const struct outbox *outbox)
{
    return draws - (unsigned)outbox->random_left;
}

static void a_name_that_is_taken_is_drawn_again_and_nothing_is_overwritten(void **state)
{
    (void)state;
    static const bool named[] = {false, true};
    sys.getrandom = repeat_random;
    for (size_t i = 0; i < 2; i++) {
        struct outbox outbox;
        struct answer first;
        struct answer second;
        open_outbox(&outbox);
        outbox.named = named[i];
        draws = 0;
        draws_alike = 2 + 1 + 2; /* each record's temporary; the first name; two that are the same */
        commit(&outbox, &first, 1, 5 + (int64_t)i);
        char path[256];
        path_of(&first, path);
        assert_int_equal(truncate(path, 1), 0); /* to know it again */
        commit(&outbox, &second, 1, 5 + (int64_t)i);
        assert_int_equal(second.record.state, SPOOL_LINKED);
        assert_int_equal(drawn_by(&outbox), draws_alike + 1);
        assert_string_not_equal(first.name.text, second.name.text);
        assert_file(&second);
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_size, 1);
        outbox_close(&outbox);
    }
}

static void a_record_whose_every_name_is_taken_is_not_kept(void **state)
{
    (void)state;
    struct outbox outbox;
    struct answer answer;
    sys.getrandom = repeat_random_for_ever;
    open_outbox(&outbox);
    commit(&outbox, &answer, 1, 5);
    assert_int_equal(answer.record.state, SPOOL_LINKED);
    commit(&outbox, &answer, 1, 5);
    assert_int_equal(answer.record.state, SPOOL_FAILED);
    assert_int_equal(answer.record.error.os, EEXIST);
    assert_int_equal(count_files(settings.queues[0]), 1);
    outbox_close(&outbox);
}

/* By a try that failed, or by a process that was killed. */
static void a_temporary_that_was_left_is_in_the_way_of_one_try_only(void **state)
{
    (void)state;
    struct outbox outbox;
    struct answer answer;
    char digits[17];
    char path[64];
    sys.getrandom = repeat_random;
    open_outbox(&outbox);
    draws = 0;
    draws_alike = 1;
    outbox.named = true;
    spool_name_write(5, 7, digits);
    (void)snprintf(path, sizeof path, "box/incoming/.%s" OUTBOX_TEMPORARY, digits);
    put_file(path, 0);
    commit(&outbox, &answer, 1, 5);
    assert_int_equal(answer.record.state, SPOOL_FAILED);
    assert_int_equal(answer.record.error.os, EEXIST);
    commit(&outbox, &answer, 1, 5);
    assert_int_equal(answer.record.state, SPOOL_LINKED);
    assert_file(&answer);
    outbox_close(&outbox);
}

/* ---- a name that was told before ---- */

static void commit_told(struct outbox *outbox, struct answer *answer, const char *name, struct span body)
{
    struct spool_record *record = &answer->record;
    memset(answer, 0, sizeof *answer);
    *record = (struct spool_record){.content = {SPAN("ab"), body}, .arrived = 5, .told = true};
    (void)snprintf(record->name.text, sizeof record->name.text, "%s", name);
    assert_true(outbox_commit(outbox, &record, 1));
    assert_int_equal(record->state, SPOOL_LINKED);
    answer->name = record->name;
    assert_file(answer);
}

static void a_record_whose_name_was_told_is_published_under_it_however_often(void **state)
{
    (void)state;
    struct outbox outbox;
    struct answer answer;
    open_outbox(&outbox);
    for (int i = 0; i < 3; i++) {
        commit_told(&outbox, &answer, "0123456789ABCDEF.smx", SPAN("c"));
        assert_string_equal(answer.name.text, "0123456789ABCDEF.smx");
    }
    assert_int_equal(count_files(settings.queues[0]), 1);
    outbox_close(&outbox);
}

static void another_s_file_under_that_name_is_not_taken_for_it(void **state)
{
    (void)state;
    static const char *const bodies[] = {"d", "", "cc"};
    struct outbox outbox;
    struct answer other;
    struct answer answer;
    open_outbox(&outbox);
    for (size_t i = 0; i < 3; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "0123456789ABCDE%zu.smx", i);
        commit_told(&outbox, &other, name, span_of(bodies[i]));
        commit_told(&outbox, &answer, name, SPAN("c"));
        assert_string_not_equal(answer.name.text, name);
        assert_file(&other);
    }
    assert_int_equal(count_files(settings.queues[0]), 6);
    outbox_close(&outbox);
}

/* ---- what the system refuses ---- */

static int refused; /* with this error */
static unsigned calls;

static int refuse_nameless(int directory, const char *path, int flags, mode_t mode)
{
    if ((flags & O_TMPFILE) != O_TMPFILE)
        return sys_kernel.openat(directory, path, flags, mode);
    calls++;
    errno = refused;
    return -1;
}

static void where_nameless_files_are_unknown_it_is_asked_once(void **state)
{
    (void)state;
    static const int errors[] = {EOPNOTSUPP, EISDIR, EINVAL}; /* of a file system, and of kernels without it */
    sys.openat = refuse_nameless;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct outbox outbox;
        struct answer answers[3];
        refused = errors[i];
        calls = 0;
        open_outbox(&outbox);
        commit(&outbox, answers, 3, 1000 * (int64_t)i);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(answers[k].record.state, SPOOL_LINKED);
        assert_int_equal(calls, 1);
        outbox_close(&outbox);
    }
}

static int refuse_links(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    if ((flags & AT_EMPTY_PATH) == 0)
        return sys_kernel.linkat(from_directory, from, to_directory, to, flags);
    errno = refused;
    return -1;
}

static void the_way_through_proc_is_tried_only_where_the_direct_one_is_unknown(void **state)
{
    (void)state;
    static const struct {
        int error;
        enum error_kind kind;
    } rows[] = {{ENOENT, ERROR_NONE}, {EPERM, ERROR_NONE}, {EINVAL, ERROR_NONE}, {EMLINK, ERROR_SYSTEM}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outbox outbox;
        struct answer answer;
        open_outbox(&outbox);
        sys.linkat = refuse_links;
        refused = rows[i].error;
        outbox.named = outbox.link_by_proc = false;
        commit(&outbox, &answer, 1, 1 + (int64_t)i);
        assert_int_equal(answer.record.error.kind, rows[i].kind);
        sys.linkat = sys_kernel.linkat;
        outbox_close(&outbox);
    }
}

static ssize_t refuse_random(void *bytes, size_t len, unsigned flags)
{
    (void)bytes;
    (void)len;
    (void)flags;
    errno = ENOSYS;
    return -1;
}

static void a_record_for_which_no_name_can_be_drawn_is_not_kept(void **state)
{
    (void)state;
    for (size_t left = 0; left < 2; left++) { /* for the temporary, but not for the name */
        struct outbox outbox;
        struct answer answer;
        open_outbox(&outbox);
        sys.getrandom = refuse_random;
        outbox.random_left = left;
        commit(&outbox, &answer, 1, 5);
        assert_int_equal(answer.record.error.os, ENOSYS);
        assert_int_equal(count_files(settings.queues[0]), 0);
        sys.getrandom = sys_kernel.getrandom;
        outbox_close(&outbox);
    }
}

static int two_file_systems(int fd, struct stat *out)
{
    const int result = sys_kernel.fstat(fd, out);
    out->st_dev += calls++;
    return result;
}

static void queues_that_may_be_on_several_file_systems_are_synced_file_by_file(void **state)
{
    (void)state;
    struct outbox outbox;
    struct answer answers[8];
    settings.sync = SPOOL_SYNC_SYNCFS;
    open_outbox(&outbox);
    outbox_close(&outbox);
    sys.fstat = two_file_systems;
    calls = 0;
    open_outbox(&outbox);
    sys.fstat = sys_kernel.fstat;
    sys.fsync = count_fsync;
    sys.syncfs = count_syncfs;
    fsyncs = syncfses = 0;
    commit(&outbox, answers, 8, 1000);
    assert_int_equal(fsyncs, 8 + 1);
    assert_int_equal(syncfses, 0);
    outbox_close(&outbox);
}

static ssize_t refuse_first_write(int fd, const struct iovec *parts, int count)
{
    errno = ENOSPC;
    return calls++ == 0 ? -1 : sys_kernel.writev(fd, parts, count);
}

static int refuse_sync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

static void a_record_that_failed_before_its_batch_did_keeps_its_own_error(void **state)
{
    (void)state;
    struct outbox outbox;
    struct spool_record records[2] = {{.content = {SPAN("a"), SPAN("b")}}, {.content = {SPAN("a"), SPAN("b")}}};
    struct spool_record *pointers[] = {&records[0], &records[1]};
    open_outbox(&outbox);
    calls = 0;
    sys.writev = refuse_first_write;
    sys.fsync = sys.syncfs = refuse_sync;
    assert_false(outbox_commit(&outbox, pointers, 2));
    assert_int_equal(records[0].error.kind, ERROR_NO_SPACE);
    assert_int_equal(records[1].error.kind, ERROR_BUSY);
    outbox_close(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_HOME(a_batch_is_synced_as_the_setting_says),
        IN_HOME(a_nameless_file_is_linked_through_proc_where_the_direct_way_is_refused),
        IN_HOME(a_name_that_is_taken_is_drawn_again_and_nothing_is_overwritten),
        IN_HOME(a_record_whose_every_name_is_taken_is_not_kept),
        IN_HOME(a_temporary_that_was_left_is_in_the_way_of_one_try_only),
        IN_HOME(a_record_whose_name_was_told_is_published_under_it_however_often),
        IN_HOME(another_s_file_under_that_name_is_not_taken_for_it),
        IN_HOME(where_nameless_files_are_unknown_it_is_asked_once),
        IN_HOME(the_way_through_proc_is_tried_only_where_the_direct_one_is_unknown),
        IN_HOME(a_record_for_which_no_name_can_be_drawn_is_not_kept),
        IN_HOME(queues_that_may_be_on_several_file_systems_are_synced_file_by_file),
        IN_HOME(a_record_that_failed_before_its_batch_did_keeps_its_own_error),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("spool_outbox", tests, NULL, NULL);
}
