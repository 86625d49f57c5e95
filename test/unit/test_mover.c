/* Files from an outbox to inboxes: each in one place at least and never half, whatever fails, wherever a mover is killed,
 * and with another mover beside it. */
#include "spool/mover.h"

#include "inbox_home.h"
#include "inbox_steps.h"
#include "spool/deliver.h"

#include <pthread.h>
#include <sys/wait.h>

#define SECOND ((int64_t)1000000)

enum { STEPS_MOST = 400, FILES = 5, TURNS = 3 };

static char outbox[PATH_SIZE], inboxes[MOVER_MOST_QUEUES][PATH_SIZE];
static struct error err;
static struct mover *mover;

/* What the callbacks saw. */
static struct {
    char names[4096];           /* "from>to " of each that was moved */
    char groups[256];           /* "to:count " */
    unsigned failed;
    char why[240];
    int64_t age;
    void (*then)(void);         /* done when the first is moved */
    bool stops;
} seen;

static void note_moving(void *owner, unsigned to, size_t count)
{
    (void)owner;
    const size_t len = strlen(seen.groups);
    (void)snprintf(seen.groups + len, sizeof seen.groups - len, "%u:%zu ", to, count);
}

static void note_moved(void *owner, unsigned to, const char *name, const char *as)
{
    (void)owner, (void)to;
    const size_t len = strlen(seen.names);
    (void)snprintf(seen.names + len, sizeof seen.names - len, "%s>%s ", name, as);
    if (seen.then != NULL)
        seen.then();
    seen.then = NULL;
}

static void note_failed(void *owner, const char *name, const struct error *why)
{
    (void)owner, (void)name;
    seen.failed++;
    (void)snprintf(seen.why, sizeof seen.why, "%s", why->text);
}

static bool note_question(void *owner)
{
    (void)owner;
    return !seen.stops;
}

/* By the first letter: a digit is the inbox, '-' stays. */
static unsigned judge(void *owner, struct span content, int64_t age)
{
    (void)owner;
    seen.age = age;
    if (content.len > 0 && content.at[0] == '-')
        return MOVER_STAYS;
    return content.len > 0 && content.at[0] >= '1' && content.at[0] <= '2' ? (unsigned)(content.at[0] - '0') : 0;
}

static struct mover *open_mover(void)
{
    struct mover *opened = NULL;
    const struct mover_settings settings = {
        .from = outbox,
        .to = {inboxes[0], inboxes[1], inboxes[2]},
        .most_bytes = 100000,
        .events = {judge, note_moving, note_moved, note_failed, note_question, NULL},
    };
    if (!mover_open(&settings, &opened, &err))
        fail_msg("%s", err.text);
    return opened;
}

static void make_places(void)
{
    static const char *const below[] = {"in", "in/high", "in/low"};
    (void)snprintf(outbox, sizeof outbox, "%s/out", home);
    assert_int_equal(mkdir(outbox, 0750), 0);
    for (size_t i = 0; i < MOVER_MOST_QUEUES; i++) {
        (void)snprintf(inboxes[i], PATH_SIZE, "%s/%s", home, below[i]);
        assert_int_equal(mkdir(inboxes[i], 0750), 0);
    }
}

static int begin(void **state)
{
    (void)make_home(state);
    make_places();
    memset(&seen, 0, sizeof seen);
    mover = open_mover();
    return 0;
}

static int end(void **state)
{
    mover_close(mover);
    return remove_home(state);
}

/* What no reader looks at is not counted. */
static unsigned count_files(const char *directory)
{
    unsigned count = 0;
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;)
        count += entry->d_type == DT_REG && entry->d_name[0] != '.';
    (void)closedir(entries);
    return count;
}

static void turn(void)
{
    bool more;
    if (!mover_turn(mover, &more, &err))
        fail_msg("%s", err.text);
    assert_false(more);
}

/* ---- what is moved ---- */

