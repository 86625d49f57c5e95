/* Several readers on one inbox: each file is one's alone, and what a reader that is gone had comes back. */
#include "inbox_home.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void a_reader_gives_back_what_one_that_is_gone_had(void **state)
{
    (void)state;
    struct inbox *inbox = open_inbox();
    put("in/high/A.smx", "");
    put("in/A.retry-3.smx", "");
    put("in/low/A.smx", "");
    for (unsigned queue = 0; queue < 3; queue++)
        (void)claim_first(inbox, queue);
    put("process/loose.smx", "");
    put("process/loose.txt", "");
    inbox_close(inbox);
    inbox = open_inbox();
    assert_string_equal(names_of(inbox, 0, 10), "A.smx loose.smx");
    assert_string_equal(names_of(inbox, 1, 10), "A.retry-3.smx");
    assert_string_equal(names_of(inbox, 2, 10), "A.smx");
    assert_true(is_there("process/loose.txt"));
    inbox_close(inbox);
}

static void a_reader_leaves_alone_what_others_have_in_hand(void **state)
{
    struct error err;
    uint64_t count;
    (void)state;
    struct inbox *first = open_inbox();
    put("in/A.smx", "");
    put("in/B.smx", "");
    (void)claim_first(first, 1);
    struct inbox *second = open_inbox();
    const struct inbox_file file = claim_first(second, 1);
    assert_true(is_there("process/1/1/A.smx"));
    assert_true(is_there("process/2/1/B.smx"));
    assert_true(inbox_recover(second, &count, &err));
    assert_int_equal(count, 0);
    inbox_close(first);
    assert_true(inbox_recover(second, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(names_of(second, 1, 10), "A.smx");
    assert_true(inbox_remove(second, &file, &err));
    inbox_close(second);
}

static void there_are_64_readers_and_no_more(void **state)
{
    struct inbox *inboxes[INBOX_MOST_READERS];
    struct inbox *more;
    struct error err;
    (void)state;
    for (size_t i = 0; i < INBOX_MOST_READERS; i++)
        assert_true(inbox_open(settings_of_home(), &inboxes[i], &err));
    assert_false(inbox_open(settings_of_home(), &more, &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    for (size_t i = 0; i < INBOX_MOST_READERS; i++)
        inbox_close(inboxes[i]);
}

/* A descriptor of this kind cannot be locked. */
static int open_path_only(int directory, const char *path, int flags, mode_t mode)
{
    return sys_kernel.openat(directory, path, strstr(path, "lock") == NULL ? flags : O_PATH | O_CREAT, mode);
}

static void without_locks_there_is_no_reader(void **state)
{
    struct inbox *inbox;
    struct error err;
    (void)state;
    inbox_close(open_inbox());
    sys.openat = open_path_only;
    assert_false(inbox_open(settings_of_home(), &inbox, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    assert_non_null(strstr(err.text, "cannot lock '1/lock'"));
}

/* process/ is asked for first; then the first queue, which is elsewhere. */
static int tell_other_device(int fd, struct stat *out)
{
    static unsigned asked;
    const int result = sys_kernel.fstat(fd, out);
    out->st_dev += asked++ == 1;
    return result;
}

static void all_directories_are_on_one_file_system(void **state)
{
    struct inbox *inbox;
    struct error err;
    (void)state;
    sys.fstat = tell_other_device;
    assert_false(inbox_open(settings_of_home(), &inbox, &err));
    assert_non_null(strstr(err.text, "is not on the file system of"));
    assert_non_null(strstr(err.text, paths[0]));
}

enum { FILES = 1000, READERS = 4 };

struct contest {
    pthread_t thread;
    struct inbox *inbox;
    bool backwards;
    unsigned claimed;
};

/* Each as long as there is something; the files are the same for all. */
static void *claim_all(void *argument)
{
    struct contest *contest = argument;
    struct inbox_entry *entries;
    struct inbox_file file;
    struct error err;
    size_t count;
    do {
        if (!inbox_list(contest->inbox, 1, 50, &entries, &count, &err))
            abort();
        for (size_t i = 0; i < count; i++) {
            const struct inbox_entry *entry = &entries[contest->backwards ? count - 1 - i : i];
            if (inbox_claim(contest->inbox, entry, "SAME.smx", &file, &err))
                contest->claimed++;
            else if (err.kind != ERROR_NOT_FOUND)
                abort();
        }
        sys.release(entries);
    } while (count > 0);
    return NULL;
}

static void put_many(unsigned count)
{
    char text[64];
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(text, sizeof text, "in/%u.smx", i);
        put(text, text);
    }
}

/* Every file of put_many is in its queue once, whatever it is called now. */
static void assert_each_once(unsigned count)
{
    static bool seen[FILES];
    struct inbox_entry *entries;
    struct error err;
    size_t found;
    char below[BELOW_SIZE];
    struct inbox *inbox = open_inbox();
    memset(seen, 0, sizeof seen);
    assert_true(inbox_list(inbox, 1, SIZE_MAX, &entries, &found, &err));
    assert_int_equal(found, count);
    for (size_t i = 0; i < found; i++) {
        (void)snprintf(below, sizeof below, "in/%s", entries[i].name);
        const unsigned long number = strtoul(content_of(below) + strlen("in/"), NULL, 10);
        assert_true(number < count && !seen[number]);
        seen[number] = true;
    }
    sys.release(entries);
    inbox_close(inbox);
}

/* Readers in threads, in pairs on one inbox and on two. */
static void of_many_threads_each_file_has_one(void **state)
{
    struct contest contests[READERS] = {0};
    unsigned claimed = 0;
    (void)state;
    struct inbox *inboxes[2] = {open_inbox(), open_inbox()};
    put_many(FILES);
    for (size_t i = 0; i < READERS; i++) {
        contests[i].inbox = inboxes[i % 2];
        assert_int_equal(pthread_create(&contests[i].thread, NULL, claim_all, &contests[i]), 0);
    }
    for (size_t i = 0; i < READERS; i++) {
        (void)pthread_join(contests[i].thread, NULL);
        claimed += contests[i].claimed;
    }
    assert_int_equal(claimed, FILES);
    inbox_close(inboxes[0]);
    inbox_close(inboxes[1]);
    assert_each_once(FILES);
}

/* Long enough that every other thread looks, too, before the name is used. */
static int look_slowly(int directory, const char *path, struct stat *out, int flags)
{
    const int result = sys_kernel.fstatat(directory, path, out, flags);
    const int why = errno;
    (void)usleep(1000);
    errno = why;
    return result;
}

static void of_two_threads_each_has_a_name_of_its_own(void **state)
{
    enum { FEW = 20 };
    struct contest contests[2] = {0};
    (void)state;
    struct inbox *inbox = open_inbox();
    put_many(FEW);
    sys.fstatat = look_slowly;
    for (size_t i = 0; i < 2; i++) {
        contests[i].inbox = inbox;
        contests[i].backwards = i > 0;
        assert_int_equal(pthread_create(&contests[i].thread, NULL, claim_all, &contests[i]), 0);
    }
    for (size_t i = 0; i < 2; i++)
        (void)pthread_join(contests[i].thread, NULL);
    assert_int_equal(contests[0].claimed + contests[1].claimed, FEW);
    inbox_close(inbox);
    assert_each_once(FEW);
}

static void of_many_processes_each_file_has_one(void **state)
{
    pid_t children[READERS];
    (void)state;
    inbox_close(open_inbox());
    put_many(FILES);
    for (size_t i = 0; i < READERS; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        struct contest contest = {.inbox = open_inbox()};
        (void)claim_all(&contest);
        _exit(0);                       /* with all of them in hand */
    }
    for (size_t i = 0; i < READERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_each_once(FILES);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)
    const struct CMUnitTest tests[] = {
        TEST(a_reader_gives_back_what_one_that_is_gone_had),
        TEST(a_reader_leaves_alone_what_others_have_in_hand),
        TEST(there_are_64_readers_and_no_more),
        TEST(without_locks_there_is_no_reader),
        TEST(all_directories_are_on_one_file_system),
        TEST(of_many_threads_each_file_has_one),
        TEST(of_two_threads_each_has_a_name_of_its_own),
        TEST(of_many_processes_each_file_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
