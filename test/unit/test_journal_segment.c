/* A segment: bytes that are no batch do not count, however well they are sealed, and no read goes beyond them. */
#include "journal_records.h"

enum { ENTRY = 64, LENGTH_AT = 12, NAME_AT = 16 }; /* in an entry: 8 bytes of time, 4 of queue, 4 of length, the name */

static char staged[2 * SEGMENT_BLOCK];
static char shown[JOURNAL_MOST_BATCH];

static struct segment_batch *stage_one(void)
{
    struct spool_record record = {.name = {"N0000001"}, .arrived = 1, .content = {SPAN("ab"), SPAN("c")}};
    struct spool_record *pointer = &record;
    memset(staged, 0, sizeof staged);
    struct segment_batch *batch = segment_stage(staged, &pointer, 1);
    assert_int_equal(batch->length, sizeof *batch + ENTRY + 3);
    batch->number = 1;
    return batch;
}

static char *entry_of(struct segment_batch *batch)
{
    return (char *)(batch + 1);
}

static bool read_back(int fd, uint64_t end)
{
    struct error err;
    const bool counts = segment_read(fd, end, SEGMENT_BLOCK, shown, &err);
    assert_int_equal(err.kind, ERROR_NONE);
    return counts;
}

/* ---- sealed by a right checksum ---- */

static void change_nothing(struct segment_batch *batch)
{
    (void)batch;
}

static void count_too_many(struct segment_batch *batch)
{
    batch->count = JOURNAL_MOST_RECORDS + 1;
}

static void count_one_more(struct segment_batch *batch)
{
    batch->count = 2;
}

static void count_none(struct segment_batch *batch)
{
    batch->count = 0;
}

static void lengthen_the_content(struct segment_batch *batch)
{
    const uint32_t length = 4;
    memcpy(entry_of(batch) + LENGTH_AT, &length, sizeof length);
}

static void shorten_the_content(struct segment_batch *batch)
{
    const uint32_t length = 2;
    memcpy(entry_of(batch) + LENGTH_AT, &length, sizeof length);
}

static void empty_the_name(struct segment_batch *batch)
{
    entry_of(batch)[NAME_AT] = '\0';
}

static void hide_the_name(struct segment_batch *batch)
{
    entry_of(batch)[NAME_AT] = '.';
}

static void lead_the_name_elsewhere(struct segment_batch *batch)
{
    entry_of(batch)[NAME_AT + 3] = '/';
}

static void leave_the_name_open(struct segment_batch *batch)
{
    memset(entry_of(batch) + NAME_AT, 'N', SPOOL_NAME_SIZE);
}

static void a_batch_counts_only_if_its_records_fill_it_and_have_names_of_files(void **state)
{
    (void)state;
    static const struct {
        void (*change)(struct segment_batch *batch);
        bool counts;
    } rows[] = {
        {change_nothing, true},           {count_too_many, false},      {count_one_more, false}, {count_none, false},
        {lengthen_the_content, false},    {shorten_the_content, false}, {empty_the_name, false}, {hide_the_name, false},
        {lead_the_name_elsewhere, false}, {leave_the_name_open, false},
    };
    const int fd = open("j/segment-0", O_RDWR | O_CREAT, 0600);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct segment_batch *batch = stage_one();
        rows[i].change(batch);
        assert_true(segment_write(fd, batch, SEGMENT_BLOCK));
        assert_int_equal(read_back(fd, 2 * SEGMENT_BLOCK), rows[i].counts);
    }
    assert_int_equal(close(fd), 0);
}

/* ---- lengths that lie, so that no checksum can be right ---- */

static void a_length_that_cannot_be_is_not_followed(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {
        0, sizeof(struct segment_batch) - 1, SEGMENT_BLOCK + 1, JOURNAL_MOST_BATCH + 1, UINT64_MAX, UINT64_MAX - 1};
    const int fd = open("j/segment-0", O_RDWR | O_CREAT, 0600);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct segment_batch *batch = stage_one();
        assert_true(segment_write(fd, batch, SEGMENT_BLOCK));
        batch->length = lengths[i];
        assert_int_equal(pwrite(fd, batch, sizeof *batch, SEGMENT_BLOCK), sizeof *batch);
        assert_false(read_back(fd, 2 * SEGMENT_BLOCK));
    }
    assert_int_equal(close(fd), 0);
}

static void a_mark_counts_only_as_a_mark(void **state)
{
    (void)state;
    const int fd = open("j/segment-0", O_RDWR | O_CREAT, 0600);
    for (uint64_t number = 0; number < 2; number++) {
        struct segment_batch mark = {
            .magic = stage_one()->magic, .number = number, .published = 7, .length = sizeof mark};
        struct segment_contents found;
        struct error err;
        assert_int_equal(ftruncate(fd, 0) + ftruncate(fd, SEGMENT), 0);
        assert_true(number == 0 ? segment_write(fd, &mark, 0) : segment_write(fd, stage_one(), 0));
        assert_true(segment_scan(fd, SEGMENT, 0, shown, &found, &err));
        assert_int_equal(found.published, number == 0 ? 7 : 0);
        assert_int_equal(found.last, 0);
    }
    assert_int_equal(close(fd), 0);
}

/* ---- files that end too soon, and disks that take nothing ---- */

static ssize_t write_nothing(int fd, const void *bytes, size_t len, off_t at)
{
    (void)fd;
    (void)bytes;
    (void)len;
    (void)at;
    return 0;
}

static void a_file_that_is_shorter_than_it_was_is_an_error(void **state)
{
    (void)state;
    struct error err;
    const int fd = open("j/segment-0", O_RDWR | O_CREAT, 0600);
    assert_true(segment_write(fd, stage_one(), SEGMENT_BLOCK));
    assert_int_equal(ftruncate(fd, 2 * SEGMENT_BLOCK - 1), 0);
    assert_false(segment_read(fd, 2 * SEGMENT_BLOCK, SEGMENT_BLOCK, shown, &err));
    assert_int_equal(err.os, EIO);
    assert_int_equal(close(fd), 0);
}

static void a_disk_that_takes_nothing_and_says_nothing_is_full(void **state)
{
    (void)state;
    const int fd = open("j/segment-0", O_RDWR | O_CREAT, 0600);
    sys.pwrite = write_nothing;
    assert_false(segment_write(fd, stage_one(), SEGMENT_BLOCK));
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_HOME(a_batch_counts_only_if_its_records_fill_it_and_have_names_of_files),
        IN_HOME(a_length_that_cannot_be_is_not_followed),
        IN_HOME(a_mark_counts_only_as_a_mark),
        IN_HOME(a_file_that_is_shorter_than_it_was_is_an_error),
        IN_HOME(a_disk_that_takes_nothing_and_says_nothing_is_full),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("journal_segment", tests, NULL, NULL);
}
