/* The inbox and its disk, looked at by a thread: who asks waits a moment only, and is not looked for each time. */
#include "../../src/mprelay/lookout.h"
#include "base/sys.h"
#include "few.h"
#include "home.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include <cmocka.h>

#define SECOND ((int64_t)1000000)

static char home[HOME_SIZE];
static struct lookout *lookout;
static struct lookout_view view;
static int64_t hangs;
static struct error err;
static atomic_bool no_thread;
static atomic_int tellings;
static sem_t released;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (no_thread)
        return EAGAIN;
    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    return create(thread, attributes, run, argument);
}

static void count_telling(void *owner, const struct lookout_view *seen)
{
    assert_ptr_equal(owner, &view);
    assert_true(seen->taken > 0);
    tellings++;
}

static struct lookout_settings settings(int64_t interval)
{
    return (struct lookout_settings){
        .queues = {"box", "box/high", "box/low"}, .interval = interval, .tell = count_telling, .owner = &view};
}

static int begin(void **state)
{
    (void)state;
    tellings = 0;
    no_thread = false;
    lookout = NULL;
    home_make(home);
    return chdir(home) + mkdir("box", 0700) + mkdir("box/high", 0700) + mkdir("box/low", 0700);
}

static int end(void **state)
{
    (void)state;
    lookout_close(lookout);
    sys = sys_kernel;
    home_remove(home);
    return chdir("/");
}

static void look(void)
{
    const struct lookout_settings quiet = settings(0);
    if (lookout == NULL && !lookout_open(&quiet, &lookout, &err))
        fail_msg("%s", err.text);
    lookout_look(lookout, &view, &hangs);
}

static void touch(const char *path)
{
    (void)close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static void files_are_counted_and_the_disk_is_seen(void **state)
{
    (void)state;
    touch("box/1.smx");
    touch("box/2.smx");
    touch("box/low/3.smx");
    touch("box/.hidden.smx");
    look();
    assert_true(view.taken > 0 && hangs == 0);
    assert_int_equal(view.disk.kind, ERROR_NONE);
    assert_int_equal(view.inbox.kind, ERROR_NONE);
    assert_true(view.free_bytes > 0);
    assert_int_equal(view.queues[0].count, 2);
    assert_int_equal(view.queues[1].count, 0);
    assert_int_equal(view.queues[2].count, 1);
    assert_true(view.queues[2].oldest > sys_now() - 3600 * SECOND);
}

static struct statvfs disk;
static atomic_int looks;

static int tell_disk(int fd, struct statvfs *out)
{
    (void)fd;
    looks++;
    *out = disk;
    return 0;
}

static int refuse_disk(int fd, struct statvfs *out)
{
    (void)fd, (void)out;
    errno = EIO;
    return -1;
}

static int hang(int fd, struct statvfs *out)
{
    (void)sem_wait(&released);
    return fstatvfs(fd, out);
}

static void the_disk_is_seen_as_it_is(void **state)
{
    (void)state;
    disk = (struct statvfs){.f_frsize = 512, .f_bavail = 3, .f_files = 10, .f_favail = 4, .f_flag = ST_RDONLY};
    sys.fstatvfs = tell_disk;
    look();
    assert_int_equal(view.free_bytes, 1536);
    assert_int_equal(view.free_inodes, 4);
    assert_true(view.counts_inodes && view.read_only);
}

static void what_cannot_be_looked_at_is_an_error(void **state)
{
    (void)state;
    sys.fstatvfs = refuse_disk;
    assert_int_equal(rmdir("box/high"), 0);
    look();
    assert_string_equal(view.disk.text, "cannot look at the disk of 'box': Input/output error");
    assert_non_null(strstr(view.inbox.text, "'box/high'"));
}

static void an_inbox_that_is_gone_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(rename("box", "away"), 0);
    look();
    assert_string_equal(view.disk.text, "cannot look at 'box': No such file or directory");
    assert_int_equal(rename("away", "box"), 0);
}

