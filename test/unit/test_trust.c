/* Who is believed: each cell of the table of policy, whose key it is, and keys at first sight. */
#include "report/trust.h"

#include "base/sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "few.h"
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define A "GUID:9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77"
#define A_KEY "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77"
#define B "GUID:00000000-0000-0000-0000-00000000000B"
#define B_KEY "00000000-0000-0000-0000-00000000000B"

enum hand { NOBODY, HAND_A, HAND_B, SCRAWL };     /* who signed */

/* ---- two clients, and what is known of them ---- */

static struct {
    struct signature_signer *signer;
    struct buffer blob;         /* PublicKey */
    struct buffer digits;       /* over the payload */
} hands[3];

static struct {
    const struct signature_key *key[2]; /* of A and B; NULL: not known */
    unsigned finds, adds;
    enum error_kind fails;              /* to find */
    enum error_kind add_fails;
    const struct signature_key *faster; /* who is added by somebody else in the moment of adding */
    char added[4096];
} known;

static const struct span payload = {"part 2", 6};

static bool find(void *owner, struct span client, const struct signature_key **out, struct error *err)
{
    assert_ptr_equal(owner, &known);
    known.finds++;
    if (known.fails != ERROR_NONE)
        return error_set(err, known.fails, "cannot look");
    *out = span_equal(client, SPAN(A_KEY)) ? known.key[0] : span_equal(client, SPAN(B_KEY)) ? known.key[1] : NULL;
    return true;
}

static bool add(void *owner, struct span client, struct span pem, struct error *err)
{
    assert_ptr_equal(owner, &known);
    known.adds++;
    if (known.faster != NULL)
        known.key[0] = known.faster;
    if (known.add_fails != ERROR_NONE)
        return error_set(err, known.add_fails, "cannot add");
    (void)snprintf(known.added, sizeof known.added, "%.*s=%.*s", (int)client.len, client.at, (int)pem.len, pem.at);
    return true;
}

static void make_hand(int hand)
{
    struct error err;
    char *text;
    EVP_PKEY *pair = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL), 1);
    const long len = BIO_get_mem_data(bio, &text);
    buffer_init(&hands[hand].blob, 4096);
    buffer_init(&hands[hand].digits, 4096);
    assert_true(signature_signer_open((struct span){text, (size_t)len}, &hands[hand].signer, &err));
    assert_true(signature_key_write_blob(signature_signer_key(hands[hand].signer), &hands[hand].blob, &err));
    assert_true(signature_make(hands[hand].signer, payload, &hands[hand].digits, &err));
    BIO_free(bio);
    EVP_PKEY_free(pair);
}

static int make_hands(void **state)
{
    (void)state;
    make_hand(HAND_A);
    make_hand(HAND_B);
    return 0;
}

static int drop_hands(void **state)
{
    (void)state;
    for (int i = HAND_A; i <= HAND_B; i++) {
        signature_signer_close(hands[i].signer);
        buffer_fini(&hands[i].blob);
        buffer_fini(&hands[i].digits);
    }
    return 0;
}

static const struct signature_key *key_of(enum hand hand)
{
    return signature_signer_key(hands[hand].signer);
}

/* A's key is known, B's is not. */
static int know_a(void **state)
{
    (void)state;
    memset(&known, 0, sizeof known);
    known.key[0] = key_of(HAND_A);
    return 0;
}

/* ---- messages ---- */

static struct message message_of(enum hand hand, const char *source)
{
    struct message message = {.payload = payload, .source_id = span_of(source)};
    message.has_clientauth = hand != NOBODY;
    if (hand == SCRAWL)
        message.signature = (struct signature){SPAN("00FF"), SPAN(SIGNATURE_SHA256), NULL};
    else if (hand != NOBODY)
        message.signature = (struct signature){buffer_span(&hands[hand].digits), SPAN(SIGNATURE_SHA256), NULL};
    return message;
}

struct ended {
    struct trust trust;
    bool checked, taken;
    struct error err;
};

