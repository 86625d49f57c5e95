/*
 * Sockets that listen, at addresses as settings write them: ADDRESS:PORT or [IPV6]:PORT (port 0: the kernel chooses).
 *
 * What it hides: the forms, the resolver, the options of such a socket, the words when an address cannot be taken.
 * An IPv6 address takes IPv6 only. Errors begin with "SETTING = TEXT: "; ERROR_MALFORMED: it is no address.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "base/error.h"

#include <sys/socket.h>

/* Which setting, and what it says. */
struct address {
    const char *setting;
    const char *text;
    const char *forms;                  /* that the setting has, for who wrote another */
};

/* A setting that says that there is to be no such socket: empty (NULL) or "off". */
bool address_is_off(const char *text);
/* The socket is the caller's: closed on exec, not blocking. */
bool address_listen(const struct address *address, int *out, struct error *err) MUST_CHECK;
/* Binds and listens; closes `fd` on failure. */
bool address_take(const struct address *address, int fd, const struct sockaddr *at, socklen_t len,
                  struct error *err) MUST_CHECK;

#endif
