/*
 * Random histories of a spool, and the power is cut after every event of each: on every state that a cut could have
 * left the real recovery is run, and then all that was answered as kept is there, whole, under the name that was told.
 *
 * RUNS and SEED say how many histories and from which number on; each is drawn from its number (but threads take turns
 * as they like). The spool lives once or twice: the next life begins on one of the states that a cut of the last one
 * could have left, so that recoveries are cut, too.
 */
#include "faults_loss.h"
#include "spool_recovery.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { RUNS = 10 };
#else
enum { RUNS = 100 };
#endif

static struct {
    unsigned runs;
    unsigned cuts;
    unsigned long states; /* looked at */
    unsigned long built;  /* of these: made of files and recovered; the others were seen before */
    double every;         /* with those that are argued only */
    unsigned long acknowledged;
    unsigned long lost;           /* cuts, states and records */
    unsigned long lost_journaled; /* of these: answered before their file was there */
    unsigned long half;           /* files, before and after the recovery */
    unsigned long copies;
    unsigned long litter;
} totals;

/* ---- the power is cut ---- */

/* What the recovery made of a state. */
struct outcome {
    uint64_t key; /* 0: none */
    bool there[STORY_MOST];
};

enum { OUTCOMES = 1 << 12 };

static struct outcome outcomes[OUTCOMES];
static size_t outcome_count;
static bool kept[STORY_MOST]; /* before the cut, also in an earlier life */

static struct outcome *find_outcome(uint64_t key)
{
    size_t i = key % OUTCOMES;
    while (outcomes[i].key != 0 && outcomes[i].key != key)
        i = (i + 1) % OUTCOMES;
    return &outcomes[i];
}

static void forget_outcomes(void)
{
    memset(outcomes, 0, sizeof outcomes);
    outcome_count = 0;
}

static void try_state(struct outcome *outcome, uint64_t key)
{
    struct story_sight sight;
    recovery_try(&sight);
    totals.built++;
    totals.half += sight.half;
    totals.copies += sight.copies;
    totals.litter += sight.litter;
    outcome->key = key;
    memcpy(outcome->there, sight.there, sizeof outcome->there);
}

static void look(void)
{
    const uint64_t key = states_key(recovery.root);
    if (outcome_count > OUTCOMES / 2)
        forget_outcomes();
    struct outcome *outcome = find_outcome(key);
    if (outcome->key == 0) {
        outcome_count++;
        try_state(outcome, key);
    }
    totals.states++;
    for (size_t i = 0; i < story.count; i++) {
        const bool lost = kept[i] && !outcome->there[i];
        totals.lost += lost;
        totals.lost_journaled += lost && story.answers[i].journaled;
    }
}

static void replay(size_t index)
{
    const struct recording_event *event = &recording.events[index];
    power_replay(index);
    for (size_t i = 0; event->kind == RECORDING_KEPT && i < story.count; i++)
        kept[i] |= event->content[1].at == story.answers[i].body;
}

/* After each event from `first` on; those before it were there already. */
static void cut_everywhere(size_t first)
{
    recovery_replay();
    forget_outcomes();
    for (size_t i = 0; i < recording.event_count; i++) {
        replay(i);
        if (i < first)
            continue;
        totals.cuts++;
        states_each(look);
    }
}

/* ---- a history ---- */

static size_t draw(size_t bound)
{
    return states_draw(bound);
}

/* What fails from now on, if anything. */
static struct faults_plan draw_plan(void)
{
    static const enum faults_call calls[] = {FAULTS_FSYNC,     FAULTS_FSYNC,    FAULTS_FDATASYNC, FAULTS_FDATASYNC,
                                             FAULTS_FDATASYNC, FAULTS_SYNCFS,   FAULTS_LINKAT,    FAULTS_LINKAT,
                                             FAULTS_WRITEV,    FAULTS_PWRITE,   FAULTS_PREAD,     FAULTS_OPENAT,
                                             FAULTS_UNLINKAT,  FAULTS_GETRANDOM};
    static const int errors[] = {EIO, EIO, EIO, ENOSPC, ENOSPC, FAULTS_SHORT, EINTR};
    const enum faults_call call = calls[draw(sizeof calls / sizeof calls[0])];
    const int error = errors[draw(sizeof errors / sizeof errors[0])];
    const unsigned nth = (unsigned)(1 + draw(1 + draw(4)));
    const bool for_good = draw(3) == 0 && error != EINTR;
    if (draw(3) == 0)
        return (struct faults_plan){0};
    return (struct faults_plan){.call = call, .nth = nth, .error = error, .for_good = for_good};
}

