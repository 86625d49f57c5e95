/* What becomes of a registration: each standing of a client's keys, what fails on the way, and who comes at once. */
#include "../../src/mprelay/registrar.h"

#include "certificates.h"
#include "inbox_home.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define GUID "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77"

static struct pair pairs[2];            /* ours, another's */
static char *pems[2];
static char *digits[2];                 /* of their signatures over "Data" */
static struct keyring *keyring;
static struct registrar registrar;
static struct error err;

/* ---- the world ---- */

static char *copy(const struct buffer *bytes)
{
    char *text = strndup(bytes->at, bytes->len);
    assert_non_null(text);
    return text;
}

static int begin(void **state)
{
    (void)state;
    if (!signature_init(&err))
        return -1;
    for (size_t i = 0; i < 2; i++) {
        struct buffer text;
        pairs[i] = make_pair(2048);
        buffer_init(&text, 65536);
        assert_true(signature_key_write(signature_signer_key(pairs[i].signer), &text, &err));
        pems[i] = copy(&text);
        text.len = 0;
        assert_true(signature_make(pairs[i].signer, SPAN("Data"), &text, &err));
        digits[i] = copy(&text);
        buffer_fini(&text);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        free_pair(&pairs[i]);
        free(pems[i]);
        free(digits[i]);
    }
    return 0;
}

static struct settings usual_settings(int approve)
{
    return (struct settings){.root = home,
                             .registration = REGISTRATION_ON,
                             .registration_approve = approve,
                             .max_pending_keys = 10,
                             .max_trusted_keys = 10};
}

static int open_home(void **state)
{
    const struct settings settings = usual_settings(APPROVE_MANUAL);
    (void)make_home(state);
    registrar_init(&registrar);
    if (!keyring_prepare(&settings, &err) || !keyring_open(&keyring, &err) || !keyring_use(keyring, &settings, &err))
        fail_msg("%s", err.text);
    return 0;
}

static int close_home(void **state)
{
    keyring_close(keyring);
    return remove_home(state);
}

/* ---- asking ---- */

static struct registration usual_registration(size_t who, bool confirms)
{
    return (struct registration){
        .confirms = confirms,
        .smsid = SPAN("GUID:" GUID),
        .signed_text = SPAN("Data"),
        .signature = {span_of(digits[who]), SPAN(SIGNATURE_SHA256), NULL},
        .certificate = span_of(pairs[who].certificate),
    };
}

static bool ask_for(const struct registration *registration, int approve, struct registrar_decision *decision)
{
    const struct settings settings = usual_settings(approve);
    return registrar_decide(&registrar, &settings, keyring, registration, decision, &err);
}

static enum registration_status ask(size_t who, bool confirms, int approve)
{
    const struct registration registration = usual_registration(who, confirms);
    struct registrar_decision decision;
    if (!ask_for(&registration, approve, &decision))
        fail_msg("%s", err.text);
    assert_string_equal(decision.smsid, "GUID:" GUID);
    assert_true(decision.why[0] != '\0' && strlen(decision.print) == 64);
    return decision.status;
}

/* ---- what lies where: -1 nothing, else whose ---- */

static const char *path_in(const char *place)
{
    static char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s/" GUID ".pem", home, place);
    return path;
}

