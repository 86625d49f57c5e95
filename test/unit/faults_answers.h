/*
 * A spool of three queues in a directory of its own, under calls that fail (faults.h): records, and what was answered
 * of them and is found.
 */
#ifndef TEST_FAULTS_ANSWERS_H
#define TEST_FAULTS_ANSWERS_H

#include "../../src/spool/batch.h"
#include "faults.h"
#include "faults_loss.h"
#include "home.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum { QUEUES = 3 };

static const char *const queues[QUEUES] = {"in", "in/high", "in/low"};

/* How files are made and synced. */
static const struct way {
    bool no_nameless;
    enum spool_sync sync;
} ways[] = {
    {false, SPOOL_SYNC_FSYNC},
    {false, SPOOL_SYNC_SYNCFS},
    {true, SPOOL_SYNC_FSYNC},
    {true, SPOOL_SYNC_SYNCFS},
};

enum { WAYS = sizeof ways / sizeof ways[0] };

struct answer {
    struct spool_record record;
    char body[64];
    atomic_int times;
    bool kept;
    struct spool_name name;
    struct error error;
};

static char home[HOME_SIZE];

/* ---- records and their answers ---- */

static inline void note_answer(struct spool_record *record, const struct spool_name *name, const struct error *err)
{
    struct answer *answer = record->owner;
    answer->kept = name != NULL;
    if (name != NULL) {
        answer->name = *name;
        recording_note_kept(queues[record->queue], name->text, record->content);
    } else {
        answer->error = *err;
    }
    answer->times++; /* last: somebody may wait for it */
}

static inline void prepare(struct answer *answers, size_t count)
{
    memset(answers, 0, count * sizeof *answers);
    for (size_t i = 0; i < count; i++) {
        struct answer *answer = &answers[i];
        const int len = snprintf(answer->body, sizeof answer->body, "<Report number=\"%zu\">", i);
        answer->record.content[0] = SPAN("\xff\xfe");
        answer->record.content[1] = (struct span){answer->body, (size_t)len};
        answer->record.queue = (unsigned)(i % QUEUES);
        answer->record.done = note_answer;
        answer->record.owner = answer;
    }
}

static inline struct spool_settings settings_of(const struct way *way)
{
    return (struct spool_settings){.queues = {queues[0], queues[1], queues[2]},
                                   .queue_count = QUEUES,
                                   .prefix = "",
                                   .extension = ".smx",
                                   .sync = way->sync,
                                   .max_files = 1000000};
}

/* ---- looking at the directories ---- */

static inline bool is_file(const struct answer *answer)
{
    char path[128];
    char bytes[128];
    (void)snprintf(path, sizeof path, "%s/%s", queues[answer->record.queue], answer->name.text);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    const size_t len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    const struct span *content = answer->record.content;
    return len == content[0].len + content[1].len && memcmp(bytes, content[0].at, content[0].len) == 0 &&
           memcmp(bytes + content[0].len, content[1].at, content[1].len) == 0;
}

static inline void empty(bool (*wanted)(const char *name), unsigned *count)
{
    for (size_t i = 0; i < QUEUES; i++) {
        DIR *directory = opendir(queues[i]);
        if (directory == NULL)
            continue;
        for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
            if (entry->d_type == DT_REG && wanted(entry->d_name)) {
                (*count)++;
                assert_int_equal(unlinkat(dirfd(directory), entry->d_name, 0), 0);
            }
        (void)closedir(directory);
    }
}

static inline bool is_hidden(const char *name)
{
    return name[0] == '.';
}

static inline bool is_visible(const char *name)
{
    return name[0] != '.';
}

static inline unsigned empty_hidden(void)
{
    unsigned count = 0;
    empty(is_hidden, &count);
    return count;
}

static inline unsigned empty_visible(void)
{
    unsigned count = 0;
    empty(is_visible, &count);
    return count;
}

static inline void make_queues(void)
{
    for (size_t i = 0; i < QUEUES; i++)
        assert_true(mkdir(queues[i], 0750) == 0 || errno == EEXIST);
}

static inline int enter_home(void **state)
{
    (void)state;
    home_make(home);
    return chdir(home);
}

static inline int leave_home(void **state)
{
    (void)state;
    home_remove(home);
    return chdir("/");
}

/* ---- a spool ---- */

static inline void keep_all(struct spool *spool, struct answer *answers, size_t count)
{
    prepare(answers, count);
    for (size_t i = 0; i < count; i++)
        spool_submit(spool, &answers[i].record);
}

static inline unsigned assert_honest_answers(const struct answer *answers, size_t count)
{
    unsigned kept = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(answers[i].times, 1);
        assert_true(!answers[i].kept || is_file(&answers[i]));
        kept += answers[i].kept;
    }
    return kept;
}

static inline int make_queues_once(void **state)
{
    if (enter_home(state) != 0)
        return -1;
    make_queues();
    return 0;
}

#endif
