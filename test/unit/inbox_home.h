/* An inbox in a directory of the test's own, files put into it, and what lies where. */
#ifndef TEST_INBOX_HOME_H
#define TEST_INBOX_HOME_H

#include "home.h"
#include "spool/inbox.h"

#include "base/sys.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { PATH_SIZE = 600, BELOW_SIZE = 300, LISTING_SIZE = 8192 };

static char home[HOME_SIZE];
static char paths[6][PATH_SIZE];

static inline const struct inbox_settings *settings_of_home(void)
{
    static const char *const below[] = {"in/high", "in", "in/low", "process", "corrupt", "retry"};
    static struct inbox_settings settings;
    for (size_t i = 0; i < 6; i++)
        (void)snprintf(paths[i], PATH_SIZE, "%s/%s", home, below[i]);
    settings = (struct inbox_settings){
        .queues = {paths[0], paths[1], paths[2]},
        .queue_count = 3,
        .process = paths[3],
        .corrupt = paths[4],
        .retry = paths[5],
        .corrupt_most = 1000,
    };
    return &settings;
}

/* Not to the disk: no test here cuts the power, and the directories above a new one are synced too. */
static inline int sync_nothing(int fd)
{
    return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

static inline int make_home(void **state)
{
    (void)state;
    sys.fsync = sync_nothing;
    sys.syncfs = sync_nothing;
    home_make(home);
    (void)settings_of_home();
    return 0;
}

static inline int remove_home(void **state)
{
    (void)state;
    home_remove(home);
    sys = sys_kernel;
    return 0;
}

/* As another program does. */
static inline void put(const char *below, const char *content)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(content, file);
    assert_int_equal(fclose(file), 0);
}

static inline bool is_there(const char *below)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    return access(path, F_OK) == 0;
}

static inline const char *content_of(const char *below)
{
    static char content[2048];
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    (void)fclose(file);
    return content;
}

static inline struct inbox *open_inbox(void)
{
    struct inbox *inbox;
    struct error err;
    uint64_t count;
    assert_true(inbox_open(settings_of_home(), &inbox, &err));
    assert_true(inbox_recover(inbox, &count, &err));
    return inbox;
}

/* "A B C" */
static inline const char *names_of(struct inbox *inbox, unsigned queue, size_t most)
{
    static char names[LISTING_SIZE];
    struct inbox_entry *entries;
    struct error err;
    size_t count;
    size_t len = 0;
    assert_true(inbox_list(inbox, queue, most, &entries, &count, &err));
    names[0] = '\0';
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i == 0 ? "" : " ", entries[i].name);
    sys.release(entries);
    return names;
}

/* The file must be there. */
static inline struct inbox_file claim(struct inbox *inbox, unsigned queue, const char *name)
{
    const struct inbox_entry entry = {.name = name, .queue = queue};
    struct inbox_file file;
    struct error err;
    assert_true(inbox_claim(inbox, &entry, NULL, &file, &err));
    return file;
}

static inline struct inbox_file claim_first(struct inbox *inbox, unsigned queue)
{
    struct inbox_entry *entries;
    struct inbox_file file;
    struct error err;
    size_t count;
    assert_true(inbox_list(inbox, queue, 1, &entries, &count, &err));
    assert_int_equal(count, 1);
    assert_true(inbox_claim(inbox, &entries[0], NULL, &file, &err));
    sys.release(entries);
    return file;
}

#endif
