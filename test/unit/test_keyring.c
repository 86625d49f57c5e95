/* The directory of keys: what lies there counts from the next question on, and what cannot be read is never "no key". */
#include "../../src/mprelay/keyring.h"

#include "../../src/mprelay/relay.h"
#include "inbox_home.h"
#include "reader.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define REQUESTS "test/data/samples/requests/"
#define GUID "6F3C1E52-8A0B-4D7E-9C21-5B9A7D3E4F10"
#define OTHER "00000000-0000-0000-0000-000000000001"
#define BOUNDARY "aAbBcCdDv1234567890VxXyYzZ"

static char golden[1024];       /* two keys in PEM, of the same length */
static char another[1024];
static struct keyring *keyring;
static struct error err;

/* ---- the world ---- */

static struct buffer read_sample(const char *name)
{
    struct buffer bytes;
    buffer_init(&bytes, 65536);
    assert_true(sys_read_file(AT_FDCWD, name, &bytes, &err));
    return bytes;
}

static void make_another(void)
{
    char *text;
    EVP_PKEY *pair = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PUBKEY(bio, pair), 1);
    const long len = BIO_get_mem_data(bio, &text);
    (void)snprintf(another, sizeof another, "%.*s", (int)len, text);
    BIO_free(bio);
    EVP_PKEY_free(pair);
}

static int begin(void **state)
{
    if (!signature_init(&err) || open_reader(state) != 0)
        return -1;
    struct buffer pem = read_sample(REQUESTS "signed.pub.pem");
    (void)snprintf(golden, sizeof golden, "%.*s", (int)pem.len, pem.at);
    buffer_fini(&pem);
    make_another();
    assert_int_equal(strlen(golden), strlen(another));
    return 0;
}

/* The age that files seem to have; how often one was opened. */
static time_t age;
static unsigned opened;

static int open_counted(int place, const char *name, int flags, mode_t mode)
{
    opened++;
    return sys_kernel.openat(place, name, flags, mode);
}

static int fstat_aged(int fd, struct stat *out)
{
    const int result = sys_kernel.fstat(fd, out);
    out->st_ctim.tv_sec -= age;
    return result;
}

static int fstatat_aged(int place, const char *name, struct stat *out, int flags)
{
    const int result = sys_kernel.fstatat(place, name, out, flags);
    out->st_ctim.tv_sec -= age;
    return result;
}

static void use(const char *directory)
{
    const struct settings settings = {.root = home, .trust_dir = directory, .signature_policy = TRUST_VERIFY};
    assert_true(keyring_use(keyring, &settings, &err));
}

static int open_home(void **state)
{
    age = 0;
    opened = 0;
    (void)make_home(state);
    sys.openat = open_counted;
    sys.fstat = fstat_aged;
    sys.fstatat = fstatat_aged;
    assert_true(keyring_open(&keyring, &err));
    use(home);
    return 0;
}

static int close_home(void **state)
{
    keyring_close(keyring);
    keyring_close(NULL);
    return remove_home(state);
}

static void assert_key(const char *client, const char *pem)
{
    const struct signature_key *found;
    char prints[2][SIGNATURE_PRINT_SIZE];
    struct signature_key *expected;
    if (!keyring_find(keyring, span_of(client), &found, &err))
        fail_msg("%s", err.text);
    if (pem == NULL) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_true(signature_key_read(span_of(pem), &expected, &err));
    assert_true(signature_key_print(found, prints[0], &err) && signature_key_print(expected, prints[1], &err));
    assert_string_equal(prints[0], prints[1]);
    signature_key_close(expected);
}

