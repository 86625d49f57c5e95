/*
 * The decision hidden here: a message is judged by the key of its SourceID or, where it says none, of the client that
 * its report is about; so leaving SourceID out gains nothing. That the signature is looked for by SourceID and the
 * report counts for ClientID is no gap, because the two must be one. To be vouched for is as good as to sign, but a client
 * whose key is known need not sign only if it is vouched for as that client: machines are known by a name that any client
 * may write into its report.
 */
#include "report/trust.h"

#include "msg.h"

static bool refuse(struct error *err, const char *why)
{
    return error_refuse(err, ERROR_UNTRUSTED, "policy", "%s", why);
}

static bool normalize(struct span id, struct arena *arena, struct span *out, struct error *err)
{
    char *key = arena_alloc(arena, id.len);
    if (key == NULL)
        return arena_error(arena, "limit", err);
    *out = (struct span){key, report_client_key(id, key)};
    return true;
}

/* ---- the table ---- */

static bool judge_unsigned(const struct trust_rules *rules, bool must_sign, struct error *err)
{
    if (rules->policy == TRUST_REQUIRE && !rules->vouched)
        return refuse(err, "it is unsigned, and signature-policy is require");
    return !must_sign || refuse(err, "it is unsigned, and the client's key is known");
}

static bool judge_unknown(const struct trust_rules *rules, struct trust *trust, struct error *err)
{
    if (rules->policy == TRUST_REQUIRE && !rules->vouched)
        return refuse(err, "its key is not known, and signature-policy is require");
    trust->verdict = rules->vouched ? TRUST_VOUCHED : TRUST_UNKNOWN_KEY;
    return true;
}

static bool judge_known(const struct trust_rules *rules, const struct message *message, const struct signature_key *key,
                        struct trust *trust, struct error *err)
{
    if (!signature_check(&message->signature, key, message->payload, rules->allow_sha1, err))
        return false;
    trust->verdict = TRUST_SIGNED;
    return true;
}

/* ---- keys at first sight ---- */

/* Its own key, if it brings one with which it is signed well: *out is NULL else. */
static bool read_introduction(const struct trust_rules *rules, const struct message *message,
                              struct signature_key **out, struct error *err)
{
    struct error why;
    *out = NULL;
    if (message->public_key.len == 0)
        return true;
    if (signature_key_read_blob(message->public_key, out, &why) &&
        signature_check(&message->signature, *out, message->payload, rules->allow_sha1, &why))
        return true;
    signature_key_close(*out);
    *out = NULL;
    if (why.kind != ERROR_NO_MEMORY)
        return true;
    *err = why;
    return false;
}

static bool add_key(const struct trust_rules *rules, struct span client, const struct signature_key *key,
                    struct error *err)
{
    struct buffer pem;
    buffer_init(&pem, SIGNATURE_MOST_FILE);
    const bool added = signature_key_write(key, &pem, err) &&
                       rules->keys.add(rules->keys.owner, client, buffer_span(&pem), err);
    buffer_fini(&pem);
    return added;
}

/* Somebody else may have been faster, perhaps with another key: then that one counts. */
static bool introduce(const struct trust_rules *rules, const struct message *message, struct trust *trust,
                      struct error *err)
{
    struct signature_key *own;
    const struct signature_key *key = NULL;
    if (!read_introduction(rules, message, &own, err))
        return false;
    const bool added = own != NULL && add_key(rules, trust->source, own, err);
    const bool fails = own != NULL && !added;
    signature_key_close(own);
    if (added)
        return true;
    if (fails && err->kind == ERROR_UNSUPPORTED)
        return judge_unknown(rules, trust, err);
    if (fails && err->kind != ERROR_BUSY)
        return false;
    if (!rules->keys.find(rules->keys.owner, trust->source, &key, err))
        return false;
    return key == NULL ? judge_unknown(rules, trust, err) : judge_known(rules, message, key, trust, err);
}

/* ---- the order of questions ---- */

static bool judge(const struct trust_rules *rules, const struct message *message, struct span client,
                  struct trust *trust, struct error *err)
{
    const struct signature_key *key = NULL;
    struct signature_key *own = NULL;
    if (client.len > 0 && !rules->keys.find(rules->keys.owner, client, &key, err))
        return false;
    if (!message->has_clientauth)
        return judge_unsigned(rules, key != NULL && !span_equal(client, rules->vouched_client), err);
    if (key != NULL)
        return judge_known(rules, message, key, trust, err);
    if (rules->first_use && trust->source.len > 0 && !read_introduction(rules, message, &own, err))
        return false;
    trust->introduces = own != NULL;
    trust->verdict = TRUST_SIGNED;
    signature_key_close(own);
    return trust->introduces || judge_unknown(rules, trust, err);
}

/* What is unsigned where all must be signed is refused without a look at keys. */
bool trust_check(const struct trust_rules *rules, const struct message *message, struct arena *arena,
                 struct trust *trust, struct error *err)
{
    trust->verdict = rules->vouched ? TRUST_VOUCHED : message->has_clientauth ? TRUST_NOT_CHECKED : TRUST_UNSIGNED;
    if (rules->policy == TRUST_OFF)
        return true;
    if (!message->has_clientauth && !judge_unsigned(rules, false, err))
        return false;
    return normalize(message->source_id, arena, &trust->source, err) &&
           (trust->source.len == 0 || judge(rules, message, trust->source, trust, err));
}

static bool refuse_other(struct span source, struct span client, struct error *err)
{
    char quoted[2][MSG_QUOTE_ROOM];
    return error_refuse(err, ERROR_UNTRUSTED, "binding", "'%.80s' signs a report of '%.80s'",
                        msg_quote(source, quoted[0]), msg_quote(client, quoted[1]));
}

bool trust_bind(const struct trust_rules *rules, const struct message *message, const struct sender *sender,
                struct trust *trust, struct error *err)
{
    const bool nameless = trust->source.len == 0;
    const bool other = !nameless && sender->key.len > 0 && !span_equal(trust->source, sender->key);
    if (rules->policy == TRUST_OFF)
        return true;
    if (other && message->has_clientauth)
        return refuse_other(message->source_id, sender->id, err);
    if ((nameless || other) && !judge(rules, message, sender->key, trust, err))
        return false;
    return !trust->introduces || introduce(rules, message, trust, err);
}
