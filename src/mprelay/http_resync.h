/*
 * GET /mprelay/resync?client=<GUID>: whether the state system asks that client for a resync (spec/statesys.md 4.3).
 *
 * What it hides: the path, what a question must look like, and the answers: 204, it does not; 200 and the text of the
 * request. It is a small read of a local file, so it is done on the worker's thread.
 * A worker asks resync_is_asked and resync_check_head at the head, resync_answer when all of the request is there.
 */
#ifndef MPRELAY_HTTP_RESYNC_H
#define MPRELAY_HTTP_RESYNC_H

#include "http_head.h"
#include "relay.h"

#include <microhttpd.h>

/* Never where no resync-dir is set. */
bool resync_is_asked(const struct settings *settings, const char *path);
/* GET or HEAD, without a body. */
bool resync_check_head(const char *method, const struct head *head, struct error *err) MUST_CHECK;
/* NULL: task->err says why not. Who queues the response destroys it. */
struct MHD_Response *resync_answer(struct MHD_Connection *library, struct task *task, bool closing, unsigned *status);

#endif
