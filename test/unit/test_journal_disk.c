/* The disk of a journal goes away and comes back, or another takes its place: what was kept is read, or is missed. */
#include "journal_records.h"

#include <sys/file.h>

static struct spool_record records[MOST];

static int lock_error;

int flock(int fd, int operation)
{
    errno = lock_error;
    return lock_error != 0 ? -1 : (int)syscall(SYS_flock, fd, operation);
}

static void assert_unreadable(struct journal *journal, const char *because)
{
    struct error err = {0};
    assert_int_equal(journal_read(journal, records, MOST, &err), SIZE_MAX);
    assert_int_not_equal(err.kind, ERROR_NONE);
    if (strstr(err.text, because) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, because);
    assert_false(journal_is_empty(journal));
}

static void after_it_let_go_nothing_is_open_and_what_was_kept_is_read(void **state)
{
    (void)state;
    const unsigned before = count_descriptors();
    struct journal *journal = open_journal(SIZE);
    append_kept(journal, 0, SMALL);
    journal_let_go(journal);
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(append(journal, 900, SMALL), JOURNAL_FULL); /* first that is to be published */
    expect(journal, 0, BATCH);
    append_kept(journal, BATCH, SMALL);
    expect(journal, BATCH, 2 * BATCH);
    journal_close(journal);
    assert_int_equal(count_descriptors(), before);
}

static void while_its_directory_is_away_all_waits_for_it(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    append_kept(journal, 0, SMALL);
    assert_int_equal(rename("j", "away"), 0);
    journal_let_go(journal);
    assert_unreadable(journal, "cannot open the directory");
    assert_int_equal(append(journal, 900, SMALL), JOURNAL_FULL);
    assert_int_equal(rename("away", "j"), 0);
    expect(journal, 0, BATCH);
    assert_int_equal(rename("j", "away"), 0);
    assert_int_equal(append(journal, 900, SMALL), JOURNAL_FULL); /* nobody would find it there */
    assert_int_equal(rename("away", "j"), 0);
    append_kept(journal, BATCH, SMALL);
    expect(journal, BATCH, 2 * BATCH);
    journal_close(journal);
}

static void another_directory_in_its_place_is_missed_and_left_alone(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    append_kept(journal, 0, SMALL);
    assert_int_equal(rename("j", "away"), 0);
    assert_int_equal(mkdir("j", 0750), 0);
    assert_int_equal(append(journal, 900, SMALL), JOURNAL_FULL);
    journal_let_go(journal);
    assert_unreadable(journal, "does not hold all that was kept");
    assert_int_equal(unlink(paths[0]) + unlink(paths[1]) + rmdir("j") + rename("away", "j"), 0);
    expect(journal, 0, BATCH);
    journal_close(journal);
}

/* As when the program is started before its disk is mounted, and what was left there is not published yet: below
 * the numbers of that journal, and above them. */
static void another_journal_in_its_place_is_published_before_it_is_written_to(void **state)
{
    (void)state;
    for (unsigned own = 1; own <= 40; own += 39) {
        struct journal *journal = open_journal(SIZE);
        for (unsigned i = 0; i < 5; i++)
            append_kept(journal, i * BATCH, SMALL);
        journal_close(journal);
        assert_int_equal(rename("j", "away") + mkdir("j", 0750), 0);
        journal = open_journal(SIZE);
        for (unsigned i = 0; i < own; i++) {
            append_kept(journal, 700, SMALL);
            expect(journal, 700, 700 + BATCH);
        }
        assert_int_equal(unlink(paths[0]) + unlink(paths[1]) + rmdir("j") + rename("away", "j"), 0);
        assert_int_equal(append(journal, 900, SMALL), JOURNAL_FULL);
        expect(journal, 0, 5 * BATCH);
        append_kept(journal, 800, SMALL);
        expect(journal, 800, 800 + BATCH);
        journal_close(journal);
        assert_int_equal(unlink(paths[0]) + unlink(paths[1]), 0);
    }
}

static void a_segment_that_is_gone_is_missed_though_the_newest_batch_is_there(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    unsigned count = 0;
    while (append(journal, count * BATCH, SMALL) == JOURNAL_KEPT)
        count++;
    char name[16];
    char bytes[SEGMENT];
    (void)snprintf(name, sizeof name, "N%07u", 0U);
    const int fd = open(paths[0], O_RDONLY);
    const ssize_t got = pread(fd, bytes, sizeof bytes, 0);
    assert_int_equal(close(fd), 0);
    const bool is_first = memmem(bytes, got > 0 ? (size_t)got : 0, name, strlen(name)) != NULL;
    assert_true(count > 2);
    assert_int_equal(rename(paths[!is_first], "kept"), 0);
    journal_let_go(journal);
    assert_unreadable(journal, "does not hold all that was kept");
    assert_int_equal(rename("kept", paths[!is_first]), 0);
    expect(journal, 0, count * BATCH);
    journal_close(journal);
}

