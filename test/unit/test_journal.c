/* The journal: what was appended is read back, whole and in order, whatever happened in between; never anything else. */
#include "../../src/spool/journal.h"
#include "../../src/spool/segment.h"
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    SEGMENT = 16 * SEGMENT_BLOCK,       /* the smallest there is */
    SIZE = 2 * SEGMENT,
    BATCH = 4,                          /* records in one */
    SMALL = 20,                         /* bytes of a record: its batch takes a block */
    LARGE = 3 * SEGMENT_BLOCK,          /* four of them: a batch takes 13 blocks, so that a segment holds one */
    MOST = 4 * JOURNAL_MOST_RECORDS,
};

static char home[] = "/tmp/journal-XXXXXX";
static const char *const paths[] = {"j/segment-0", "j/segment-1"};

/* ---- calls that fail on command ---- */

static struct {
    int fdatasyncs, pwrites, preads, ftruncates, fsyncs;    /* the how manieth fails, from 1; 0: none */
    int error;
    size_t most;                        /* bytes of one read or write; 0: all */
    unsigned opened;
} plan;

static bool is_due(int *count)
{
    if (*count == 0 || --*count > 0)
        return false;
    errno = plan.error;
    return true;
}

static size_t at_most(size_t len)
{
    return plan.most > 0 && plan.most < len ? plan.most : len;
}

static int plan_sync(int fd)
{
    (void)fd;
    return is_due(&plan.fdatasyncs) ? -1 : 0;
}

static int plan_fsync(int fd)
{
    (void)fd;
    return is_due(&plan.fsyncs) ? -1 : 0;
}

static ssize_t plan_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return is_due(&plan.pwrites) ? -1 : pwrite(fd, bytes, at_most(len), at);
}

static ssize_t plan_pread(int fd, void *bytes, size_t len, off_t at)
{
    return is_due(&plan.preads) ? -1 : pread(fd, bytes, at_most(len), at);
}

static int plan_ftruncate(int fd, off_t len)
{
    return is_due(&plan.ftruncates) ? -1 : ftruncate(fd, len);
}

static int plan_openat(int directory, const char *path, int flags, mode_t mode)
{
    plan.opened++;
    return sys_kernel.openat(directory, path, flags, mode);
}

static int begin(void **state)
{
    (void)state;
    memset(&plan, 0, sizeof plan);
    sys.fsync = plan_fsync;
    sys.fdatasync = plan_sync;
    sys.pwrite = plan_pwrite;
    sys.pread = plan_pread;
    sys.ftruncate = plan_ftruncate;
    sys.openat = plan_openat;
    (void)snprintf(home, sizeof home, "/tmp/journal-XXXXXX");
    return mkdtemp(home) == NULL || chdir(home) != 0 || mkdir("j", 0750) != 0;
}

static int end(void **state)
{
    (void)state;
    sys = sys_kernel;
    for (int i = 0; i < 2; i++)
        if (unlink(paths[i]) != 0)
            (void)rmdir(paths[i]);
    return rmdir("j") != 0 || chdir("/") != 0 || rmdir(home) != 0;
}

/* ---- records, each known by its number ---- */

static size_t length_of(unsigned number, size_t len)
{
    return len > SMALL ? len : number * 7 % (len + 1);
}

static char byte_of(unsigned number, size_t i)
{
    return (char)(number * 31 + i * 7 + i / 251);
}

static void prepare(unsigned number, size_t len, char *bytes, struct spool_record *out)
{
    const size_t all = length_of(number, len);
    for (size_t i = 0; i < all; i++)
        bytes[i] = byte_of(number, i);
    *out = (struct spool_record){
        .content = {{bytes, all / 3}, {bytes + all / 3, all - all / 3}},
        .queue = number % 3,
        .arrived = 1000 + (int64_t)number,
    };
    (void)snprintf(out->name.text, sizeof out->name.text, "N%07u", number);
}