static void put_key(const char *place, int who)
{
    (void)unlink(path_in(place));
    if (who < 0)
        return;
    FILE *file = fopen(path_in(place), "w");
    assert_non_null(file);
    assert_true(fputs(pems[who], file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int whose(const char *place)
{
    struct buffer text;
    int who = -1;
    buffer_init(&text, 65536);
    if (sys_read_file(AT_FDCWD, path_in(place), &text, &err))
        for (int i = 0; i < 2; i++)
            who = span_equal(buffer_span(&text), span_of(pems[i])) ? i : who;
    else
        assert_int_equal(err.os, ENOENT);
    buffer_fini(&text);
    return who;
}

/* ---- the table ---- */

enum { NO = -1, OURS = 0, THEIRS = 1 };

static void each_standing_has_its_answer(void **state)
{
    static const struct {
        int trusted, pending;       /* before */
        bool confirms;
        int approve;
        enum registration_status status;
        int trusted_then, pending_then;
    } rows[] = {
        {NO, NO, false, APPROVE_MANUAL, REGISTRATION_PENDING, NO, OURS},
        {NO, NO, false, APPROVE_AUTO, REGISTRATION_DONE, OURS, NO},
        {NO, NO, true, APPROVE_MANUAL, REGISTRATION_REJECTED, NO, NO},
        {NO, NO, true, APPROVE_AUTO, REGISTRATION_REJECTED, NO, NO},
        {NO, OURS, false, APPROVE_MANUAL, REGISTRATION_PENDING, NO, OURS},
        {NO, OURS, false, APPROVE_AUTO, REGISTRATION_DONE, OURS, NO},
        {NO, OURS, true, APPROVE_MANUAL, REGISTRATION_PENDING, NO, OURS},
        {NO, OURS, true, APPROVE_AUTO, REGISTRATION_PENDING, NO, OURS},
        {NO, THEIRS, false, APPROVE_MANUAL, REGISTRATION_REJECTED, NO, THEIRS},
        {NO, THEIRS, false, APPROVE_AUTO, REGISTRATION_REJECTED, NO, THEIRS},
        {NO, THEIRS, true, APPROVE_MANUAL, REGISTRATION_REJECTED, NO, THEIRS},
        {OURS, NO, false, APPROVE_MANUAL, REGISTRATION_DONE, OURS, NO},
        {OURS, NO, true, APPROVE_AUTO, REGISTRATION_DONE, OURS, NO},
        {OURS, OURS, true, APPROVE_MANUAL, REGISTRATION_DONE, OURS, OURS},
        {OURS, THEIRS, false, APPROVE_AUTO, REGISTRATION_DONE, OURS, THEIRS},
        {THEIRS, NO, false, APPROVE_AUTO, REGISTRATION_REJECTED, THEIRS, NO},
        {THEIRS, NO, true, APPROVE_MANUAL, REGISTRATION_REJECTED, THEIRS, NO},
        {THEIRS, OURS, false, APPROVE_AUTO, REGISTRATION_REJECTED, THEIRS, OURS},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        put_key("trust", rows[i].trusted);
        put_key("trust/pending", rows[i].pending);
        const enum registration_status status = ask(OURS, rows[i].confirms, rows[i].approve);
        if (status != rows[i].status || whose("trust") != rows[i].trusted_then ||
            whose("trust/pending") != rows[i].pending_then)
            fail_msg("row %zu: status %d, then %d and %d", i, status, whose("trust"), whose("trust/pending"));
    }
}

static void a_client_without_a_name_gets_one_that_follows_from_its_key(void **state)
{
    struct registration registration = usual_registration(OURS, false);
    struct registrar_decision decisions[3];
    (void)state;
    registration.smsid = SPAN("");
    assert_true(ask_for(&registration, APPROVE_MANUAL, &decisions[0]));
    assert_true(ask_for(&registration, APPROVE_AUTO, &decisions[1]));
    assert_int_equal(decisions[1].status, REGISTRATION_DONE);
    assert_string_equal(decisions[0].smsid, decisions[1].smsid);
    assert_int_equal(decisions[0].smsid[5 + 14], '8');
    assert_non_null(strchr("89AB", decisions[0].smsid[5 + 19]));
    registration = usual_registration(THEIRS, false);
    registration.smsid = SPAN("");
    assert_true(ask_for(&registration, APPROVE_AUTO, &decisions[2]));
    assert_string_not_equal(decisions[2].smsid, decisions[1].smsid);
}

static void what_is_no_name_or_no_signature_is_refused(void **state)
{
    static const char *const names[] = {"../x", "GUID:", GUID "0", "GUID:../../../../etc/passwd/0123456789ab"};
    struct registration registration = usual_registration(OURS, false);
    struct registrar_decision decision;
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        registration.smsid = span_of(names[i]);
        assert_false(ask_for(&registration, APPROVE_AUTO, &decision));
        assert_int_equal(err.kind, ERROR_MALFORMED);
    }
    registration = usual_registration(OURS, false);
    registration.signature.digits = span_of(digits[THEIRS]);
    assert_false(ask_for(&registration, APPROVE_AUTO, &decision));
    assert_int_equal(err.kind, ERROR_UNTRUSTED);
    assert_int_equal(whose("trust"), NO);
}

/* ---- room ---- */

static bool find_room(uint64_t most)
{
    struct settings settings = usual_settings(APPROVE_AUTO);
    const struct registration registration = usual_registration(OURS, false);
    struct registrar_decision decision;
    settings.max_trusted_keys = most;
    (void)unlink(path_in("trust"));
    assert_true(registrar_decide(&registrar, &settings, keyring, &registration, &decision, &err));
    assert_int_equal(decision.status == REGISTRATION_DONE, whose("trust") == OURS);
    return decision.status == REGISTRATION_DONE;
}

static void what_others_take_away_makes_room_after_a_while(void **state)
{
    char path[PATH_SIZE];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/trust/x.pem", home);
    assert_int_equal(symlink("/", path), 0);            /* counts by its name; .deliver and README do not */
    (void)snprintf(path, sizeof path, "%s/trust/README", home);
    assert_int_equal(symlink("/", path), 0);
    assert_false(find_room(1));
    assert_true(find_room(2));
    assert_false(find_room(2));                         /* its file is gone, which nobody looked at yet */
    registrar.shelves[KEYRING_TRUSTED].counted -= 11 * 1000000;
    assert_true(find_room(2));
}

/* ---- what fails ---- */

static unsigned until_failure;
static int failure;

static bool is_due(void)
{
    const bool due = until_failure > 0 && --until_failure == 0;
    if (due)
        errno = failure;
    return due;
}

static int openat_or_not(int place, const char *name, int flags, mode_t mode)
{
    return is_due() ? -1 : sys_kernel.openat(place, name, flags, mode);
}

static int fstat_or_not(int fd, struct stat *out)
{
    return is_due() ? -1 : sys_kernel.fstat(fd, out);
}

static int fstatat_or_not(int place, const char *name, struct stat *out, int flags)
{
    return is_due() ? -1 : sys_kernel.fstatat(place, name, out, flags);
}

static ssize_t read_or_not(int fd, void *bytes, size_t len)
{
    return is_due() ? -1 : sys_kernel.read(fd, bytes, len);
}

static ssize_t writev_or_not(int fd, const struct iovec *parts, int count)
{
    return is_due() ? -1 : sys_kernel.writev(fd, parts, count);
}

static int fsync_or_not(int fd)
{
    return is_due() ? -1 : sync_nothing(fd);
}

static int linkat_or_not(int from_place, const char *from, int to_place, const char *to, int flags)
{
    return is_due() ? -1 : sys_kernel.linkat(from_place, from, to_place, to, flags);
}

static ssize_t getrandom_or_not(void *bytes, size_t len, unsigned flags)
{
    return is_due() ? -1 : sys_kernel.getrandom(bytes, len, flags);
}

static void *allocate_or_not(size_t size)
{
    return is_due() ? NULL : sys_kernel.allocate(size);
}

static void *reallocate_or_not(void *old, size_t size)
{
    return is_due() ? NULL : sys_kernel.reallocate(old, size);
}

static void let_fail(int number)
{
    failure = number;
    if (number == ENOMEM) {
        sys.allocate = allocate_or_not;
        sys.reallocate = reallocate_or_not;
        return;
    }
    sys.openat = openat_or_not;
    sys.fstat = fstat_or_not;
    sys.fstatat = fstatat_or_not;
    sys.read = read_or_not;
    sys.writev = writev_or_not;
    sys.fsync = fsync_or_not;
    sys.linkat = linkat_or_not;
    sys.getrandom = getrandom_or_not;
}

/* Asks with the n-th call failing, for each n. Where it is decided all the same it is as decided without a failure, and
 * else there is nothing that was not there before. */
static void fail_each_call(int number, int pending, int approve, enum registration_status expected)
{
    static const enum error_kind kinds[] = {
        [EIO] = ERROR_SYSTEM, [ENOMEM] = ERROR_NO_MEMORY, [ENOSPC] = ERROR_NO_SPACE};
    const struct registration registration = usual_registration(OURS, false);
    struct registrar_decision decision;
    unsigned failures = 0;
    bool hit = true;
    for (unsigned nth = 1; hit; nth++) {
        put_key("trust", NO);
        put_key("trust/pending", pending);
        registrar.shelves[KEYRING_TRUSTED].counted = registrar.shelves[KEYRING_PENDING].counted = 0;
        let_fail(number);
        until_failure = nth;
        const bool decided = ask_for(&registration, approve, &decision);
        hit = until_failure == 0;
        until_failure = 0;
        failures += !decided;
        if (decided ? decision.status != expected : err.kind != kinds[number])
            fail_msg("call %u: status %d, kind %d: %s", nth, decision.status, err.kind, err.text);
        assert_true(!decided || whose(approve == APPROVE_AUTO ? "trust" : "trust/pending") == OURS);
        assert_true(decided || (whose("trust") == NO && whose("trust/pending") == pending));
    }
    assert_true(failures > 3);
    sys = sys_kernel;
    sys.fsync = sync_nothing;
}

static void each_call_that_fails_is_a_failure_and_promises_nothing(void **state)
{
    static const int numbers[] = {EIO, ENOMEM};
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        fail_each_call(numbers[i], NO, APPROVE_MANUAL, REGISTRATION_PENDING);
        fail_each_call(numbers[i], OURS, APPROVE_MANUAL, REGISTRATION_PENDING);
        fail_each_call(numbers[i], OURS, APPROVE_AUTO, REGISTRATION_DONE);
    }
    fail_each_call(ENOSPC, NO, APPROVE_AUTO, REGISTRATION_DONE);
    assert_int_equal(registrar.shelves[KEYRING_TRUSTED].count, 1);      /* what failed took no place */
}

/* Somebody else may have put it there a moment ago, and his sync may fail yet. */
static void what_is_there_already_is_synced_before_it_is_said(void **state)
{
    const struct registration registration = usual_registration(OURS, true);
    struct registrar_decision decision;
    (void)state;
    for (int trusted = 0; trusted < 2; trusted++) {
        put_key("trust", trusted == 1 ? OURS : NO);
        put_key("trust/pending", OURS);
        sys.fsync = fsync_or_not;
        failure = EIO;
        until_failure = 1;
        assert_false(ask_for(&registration, APPROVE_MANUAL, &decision));
        assert_int_equal(err.kind, ERROR_SYSTEM);
        assert_true(ask_for(&registration, APPROVE_MANUAL, &decision));
    }
}

static void remove_place(const char *place)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, place);
    assert_int_equal(rmdir(path), 0);
}

