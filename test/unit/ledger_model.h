/* A slow, obvious ledger: every serial is kept by itself, and the table of spec/statesys.md 4.2 is read from top to
 * bottom. It shares no code with the real one. */
#ifndef TEST_UNIT_LEDGER_MODEL_H
#define TEST_UNIT_LEDGER_MODEL_H

#include "../../src/statesys/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY ((int64_t)24 * 3600 * 1000000)

enum { MODEL_MOST_SERIALS = 12288, MODEL_MOST_EVENTS = 2 * MODEL_MOST_SERIALS };

static struct {
    size_t size;                    /* serials are below */
    bool known, restarted;
    unsigned restarts;
    uint64_t first, high, issued;
    int64_t first_date, latest_date, restart_date;
    bool missing[MODEL_MOST_SERIALS], noted[MODEL_MOST_SERIALS], in_report[MODEL_MOST_SERIALS];
    int64_t detected[MODEL_MOST_SERIALS];
    struct ledger_event events[MODEL_MOST_EVENTS];
    size_t event_count;
} model;

static size_t verdicts[LEDGER_RESTARTED + 1];

static void model_init(size_t size)
{
    memset(model.missing, false, size);
    memset(model.noted, false, size);
    model.size = size;
    model.known = model.restarted = false;
    model.restarts = 0;
    model.first = model.high = 0;
    model.issued = LEDGER_NO_SERIAL;
    model.first_date = model.latest_date = model.restart_date = LEDGER_NO_TIME;
}

static void model_tell(enum ledger_verdict verdict, uint64_t first, uint64_t last)
{
    assert_true(model.event_count < MODEL_MOST_EVENTS);
    model.events[model.event_count++] = (struct ledger_event){verdict, first, last};
    verdicts[verdict]++;
}

static void model_open(uint64_t first, uint64_t last, int64_t now)
{
    model_tell(LEDGER_OPENS_GAP, first, last);
    for (uint64_t s = first; s <= last; s++) {
        model.missing[s] = true;
        model.detected[s] = now;
    }
}

static void model_restart(int64_t date)
{
    uint64_t top = 0;
    for (uint64_t s = 0; s < model.size; s++)
        top = model.in_report[s] ? s : top;
    model_tell(LEDGER_RESTARTED, model.high, top);
    memset(model.missing, 0, model.size);
    memset(model.noted, 0, model.size);
    model.first = model.high = top;
    model.noted[top] = true;
    model.first_date = model.restart_date = date;
    model.restarts++;
    model.restarted = true;
    model.issued = LEDGER_NO_SERIAL;
}

/* False: the rest of the report is done. */
static bool model_take(uint64_t s, int64_t date, int64_t now, bool goes_on, const struct ledger_policy *policy)
{
    if (model.restart_date != LEDGER_NO_TIME && date < model.restart_date) {
        model_tell(LEDGER_STALE, s, s);
        return true;
    }
    if (!model.known) {
        model_tell(LEDGER_FIRST, s, s);
        model.known = true;
        model.first = model.high = s;
        model.first_date = date;
        if (policy->expect_first && s >= 2)
            model_open(1, s - 1, now);
    } else if (s == model.high + 1) {
        model_tell(LEDGER_NEXT, s, s);
        model.high = s;
        /* A row for each case, as the specification has them. NOLINTNEXTLINE(bugprone-branch-clone) */
    } else if (s > model.high && s - model.high > policy->max_gap) {
        model_restart(date);
        return false;
    } else if (s > model.high) {
        model_open(model.high + 1, s - 1, now);
        model.high = s;
    } else if (model.missing[s]) {
        model_tell(LEDGER_FILLS_GAP, s, s);
        model.missing[s] = false;
    } else if (s < model.first && date < model.first_date + policy->min_missing_age) {
        model_tell(LEDGER_EARLY, s, s);
    } else if (s == model.high || date <= model.latest_date || goes_on) {
        model_tell(LEDGER_REPEAT, s, s);
    } else {
        model_restart(date);
        return false;
    }
    model.noted[s] = true;
    return true;
}

/* The range that begins at or after `from`; false if there is none. */
static bool model_range(uint64_t from, struct ledger_range *out)
{
    while (from < model.size && !model.missing[from])
        from++;
    if (from == model.size)
        return false;
    *out = (struct ledger_range){from, from, model.detected[from]};
    while (out->last + 1 < model.size && model.missing[out->last + 1])
        out->last++;
    return true;
}

/* Merges the two nearest; false if there are not too many. */
static bool model_merge(void)
{
    struct ledger_range before, range, left = {0}, right = {0};
    uint64_t nearest = UINT64_MAX;
    size_t count = 0;
    for (uint64_t from = 0; model_range(from, &range); from = range.last + 1, before = range) {
        if (count++ > 0 && range.first - before.last < nearest) {
            nearest = range.first - before.last;
            left = before;
            right = range;
        }
    }
    if (count <= LEDGER_MOST_RANGES)
        return false;
    for (uint64_t s = left.first; s <= right.last; s++) {
        model.missing[s] = true;
        model.detected[s] = left.detected < right.detected ? left.detected : right.detected;
    }
    return true;
}

static void model_note(const struct ledger_report *report, const struct ledger_policy *policy)
{
    int64_t date = report->date;
    bool goes_on = false, going = true;
    if (date == LEDGER_NO_TIME || date > report->now + DAY)
        date = report->now;
    model.event_count = 0;
    if (report->count == 0)
        return;
    memset(model.in_report, 0, model.size);
    for (size_t i = 0; i < report->count; i++) {
        model.in_report[report->serials[i]] = true;
        goes_on = goes_on || report->serials[i] > model.high || model.missing[report->serials[i]];
    }
    for (uint64_t s = 0; s < model.size && going; s++)
        if (model.in_report[s])
            going = model_take(s, date, report->now, goes_on, policy);
    while (model_merge())
        ;
    if (model.latest_date < date)
        model.latest_date = date;
}

static void model_complete(void)
{
    struct ledger_range range;
    if (model.issued == LEDGER_NO_SERIAL)
        return;
    for (uint64_t from = 0; model_range(from, &range) && range.last <= model.issued; from = range.last + 1) {
        memset(model.missing + range.first, false, range.last - range.first + 1);
        memset(model.noted + range.first, true, range.last - range.first + 1);
    }
    model.restarted = false;
    model.issued = LEDGER_NO_SERIAL;
}

#endif
