/*
 * A fleet at work: its reports over HTTP, or its answers to resync requests.
 *
 * What it hides: many connections at once, the pace, that a client has one report under way at a time (so that its
 * reports arrive in order), trying again what was not taken, asking the relay who is wanted for a resync.
 *
 * A report counts as sent after a 2xx. One that is refused for good, unless it was broken on purpose, ends the run; so
 * does a server that is not there, or takes nothing for longer than our patience. ERROR_MALFORMED: refused, or no
 * requests are handed out there; ERROR_BUSY: nobody answers, or takes anything. One thread.
 */
#ifndef SMX_SIMULATION_H
#define SMX_SIMULATION_H

#include "fleet.h"
#include "post.h"

struct simulation {
    struct fleet_settings fleet;
    struct post post;
    uint64_t reports;               /* to send; where resyncs are answered: sent by an earlier run */
    uint64_t rate;                  /* reports a second; 0: as fast as it goes */
    int64_t patience;               /* with a server that takes nothing, microseconds */
    bool answers;                   /* answer resync requests, and send nothing else */
    bool progress;                  /* shown on standard error each second */
};

struct simulation_sums {
    uint64_t sent;                  /* reports */
    uint64_t messages;              /* in them */
    uint64_t again;                 /* tries that were not the first */
    uint64_t broken_refused;
    uint64_t broken_taken;          /* by a server that does not look into reports */
    uint64_t asked;                 /* clients that asked for resync requests */
    int64_t time;                   /* that it took, microseconds */
};

bool simulation_run(const struct simulation *simulation, struct simulation_sums *out, struct error *err) MUST_CHECK;

/* How many reports each client sends of the first so many; `counts` has room for all clients. */
void simulation_count(const struct fleet_settings *fleet, uint64_t reports, uint32_t *counts);

#endif
