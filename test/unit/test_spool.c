/* The spool: names, files, limits, leftovers, and that every record is answered exactly once. */
#include "../../src/spool/batch.h"
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { QUEUES = 3, THREADS = 8, EACH = 200, NAME_LENGTH = 16 + 4 };

static char home[] = "/tmp/spool-XXXXXX";

/* ---- a clock that can be set ---- */

static atomic_long clock_offset_seconds;

int clock_gettime(clockid_t clock, struct timespec *out)
{
    const long result = syscall(SYS_clock_gettime, clock, out);
    if (clock == CLOCK_REALTIME)
        out->tv_sec += clock_offset_seconds;
    return (int)result;
}

/* ---- a spool in a directory of its own ---- */

static struct spool_settings settings;

static int begin(void **state)
{
    (void)state;
    (void)snprintf(home, sizeof home, "/tmp/spool-XXXXXX");
    settings = (struct spool_settings){.queues = {"box/incoming", "box/incoming/high", "box/incoming/low"},
                                       .queue_count = QUEUES,
                                       .prefix = "",
                                       .extension = ".smx",
                                       .max_files = 1000000};
    return mkdtemp(home) == NULL || chdir(home) != 0;
}

static void remove_below(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char below[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(below, sizeof below, "%.200s/%.300s", path, entry->d_name);
        if (unlink(below) != 0)
            remove_below(below);
    }
    (void)closedir(directory);
    (void)rmdir(path);
}

static int end(void **state)
{
    (void)state;
    sys = sys_kernel;
    clock_offset_seconds = 0;
    remove_below(home);
    return chdir("/");
}

static struct spool *open_spool(void)
{
    struct spool *spool;
    struct error err = {0};
    if (!spool_open(&settings, &spool, &err))
        fail_msg("%s", err.text);
    return spool;
}

struct answer {
    struct spool_record record;
    atomic_int times;
    bool kept;
    struct spool_name name;
    struct error error;
};

static void note_answer(struct spool_record *record, const struct spool_name *name, const struct error *err)
{
    struct answer *answer = record->owner;
    answer->kept = name != NULL;
    if (name != NULL)
        answer->name = *name;
    else
        answer->error = *err;
    answer->times++;
}

static void submit(struct spool *spool, struct answer *answer, struct span prefix, struct span body, unsigned queue)
{
    memset(answer, 0, sizeof *answer);
    answer->record =
        (struct spool_record){.content = {prefix, body}, .queue = queue, .done = note_answer, .owner = answer};
    spool_submit(spool, &answer->record);
}

static void keep(struct answer *answer, struct span prefix, struct span body, unsigned queue)
{
    struct spool *spool = open_spool();
    submit(spool, answer, prefix, body, queue);
    spool_close(spool);
    assert_int_equal(answer->times, 1);
}

static void path_of(const struct answer *answer, char path[256])
{
    (void)snprintf(path, 256, "%s/%s", settings.queues[answer->record.queue], answer->name.text);
}

static void assert_file(const struct answer *answer)
{
    const struct span *content = answer->record.content;
    struct buffer bytes;
    struct error err;
    char path[256];
    path_of(answer, path);
    buffer_init(&bytes, 1 << 24);
    assert_true(sys_read_file(AT_FDCWD, path, &bytes, &err));
    assert_int_equal(bytes.len, content[0].len + content[1].len);
    assert_true(content[0].len == 0 || memcmp(bytes.at, content[0].at, content[0].len) == 0);
    assert_true(content[1].len == 0 || memcmp(bytes.at + content[0].len, content[1].at, content[1].len) == 0);
    buffer_fini(&bytes);
}

static unsigned count_files(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_type == DT_REG;
    (void)closedir(directory);
    return count;
}

static void put_file(const char *path, long age_seconds)
{
    const int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    const struct timespec times[2] = {{now.tv_sec - age_seconds, 0}, {now.tv_sec - age_seconds, 0}};
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(close(fd), 0);
}

/* ---- names ---- */

