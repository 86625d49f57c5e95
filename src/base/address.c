/* The decision hidden here: an IPv6 address stands in brackets, so that its last colon is not taken for the port's. */
#include "base/address.h"

#include "base/mem.h"

#include <netdb.h>
#include <string.h>

enum { HOST_SIZE = 256, PORT_SIZE = 8 };

static bool is_port(const char *text)
{
    uint64_t port;
    return strlen(text) < PORT_SIZE && span_to_uint64(span_of(text), &port) && port <= 65535;
}

/* The host without brackets. */
static bool split(const char *text, char host[HOST_SIZE], const char **port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || !is_port(colon + 1))
        return false;
    struct span name = {text, (size_t)(colon - text)};
    if (name.len >= 2 && name.at[0] == '[' && name.at[name.len - 1] == ']') {
        name.at++;
        name.len -= 2;
    } else if (memchr(name.at, ':', name.len) != NULL) {
        return false;                   /* an IPv6 address without brackets */
    }
    if (name.len == 0 || name.len >= HOST_SIZE)
        return false;
    memcpy(host, name.at, name.len);
    host[name.len] = '\0';
    *port = colon + 1;
    return true;
}

bool address_find(const char *setting, const char *text, const char *forms, struct address *out, struct error *err)
{
    char host[HOST_SIZE];
    const char *port;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found;
    if (!split(text, host, &port))
        return error_set(err, ERROR_MALFORMED, "%s = %.100s: not an address; write %s", setting, text, forms);
    const int result = getaddrinfo(host, port, &hints, &found);
    if (result != 0)
        return error_set(err, ERROR_MALFORMED, "%s = %.100s: %s", setting, text, gai_strerror(result));
    memcpy(&out->at, found->ai_addr, found->ai_addrlen);
    out->len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}
