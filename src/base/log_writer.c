/*
 * The decision hidden here: how records get to the disk without anybody waiting for it.
 *
 * Two batches: callers copy whole blocks into the one that fills, the writer thread writes the other and then takes
 * the filled one in exchange. The writer is IDLE until the first block comes, then LINGERING for some milliseconds so
 * that one write carries many blocks, then BUSY; it is woken for the first block, and again only when a batch is half
 * full. While the filling batch is full callers wait for the exchange; once one of them has waited in vain the log is
 * stalled, and until the next exchange blocks are lost (and counted) without a wait.
 */
#include "log_writer.h"

#include "base/sys.h"
#include "log_file.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    STYLES = 4,                 /* two formats, two kinds of time */
    BATCH_ROOM = 2 * LOG_BLOCK_MOST,
    BATCH_BLOCKS = 16 * 1024,   /* more than fit of the smallest that there are */
    LINGER_US = 5000,
    WAIT_US = 20000,
};

enum writer_state { WRITER_IDLE, WRITER_LINGERING, WRITER_BUSY };

static struct {
    struct log_style styles[STYLES];            /* by style_of; set while there is one thread */
    _Atomic(const struct log_style *) style;    /* in use; NULL before the first log_open */
    _Atomic enum log_level level;

    pthread_mutex_t mutex;      /* guards all up to `file` */
    pthread_cond_t work;        /* for the writer */
    pthread_cond_t room;        /* for callers who found the batch full */
    bool open;
    bool closing;
    bool stalled;
    enum writer_state state;
    struct log_batch *filling;
    uint64_t lost;
    int trouble;                /* errno of the latest batch; 0: it was written */
    size_t max_size;
    unsigned max_history;
    char path[PATH_MAX];        /* of the file that is opened next, */
    bool closing_line;          /* and its ways (log_file.h) */
    bool local_time;

