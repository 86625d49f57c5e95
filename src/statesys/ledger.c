/*
 * The decision hidden here: the order in which the rules of spec/statesys.md 4.2 are asked, and how ranges beyond the
 * most are merged. Serials are taken in ascending order, so those up to `high` come first, and a report that holds any
 * above it, or one that is missing, goes on with the numbering that we know: only one that does neither can be the
 * sign of a restart.
 */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#define A_DAY ((int64_t)24 * 60 * 60 * 1000000)

struct note {
    struct ledger *ledger;
    struct ledger_report report;    /* sorted, dated */
    const struct ledger_policy *policy;
    bool goes_on;                   /* the report holds a serial that was above `high`, or missing, before it */
    bool untold;                    /* `event` may still grow */
    struct ledger_event event;
    void (*tell)(void *owner, const struct ledger_event *event);
    void *owner;
};

void ledger_init(struct ledger *ledger)
{
    ledger->known = ledger->restarted = ledger->ranges_changed = false;
    ledger->restarts = 0;
    ledger->first = ledger->high = 0;
    ledger->issued = LEDGER_NO_SERIAL;
    ledger->first_date = ledger->latest_date = ledger->restart_date = LEDGER_NO_TIME;
    ledger->range_count = 0;
}

/* ---- ranges ---- */

