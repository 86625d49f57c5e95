/* The way of a record to the file: levels, blocks, failing disks, a full buffer, many threads. */
#include "log_directory.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- injected failures ---- */

static atomic_int write_errno;              /* 0: the kernel's own answer */
static atomic_int write_most;               /* bytes before the failure */
static atomic_bool writes_blocked;
static atomic_int calls_left;               /* allocations that still succeed */

static ssize_t failing_write(int fd, const void *bytes, size_t len)
{
    while (atomic_load(&writes_blocked))
        wait_a_moment();
    if (atomic_load(&write_errno) == 0)
        return write(fd, bytes, len);
    const int most = atomic_exchange(&write_most, 0);
    if (most > 0)
        return write(fd, bytes, len < (size_t)most ? len : (size_t)most);
    errno = atomic_load(&write_errno);
    return -1;
}

static ssize_t dripping_write(int fd, const void *bytes, size_t len)
{
    static unsigned calls;
    if (++calls % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return write(fd, bytes, len < 7 ? len : 7);
}

static void *failing_allocate(size_t size)
{
    return atomic_fetch_sub(&calls_left, 1) > 0 ? malloc(size) : NULL;
}

static void *failing_reallocate(void *old, size_t size)
{
    (void)old;
    (void)size;
    return NULL;
}

/* ---- opening ---- */

static void a_log_that_cannot_be_opened_is_an_error(void **state)
{
    struct log_settings settings = usual;
    struct error err = {0};
    (void)state;
    settings.path = "/nonexistent/X.log";
    assert_false(log_open(&settings, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    assert_string_equal(err.text, "cannot open the log '/nonexistent/X.log': No such file or directory");
}

static void a_log_without_memory_is_an_error(void **state)
{
    (void)state;
    for (int left = 0; left < 4; left++) {
        struct error err = {0};
        sys.allocate = failing_allocate;
        atomic_store(&calls_left, left);
        assert_false(log_open(&usual, &err));
        assert_int_equal(err.kind, ERROR_NO_MEMORY);
    }
}

static void the_file_is_for_owner_and_group(void **state)
{
    struct stat status;
    (void)state;
    const mode_t before = umask(0);
    open_log(&usual);
    (void)umask(before);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
}

static void without_a_log_records_go_to_standard_error(void **state)
{
    const int kept = dup(STDERR_FILENO);
    const int fd = open(path, O_WRONLY | O_CREAT, 0600);
    (void)state;
    assert_true(kept >= 0 && fd >= 0);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    log_info("early %d", 1);
    struct log_block block;
    log_block_begin(&block);
    log_block_info(&block, "block");
    log_block_end(&block);
    open_log(&(struct log_settings){.path = "/dev/null", .component = "Test", .level = LOG_LEVEL_DEFAULT});
    log_info("logged");
    log_close();
    log_close();
    log_reopen();
    log_info("late");
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    (void)close(kept);
    (void)close(fd);
    assert_texts("X.log", "early 1|block|late|");
}

/* ---- what is written ---- */

static void the_level_decides_what_is_left_out(void **state)
{
    static const struct {
        enum log_level level;
        const char *texts;
    } rows[] = {
        {LOG_LEVEL_VERBOSE, "plain|info|B:body|warning|error|"},
        {LOG_LEVEL_DEFAULT, "plain|info|warning|error|"},
        {LOG_LEVEL_WARNING, "warning|error|"},
        {LOG_LEVEL_ERROR, "error|"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct log_settings settings = usual;
        struct log_block block;
        open_log(&usual);
        settings.level = rows[i].level;
        log_set(&settings);
        assert_int_equal(log_wants(LOG_INFO, true), rows[i].level == LOG_LEVEL_VERBOSE);
        log_block_begin(&block);
        log_block_add(&block, LOG_PLAIN, "a.c", 1, "plain");
        log_block_info(&block, "info");
        log_block_add_body(&block, "a.c", 1, "B:", SPAN("body"));
        log_block_add(&block, LOG_WARNING, "a.c", 1, "warning");
        log_block_end(&block);
        log_error("error");
        log_close();
        assert_texts("X.log", rows[i].texts);
        (void)list_files(true);
    }
}

static void a_record_says_where_and_when_it_was_made(void **state)
{
    struct log_record record;
    (void)state;
    open_log(&usual);
    const int64_t before = sys_now() / 1000 * 1000;
    log_warning("here");
    const int64_t after = sys_now();
    log_close();
    struct buffer bytes = read_log("X.log");
    struct span rest = buffer_span(&bytes);
    assert_true(next_record(&rest, &record));
    assert_int_equal(record.type, LOG_WARNING);
    assert_int_equal(record.thread, gettid());
    assert_true(record.time >= before && record.time <= after);
    assert_true(span_equal(record.component, SPAN("Test")));
    assert_memory_equal(record.file.at, "test_log_writer.c:", 18);
    buffer_fini(&bytes);
}

static void a_client_cannot_forge_a_line_through_a_message(void **state)
{
    (void)state;
    open_log(&usual);
    log_info("host '%s'", "a]LOG]!><time=\"0:0:0.0+0\">\r\n<![LOG[forged]LOG]!>\n$$<S>");
    log_close();
    assert_texts("X.log", "host 'a]LOG] !><time=\"0:0:0.0+0\">~~< ![LOG[forged]LOG] !>~$ $<S>'|");
}

static void a_message_beyond_all_limits_says_how_much_is_missing(void **state)
{
    char *text = malloc(100001);
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < 100000; i += 4)
        memcpy(text + i, "\xf0\x9f\x98\x80", 5);
    open_log(&usual);
    log_info("%s", text);
    log_info("%.*s", 8193, text + 1);       /* the buffer ends within a character */
    log_close();
    free(text);
    struct buffer bytes = read_log("X.log");
    struct span rest = buffer_span(&bytes);
    struct log_record record;
    assert_true(next_record(&rest, &record));
    const char *cut = memmem(record.text.at, record.text.len, " ...(", 5);
    unsigned long missing = 0;
    assert_non_null(cut);
    assert_int_equal(sscanf(cut, " ...(%lu bytes more)", &missing), 1);
    assert_int_equal((size_t)(cut - record.text.at) + missing, 100000);
    assert_true(next_record(&rest, &record));
    assert_false(next_record(&rest, &record));
    buffer_fini(&bytes);
}

static void a_block_grows_beyond_the_stack_and_stands_together(void **state)
{
    struct log_settings settings = usual;
    struct log_block block;
    (void)state;
    settings.level = LOG_LEVEL_VERBOSE;
    open_log(&settings);
    for (unsigned i = 0; i < 2; i++) {
        fill_block(&block, i);
        log_block_end(&block);
    }
    log_close();
    struct buffer bytes = read_log("X.log");
    struct span rest = buffer_span(&bytes);
    assert_block(&rest, 0);
    assert_block(&rest, 1);
    assert_int_equal(rest.len, 0);
    buffer_fini(&bytes);
}

static void without_memory_a_dump_is_cut_and_no_record_is_lost(void **state)
{
    struct log_settings settings = usual;
    struct log_block block;
    char body[9000];
    (void)state;
    settings.level = LOG_LEVEL_VERBOSE;
    open_log(&settings);
    sys.reallocate = failing_reallocate;
    fill_block(&block, 7);
    memset(body, 'l', sizeof body);
    log_block_info(&block, "%.*s", (int)sizeof body, body);
    log_block_add_body(&block, "a.c", 1, "Large:", (struct span){body, sizeof body});
    log_block_end(&block);
    sys.reallocate = sys_kernel.reallocate;
    log_close();
    struct buffer bytes = read_log("X.log");
    struct span rest = buffer_span(&bytes);
    struct log_record record;
    assert_block(&rest, 7);
    assert_true(next_record(&rest, &record));       /* larger than the stack's room */
    assert_true(record.text.len > 7000);
    assert_true(next_record(&rest, &record));
    assert_memory_equal(record.text.at, "Large:l", 7);
    assert_non_null(memmem(record.text.at, record.text.len, " bytes more)", 12));
    assert_int_equal(rest.len, 0);
    buffer_fini(&bytes);
}

static void a_dump_larger_than_the_buffer_is_cut(void **state)
{
    struct log_settings settings = usual;
    const size_t len = 3000000;
    struct log_block block;
    char *body = malloc(len);
    (void)state;
    assert_non_null(body);
    memset(body, '>', len);
    settings.level = LOG_LEVEL_VERBOSE;
    settings.max_size = 10000000;
    open_log(&settings);
    log_block_begin(&block);
    log_block_info(&block, "before");
    log_block_add_body(&block, "a.c", 1, "Body:", (struct span){body, len});
    log_block_add_body(&block, "a.c", 1, "Body:", (struct span){body, len});
    log_block_info(&block, "after");
    log_block_end(&block);
    log_close();
    free(body);
    struct buffer bytes = read_log("X.log");
    struct span rest = buffer_span(&bytes);
    struct log_record record;
    const char *const begins[] = {"before", "Body:>", "Body:>", "after"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(next_record(&rest, &record));
        assert_memory_equal(record.text.at, begins[i], strlen(begins[i]));
    }
    buffer_fini(&bytes);
}

/* ---- a disk that fails ---- */

static void wait_for_lost(uint64_t lost)
{
    while (log_lost() < lost)
        wait_a_moment();
}

static void what_a_failing_write_loses_is_counted_and_said(void **state)
{
    const uint64_t before = log_lost();
    (void)state;
    sys.write = failing_write;
    atomic_store(&write_errno, ENOSPC);
    atomic_store(&write_most, 0);
    open_log(&usual);
    log_info("lost 1");
    wait_for_lost(before + 1);
    struct log_block block;
    log_block_begin(&block);
    log_block_info(&block, "lost 2");
    log_block_info(&block, "lost 3");
    log_block_end(&block);
    wait_for_lost(before + 3);
    atomic_store(&write_errno, 0);
    log_info("kept 1");
    log_info("kept 2");
    log_close();
    assert_int_equal(log_lost(), before + 3);
    assert_texts("X.log", "Log: 3 records were lost: No space left on device|kept 1|kept 2|");
}

static void a_log_that_cannot_be_written_does_not_work_until_it_can(void **state)
{
    struct error err = {0};
    (void)state;
    sys.write = failing_write;
    open_log(&usual);
    assert_true(log_works(&err));
    atomic_store(&write_errno, EROFS);
    log_info("lost");
    while (log_works(&err))
        wait_a_moment();
    assert_non_null(strstr(err.text, "cannot write the log '"));
    assert_non_null(strstr(err.text, "X.log': Read-only file system"));
    assert_false(log_works(&err));
    atomic_store(&write_errno, 0);
    while (!log_works(&err))            /* without another record to push it */
        wait_a_moment();
    log_close();
    assert_texts("X.log", "Log: 1 records were lost: Read-only file system|");
}

static void what_was_lost_last_is_said_at_the_end(void **state)
{
    const uint64_t before = log_lost();
    (void)state;
    sys.write = failing_write;
    atomic_store(&write_errno, EIO);
    atomic_store(&write_most, 0);
    open_log(&usual);
    log_info("lost");
    wait_for_lost(before + 1);
    atomic_store(&write_errno, 0);
    log_close();
    assert_texts("X.log", "Log: 1 records were lost: Input/output error|");
}

static void a_torn_record_does_not_take_the_next_one_with_it(void **state)
{
    const uint64_t before = log_lost();
    (void)state;
    sys.write = failing_write;
    atomic_store(&write_errno, ENOSPC);
    atomic_store(&write_most, 12);
    open_log(&usual);
    log_info("torn record");
    wait_for_lost(before + 1);
    atomic_store(&write_errno, 0);
    log_info("kept");
    log_close();
    assert_texts("X.log", "torn |Log: 1 records were lost: No space left on device|kept|");
}

static void short_and_interrupted_writes_are_gone_on_with(void **state)
{
    (void)state;
    sys.write = dripping_write;
    open_log(&usual);
    log_info("one");
    log_info("two");
    log_close();
    assert_texts("X.log", "one|two|");
}

static void a_single_record_is_written_without_another_to_push_it(void **state)
{
    (void)state;
    open_log(&usual);
    log_info("alone");
    while (!log_contains("alone"))      /* ends, or the test program is stopped */
        wait_a_moment();
}

static void a_full_buffer_loses_what_it_cannot_hold_and_says_so(void **state)
{
    const uint64_t before = log_lost();
    char text[64];
    unsigned said = 0;
    unsigned count;
    (void)state;
    struct log_settings settings = usual;
    settings.max_size = 100000000;
    sys.write = failing_write;
    atomic_store(&write_errno, 0);
    atomic_store(&writes_blocked, true);
    open_log(&settings);
    while (log_lost() < before + 10) {
        log_numbers(said, said + 1);
        said++;
    }
    atomic_store(&writes_blocked, false);
    log_close();
    const unsigned lost = (unsigned)(log_lost() - before);
    (void)snprintf(text, sizeof text, "Log: %u records were lost: the buffer was full", lost);
    assert_true(log_contains(text));
    (void)first_number("X.log", &count);
    assert_int_equal(count - 1 + lost, said);
}

/* ---- many threads ---- */

enum { THREADS = 4, RECORDS = 400 };

static void *log_from_a_thread(void *number)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        struct log_block block;
        log_block_begin(&block);
        log_block_info(&block, "%u %u", *(const unsigned *)number, 2 * i);
        log_block_info(&block, "%u %u", *(const unsigned *)number, 2 * i + 1);
        log_block_end(&block);
    }
    return NULL;
}

/* All of it fits into the buffer, so that no slow disk can make it lose one. */
static void closing_loses_none_of_many_threads(void **state)
{
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    unsigned next[THREADS] = {0};
    unsigned total = 0;
    unsigned pair = 0;
    (void)state;
    open_log(&usual);
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, log_from_a_thread, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    log_close();
    struct buffer bytes = read_log("X.log");
    struct span rest = buffer_span(&bytes);
    for (struct log_record record; next_record(&rest, &record); total++) {
        char *end;
        const unsigned thread = (unsigned)strtoul(record.text.at, &end, 10);
        const unsigned number = (unsigned)strtoul(end, NULL, 10);
        assert_true(thread < THREADS);
        if (total % 2 == 1)
            assert_int_equal(thread, pair);         /* the two records of a block stand together */
        pair = thread;
        assert_int_equal(number, next[thread]++);
    }
    buffer_fini(&bytes);
    assert_int_equal(total, THREADS * RECORDS * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_log_that_cannot_be_opened_is_an_error),
        TEST(a_log_without_memory_is_an_error),
        TEST(without_a_log_records_go_to_standard_error),
        TEST(the_file_is_for_owner_and_group),
        TEST(the_level_decides_what_is_left_out),
        TEST(a_record_says_where_and_when_it_was_made),
        TEST(a_client_cannot_forge_a_line_through_a_message),
        TEST(a_message_beyond_all_limits_says_how_much_is_missing),
        TEST(a_block_grows_beyond_the_stack_and_stands_together),
        TEST(without_memory_a_dump_is_cut_and_no_record_is_lost),
        TEST(a_dump_larger_than_the_buffer_is_cut),
        TEST(what_a_failing_write_loses_is_counted_and_said),
        TEST(a_log_that_cannot_be_written_does_not_work_until_it_can),
        TEST(what_was_lost_last_is_said_at_the_end),
        TEST(a_torn_record_does_not_take_the_next_one_with_it),
        TEST(short_and_interrupted_writes_are_gone_on_with),
        TEST(a_single_record_is_written_without_another_to_push_it),
        TEST(a_full_buffer_loses_what_it_cannot_hold_and_says_so),
        TEST(closing_loses_none_of_many_threads),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
