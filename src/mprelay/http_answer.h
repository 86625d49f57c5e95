/*
 * What a client is told: ready-made answers for each outcome, by the policy of error.c (spec/wire.md 4).
 *
 * Made once for a set of settings, then read by all workers; the library counts who still sends one. Only the answers
 * of the plain form are made for each request.
 */
#ifndef MPRELAY_HTTP_ANSWER_H
#define MPRELAY_HTTP_ANSWER_H

#include "relay.h"

#include <microhttpd.h>

struct answers {
    struct MHD_Response *kept;                  /* async-reply */
    struct MHD_Response *kept_closing;          /* the same, and the connection ends */
    struct MHD_Response *fallback;              /* fsp-reply */
    struct MHD_Response *fallback_closing;
    struct MHD_Response *refused[ERROR_KINDS];
    struct MHD_Response *fallback_method;
    char retry_after[24];
    bool hide;                                  /* refuse-style = empty200 */
};

bool answers_open(const struct settings *settings, struct answers *out, struct error *err) MUST_CHECK;
void answers_close(struct answers *answers);

/* The status that the client is told: under refuse-style = empty200 not always that of the policy. */
unsigned answer_status(const struct answers *answers, const struct task *task, bool plain);

/* Queues the answer to a finished task. `plain`: JSON; `closing`: the connection ends after it. */
enum MHD_Result answer_send(const struct answers *answers, struct MHD_Connection *connection, const struct task *task,
                            bool plain, bool closing);

#endif