static unsigned number_of(const struct spool_record *record)
{
    unsigned number = 0;
    assert_int_equal(sscanf(record->name.text, "N%7u", &number), 1);
    assert_int_equal(record->arrived, 1000 + (int64_t)number);
    assert_int_equal(record->queue, number % 3);
    assert_true(record->told);
    assert_int_equal(record->content[1].len, 0);
    for (size_t i = 0; i < record->content[0].len; i++)
        assert_int_equal(record->content[0].at[i], byte_of(number, i));
    return number;
}

static enum journal_result append_some(struct journal *journal, unsigned first, size_t count, size_t len,
                                       struct error *err)
{
    struct spool_record records[JOURNAL_MOST_RECORDS];
    struct spool_record *pointers[JOURNAL_MOST_RECORDS];
    char *bytes = malloc(count * LARGE);
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++) {
        prepare(first + (unsigned)i, len, bytes + i * LARGE, &records[i]);
        pointers[i] = &records[i];
    }
    const enum journal_result result = journal_append(journal, pointers, count, err);
    free(bytes);
    return result;
}

static enum journal_result append(struct journal *journal, unsigned first, size_t len)
{
    struct error err = {0};
    return append_some(journal, first, BATCH, len, &err);
}

static void append_kept(struct journal *journal, unsigned first, size_t len)
{
    assert_int_equal(append(journal, first, len), JOURNAL_KEPT);
}

static struct journal *open_journal(uint64_t size)
{
    struct journal *journal = NULL;
    struct error err = {0};
    if (!journal_open("j", size, &journal, &err))
        fail_msg("%s", err.text);
    return journal;
}

/* Reads, without forgetting; the numbers of what there is. */
static size_t read_numbers(struct journal *journal, unsigned numbers[MOST])
{
    static struct spool_record records[MOST];
    struct error err = {0};
    const size_t count = journal_read(journal, records, MOST, &err);
    assert_int_not_equal(count, SIZE_MAX);
    for (size_t i = 0; i < count; i++)
        numbers[i] = number_of(&records[i]);
    return count;
}

/* Reads and forgets all, which must be the records from `first` to before `end`. */
static void expect(struct journal *journal, unsigned first, unsigned behind)
{
    unsigned numbers[MOST];
    while (first < behind) {
        const size_t count = read_numbers(journal, numbers);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(numbers[i], first++);
        assert_false(journal_is_empty(journal));
        journal_forget(journal);
    }
    assert_int_equal(first, behind);
    assert_true(journal_is_empty(journal));
    assert_int_equal(read_numbers(journal, numbers), 0);
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}

static off_t size_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

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
    expect(journal, 0, 5 * BATCH);      /* what is not forgotten is read again */
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
        append_kept(journal, BATCH, LARGE);     /* in the other */
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
        assert_int_equal(append(journal, next, SMALL), JOURNAL_FULL);   /* first those before must be files */
        assert_int_equal(plan.opened, 0);
        expect(journal, first, next);
        append_kept(journal, next, SMALL);
        assert_int_equal(plan.opened, 2);       /* descriptors that know of no error */
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
    struct journal *journal = open_journal(SIZE);
    const unsigned before = count_descriptors();
    plan.error = EIO;
    plan.fdatasyncs = 1;
    assert_int_equal(append(journal, 900, SMALL), JOURNAL_FAILED);
    for (int i = 0; i < 3; i++) {
        plan.fsyncs = 1;                        /* of the directory */
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

static unsigned random_below(unsigned bound)
{
    static uint64_t seed = 42;
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(seed >> 33) % bound;
}

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

/* ---- torn, stale and forged bytes ---- */

static void change_byte(const char *path, off_t at)
{
    const int fd = open(path, O_RDWR);
    char byte;
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 0x20);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

/* In which segment a record's name is, before `behind`. */
static int find_segment(const char *name, size_t behind)
{
    char bytes[SEGMENT];
    assert_true(behind <= sizeof bytes);
    for (int i = 0; i < 2; i++) {
        const int fd = open(paths[i], O_RDONLY);
        assert_int_equal(pread(fd, bytes, behind, 0), behind);
        assert_int_equal(close(fd), 0);
        if (memmem(bytes, behind, name, strlen(name)) != NULL)
            return i;
    }
    fail_msg("%s is in neither segment", name);
    return -1;
}

/* Leaves both segments with three laps of remains, and BATCHES batches unforgotten in the active one; which it is. */
static int leave_batches(unsigned batches, size_t len)
{
    struct journal *journal = open_journal(SIZE);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < 20; k++) {
            append_kept(journal, 700, SMALL);
            expect(journal, 700, 700 + BATCH);
        }
        journal_close(journal);
        journal = open_journal(SIZE);
    }
    for (unsigned i = 0; i < batches; i++)
        append_kept(journal, i * BATCH, len);
    journal_close(journal);
    return find_segment("N0000000", 2 * SEGMENT_BLOCK);
}

