/* Ready or not and why: each fact that is a reason, by itself and with others. */
#include "../../src/mprelay/facts.h"
#include "base/sys.h"
#include "few.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND ((int64_t)1000000)
#define NOW (1000 * SECOND)

static struct facts good_facts(void)
{
    return (struct facts){.phase = PHASE_RUNNING,
                          .now = NOW,
                          .inbox = "/box",
                          .spool = {.kept = NOW - SECOND},
                          .view = {.taken = NOW, .free_bytes = 1, .free_inodes = 1, .counts_inodes = true}};
}

static void assert_reasons(const struct facts *facts, const char *expected)
{
    struct buffer out;
    struct error err;
    buffer_init(&out, 65536);
    assert_true(readiness_write(facts, &out, &err));
    assert_true(buffer_add(&out, "", 1, &err));
    assert_string_equal(out.at, expected);
    buffer_fini(&out);
}

static void one_that_keeps_is_ready(void **state)
{
    struct facts facts = good_facts();
    (void)state;
    assert_reasons(&facts, "");
    facts.spool.kept = NOW - FACTS_OLD;
    facts.spool.hangs = facts.spool.waits = facts.view_hangs = FACTS_SLOW;
    assert_reasons(&facts, "");
    facts.view = (struct lookout_view){0};      /* not looked at yet */
    assert_reasons(&facts, "");
    facts.view = (struct lookout_view){.taken = NOW};   /* a file system without a bound */
    assert_reasons(&facts, "");
}

static void a_phase_is_a_reason(void **state)
{
    struct facts facts = good_facts();
    (void)state;
    facts.phase = PHASE_STARTING;
    assert_reasons(&facts, "the relay is starting\n");
    facts.phase = PHASE_STOPPING;
    assert_reasons(&facts, "the relay is stopping\n");
}

static void what_the_keepers_tell_is_one_reason(void **state)
{
    struct facts facts = good_facts();
    (void)state;
    facts.spool.kept = 0;
    assert_reasons(&facts, "nothing was kept in '/box' yet\n");
    facts.spool.kept = NOW - 6 * SECOND;
    assert_reasons(&facts, "nothing was kept in '/box' for 6 seconds\n");
    (void)error_set(&facts.spool.refusal, ERROR_NO_SPACE, "'/box' is full");
    assert_reasons(&facts, "reports cannot be kept: '/box' is full\n");
    facts.spool.hangs = 4 * SECOND;
    assert_reasons(&facts, "the disk of '/box' is slow or hangs: what is being kept there has not been kept for 4 "
                           "seconds\n");
}

static void a_queue_that_waits_is_a_reason(void **state)
{
    struct facts facts = good_facts();
    (void)state;
    facts.spool.waiting = 7;
    assert_reasons(&facts, "");
    facts.spool.waits = 4 * SECOND;
    assert_reasons(&facts, "7 reports wait to be kept, the first for 4 seconds\n");
}

static void a_journal_that_cannot_be_published_is_a_reason(void **state)
{
    struct facts facts = good_facts();
    (void)state;
    (void)error_set(&facts.spool.trouble, ERROR_SYSTEM, "no");
    assert_reasons(&facts, "reports wait in the journal, their files cannot be made: no\n");
}

static void the_disk_is_one_reason(void **state)
{
    struct facts facts = good_facts();
    (void)state;
    facts.view.free_inodes = 0;
    assert_reasons(&facts, "the disk of '/box' can take no more files: no inode is free\n");
    facts.view.read_only = true;
    assert_reasons(&facts, "the file system of '/box' is mounted read-only\n");
    (void)error_set(&facts.view.disk, ERROR_SYSTEM, "cannot look at '/box'");
    assert_reasons(&facts, "cannot look at '/box'\n");
    facts.view_hangs = 4 * SECOND;
    assert_reasons(&facts, "the disk of '/box' has not answered for 4 seconds\n");
}

static void all_reasons_are_said(void **state)
{
    struct facts facts = good_facts();
    (void)state;
    facts.phase = PHASE_STOPPING;
    facts.view.read_only = true;
    (void)error_set(&facts.log, ERROR_SYSTEM, "cannot write the log");
    (void)error_set(&facts.spool.refusal, ERROR_NO_SPACE, "full");
    assert_reasons(&facts, "the relay is stopping\nreports cannot be kept: full\n"
                           "the file system of '/box' is mounted read-only\ncannot write the log\n");
}

static void what_cannot_be_said_is_an_error(void **state)
{
    struct facts facts = good_facts();
    struct buffer out;
    struct error err;
    (void)state;
    facts.phase = PHASE_STOPPING;
    buffer_init(&out, 10);
    assert_false(readiness_write(&facts, &out, &err));
    assert_int_equal(err.kind, ERROR_TOO_BIG);
    buffer_fini(&out);
    buffer_init(&out, 65536);
    left = 0;
    sys.reallocate = reallocate_a_few;
    assert_false(readiness_write(&facts, &out, &err));
    sys = sys_kernel;
    assert_int_equal(err.kind, ERROR_NO_MEMORY);
    buffer_fini(&out);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_keeps_is_ready),
        TEST(a_phase_is_a_reason),
        TEST(what_the_keepers_tell_is_one_reason),
        TEST(a_queue_that_waits_is_a_reason),
        TEST(a_journal_that_cannot_be_published_is_a_reason),
        TEST(the_disk_is_one_reason),
        TEST(all_reasons_are_said),
        TEST(what_cannot_be_said_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
