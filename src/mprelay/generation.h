/*
 * A generation: spool and workers as one set of settings wants them. Most settings are taken by the generation that runs
 * (generation_reload). For those that decide which directories, threads and buffers there are a new one is opened beside
 * it, the listener turned to that, and the old one closed when all that it has in hand is answered.
 *
 * What it hides: paths below the root, the limit of open files, in what order its parts are opened and closed. Two
 * generations work on one inbox as two processes do: the journal belongs to the older one until that has ended.
 * Calling sequence: generation_open, generation_start, then sockets for generation->http; generation_close, when no socket
 * comes any more, which takes as long as requests in hand and the disk do. The settings stay until then.
 */
#ifndef MPRELAY_GENERATION_H
#define MPRELAY_GENERATION_H

#include "base/daemon.h"
#include "http.h"

struct generation {
    char outboxes[3][DAEMON_PATH_SIZE];     /* by enum smx_queue */
    char journal[DAEMON_PATH_SIZE];
    struct relay relay;
    struct http *http;
};

/* Their paths only. */
bool generation_write_paths(struct generation *generation, const struct settings *settings,
                            struct error *err) MUST_CHECK;

/* What goes on over all generations stays the caller's and valid: of `common` that are counters, repeats, registrar
 * and throttle. */
bool generation_open(const struct settings *settings, const struct relay *common, struct generation **out,
                     struct error *err) MUST_CHECK;
bool generation_start(struct generation *generation, struct error *err) MUST_CHECK;
/* Settings of which none is RENEWED. Those before stay until the generation is closed. */
bool generation_reload(struct generation *generation, const struct settings *settings, struct error *err) MUST_CHECK;
/* Answers all that it has in hand; may be left out before generation_close. NULL is allowed. */
void generation_stop(struct generation *generation);
void generation_close(struct generation *generation);   /* NULL is allowed */

#endif
