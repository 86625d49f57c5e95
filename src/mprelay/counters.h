/*
 * What the relay counts while it works. Any thread counts without waiting: each figure is one relaxed atomic addition.
 *
 * Calling sequence: counters_init before threads start. Each verdict of the log is one counters_note_report and one
 * counters_note_request; a registration that was answered is one
 * counters_note_registration instead, and a question that was answered (http_resync.h) is a request only. The labels of
 * what is counted are few and fixed, whatever is sent: a status or a rule that is not in the tables counts as "other".
 */
#ifndef MPRELAY_COUNTERS_H
#define MPRELAY_COUNTERS_H

#include "base/error.h"
#include "base/metrics.h"
#include "report/registration.h"

enum counters_result { RESULT_KEPT, RESULT_REPEATED, RESULT_REFUSED, RESULT_FAILED, RESULTS };
/* OTHER: its head never showed what it is. */
enum counters_form { FORM_OTHER, FORM_CCM, FORM_PLAIN, FORM_FSP, FORM_RESYNC, FORM_INFO, FORMS };
enum { COUNTERS_RULES = 14, COUNTERS_STATUSES = 15 };

/* The words of the labels, by the index of the counter. */
extern const char *const counters_results[RESULTS];
extern const char *const counters_forms[FORMS];
extern const char *const counters_rules[COUNTERS_RULES];
extern const char *const counters_registrations[REGISTRATION_STATUSES];
extern const char *const counters_statuses[COUNTERS_STATUSES];

struct counters {
    struct metrics_counter reports[RESULTS];
    struct metrics_counter refusals[COUNTERS_RULES];
    struct metrics_counter registrations[REGISTRATION_STATUSES];
    struct metrics_counter requests[FORMS][COUNTERS_STATUSES];
    struct metrics_histogram request_time;      /* from the request line to the answer, microseconds */
    struct metrics_histogram commit_time;       /* of a batch, microseconds */
    struct metrics_histogram batch_reports;
    _Atomic uint64_t connections;               /* open now */
};

void counters_init(struct counters *counters);
/* What the verdict says; ERROR_NONE: kept. */
void counters_note_report(struct counters *counters, const struct error *err);
void counters_note_repeated(struct counters *counters);     /* kept before, and not again */
void counters_note_registration(struct counters *counters, enum registration_status status);
void counters_note_request(struct counters *counters, enum counters_form form, unsigned status);

#endif
