/*
 * A TCP address as settings write it: ADDRESS:PORT or [IPV6]:PORT, 0 lets the kernel choose the port.
 *
 * What it hides: the two forms, and the resolver. Owns nothing.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "base/error.h"

#include <sys/socket.h>

struct address {
    struct sockaddr_storage at;
    socklen_t len;
};

/* ERROR_MALFORMED: "SETTING = TEXT: why"; `forms` are those that the setting has. */
bool address_find(const char *setting, const char *text, const char *forms, struct address *out,
                  struct error *err) MUST_CHECK;

#endif
