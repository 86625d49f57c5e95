/* The decision hidden here: which label each request and each verdict counts under. */
#include "counters.h"

#include <stdio.h>
#include <string.h>

const char *const counters_results[RESULTS] = {
    [RESULT_KEPT] = "kept", [RESULT_REPEATED] = "repeated", [RESULT_REFUSED] = "refused", [RESULT_FAILED] = "failed"};
const char *const counters_registrations[REGISTRATION_STATUSES] = {[REGISTRATION_DONE] = "registered",
                                                                   [REGISTRATION_PENDING] = "pending",
                                                                   [REGISTRATION_LATER] = "deferred",
                                                                   [REGISTRATION_REJECTED] = "rejected"};
const char *const counters_forms[FORMS] = {[FORM_OTHER] = "other", [FORM_CCM] = "ccm",       [FORM_PLAIN] = "plain",
                                           [FORM_FSP] = "fsp",     [FORM_RESYNC] = "resync", [FORM_INFO] = "info"};

/* The words of spec/logs.md 4. The last stands for all that is not there. */
const char *const counters_rules[COUNTERS_RULES] = {"http",   "multipart", "envelope", "endpoint", "hook",
                                                    "report", "signature", "binding",  "policy",   "limit",
                                                    "zlib",   "body",      "filetype", "other"};
const char *const counters_statuses[COUNTERS_STATUSES] = {"200", "204", "400", "401", "403", "404", "405",  "408",
                                                          "413", "415", "431", "500", "503", "507", "other"};

void counters_init(struct counters *counters)
{
    static const uint64_t times[] = {200,    500,    1000,   2000,   5000,    10000,   20000,    50000,
                                     100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000, 0};
    static const uint64_t sizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 0};
    metrics_init(&counters->request_time, 1000000, times);
    metrics_init(&counters->commit_time, 1000000, times);
    metrics_init(&counters->batch_reports, 1, sizes);
}

static size_t index_of(const char *word, const char *const *words, size_t count)
{
    size_t i = 0;
    while (i < count - 1 && strcmp(word, words[i]) != 0)
        i++;
    return i;
}

void counters_note_report(struct counters *counters, const struct error *err)
{
    const struct error_policy *policy = error_policy(err->kind);
    if (err->kind == ERROR_NONE) {
        metrics_add(&counters->reports[RESULT_KEPT], 1);
    } else if (policy->again || policy->ours) {
        metrics_add(&counters->reports[RESULT_FAILED], 1);
    } else {
        const char *rule = err->rule == NULL ? "http" : err->rule;      /* as the log says */
        metrics_add(&counters->reports[RESULT_REFUSED], 1);
        metrics_add(&counters->refusals[index_of(rule, counters_rules, COUNTERS_RULES)], 1);
    }
}

void counters_note_repeated(struct counters *counters)
{
    metrics_add(&counters->reports[RESULT_REPEATED], 1);
}

void counters_note_registration(struct counters *counters, enum registration_status status)
{
    metrics_add(&counters->registrations[status], 1);
}

void counters_note_request(struct counters *counters, enum counters_form form, unsigned status)
{
    char word[12];
    size_t i = 0;
    if (status != 200) {                /* the first, and nearly all */
        (void)snprintf(word, sizeof word, "%u", status);
        i = index_of(word, counters_statuses, COUNTERS_STATUSES);
    }
    metrics_add(&counters->requests[form][i], 1);
}