static void files_keep_their_names_and_go_where_they_are_judged_to_belong(void **state)
{
    (void)state;
    put("out/c.smx", "0 c");
    put("out/a.SMW", "1 a");
    put("out/b.smx", "0 b");
    put("out/d e.smx", "2 d");
    put("out/f.retry-0.smx", "0 f");
    put("out/.part.smx", "0");
    put("out/other.txt", "0");
    turn();
    assert_string_equal(seen.groups, "0:3 1:1 2:1 ");
    assert_string_equal(seen.names, "b.smx>b.smx c.smx>c.smx f.retry-0.smx>f.retry-0.smx a.SMW>a.SMW "
                                    "d e.smx>d e.smx ");
    assert_string_equal(content_of("in/b.smx"), "0 b");
    assert_string_equal(content_of("in/c.smx"), "0 c");
    assert_string_equal(content_of("in/high/a.SMW"), "1 a");
    assert_string_equal(content_of("in/low/d e.smx"), "2 d");
    assert_int_equal(count_files(outbox), 1);
    assert_true(is_there("out/other.txt") && is_there("out/.part.smx"));
}

static void one_that_is_judged_to_stay_stays_until_the_next_turn(void **state)
{
    (void)state;
    put("out/a.smx", "- half");
    put("out/b.smx", "0 b");
    turn();
    assert_true(is_there("out/a.smx") && is_there("in/b.smx"));
    put("out/a.smx", "0 whole");
    turn();
    assert_string_equal(content_of("in/a.smx"), "0 whole");
    assert_int_equal(seen.failed, 0);
}

static void the_age_is_by_the_clock_of_the_outbox(void **state)
{
    char path[PATH_SIZE + 16];
    (void)state;
    put("out/a.smx", "- half");
    (void)snprintf(path, sizeof path, "%s/a.smx", outbox);
    const struct timespec past[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
    turn();
    assert_true(seen.age > 3600 * SECOND);
    put("out/a.smx", "- half");
    turn();
    assert_true(seen.age < 3600 * SECOND);
}

static void a_name_that_is_taken_gets_a_number_unless_it_is_the_same_file(void **state)
{
    (void)state;
    put("in/a.smx", "0 another");
    put("out/a.smx", "0 a");
    put("in/b.smx", "0 b");
    put("out/b.smx", "0 b");
    put("in/c.smx", "");
    put("out/c.smx", "");
    turn();
    assert_string_equal(seen.names, "a.smx>a.1.smx b.smx>b.smx c.smx>c.smx ");
    assert_string_equal(content_of("in/a.smx"), "0 another");
    assert_string_equal(content_of("in/a.1.smx"), "0 a");
    assert_int_equal(count_files(inboxes[0]), 4);
    assert_int_equal(count_files(outbox), 0);
}

static int open_without_waiting(int directory, const char *path, int flags, mode_t mode)
{
    if (strcmp(path, "a.smx") == 0)
        assert_true((flags & O_NONBLOCK) != 0);     /* else who opens a pipe waits for its other end */
    return sys_kernel.openat(directory, path, flags, mode);
}

static void what_is_no_file_but_has_its_name_there_holds_nobody_up(void **state)
{
    char path[PATH_SIZE + 16];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/a.smx", inboxes[0]);
    assert_int_equal(mkfifo(path, 0600), 0);
    put("out/a.smx", "0 a");
    sys.openat = open_without_waiting;
    turn();
    assert_string_equal(content_of("in/a.1.smx"), "0 a");
}

static void one_that_is_too_large_is_told_and_holds_nobody_up(void **state)
{
    static char large[100002];
    (void)state;
    memset(large, '0', sizeof large - 1);
    put("out/a.smx", large);
    large[100000] = '\0';
    put("out/b.smx", large);
    put("out/c.smx", "0");
    turn();
    assert_int_equal(seen.failed, 1);
    assert_non_null(strstr(seen.why, "100001 bytes, at most 100000"));
    assert_true(is_there("out/a.smx") && is_there("in/b.smx") && is_there("in/c.smx"));
}

static void many_go_together_up_to_a_bound(void **state)
{
    char name[32];
    (void)state;
    for (int i = 0; i < 150; i++) {
        (void)snprintf(name, sizeof name, "out/%03d.smx", i);
        put(name, "0");
    }
    turn();
    assert_string_equal(seen.groups, "0:64 0:64 0:22 ");
    assert_int_equal(count_files(inboxes[0]), 150);
}

/* It is gone by the time it is asked about: another mover has it. */
static int lose_the_first(int directory, const char *name, struct stat *out, int flags)
{
    errno = ENOENT;
    return strcmp(name, "00000.smx") == 0 ? -1 : sys_kernel.fstatat(directory, name, out, flags);
}

static void an_outbox_of_very_many_takes_several_turns_also_where_another_mover_takes_one(void **state)
{
    enum { MANY = 10002 };
    char name[32];
    bool more = false;
    (void)state;
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "out/%05d.smx", i);
        put(name, i < 10000 ? "-" : "0");       /* those at the beginning stay: the others are reached all the same */
    }
    sys.fstatat = lose_the_first;
    assert_true(mover_turn(mover, &more, &err));
    assert_true(more);
    sys.fstatat = sys_kernel.fstatat;
    assert_int_equal(count_files(inboxes[0]), 0);
    turn();
    assert_int_equal(count_files(inboxes[0]), 2);
    put("out/00000.smx", "0");
    assert_true(mover_turn(mover, &more, &err));
    assert_true(is_there("in/00000.smx"));
}