static void a_name_is_the_time_and_then_the_random_digits(void **state)
{
    (void)state;
    static const struct {
        int64_t time;
        uint32_t random;
        const char *name;
    } rows[] = {
        {0, 0, "0000000000000000"},
        {1, 1, "0000000000100001"},
        {31, 31, "0000000000Z0000Z"},
        {32, 32, "0000000001000010"},
        {((int64_t)1 << 55) - 1, 0x1ffffff, "ZZZZZZZZZZZZZZZZ"},
        {0, 0xfe000000, "0000000000000000"},               /* 25 bits are used */
        {1390247216903000, 0x155aa55, "17GDGKR6WTRNBAJN"}, /* 2014-01-20 19:46:56.903 UTC */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[17];
        spool_name_write(rows[i].time, rows[i].random, name);
        assert_string_equal(name, rows[i].name);
    }
}

static void names_of_rising_times_rise(void **state)
{
    (void)state;
    char before[17] = "";
    int64_t time = 0;
    for (int i = 0; i < 54; i++, time = time * 2 + i % 2 + 1) {
        char name[17];
        spool_name_write(time, (uint32_t)(54 - i) * 0x51f15ee, name);
        assert_int_equal(strspn(name, SPOOL_NAME_ALPHABET), 16);
        assert_true(strcmp(before, name) < 0);
        memcpy(before, name, sizeof before);
    }
}

static void names_rise_in_the_order_of_arrival_even_if_the_clock_steps_back(void **state)
{
    (void)state;
    static struct answer answers[EACH];
    struct spool *spool = open_spool();
    for (int i = 0; i < EACH; i++) {
        if (i % 50 == 49)
            clock_offset_seconds -= 3600;
        submit(spool, &answers[i], SPAN("x"), SPAN(""), 0);
    }
    spool_close(spool);
    for (int i = 0; i < EACH; i++) {
        assert_true(answers[i].kept);
        assert_int_equal(strlen(answers[i].name.text), NAME_LENGTH);
        assert_true(i == 0 || strcmp(answers[i - 1].name.text, answers[i].name.text) < 0);
    }
}

static void a_name_has_the_prefix_and_the_extension(void **state)
{
    (void)state;
    struct answer answer;
    settings.prefix = "N_";
    keep(&answer, SPAN("a"), SPAN("b"), 0);
    assert_memory_equal(answer.name.text, "N_", 2);
    assert_int_equal(strspn(answer.name.text + 2, SPOOL_NAME_ALPHABET), 16);
    assert_string_equal(answer.name.text + 18, ".smx");
    assert_file(&answer);
}

/* ---- files ---- */

static void assert_kept_exactly(void)
{
    static char large[3 << 20];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7 + i / 256);
    const struct {
        struct span prefix;
        struct span body;
        unsigned queue;
    } rows[] = {
        {SPAN("\xff\xfe"), SPAN("<\0R\0>\0"), 0},
        {SPAN(""), SPAN("no prefix"), 1},
        {SPAN("no body"), SPAN(""), 2},
        {SPAN(""), SPAN(""), 0},
        {SPAN("\xff\xfe"), {large, sizeof large}, 1},
        {{NULL, 0}, {NULL, 0}, 2},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct answer answers[ROWS];
    struct spool *spool = open_spool();
    for (size_t i = 0; i < ROWS; i++)
        submit(spool, &answers[i], rows[i].prefix, rows[i].body, rows[i].queue);
    spool_close(spool);
    for (size_t i = 0; i < ROWS; i++) {
        char path[256];
        struct stat status;
        assert_true(answers[i].kept);
        assert_file(&answers[i]);
        path_of(&answers[i], path);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0640);
        assert_int_equal(status.st_nlink, 1);
    }
    for (size_t i = 0; i < QUEUES; i++)
        assert_int_equal(count_files(settings.queues[i]), 2);
}

static int refuse_nameless(int directory, const char *path, int flags, mode_t mode)
{
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return sys_kernel.openat(directory, path, flags, mode);
}

static void a_kept_file_has_exactly_the_bytes_in_its_queue_s_directory_with_mode_0640(void **state)
{
    (void)state;
    (void)umask(022);
    assert_kept_exactly();
}

static void so_it_has_where_nameless_files_are_unknown(void **state)
{
    (void)state;
    sys.openat = refuse_nameless;
    assert_kept_exactly();
}

