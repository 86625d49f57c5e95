/*
 * The fallback status point: what it takes (spec/wire.md 6). Clients that cannot reach their site tell here, over plain
 * HTTP and unsigned, how their installation goes; so it takes little: a few topic types, so many messages in a time.
 *
 * What it hides: its path; what the settings fsp-topics look like. Pure but for the throttle. Refusals carry the rule
 * words "http" and "policy"; ERROR_BUSY is the throttle's.
 */
#ifndef MPRELAY_FSP_H
#define MPRELAY_FSP_H

#include "base/error.h"
#include "report/report.h"
#include "settings.h"
#include "throttle.h"

/* Never where it is off. */
bool fsp_is_asked(const struct settings *settings, const char *path);

/* For the table of settings: topics are numbers and ranges FIRST-LAST, and where it is on there is one. */
bool fsp_check(const struct settings *settings, struct error *err) MUST_CHECK;

/* At the head, before anything is read: is there room for any? */
bool fsp_check_room(struct throttle *throttle, int64_t now, struct error *err) MUST_CHECK;
/* True: its valid messages are of such topics, and all its messages are counted; *taken is how many. */
bool fsp_take(const struct settings *settings, const struct report *report, struct throttle *throttle, int64_t now,
              uint64_t *taken, struct error *err) MUST_CHECK;

/* Would the state system's ledger count it as its sender's? */
bool fsp_is_counted(const struct report *report);

#endif