static void a_place_to_wait_that_was_removed_is_made_anew(void **state)
{
    (void)state;
    remove_place("trust/pending");
    assert_int_equal(ask(OURS, false, APPROVE_MANUAL), REGISTRATION_PENDING);
    assert_int_equal(whose("trust/pending"), OURS);
    put_key("trust/pending", NO);
    remove_place("trust/pending");
    assert_int_equal(ask(OURS, true, APPROVE_AUTO), REGISTRATION_REJECTED);
    const struct registration registration = usual_registration(OURS, false);
    struct registrar_decision decision;
    remove_place("trust/pending");
    sys.fsync = fsync_or_not;
    failure = EIO;
    until_failure = 1;
    assert_false(ask_for(&registration, APPROVE_MANUAL, &decision));   /* not before it is durable */
    remove_place("trust");
    assert_false(ask_for(&registration, APPROVE_MANUAL, &decision));   /* the keys are away, and that is said */
    assert_int_equal(err.os, ENOENT);
}

/* ---- at once ---- */

static unsigned opened;

/* Between the looks at both places, as smx key approve does it. */
static int openat_and_approve(int place, const char *name, int flags, mode_t mode)
{
    if (++opened == 2) {
        put_key("trust", OURS);
        put_key("trust/pending", NO);
    }
    return sys_kernel.openat(place, name, flags, mode);
}

