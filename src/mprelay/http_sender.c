/* The decision hidden here: lines are looked for by their whole name, so X_Forwarded_For, which some servers take for the
 * same, is no line of a proxy; and all of them count, so a client's own beside the proxy's is seen. */
#include "http_sender.h"

#include "base/log.h"

#include <stdio.h>

enum { MOST_LINES = 100 };              /* of a head: http_head.c refuses more */

struct lines {
    struct span name;
    struct span at[MOST_LINES];
    size_t count;
};

struct look {
    struct lines addresses;
    struct lines names;
};

static void begin(struct lines *lines, struct span name)
{
    lines->name = name;
    lines->count = 0;                   /* the rest is not worth clearing, for each request */
}

static void note(struct lines *lines, struct span name, struct span value)
{
    if (lines->name.len > 0 && lines->count < MOST_LINES && span_equal_nocase(name, lines->name))
        lines->at[lines->count++] = value;
}

static enum MHD_Result look_at_header(void *owner, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                      const char *value, size_t value_len)
{
    struct look *look = owner;
    const struct span said = {name, name_len}, text = {value == NULL ? "" : value, value_len};
    (void)kind;
    note(&look->addresses, said, text);
    note(&look->names, said, text);
    return MHD_YES;
}

static void complain(const struct connection *connection, const struct lines *lines, struct proxy_liars *liars)
{
    if (lines->count > 0 && proxy_liars_add(liars, connection->address, lines->name))
        log_warning("Relay: %s is no trusted-proxy: its %.*s is ignored, now and later", connection->address,
                    (int)lines->name.len, lines->name.at);
}

bool http_sender_read(struct MHD_Connection *library, const struct connection *connection,
                      const struct http_sender_rules *rules, struct http_sender *out, struct error *err)
{
    struct look look;
    begin(&look.addresses, rules->address_header);
    begin(&look.names, rules->vouch.header);
    (void)MHD_get_connection_values_n(library, MHD_HEADER_KIND, look_at_header, &look);
    (void)snprintf(out->address, sizeof out->address, "%s", connection->address);
    out->forwarded = false;
    out->vouch.kind = VOUCH_NOBODY;
    if (!connection->proxied) {
        complain(connection, &look.addresses, rules->liars);
        complain(connection, &look.names, rules->liars);
        return true;
    }
    if (proxies_find_client(rules->proxies, look.addresses.at, look.addresses.count, out->address))
        out->forwarded = !proxies_have(rules->proxies, out->address);
    return vouch_read(&rules->vouch, look.names.at, look.names.count, &out->vouch, err);
}
