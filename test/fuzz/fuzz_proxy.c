/*
 * Any lines as X-Forwarded-For, and as what a proxy says of a certificate: a reader that goes through all hops from the
 * beginning finds the same client; and who is vouched for has a name of the allowed characters, which stands in the one line
 * there is, and which a report must have.
 */
#include "../../src/mprelay/proxy.h"
#include "../../src/mprelay/vouch.h"

#include "fuzz.h"

enum { MOST_LINES = 8 };

static const char *const rules[] = {
    "X-Name {client}",
    "X-Name {machine}",
    "X-Name CN={machine}",
    "X-Name CN={{client}}",
    "X-Name URI:urn:uuid:{client}",
};

/* ---- hops ---- */

static const struct proxies *proxies(void)
{
    static const char *const list[] = {"127.0.0.1", "10.0.0.0/8", "2001:db8::/33", "unix:"};
    static const struct config_list addresses = {list, sizeof list / sizeof list[0]};
    static struct proxies *opened;
    struct error err;
    require(opened != NULL || proxies_open(&addresses, &opened, &err));
    return opened;
}

/* The first hop that is no address forgets those before it; a client's takes the place of any before it, a proxy's only
 * of none. */
static void note_hop(struct span hop, char client[PEER_ADDRESS_SIZE])
{
    char address[PEER_ADDRESS_SIZE];
    if (!proxies_find_client(proxies(), &hop, 1, address))
        client[0] = '\0';
    else if (client[0] == '\0' || !proxies_have(proxies(), address))
        memcpy(client, address, PEER_ADDRESS_SIZE);
}

static void check_hops(const struct span *lines, size_t count)
{
    char expected[PEER_ADDRESS_SIZE] = "";
    char client[PEER_ADDRESS_SIZE] = "";
    for (size_t i = 0; i < count; i++)
        for (struct span rest = lines[i]; rest.len > 0;) {
            const char *comma = memchr(rest.at, ',', rest.len);
            const size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.at);
            if (len > 0 || comma != NULL)
                note_hop((struct span){rest.at, len}, expected);
            rest = (struct span){rest.at + len + (comma != NULL), rest.len - len - (comma != NULL)};
            if (comma != NULL && rest.len == 0)
                expected[0] = '\0'; /* it ends with a comma */
        }
    const bool told = proxies_find_client(proxies(), lines, count, client);
    require(told == (expected[0] != '\0') && (!told || strcmp(client, expected) == 0));
}

/* ---- names ---- */

static bool holds(struct span value, const char *name)
{
    const size_t len = strlen(name);
    for (size_t i = 0; i + len <= value.len; i++)
        if (span_equal_nocase((struct span){value.at + i, len}, span_of(name)))
            return true;
    return false;
}

static void check_name(const struct vouch *vouch, struct span value)
{
    static const char allowed[] = "-._:0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    struct error err;
    char key[VOUCH_NAME_SIZE];
    struct sender sender = {.id = span_of(vouch->name)};
    require(vouch->name[0] != '\0' && strspn(vouch->name, allowed) == strlen(vouch->name) && holds(value, vouch->name));
    sender.name = (struct span){vouch->name, strcspn(vouch->name, ".")};
    sender.key = (struct span){key, report_client_key(sender.id, key)};
    require(vouch_bind(vouch, &sender, &err) ==
            (vouch->kind == VOUCH_MACHINE ? sender.name.len > 0 : span_equal(sender.key, sender.id)));
    sender.id = sender.name = sender.key = SPAN("?");
    require(!vouch_bind(vouch, &sender, &err) && err.kind == ERROR_UNTRUSTED);
}

static void check_names(const struct span *lines, size_t count)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct vouch_rule rule;
        struct vouch vouch = {.kind = VOUCH_NOBODY};
        struct error err = {0};
        require(vouch_rule_parse(rules[i], &rule, &err));
        if (!vouch_read(&rule, lines, count, &vouch, &err))
            require(err.kind == ERROR_UNTRUSTED && err.text[0] != '\0' && vouch.kind == VOUCH_NOBODY);
        else if (vouch.kind == VOUCH_NOBODY)
            require(count == 0 || (count == 1 && span_trim(lines[0]).len == 0));
        else
            require(count == 1 && vouch.kind == rule.kind);
        if (vouch.kind != VOUCH_NOBODY)
            check_name(&vouch, lines[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span lines[MOST_LINES];
    struct span rest = {(const char *)bytes, size};
    size_t count = 0;
    while (rest.len > 0 && count < MOST_LINES) {
        const char *end = memchr(rest.at, '\n', rest.len);
        const size_t len = end == NULL ? rest.len : (size_t)(end - rest.at);
        lines[count++] = (struct span){rest.at, len};
        rest = (struct span){rest.at + len + (end != NULL), rest.len - len - (end != NULL)};
    }
    check_hops(lines, count);
    check_names(lines, count);
    return 0;
}