static struct ended take(const struct trust_rules *rules, const struct message *message, const char *client)
{
    struct ended ended = {.checked = false};
    struct sender sender = {.id = span_of(client)};
    char key[64];
    struct arena *arena = arena_open(65536, NULL);
    sender.key = (struct span){key, report_client_key(sender.id, key)};
    ended.checked = trust_check(rules, message, arena, &ended.trust, &ended.err);
    ended.taken = ended.checked && trust_bind(rules, message, &sender, &ended.trust, &ended.err);
    arena_close(arena);
    return ended;
}

static struct trust_rules rules_of(enum trust_policy policy)
{
    return (struct trust_rules){.policy = policy, .keys = {find, add, &known}};
}

/* ---- the table ---- */

struct row {
    enum hand hand;
    const char *source;
    const char *client;
    const char *outcomes[3];    /* off, verify, require: a word of the verdict, or the rule that refuses */
};

static const char *const words[] = {"unsigned", "not checked", "signed", "unknown key", "vouched for"};

static void assert_vouched_rows(const struct row *rows, size_t count, bool vouched, const char *client)
{
    for (size_t i = 0; i < count; i++)
        for (int policy = TRUST_OFF; policy <= TRUST_REQUIRE; policy++) {
            struct trust_rules rules = rules_of((enum trust_policy)policy);
            const struct message message = message_of(rows[i].hand, rows[i].source);
            rules.vouched = vouched;
            rules.vouched_client = span_of(client);
            const struct ended ended = take(&rules, &message, rows[i].client);
            const char *word = ended.taken ? words[ended.trust.verdict] : ended.err.rule;
            if (strcmp(word, rows[i].outcomes[policy]) != 0)
                fail_msg("row %zu, policy %d: %s, not %s", i, policy, word, rows[i].outcomes[policy]);
            assert_true(ended.taken || ended.err.kind == ERROR_UNTRUSTED);
        }
}

static void assert_rows(const struct row *rows, size_t count)
{
    assert_vouched_rows(rows, count, false, "");
}