static int find_none(int directory, const char *name, struct stat *out, int flags)
{
    static unsigned asked;
    assert_true(++asked < 1000);
    if (directory == AT_FDCWD)
        return sys_kernel.fstatat(directory, name, out, flags);
    errno = ENOENT;
    return -1;
}

static void names_behind_which_there_never_is_a_file_end_a_turn(void **state)
{
    (void)state;
    put("out/a.smx", "0");
    sys.fstatat = find_none;
    turn();
}

static void who_is_told_to_stop_begins_no_other_file(void **state)
{
    (void)state;
    put("out/a.smx", "0");
    seen.stops = true;
    turn();
    assert_true(is_there("out/a.smx"));
}

/* ---- files that change ---- */

static void grow(void)
{
    char path[PATH_SIZE + 16];
    (void)snprintf(path, sizeof path, "%s/a.smx", outbox);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    (void)fputs(" and more", file);
    assert_int_equal(fclose(file), 0);
}

static ssize_t read_while_it_grows(int fd, void *bytes, size_t len)
{
    const ssize_t got = sys_kernel.read(fd, bytes, len);
    if (got == 0)
        grow();
    return got;
}

static void one_that_changes_while_it_is_read_stays(void **state)
{
    (void)state;
    put("out/a.smx", "0");
    sys.read = read_while_it_grows;
    turn();
    assert_true(is_there("out/a.smx") && !is_there("in/a.smx"));
    sys.read = sys_kernel.read;
    turn();
    assert_string_equal(content_of("in/a.smx"), "0 and more");
}

static void replace(void)
{
    put("out/new", "0 another");
    char from[PATH_SIZE + 16], to[PATH_SIZE + 16];
    (void)snprintf(from, sizeof from, "%s/new", outbox);
    (void)snprintf(to, sizeof to, "%s/a.smx", outbox);
    assert_int_equal(rename(from, to), 0);
}

static void one_that_is_replaced_before_it_is_removed_stays_and_comes_too(void **state)
{
    (void)state;
    put("out/a.smx", "0 first");
    seen.then = replace;
    turn();
    assert_string_equal(content_of("out/a.smx"), "0 another");
    turn();
    assert_string_equal(content_of("in/a.smx"), "0 first");
    assert_string_equal(content_of("in/a.1.smx"), "0 another");
    assert_int_equal(count_files(outbox), 0);
}

static void take_it_from_the_outbox(void)
{
    char path[PATH_SIZE + 16];
    (void)snprintf(path, sizeof path, "%s/a.smx", outbox);
    assert_int_equal(unlink(path), 0);
}

static void one_that_another_mover_removed_first_is_no_failure(void **state)
{
    (void)state;
    put("out/a.smx", "0");
    seen.then = take_it_from_the_outbox;
    turn();
    assert_true(is_there("in/a.smx"));
}

static void what_is_no_file_is_left_alone(void **state)
{
    char path[PATH_SIZE + 16];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/pipe.smx", outbox);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)snprintf(path, sizeof path, "%s/link.smx", outbox);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    (void)snprintf(path, sizeof path, "%s/directory.smx", outbox);
    assert_int_equal(mkdir(path, 0700), 0);
    turn();
    assert_string_equal(seen.names, "");
    assert_int_equal(count_files(inboxes[0]), 0);
}

