/*
 * Where the things of a site are that the verbs of smx look into: the database, the inbox, the logs.
 *
 * What it hides: the state system's own settings, which are read for the few that say where (spec/smx.md 3), and where
 * no other site is named those of the relay.
 * A place is plain data and owns nothing.
 */
#ifndef SMX_PLACE_H
#define SMX_PLACE_H

#include "base/daemon.h"

enum { PLACE_QUEUES = 3 };

/* As given on the command line; NULL: not. */
struct place_options {
    const char *config; /* of the state system; else /etc/statesys.conf, if it is there */
    const char *root;
    const char *database;
};

struct place {
    char database[DAEMON_PATH_SIZE];             /* a path, or a URL */
    char queues[PLACE_QUEUES][DAEMON_PATH_SIZE]; /* incoming/high, incoming, incoming/low: as the state system reads */
    char process[DAEMON_PATH_SIZE];
    char corrupt[DAEMON_PATH_SIZE];
    char retry[DAEMON_PATH_SIZE];
    char logs[DAEMON_PATH_SIZE];
    char journal[DAEMON_PATH_SIZE]; /* the relay's */
    char admin[DAEMON_PATH_SIZE]; /* ADDRESS:PORT of the state system's pages; "": none */
};

/* Errors as config_open has them. */
bool place_find(const struct place_options *options, struct place *out, struct error *err) MUST_CHECK;

#endif