    struct log_file file;       /* the writer's, as all below */
    struct log_batch batches[2];
    uint64_t lost_said;
    pthread_t writer;
} the_log = {.level = LOG_LEVEL_DEFAULT, .mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- for callers ---- */

bool log_wants(enum log_type type, bool verbose)
{
    const enum log_level level = atomic_load_explicit(&the_log.level, memory_order_relaxed);
    if (verbose)
        return level == LOG_LEVEL_VERBOSE;
    return level <= LOG_LEVEL_DEFAULT || (type >= LOG_WARNING && (int)type >= (int)level);
}

uint64_t log_lost(void)
{
    pthread_mutex_lock(&the_log.mutex);
    const uint64_t lost = the_log.lost;
    pthread_mutex_unlock(&the_log.mutex);
    return lost;
}

static void ask_for_reopen(void)
{
    if (the_log.filling->reopen_at == SIZE_MAX)
        the_log.filling->reopen_at = the_log.filling->count;
    pthread_cond_signal(&the_log.work);
}

bool log_works(struct error *err)
{
    bool works = true;
    pthread_mutex_lock(&the_log.mutex);
    if (the_log.open && the_log.stalled) {
        works = error_set(err, ERROR_BUSY, "the log is not written as fast as it comes, or its disk does not answer");
    } else if (the_log.open && the_log.trouble != 0) {
        errno = the_log.trouble;
        works = error_os(err, "cannot write the log '%s'", the_log.file.path);
    }
    if (the_log.open && the_log.trouble != 0)
        ask_for_reopen();
    pthread_mutex_unlock(&the_log.mutex);
    return works;
}

uint64_t log_writer_thread(void)
{
    static _Thread_local uint64_t kept;
    if (kept == 0)
        kept = (uint64_t)gettid();
    return kept;
}

const struct log_style *log_writer_style(void)
{
    static const struct log_settings none = {.format = LOG_CCM};
    static _Thread_local struct log_style early;
    const struct log_style *style = the_log.style;
    if (style != NULL)
        return style;
    if (early.component[0] == '\0')
        log_style_init(&early, &none);
    return &early;
}

static bool has_room(const struct log_batch *batch, size_t len)
{
    return batch->count < BATCH_BLOCKS && len <= BATCH_ROOM - batch->len;
}

static bool wait_for_room(size_t len)
{
    const int64_t deadline = sys_ticks() + WAIT_US;
    while (the_log.open && !the_log.stalled && !has_room(the_log.filling, len))
        if (!sys_wait_until(&the_log.room, &the_log.mutex, deadline))
            the_log.stalled = true;
    return the_log.open && has_room(the_log.filling, len);
}

static void add_to_batch(struct span block, unsigned records)
{
    struct log_batch *batch = the_log.filling;
    memcpy(batch->bytes + batch->len, block.at, block.len);
    batch->len += block.len;
    batch->marks[batch->count++] = (struct log_mark){batch->len, records};
    if (the_log.state == WRITER_IDLE || (the_log.state == WRITER_LINGERING && batch->len > BATCH_ROOM / 2))
        pthread_cond_signal(&the_log.work);
    if (the_log.state == WRITER_IDLE)
        the_log.state = WRITER_LINGERING;   /* as it will be: one signal is enough */
}

static void write_to_stderr(struct span block)
{
    while (block.len > 0) {
        const ssize_t done = sys.write(STDERR_FILENO, block.at, block.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return;                     /* no other place is left to say it */
        block.at += done;
        block.len -= (size_t)done;
    }
}

void log_writer_take(struct span block, unsigned records)
{
    pthread_mutex_lock(&the_log.mutex);
    const bool taken = the_log.open && (has_room(the_log.filling, block.len) || wait_for_room(block.len));
    const bool open = the_log.open;
    if (taken)
        add_to_batch(block, records);
    else if (open)
        the_log.lost += records;
    pthread_mutex_unlock(&the_log.mutex);
    if (!open)
        write_to_stderr(block);
}

/* ---- the writer ---- */

static bool is_pending(const struct log_batch *batch)
{
    return batch->count > 0 || batch->reopen_at != SIZE_MAX;
}

/* Waits for work and takes it in exchange for the empty batch. NULL: the log is closed and all is written. */
static struct log_batch *take_batch(struct log_batch *empty)
{
    *empty = (struct log_batch){.bytes = empty->bytes, .marks = empty->marks, .reopen_at = SIZE_MAX};
    the_log.state = WRITER_IDLE;
    while (!the_log.closing && !is_pending(the_log.filling))
        pthread_cond_wait(&the_log.work, &the_log.mutex);
    the_log.state = WRITER_LINGERING;
    const int64_t deadline = sys_ticks() + LINGER_US;
    while (!the_log.closing && the_log.filling->len <= BATCH_ROOM / 2 &&
           sys_wait_until(&the_log.work, &the_log.mutex, deadline))
        continue;
    the_log.state = WRITER_BUSY;
    struct log_batch *taken = the_log.filling;
    if (!is_pending(taken)) {
        the_log.open = false;
        return NULL;
    }
    the_log.filling = empty;
    the_log.stalled = false;
    pthread_cond_broadcast(&the_log.room);
    return taken;
}

/* A warning for the records that were lost since the last one. It is said again until it could be written; false: it
 * could not. */
static bool say_losses(uint64_t lost)
{
    if (lost == the_log.lost_said)
        return true;
    char text[160];
    char reason[80];
    const char *why = the_log.file.os == 0 ? "the buffer was full" : strerror_r(the_log.file.os, reason, sizeof reason);
    (void)snprintf(text, sizeof text, "Log: %llu records were lost: %s", (unsigned long long)(lost - the_log.lost_said),
                   why);
    const struct log_origin origin = {LOG_WARNING, __FILE__, __LINE__, log_writer_thread(), sys_now(), NULL};
    char record[LOG_LINE_MOST];
    struct log_mark mark = {.records = 1};
    mark.end = log_text_record(the_log.style, &origin, span_of(text), strlen(text), record);
    const struct log_batch batch = {record, mark.end, &mark, 1, SIZE_MAX};
    if (log_file_append(&the_log.file, &batch, 0, 1) > 0)
        return false;
    the_log.lost_said = lost;
    the_log.file.os = 0;
    return true;
}

static void reopen(void)
{
    pthread_mutex_lock(&the_log.mutex);
    memcpy(the_log.file.path, the_log.path, sizeof the_log.path);
    the_log.file.closing_line = the_log.closing_line;
    the_log.file.local_time = the_log.local_time;
    pthread_mutex_unlock(&the_log.mutex);
    log_file_reopen(&the_log.file);
}

/* Returns the number of records lost. */
static unsigned write_batch(const struct log_batch *batch)
{
    if (batch->reopen_at == SIZE_MAX)
        return log_file_append(&the_log.file, batch, 0, batch->count);
    unsigned lost = log_file_append(&the_log.file, batch, 0, batch->reopen_at);
    reopen();
    lost += log_file_append(&the_log.file, batch, batch->reopen_at, batch->count);
    return lost;
}

static void *run_writer(void *unused)
{
    struct log_batch *batch = &the_log.batches[1];
    pthread_mutex_lock(&the_log.mutex);
    while ((batch = take_batch(batch)) != NULL) {
        const uint64_t lost = the_log.lost;
        the_log.file.max_size = the_log.max_size;
        the_log.file.max_history = the_log.max_history;
        pthread_mutex_unlock(&the_log.mutex);
        const bool said = say_losses(lost);
        const unsigned lost_now = write_batch(batch);
        const int trouble = said && lost_now == 0 ? 0 : the_log.file.os;
        pthread_mutex_lock(&the_log.mutex);
        the_log.lost += lost_now;
        the_log.trouble = trouble;
    }
    const uint64_t lost = the_log.lost;
    pthread_mutex_unlock(&the_log.mutex);
    (void)say_losses(lost);
    return unused;
}

/* ---- opening and closing ---- */

static void free_batches(void)
{
    for (size_t i = 0; i < 2; i++) {
        sys.release(the_log.batches[i].bytes);
        sys.release(the_log.batches[i].marks);
        the_log.batches[i] = (struct log_batch){.reopen_at = SIZE_MAX};
    }
}

static bool make_batches(struct error *err)
{
    for (size_t i = 0; i < 2; i++) {
        struct log_batch *batch = &the_log.batches[i];
        *batch = (struct log_batch){.reopen_at = SIZE_MAX};
        batch->bytes = sys.allocate(BATCH_ROOM);
        batch->marks = sys.allocate(BATCH_BLOCKS * sizeof *batch->marks);
    }
    if (the_log.batches[0].bytes != NULL && the_log.batches[0].marks != NULL && the_log.batches[1].bytes != NULL &&
        the_log.batches[1].marks != NULL)
        return true;
    free_batches();
    return error_set(err, ERROR_NO_MEMORY, "the system refused memory for the log");
}

static void init_conditions(void)
{
    sys_condition_init(&the_log.work);
    sys_condition_init(&the_log.room);
}

/* Signals are for the program's own threads. */
static bool start_writer(struct error *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);             /* the signal calls cannot fail with these arguments */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&the_log.writer, NULL, run_writer, NULL);
    const int os = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = os;
    return os == 0 || error_os(err, "cannot start the log's thread");
}

