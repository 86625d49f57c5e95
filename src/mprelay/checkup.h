/*
 * Could a report be kept now? Asked by requests, as many as come: a load balancer's.
 *
 * What it hides: a thread, since who asks must not wait for a disk that may hang; that one look answers all who asked
 * before it. What the answer means: that of readiness.c, as far as it is about keeping reports. When it changes the log
 * says so, once.
 * Calling sequence: checkup_open, checkup_ask from any thread, checkup_close when nobody asks any more; it answers all
 * that was asked. A question is the caller's and must stay untouched until its `done`, which must be short.
 */
#ifndef MPRELAY_CHECKUP_H
#define MPRELAY_CHECKUP_H

#include "base/error.h"
#include "spool/spool.h"

struct checkup_question {
    /* Exactly once, from the thread; NULL: it could. */
    void (*done)(struct checkup_question *question, const struct error *err);
    struct checkup_question *next;      /* its own */
};

struct checkup;
/* The spool, and the path of its inbox, are the caller's and stay valid. */
bool checkup_open(struct spool *spool, const char *inbox, struct checkup **out, struct error *err) MUST_CHECK;
void checkup_ask(struct checkup *checkup, struct checkup_question *question);
void checkup_close(struct checkup *checkup);    /* NULL is allowed */

#endif