static void it_is_not_looked_again_for_each_who_asks(void **state)
{
    (void)state;
    looks = 0;
    sys.fstatvfs = tell_disk;
    const int64_t before = sys_ticks();
    for (int i = 0; i < 100; i++)
        look();
    assert_true(looks <= 1 + (sys_ticks() - before) / SECOND);
}

static void who_asks_is_answered_while_the_disk_hangs(void **state)
{
    (void)state;
    (void)sem_init(&released, 0, 0);
    sys.fstatvfs = hang;
    look();
    assert_true(view.taken == 0 && hangs > 0);
    const int64_t before = hangs;
    look();
    assert_true(view.taken == 0 && hangs > before);
    (void)sem_post(&released);
    while (view.taken == 0)
        look();
    (void)sem_post(&released);
    (void)sem_post(&released);
}

static void it_tells_as_often_as_it_is_to(void **state)
{
    const struct lookout_settings often = settings(1000), never = settings(0);
    (void)state;
    assert_true(lookout_open(&often, &lookout, &err));
    while (tellings < 3)
        (void)sched_yield();
    lookout_close(lookout);
    tellings = 0;
    assert_true(lookout_open(&never, &lookout, &err));
    look();
    assert_int_equal(tellings, 0);
    lookout_set_interval(lookout, 1000);
    while (tellings < 3)
        (void)sched_yield();
    lookout_set_interval(lookout, 0);
}

static void other_directories_count_from_the_turn_on(void **state)
{
    const char *const others[LOOKOUT_QUEUES] = {"other", "other/high", "other/low"};
    (void)state;
    touch("box/1.smx");
    look();
    assert_int_equal(view.queues[0].count, 1);
    assert_int_equal(mkdir("other", 0700) + mkdir("other/high", 0700) + mkdir("other/low", 0700), 0);
    touch("other/high/1.smx");
    lookout_turn(lookout, others);
    look();
    assert_int_equal(view.queues[0].count, 0);
    assert_int_equal(view.queues[1].count, 1);
}

static int turn_meanwhile(int fd, struct statvfs *out)
{
    const char *const others[LOOKOUT_QUEUES] = {"other", "other/high", "other/low"};
    sys.fstatvfs = sys_kernel.fstatvfs;
    lookout_turn(lookout, others);
    return sys_kernel.fstatvfs(fd, out);
}

static void a_look_from_before_the_turn_is_nobodys_answer(void **state)
{
    (void)state;
    touch("box/1.smx");
    assert_int_equal(mkdir("other", 0700) + mkdir("other/high", 0700) + mkdir("other/low", 0700), 0);
    touch("other/high/1.smx");
    sys.fstatvfs = turn_meanwhile;
    look();
    assert_int_equal(view.queues[0].count, 0);
    assert_int_equal(view.queues[1].count, 1);
}

static void what_the_system_refuses_is_an_error(void **state)
{
    const struct lookout_settings quiet = settings(0);
    (void)state;
    left = 0;
    sys.allocate = allocate_a_few;
    assert_false(lookout_open(&quiet, &lookout, &err));
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    sys = sys_kernel;
    no_thread = true;
    assert_false(lookout_open(&quiet, &lookout, &err));
    assert_string_equal(err.text, "cannot start the thread that looks at the inbox: Resource temporarily unavailable");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_counted_and_the_disk_is_seen),
        TEST(the_disk_is_seen_as_it_is),
        TEST(what_cannot_be_looked_at_is_an_error),
        TEST(an_inbox_that_is_gone_is_an_error),
        TEST(it_is_not_looked_again_for_each_who_asks),
        TEST(who_asks_is_answered_while_the_disk_hangs),
        TEST(it_tells_as_often_as_it_is_to),
        TEST(other_directories_count_from_the_turn_on),
        TEST(a_look_from_before_the_turn_is_nobodys_answer),
        TEST(what_the_system_refuses_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