static void each_cell_of_the_table_is_as_specified(void **state)
{
    static const struct row rows[] = {
        /* unsigned */
        {NOBODY, B, B, {"unsigned", "unsigned", "policy"}},
        {NOBODY, "", B, {"unsigned", "unsigned", "policy"}},
        {NOBODY, "", "", {"unsigned", "unsigned", "policy"}},
        /* unsigned, though the client's key is known */
        {NOBODY, A, A, {"unsigned", "policy", "policy"}},
        {NOBODY, "", A, {"unsigned", "policy", "policy"}},
        {NOBODY, B, A, {"unsigned", "policy", "policy"}},
        {NOBODY, A, B, {"unsigned", "policy", "policy"}},
        {NOBODY, A, "", {"unsigned", "policy", "policy"}},
        {NOBODY, "nonsense", A, {"unsigned", "policy", "policy"}},
        {NOBODY, "GUID:", A, {"unsigned", "policy", "policy"}},
        /* signed, known key, good */
        {HAND_A, A, A, {"not checked", "signed", "signed"}},
        {HAND_A, "", A, {"not checked", "signed", "signed"}},
        {HAND_A, A, "", {"not checked", "signed", "signed"}},
        /* signed, known key, bad */
        {HAND_B, A, A, {"not checked", "signature", "signature"}},
        {SCRAWL, A, A, {"not checked", "signature", "signature"}},
        {HAND_B, "", A, {"not checked", "signature", "signature"}},
        {SCRAWL, "GUID: ", A, {"not checked", "signature", "signature"}},
        /* signed, key unknown */
        {HAND_B, B, B, {"not checked", "unknown key", "policy"}},
        {SCRAWL, B, B, {"not checked", "unknown key", "policy"}},
        {HAND_A, "", B, {"not checked", "unknown key", "policy"}},
        {HAND_A, "nonsense", "", {"not checked", "unknown key", "policy"}},
        {HAND_A, "", "", {"not checked", "unknown key", "policy"}},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
    assert_int_equal(known.adds, 0);
}

static void who_signs_must_be_who_reports(void **state)
{
    static const struct row rows[] = {
        {HAND_A, A, B, {"not checked", "binding", "binding"}},
        {HAND_B, B, A, {"not checked", "binding", "policy"}},
        {SCRAWL, "nonsense", A, {"not checked", "binding", "policy"}},
        {HAND_A, A, A "0", {"not checked", "binding", "binding"}},
        {HAND_A, "guid:9b2a6a3c-3c51-4e0b-9b7a-0d6a4f7c1e77", A_KEY, {"not checked", "signed", "signed"}},
        {HAND_A, A_KEY, "Guid: 9b2a6a3c-3c51-4e0b-9b7a-0d6a4f7c1e77", {"not checked", "signed", "signed"}},
        {HAND_A, "GUID:9B2A6A3C-3C51-4E0B-9B7A-0D6A 4F7C1E77\t", A, {"not checked", "signed", "signed"}},
    };
    (void)state;
    assert_rows(rows, COUNT(rows));
}

static void to_be_vouched_for_as_the_client_is_as_good_as_to_sign(void **state)
{
    static const struct row of_a[] = {
        {NOBODY, A, A, {"vouched for", "vouched for", "vouched for"}},
        {NOBODY, "", A, {"vouched for", "vouched for", "vouched for"}},
        {HAND_A, A, A, {"vouched for", "signed", "signed"}},
        {HAND_B, A, A, {"vouched for", "signature", "signature"}},
        {SCRAWL, A, A, {"vouched for", "signature", "signature"}},
        {HAND_B, B, A, {"vouched for", "binding", "binding"}},
    };
    static const struct row of_b[] = {
        {NOBODY, B, B, {"vouched for", "vouched for", "vouched for"}},
        {NOBODY, A, B, {"vouched for", "policy", "policy"}},    /* as if A had sent it */
        {HAND_B, B, B, {"vouched for", "vouched for", "vouched for"}},
        {SCRAWL, "", B, {"vouched for", "vouched for", "vouched for"}},
    };
    (void)state;
    assert_vouched_rows(of_a, COUNT(of_a), true, A_KEY);
    assert_vouched_rows(of_b, COUNT(of_b), true, B_KEY);
    assert_int_equal(known.adds, 0);
}

static void to_be_vouched_for_as_a_machine_spares_no_known_client_its_signature(void **state)
{
    static const struct row rows[] = {
        {NOBODY, A, A, {"vouched for", "policy", "policy"}},
        {NOBODY, "", A, {"vouched for", "policy", "policy"}},
        {NOBODY, B, B, {"vouched for", "vouched for", "vouched for"}},
        {NOBODY, "", "", {"vouched for", "vouched for", "vouched for"}},
        {HAND_A, A, A, {"vouched for", "signed", "signed"}},
        {HAND_B, A, A, {"vouched for", "signature", "signature"}},
        {HAND_B, B, B, {"vouched for", "vouched for", "vouched for"}},
    };
    (void)state;
    assert_vouched_rows(rows, COUNT(rows), true, "");
}

static void a_changed_payload_is_a_bad_signature(void **state)
{
    const struct trust_rules rules = rules_of(TRUST_VERIFY);
    struct message message = message_of(HAND_A, A);
    (void)state;
    message.payload = SPAN("part 3");
    const struct ended ended = take(&rules, &message, A);
    assert_false(ended.checked);
    assert_string_equal(ended.err.rule, "signature");
}

static void sha_1_is_taken_only_where_it_is_allowed(void **state)
{
    struct trust_rules rules = rules_of(TRUST_REQUIRE);
    struct message message = message_of(HAND_A, A);
    (void)state;
    message.signature.algorithm = SPAN("");     /* and so it is SHA-1, which this one is not */
    assert_non_null(strstr(take(&rules, &message, A).err.text, "allow-sha1"));
    rules.allow_sha1 = true;
    assert_null(strstr(take(&rules, &message, A).err.text, "allow-sha1"));
}

static void nothing_is_looked_for_where_nothing_depends_on_it(void **state)
{
    struct trust_rules rules = rules_of(TRUST_OFF);
    const struct message unsigned_one = message_of(NOBODY, A);
    const struct message signed_one = message_of(HAND_A, A);
    (void)state;
    (void)take(&rules, &signed_one, B);
    rules.policy = TRUST_REQUIRE;
    (void)take(&rules, &unsigned_one, A);
    assert_int_equal(known.finds, 0);
    assert_true(take(&rules, &signed_one, A).taken);
    assert_int_equal(known.finds, 1);           /* SourceID and ClientID are one client */
}

static void a_failure_to_look_is_no_verdict_on_the_sender(void **state)
{
    static const enum error_kind kinds[] = {ERROR_SYSTEM, ERROR_NO_MEMORY};
    const struct trust_rules rules = rules_of(TRUST_VERIFY);
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++)
        for (int hand = NOBODY; hand <= SCRAWL; hand++) {
            const struct message message = message_of((enum hand)hand, i == 0 ? A : "");
            known.fails = kinds[i];
            const struct ended ended = take(&rules, &message, A);
            assert_false(ended.taken);
            assert_int_equal(ended.err.kind, kinds[i]);
        }
}

