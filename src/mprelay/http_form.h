/*
 * What a request is, by its head: a report in one of its two forms or for the fallback status point; and whether one of
 * that form may have such a head (spec/wire.md 1, 6).
 *
 * What it hides: the paths, the methods, which types and codings belong to which form.
 * A worker asks form_note when the head is read, form_check when the sender is known and it is no question. Errors carry
 * the rule word. Pure; any thread.
 */
#ifndef MPRELAY_HTTP_FORM_H
#define MPRELAY_HTTP_FORM_H

#include "http_head.h"
#include "relay.h"

/* Notes in the task whom it is for, its form, and as what it is counted; also of one that is refused afterwards, which is
 * answered in the way of its form. */
void form_note(struct task *task, const char *path, const char *method, const struct head *head);

/* `type` keeps the boundary for the task. */
bool form_check(struct task *task, const char *path, const char *method, const struct head *head,
                struct envelope_type *type) MUST_CHECK;

#endif
