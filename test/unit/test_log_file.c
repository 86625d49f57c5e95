/* The file of the log: when it is renamed, what the older ones are called, and what happens when that fails. */
#include "log_directory.h"

static int opens_left;              /* calls that still succeed; of one thread at a time */

static int failing_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    (void)from_directory;
    (void)from;
    (void)to_directory;
    (void)to;
    errno = EACCES;
    return -1;
}

static int failing_openat(int at, const char *name, int flags, mode_t mode)
{
    if (opens_left-- > 0)
        return openat(at, name, flags, mode);
    errno = EMFILE;
    return -1;
}

static void at_its_limit_the_file_is_renamed_and_begun_anew(void **state)
{
    struct log_settings settings = usual;
    struct stat status;
    unsigned old;
    unsigned new;
    (void)state;
    settings.max_size = 10000;
    open_log(&settings);
    log_numbers(0, 25);
    log_close();
    assert_int_equal(list_files(false), 2);
    const unsigned first = first_number("X.lo_", &old);
    assert_int_equal(first_number("X.log", &new), first + old);
    assert_int_equal(first + old + new, 25);
    assert_int_equal(old, 10000 / 950);
    assert_int_equal(stat(name_of("X.lo_"), &status), 0);
    assert_true(status.st_size <= 10000 && status.st_size > 9000);
}

static void a_file_that_was_full_before_is_renamed_first(void **state)
{
    struct log_settings settings = usual;
    (void)state;
    open_log(&settings);
    log_numbers(0, 20);
    log_close();
    settings.max_size = 10000;
    open_log(&settings);
    log_info("new");
    log_close();
    assert_texts("X.log", "new|");
}

static void a_block_is_never_parted_by_a_rotation(void **state)
{
    struct log_settings settings = usual;
    struct log_block block;
    (void)state;
    settings.max_size = 10000;
    settings.level = LOG_LEVEL_VERBOSE;
    open_log(&settings);
    for (unsigned i = 0; i < 3; i++) {
        fill_block(&block, i);
        log_block_end(&block);
    }
    log_close();
    struct buffer bytes = read_log("X.lo_");
    struct span rest = buffer_span(&bytes);
    assert_block(&rest, 1);
    assert_int_equal(rest.len, 0);
    buffer_fini(&bytes);
}

static void the_site_servers_old_file_ends_with_its_line(void **state)
{
    static const char last[] = "\r\n<MAXIMUM LOG FILE SIZE REACHED - FILE RENAMED>\r\n";
    struct log_settings settings = usual;
    unsigned count;
    (void)state;
    settings.max_size = 10000;
    settings.format = LOG_SITE;
    open_log(&settings);
    log_numbers(0, 15);
    log_close();
    struct buffer old = read_log("X.lo_");
    assert_true(old.len <= 10000 && old.len > strlen(last));
    assert_memory_equal(old.at + old.len - strlen(last), last, strlen(last));
    buffer_fini(&old);
    assert_int_equal(first_number("X.lo_", &count), 0);
    assert_int_equal(first_number("X.log", &count) + count, 15);
    assert_false(log_contains("MAXIMUM"));
}

static void a_history_keeps_that_many_older_files(void **state)
{
    static const struct {
        unsigned history;
        unsigned files;
    } rows[] = {{0, 1}, {1, 2}, {2, 3}, {4, 5}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct log_settings settings = usual;
        unsigned total = 0;
        unsigned count;
        settings.max_size = 10000;
        settings.max_history = rows[i].history;
        open_log(&settings);
        log_numbers(0, 95);
        log_close();
        assert_int_equal(list_files(false), rows[i].files);
        const unsigned newest = first_number("X.log", &count);
        assert_int_equal(newest + count, 95);
        DIR *files = opendir(directory);
        assert_non_null(files);
        for (const struct dirent *entry; (entry = readdir(files)) != NULL;) {
            if (entry->d_name[0] == '.')
                continue;
            const unsigned first = first_number(entry->d_name, &count);
            assert_true(first + rows[i].files * 10 >= newest);      /* the latest ones are kept */
            total += count;
            if (strcmp(entry->d_name, "X.log") != 0 && strcmp(entry->d_name, "X.lo_") != 0)
                assert_int_equal(strspn(entry->d_name + 2, "0123456789-"), strlen("YYYYMMDD-HHMMSS"));
        }
        (void)closedir(files);
        assert_true(total >= (rows[i].files - 1) * 10);
        (void)list_files(true);
    }
}

static void a_rename_that_fails_lets_the_file_grow(void **state)
{
    struct log_settings settings = usual;
    unsigned count;
    (void)state;
    settings.max_size = 10000;
    sys.renameat = failing_renameat;
    open_log(&settings);
    log_numbers(0, 30);
    log_close();
    assert_int_equal(first_number("X.log", &count), 0);
    assert_int_equal(count, 30);
    assert_int_equal(list_files(false), 1);
}

static void a_new_file_that_cannot_be_opened_leaves_the_old_one_in_use(void **state)
{
    struct log_settings settings = usual;
    unsigned count;
    (void)state;
    settings.max_size = 10000;
    sys.openat = failing_openat;
    opens_left = 1;
    open_log(&settings);
    log_numbers(0, 30);
    log_close();
    sys.openat = sys_kernel.openat;
    assert_int_equal(first_number("X.lo_", &count), 0);
    assert_int_equal(count, 30);
}

static void reopening_parts_the_records_before_from_those_after(void **state)
{
    char moved[320];
    (void)state;
    (void)snprintf(moved, sizeof moved, "%s", name_of("moved.log"));
    open_log(&usual);
    for (int i = 0; i < 5; i++)
        log_info("before");
    assert_int_equal(rename(path, moved), 0);
    log_reopen();
    log_reopen();
    log_info("after");
    log_close();
    assert_texts("moved.log", "before|before|before|before|before|");
    assert_texts("X.log", "after|");
}

static bool is_empty(const char *name)
{
    struct buffer bytes = read_log(name);
    const bool empty = bytes.len == 0;
    buffer_fini(&bytes);
    return empty;
}

/* Of two moves at once the later one counts. */
static void what_comes_after_a_move_is_in_the_new_file_and_form(void **state)
{
    char moved[sizeof path];
    struct log_settings settings = usual;
    (void)state;
    (void)snprintf(moved, sizeof moved, "%.*sY.log", (int)(strlen(path) - 5), path);
    open_log(&usual);
    log_info("before");
    settings.path = "/nonexistent/X.log";
    log_move(&settings);
    settings.path = moved;
    settings.format = LOG_SITE;
    log_move(&settings);
    log_info("after");
    while (is_empty("Y.log"))
        wait_a_moment();
    log_move(&usual);
    log_info("back");
    log_close();
    assert_texts("Y.log", "after|");
    assert_texts("X.log", "before|back|");
    struct buffer bytes = read_log("Y.log");
    struct span rest = buffer_span(&bytes);
    struct log_record record;
    assert_true(next_record(&rest, &record));
    assert_int_equal(record.format, LOG_SITE);
    buffer_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(at_its_limit_the_file_is_renamed_and_begun_anew),
        TEST(a_file_that_was_full_before_is_renamed_first),
        TEST(a_block_is_never_parted_by_a_rotation),
        TEST(the_site_servers_old_file_ends_with_its_line),
        TEST(a_history_keeps_that_many_older_files),
        TEST(a_rename_that_fails_lets_the_file_grow),
        TEST(a_new_file_that_cannot_be_opened_leaves_the_old_one_in_use),
        TEST(reopening_parts_the_records_before_from_those_after),
        TEST(what_comes_after_a_move_is_in_the_new_file_and_form),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
