/* A log in a directory of its own, for the tests of the log: opened, filled, read back, taken away. */
#ifndef TEST_LOG_DIRECTORY_H
#define TEST_LOG_DIRECTORY_H

#include "base/log.h"
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test_log_XXXXXX";
static char path[64];
static const struct log_settings usual = {
    .path = path, .component = "Test", .level = LOG_LEVEL_DEFAULT, .max_size = 1000000, .max_history = 1};

/* ---- the file ---- */

static inline const char *name_of(const char *name)
{
    static char full[320];
    (void)snprintf(full, sizeof full, "%s/%s", directory, name);
    return full;
}

static inline struct buffer read_log(const char *name)
{
    struct buffer bytes;
    struct error err;
    buffer_init(&bytes, 64 * 1024 * 1024);
    if (!sys_read_file(AT_FDCWD, name_of(name), &bytes, &err))
        buffer_fini(&bytes);            /* none is as good as an empty one */
    return bytes;
}

static inline bool next_record(struct span *rest, struct log_record *record)
{
    size_t used;
    if (log_parse(*rest, true, record, &used) != LOG_PARSED)
        return false;
    *rest = (struct span){rest->at + used, rest->len - used};
    return true;
}

/* The texts of all records, each behind a bar. */
static inline void assert_texts(const char *name, const char *expected)
{
    struct buffer bytes = read_log(name);
    struct span rest = buffer_span(&bytes);
    struct log_record record;
    char texts[4096] = "";
    size_t len = 0;
    while (next_record(&rest, &record) && len < sizeof texts)
        len += (size_t)snprintf(texts + len, sizeof texts - len, "%.*s|", (int)record.text.len, record.text.at);
    buffer_fini(&bytes);
    assert_string_equal(texts, expected);
}

static inline bool log_contains(const char *text)
{
    struct buffer bytes = read_log("X.log");
    const bool found = bytes.len > 0 && memmem(bytes.at, bytes.len, text, strlen(text)) != NULL;
    buffer_fini(&bytes);
    return found;
}

static inline void wait_a_moment(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static inline void open_log(const struct log_settings *settings)
{
    struct error err = {0};
    if (!log_open(settings, &err))
        fail_msg("%s", err.text);
}

static inline int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/X.log", directory);
    return 0;
}

static inline int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

/* Counts the files, and takes them away if asked to. */
static inline unsigned list_files(bool remove)
{
    unsigned count = 0;
    DIR *files = opendir(directory);
    assert_non_null(files);
    for (const struct dirent *entry; (entry = readdir(files)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        if (remove)
            assert_int_equal(unlinkat(dirfd(files), entry->d_name, 0), 0);
    }
    (void)closedir(files);
    return count;
}

static inline int clean_up(void **state)
{
    (void)state;
    log_close();
    sys = sys_kernel;
    (void)list_files(true);
    return 0;
}

static inline void log_numbers(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        log_info("%u %0800u", i, 0u);
}

static inline unsigned first_number(const char *name, unsigned *count)
{
    struct buffer bytes = read_log(name);
    struct span rest = buffer_span(&bytes);
    struct log_record record;
    unsigned first = 0;
    for (*count = 0; next_record(&rest, &record); (*count)++)
        if (*count == 0)
            first = (unsigned)strtoul(record.text.at, NULL, 10);
    buffer_fini(&bytes);
    return first;
}

static inline void fill_block(struct log_block *block, unsigned number)
{
    char body[3000];
    memset(body, 'b', sizeof body);
    log_block_begin(block);
    for (unsigned i = 0; i < 20; i++)
        log_block_info(block, "%u.%u %0200d", number, i, 0);
    log_block_add_body(block, "a.c", 1, "Body:", (struct span){body, sizeof body});
    log_block_info(block, "%u.last", number);
}

/* The order of all records of a block, one behind the other. */
static inline void assert_block(struct span *rest, unsigned number)
{
    struct log_record record;
    char expected[32];
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(expected, sizeof expected, "%u.%u ", number, i);
        assert_true(next_record(rest, &record));
        assert_memory_equal(record.text.at, expected, strlen(expected));
    }
    assert_true(next_record(rest, &record));
    assert_memory_equal(record.text.at, "Body:b", 6);
    (void)snprintf(expected, sizeof expected, "%u.last", number);
    assert_true(next_record(rest, &record));
    assert_true(span_equal(record.text, span_of(expected)));
}

#define TEST(name) cmocka_unit_test_teardown(name, clean_up)

#endif
