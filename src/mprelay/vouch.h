/*
 * Whom a reverse proxy has seen, by a certificate that it checked, and whether a report is that one's (proxy-identity).
 *
 * What it hides: the form of the rule; how one name is taken out of a distinguished name, or a list of names, so that
 * nothing else that somebody got into a certificate can pass for it.
 * Calling sequence: vouch_rule_parse for the setting; for each request that a proxy has sent, vouch_read with what it
 * says, and vouch_bind when the report is parsed. Pure.
 * Errors: ERROR_UNTRUSTED with rule "binding": what the proxy says names nobody or several, or another than the report.
 */
#ifndef MPRELAY_VOUCH_H
#define MPRELAY_VOUCH_H

#include "base/mem.h"
#include "report/report.h"

enum { VOUCH_NAME_SIZE = 128 };

enum vouch_for { VOUCH_NOBODY, VOUCH_CLIENT, VOUCH_MACHINE };

/* HEADER TEXT, where one piece of the header is TEXT with the name in place of {client} or {machine}. */
struct vouch_rule {
    struct span header;                 /* empty: nobody is ever vouched for */
    struct span before;                 /* the name */
    struct span after;
    enum vouch_for kind;
};

struct vouch {
    enum vouch_for kind;
    char name[VOUCH_NAME_SIZE];         /* of a client: its normal form (report_client_key) */
};

/* NULL: there is no rule. What is parsed points into `text`. */
bool vouch_rule_parse(const char *text, struct vouch_rule *out, struct error *err) MUST_CHECK;

/* `lines`: the value of each line of the rule's header. Nobody is vouched for by none, or by one that is empty. */
bool vouch_read(const struct vouch_rule *rule, const struct span *lines, size_t count, struct vouch *out,
                struct error *err) MUST_CHECK;

bool vouch_bind(const struct vouch *vouch, const struct sender *sender, struct error *err) MUST_CHECK;

#endif