/* The records from the first on, and nothing else: all that lie before the damage, and perhaps some behind it. */
static unsigned count_read(void)
{
    unsigned numbers[MOST];
    struct journal *journal = open_journal(SIZE);
    const size_t count = read_numbers(journal, numbers);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(numbers[i], i);
    journal_close(journal);
    return (unsigned)count;
}

static void whatever_byte_of_a_segment_is_changed_all_before_it_is_read_and_nothing_wrong(void **state)
{
    (void)state;
    enum { BATCHES = 4, BYTES = 400 };  /* more than the header and the records of a batch */
    const char *path = paths[leave_batches(BATCHES, SMALL)];
    for (off_t block = 0; block < BATCHES + 2; block++) {
        unsigned harmed = 0;
        for (off_t byte = 0; byte < BYTES; byte++) {
            change_byte(path, block * SEGMENT_BLOCK + byte);
            const unsigned count = count_read();
            if (block == 0 || block > BATCHES)
                assert_int_equal(count, BATCHES * BATCH);
            else
                assert_true(count == (unsigned)(block - 1) * BATCH || count == BATCHES * BATCH);
            harmed += count < BATCHES * BATCH;
            change_byte(path, block * SEGMENT_BLOCK + byte);
        }
        assert_true((harmed > 300) == (block > 0 && block <= BATCHES));     /* all but the padding */
    }
}

static void a_segment_that_was_cut_short_is_read_up_to_there(void **state)
{
    (void)state;
    enum { BATCHES = 4 };
    const char *path = paths[leave_batches(BATCHES, SMALL)];
    for (off_t size = (BATCHES + 2) * SEGMENT_BLOCK; size > SEGMENT_BLOCK; size -= 1000) {
        struct journal *journal;
        struct error err;
        unsigned numbers[MOST];
        assert_int_equal(truncate(path, size), 0);
        plan.error = EIO;
        plan.ftruncates = 1;            /* where nothing is left to read it would make room */
        const off_t whole = size / SEGMENT_BLOCK - 1 < BATCHES ? size / SEGMENT_BLOCK - 1 : BATCHES;
        assert_int_equal(journal_open("j", SIZE, &journal, &err), whole > 0);
        if (whole == 0)
            break;
        assert_int_equal(read_numbers(journal, numbers), (unsigned)whole * BATCH);
        journal_close(journal);
    }
}

/* A batch of several blocks, of which each had or had not reached the disk. */
static void a_batch_of_which_any_block_is_missing_does_not_count(void **state)
{
    (void)state;
    enum { BLOCKS = 5 };
    static char old[BLOCKS * SEGMENT_BLOCK];
    static char new[BLOCKS * SEGMENT_BLOCK];
    const off_t where = 2 * SEGMENT_BLOCK;
    const int fd = open(paths[1 - leave_batches(1, SMALL)], O_RDWR);    /* the next start begins in the other */
    assert_int_equal(pread(fd, old, sizeof old, where), sizeof old);
    struct journal *journal = open_journal(SIZE);
    expect(journal, 0, BATCH);
    append_kept(journal, 0, SMALL);
    append_kept(journal, BATCH, SEGMENT_BLOCK);
    journal_close(journal);
    assert_int_equal(pread(fd, new, sizeof new, where), sizeof new);
    assert_non_null(memmem(new, sizeof new, "N0000004", 8));
    assert_int_equal(count_read(), 2 * BATCH);
    for (unsigned there = 0; there < (1u << BLOCKS) - 1; there++) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            const char *from = (there >> i & 1) != 0 ? new : old;
            assert_int_equal(pwrite(fd, from + i * SEGMENT_BLOCK, SEGMENT_BLOCK, where + i * SEGMENT_BLOCK),
                             SEGMENT_BLOCK);
        }
        assert_int_equal(count_read(), BATCH);
    }
    assert_int_equal(close(fd), 0);
}

