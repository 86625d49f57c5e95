/*
 * GET /SMS_MP/.sms_aut?MPLIST and MPCERT: what clients ask about a management point (spec/wire.md 7). Load balancers take
 * the first for their health check: it is answered with 500 while no report can be kept.
 *
 * What it hides: the paths, how the query is taken apart, the answers. mplist.h knows the questions and the list.
 * Calling sequence, on a worker's thread: info_is_asked at the head; when all of the request is there info_read; where
 * info_wants_checkup, checkup_ask, and task->err from what that says; info_answer. info_open for each set of settings.
 */
#ifndef MPRELAY_HTTP_INFO_H
#define MPRELAY_HTTP_INFO_H

#include "mplist.h"
#include "relay.h"

#include <microhttpd.h>

struct info_question {
    enum mplist_question asked;
    char site[MPLIST_SITE_SIZE];
};

/* The text of MPCERT, to be released with sys.release; {NULL, 0} where mp-certificate is not set. */
bool info_open(const struct settings *settings, struct span *certificate, struct error *err) MUST_CHECK;

/* Never where info-endpoints is off. */
bool info_is_asked(const struct settings *settings, const char *path);
/* ERROR_NOT_FOUND: nothing that we know is asked. */
bool info_read(struct MHD_Connection *library, struct info_question *out, struct error *err) MUST_CHECK;
bool info_wants_checkup(const struct info_question *question);
/* NULL: task->err says why not. Who queues the response destroys it. */
struct MHD_Response *info_answer(const struct info_question *question, struct span certificate, struct task *task,
                                 bool closing, unsigned *status);

#endif