/* The first range that does not end before the serial, or their number. */
static size_t find_range(const struct ledger *ledger, uint64_t serial)
{
    size_t low = 0, high = ledger->range_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (ledger->ranges[middle].last < serial)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_missing(const struct ledger *ledger, uint64_t serial)
{
    const size_t at = find_range(ledger, serial);
    return at < ledger->range_count && ledger->ranges[at].first <= serial;
}

static void insert_range(struct ledger *ledger, size_t at, struct ledger_range range)
{
    struct ledger_range *place = &ledger->ranges[at];
    memmove(place + 1, place, (ledger->range_count - at) * sizeof *place);
    *place = range;
    ledger->range_count++;
    ledger->ranges_changed = true;
}

static void remove_range(struct ledger *ledger, size_t at)
{
    struct ledger_range *place = &ledger->ranges[at];
    ledger->range_count--;
    memmove(place, place + 1, (ledger->range_count - at) * sizeof *place);
}

/* Of a serial that is missing. */
static void fill_gap(struct ledger *ledger, uint64_t serial)
{
    const size_t at = find_range(ledger, serial);
    struct ledger_range *range = &ledger->ranges[at];
    const struct ledger_range rest = {serial + 1, range->last, range->detected};
    ledger->ranges_changed = true;
    if (range->first == range->last) {
        remove_range(ledger, at);
    } else if (range->first == serial) {
        range->first++;
    } else {
        range->last = serial - 1;
        if (rest.first <= rest.last)
            insert_range(ledger, at + 1, rest);
    }
}

/* ---- merging ---- */

/* How many neighbours are so near. */
static size_t count_near(const struct ledger *ledger, uint64_t distance)
{
    size_t count = 0;
    for (size_t i = 1; i < ledger->range_count; i++)
        count += ledger->ranges[i].first - ledger->ranges[i - 1].last <= distance;
    return count;
}

/* The least distance at which `wanted` neighbours are near. Searched for, not sorted for: that wants no memory. */
static uint64_t find_distance(const struct ledger *ledger, size_t wanted)
{
    uint64_t most = 1;
    while (count_near(ledger, most) < wanted)
        most = most * 2 + 1;
    uint64_t least = most / 2 + 1;
    while (least < most) {
        const uint64_t middle = least + (most - least) / 2;
        if (count_near(ledger, middle) < wanted)
            least = middle + 1;
        else
            most = middle;
    }
    return least;
}

/* All that are too many in one pass, the lowest first where distances are equal. It comes to the same as merging the
 * two nearest again and again, because a merge changes no other distance. */
static void merge_nearest(struct ledger *ledger)
{
    const size_t excess = ledger->range_count - LEDGER_MOST_RANGES;
    const uint64_t widest = find_distance(ledger, excess);
    size_t ties = excess - count_near(ledger, widest - 1);
    struct ledger_range *kept = ledger->ranges;
    for (size_t i = 1; i < ledger->range_count; i++) {
        const struct ledger_range *range = &ledger->ranges[i];
        const uint64_t distance = range->first - kept->last;
        if (distance > widest || (distance == widest && ties == 0)) {
            *++kept = *range;
            continue;
        }
        ties -= distance == widest;
        kept->last = range->last;
        if (range->detected < kept->detected)
            kept->detected = range->detected;
    }
    ledger->range_count = LEDGER_MOST_RANGES;
}

/* ---- one report ---- */

static int compare_serials(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Clients number in the order in which they write: most reports need no sorting. */
static void sort_serials(struct ledger_report *report)
{
    size_t kept = 1;
    for (size_t i = 1; i < report->count; i++) {
        if (report->serials[i] < report->serials[i - 1]) {
            qsort(report->serials, report->count, sizeof *report->serials, compare_serials);
            break;
        }
    }
    for (size_t i = 1; i < report->count; i++)
        if (report->serials[i] != report->serials[kept - 1])
            report->serials[kept++] = report->serials[i];
    report->count = kept;
}

static int64_t settle_date(const struct ledger_report *report)
{
    return report->date == LEDGER_NO_TIME || report->date > report->now + A_DAY ? report->now : report->date;
}

static uint64_t highest(const struct ledger_report *report)
{
    return report->serials[report->count - 1];
}

static bool goes_on(const struct ledger *ledger, const struct ledger_report *report)
{
    bool found = highest(report) > ledger->high;
    for (size_t i = 0; i < report->count && !found; i++)
        found = is_missing(ledger, report->serials[i]);
    return found;
}

static void flush_event(struct note *note)
{
    if (note->untold && note->tell != NULL)
        note->tell(note->owner, &note->event);
    note->untold = false;
}

static void add_event(struct note *note, enum ledger_verdict verdict, uint64_t first, uint64_t last)
{
    if (note->untold && note->event.verdict == verdict && note->event.last + 1 == first) {
        note->event.last = last;
        return;
    }
    flush_event(note);
    note->event = (struct ledger_event){verdict, first, last};
    note->untold = true;
}

/* The table of 4.2, row by row. */
static enum ledger_verdict judge(const struct note *note, uint64_t serial)
{
    const struct ledger *ledger = note->ledger;
    const struct ledger_policy *policy = note->policy;
    const int64_t date = note->report.date;
    if (date < ledger->restart_date)
        return LEDGER_STALE;
    if (!ledger->known)
        return LEDGER_FIRST;
    if (serial == ledger->high + 1)
        return LEDGER_NEXT;
    if (serial > ledger->high)
        return serial - ledger->high > policy->max_gap ? LEDGER_RESTARTED : LEDGER_OPENS_GAP;
    if (is_missing(ledger, serial))
        return LEDGER_FILLS_GAP;
    if (serial < ledger->first && date < ledger->first_date + policy->min_missing_age)
        return LEDGER_EARLY;
    if (serial == ledger->high || date <= ledger->latest_date || note->goes_on)
        return LEDGER_REPEAT;
    return LEDGER_RESTARTED;
}

static void open_gap(struct note *note, uint64_t first, uint64_t last)
{
    const struct ledger_range range = {first, last, note->report.now};
    add_event(note, LEDGER_OPENS_GAP, first, last);
    insert_range(note->ledger, find_range(note->ledger, first), range);
}

static void begin_at(struct note *note, uint64_t serial)
{
    struct ledger *ledger = note->ledger;
    ledger->known = true;
    ledger->first = ledger->high = serial;
    ledger->first_date = note->report.date;
}

static void restart(struct note *note)
{
    struct ledger *ledger = note->ledger;
    add_event(note, LEDGER_RESTARTED, ledger->high, highest(&note->report));
    begin_at(note, highest(&note->report));
    ledger->restart_date = note->report.date;
    ledger->restarts++;
    ledger->restarted = true;
    ledger->issued = LEDGER_NO_SERIAL;
    ledger->range_count = 0;
    ledger->ranges_changed = true;
}

static void apply(struct note *note, enum ledger_verdict verdict, uint64_t serial)
{
    struct ledger *ledger = note->ledger;
    if (verdict != LEDGER_OPENS_GAP)
        add_event(note, verdict, serial, serial);
    if (verdict == LEDGER_FIRST) {
        begin_at(note, serial);
        if (note->policy->expect_first && serial > 1)
            open_gap(note, 1, serial - 1);
    } else if (verdict == LEDGER_NEXT) {
        ledger->high = serial;
    } else if (verdict == LEDGER_OPENS_GAP) {
        open_gap(note, ledger->high + 1, serial - 1);
        ledger->high = serial;
    } else if (verdict == LEDGER_FILLS_GAP) {
        fill_gap(ledger, serial);
    }
}

static void take_serials(struct note *note)
{
    for (size_t i = 0; i < note->report.count; i++) {
        const uint64_t serial = note->report.serials[i];
        if (note->ledger->range_count == LEDGER_ROOM)
            merge_nearest(note->ledger);
        const enum ledger_verdict verdict = judge(note, serial);
        if (verdict == LEDGER_RESTARTED) {
            restart(note);
            return;
        }
        apply(note, verdict, serial);
    }
}

void ledger_note(struct ledger *ledger, const struct ledger_report *report, const struct ledger_policy *policy,
                 void (*tell)(void *owner, const struct ledger_event *event), void *owner)
{
    struct note note = {.ledger = ledger, .report = *report, .policy = policy, .tell = tell, .owner = owner};
    if (report->count == 0)
        return;
    sort_serials(&note.report);
    note.report.date = settle_date(report);
    note.goes_on = goes_on(ledger, &note.report);
    take_serials(&note);
    flush_event(&note);
    if (ledger->range_count > LEDGER_MOST_RANGES)
        merge_nearest(ledger);
    if (note.report.date > ledger->latest_date)
        ledger->latest_date = note.report.date;
}

/* ---- the whole ---- */

void ledger_complete(struct ledger *ledger)
{
    size_t done = 0;
    if (ledger->issued == LEDGER_NO_SERIAL)
        return;
    while (done < ledger->range_count && ledger->ranges[done].last <= ledger->issued)
        done++;
    ledger->range_count -= done;
    memmove(ledger->ranges, ledger->ranges + done, ledger->range_count * sizeof ledger->ranges[0]);
    ledger->ranges_changed = ledger->ranges_changed || done > 0;
    ledger->restarted = false;
    ledger->issued = LEDGER_NO_SERIAL;
}

uint64_t ledger_missing(const struct ledger *ledger)
{
    uint64_t count = 0;
    for (size_t i = 0; i < ledger->range_count; i++)
        count += ledger->ranges[i].last - ledger->ranges[i].first + 1;
    return count;
}
