/*
 * The sockets that clients connect to, and one thread that accepts from all of them.
 *
 * What it hides: where they come from: handed in by the service manager, given by the relay whose place we take
 * (handover.h), or opened from `listen` values; address syntax, unix sockets and their leftovers, what to do when
 * descriptors run out. An accepted socket is handed to `take`, which owns it from then on; listener_turn changes whom.
 */
#ifndef MPRELAY_LISTENER_H
#define MPRELAY_LISTENER_H

#include "base/config.h"
#include "base/error.h"
#include "handover.h"

#include <stdint.h>
#include <sys/socket.h>

struct listener;
/* Those of `given` that are in the list are used in place of new ones, and not its own to remove before it has started. */
bool listener_open(const struct config_list *addresses, struct handover_sockets *given, struct listener **out,
                   struct error *err) MUST_CHECK;
bool listener_start(struct listener *listener,
                    void (*take)(void *owner, int fd, const struct sockaddr *peer, socklen_t len), void *owner,
                    struct error *err) MUST_CHECK;
/* When it returns nothing is handed to the owner before any more. */
void listener_turn(struct listener *listener, void *owner);
/* How it is called, as in `listen`; NULL behind the last. */
const char *listener_name(const struct listener *listener, size_t number);
/* As they are given to who takes our place. */
void listener_write_sockets(const struct listener *listener, struct handover_sockets *out);
/* Others listen on them now: unix sockets keep their names. */
void listener_give_up(struct listener *listener);
/* When its thread last looked, sys_ticks. */
int64_t listener_looked(const struct listener *listener);
/* Closes the sockets, so that clients are refused by the kernel, and ends the thread. NULL is allowed. */
void listener_close(struct listener *listener);

#endif