/* ---- the order of steps ---- */

static char trace[64];

static void note(char step)
{
    const size_t len = strlen(trace);
    assert_true(len + 1 < sizeof trace);
    trace[len] = step;
}

static int trace_fsync(int fd)
{
    struct stat status = {0}, from = {0};
    assert_true(fstat(fd, &status) == 0 && stat(outbox, &from) == 0);
    note(!S_ISDIR(status.st_mode) ? 'F' : status.st_ino == from.st_ino ? 'd' : 'D');
    return 0;
}

static int trace_linkat(int from, const char *name, int to, const char *as, int flags)
{
    note('L');
    return sys_kernel.linkat(from, name, to, as, flags);
}

static int trace_unlinkat(int directory, const char *name, int flags)
{
    if (name[0] != '.')
        note('U');
    return sys_kernel.unlinkat(directory, name, flags);
}

static int trace_renameat2(int from, const char *name, int to, const char *as, unsigned flags)
{
    note('X');
    return sys_kernel.renameat2(from, name, to, as, flags);
}

static int cannot_exchange(int from, const char *name, int to, const char *as, unsigned flags)
{
    (void)from, (void)name, (void)to, (void)as, (void)flags;
    errno = EINVAL;
    return -1;
}

static void a_file_is_durable_there_before_it_goes_here(void **state)
{
    (void)state;
    memset(trace, 0, sizeof trace);
    put("out/a.smx", "0");
    put("out/b.smx", "0");
    sys.fsync = trace_fsync;
    sys.linkat = trace_linkat;
    sys.unlinkat = trace_unlinkat;
    sys.renameat2 = trace_renameat2;
    turn();
    assert_string_equal(trace, "FFLLDUUd");
    memset(trace, 0, sizeof trace);
    put("out/a.smx", "0");
    turn();
    assert_string_equal(trace, "FLXDUd");       /* the name that was there is given anew */
    memset(trace, 0, sizeof trace);
    put("out/a.smx", "0");
    sys.renameat2 = cannot_exchange;
    turn();
    assert_string_equal(trace, "FLFDUd");       /* or the file that was there is synced as well */
    assert_int_equal(count_files(inboxes[0]), 2);
}

static int put_another_there_first(int from, const char *name, int to, const char *as, unsigned flags)
{
    sys.renameat2 = sys_kernel.renameat2;
    put("in/new", "0 another");
    assert_int_equal(renameat(to, "new", to, as), 0);
    return sys_kernel.renameat2(from, name, to, as, flags);
}

static void what_takes_the_place_of_the_same_file_keeps_its_name(void **state)
{
    (void)state;
    put("in/a.smx", "0 a");
    put("out/a.smx", "0 a");
    sys.renameat2 = put_another_there_first;
    turn();
    assert_string_equal(content_of("in/a.smx"), "0 another");
    assert_string_equal(content_of("in/a.1.smx"), "0 a");
    assert_int_equal(count_files(inboxes[0]), 2);
}

/* ---- failures ---- */

static int refuse_to_unlink(int directory, const char *name, int flags)
{
    errno = EPERM;
    return name[0] == '.' ? sys_kernel.unlinkat(directory, name, flags) : -1;
}

/* Another mover has found the file, synced the directory, and removed the source, just before our sync fails. */
static int fail_to_sync_the_inbox(int fd)
{
    struct stat status = {0}, inbox = {0};
    assert_true(fstat(fd, &status) == 0 && stat(inboxes[0], &inbox) == 0);
    if (status.st_ino != inbox.st_ino)
        return 0;
    take_it_from_the_outbox();
    errno = EIO;
    return -1;
}

static void what_another_mover_may_count_on_is_not_taken_back(void **state)
{
    bool more;
    (void)state;
    put("out/a.smx", "0 a");
    sys.fsync = fail_to_sync_the_inbox;
    assert_false(mover_turn(mover, &more, &err));
    assert_int_equal(err.os, EIO);
    assert_string_equal(content_of("in/a.smx"), "0 a");
}