static void who_is_approved_while_he_asks_is_not_rejected(void **state)
{
    (void)state;
    put_key("trust", NO);
    put_key("trust/pending", OURS);
    opened = 0;
    sys.openat = openat_and_approve;
    assert_int_equal(ask(OURS, true, APPROVE_MANUAL), REGISTRATION_DONE);
}

struct asker {
    pthread_t thread;
    size_t who;
    struct keyring *keys;
    struct registrar_decision decision;
    struct error err;
    bool decided;
};

static void *ask_at_once(void *owner)
{
    struct asker *asker = owner;
    const struct settings settings = usual_settings(APPROVE_AUTO);
    const struct registration registration = usual_registration(asker->who, false);
    asker->decided = registrar_decide(&registrar, &settings, asker->keys, &registration, &asker->decision, &asker->err);
    return NULL;
}

static void of_those_who_come_at_once_one_has_the_name(void **state)
{
    enum { ASKERS = 4, ROUNDS = 10 };
    const struct settings settings = usual_settings(APPROVE_AUTO);
    struct asker askers[ASKERS];
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        put_key("trust", NO);
        registrar_init(&registrar);
        for (size_t i = 0; i < ASKERS; i++) {
            askers[i] = (struct asker){.who = i % 2};
            assert_true(keyring_open(&askers[i].keys, &err) && keyring_use(askers[i].keys, &settings, &err));
            assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_at_once, &askers[i]), 0);
        }
        for (size_t i = 0; i < ASKERS; i++) {
            assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
            keyring_close(askers[i].keys);
        }
        const int owner = whose("trust");
        assert_true(owner >= 0);
        for (size_t i = 0; i < ASKERS; i++) {
            if (!askers[i].decided)
                fail_msg("%s", askers[i].err.text);
            assert_int_equal(askers[i].decision.status,
                             (int)askers[i].who == owner ? REGISTRATION_DONE : REGISTRATION_REJECTED);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_home, close_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_standing_has_its_answer),
        TEST(a_client_without_a_name_gets_one_that_follows_from_its_key),
        TEST(what_is_no_name_or_no_signature_is_refused),
        TEST(what_others_take_away_makes_room_after_a_while),
        TEST(each_call_that_fails_is_a_failure_and_promises_nothing),
        TEST(what_is_there_already_is_synced_before_it_is_said),
        TEST(a_place_to_wait_that_was_removed_is_made_anew),
        TEST(who_is_approved_while_he_asks_is_not_rejected),
        TEST(of_those_who_come_at_once_one_has_the_name),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