static void assert_failure(const char *why)
{
    const struct signature_key *found;
    assert_false(keyring_find(keyring, SPAN(GUID), &found, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
    assert_null(found);
    if (strstr(err.text, why) == NULL)
        fail_msg("%s", err.text);
}

static void remove_key(void)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/" GUID ".pem", home);
    assert_int_equal(unlink(path), 0);
}

/* ---- what lies there ---- */

static void what_is_put_there_counts_at_once(void **state)
{
    (void)state;
    for (age = 0; age <= 3600; age += 3600) {
        assert_key(GUID, NULL);
        put(GUID ".pem", golden);
        assert_key(GUID, golden);
        assert_key(GUID, golden);
        assert_key(OTHER, NULL);
        remove_key();
        assert_key(GUID, NULL);
        assert_true(keyring_add(keyring, SPAN(GUID), span_of(another), &err));
        assert_key(GUID, another);
        remove_key();
    }
}

/* As an editor writes, in place, the same length; the clock of files may not have ticked in between. */
static void a_file_that_is_changed_in_place_counts_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        put(GUID ".pem", i % 2 == 0 ? golden : another);
        assert_key(GUID, i % 2 == 0 ? golden : another);
    }
}

static void a_key_is_read_once_while_its_file_stays(void **state)
{
    (void)state;
    put(GUID ".pem", golden);
    assert_key(GUID, golden);
    assert_key(GUID, golden);
    assert_int_equal(opened, 2);        /* too young to be sure */
    age = 3600;
    for (int i = 0; i < 5; i++)
        assert_key(GUID, golden);
    assert_int_equal(opened, 3);
}

/* More clients than there are places for keys: each still gets its own. */
static void many_clients_do_not_get_each_others_keys(void **state)
{
    char client[64], name[80];
    (void)state;
    age = 3600;
    put(GUID ".pem", golden);
    for (unsigned i = 0; i < 6000; i++) {
        (void)snprintf(client, sizeof client, "00000000-0000-0000-0000-%012X", i);
        if (i % 1000 == 0) {
            (void)snprintf(name, sizeof name, "%s.pem", client);
            put(name, another);
        }
        const struct signature_key *found;
        assert_true(keyring_find(keyring, span_of(client), &found, &err));
        assert_int_equal(found != NULL, i % 1000 == 0);
    }
    for (unsigned i = 0; i < 6000; i += 1000) {
        (void)snprintf(client, sizeof client, "00000000-0000-0000-0000-%012X", i);
        assert_key(client, another);
    }
    assert_key(GUID, golden);
}

static void what_is_no_guid_has_no_key_and_leads_nowhere(void **state)
{
    static const char *const names[] = {"", "../" GUID, "GUID:" GUID, GUID "0", "x", "/etc/passwd", " " GUID};
    (void)state;
    put(GUID ".pem", golden);
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_key(names[i], NULL);
        assert_false(keyring_add(keyring, span_of(names[i]), SPAN("x"), &err));
        assert_int_equal(err.kind, ERROR_UNSUPPORTED);
    }
    assert_int_equal(opened, 0);
}

/* ---- what cannot be read ---- */

static void what_is_no_key_is_our_failure_and_named(void **state)
{
    char path[PATH_SIZE];
    static char large[SIGNATURE_MOST_FILE + 2];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/" GUID ".pem", home);
    put(GUID ".pem", "");
    assert_failure(GUID);
    put(GUID ".pem", "-----BEGIN PUBLIC KEY-----\n");
    assert_failure("no PEM");
    memset(large, 'x', sizeof large - 1);
    put(GUID ".pem", large);
    assert_failure("too long");
    remove_key();
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_failure("cannot open");
    remove_key();
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_failure("no regular file");
    remove_key();
    assert_int_equal(mkdir(path, 0700), 0);
    assert_failure("no regular file");
}

static void a_directory_that_is_away_is_no_directory_without_keys(void **state)
{
    char away[PATH_SIZE];
    (void)state;
    (void)snprintf(away, sizeof away, "%s/away", home);
    use(away);
    assert_failure("trust-dir");
    const struct signature_key *found;
    assert_false(keyring_find(keyring, SPAN("x"), &found, &err));
    assert_int_equal(mkdir(away, 0700), 0);
    assert_key(GUID, NULL);
}

/* The n-th of the calls that are looked at fails. */
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

static void *allocate_or_not(size_t size)
{
    return is_due() ? NULL : sys_kernel.allocate(size);
}

