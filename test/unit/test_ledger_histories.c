/* The ledger in random histories: what a slow, obvious model says that keeps every serial by itself, it says too; the
 * order of the reports does not matter; and no serial is missing unnoticed. */
#include "ledger_model.h"

enum { SMALL = 48, LARGE = MODEL_MOST_SERIALS };

static struct ledger ledger;

/* ---- model and ledger side by side ---- */

static size_t events_seen;

static void compare_event(void *owner, const struct ledger_event *event)
{
    const bool whole = event->verdict == LEDGER_OPENS_GAP || event->verdict == LEDGER_RESTARTED;
    uint64_t serial = event->first;
    (void)owner;
    do {
        const struct ledger_event *expected = &model.events[events_seen++];
        assert_true(events_seen <= model.event_count);
        assert_int_equal(event->verdict, expected->verdict);
        assert_int_equal(serial, expected->first);
        assert_int_equal(whole ? event->last : serial, expected->last);
    } while (!whole && serial++ < event->last);
}

static void compare_ranges(void)
{
    struct ledger_range range;
    uint64_t from = 0;
    size_t count = 0;
    for (; model_range(from, &range); from = range.last + 1, count++) {
        assert_true(count < ledger.range_count);
        assert_int_equal(ledger.ranges[count].first, range.first);
        assert_int_equal(ledger.ranges[count].last, range.last);
        assert_int_equal(ledger.ranges[count].detected, range.detected);
    }
    assert_int_equal(count, ledger.range_count);
}

static void compare_all(void)
{
    assert_int_equal(ledger.known, model.known);
    assert_int_equal(ledger.restarted, model.restarted);
    assert_int_equal(ledger.restarts, model.restarts);
    assert_int_equal(ledger.first, model.first);
    assert_int_equal(ledger.high, model.high);
    assert_int_equal(ledger.issued, model.issued);
    assert_int_equal(ledger.first_date, model.first_date);
    assert_int_equal(ledger.latest_date, model.latest_date);
    assert_int_equal(ledger.restart_date, model.restart_date);
    compare_ranges();
    for (uint64_t s = model.first; model.known && s <= model.high; s++)
        assert_true(model.noted[s] || model.missing[s]);            /* nothing is missing unnoticed */
}

static void begin_history(size_t size)
{
    model_init(size);
    ledger_init(&ledger);
}

static void note_both(const struct ledger_report *report, const struct ledger_policy *policy)
{
    static struct ledger_range ranges[LEDGER_MOST_RANGES];
    const size_t count = ledger.range_count, size = count * sizeof *ranges;
    memcpy(ranges, ledger.ranges, size);
    ledger.ranges_changed = false;
    model_note(report, policy);                         /* first: the ledger sorts */
    events_seen = 0;
    ledger_note(&ledger, report, policy, compare_event, NULL);
    assert_int_equal(events_seen, model.event_count);
    compare_all();
    if (!ledger.ranges_changed) {
        assert_int_equal(ledger.range_count, count);
        assert_memory_equal(ledger.ranges, ranges, size);
    }
}

/* ---- histories ---- */

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

static int64_t draw_date(int64_t now)
{
    if (draw(64) > 0)
        return now - (int64_t)draw(16);
    const int64_t odd[] = {LEDGER_NO_TIME, now + DAY, now + DAY + 1, now};
    return odd[draw(4)];
}

/* Around `high`, so that each row of the table is met; seldom anywhere. */
static size_t draw_serials(uint64_t *out)
{
    const size_t count = 1 + draw(5);
    const uint64_t low = model.high < 8 || draw(8) == 0 ? 0 : model.high - 8;
    for (size_t i = 0; i < count; i++)
        out[i] = (low + draw(draw(8) == 0 ? SMALL : 14)) % SMALL;
    return count;
}

static void resync_sometimes(void)
{
    if (draw(8) == 0)
        ledger.issued = model.issued = model.high;
    if (draw(8) == 0) {
        ledger_complete(&ledger);
        model_complete();
        compare_all();
    }
}