static int refuse_to_unlink_any(int directory, const char *name, int flags)
{
    (void)directory, (void)name, (void)flags;
    errno = EROFS;
    return -1;
}

static void what_cannot_be_removed_is_not_delivered_again(void **state)
{
    bool more;
    (void)state;
    put("out/a.smx", "0 a");
    sys.unlinkat = refuse_to_unlink;
    for (int i = 0; i < TURNS; i++) {
        assert_false(mover_turn(mover, &more, &err));
        assert_non_null(strstr(err.text, "cannot remove 'a.smx'"));
        char path[PATH_SIZE + 16];
        (void)snprintf(path, sizeof path, "%s/a.smx", inboxes[0]);
        assert_int_equal(unlink(path) == 0, i == 0);    /* the state system takes it */
    }
    sys.unlinkat = sys_kernel.unlinkat;
    put("out/b.smx", "0 b");
    turn();
    assert_int_equal(count_files(outbox), 0);
    assert_true(is_there("in/b.smx") && !is_there("in/a.smx"));
}

static void from_an_outbox_that_can_only_be_read_nothing_is_delivered(void **state)
{
    bool more;
    (void)state;
    put("out/a.smx", "0 a");
    sys.unlinkat = refuse_to_unlink_any;
    assert_false(mover_turn(mover, &more, &err));
    assert_int_equal(err.os, EROFS);
    assert_int_equal(count_files(inboxes[0]), 0);
}

static int refuse_some_names(int from, const char *name, int to, const char *as, int flags)
{
    errno = EINVAL;
    return strchr(as, '?') != NULL ? -1 : sys_kernel.linkat(from, name, to, as, flags);
}

static void a_name_that_the_inbox_does_not_take_holds_nobody_up(void **state)
{
    (void)state;
    put("out/a?.smx", "0 a");
    put("out/b.smx", "0 b");
    put("out/c?.smx", "0 c");
    sys.linkat = refuse_some_names;
    turn();
    assert_int_equal(seen.failed, 2);
    assert_true(is_there("in/b.smx") && is_there("out/a?.smx") && is_there("out/c?.smx"));
}

static unsigned writes;

static ssize_t count_write(int fd, const struct iovec *parts, int count)
{
    writes++;
    return sys_kernel.writev(fd, parts, count);
}

static void names_that_the_inbox_does_not_take_cost_little(void **state)
{
    char name[32];
    (void)state;
    for (int i = 0; i < DELIVER_MOST; i++) {
        (void)snprintf(name, sizeof name, "out/%02d%s.smx", i, i % 8 == 7 ? "" : "?");
        put(name, "0");
    }
    writes = 0;
    sys.linkat = refuse_some_names;
    sys.writev = count_write;
    turn();
    assert_int_equal(seen.failed, DELIVER_MOST - DELIVER_MOST / 8);
    assert_int_equal(count_files(inboxes[0]), DELIVER_MOST / 8);
    assert_true(writes < 4 * DELIVER_MOST);
}

static int refuse_to_write(int directory, const char *path, int flags, mode_t mode)
{
    errno = EROFS;
    return (flags & O_CREAT) != 0 ? -1 : sys_kernel.openat(directory, path, flags, mode);
}

static void an_empty_outbox_is_not_written_to(void **state)
{
    bool more;
    (void)state;
    sys.openat = refuse_to_write;
    turn();
    put("out/a.smx", "0");
    assert_false(mover_turn(mover, &more, &err));
}

/* As where the disk of the inbox is unmounted, or mounted over, in use. */
static void put_another_inbox_in_its_place(void)
{
    char away[PATH_SIZE + 16];
    (void)snprintf(away, sizeof away, "%s/away", home);
    assert_int_equal(rename(inboxes[0], away), 0);
    for (size_t i = 0; i < MOVER_MOST_QUEUES; i++)
        assert_int_equal(mkdir(inboxes[i], 0750), 0);
}

static void what_takes_the_place_of_the_inbox_within_a_turn_gets_nothing(void **state)
{
    bool more;
    (void)state;
    put("out/a.smx", "0 a");
    put("out/b.smx", "1 b");
    seen.then = put_another_inbox_in_its_place;
    assert_false(mover_turn(mover, &more, &err));
    assert_non_null(strstr(err.text, "is not the directory any more"));
    assert_true(is_there("away/a.smx") && is_there("out/b.smx"));
    assert_int_equal(count_files(inboxes[1]), 0);
}