static void so_it_has_with_a_sync_of_each_file(void **state)
{
    (void)state;
    settings.sync = SPOOL_SYNC_FSYNC;
    assert_kept_exactly();
}

static void so_it_has_with_a_sync_of_the_file_system(void **state)
{
    (void)state;
    settings.sync = SPOOL_SYNC_SYNCFS;
    assert_kept_exactly();
}

/* ---- a store alone: one thread, what it calls can be counted ---- */

static unsigned fsyncs;
static unsigned syncfses;
static unsigned links_refused;

static int count_fsync(int fd)
{
    fsyncs++;
    return sys_kernel.fsync(fd);
}

static int count_syncfs(int fd)
{
    (void)fd;
    syncfses++;
    return 0;
}

static int refuse_empty_path(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    if ((flags & AT_EMPTY_PATH) != 0) {
        links_refused++;
        errno = ENOENT;
        return -1;
    }
    return sys_kernel.linkat(from_directory, from, to_directory, to, flags);
}

static void open_store(struct store *store)
{
    struct error err;
    for (size_t i = 0; i < QUEUES; i++)
        assert_true(sys_make_directory(settings.queues[i], &err));
    assert_true(store_open(store, &settings, &err));
}

static void commit(struct store *store, struct answer *answers, size_t count, int64_t arrived)
{
    struct spool_record *records[8];
    assert_true(count <= sizeof records / sizeof records[0]);
    memset(answers, 0, count * sizeof *answers);
    for (size_t i = 0; i < count; i++) {
        answers[i].record = (struct spool_record){.content = {SPAN("ab"), SPAN("c")}, .arrived = arrived + (int64_t)i};
        records[i] = &answers[i].record;
    }
    assert_true(store_commit(store, records, count));
    for (size_t i = 0; i < count; i++)
        answers[i].name = records[i]->name;
}

static void a_batch_is_synced_as_the_setting_says(void **state)
{
    (void)state;
    static const struct {
        enum spool_sync sync;
        size_t records;
        unsigned fsyncs; /* of files, and one of the directory */
        unsigned syncfses;
    } rows[] = {
        {SPOOL_SYNC_FSYNC, 1, 1 + 1, 0},
        {SPOOL_SYNC_FSYNC, 8, 8 + 1, 0},
        {SPOOL_SYNC_SYNCFS, 1, 1 + 1, 0}, /* so few are synced by themselves */
        {SPOOL_SYNC_SYNCFS, 8, 0 + 1, 1},
    };
    sys.fsync = count_fsync;
    sys.syncfs = count_syncfs;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct store store;
        struct answer answers[8];
        settings.sync = rows[i].sync;
        open_store(&store);
        fsyncs = syncfses = 0;
        commit(&store, answers, rows[i].records, 1000 * (int64_t)i);
        assert_int_equal(fsyncs, rows[i].fsyncs);
        assert_int_equal(syncfses, rows[i].syncfses);
        store_close(&store);
    }
}

static void a_nameless_file_is_linked_through_proc_where_the_direct_way_is_refused(void **state)
{
    (void)state;
    struct store store;
    struct answer answers[3];
    sys.linkat = refuse_empty_path;
    links_refused = 0;
    open_store(&store);
    store.named = false;
    commit(&store, answers, 3, 1);
    assert_int_equal(links_refused, 1); /* it is asked once */
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(answers[i].record.state, SPOOL_LINKED);
        assert_file(&answers[i]);
    }
    store_close(&store);
}

static unsigned draws;
static unsigned draws_alike;

/* The same number for so many draws, then another; numbers are drawn in advance, the last first. */
static ssize_t repeat_random(void *bytes, size_t len, unsigned flags)
{
    uint32_t *numbers = bytes;
    (void)flags;
    for (size_t i = len / sizeof numbers[0]; i-- > 0;)
        numbers[i] = ++draws <= draws_alike ? 7 : 8;
    return (ssize_t)len;
}

static ssize_t repeat_random_for_ever(void *bytes, size_t len, unsigned flags)
{
    (void)flags;
    memset(bytes, 7, len);
    return (ssize_t)len;
}

static unsigned drawn_by(const struct store *store)
{
    return draws - (unsigned)store->random_left;
}

