/*
 * One relay takes the place of another on the same root: it is given the sockets that listen, so that no client is refused
 * meanwhile. For an upgrade without a service manager (mprelay(8) "take-over").
 *
 * What it hides: how the two find each other, by the root, and trust each other, by their user; that nobody stops before
 * the other is ready.
 * Calling sequence, of who comes: handover_take; handover_find for each address; handover_finish, with `ready` when it
 * accepts connections. Of who is there: handover_open before it limits itself (sandbox.h), handover_start,
 * handover_close; when another has taken its place `given` is called once, from a thread of its own; also when it ends
 * while another has its sockets and is not ready yet.
 */
#ifndef MPRELAY_HANDOVER_H
#define MPRELAY_HANDOVER_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { HANDOVER_MOST = 72, HANDOVER_NAME_SIZE = 288 };

/* Descriptors, each with the address as `listen` has it. */
struct handover_sockets {
    size_t count;
    int fds[HANDOVER_MOST];
    char names[HANDOVER_MOST][HANDOVER_NAME_SIZE];
    int connection;                     /* to who gave them; -1: nobody is there */
};

void handover_add(struct handover_sockets *sockets, const char *name, int fd);
/* -1: it is not among them. The descriptor is the caller's from then on. */
int handover_find(struct handover_sockets *sockets, const char *name);

/* True also where nobody is there: then there are none. Who is there but does not answer, as one that was stopped by a
 * signal, is waited for during `patience`, microseconds. */
bool handover_take(const char *root, int64_t patience, struct handover_sockets *out, struct error *err) MUST_CHECK;
/* Without `ready` the other goes on as if nothing had been. Closes what nobody found. */
void handover_finish(struct handover_sockets *sockets, bool ready);

struct handover;
/* Not for who works beside another on the same root without having been given its sockets: an error then. */
bool handover_open(const char *root, struct handover_sockets *given, struct handover **out,
                   struct error *err) MUST_CHECK;
bool handover_start(struct handover *handover, const struct handover_sockets *sockets, void (*given)(void *owner),
                    void *owner, struct error *err) MUST_CHECK;
void handover_close(struct handover *handover); /* NULL is allowed */

#endif
