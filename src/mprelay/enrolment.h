/*
 * A client's registration from the text of its message to the bytes of its answer (spec/wire.md 5, 4.2).
 *
 * What it hides: the order of steps, and what the relay calls itself in an answer.
 * Calling sequence: enrol on a worker's thread, when the envelope is open and says that it registers. What comes out
 * lies in the arena. Errors: those of registration_parse, registrar_decide and of the arena; ERROR_UNTRUSTED with rule
 * "binding": another than the one that a proxy vouches for.
 */
#ifndef MPRELAY_ENROLMENT_H
#define MPRELAY_ENROLMENT_H

#include "registrar.h"
#include "report/envelope.h"

struct enrolment {
    struct registrar_decision decision;
    struct span answer;         /* an HTTP body of REPLY_CONTENT_TYPE */
};

struct enrolment_tools {
    struct registrar *registrar;
    struct xml_reader *reader;
    struct keyring *keys;
    struct span vouched;        /* the client that a proxy vouches for; empty: none */
};

bool enrol(const struct enrolment_tools *tools, const struct settings *settings, const struct message *message,
           struct arena *arena, struct enrolment *out, struct error *err) MUST_CHECK;

#endif