static void a_name_that_is_taken_is_drawn_again_and_nothing_is_overwritten(void **state)
{
    (void)state;
    static const bool named[] = {false, true};
    sys.getrandom = repeat_random;
    for (size_t i = 0; i < 2; i++) {
        struct store store;
        struct answer first;
        struct answer second;
        open_store(&store);
        store.named = named[i];
        draws = 0;
        draws_alike = 2 + 1 + 2;        /* each record's temporary; the first name; two that are the same */
        commit(&store, &first, 1, 5 + (int64_t)i);
        char path[256];
        path_of(&first, path);
        assert_int_equal(truncate(path, 1), 0); /* to know it again */
        commit(&store, &second, 1, 5 + (int64_t)i);
        assert_int_equal(second.record.state, SPOOL_LINKED);
        assert_int_equal(drawn_by(&store), draws_alike + 1);
        assert_string_not_equal(first.name.text, second.name.text);
        assert_file(&second);
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_size, 1);
        store_close(&store);
    }
}

static void a_record_whose_every_name_is_taken_is_not_kept(void **state)
{
    (void)state;
    struct store store;
    struct answer answer;
    sys.getrandom = repeat_random_for_ever;
    open_store(&store);
    commit(&store, &answer, 1, 5);
    assert_int_equal(answer.record.state, SPOOL_LINKED);
    commit(&store, &answer, 1, 5);
    assert_int_equal(answer.record.state, SPOOL_FAILED);
    assert_int_equal(answer.record.error.os, EEXIST);
    assert_int_equal(count_files(settings.queues[0]), 1);
    store_close(&store);
}

/* By a try that failed, or by a process that was killed. */
static void a_temporary_that_was_left_is_in_the_way_of_one_try_only(void **state)
{
    (void)state;
    struct store store;
    struct answer answer;
    char digits[17];
    char path[64];
    sys.getrandom = repeat_random;
    draws = 0;
    draws_alike = 1;
    open_store(&store);
    store.named = true;
    spool_name_write(5, 7, digits);
    (void)snprintf(path, sizeof path, "box/incoming/.%s" STORE_TEMPORARY, digits);
    put_file(path, 0);
    commit(&store, &answer, 1, 5);
    assert_int_equal(answer.record.state, SPOOL_FAILED);
    assert_int_equal(answer.record.error.os, EEXIST);
    commit(&store, &answer, 1, 5);
    assert_int_equal(answer.record.state, SPOOL_LINKED);
    assert_file(&answer);
    store_close(&store);
}

/* ---- a name that was told before ---- */

static void commit_told(struct store *store, struct answer *answer, const char *name, struct span body)
{
    struct spool_record *record = &answer->record;
    memset(answer, 0, sizeof *answer);
    *record = (struct spool_record){.content = {SPAN("ab"), body}, .arrived = 5, .told = true};
    (void)snprintf(record->name.text, sizeof record->name.text, "%s", name);
    assert_true(store_commit(store, &record, 1));
    assert_int_equal(record->state, SPOOL_LINKED);
    answer->name = record->name;
    assert_file(answer);
}

static void a_record_whose_name_was_told_is_published_under_it_however_often(void **state)
{
    (void)state;
    struct store store;
    struct answer answer;
    open_store(&store);
    for (int i = 0; i < 3; i++) {
        commit_told(&store, &answer, "0123456789ABCDEF.smx", SPAN("c"));
        assert_string_equal(answer.name.text, "0123456789ABCDEF.smx");
    }
    assert_int_equal(count_files(settings.queues[0]), 1);
    store_close(&store);
}

static void another_s_file_under_that_name_is_not_taken_for_it(void **state)
{
    (void)state;
    static const char *const bodies[] = {"d", "", "cc"};
    struct store store;
    struct answer other;
    struct answer answer;
    open_store(&store);
    for (size_t i = 0; i < 3; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "0123456789ABCDE%zu.smx", i);
        commit_told(&store, &other, name, span_of(bodies[i]));
        commit_told(&store, &answer, name, SPAN("c"));
        assert_string_not_equal(answer.name.text, name);
        assert_file(&other);
    }
    assert_int_equal(count_files(settings.queues[0]), 6);
    store_close(&store);
}