/* What would be a batch of one record at each block, numbered from `first`, as it has to be sent to lie so on the disk:
 * behind the header of the batch and of the record that it is sent in. */
static struct span forge(uint64_t first, char bytes[12 * SEGMENT_BLOCK])
{
    static char room[SEGMENT_BLOCK];
    struct spool_record record = {.name = {"N0000666"}, .arrived = 1666, .content = {SPAN("evil"), {NULL, 0}}};
    struct spool_record *pointer = &record;
    const size_t before = sizeof(struct segment_batch) + journal_record_size(&record) - 4;
    const size_t len = 12 * SEGMENT_BLOCK - before;
    const int fd = open("forged", O_RDWR | O_CREAT | O_EXCL, 0600);
    struct segment_batch *batch = segment_stage(room, &pointer, 1);
    for (unsigned i = 0; i < 12; i++) {
        batch->number = first + i;
        assert_true(segment_write(fd, batch, i * SEGMENT_BLOCK));
    }
    assert_int_equal(pread(fd, bytes, len, (off_t)before), len);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink("forged"), 0);
    return (struct span){bytes, len};
}

/* A client sends what would be the next batch of a later lap, at a block's beginning; then the power fails. */
static void bytes_that_a_client_chose_never_count_as_a_batch(void **state)
{
    (void)state;
    enum { BATCHES = 6 };               /* three fill the segment that is active, the others begin the other anew */
    static char bytes[12 * SEGMENT_BLOCK];
    static struct spool_record records[MOST];
    for (unsigned first = 0; first < 12; first++) {
        const struct span evil = forge(first, bytes);
        struct journal *journal = open_journal(SIZE);
        struct spool_record large = {.name = {"N0000700"}, .arrived = 1700, .queue = 1, .content = {evil, {NULL, 0}}};
        struct spool_record *pointer = &large;
        struct error err;
        for (int i = 0; i < 2; i++) {   /* into both segments */
            assert_int_equal(journal_append(journal, &pointer, 1, &err), JOURNAL_KEPT);
            assert_int_equal(journal_read(journal, records, MOST, &err), 1);
            journal_forget(journal);
        }
        for (unsigned i = 0; i < BATCHES; i++)
            append_kept(journal, i * BATCH, SMALL);
        journal_close(journal);
        assert_int_equal(count_read(), BATCHES * BATCH);
        assert_int_equal(unlink(paths[0]) + unlink(paths[1]), 0);
    }
}

/* ---- what is found at the start ---- */

static void where_no_journal_is_wanted_and_none_was_left_there_is_none(void **state)
{
    (void)state;
    static const char *const directories[] = {NULL, "missing", "j"};
    for (size_t i = 0; i < 3; i++) {
        struct journal *journal = (struct journal *)1;
        struct error err;
        assert_true(journal_open(directories[i], 0, &journal, &err));
        assert_null(journal);
    }
    journal_close(NULL);
}