static const struct log_style *style_of(const struct log_settings *settings)
{
    return &the_log.styles[2 * (int)settings->format + settings->local_time];
}

/* Under the mutex, or alone. */
static void set_place(const struct log_settings *settings)
{
    (void)snprintf(the_log.path, sizeof the_log.path, "%s", settings->path);
    the_log.closing_line = settings->format == LOG_SITE;
    the_log.local_time = settings->local_time;
    the_log.style = style_of(settings);
}

bool log_open(const struct log_settings *settings, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    assert(!the_log.open);
    (void)pthread_once(&once, init_conditions);
    if (!make_batches(err))
        return false;
    if (!log_file_open(&the_log.file, settings, err)) {
        free_batches();
        return false;
    }
    for (int i = 0; i < STYLES; i++)
        log_style_init(&the_log.styles[i], &(struct log_settings){.component = settings->component,
                                                                  .format = (enum log_format)(i / 2),
                                                                  .local_time = i % 2 != 0});
    set_place(settings);
    the_log.filling = &the_log.batches[0];
    the_log.closing = false;
    the_log.stalled = false;
    the_log.trouble = 0;
    the_log.state = WRITER_BUSY;
    the_log.lost_said = the_log.lost;
    log_set(settings);
    the_log.open = true;
    if (start_writer(err))
        return true;
    the_log.open = false;
    log_file_close(&the_log.file);
    free_batches();
    return false;
}

void log_set(const struct log_settings *settings)
{
    atomic_store_explicit(&the_log.level, settings->level, memory_order_relaxed);
    pthread_mutex_lock(&the_log.mutex);
    the_log.max_size = settings->max_size;
    the_log.max_history = settings->max_history;
    pthread_mutex_unlock(&the_log.mutex);
}

void log_move(const struct log_settings *settings)
{
    pthread_mutex_lock(&the_log.mutex);
    set_place(settings);
    pthread_mutex_unlock(&the_log.mutex);
    log_reopen();
}

/* What was handed over before goes to the old file, what comes later to the new one. */
void log_reopen(void)
{
    pthread_mutex_lock(&the_log.mutex);
    if (the_log.open)
        ask_for_reopen();
    pthread_mutex_unlock(&the_log.mutex);
}

void log_close(void)
{
    pthread_mutex_lock(&the_log.mutex);
    const bool open = the_log.open;
    the_log.closing = open;
    if (open)
        pthread_cond_signal(&the_log.work);
    pthread_mutex_unlock(&the_log.mutex);
    if (!open)
        return;
    (void)pthread_join(the_log.writer, NULL);   /* fails only for a thread that is not ours */
    log_file_close(&the_log.file);
    free_batches();
}
