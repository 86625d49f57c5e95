/*
 * The reports of a fleet that the loader is measured with: the same ones, in the same order, for whoever is measured.
 *
 * Clients take turns, so 256 reports that follow one another are of 256 clients. Each has as many topics as make 20,000
 * states in all; a state is reported again and again, most often with another state, always later.
 */
#ifndef BENCH_FLEET_H
#define BENCH_FLEET_H

#include "base/mem.h"
#include "report/report.h"

enum { FLEET_STATES = 20000, FLEET_MOST_MESSAGES = 20, FLEET_ROWS = 256 };
#define FLEET_NOW ((int64_t)1700000000 * 1000000)

struct fleet {
    unsigned messages; /* of each report: 1 to FLEET_MOST_MESSAGES */
    unsigned clients;
    unsigned topics; /* of each client */
    uint64_t made;   /* reports */
};

struct fleet_report {
    struct report report;
    struct state_message messages[FLEET_MOST_MESSAGES];
    unsigned client; /* from 0 */
    char id[48];
    char name[16];
    char file[32];
    char topics[FLEET_MOST_MESSAGES][40];
    unsigned char hash[32]; /* stands for the content's */
};

void fleet_init(struct fleet *fleet, unsigned messages);
void fleet_next(struct fleet *fleet, struct fleet_report *out);

#endif
