/*
 * The sockets that clients connect to: opened from `listen` values, and one thread that accepts from all of them.
 *
 * What it hides: address syntax, unix sockets and their leftovers, what to do when descriptors run out. An accepted
 * socket is handed to `take`, which owns it from then on.
 */
#ifndef MPRELAY_LISTENER_H
#define MPRELAY_LISTENER_H

#include "base/config.h"
#include "base/error.h"

#include <sys/socket.h>

struct listener;
bool listener_open(const struct config_list *addresses, struct listener **out, struct error *err) MUST_CHECK;
bool listener_start(struct listener *listener,
                    void (*take)(void *owner, int fd, const struct sockaddr *peer, socklen_t len), void *owner,
                    struct error *err) MUST_CHECK;
/* Closes the sockets, so that clients are refused by the kernel, and ends the thread. NULL is allowed. */
void listener_close(struct listener *listener);

#endif
