/* The decision hidden here: an IPv6 address stands in brackets, so that its last colon is not taken for the port's. */
#include "base/address.h"

#include "base/mem.h"
#include "base/sys.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

enum { HOST_SIZE = 256, PORT_SIZE = 8 };

bool address_take(const struct address *address, int fd, const struct sockaddr *at, socklen_t len, struct error *err)
{
    if (bind(fd, at, len) == 0 && listen(fd, SOMAXCONN) == 0)
        return true;
    (void)error_os(err, "%s = %s: cannot take this address%s", address->setting, address->text,
                   errno == EADDRINUSE ? " (is another program listening there?)" : "");
    (void)sys.close(fd);                /* never used */
    return false;
}

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

static bool find(const struct address *address, struct addrinfo **out, struct error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    char host[HOST_SIZE];
    const char *port;
    if (!split(address->text, host, &port))
        return error_set(err, ERROR_MALFORMED, "%s = %.100s: not an address; write %s", address->setting, address->text,
                         address->forms);
    const int result = getaddrinfo(host, port, &hints, out);
    return result == 0 ||
           error_set(err, ERROR_MALFORMED, "%s = %.100s: %s", address->setting, address->text, gai_strerror(result));
}

static bool open_found(const struct address *address, const struct addrinfo *found, int *out, struct error *err)
{
    const int on = 1;
    const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_os(err, "%s = %s: cannot make a socket", address->setting, address->text);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);     /* else a restart waits a minute */
    if (found->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on); /* else [::]:80 takes 0.0.0.0:80 too */
    if (!address_take(address, fd, found->ai_addr, found->ai_addrlen, err))
        return false;
    *out = fd;
    return true;
}

bool address_is_off(const char *text)
{
    return text == NULL || strcmp(text, "off") == 0;
}

bool address_listen(const struct address *address, int *out, struct error *err)
{
    struct addrinfo *found;
    if (!find(address, &found, err))
        return false;
    const bool opened = open_found(address, found, out, err);
    freeaddrinfo(found);
    return opened;
}