static void what_was_left_is_read_whatever_size_is_wanted_now(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, SIZE, 2 * SIZE, 1};
    for (size_t from = 1; from < 3; from++)
        for (size_t to = 0; to < 4; to++) {
            struct journal *journal = open_journal(sizes[from]);
            append_kept(journal, 0, LARGE);
            append_kept(journal, BATCH, LARGE);
            journal_close(journal);
            journal = open_journal(sizes[to]);
            assert_int_equal(append(journal, 900, SMALL), JOURNAL_FULL);
            expect(journal, 0, 2 * BATCH);
            assert_int_equal(append(journal, 900, SMALL), to == 0 ? JOURNAL_FULL : JOURNAL_KEPT);
            if (to != 0)
                expect(journal, 900, 900 + BATCH);
            journal_close(journal);
            journal = open_journal(sizes[to]);
            for (int i = 0; i < 2; i++)         /* a size of its own is too small to be one */
                assert_int_equal(size_of(paths[i]), to == 0 ? 0 : to == 2 ? 2 * SEGMENT : SEGMENT);
            assert_true(journal_is_empty(journal));
            journal_close(journal);
        }
}

static void a_segment_that_is_missing_does_not_hide_the_other(void **state)
{
    (void)state;
    for (int missing = 0; missing < 2; missing++)
        for (uint64_t size = 0; size <= SIZE; size += SIZE) {
            struct journal *journal = open_journal(SIZE);
            append_kept(journal, 0, LARGE);
            append_kept(journal, BATCH, LARGE);
            journal_close(journal);
            const unsigned left = find_segment("N0000000", 2 * SEGMENT_BLOCK) == missing ? BATCH : 0;
            assert_int_equal(unlink(paths[missing]), 0);
            journal = open_journal(size);
            assert_non_null(journal);
            expect(journal, left, left + BATCH);
            journal_close(journal);
            for (int i = 0; i < 2; i++)
                assert_int_equal(unlink(paths[i]), 0);
        }
}

/* The mark tells of batches that are in neither segment any more: numbers must go on behind them. */
static void after_the_newest_batches_were_lost_new_batches_are_not_taken_for_published(void **state)
{
    (void)state;
    for (int lost = 0; lost < 2; lost++)
        for (unsigned batches = 2; batches < 5; batches++) {
            struct journal *journal = open_journal(SIZE);
            for (unsigned i = 0; i < batches; i++) {
                append_kept(journal, 0, LARGE);
                expect(journal, 0, BATCH);
            }
            journal_close(journal);
            assert_int_equal(truncate(paths[lost], SEGMENT_BLOCK) + truncate(paths[lost], SEGMENT), 0);
            journal = open_journal(SIZE);
            assert_true(journal_is_empty(journal));
            append_kept(journal, 0, SMALL);
            journal_close(journal);
            journal = open_journal(SIZE);
            expect(journal, 0, BATCH);
            journal_close(journal);
            assert_int_equal(unlink(paths[0]) + unlink(paths[1]), 0);
        }
}

static void what_is_no_journal_is_told_and_left_as_it_is(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        for (int kind = 0; kind < 3; kind++) {
            struct journal *journal = NULL;
            struct error err = {0};
            const unsigned before = count_descriptors();
            assert_int_equal(kind == 0   ? mkdir(paths[i], 0700)
                             : kind == 1 ? mkfifo(paths[i], 0600)
                                         : symlink("nowhere", paths[i]),
                             0);
            assert_false(journal_open("j", SIZE, &journal, &err));
            assert_null(journal);
            assert_int_not_equal(err.kind, ERROR_NONE);
            assert_int_equal(count_descriptors(), before);
            (void)unlink(paths[0]);
            (void)unlink(paths[1]);
            (void)rmdir(paths[i]);
        }
}

static void garbage_is_an_empty_journal(void **state)
{
    (void)state;
    static char garbage[SEGMENT];
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (char)random_below(256);
    for (int i = 0; i < 2; i++) {
        const int fd = open(paths[i], O_WRONLY | O_CREAT, 0600);
        assert_int_equal(write(fd, garbage, sizeof garbage), sizeof garbage);
        assert_int_equal(close(fd), 0);
    }
    struct journal *journal = open_journal(SIZE);
    assert_true(journal_is_empty(journal));
    append_kept(journal, 0, SMALL);
    journal_close(journal);
    assert_int_equal(count_read(), BATCH);
}

