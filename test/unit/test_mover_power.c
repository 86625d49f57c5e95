/* The power is cut after every event of a mover's life, also of one whose syncs fail and of the next one after it: each file
 * is in the outbox or in the inbox for certain, and nothing is half. */
#include "spool/mover.h"

#include "faults.h"
#include "faults_loss.h"
#include "home.h"
#include "spool/deliver.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FILES = 5, PATH_SIZE = HOME_SIZE + 32, CALLS_MOST = 200 };

static const char *const names[FILES] = {"a.smx", "b.smx", "c.smx", "d.smx", "e.smx"};
static const char *const contents[FILES] = {"0 a", "0 b", "0 c", "1 d", "2 e"};

static char home[HOME_SIZE], outbox[PATH_SIZE], inboxes[MOVER_MOST_QUEUES][PATH_SIZE];
static struct error err;

/* ---- a mover ---- */

static unsigned judge(void *owner, struct span content, int64_t age)
{
    (void)owner, (void)age;
    return (unsigned)(content.at[0] - '0');
}

static void note_moving(void *owner, unsigned to, size_t count)
{
    (void)owner, (void)to, (void)count;
}

static void note_moved(void *owner, unsigned to, const char *name, const char *as)
{
    (void)owner, (void)to, (void)name, (void)as;
}

static void note_failed(void *owner, const char *name, const struct error *why)
{
    (void)owner, (void)name, (void)why;
}

static bool goes_on(void *owner)
{
    (void)owner;
    return true;
}

static struct mover *open_mover(void)
{
    struct mover *mover = NULL;
    const struct mover_settings settings = {
        .from = outbox,
        .to = {inboxes[0], inboxes[1], inboxes[2]},
        .most_bytes = 1000,
        .events = {judge, note_moving, note_moved, note_failed, goes_on, NULL},
    };
    assert_true(mover_open(&settings, &mover, &err));
    return mover;
}

static void make_place(char path[PATH_SIZE], const char *below)
{
    (void)snprintf(path, PATH_SIZE, "%s/%s", home, below);
    assert_int_equal(mkdir(path, 0750), 0);
}

/* All files are in the outbox for good; from here on it is recorded. */
static void begin_life(void)
{
    home_empty(home);
    make_place(outbox, "out");
    make_place(inboxes[0], "in");
    make_place(inboxes[1], "in/high");
    make_place(inboxes[2], "in/low");
    faults_begin((struct faults_plan){0});
    for (size_t i = 0; i < FILES; i++)
        assert_true(deliver_new(outbox, names[i], span_of(contents[i]), &err));
}

/* ---- what a cut leaves ---- */

static bool is_certain(const struct power_place *place, size_t file)
{
    const struct span content[2] = {span_of(contents[file]), {NULL, 0}};
    size_t i = 0;
    while (i < place->count && place->versions[i].object >= 0 && loss_is_whole(place->versions[i].object) &&
           loss_is(place->versions[i].object, content))
        i++;
    return i == place->count;
}

/* Each place may turn out for itself: so a file is lost in some state, unless one of them holds it in all. */
static bool may_be_lost(size_t file)
{
    for (size_t i = 0; i < power.place_count; i++)
        if (power.places[i].name != NULL && power.places[i].name[0] != '.' && is_certain(&power.places[i], file))
            return false;
    return true;
}

static struct loss cut_everywhere(size_t from, bool (*forgets)(const struct recording_event *event))
{
    struct loss loss = {0};
    power_begin();
    for (size_t i = 0; i < recording.event_count; i++) {
        if (forgets != NULL && i >= from && forgets(&recording.events[i]))
            continue;
        power_replay(i);
        if (i < from)
            continue;
        loss.cuts++;
        for (size_t k = 0; k < FILES; k++)
            loss.lost += may_be_lost(k);
        for (size_t k = 0; k < power.place_count; k++)
            loss.half += loss_leaves_half(&power.places[k]);
    }
    return loss;
}

/* ---- lives ---- */

static void assert_all_have_come(void)
{
    DIR *left = opendir(outbox);
    assert_non_null(left);
    for (const struct dirent *entry; (entry = readdir(left)) != NULL;)
        assert_true(entry->d_name[0] == '.');
    (void)closedir(left);
}

/* The `nth` call of the kind fails; then it is tried again, or the next mover comes. False: there were fewer. */
static bool live(struct faults_plan plan, bool is_the_same)
{
    bool more;
    begin_life();
    const size_t from = recording_moment();
    struct mover *mover = open_mover();
    faults_plan(plan);
    const bool done = mover_turn(mover, &more, &err);
    const bool hit = faults_hit();
    assert_true(done || hit);
    faults_plan((struct faults_plan){0});
    if (!is_the_same) {
        mover_close(mover);
        mover = open_mover();
    }
    assert_true(mover_turn(mover, &more, &err));
    mover_close(mover);
    assert_all_have_come();
    const struct loss loss = cut_everywhere(from, NULL);
    assert_true(loss.cuts > FILES);
    if (loss.lost + loss.half > 0)
        fail_msg("call %d, the %u. time: lost %u, half %u", (int)plan.call, plan.nth, loss.lost, loss.half);
    faults_end();
    return hit;
}

static void whatever_fails_a_power_cut_then_or_later_loses_nothing_and_leaves_nothing_half(void **state)
{
    static const enum faults_call calls[] = {FAULTS_OPENAT, FAULTS_READ,   FAULTS_WRITEV, FAULTS_FSYNC,
                                             FAULTS_SYNCFS, FAULTS_LINKAT, FAULTS_UNLINKAT};
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        unsigned nth = 1;
        while (live((struct faults_plan){.call = calls[i], .nth = (nth + 1) / 2, .error = EIO}, nth % 2 == 0))
            assert_true(++nth < CALLS_MOST);
    }
}

static bool is_sync_of_an_inbox(const struct recording_event *event)
{
    return loss_is_directory_sync(event) && event->object != recording_of_path(outbox);
}

static void the_checker_finds_the_loss_when_a_step_is_left_out(void **state)
{
    (void)state;
    bool more;
    begin_life();
    const size_t from = recording_moment();
    struct mover *mover = open_mover();
    assert_true(mover_turn(mover, &more, &err));
    mover_close(mover);
    assert_int_equal(cut_everywhere(from, NULL).lost, 0);
    assert_true(cut_everywhere(from, is_sync_of_an_inbox).lost > 0);
    assert_true(cut_everywhere(from, loss_is_data_sync).half > 0);
    faults_end();
}

static int set_up(void **state)
{
    (void)state;
    home_make(home);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    home_remove(home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_a_power_cut_then_or_later_loses_nothing_and_leaves_nothing_half),
        cmocka_unit_test(the_checker_finds_the_loss_when_a_step_is_left_out),
    };
    return cmocka_run_group_tests_name("mover_power", tests, set_up, tear_down);
}
