/*
 * The ledger: what we know of one client's numbering of its state messages (spec/statesys.md 4.1, 4.2, 4.4).
 *
 * What it hides: which serial numbers have been seen, which are missing, and what a late, repeated or restarted number
 * means. Every serial from `first` to `high` that stands in no range has been seen. No SQL and no clock: times come in
 * as arguments, microseconds UTC. What is counted at all (4.1) is the caller's to decide; it passes those serials only.
 *
 * Calling sequence: ledger_init, and fill in what the database knows of the client; ledger_note with the serials of one
 * report; write back what changed. A ledger is plain data and owns nothing. Nothing here fails.
 */
#ifndef STATESYS_LEDGER_H
#define STATESYS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEDGER_MOST_RANGES = 1000,      /* after a note; beyond, the nearest are merged: what lies between is missing too */
    LEDGER_ROOM = 2 * LEDGER_MOST_RANGES    /* while a report is noted, so that many are merged at once */
};

#define LEDGER_MOST_SERIAL ((uint64_t)INT64_MAX)
#define LEDGER_NO_SERIAL UINT64_MAX
#define LEDGER_NO_TIME INT64_MIN

/* The rows of 4.2. */
enum ledger_verdict {
    LEDGER_STALE,           /* from before the last restart: nothing */
    LEDGER_FIRST,
    LEDGER_NEXT,
    LEDGER_OPENS_GAP,
    LEDGER_FILLS_GAP,
    LEDGER_EARLY,           /* sent before we knew the client, or with another priority: nothing */
    LEDGER_REPEAT,          /* nothing */
    LEDGER_RESTARTED
};

struct ledger_policy {
    bool expect_first;              /* first-serial = expect-1: what is below the first serial seen is missing */
    int64_t min_missing_age;        /* Min Missing Message Age, microseconds */
    uint64_t max_gap;               /* a jump of more, from `high` to the serial, counts as restarted */
};

struct ledger_range {
    uint64_t first;
    uint64_t last;
    int64_t detected;
};

struct ledger {
    bool known;                     /* false: no serial seen yet, and nothing else counts */
    bool restarted;                 /* ResyncReason restart: a resync is wanted at once */
    bool ranges_changed;            /* they are to be written back; who did so clears it */
    unsigned restarts;
    uint64_t first;                 /* F */
    uint64_t high;                  /* H */
    uint64_t issued;                /* `high` when a resync was asked for; LEDGER_NO_SERIAL: none is under way */
    int64_t first_date;             /* of the report that held `first` */
    int64_t latest_date;            /* D */
    int64_t restart_date;           /* B; LEDGER_NO_TIME: never restarted */
    size_t range_count;
    struct ledger_range ranges[LEDGER_ROOM];    /* R, ascending, with a serial that was seen between each two */
};

struct ledger_report {
    uint64_t *serials;              /* in any order; sorted, and repeated ones removed, by ledger_note */
    size_t count;
    int64_t date;                   /* LEDGER_NO_TIME: none was sent */
    int64_t now;                    /* when it is loaded */
};

/* Serials that follow one another, of one verdict. LEDGER_OPENS_GAP tells those that are missing, LEDGER_RESTARTED the
 * old `high` and the new one. */
struct ledger_event {
    enum ledger_verdict verdict;
    uint64_t first;
    uint64_t last;
};

/* Nothing is known yet. */
void ledger_init(struct ledger *ledger);

/* Notes the serials of one report. `tell` may be NULL. */
void ledger_note(struct ledger *ledger, const struct ledger_report *report, const struct ledger_policy *policy,
                 void (*tell)(void *owner, const struct ledger_event *event), void *owner);

/* The resync that was issued is complete: what was missing up to `issued` will not come any more. Nothing if none is
 * under way: a restart ends it, for what it asked for was another numbering. */
void ledger_complete(struct ledger *ledger);

/* How many serials are missing. */
uint64_t ledger_missing(const struct ledger *ledger);

#endif
