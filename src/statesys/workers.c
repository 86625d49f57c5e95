/* The decision hidden here: a batch is of one thread, not of one directory. What is gathered for a thread is handed over
 * when it is as large as a chunk, so that transactions stay as large however many threads there are. */
#include "workers.h"

#include "base/log.h"
#include "base/sys.h"
#include "file.h"

#include <errno.h>
#include <unistd.h>

/* Chunks in hand for each thread: one in the database, one behind it, one being gathered. */
enum { MOST_WORKERS = 64, CHUNKS_IN_HAND = 3, MOST_FILES = 1024 };

struct worker {
    struct workers *workers;
    size_t number;
    pthread_t thread;
    struct batch_tools tools;
    struct batch *gathering; /* the adding thread's; NULL: nothing yet */
    struct batch *first;     /* waiting, with `last` under the lock */
    struct batch *last;
    bool started;
};

struct workers {
    struct loading *loading;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t in_hand;  /* bytes handed over and not done, */
    size_t batches;  /* and how many batches they are */
    size_t gathered; /* bytes not yet handed over */
    size_t running;  /* threads */
    bool ending;
    struct worker all[MOST_WORKERS];
};

bool workers_open(struct loading *loading, struct workers **out, struct error *err)
{
    struct workers *workers = sys.allocate(sizeof *workers);
    if (workers == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for the loader's threads");
    memset(workers, 0, sizeof *workers);
    workers->loading = loading;
    (void)pthread_mutex_init(&workers->lock, NULL); /* these cannot fail on Linux */
    (void)pthread_cond_init(&workers->changed, NULL);
    for (size_t i = 0; i < MOST_WORKERS; i++) {
        workers->all[i].workers = workers;
        workers->all[i].number = i;
        workers->all[i].tools.loading = loading;
    }
    *out = workers;
    return true;
}

void workers_let_go(struct workers *workers)
{
    for (size_t i = 0; i < MOST_WORKERS; i++)
        batch_close_tools(&workers->all[i].tools);
}

void workers_close(struct workers *workers)
{
    if (workers == NULL)
        return;
    workers_let_go(workers);
    (void)pthread_cond_destroy(&workers->changed);
    (void)pthread_mutex_destroy(&workers->lock);
    sys.release(workers);
}

/* ---- a thread ---- */

static void tell_started(struct worker *worker)
{
    struct workers *workers = worker->workers;
    log_info("Thread \"State Message Processing Thread #%zu\" id:%ld started", worker->number, (long)gettid());
    (void)pthread_mutex_lock(&workers->lock);
    worker->started = true;
    (void)pthread_cond_broadcast(&workers->changed);
    (void)pthread_mutex_unlock(&workers->lock);
}

/* NULL: there will be no more. */
static struct batch *take_batch(struct worker *worker)
{
    struct workers *workers = worker->workers;
    (void)pthread_mutex_lock(&workers->lock);
    while (worker->first == NULL && !workers->ending)
        (void)pthread_cond_wait(&workers->changed, &workers->lock);
    struct batch *batch = worker->first;
    if (batch != NULL)
        worker->first = batch->next;
    (void)pthread_mutex_unlock(&workers->lock);
    return batch;
}

static void note_done(struct workers *workers, size_t bytes)
{
    (void)pthread_mutex_lock(&workers->lock);
    workers->in_hand -= bytes;
    workers->batches--;
    (void)pthread_cond_broadcast(&workers->changed);
    (void)pthread_mutex_unlock(&workers->lock);
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    tell_started(worker);
    for (struct batch *batch; (batch = take_batch(worker)) != NULL;) {
        const size_t bytes = batch->content.len;
        batch_load(batch, &worker->tools);
        batch_close(batch);
        note_done(worker->workers, bytes);
    }
    log_info("Thread \"State Message Processing Thread #%zu\" id:%ld terminated normally", worker->number,
             (long)gettid());
    return NULL;
}

static bool start(struct workers *workers, struct worker *worker, struct error *err)
{
    worker->started = false;
    errno = pthread_create(&worker->thread, NULL, run, worker);
    if (errno != 0)
        return error_os(err, "cannot start a thread of the loader");
    (void)pthread_mutex_lock(&workers->lock);
    while (!worker->started)
        (void)pthread_cond_wait(&workers->changed, &workers->lock);
    (void)pthread_mutex_unlock(&workers->lock);
    workers->running++;
    return true;
}

/* With more threads a client is another's: what is in hand has to have its end before. */
bool workers_start(struct workers *workers, size_t count, struct error *err)
{
    if (count > MOST_WORKERS)
        count = MOST_WORKERS;
    if (workers->running < count)
        workers_finish(workers);
    while (workers->running < count)
        if (!start(workers, &workers->all[workers->running], err))
            break;
    return workers->running > 0;
}

/* ---- handing over ---- */

static void hand_over(struct workers *workers, struct worker *worker)
{
    struct batch *batch = worker->gathering;
    if (batch == NULL)
        return;
    worker->gathering = NULL;
    workers->gathered -= batch->content.len;
    (void)pthread_mutex_lock(&workers->lock);
    batch->next = NULL;
    if (worker->first == NULL)
        worker->first = batch;
    else
        worker->last->next = batch;
    worker->last = batch;
    workers->in_hand += batch->content.len;
    workers->batches++;
    (void)pthread_cond_broadcast(&workers->changed);
    (void)pthread_mutex_unlock(&workers->lock);
}

static void hand_over_all(struct workers *workers)
{
    for (size_t i = 0; i < workers->running; i++)
        hand_over(workers, &workers->all[i]);
}

/* A file that is too large for all of it comes in when nothing else is there. */
static void wait_for_room(struct workers *workers, size_t size)
{
    const size_t most = workers->running * CHUNKS_IN_HAND * workers->loading->force->properties.chunk_size;
    (void)pthread_mutex_lock(&workers->lock);
    while (workers->batches > 0 && workers->in_hand + workers->gathered + size > most)
        (void)pthread_cond_wait(&workers->changed, &workers->lock);
    (void)pthread_mutex_unlock(&workers->lock);
}

static struct worker *choose_worker(struct workers *workers, struct span content)
{
    char client[FILE_CLIENT_SIZE];
    const size_t len = file_find_client(content, client);
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)client[i]) * UINT64_C(1099511628211);
    return &workers->all[(hash >> 32) % workers->running];
}