static struct spool *open_at_last(void)
{
    struct spool *spool = NULL;
    faults_plan(draw_plan());
    if (!story_open(&spool)) {
        faults_plan((struct faults_plan){0});
        assert_true(story_open(&spool));
    }
    faults_plan((struct faults_plan){0});
    return spool;
}

static void submit_wave(struct spool *spool)
{
    static const size_t sizes[] = {150, 700, 1300, 1300, 5000, STORY_BODY};
    const size_t size = sizes[draw(sizeof sizes / sizeof sizes[0])];
    const size_t count = size > 5000 ? 1 + draw(2) : draw(2) == 0 ? 1 + draw(7) : 10 + draw(3);
    if (story.count + count <= STORY_MOST)
        story_submit(spool, count, size);
}

static void live_well(struct spool *spool)
{
    faults_plan(draw_plan());
    submit_wave(spool);
}

enum { CROWD = 12, SMALL = 1300, LARGE = 5000 };

static void submit_crowd(struct spool *spool, size_t size, struct faults_plan plan)
{
    faults_plan(plan);
    if (story.count + CROWD <= STORY_MOST)
        story_submit(spool, CROWD, size);
}

/* Nothing can be linked, as on a disk without inodes: the journal fills up. */
static void live_stuck(struct spool *spool)
{
    submit_crowd(spool, LARGE,
                 (struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = ENOSPC, .for_good = true});
}

/* A sync of the journal fails now and then, and crowds go on. */
static void live_shaken(struct spool *spool)
{
    submit_crowd(spool, SMALL, (struct faults_plan){.call = FAULTS_FDATASYNC, .nth = (unsigned)draw(3), .error = EIO});
}

static void live(void)
{
    static void (*const ways[])(struct spool * spool) = {live_well, live_well, live_well, live_stuck, live_shaken};
    void (*const live_one)(struct spool * spool) = ways[draw(sizeof ways / sizeof ways[0])];
    struct spool *spool = open_at_last();
    for (size_t waves = 1 + draw(4); waves > 0; waves--) {
        live_one(spool);
        if (draw(6) > 0)
            continue;
        spool_close(spool);
        spool = open_at_last();
    }
    spool_close(spool);
    faults_plan((struct faults_plan){0});
    for (size_t i = 0; i < story.count; i++)
        assert_int_equal(story.answers[i].times, 1);
}

/* The power is cut at some moment of this life, which began with event `first`; what is left begins the next one. */
static void die(size_t first)
{
    char next[HOME_SIZE];
    const size_t moment = first + draw(recording.event_count - first + 1);
    recovery_replay();
    for (size_t i = 0; i < moment; i++)
        replay(i);
    home_make(next);
    states_choose_any();
    states_build(recovery.root, next);
    assert_int_equal(chdir(next), 0);
    home_remove(story.home);
    (void)snprintf(story.home, sizeof story.home, "%s", next);
}

static void run_life(bool is_last)
{
    bool before[STORY_MOST];
    memcpy(before, kept, sizeof before);
    recording_end();
    faults_begin((struct faults_plan){0});
    recording_note_tree(".");
    const size_t first = recording_moment();
    live();
    cut_everywhere(first);
    memcpy(kept, before, sizeof before);
    if (!is_last)
        die(first);
}

static void run_history(unsigned seed)
{
    static const enum spool_sync syncs[] = {SPOOL_SYNC_FSYNC, SPOOL_SYNC_SYNCFS};
    states.seed = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    memset(kept, 0, sizeof kept);
    story_begin((struct faults_plan){0}, draw(2) == 0, syncs[draw(2)]);
    story.settings.queue_count = 1 + draw(STORY_QUEUES);
    story.settings.journal_size = draw(4) == 0 ? 0 : STORY_JOURNAL;
    for (size_t lives = 1 + draw(2); lives > 0; lives--)
        run_life(lives == 1);
    for (size_t i = 0; i < story.count; i++)
        totals.acknowledged += story.answers[i].kept;
    totals.runs++;
    story_end();
}