/* ---- keys at first sight ---- */

static struct message introduction(enum hand signer, enum hand key, const char *source)
{
    struct message message = message_of(signer, source);
    message.public_key = buffer_span(&hands[key].blob);
    return message;
}

static struct trust_rules first_use(enum trust_policy policy)
{
    struct trust_rules rules = rules_of(policy);
    rules.first_use = true;
    return rules;
}

static void the_key_of_the_first_good_message_is_kept(void **state)
{
    const struct message message = introduction(HAND_B, HAND_B,
                                                " guid:"
                                                "00000000-0000-0000-0000-00000000000b");
    (void)state;
    for (int policy = TRUST_OFF; policy <= TRUST_REQUIRE; policy++) {
        const struct trust_rules rules = first_use((enum trust_policy)policy);
        const struct ended ended = take(&rules, &message, B);
        assert_true(ended.taken);
        assert_string_equal(words[ended.trust.verdict], policy == TRUST_OFF ? "not checked" : "signed");
        assert_int_equal(known.adds, policy);
    }
    struct signature_key *kept;
    struct error err;
    char prints[2][SIGNATURE_PRINT_SIZE];
    assert_memory_equal(known.added, B_KEY "=", sizeof B_KEY);
    assert_true(signature_key_read(span_of(known.added + sizeof B_KEY), &kept, &err));
    assert_true(signature_key_print(kept, prints[0], &err) && signature_key_print(key_of(HAND_B), prints[1], &err));
    assert_string_equal(prints[0], prints[1]);
    signature_key_close(kept);
}