static void a_journal_of_another_order_of_bytes_is_told_and_left_as_it_is(void **state)
{
    (void)state;
    const int segment = leave_batches(1, SMALL);
    const int fd = open(paths[segment], O_RDWR);
    uint64_t magic;
    struct journal *journal = NULL;
    struct error err;
    assert_int_equal(pread(fd, &magic, sizeof magic, SEGMENT_BLOCK), sizeof magic);
    magic = __builtin_bswap64(magic);
    assert_int_equal(pwrite(fd, &magic, sizeof magic, SEGMENT_BLOCK), sizeof magic);
    assert_false(journal_open("j", SIZE, &journal, &err));
    assert_non_null(strstr(err.text, "order of bytes"));
    magic = __builtin_bswap64(magic);
    assert_int_equal(pwrite(fd, &magic, sizeof magic, SEGMENT_BLOCK), sizeof magic);
    assert_int_equal(close(fd), 0);
    assert_int_equal(count_read(), BATCH);
}

static void a_journal_for_which_there_is_no_room_leaves_the_disk_to_the_reports(void **state)
{
    (void)state;
    int *const calls[] = {&plan.pwrites, &plan.ftruncates, &plan.fsyncs};
    for (size_t call = 0; call < 3; call++)
        for (int nth = 1;; nth++) {
            struct journal *journal = NULL;
            struct error err = {0};
            const unsigned before = count_descriptors();
            (void)unlink(paths[0]);
            (void)unlink(paths[1]);
            plan.error = ENOSPC;
            *calls[call] = nth;
            const bool opened = journal_open("j", SIZE, &journal, &err);
            const bool failed = *calls[call] == 0;
            *calls[call] = 0;
            assert_int_equal(opened, !failed);
            journal_close(journal);
            assert_int_equal(count_descriptors(), before);
            if (!failed) {
                assert_true(nth > 2);
                break;
            }
            assert_null(journal);
            assert_int_equal(err.kind, ERROR_NO_SPACE);
            assert_int_equal(size_of(paths[0]) + size_of(paths[1]), 0);
            journal = open_journal(SIZE);       /* it heals */
            append_kept(journal, 0, SMALL);
            expect(journal, 0, BATCH);
            journal_close(journal);
        }
}

static void a_journal_belongs_to_one_process_at_a_time(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    struct journal *second = NULL;
    struct error err;
    append_kept(journal, 0, SMALL);
    assert_false(journal_open("j", SIZE, &second, &err));
    assert_null(second);
    assert_int_equal(err.kind, ERROR_BUSY);
    expect(journal, 0, BATCH);
    journal_close(journal);
    journal_close(open_journal(SIZE));
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

#define IN_HOME(test) cmocka_unit_test_setup_teardown(test, begin, end)

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
        IN_HOME(whatever_byte_of_a_segment_is_changed_all_before_it_is_read_and_nothing_wrong),
        IN_HOME(a_segment_that_was_cut_short_is_read_up_to_there),
        IN_HOME(a_batch_of_which_any_block_is_missing_does_not_count),
        IN_HOME(bytes_that_a_client_chose_never_count_as_a_batch),
        IN_HOME(where_no_journal_is_wanted_and_none_was_left_there_is_none),
        IN_HOME(what_was_left_is_read_whatever_size_is_wanted_now),
        IN_HOME(a_segment_that_is_missing_does_not_hide_the_other),
        IN_HOME(after_the_newest_batches_were_lost_new_batches_are_not_taken_for_published),
        IN_HOME(what_is_no_journal_is_told_and_left_as_it_is),
        IN_HOME(garbage_is_an_empty_journal),
        IN_HOME(a_journal_of_another_order_of_bytes_is_told_and_left_as_it_is),
        IN_HOME(a_journal_for_which_there_is_no_room_leaves_the_disk_to_the_reports),
        IN_HOME(a_journal_belongs_to_one_process_at_a_time),
        IN_HOME(refused_memory_is_told_as_such),
        IN_HOME(one_thread_appends_while_another_reads),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
