/*
 * The decision hidden here: an address is 16 bytes, an IPv4 one as IPv6 maps it (::ffff:192.0.2.1), so a network is a
 * number of bits at its beginning and nothing else. X-Forwarded-For is read from its end, and no further than needed: a
 * client that writes thousands of addresses into it makes no work.
 */
#include "proxy.h"

#include "base/sys.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <string.h>

enum { BYTES = 16, MAPPED = 96, ALL = 128, MOST_TEXT = 48 };

static const unsigned char mapped[BYTES] = {[10] = 0xFF, [11] = 0xFF};

struct network {
    unsigned char address[BYTES];
    unsigned bits;
};

struct proxies {
    bool local;                         /* unix: */
    size_t count;
    struct network networks[];
};

/* ---- addresses ---- */

static bool read_address(struct span text, unsigned char out[BYTES])
{
    char copy[MOST_TEXT];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.at, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET6, copy, out) == 1)
        return true;
    memcpy(out, mapped, BYTES);
    return inet_pton(AF_INET, copy, out + MAPPED / 8) == 1;
}

static bool has_bits(const unsigned char address[BYTES], const unsigned char of[BYTES], unsigned bits)
{
    const unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(address, of, whole) == 0 &&
           (rest == 0 || ((address[whole] ^ of[whole]) & (0xFF00U >> rest & 0xFFU)) == 0);
}

static void write_address(const unsigned char address[BYTES], char out[PEER_ADDRESS_SIZE])
{
    if (has_bits(address, mapped, MAPPED))
        (void)inet_ntop(AF_INET, address + MAPPED / 8, out, PEER_ADDRESS_SIZE);
    else
        (void)inet_ntop(AF_INET6, address, out, PEER_ADDRESS_SIZE);
}

static bool is_proxy(const struct proxies *proxies, const unsigned char address[BYTES])
{
    for (size_t i = 0; i < proxies->count; i++)
        if (has_bits(address, proxies->networks[i].address, proxies->networks[i].bits))
            return true;
    return false;
}

bool proxies_have(const struct proxies *proxies, const char *address)
{
    unsigned char bytes[BYTES];
    if (proxies == NULL)
        return false;
    if (strcmp(address, "unix") == 0)
        return proxies->local;
    return read_address(span_of(address), bytes) && is_proxy(proxies, bytes);
}

/* ---- trusted-proxy ---- */

static bool read_bits(struct span text, unsigned *bits)
{
    uint64_t number;
    if (text.len > 3 || !span_to_uint64(text, &number) || number > ALL)
        return false;
    *bits = (unsigned)number;
    return true;
}

static bool read_network(struct span text, struct network *out)
{
    const char *slash = memchr(text.at, '/', text.len);
    const struct span address = {text.at, slash == NULL ? text.len : (size_t)(slash - text.at)};
    const unsigned before = memchr(address.at, ':', address.len) == NULL ? MAPPED : 0;
    out->bits = ALL - before;
    if (!read_address(address, out->address) ||
        (slash != NULL && !read_bits((struct span){slash + 1, text.len - address.len - 1}, &out->bits)))
        return false;
    out->bits += before;
    return out->bits <= ALL;
}

/* 10.1.2.3/8 may be meant as 10.1.2.3 or as 10.0.0.0/8. */
static bool is_exact(const struct network *network)
{
    unsigned char first[BYTES] = {0};
    for (unsigned bit = 0; bit < network->bits; bit++)
        first[bit / 8] |= (unsigned char)(network->address[bit / 8] & (0x80U >> bit % 8));
    return memcmp(first, network->address, BYTES) == 0;
}

static bool add(struct proxies *proxies, const char *text, struct error *err)
{
    struct network *network = &proxies->networks[proxies->count];
    if (strcmp(text, "unix:") == 0) {
        proxies->local = true;
        return true;
    }
    if (!read_network(span_of(text), network))
        return error_set(err, ERROR_MALFORMED, "trusted-proxy = %.100s: write ADDRESS, ADDRESS/BITS or unix:", text);
    if (!is_exact(network))
        return error_set(err, ERROR_MALFORMED, "trusted-proxy = %.100s: the address goes on behind its first %s bits",
                         text, strchr(text, '/') + 1);
    proxies->count++;
    return true;
}

bool proxies_open(const struct config_list *list, struct proxies **out, struct error *err)
{
    struct proxies *proxies = sys.allocate(sizeof *proxies + list->count * sizeof proxies->networks[0]);
    if (proxies == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the addresses of proxies");
    proxies->local = false;
    proxies->count = 0;
    for (size_t i = 0; i < list->count; i++)
        if (!add(proxies, list->at[i], err)) {
            proxies_close(proxies);
            return false;
        }
    *out = proxies;
    return true;
}

void proxies_close(struct proxies *proxies)
{
    sys.release(proxies);
}

/* ---- X-Forwarded-For ---- */

/* Some proxies write the port, too: 192.0.2.1:4711, [2001:db8::1]:4711. Empty: it is none of these. */
static struct span without_port(struct span hop)
{
    const char *colon = memrchr(hop.at, ':', hop.len);
    if (hop.len > 0 && hop.at[0] == '[') {
        const char *end = memchr(hop.at, ']', hop.len);
        const bool ends = end != NULL && (end + 1 == hop.at + hop.len || end + 1 == colon);
        return ends ? (struct span){hop.at + 1, (size_t)(end - hop.at) - 1} : (struct span){hop.at, 0};
    }
    if (colon != NULL && memchr(hop.at, ':', hop.len) == colon)
        hop.len = (size_t)(colon - hop.at);
    return hop;
}

/* The last one of a line; false: it was the only one left. */
static bool take_hop(struct span *line, struct span *hop)
{
    const char *comma = memrchr(line->at, ',', line->len);
    const size_t begin = comma == NULL ? 0 : (size_t)(comma - line->at) + 1;
    *hop = span_trim((struct span){line->at + begin, line->len - begin});
    line->len = comma == NULL ? 0 : begin - 1;
    return comma != NULL;
}

/* Each proxy of ours has added whom it was asked by; the first address from the end that is none is the client's. A hop
 * that is no address ends what can be known. */
bool proxies_find_client(const struct proxies *proxies, const struct span *lines, size_t count,
                         char out[PEER_ADDRESS_SIZE])
{
    unsigned char address[BYTES];
    struct span hop;
    bool found = false;
    for (size_t i = count; i > 0; i--) {
        struct span line = lines[i - 1];
        for (bool more = line.len > 0; more;) {
            more = take_hop(&line, &hop);
            if (!read_address(without_port(hop), address))
                return found;
            write_address(address, out);
            if (!is_proxy(proxies, address))
                return true;
            found = true;
        }
    }
    return found;
}

/* ---- headers ---- */

bool proxy_is_header(struct span name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.at[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return name.len > 0;
}

/* ---- who lies ---- */

/* FNV-1a of 64 bits. */
static uint64_t hash(uint64_t value, struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        value = (value ^ (unsigned char)text.at[i]) * 1099511628211U;
    return value;
}

bool proxy_liars_add(struct proxy_liars *liars, const char *address, struct span header)
{
    const uint64_t value = hash(hash(14695981039346656037U, span_of(address)), header);
    return atomic_exchange(&liars->known[value % PROXY_LIARS], value) != value;
}
