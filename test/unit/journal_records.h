/* A journal in a directory of its own, calls below it that fail on command, and records known by their number. */
#ifndef TEST_JOURNAL_RECORDS_H
#define TEST_JOURNAL_RECORDS_H

#include "../../src/spool/journal.h"
#include "../../src/spool/segment.h"
#include "base/sys.h"
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    SEGMENT = 16 * SEGMENT_BLOCK, /* the smallest there is */
    SIZE = 2 * SEGMENT,
    BATCH = 4,                 /* records in one */
    SMALL = 20,                /* bytes of a record: its batch takes a block */
    LARGE = 3 * SEGMENT_BLOCK, /* four of them: a batch takes 13 blocks, so that a segment holds one */
    MOST = 4 * JOURNAL_MOST_RECORDS,
};

static char home[HOME_SIZE];
static const char *const paths[] = {"j/segment-0", "j/segment-1"};

/* ---- calls that fail on command ---- */

static struct {
    int fdatasyncs, pwrites, preads, ftruncates, fsyncs; /* the how manieth fails, from 1; 0: none */
    int error;
    size_t most; /* bytes of one read or write; 0: all */
    unsigned opened;
} plan;

static inline bool is_due(int *count)
{
    if (*count == 0 || --*count > 0)
        return false;
    errno = plan.error;
    return true;
}

static inline size_t at_most(size_t len)
{
    return plan.most > 0 && plan.most < len ? plan.most : len;
}

static inline int plan_sync(int fd)
{
    (void)fd;
    return is_due(&plan.fdatasyncs) ? -1 : 0;
}

static inline int plan_fsync(int fd)
{
    (void)fd;
    return is_due(&plan.fsyncs) ? -1 : 0;
}

static inline ssize_t plan_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return is_due(&plan.pwrites) ? -1 : pwrite(fd, bytes, at_most(len), at);
}

static inline ssize_t plan_pread(int fd, void *bytes, size_t len, off_t at)
{
    return is_due(&plan.preads) ? -1 : pread(fd, bytes, at_most(len), at);
}

static inline int plan_ftruncate(int fd, off_t len)
{
    return is_due(&plan.ftruncates) ? -1 : ftruncate(fd, len);
}

static inline int plan_openat(int directory, const char *path, int flags, mode_t mode)
{
    plan.opened++;
    return sys_kernel.openat(directory, path, flags, mode);
}

static inline int begin(void **state)
{
    (void)state;
    memset(&plan, 0, sizeof plan);
    sys.fsync = plan_fsync;
    sys.fdatasync = plan_sync;
    sys.pwrite = plan_pwrite;
    sys.pread = plan_pread;
    sys.ftruncate = plan_ftruncate;
    sys.openat = plan_openat;
    home_make(home);
    return chdir(home) != 0 || mkdir("j", 0750) != 0;
}

static inline int end(void **state)
{
    (void)state;
    sys = sys_kernel;
    home_remove(home);
    return chdir("/");
}

/* ---- records, each known by its number ---- */

static inline size_t length_of(unsigned number, size_t len)
{
    return len > SMALL ? len : number * 7 % (len + 1);
}

static inline char byte_of(unsigned number, size_t i)
{
    return (char)(number * 31 + i * 7 + i / 251);
}

static inline void prepare(unsigned number, size_t len, char *bytes, struct spool_record *out)
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

static inline unsigned number_of(const struct spool_record *record)
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

static inline enum journal_result append_some(struct journal *journal, unsigned first, size_t count, size_t len,
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

static inline enum journal_result append(struct journal *journal, unsigned first, size_t len)
{
    struct error err = {0};
    return append_some(journal, first, BATCH, len, &err);
}

static inline void append_kept(struct journal *journal, unsigned first, size_t len)
{
    assert_int_equal(append(journal, first, len), JOURNAL_KEPT);
}

static inline struct journal *open_journal(uint64_t size)
{
    struct journal *journal = NULL;
    struct error err = {0};
    if (!journal_open("j", size, &journal, &err))
        fail_msg("%s", err.text);
    return journal;
}

/* Reads, without forgetting; the numbers of what there is. */
static inline size_t read_numbers(struct journal *journal, unsigned numbers[MOST])
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
static inline void expect(struct journal *journal, unsigned first, unsigned behind)
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

static inline off_t size_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

/* ---- chance ---- */

static inline unsigned random_below(unsigned bound)
{
    static uint64_t seed = 42;
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(seed >> 33) % bound;
}

#define IN_HOME(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