static bool gather(struct worker *worker, const struct inbox_file *file, struct span content, const struct error *bad,
                   struct error *err)
{
    if (worker->gathering == NULL && !batch_open(&worker->gathering, err))
        return false;
    if (!batch_add(worker->gathering, file, content, bad, err))
        return false;
    worker->workers->gathered += content.len;
    return true;
}

static bool is_full(const struct worker *worker, size_t more)
{
    const struct batch *batch = worker->gathering;
    const size_t most = worker->workers->loading->force->properties.chunk_size;
    return batch != NULL && (batch->content.len + more > most || batch->count == MOST_FILES);
}

void workers_add(struct workers *workers, const struct inbox_file *file, struct span content, const struct error *bad)
{
    struct worker *worker = choose_worker(workers, content);
    struct error err;
    wait_for_room(workers, content.len);
    if (is_full(worker, content.len))
        hand_over(workers, worker);
    if (!gather(worker, file, content, bad, &err)) {
        loading_return(workers->loading, file);
        loading_break(workers->loading, &err);
    }
}

void workers_finish(struct workers *workers)
{
    hand_over_all(workers);
    (void)pthread_mutex_lock(&workers->lock);
    while (workers->batches > 0)
        (void)pthread_cond_wait(&workers->changed, &workers->lock);
    (void)pthread_mutex_unlock(&workers->lock);
}

void workers_end(struct workers *workers)
{
    workers_finish(workers);
    (void)pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    (void)pthread_cond_broadcast(&workers->changed);
    (void)pthread_mutex_unlock(&workers->lock);
    for (; workers->running > 0; workers->running--)
        (void)pthread_join(workers->all[workers->running - 1].thread, NULL);
    workers->ending = false;
}
