/*
 * Who has sent a request: the one at the other end of the connection or, if that is a trusted-proxy, the one that it names
 * in the head, by address and by certificate. For one request: a proxy sends those of many clients over one connection.
 *
 * What it hides: which lines of a head are the proxy's; that they are worth nothing from anybody else, which is said in
 * the log once for each who tries. Reads the library's view of the head.
 */
#ifndef MPRELAY_HTTP_SENDER_H
#define MPRELAY_HTTP_SENDER_H

#include "connection.h"
#include "proxy.h"
#include "vouch.h"

#include <microhttpd.h>

struct http_sender_rules {
    const struct proxies *proxies;
    struct proxy_liars *liars;
    struct span address_header;         /* forwarded-header; empty: none is believed */
    struct vouch_rule vouch;            /* proxy-identity */
};

struct http_sender {
    char address[PEER_ADDRESS_SIZE];    /* as the log shows it */
    bool forwarded;                     /* by a proxy, and it is no proxy itself */
    struct vouch vouch;
};

/* False only if what the proxy says of the certificate cannot be believed (vouch.h); the address is there all the same. */
bool http_sender_read(struct MHD_Connection *library, const struct connection *connection,
                      const struct http_sender_rules *rules, struct http_sender *out, struct error *err) MUST_CHECK;

#endif
