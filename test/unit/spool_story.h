/*
 * What the stories of a spool share: a directory of its own, records whose bytes are known from their number, submitted
 * singly or as a crowd, and what is found of them afterwards.
 */
#ifndef TEST_SPOOL_STORY_H
#define TEST_SPOOL_STORY_H

#include "faults.h"
#include "home.h"
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum {
    STORY_QUEUES = 3,
    STORY_MOST = 128,          /* records */
    STORY_BODY = 20000,        /* bytes of one, at most: too many for a small journal */
    STORY_JOURNAL = 32 * 4096, /* bytes of the smallest one */
};

struct story_answer {
    struct spool_record record;
    char body[STORY_BODY];
    atomic_int times;
    bool kept;
    bool journaled; /* answered before its file had a name */
    enum error_kind error;
};

static struct {
    char home[HOME_SIZE]; /* where the spool works */
    struct spool_settings settings;
    struct story_answer answers[STORY_MOST];
    size_t count;
    atomic_bool gate_is_reached;
    atomic_bool gate_is_open;
} story;

static const char *const story_queues[STORY_QUEUES] = {"in", "in/high", "in/low"};

/* ---- records and their answers ---- */

static inline void story_note(struct spool_record *record, const struct spool_name *name, const struct error *err)
{
    struct story_answer *answer = record->owner;
    char path[128];
    answer->kept = name != NULL;
    answer->error = err == NULL ? ERROR_NONE : err->kind;
    if (name != NULL) {
        (void)snprintf(path, sizeof path, "%s/%s", story_queues[record->queue], name->text);
        answer->journaled = access(path, F_OK) != 0;
        recording_note_kept(story_queues[record->queue], name->text, record->content);
    }
    answer->times++; /* last: somebody may wait for it */
}

/* Holds the keeper until its next batch has gathered. */
static inline void story_note_behind_gate(struct spool_record *record, const struct spool_name *name,
                                          const struct error *err)
{
    story.gate_is_reached = true;
    while (!story.gate_is_open)
        (void)usleep(50);
    story_note(record, name, err);
}

static inline void story_submit_one(struct spool *spool, size_t number, size_t len, bool is_gate)
{
    struct story_answer *answer = &story.answers[number];
    const size_t head = (size_t)snprintf(answer->body, STORY_BODY, "<Report number=\"%zu\">", number);
    for (size_t i = head; i < len; i++)
        answer->body[i] = (char)('a' + (number + i) % 26);
    answer->times = 0;
    answer->record = (struct spool_record){
        .content = {SPAN("\xff\xfe"), {answer->body, len}},
        .queue = (unsigned)(number % story.settings.queue_count),
        .done = is_gate ? story_note_behind_gate : story_note,
        .owner = answer,
    };
    spool_submit(spool, &answer->record);
}

/* The first alone, and then the others in one batch; each of up to `most` bytes. Returns when all are answered. */
static inline void story_submit(struct spool *spool, size_t count, size_t most)
{
    const size_t first = story.count;
    const size_t end = first + count;
    assert_true(end <= STORY_MOST && most <= STORY_BODY && most > 100);
    story.gate_is_reached = story.gate_is_open = false;
    for (size_t i = first; i < end; i++) {
        story_submit_one(spool, i, most - i % 50, i == first);
        while (!story.gate_is_reached)
            (void)usleep(50);
    }
    story.gate_is_open = true;
    for (size_t i = first; i < end; i++)
        while (story.answers[i].times == 0)
            (void)usleep(50);
    story.count = end;
}

static inline unsigned story_count_kept(bool journaled)
{
    unsigned count = 0;
    for (size_t i = 0; i < story.count; i++) {
        const struct story_answer *answer = &story.answers[i];
        assert_int_equal(answer->times, 1);
        assert_true(answer->kept || answer->error != ERROR_NONE);
        count += answer->kept && (answer->journaled || !journaled);
    }
    return count;
}

/* ---- what is found ---- */

struct story_sight {
    bool there[STORY_MOST]; /* whole, in its queue, under the name that was told */
    unsigned half;          /* visible, and not one of the records, whole */
    unsigned copies;        /* whole, under another name or in another queue */
    unsigned litter;        /* hidden */
};

static inline void story_see_file(unsigned queue, const char *name, struct story_sight *sight)
{
    static char bytes[STORY_BODY + 8];
    unsigned number = STORY_MOST;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%.300s", story_queues[queue], name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = read(fd, bytes, sizeof bytes - 1);
    const size_t len = got > 0 ? (size_t)got : 0;
    bytes[len] = '\0';
    (void)close(fd);
    if (len < 24 || sscanf(bytes + 2, "<Report number=\"%5u\">", &number) != 1 || number >= STORY_MOST) {
        sight->half++;
        return;
    }
    const struct spool_record *record = &story.answers[number].record;
    const struct span body = record->content[1];
    if (len != body.len + 2 || memcmp(bytes, "\xff\xfe", 2) != 0 || memcmp(bytes + 2, body.at, body.len) != 0)
        sight->half++;
    else if (record->queue == queue && strcmp(name, record->name.text) == 0)
        sight->there[number] = true;
    else
        sight->copies++;
}

static inline void story_look(struct story_sight *out)
{
    struct story_sight sight = {0};
    for (unsigned i = 0; i < STORY_QUEUES; i++) {
        DIR *directory = opendir(story_queues[i]);
        for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
            if (entry->d_type == DT_REG && entry->d_name[0] == '.')
                sight.litter++;
            else if (entry->d_type == DT_REG)
                story_see_file(i, entry->d_name, &sight);
        }
        if (directory != NULL)
            (void)closedir(directory);
    }
    *out = sight;
}

static inline unsigned story_count_missing(void)
{
    unsigned count = 0;
    struct story_sight sight;
    story_look(&sight);
    for (size_t i = 0; i < story.count; i++)
        count += story.answers[i].kept && !sight.there[i];
    return count;
}

/* ---- begin and end ---- */

static inline void story_begin(struct faults_plan plan, bool no_nameless, enum spool_sync sync)
{
    home_make(story.home);
    assert_int_equal(chdir(story.home), 0);
    story.count = 0;
    story.settings = (struct spool_settings){.queues = {story_queues[0], story_queues[1], story_queues[2]},
                                             .queue_count = STORY_QUEUES,
                                             .prefix = "",
                                             .extension = ".smx",
                                             .sync = sync,
                                             .max_files = 1000000,
                                             .journal_directory = "journal",
                                             .journal_size = STORY_JOURNAL};
    faults.no_nameless = no_nameless;
    faults_begin(plan);
}

static inline void story_end(void)
{
    faults_end();
    assert_int_equal(chdir("/"), 0);
    home_remove(story.home);
}

static inline bool story_open(struct spool **out)
{
    struct error err = {0};
    if (spool_open(&story.settings, out, &err))
        return true;
    assert_int_not_equal(err.kind, ERROR_NONE);
    assert_null(*out);
    return false;
}

#endif
