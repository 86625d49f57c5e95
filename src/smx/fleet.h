/*
 * A fleet of clients: what each of them reports next, and which of its messages get lost on the way.
 *
 * What it hides: the life of updates as clients tell of it (scanned, required, downloading, installing, pending restart,
 * installed; some are not required, some fail and are tried again), how serial numbers are taken, the order in which
 * clients have their turn, and the ways in which a report can be broken.
 *
 * Pure: random numbers come from the seed, the time is an argument. Clients do not depend on each other, so the life of
 * any of them can be lived again from its beginning: that is how a later call knows what an earlier one has sent.
 * A client sends all its reports with one priority and its first message always gets through: so the state system
 * knows its first serial number whatever waits in which queue, and holds missing exactly what was left out.
 *
 * Calling sequence: fleet_begin for each client; fleet_turn says whose turn is next, fleet_next what it sends.
 * Source: spec/statesys.md 4, 6.3, 6.4.
 */
#ifndef SMX_FLEET_H
#define SMX_FLEET_H

#include "report/report.h"

enum {
    FLEET_UPDATES = 40,
    FLEET_DEPLOYMENTS = 5,
    FLEET_TOPICS = 2 * FLEET_UPDATES + 2 * FLEET_DEPLOYMENTS + 1,   /* of one client */
    FLEET_MOST_MESSAGES = FLEET_TOPICS + 1,
    FLEET_MOST_RANGES = 5,              /* left out before the messages of one report */
    FLEET_FLOOD = 100,                  /* as much as others */
    FLEET_MOST_GAPS = 90,
};

struct fleet_settings {
    uint64_t seed;
    uint32_t clients;
    uint32_t floods;                    /* that many clients send FLEET_FLOOD reports in each turn of the others */
    unsigned gaps;                      /* percent of the messages take a serial number and are never sent */
    unsigned bad;                       /* percent of the reports are sent broken before they are sent sound */
    int64_t start;                      /* of the first messages */
};

struct fleet_client {
    uint32_t number;                    /* 0 to clients - 1 */
    uint32_t reports;                   /* made so far */
    uint64_t random;
    uint64_t serial;                    /* the last one taken */
    int64_t time;                       /* of the last message */
    unsigned update;
    unsigned step;                      /* of its life */
};

struct fleet_range {
    uint64_t first;
    uint64_t last;
};

struct fleet_report {
    struct report report;               /* its spans point into what follows: not to be copied */
    struct state_message messages[FLEET_MOST_MESSAGES];
    char topics[FLEET_MOST_MESSAGES][40];
    char id[48];
    char name[16];
    unsigned damage;                    /* of the copy that is sent first; 0: none is */
    struct fleet_range left_out[FLEET_MOST_RANGES];
    size_t left_out_count;
};

void fleet_begin(const struct fleet_settings *settings, uint32_t number, struct fleet_client *out);
/* "GUID:" and the normal form of a client's id (spec/smx.md 6.1). */
void fleet_write_id(const struct fleet_settings *settings, uint32_t number, char out[48]);

/* How many reports until each client had its turn, and whose turn the nth is. */
uint64_t fleet_round(const struct fleet_settings *settings);
uint32_t fleet_turn(const struct fleet_settings *settings, uint64_t nth);

/* `date`: when the report is made. */
void fleet_next(const struct fleet_settings *settings, struct fleet_client *client, int64_t date,
                struct fleet_report *out);
/* Breaks a report as compose_report wrote it, so that no reader may take it. */
void fleet_damage(unsigned damage, struct buffer *text);

/* A client with all that it would still know. */
struct fleet_state {
    uint32_t state;                     /* 0: never reported */
    int64_t time;
};
struct fleet_life {
    struct fleet_client client;
    struct fleet_state states[FLEET_TOPICS];
};

struct fleet_listener {
    void (*left_out)(void *owner, const struct fleet_range *range);     /* in order */
    void *owner;
};

/* Lives a client's life until it has made so many reports. `listener` may be NULL. */
void fleet_relive(const struct fleet_settings *settings, uint32_t number, uint64_t reports,
                  const struct fleet_listener *listener, struct fleet_life *out);
/* The answer to a resync request: every state again with its old MessageTime and a fresh serial number, and message
 * 700/1 last. That one has no serial number: the ledger would not count it, and miss it afterwards. */
void fleet_resync(const struct fleet_settings *settings, struct fleet_life *life, int64_t date,
                  struct fleet_report *out);

#endif