static void *reallocate_or_not(void *old, size_t size)
{
    return is_due() ? NULL : sys_kernel.reallocate(old, size);
}

static void let_fail(bool memory)
{
    failure = memory ? ENOMEM : EIO;
    if (memory) {
        sys.allocate = allocate_or_not;
        sys.reallocate = reallocate_or_not;
        return;
    }
    sys.openat = openat_or_not;
    sys.fstat = fstat_or_not;
    sys.fstatat = fstatat_or_not;
    sys.read = read_or_not;
}

static void each_call_that_fails_is_a_failure_and_loses_nothing(void **state)
{
    const unsigned before = count_descriptors();
    (void)state;
    put(GUID ".pem", golden);
    for (int memory = 0; memory < 2; memory++) {
        unsigned failures = 0;
        for (unsigned nth = 1;; nth++) {
            const struct signature_key *found;
            let_fail(memory == 1);
            until_failure = nth;
            const bool read = keyring_find(keyring, SPAN(GUID), &found, &err);
            const bool hit = until_failure == 0;
            until_failure = 0;
            if (!hit)
                break;
            failures += !read;
            assert_true(read ? found != NULL : err.kind == (memory == 1 ? ERROR_NO_MEMORY : ERROR_SYSTEM));
        }
        assert_true(failures > 3);
    }
    assert_key(GUID, golden);
    assert_int_equal(count_descriptors(), before);
}

/* An EINTR is none. */
static void an_interrupted_read_goes_on(void **state)
{
    (void)state;
    put(GUID ".pem", golden);
    let_fail(false);
    failure = EINTR;
    until_failure = 4;          /* fstatat, openat, fstat, read */
    assert_key(GUID, golden);
    assert_int_equal(until_failure, 0);
}

/* ---- adding ---- */

static void a_key_that_is_there_is_never_replaced(void **state)
{
    (void)state;
    assert_true(keyring_add(keyring, SPAN(GUID), span_of(golden), &err));
    assert_string_equal(content_of(GUID ".pem"), golden);
    assert_false(keyring_add(keyring, SPAN(GUID), span_of(another), &err));
    assert_int_equal(err.kind, ERROR_BUSY);
    assert_string_equal(content_of(GUID ".pem"), golden);
}

/* ---- preparing ---- */

static int refused_with;

static void a_directory_is_made_and_its_rights_are_asked_for(void **state)
{
    char place[PATH_SIZE];
    struct settings settings = {.root = home, .signature_policy = TRUST_OFF, .trust_first_use = true};
    (void)state;
    assert_true(keyring_prepare(&settings, &err));
    assert_false(is_there("trust"));
    settings.signature_policy = TRUST_REQUIRE;
    assert_true(keyring_prepare(&settings, &err));
    assert_true(is_there("trust") && !is_there("trust/pending"));
    settings.registration = REGISTRATION_ON;
    settings.signature_policy = TRUST_OFF;
    assert_true(keyring_prepare(&settings, &err));
    assert_true(is_there("trust/pending"));
    (void)snprintf(place, sizeof place, "%s/trust/pending", home);
    assert_int_equal(chmod(place, 0777), 0);
    assert_false(keyring_prepare(&settings, &err));
    assert_non_null(strstr(err.text, "others may write"));
    assert_int_equal(chmod(place, 0750), 0);
    put("trust/.deliver-0000000000000000", "");
    assert_true(keyring_prepare(&settings, &err));      /* a leftover, too young to be nobody's */
    assert_true(is_there("trust/.deliver-0000000000000000"));
    (void)snprintf(place, sizeof place, "%s/trust", home);
    assert_int_equal(chmod(place, 0777), 0);
    assert_false(keyring_prepare(&settings, &err));
    assert_non_null(strstr(err.text, "others may write"));
    put("file", "");
    (void)snprintf(place, sizeof place, "%s/file", home);
    settings.trust_dir = place;
    assert_false(keyring_prepare(&settings, &err));
}

static int refuse_new_files(int directory, const char *path, int flags, mode_t mode)
{
    if ((flags & O_CREAT) == 0)
        return sys_kernel.openat(directory, path, flags, mode);
    errno = refused_with;
    return -1;
}