/* ---- directories ---- */

static void missing_directories_are_made_and_an_existing_one_is_taken(void **state)
{
    (void)state;
    struct answer answer;
    struct stat status;
    (void)umask(022);
    for (int i = 0; i < 2; i++) {
        keep(&answer, SPAN("a"), SPAN("b"), 1);
        assert_true(answer.kept);
    }
    for (size_t i = 0; i < QUEUES; i++) {
        assert_int_equal(stat(settings.queues[i], &status), 0);
        assert_int_equal(status.st_mode & 07777, 0750);
    }
    assert_int_equal(count_files(settings.queues[1]), 2);
}

static void a_directory_that_is_a_file_is_an_error_that_names_it(void **state)
{
    (void)state;
    struct spool *spool = NULL;
    struct error err;
    put_file("box", 0);
    assert_false(spool_open(&settings, &spool, &err));
    assert_null(spool);
    assert_non_null(strstr(err.text, "box/incoming"));
}

/* ---- limits ---- */

static void below_min_free_nothing_is_kept_until_the_limit_changes(void **state)
{
    (void)state;
    struct answer answer;
    settings.min_free = UINT64_MAX;
    struct spool *spool = open_spool();
    submit(spool, &answer, SPAN("a"), SPAN("b"), 0);
    while (answer.times == 0)
        (void)usleep(100);
    assert_false(answer.kept);
    assert_int_equal(answer.error.kind, ERROR_NO_SPACE);
    assert_int_equal(count_files(settings.queues[0]), 0);
    spool_set_limits(spool, 0, settings.max_files);
    submit(spool, &answer, SPAN("a"), SPAN("b"), 0);
    spool_close(spool);
    assert_true(answer.kept);
}

static void files_that_are_there_already_count_against_max_files(void **state)
{
    (void)state;
    struct answer answer;
    struct store store;
    open_store(&store);
    store_close(&store);
    put_file("box/incoming/A.SMX", 0);
    put_file("box/incoming/high/b.smx", 0);
    put_file("box/incoming/low/.c.smx", 0); /* hidden ones and others do not count */
    put_file("box/incoming/d.txt", 0);
    settings.max_files = 3;
    keep(&answer, SPAN("a"), SPAN("b"), 0);
    assert_true(answer.kept);
    keep(&answer, SPAN("a"), SPAN("b"), 0);
    assert_false(answer.kept);
    assert_int_equal(answer.error.kind, ERROR_BUSY);
}

static void files_kept_count_against_max_files(void **state)
{
    (void)state;
    struct answer answer;
    settings.max_files = 2;
    struct spool *spool = open_spool();
    for (int i = 0; i < 3; i++) {
        submit(spool, &answer, SPAN("a"), SPAN("b"), 0);
        while (answer.times == 0)
            (void)usleep(100);
        assert_int_equal(answer.kept, i < 2);
    }
    spool_close(spool);
}

/* ---- leftovers ---- */

static const char *const young = "box/incoming/.0123456789ABCDEF.part";
static const char *const stale = "box/incoming/high/.0123456789ABCDEG.part";
static const char *const probe = "box/incoming/low/.probe-0123456789ABCDEF";
static const char *const foreign[] = {
    "box/incoming/.hidden",
    "box/incoming/.other.part",
    "box/incoming/.0123456789ABCDEF.smx.part",
    "box/incoming/.0123456789abcdef.part",
    "box/incoming/.probe-of-somebody",
    "box/incoming/0123456789ABCDEF.part",
    "box/incoming/0123456789ABCDEF.smx",
};

static void put_leftovers(void)
{
    struct store store;
    open_store(&store);
    store_close(&store);
    put_file(young, 60);
    put_file(stale, 7200);
    put_file(probe, 7200);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        put_file(foreign[i], 7200);
}

static void assert_foreign_files_are_there(void)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        assert_int_equal(access(foreign[i], F_OK), 0);
}

static void alone_it_sweeps_all_its_temporaries_and_nothing_else(void **state)
{
    (void)state;
    put_leftovers();
    spool_close(open_spool());
    assert_int_not_equal(access(young, F_OK), 0);
    assert_int_not_equal(access(stale, F_OK), 0);
    assert_int_not_equal(access(probe, F_OK), 0);
    assert_foreign_files_are_there();
}

