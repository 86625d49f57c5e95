/* A spool, or an outbox alone, in a directory of its own, records for it, and their answers and files. */
#ifndef TEST_SPOOL_RECORDS_H
#define TEST_SPOOL_RECORDS_H

#include "../../src/spool/batch.h"
#include "base/sys.h"
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <time.h>

#include <cmocka.h>

enum { QUEUES = 3 };

static char home[HOME_SIZE];

/* ---- a clock that can be set ---- */

static atomic_long clock_offset_seconds;
static atomic_long steady_offset_seconds; /* of the clock that never steps */

int clock_gettime(clockid_t clock, struct timespec *out)
{
    const long result = syscall(SYS_clock_gettime, clock, out);
    out->tv_sec += clock == CLOCK_REALTIME ? clock_offset_seconds : steady_offset_seconds;
    return (int)result;
}

/* ---- a spool in a directory of its own ---- */

static struct spool_settings settings;

static inline int begin(void **state)
{
    (void)state;
    home_make(home);
    settings = (struct spool_settings){.queues = {"box/incoming", "box/incoming/high", "box/incoming/low"},
                                       .queue_count = QUEUES,
                                       .prefix = "",
                                       .extension = ".smx",
                                       .max_files = 1000000};
    return chdir(home);
}

static inline int end(void **state)
{
    (void)state;
    sys = sys_kernel;
    clock_offset_seconds = steady_offset_seconds = 0;
    home_remove(home);
    return chdir("/");
}

static inline struct spool *open_spool(void)
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

static inline void note_answer(struct spool_record *record, const struct spool_name *name, const struct error *err)
{
    struct answer *answer = record->owner;
    answer->kept = name != NULL;
    if (name != NULL)
        answer->name = *name;
    else
        answer->error = *err;
    answer->times++;
}

static inline void submit(struct spool *spool, struct answer *answer, struct span prefix, struct span body,
                          unsigned queue)
{
    memset(answer, 0, sizeof *answer);
    answer->record =
        (struct spool_record){.content = {prefix, body}, .queue = queue, .done = note_answer, .owner = answer};
    spool_submit(spool, &answer->record);
}

static inline void keep(struct answer *answer, struct span prefix, struct span body, unsigned queue)
{
    struct spool *spool = open_spool();
    submit(spool, answer, prefix, body, queue);
    spool_close(spool);
    assert_int_equal(answer->times, 1);
}

static inline void path_of(const struct answer *answer, char path[256])
{
    (void)snprintf(path, 256, "%s/%s", settings.queues[answer->record.queue], answer->name.text);
}

static inline void assert_file(const struct answer *answer)
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

static inline unsigned count_files(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_type == DT_REG;
    (void)closedir(directory);
    return count;
}

static inline void put_file(const char *path, long age_seconds)
{
    const int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    const struct timespec times[2] = {{now.tv_sec - age_seconds, 0}, {now.tv_sec - age_seconds, 0}};
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(close(fd), 0);
}

static inline void open_outbox(struct outbox *outbox)
{
    struct error err;
    for (size_t i = 0; i < QUEUES; i++)
        assert_true(sys_make_directory(settings.queues[i], &err));
    outbox_init(outbox);
    assert_true(outbox_prove(outbox, &settings, &err));
}

#define IN_HOME(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