static void small_histories_are_those_of_the_model(void **state)
{
    enum { HISTORIES = 20000, REPORTS = 20 };
    uint64_t serials[8];
    (void)state;
    random_state = 20140120194656;
    memset(verdicts, 0, sizeof verdicts);
    for (int i = 0; i < HISTORIES; i++) {
        const struct ledger_policy policy = {.expect_first = draw(2) == 0, .min_missing_age = 12, .max_gap = 16};
        int64_t now = 1000;
        begin_history(SMALL);
        for (int j = 0; j < REPORTS; j++) {
            now += (int64_t)draw(4);
            const struct ledger_report report = {serials, draw_serials(serials), draw_date(now), now};
            note_both(&report, &policy);
            resync_sometimes();
        }
    }
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
        assert_true(verdicts[i] > HISTORIES / 2);       /* each row was met, and often */
}

/* A report that is all above `high`, of any size, or one of few serials: what the model merges one by one at the end,
 * the ledger then merges many times or once. */
static size_t draw_many(uint64_t *out)
{
    const bool above = draw(4) == 0;
    const uint64_t start = above ? model.high + 1 : draw(model.high + 1);
    const uint64_t step = 2 + draw(3);
    const size_t most = above ? 1 + draw(3000) : 1 + draw(LEDGER_MOST_RANGES - 100);
    size_t count = 0;
    for (uint64_t s = start; s < LARGE && count < most; s += 1 + draw(step) + (draw(50) == 0 ? draw(50) : 0))
        out[count++] = s;
    return count;
}

static void histories_of_many_ranges_are_those_of_the_model(void **state)
{
    enum { HISTORIES = 6, REPORTS = 20 };
    static uint64_t serials[LARGE];
    const struct ledger_policy policy = {.expect_first = true, .min_missing_age = 12, .max_gap = LARGE};
    size_t full = 0;
    (void)state;
    random_state = 4459394;
    for (int i = 0; i < HISTORIES; i++) {
        begin_history(LARGE);
        for (int j = 0; j < REPORTS; j++) {
            const struct ledger_report report = {serials, draw_many(serials), 10 - (int64_t)draw(10),
                                                 (int64_t)draw(50)};
            note_both(&report, &policy);
            full += ledger.range_count == LEDGER_MOST_RANGES;
        }
    }
    assert_true(full > REPORTS);
}

/* ---- orders ---- */

enum { FILES = 5, SERIALS = 20 };

struct file {
    uint64_t serials[SERIALS];
    size_t count;
};

/* Deals the serials to files with rising dates, as classes of priority do; a few are lost, a few sent twice. */
static void deal_files(struct file *files)
{
    memset(files, 0, FILES * sizeof *files);
    for (uint64_t s = 1; s <= SERIALS; s++) {
        struct file *file = &files[draw(FILES)];
        if (draw(8) > 0)
            file->serials[file->count++] = s;
    }
}

static void check_order(const struct file *files, const int *order)
{
    const struct ledger_policy policy = {.min_missing_age = FILES, .max_gap = SERIALS};
    bool sent[SERIALS + 1] = {false};
    begin_history(SERIALS + 1);
    for (int i = 0; i < FILES; i++) {
        struct file file = files[order[i]];
        for (size_t j = 0; j < file.count; j++)
            sent[file.serials[j]] = true;
        note_both(&(struct ledger_report){file.serials, file.count, order[i], 100}, &policy);
        note_both(&(struct ledger_report){file.serials, file.count / 2, order[i], 100}, &policy);
    }
    assert_int_equal(ledger.restarts, 0);
    for (uint64_t s = ledger.first; ledger.known && s <= ledger.high; s++)
        assert_int_equal(sent[s], !model.missing[s]);
}

/* Every order of the places from `from` on. */
static void check_orders(const struct file *files, int *order, int from)
{
    if (from == FILES)
        check_order(files, order);
    for (int i = from; i < FILES; i++) {
        const int swapped = order[from];
        order[from] = order[i];
        order[i] = swapped;
        check_orders(files, order, from + 1);
        order[i] = order[from];
        order[from] = swapped;
    }
}

static void in_every_order_of_the_files_the_same_is_missing(void **state)
{
    struct file files[FILES];
    int order[FILES] = {0, 1, 2, 3, 4};
    (void)state;
    random_state = 5001;
    for (int i = 0; i < 100; i++) {
        deal_files(files);
        check_orders(files, order, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_histories_are_those_of_the_model),
        cmocka_unit_test(histories_of_many_ranges_are_those_of_the_model),
        cmocka_unit_test(in_every_order_of_the_files_the_same_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