static unsigned number_from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

static void tell_totals(void)
{
    printf("# strict cuts: runs %u cuts %u states %lu built %lu every %.3g acknowledged %lu lost %lu half %lu "
           "copies %lu litter %lu\n",
           totals.runs, totals.cuts, totals.states, totals.built, states.every, totals.acknowledged, totals.lost,
           totals.half, totals.copies, totals.litter);
}

static void in_every_state_of_every_random_history_all_that_was_kept_is_there_and_nothing_is_half(void **state)
{
    (void)state;
    const unsigned runs = number_from_environment("RUNS", RUNS);
    const unsigned first = number_from_environment("SEED", 1);
    for (unsigned seed = first; seed < first + runs; seed++) {
        run_history(seed);
        if (totals.lost + totals.half + totals.litter > 0) {
            tell_totals();
            fail_msg("of seed %u: lost %lu, half %lu, litter %lu", seed, totals.lost, totals.half, totals.litter);
        }
    }
    tell_totals();
}

/* ---- the checker is checked ---- */

/* Waves into both segments, the last of them while no file can be linked; a new start; and some waves more, which write
 * over what was there. Each record of the third wave is in the journal only when it is answered. */
static void record_laps(void)
{
    enum { WAVE = 12, SIZE = 1300 };
    struct spool *spool = NULL;
    story_begin((struct faults_plan){0}, false, SPOOL_SYNC_FSYNC);
    assert_true(story_open(&spool));
    story_submit(spool, WAVE, SIZE);
    story_submit(spool, WAVE, SIZE);
    faults_plan((struct faults_plan){.call = FAULTS_LINKAT, .nth = 1, .error = ENOSPC, .for_good = true});
    story_submit(spool, WAVE, SIZE);
    spool_close(spool);
    faults_plan((struct faults_plan){0});
    assert_true(story_open(&spool));
    assert_int_equal(story_count_missing(), 0);
    for (int i = 0; i < 3; i++)
        story_submit(spool, WAVE, SIZE);
    spool_close(spool);
    assert_true(story_count_kept(true) >= WAVE - 1);
    assert_true(story_count_kept(false) >= 5 * WAVE);
}

static bool is_journal_sync(const struct recording_event *event)
{
    return event->kind == RECORDING_SYNCED && event->object >= 0 && recording.objects[event->object].in_place;
}

/* The steps of the publisher without the last one: then it forgets what is not durable yet. */
static bool is_directory_sync_of_a_queue(const struct recording_event *event)
{
    for (size_t i = 0; i < STORY_QUEUES; i++)
        if (loss_is_directory_sync(event) && event->object == recording_of_path(story_queues[i]))
            return true;
    return false;
}

static bool is_sync_of_the_journals_directory(const struct recording_event *event)
{
    return loss_is_directory_sync(event) && event->object == recording_of_path("journal");
}

/* As if what `forgets` says of had never happened: does a record get lost that was answered from the journal? */
static bool loses(bool (*forgets)(const struct recording_event *event))
{
    recovery_replay();
    forget_outcomes();
    for (size_t i = 0; i < recording.event_count && totals.lost_journaled == 0; i++) {
        if (forgets(&recording.events[i]))
            continue;
        replay(i);
        if (power.kept_count > 0)
            states_each(look);
    }
    return totals.lost_journaled > 0;
}

static void the_checker_finds_the_loss_when_a_step_is_left_out(void **state)
{
    (void)state;
    static bool (*const steps[])(const struct recording_event *event) = {is_journal_sync, is_directory_sync_of_a_queue,
                                                                         is_sync_of_the_journals_directory};
    record_laps();
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        memset(&totals, 0, sizeof totals);
        memset(kept, 0, sizeof kept);
        assert_true(loses(steps[i]));
        assert_int_equal(totals.half, 0);
    }
    story_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_every_state_of_every_random_history_all_that_was_kept_is_there_and_nothing_is_half),
        cmocka_unit_test(the_checker_finds_the_loss_when_a_step_is_left_out),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests_name("spool_cuts", tests, recovery_set_up, recovery_tear_down);
}