static void nothing_else_is_kept(void **state)
{
    static const struct {
        enum hand signer, key;
        const char *source;
        const char *client;
        const char *outcome;    /* under verify */
    } rows[] = {
        {HAND_A, HAND_A, A, A, "signed"},       /* it is known already */
        {HAND_B, HAND_B, A, A, "signature"},    /* another key never takes its place */
        {HAND_A, HAND_B, B, B, "unknown key"},  /* signed with another than it brings */
        {SCRAWL, HAND_B, B, B, "unknown key"},  {HAND_B, HAND_B, B, A, "binding"}, /* in another's name */
        {HAND_B, HAND_B, "", B, "unknown key"}, /* nameless */
        {NOBODY, HAND_B, B, B, "unsigned"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct trust_rules rules = first_use(TRUST_VERIFY);
        const struct message message = introduction(rows[i].signer, rows[i].key, rows[i].source);
        const struct ended ended = take(&rules, &message, rows[i].client);
        assert_string_equal(ended.taken ? words[ended.trust.verdict] : ended.err.rule, rows[i].outcome);
    }
    const struct trust_rules no_first_use = rules_of(TRUST_VERIFY);
    struct message message = introduction(HAND_B, HAND_B, B);
    assert_string_equal(words[take(&no_first_use, &message, B).trust.verdict], "unknown key");
    const struct trust_rules rules = first_use(TRUST_REQUIRE);
    message.public_key = SPAN("0602");
    assert_string_equal(take(&rules, &message, B).err.rule, "policy");
    message.public_key = SPAN("");
    assert_string_equal(take(&rules, &message, B).err.rule, "policy");
    assert_int_equal(known.adds, 0);
}

static void who_was_faster_counts(void **state)
{
    const struct trust_rules rules = first_use(TRUST_REQUIRE);
    const struct message message = introduction(HAND_A, HAND_A, A);
    (void)state;
    for (int hand = HAND_A; hand <= HAND_B; hand++) {
        known.key[0] = NULL;
        known.faster = key_of((enum hand)hand);
        known.add_fails = ERROR_BUSY;
        const struct ended ended = take(&rules, &message, A);
        assert_string_equal(ended.taken ? words[ended.trust.verdict] : ended.err.rule,
                            hand == HAND_A ? "signed" : "signature");
    }
    known.key[0] = known.faster = NULL;         /* and gone again */
    assert_string_equal(take(&rules, &message, A).err.rule, "policy");
}

static void a_key_that_cannot_be_kept_is_our_failure(void **state)
{
    struct trust_rules rules = first_use(TRUST_VERIFY);
    const struct message message = introduction(HAND_B, HAND_B, B);
    (void)state;
    known.add_fails = ERROR_NO_SPACE;
    struct ended ended = take(&rules, &message, B);
    assert_false(ended.taken);
    assert_int_equal(ended.err.kind, ERROR_NO_SPACE);
    known.add_fails = ERROR_UNSUPPORTED;        /* a name that no file can have */
    ended = take(&rules, &message, B);
    assert_string_equal(words[ended.trust.verdict], "unknown key");
    rules.policy = TRUST_REQUIRE;
    ended = take(&rules, &message, B);
    assert_string_equal(ended.err.rule, "policy");
}

static void refused_memory_is_never_distrust(void **state)
{
    const struct trust_rules rules = first_use(TRUST_REQUIRE);
    const struct message messages[] = {message_of(HAND_A, A), introduction(HAND_B, HAND_B, B)};
    (void)state;
    for (size_t i = 0; i < COUNT(messages); i++) {
        struct ended ended = {.taken = false};
        unsigned refusals = 0;
        for (unsigned few = 2; !ended.taken; few++, refusals++) {   /* the arena, and its first block */
            sys.allocate = allocate_a_few;
            sys.reallocate = reallocate_a_few;
            left = few;
            ended = take(&rules, &messages[i], i == 0 ? A : B);
            sys = sys_kernel;
            assert_true(ended.taken || ended.err.kind == ERROR_NO_MEMORY);
        }
        assert_true(refusals > 3);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, know_a)

int main(void)
{
    struct error err;
    const struct CMUnitTest tests[] = {
        TEST(each_cell_of_the_table_is_as_specified),
        TEST(who_signs_must_be_who_reports),
        TEST(to_be_vouched_for_as_the_client_is_as_good_as_to_sign),
        TEST(to_be_vouched_for_as_a_machine_spares_no_known_client_its_signature),
        TEST(a_changed_payload_is_a_bad_signature),
        TEST(sha_1_is_taken_only_where_it_is_allowed),
        TEST(nothing_is_looked_for_where_nothing_depends_on_it),
        TEST(a_failure_to_look_is_no_verdict_on_the_sender),
        TEST(the_key_of_the_first_good_message_is_kept),
        TEST(nothing_else_is_kept),
        TEST(who_was_faster_counts),
        TEST(a_key_that_cannot_be_kept_is_our_failure),
        TEST(refused_memory_is_never_distrust),
    };
    return signature_init(&err) ? cmocka_run_group_tests(tests, make_hands, drop_hands) : 1;
}