static void an_inbox_that_has_not_all_its_directories_gets_nothing(void **state)
{
    bool more;
    (void)state;
    put("out/a.smx", "0 a");
    assert_int_equal(rmdir(inboxes[2]), 0);
    assert_false(mover_turn(mover, &more, &err));
    assert_non_null(strstr(err.text, inboxes[2]));
    assert_true(is_there("out/a.smx"));
}

static void directories_that_are_not_there_are_told(void **state)
{
    bool more;
    (void)state;
    put("out/a.smx", "0 a");
    assert_int_equal(rmdir(inboxes[1]) + rmdir(inboxes[2]) + rmdir(inboxes[0]), 0);
    assert_false(mover_turn(mover, &more, &err));
    assert_non_null(strstr(err.text, inboxes[0]));
    assert_int_equal(unlinkat(AT_FDCWD, outbox, AT_REMOVEDIR), -1);
    take_it_from_the_outbox();
    assert_int_equal(rmdir(outbox), 0);
    assert_false(mover_turn(mover, &more, &err));
    assert_int_equal(err.os, ENOENT);
}

static const char *const contents[FILES] = {"0 a", "0 b", "1 c", "2 d", "0 e"};
static const char *const here[FILES] = {"out/a.smx", "out/b.smx", "out/c.smx", "out/d.smx", "out/e.smx"};
static const char *const there[FILES] = {"in/a.smx", "in/b.smx", "in/high/c.smx", "in/low/d.smx", "in/e.smx"};

static void lay_out(void)
{
    home_empty(home);
    make_places();
    for (size_t i = 0; i < FILES; i++)
        put(here[i], contents[i]);
}

/* Each is in one place at least, whole wherever it is, and nothing else is there. */
static void assert_none_is_lost(void)
{
    unsigned found = 0;
    for (size_t i = 0; i < FILES; i++) {
        assert_true(is_there(here[i]) || is_there(there[i]));
        if (is_there(there[i]))
            assert_string_equal(content_of(there[i]), contents[i]);
        found += is_there(there[i]);
    }
    assert_int_equal(count_files(inboxes[0]) + count_files(inboxes[1]) + count_files(inboxes[2]), found);
}

/* The next mover, after a crash; what the one before left of its own can be swept. */
static void assert_all_arrive(void)
{
    struct mover *next = open_mover();
    bool more;
    assert_true(mover_turn(next, &more, &err));
    mover_close(next);
    assert_none_is_lost();
    assert_int_equal(count_files(outbox), 0);
    for (size_t i = 0; i < FILES; i++)
        assert_true(is_there(there[i]));
    for (size_t i = 0; i < MOVER_MOST_QUEUES; i++)
        assert_true(deliver_sweep(inboxes[i], sys_now() + 7200 * SECOND, &err));
    assert_true(deliver_sweep(outbox, sys_now() + 7200 * SECOND, &err));
    assert_int_equal(rmdir(outbox), 0);
}

static void fail_each_step(int error)
{
    bool hit = true;
    for (unsigned at = 1; hit; at++) {
        bool more;
        assert_true(at < STEPS_MOST);
        lay_out();
        memset(&seen, 0, sizeof seen);
        struct mover *one = open_mover();
        const unsigned descriptors = count_descriptors();
        steps_begin(at, error);
        const bool done = mover_turn(one, &more, &err);
        hit = steps.hit;
        steps_end();
        assert_int_equal(count_descriptors(), descriptors);
        assert_none_is_lost();
        assert_true(done || hit);
        mover_close(one);
        assert_all_arrive();
    }
}

static void whatever_fails_no_file_is_lost_or_half_and_the_next_turn_brings_all(void **state)
{
    (void)state;
    fail_each_step(EIO);
    fail_each_step(ENOSPC);
    fail_each_step(ENOENT);
}

static bool die_at(unsigned at)
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        bool more;
        struct mover *one = open_mover();
        steps_begin(at, STEPS_DEATH);
        _exit(mover_turn(one, &more, &err) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == STEPS_EXIT));
    return WEXITSTATUS(status) == STEPS_EXIT;
}