static void keys_of_first_use_need_a_place_that_can_be_written_to(void **state)
{
    struct settings settings = {.root = home, .signature_policy = TRUST_VERIFY, .trust_first_use = true};
    (void)state;
    assert_true(keyring_prepare(&settings, &err));
    sys.openat = refuse_new_files;
    refused_with = EACCES;
    assert_false(keyring_prepare(&settings, &err));
    assert_int_equal(err.os, EACCES);
    assert_non_null(strstr(err.text, "trust-first-use"));
    refused_with = ENOSPC;
    assert_true(keyring_prepare(&settings, &err));      /* another day there will be room */
    refused_with = EACCES;
    settings.trust_first_use = false;
    assert_true(keyring_prepare(&settings, &err));
}

/* ---- the golden request, through the relay ---- */

static struct config *open_settings(const char *policy)
{
    char *arguments[] = {"mprelay",     "--config", "/dev/null",          "--duplicate-window=0",
                         "--trust-dir", home,       "--signature-policy", NULL};
    struct config *config;
    arguments[7] = (char *)(uintptr_t)policy;
    assert_true(config_open(&settings_table, COUNT(arguments), arguments, &config, &err));
    return config;
}

static bool take(const struct config *config, struct span body, struct task *task)
{
    static char outbox[] = "/box";
    struct relay relay = {.memory = {.most = 64 * 1024 * 1024}, .outboxes = {outbox, outbox, outbox}};
    *task = (struct task){.settings = config_values(config), .address = "-", .boundary = SPAN(BOUNDARY), .body = body};
    const bool taken = relay_take(&relay, reader, keyring, task);
    task_fini(task);
    return taken;
}

static void no_changed_byte_of_part_2_gets_through_the_relay(void **state)
{
    static const char head[] = "octet-stream\r\n\r\n", end[] = "\r\n--" BOUNDARY "--";
    struct buffer request = read_sample(REQUESTS "signed.http");
    struct config *config = open_settings("require");
    char *body = memmem(request.at, request.len, "\r\n\r\n", 4);
    char *part = memmem(request.at, request.len, head, sizeof head - 1);
    char *last = memmem(request.at, request.len, end, sizeof end - 1);
    struct task task;
    (void)state;
    assert_true(body != NULL && part != NULL && last != NULL);
    const struct span whole = {body + 4, (size_t)(request.at + request.len - body - 4)};
    age = 3600;
    assert_false(take(config, whole, &task));
    assert_string_equal(task.err.rule, "policy");
    put(GUID ".pem", golden);
    for (char *at = part + sizeof head - 1; at < last; at++) {
        *at ^= 0x10;
        assert_false(take(config, whole, &task));
        assert_int_equal(task.err.kind, ERROR_UNTRUSTED);
        assert_string_equal(task.err.rule, "signature");
        *at ^= 0x10;
    }
    assert_true(take(config, whole, &task));
    assert_int_equal(task.trust.verdict, TRUST_SIGNED);
    config_close(config);
    buffer_fini(&request);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_home, close_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_there_counts_at_once),
        TEST(a_file_that_is_changed_in_place_counts_at_once),
        TEST(a_key_is_read_once_while_its_file_stays),
        TEST(many_clients_do_not_get_each_others_keys),
        TEST(what_is_no_guid_has_no_key_and_leads_nowhere),
        TEST(what_is_no_key_is_our_failure_and_named),
        TEST(a_directory_that_is_away_is_no_directory_without_keys),
        TEST(each_call_that_fails_is_a_failure_and_loses_nothing),
        TEST(an_interrupted_read_goes_on),
        TEST(a_key_that_is_there_is_never_replaced),
        TEST(a_directory_is_made_and_its_rights_are_asked_for),
        TEST(keys_of_first_use_need_a_place_that_can_be_written_to),
        TEST(no_changed_byte_of_part_2_gets_through_the_relay),
    };
    return cmocka_run_group_tests(tests, begin, close_reader);
}
