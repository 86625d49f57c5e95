/* What is found in a journal at the start: torn, stale and forged bytes, other sizes, other files. */
#include "journal_records.h"

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
    enum { BATCHES = 4, BYTES = 400 }; /* more than the header and the records of a batch */
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
        assert_true((harmed > 300) == (block > 0 && block <= BATCHES)); /* all but the padding */
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
        plan.ftruncates = 1; /* where nothing is left to read it would make room */
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
    const int fd = open(paths[1 - leave_batches(1, SMALL)], O_RDWR); /* the next start begins in the other */
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
    enum { BATCHES = 6 }; /* three fill the segment that is active, the others begin the other anew */
    static char bytes[12 * SEGMENT_BLOCK];
    static struct spool_record records[MOST];
    for (unsigned first = 0; first < 12; first++) {
        const struct span evil = forge(first, bytes);
        struct journal *journal = open_journal(SIZE);
        struct spool_record large = {.name = {"N0000700"}, .arrived = 1700, .queue = 1, .content = {evil, {NULL, 0}}};
        struct spool_record *pointer = &large;
        struct error err;
        for (int i = 0; i < 2; i++) { /* into both segments */
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
            for (int i = 0; i < 2; i++) /* a size of its own is too small to be one */
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

static off_t size_or_gone(const char *path)
{
    return access(path, F_OK) == 0 ? size_of(path) : 0;
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
            assert_int_equal(size_or_gone(paths[0]) + size_or_gone(paths[1]), 0);
            journal = open_journal(SIZE); /* it heals */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("journal_found", tests, NULL, NULL);
}