static void beside_another_it_sweeps_only_stale_temporaries(void **state)
{
    (void)state;
    struct spool *other = open_spool();
    put_leftovers();
    spool_close(open_spool());
    assert_int_equal(access(young, F_OK), 0);
    assert_int_not_equal(access(stale, F_OK), 0);
    assert_int_not_equal(access(probe, F_OK), 0);
    assert_foreign_files_are_there();
    spool_close(other);
    spool_close(open_spool()); /* the last one has gone: alone again */
    assert_int_not_equal(access(young, F_OK), 0);
}

/* ---- threads ---- */

struct submitter {
    pthread_t thread;
    struct spool *spool;
    struct answer answers[EACH];
};

static void *submit_each(void *argument)
{
    struct submitter *submitter = argument;
    for (unsigned i = 0; i < EACH; i++)
        submit(submitter->spool, &submitter->answers[i], SPAN("one of "), SPAN("many"), i % QUEUES);
    return NULL;
}

/* Closed as soon as all is submitted, while most of it still waits. */
static void every_record_of_many_threads_is_answered_exactly_once(void **state)
{
    (void)state;
    static struct submitter submitters[THREADS];
    unsigned kept = 0;
    struct spool *spool = open_spool();
    for (size_t i = 0; i < THREADS; i++) {
        submitters[i].spool = spool;
        assert_int_equal(pthread_create(&submitters[i].thread, NULL, submit_each, &submitters[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(submitters[i].thread, NULL), 0);
    spool_close(spool);
    for (size_t i = 0; i < THREADS; i++)
        for (size_t k = 0; k < EACH; k++) {
            assert_int_equal(submitters[i].answers[k].times, 1);
            assert_true(submitters[i].answers[k].kept);
            assert_file(&submitters[i].answers[k]);
        }
    for (size_t i = 0; i < QUEUES; i++)
        kept += count_files(settings.queues[i]);
    assert_int_equal(kept, THREADS * EACH);
}

static void a_spool_that_was_never_opened_can_be_closed(void **state)
{
    (void)state;
    spool_close(NULL);
}

#define IN_HOME(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_the_time_and_then_the_random_digits),
        cmocka_unit_test(names_of_rising_times_rise),
        IN_HOME(names_rise_in_the_order_of_arrival_even_if_the_clock_steps_back),
        IN_HOME(a_name_has_the_prefix_and_the_extension),
        IN_HOME(a_kept_file_has_exactly_the_bytes_in_its_queue_s_directory_with_mode_0640),
        IN_HOME(so_it_has_where_nameless_files_are_unknown),
        IN_HOME(so_it_has_with_a_sync_of_each_file),
        IN_HOME(so_it_has_with_a_sync_of_the_file_system),
        IN_HOME(a_batch_is_synced_as_the_setting_says),
        IN_HOME(a_nameless_file_is_linked_through_proc_where_the_direct_way_is_refused),
        IN_HOME(a_name_that_is_taken_is_drawn_again_and_nothing_is_overwritten),
        IN_HOME(a_record_whose_every_name_is_taken_is_not_kept),
        IN_HOME(a_temporary_that_was_left_is_in_the_way_of_one_try_only),
        IN_HOME(a_record_whose_name_was_told_is_published_under_it_however_often),
        IN_HOME(another_s_file_under_that_name_is_not_taken_for_it),
        IN_HOME(missing_directories_are_made_and_an_existing_one_is_taken),
        IN_HOME(a_directory_that_is_a_file_is_an_error_that_names_it),
        IN_HOME(below_min_free_nothing_is_kept_until_the_limit_changes),
        IN_HOME(files_that_are_there_already_count_against_max_files),
        IN_HOME(files_kept_count_against_max_files),
        IN_HOME(alone_it_sweeps_all_its_temporaries_and_nothing_else),
        IN_HOME(beside_another_it_sweeps_only_stale_temporaries),
        IN_HOME(every_record_of_many_threads_is_answered_exactly_once),
        cmocka_unit_test(a_spool_that_was_never_opened_can_be_closed),
    };
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