static void change_record(unsigned number)
{
    char name[16];
    char bytes[SEGMENT];
    const int len = snprintf(name, sizeof name, "N%07u", number);
    for (int i = 0; i < 2; i++) {
        const int fd = open(paths[i], O_RDWR);
        const ssize_t got = pread(fd, bytes, sizeof bytes, 0);
        const char *at = memmem(bytes, got > 0 ? (size_t)got : 0, name, (size_t)len);
        assert_true(at == NULL || pwrite(fd, "X", 1, at - bytes) == 1);
        assert_int_equal(close(fd), 0);
    }
}

static void a_batch_that_changed_on_the_disk_is_told_and_those_before_it_are_read(void **state)
{
    (void)state;
    unsigned numbers[MOST];
    struct journal *journal = open_journal(SIZE);
    append_kept(journal, 0, SMALL);
    append_kept(journal, BATCH, SMALL);
    change_record(BATCH);
    assert_int_equal(read_numbers(journal, numbers), BATCH);
    journal_forget(journal);
    assert_unreadable(journal, "cannot be read back");
    journal_close(journal);
}

/* ---- how much at a time ---- */

static void append_large(struct journal *journal, unsigned first, size_t count, size_t len)
{
    struct error err = {0};
    assert_int_equal(append_some(journal, first, count, len, &err), JOURNAL_KEPT);
}

static void so_much_is_read_at_a_time_as_there_is_room_for(void **state)
{
    (void)state;
    enum { MANY = JOURNAL_MOST_RECORDS, FEW = 80, LAPS = 6, BIG = 16 * 1024 * 1024 };
    unsigned numbers[MOST];
    struct journal *journal = open_journal(BIG);
    assert_true(journal_room(journal) <= JOURNAL_MOST_BATCH);
    for (unsigned i = 0; i < LAPS; i++)
        append_large(journal, i * MANY, MANY, SMALL);
    assert_int_equal(read_numbers(journal, numbers), MOST);
    expect(journal, 0, LAPS * MANY);
    for (unsigned i = 0; i < LAPS; i++)
        append_large(journal, i * FEW, FEW, LARGE);
    assert_int_equal(read_numbers(journal, numbers), 4 * FEW); /* a megabyte each */
    expect(journal, 0, LAPS * FEW);
    journal_close(journal);
}

static void what_was_left_has_no_room_for_more_where_none_is_wanted(void **state)
{
    (void)state;
    struct journal *journal = open_journal(SIZE);
    append_kept(journal, 0, SMALL);
    journal_close(journal);
    journal = open_journal(0);
    assert_int_equal(journal_room(journal), 0);
    expect(journal, 0, BATCH);
    journal_close(journal);
}

/* ---- what cannot be opened ---- */

static void a_journal_that_cannot_be_locked_is_none(void **state)
{
    (void)state;
    static const int errors[] = {ENOLCK, EWOULDBLOCK};
    for (size_t i = 0; i < 2; i++) {
        struct journal *journal = NULL;
        struct error err;
        const unsigned before = count_descriptors();
        lock_error = errors[i];
        assert_false(journal_open("j", SIZE, &journal, &err));
        lock_error = 0;
        assert_null(journal);
        assert_int_equal(err.kind, errors[i] == ENOLCK ? ERROR_SYSTEM : ERROR_BUSY);
        assert_int_equal(count_descriptors(), before);
    }
}

/* There may be something in it, and who does not look loses it. */
static void a_directory_that_cannot_be_looked_into_is_an_error_also_where_no_journal_is_wanted(void **state)
{
    (void)state;
    struct journal *journal = NULL;
    struct error err;
    assert_int_equal(close(open("file", O_CREAT | O_WRONLY, 0600)), 0);
    assert_false(journal_open("file/j", 0, &journal, &err));
    assert_int_equal(symlink("nowhere", "j/segment-1"), 0);
    assert_false(journal_open("j", 0, &journal, &err));
    assert_null(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_HOME(after_it_let_go_nothing_is_open_and_what_was_kept_is_read),
        IN_HOME(while_its_directory_is_away_all_waits_for_it),
        IN_HOME(another_directory_in_its_place_is_missed_and_left_alone),
        IN_HOME(another_journal_in_its_place_is_published_before_it_is_written_to),
        IN_HOME(a_segment_that_is_gone_is_missed_though_the_newest_batch_is_there),
        IN_HOME(a_batch_that_changed_on_the_disk_is_told_and_those_before_it_are_read),
        IN_HOME(so_much_is_read_at_a_time_as_there_is_room_for),
        IN_HOME(what_was_left_has_no_room_for_more_where_none_is_wanted),
        IN_HOME(a_journal_that_cannot_be_locked_is_none),
        IN_HOME(a_directory_that_cannot_be_looked_into_is_an_error_also_where_no_journal_is_wanted),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("journal_disk", tests, NULL, NULL);
}
