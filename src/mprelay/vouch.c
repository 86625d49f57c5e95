/*
 * The decision hidden here: what the proxy says is cut into pieces at its commas, as both a distinguished name (RFC 4514)
 * and a list of alternative names have them, and exactly one piece must fit the rule. A comma, quote or plus sign that
 * somebody got into another part of his certificate is escaped, and so does not begin a piece; where a proxy does not
 * escape it there are two that fit, or a name with signs that no name has, and nobody is believed.
 */
#include "vouch.h"

#include "proxy.h"

#include <string.h>

enum { MOST_HEADER = 64, NETBIOS = 15 };

/* ---- the rule ---- */

static bool find_place(struct span text, const char *word, struct vouch_rule *rule)
{
    const size_t len = strlen(word);
    const char *at = memmem(text.at, text.len, word, len);
    if (at == NULL)
        return false;
    rule->before = (struct span){text.at, (size_t)(at - text.at)};
    rule->after = (struct span){at + len, text.len - rule->before.len - len};
    return true;
}

static bool holds(struct span text, const char *word)
{
    struct vouch_rule ignored;
    return find_place(text, word, &ignored);
}

/* Exactly one of them, once, and nothing that ends a piece. */
static bool read_form(struct span form, struct vouch_rule *rule)
{
    if (find_place(form, "{client}", rule))
        rule->kind = VOUCH_CLIENT;
    else if (find_place(form, "{machine}", rule))
        rule->kind = VOUCH_MACHINE;
    else
        return false;
    return !holds(rule->after, "{client}") && !holds(form, rule->kind == VOUCH_CLIENT ? "{machine}" : "{client}") &&
           !holds(rule->after, "{machine}") && !holds(form, ",") && !holds(form, "\\") && !holds(form, "\"");
}

bool vouch_rule_parse(const char *text, struct vouch_rule *out, struct error *err)
{
    struct vouch_rule rule = {.kind = VOUCH_NOBODY, .header = {"", 0}};
    if (text == NULL) {
        *out = rule;
        return true;
    }
    rule.header = (struct span){text, strcspn(text, " \t")};
    const struct span form = span_trim(span_of(text + rule.header.len));
    if (rule.header.len > MOST_HEADER || !proxy_is_header(rule.header) || !read_form(form, &rule))
        return error_set(
            err, ERROR_MALFORMED,
            "proxy-identity = %.100s: write HEADER and the form of what it says, with {client} or {machine} "
            "once in the place of the name, as in X-SSL-Client-S-DN CN={machine}",
            text);
    *out = rule;
    return true;
}

/* ---- what the proxy says ---- */

static bool refuse(const struct vouch_rule *rule, const char *why, struct error *err)
{
    return error_refuse(err, ERROR_UNTRUSTED, "binding", "%.*s, set by the proxy, %s", (int)rule->header.len,
                        rule->header.at, why);
}

/* Up to its comma. False: it holds a quote, which nobody can say the meaning of, or ends with a backslash. */
static bool take_piece(struct span *rest, struct span *piece)
{
    size_t len = 0;
    for (; len < rest->len && rest->at[len] != ','; len++) {
        if (rest->at[len] == '"' || (rest->at[len] == '\\' && ++len == rest->len))
            return false;
    }
    const size_t taken = len < rest->len ? len + 1 : len;
    *piece = span_trim((struct span){rest->at, len});
    *rest = (struct span){rest->at + taken, rest->len - taken};
    return true;
}

static bool fits(const struct vouch_rule *rule, struct span piece, struct span *name)
{
    const size_t around = rule->before.len + rule->after.len;
    if (piece.len < around)
        return false;
    *name = (struct span){piece.at + rule->before.len, piece.len - around};
    return span_equal_nocase((struct span){piece.at, rule->before.len}, rule->before) &&
           span_equal_nocase((struct span){name->at + name->len, rule->after.len}, rule->after);
}

static bool find_name(const struct vouch_rule *rule, struct span value, struct span *name, struct error *err)
{
    struct span piece, found;
    size_t count = 0;
    while (value.len > 0) {
        if (!take_piece(&value, &piece))
            return refuse(rule, "has a quote or an escape that cannot be read", err);
        if (fits(rule, piece, &found)) {
            *name = found;
            count++;
        }
    }
    return count == 1 ||
           refuse(rule, count == 0 ? "does not have the form of proxy-identity" : "names more than one", err);
}

/* As clients and machines are called. */
static bool is_name(struct span text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:";
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '\0' || strchr(allowed, text.at[i]) == NULL)
            return false;
    return text.len > 0;
}

static bool read_name(const struct vouch_rule *rule, struct span name, struct vouch *out, struct error *err)
{
    struct vouch vouch = {.kind = rule->kind};
    if (name.len < VOUCH_NAME_SIZE && is_name(name)) {
        if (rule->kind == VOUCH_CLIENT)
            (void)report_client_key(name, vouch.name);
        else
            memcpy(vouch.name, name.at, name.len);
    }
    if (vouch.name[0] == '\0')
        return refuse(rule, "has no name in the place of the name", err);
    *out = vouch;
    return true;
}

bool vouch_read(const struct vouch_rule *rule, const struct span *lines, size_t count, struct vouch *out,
                struct error *err)
{
    struct span name = {"", 0};
    if (count > 1)
        return refuse(rule, "is there more than once", err);
    if (count == 1 && span_trim(lines[0]).len > 0)
        return find_name(rule, span_trim(lines[0]), &name, err) && read_name(rule, name, out, err);
    out->kind = VOUCH_NOBODY;
    return true;
}

/* ---- the report ---- */

/* What Windows calls a machine is its host name, cut to 15 characters. */
static bool is_machine(const char *host, struct span name)
{
    struct span label = {host, strcspn(host, ".")};
    if (name.len == NETBIOS && label.len > NETBIOS)
        label.len = NETBIOS;
    return label.len > 0 && span_equal_nocase(label, name);
}

bool vouch_bind(const struct vouch *vouch, const struct sender *sender, struct error *err)
{
    const bool by_machine = vouch->kind == VOUCH_MACHINE;
    const struct span who = by_machine ? span_trim(sender->name) : sender->id;
    if (vouch->kind == VOUCH_NOBODY ||
        (by_machine ? is_machine(vouch->name, who) : span_equal(span_of(vouch->name), sender->key)))
        return true;
    return error_refuse(err, ERROR_UNTRUSTED, "binding", "the proxy vouches for '%.80s', the report is of '%.*s'",
                        vouch->name, (int)(who.len < 80 ? who.len : 80), who.at);
}
