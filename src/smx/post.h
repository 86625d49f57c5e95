/*
 * Reports posted as clients post them: in the envelope or plain, and what a client makes of the answer.
 *
 * Calling sequence: post_init; post_begin for each report, over a web (web.h) of the caller's, whose `done` asks
 * post_judge. Source: spec/wire.md 1, 4.4.
 */
#ifndef SMX_POST_H
#define SMX_POST_H

#include "report/signature.h"
#include "web.h"

struct post {
    bool plain;
    char host[WEB_HOST_SIZE];       /* ours */
    struct web_place place;
    const struct signature_signer *signer;      /* NULL: unsigned. The caller's, set after post_init */
};

/* `to` is the URL of the server, or a whole one with path. */
bool post_init(struct post *post, const char *to, bool plain, struct error *err) MUST_CHECK;

struct post_report {
    struct span file;               /* as it is: for the plain form */
    struct span text;               /* UTF-16LE without byte order mark: for the envelope */
    struct span source_id;          /* for the envelope; empty: the sender is not registered */
    struct buffer *envelope;        /* initialised, and the caller's until the answer, as all of it */
    void *owner;
};

bool post_begin(const struct post *post, struct web *web, const struct post_report *report,
                struct error *err) MUST_CHECK;

enum post_verdict {
    POST_KEPT,
    POST_AGAIN,                     /* not kept now: the same again later */
    POST_REFUSED,                   /* for good */
    POST_UNANSWERED,                /* nobody knows; the same again later */
};
enum post_verdict post_judge(const struct web_answer *answer);

#endif
