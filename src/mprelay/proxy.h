/*
 * Reverse proxies: who is one (trusted-proxy), and whose request it is that came through them.
 *
 * What it hides: addresses and networks of both families in one form; that of all that X-Forwarded-For says only the end
 * can be believed, which proxies of ours wrote: what stands before it the client may have sent.
 * Addresses are texts as the log has them, in PEER_ADDRESS_SIZE; "unix" is who came over a unix socket.
 * Pure but for memory. Any thread may ask.
 */
#ifndef MPRELAY_PROXY_H
#define MPRELAY_PROXY_H

#include "base/config.h"
#include "base/mem.h"
#include "peers.h"

struct proxies;
/* Of ADDRESS, ADDRESS/BITS and unix: as trusted-proxy has them. ERROR_MALFORMED: it is none of these. */
bool proxies_open(const struct config_list *list, struct proxies **out, struct error *err) MUST_CHECK;
void proxies_close(struct proxies *proxies);    /* NULL is allowed */

bool proxies_have(const struct proxies *proxies, const char *address);  /* NULL has none */

/* The address that the last proxy of ours was asked from: `lines` are the values of all lines of X-Forwarded-For of a
 * request that a proxy has sent, in their order. Where only proxies are named it is the first of them. False: no address
 * was told. */
bool proxies_find_client(const struct proxies *proxies, const struct span *lines, size_t count,
                         char out[PEER_ADDRESS_SIZE]);

/* A name that a line of a head can have; not empty. */
bool proxy_is_header(struct span name);

/* Who was found to write a header that only a proxy may write. It forgets some where there are many. */
enum { PROXY_LIARS = 256 };
struct proxy_liars {
    _Atomic uint64_t known[PROXY_LIARS];
};
/* Is it the first time? */
bool proxy_liars_add(struct proxy_liars *liars, const char *address, struct span header);

#endif