static void killed_at_any_step_none_is_lost_or_half_or_doubled(void **state)
{
    bool died = true;
    (void)state;
    for (unsigned at = 1; died; at++) {
        assert_true(at < STEPS_MOST);
        lay_out();
        died = die_at(at);
        assert_none_is_lost();
        assert_all_arrive();
    }
}

/* ---- two at once ---- */

enum { SHARED = 300 };

static void note_nothing(void *owner, unsigned to, size_t count)
{
    (void)owner, (void)to, (void)count;
}

static void note_no_move(void *owner, unsigned to, const char *name, const char *as)
{
    (void)owner, (void)to, (void)name, (void)as;
}

static void note_no_failure(void *owner, const char *name, const struct error *why)
{
    (void)owner, (void)name, (void)why;
}

static unsigned judge_all(void *owner, struct span content, int64_t age)
{
    (void)owner, (void)content, (void)age;
    return 0;
}

static bool never_stops(void *owner)
{
    (void)owner;
    return true;
}

static void *move_all(void *owner)
{
    const struct mover_settings settings = {
        .from = outbox,
        .to = {inboxes[0], inboxes[1], inboxes[2]},
        .most_bytes = 1000,
        .events = {judge_all, note_nothing, note_no_move, note_no_failure, never_stops, NULL},
    };
    struct mover *one;
    struct error why;
    bool more;
    *(bool *)owner = mover_open(&settings, &one, &why) && mover_turn(one, &more, &why);
    mover_close(one);
    return NULL;
}

static void two_at_once_neither_lose_nor_double_any(void **state)
{
    pthread_t threads[2];
    bool done[2] = {false, false};
    char name[32];
    (void)state;
    for (int i = 0; i < SHARED; i++) {
        (void)snprintf(name, sizeof name, "out/%03d.smx", i);
        put(name, name);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, move_all, &done[i]), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(done[0] && done[1]);
    assert_int_equal(count_files(inboxes[0]), SHARED);
    assert_int_equal(count_files(outbox), 0);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(files_keep_their_names_and_go_where_they_are_judged_to_belong),
        STORY(one_that_is_judged_to_stay_stays_until_the_next_turn),
        STORY(the_age_is_by_the_clock_of_the_outbox),
        STORY(a_name_that_is_taken_gets_a_number_unless_it_is_the_same_file),
        STORY(what_is_no_file_but_has_its_name_there_holds_nobody_up),
        STORY(one_that_is_too_large_is_told_and_holds_nobody_up),
        STORY(many_go_together_up_to_a_bound),
        STORY(an_outbox_of_very_many_takes_several_turns_also_where_another_mover_takes_one),
        STORY(names_behind_which_there_never_is_a_file_end_a_turn),
        STORY(who_is_told_to_stop_begins_no_other_file),
        STORY(one_that_changes_while_it_is_read_stays),
        STORY(one_that_is_replaced_before_it_is_removed_stays_and_comes_too),
        STORY(one_that_another_mover_removed_first_is_no_failure),
        STORY(what_is_no_file_is_left_alone),
        STORY(a_file_is_durable_there_before_it_goes_here),
        STORY(what_takes_the_place_of_the_same_file_keeps_its_name),
        STORY(what_cannot_be_removed_is_not_delivered_again),
        STORY(what_another_mover_may_count_on_is_not_taken_back),
        STORY(from_an_outbox_that_can_only_be_read_nothing_is_delivered),
        STORY(a_name_that_the_inbox_does_not_take_holds_nobody_up),
        STORY(names_that_the_inbox_does_not_take_cost_little),
        STORY(an_empty_outbox_is_not_written_to),
        STORY(what_takes_the_place_of_the_inbox_within_a_turn_gets_nothing),
        STORY(an_inbox_that_has_not_all_its_directories_gets_nothing),
        STORY(directories_that_are_not_there_are_told),
        STORY(whatever_fails_no_file_is_lost_or_half_and_the_next_turn_brings_all),
        STORY(killed_at_any_step_none_is_lost_or_half_or_doubled),
        STORY(two_at_once_neither_lose_nor_double_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
