/*
 * The decision hidden here: the order of steps that makes a batch durable, and what a failure at each of them means.
 *
 *   WAITING --stage--> STAGED --sync data--> --link--> LINKED --sync directories--> kept
 *      any step may end in FAILED; a failed sync fails the whole batch
 */
#include "batch.h"

#include "base/sys.h"
#include "directory.h"
#include "filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

enum { FILE_MODE = 0640, LINK_TRIES = 8 };

/* ---- the outbox ---- */

static bool on_one_file_system(const struct outbox *outbox)
{
    for (size_t i = 1; i < outbox->settings->queue_count; i++)
        if (outbox->places[i].device != outbox->places[0].device)
            return false;
    return true;
}

static bool syncs_one_by_one(const struct outbox *outbox)
{
    if (!on_one_file_system(outbox))
        return true;
    switch (outbox->settings->sync) {
    case SPOOL_SYNC_FSYNC:
        return true;
    case SPOOL_SYNC_SYNCFS:
        return false;
    case SPOOL_SYNC_AUTO:
        break;
    }
    return !filesystem_syncs_whole(outbox->queues[0]);
}

void outbox_init(struct outbox *outbox)
{
    *outbox = (struct outbox){0};
    for (size_t i = 0; i < SPOOL_MOST_QUEUES; i++)
        outbox->queues[i] = -1;
}

/* Who starts and finds no such lock removes every temporary as a leftover (spool.c). He has it alone while he does, and
 * is waited for. */
static void share_lock(int directory)
{
    while (flock(directory, LOCK_SH) != 0 && errno == EINTR)
        ;
}

static bool open_queues(struct outbox *outbox, struct error *err)
{
    for (size_t i = 0; i < outbox->settings->queue_count; i++) {
        const char *path = outbox->settings->queues[i];
        outbox->queues[i] = sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (outbox->queues[i] < 0 || !sys_identify(outbox->queues[i], &outbox->places[i]))
            return error_os(err, "cannot open the directory '%s'", path);
        if (!directory_check(outbox->queues[i], path, err))
            return false;
    }
    share_lock(outbox->queues[0]);
    return true;
}

static bool open_outbox(struct outbox *outbox, const struct spool_settings *settings, struct error *err)
{
    outbox_init(outbox);
    outbox->settings = settings;
    if (!open_queues(outbox, err))
        return false;
    for (size_t i = 0; i < settings->queue_count; i++)
        outbox->named |= !filesystem_links_nameless(outbox->queues[i]);
    outbox->one_by_one = syncs_one_by_one(outbox);
    if (!outbox->one_by_one)
        (void)sys_syncfs(outbox->queues[0]);     /* an old error that nobody was told of is told now: it is not ours */
    return true;
}

void outbox_close(struct outbox *outbox)
{
    for (size_t i = 0; i < SPOOL_MOST_QUEUES; i++) {
        if (outbox->queues[i] >= 0)
            (void)sys.close(outbox->queues[i]);      /* a directory read from: nothing is lost */
        outbox->queues[i] = -1;
    }
}

/* ---- the steps ---- */

static const char *queue_path(const struct outbox *outbox, const struct spool_record *record)
{
    return outbox->settings->queues[record->queue];
}

enum { TEMPORARY_SIZE = 32 };

static void write_temporary_name(const struct spool_record *record, char out[TEMPORARY_SIZE])
{
    char digits[17];
    spool_name_write(record->arrived, record->temporary, digits);
    (void)snprintf(out, TEMPORARY_SIZE, ".%s" OUTBOX_TEMPORARY, digits);
}

static bool draw_number(struct outbox *outbox, struct spool_record *record, uint32_t *out)
{
    if (outbox->random_left == 0) {
        if (sys.getrandom(outbox->random, sizeof outbox->random, 0) != (ssize_t)sizeof outbox->random)
            return error_os(&record->error, "cannot draw a name for a file");
        outbox->random_left = sizeof outbox->random / sizeof outbox->random[0];
    }
    *out = outbox->random[--outbox->random_left];
    return true;
}

/* A name for the moment of arrival: 25 random bits make a collision with another writer unlikely, linkat notices it. */
bool outbox_draw_name(struct outbox *outbox, struct spool_record *record)
{
    char digits[17];
    uint32_t number = 0;
    if (!draw_number(outbox, record, &number))
        return false;
    spool_name_write(record->arrived, number, digits);
    (void)snprintf(record->name.text, sizeof record->name.text, "%.16s%s%.8s", outbox->settings->prefix, digits,
                   outbox->settings->extension);
    return true;
}

static int open_private_file(struct outbox *outbox, struct spool_record *record)
{
    const int queue = outbox->queues[record->queue];
    record->named = outbox->named;
    if (!outbox->named) {
        const int fd = sys.openat(queue, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, FILE_MODE);
        if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
            return fd;
        outbox->named = record->named = true;    /* this file system, or kernel, has no nameless files */
    }
    char name[TEMPORARY_SIZE];
    write_temporary_name(record, name);
    return sys.openat(queue, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, FILE_MODE);
}

/* Closes the private file and removes its name, if it had one; what was linked stays. */
static void drop_private_file(struct outbox *outbox, struct spool_record *record)
{
    if (record->fd < 0)
        return;
    (void)sys.close(record->fd);        /* synced before if it matters, given up otherwise */
    record->fd = -1;
    if (record->named) {
        char name[TEMPORARY_SIZE];
        write_temporary_name(record, name);
        (void)sys.unlinkat(outbox->queues[record->queue], name, 0);     /* else swept at the next start */
    }
}

static void fail_record(struct outbox *outbox, struct spool_record *record)
{
    drop_private_file(outbox, record);
    record->state = SPOOL_FAILED;
}

/* The temporary's number is drawn anew for each try: what an earlier one has left is not in the way. */
static bool stage_record(struct outbox *outbox, struct spool_record *record)
{
    if (!draw_number(outbox, record, &record->temporary))
        return false;
    record->fd = open_private_file(outbox, record);
    if (record->fd < 0)
        return error_os(&record->error, "cannot create a file in '%s'", queue_path(outbox, record));
    if (!sys_write_all(record->fd, record->content))
        return error_os(&record->error, "cannot write a file in '%s'", queue_path(outbox, record));
    record->state = SPOOL_STAGED;
    return true;
}

/* A sync that failed: come back later, unless the disk turned out to be full only when the data were written back. */
static bool sync_failed(struct error *err, const char *what, const char *path)
{
    (void)error_os(err, "cannot sync %s '%s'", what, path);
    if (err->kind == ERROR_SYSTEM)
        err->kind = ERROR_BUSY;
    return false;
}

static bool sync_data(struct outbox *outbox, struct spool_record **records, size_t count, struct error *err)
{
    enum { FEW = 2 };                   /* so few files sync faster than a file system */
    if (count > FEW && !outbox->one_by_one) {
        if (sys_syncfs(outbox->queues[0]) != 0)
            return sync_failed(err, "the file system of", outbox->settings->queues[0]);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        if (records[i]->state == SPOOL_STAGED && sys_fsync(records[i]->fd) != 0)
            return sync_failed(err, "a file in", queue_path(outbox, records[i]));
    return true;
}

static int link_once(struct outbox *outbox, const struct spool_record *record)
{
    const int queue = outbox->queues[record->queue];
    if (record->named) {
        char temporary[TEMPORARY_SIZE];
        write_temporary_name(record, temporary);
        return sys.linkat(queue, temporary, queue, record->name.text, 0);
    }
    if (!outbox->link_by_proc) {
        if (sys.linkat(record->fd, "", queue, record->name.text, AT_EMPTY_PATH) == 0)
            return 0;
        if (errno != ENOENT && errno != EPERM && errno != EINVAL)
            return -1;
        outbox->link_by_proc = true;     /* without CAP_DAC_READ_SEARCH older kernels want the way through /proc */
    }
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", record->fd);
    return sys.linkat(AT_FDCWD, path, queue, record->name.text, AT_SYMLINK_FOLLOW);
}

/* Where this very record is there already an earlier try to publish it got so far. But perhaps its sync of the directory
 * failed, and it could not take the name back any more: then no later sync makes that name durable, though it says so. So
 * the name is given anew; until then the journal has the record. Who takes the file in between has it twice. */
static bool link_again(struct outbox *outbox, const struct spool_record *record)
{
    const int queue = outbox->queues[record->queue];
    if (!directory_holds(queue, record->name.text, record->content)) {
        errno = EEXIST;
        return false;
    }
    return (sys.unlinkat(queue, record->name.text, 0) == 0 || errno == ENOENT) && link_once(outbox, record) == 0;
}

static bool link_record(struct outbox *outbox, struct spool_record *record)
{
    for (int tries = 0; tries < LINK_TRIES; tries++) {
        if (!(tries == 0 && record->told) && !outbox_draw_name(outbox, record))
            return false;
        if (link_once(outbox, record) == 0 || (errno == EEXIST && record->told && link_again(outbox, record))) {
            record->state = SPOOL_LINKED;
            drop_private_file(outbox, record);
            return true;
        }
        if (errno != EEXIST)
            break;
    }
    return error_os(&record->error, "cannot put a file into '%s' under its name", queue_path(outbox, record));
}

static bool sync_directories(struct outbox *outbox, struct spool_record **records, size_t count, struct error *err)
{
    bool touched[SPOOL_MOST_QUEUES] = {false};
    for (size_t i = 0; i < count; i++)
        touched[records[i]->queue] |= records[i]->state == SPOOL_LINKED;
    for (size_t i = 0; i < outbox->settings->queue_count; i++)
        if (touched[i] && !directory_sync(outbox->queues[i]))
            return sync_failed(err, "the directory", outbox->settings->queues[i]);
    return true;
}

/* After a failed sync nothing of the batch may be acknowledged. Its files are whole, since their data were synced
 * first, so a reader that has taken one already has taken a good one; what is still there is taken back. */
static bool fail_batch(struct outbox *outbox, struct spool_record **records, size_t count, const struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct spool_record *record = records[i];
        if (record->state == SPOOL_FAILED)
            continue;
        if (record->state == SPOOL_LINKED)
            (void)sys.unlinkat(outbox->queues[record->queue], record->name.text, 0);
        record->error = *err;
        fail_record(outbox, record);
    }
    return false;
}

/*
 * Group commit. Each step argued against the power cut, or kill, right after it:
 *
 * 1. Each record is written whole into a private file: nameless (O_TMPFILE), or where the file system knows no such
 *    thing or step 4 would not be enough for it (filesystem.c), named with a leading dot that no reader takes. A cut
 *    here leaves nothing, or a temporary for the sweep.
 * 2. The data reach stable storage: one syncfs for all, or an fsync of each file. This must come before any file has
 *    its name: ext4 may make a name durable long before the blocks behind it (delayed allocation), and after a cut a
 *    reader would find an empty file under a good name. Objection: a sync costs a flush, and linking first would let
 *    step 4 do for both. It would not: step 4 syncs the directory, and a half file could be seen even without a cut.
 * 3. Each file is linked under its final name. link(2) cannot overwrite, and the name appears with the whole file
 *    behind it. A cut here may leave the name or not; nobody has been told anything. If it is there, the file is whole,
 *    and the client sends the report again: twice is allowed, lost is not.
 * 4. Each directory touched is synced. Before this the names exist in memory only.
 * 5. Only now is anybody told. A cut from here on finds file and name.
 *
 * If a sync fails, Linux has marked the pages clean: a second sync would report success although the data are gone.
 * So there is no second try: the whole batch is refused, and the outbox proves itself with a probe before the next.
 * Another keeper's batch in flight cannot be fooled by our having been told of the error: descriptors are told each
 * for itself, and each keeper syncs through its own, opened before it wrote anything.
 */
bool outbox_commit(struct outbox *outbox, struct spool_record **records, size_t count)
{
    struct error err;
    for (size_t i = 0; i < count; i++) {
        records[i]->fd = -1;
        records[i]->state = SPOOL_WAITING;
        if (!stage_record(outbox, records[i]))
            fail_record(outbox, records[i]);
    }
    if (!sync_data(outbox, records, count, &err))
        return fail_batch(outbox, records, count, &err);
    for (size_t i = 0; i < count; i++)
        if (records[i]->state == SPOOL_STAGED && !link_record(outbox, records[i]))
            fail_record(outbox, records[i]);
    return sync_directories(outbox, records, count, &err) || fail_batch(outbox, records, count, &err);
}

/* ---- the probe ---- */

static bool probe_queue(struct outbox *outbox, unsigned queue, struct error *err)
{
    static const char text[] = "written by the relay to see whether this disk keeps files; it may be removed\n";
    struct spool_settings hidden = *outbox->settings;
    hidden.prefix = OUTBOX_PROBE;        /* no reader takes it */
    hidden.extension = "";
    struct outbox probing = *outbox;
    probing.settings = &hidden;
    struct spool_record probe = {.content = {SPAN(text), {NULL, 0}}, .queue = queue, .arrived = sys_now()};
    struct spool_record *records[] = {&probe};
    const bool synced = outbox_commit(&probing, records, 1);
    outbox->named = probing.named;
    outbox->link_by_proc = probing.link_by_proc;
    if (probe.state == SPOOL_LINKED)
        (void)sys.unlinkat(outbox->queues[queue], probe.name.text, 0);  /* else swept at the next start */
    if (synced && probe.state == SPOOL_LINKED)
        return true;
    *err = probe.error;
    return false;
}

bool outbox_probe(struct outbox *outbox, struct error *err)
{
    for (unsigned i = 0; i < outbox->settings->queue_count; i++)
        if (!probe_queue(outbox, i, err))
            return false;
    if (!outbox->one_by_one && sys_syncfs(outbox->queues[0]) != 0)   /* one file alone was synced by itself */
        return sync_failed(err, "the file system of", outbox->settings->queues[0]);
    return true;
}

/* Directories are not made here: where a disk is not mounted now, that would put reports where nobody looks for them
 * once it is. */
static bool is_in_place(const struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->settings->queue_count; i++)
        if (!sys_is_at(&outbox->places[i], outbox->settings->queues[i]))
            return false;
    return true;
}

bool outbox_prove(struct outbox *outbox, const struct spool_settings *settings, struct error *err)
{
    if (outbox->queues[0] >= 0 && is_in_place(outbox))
        return true;
    outbox_close(outbox);
    if (open_outbox(outbox, settings, err) && outbox_probe(outbox, err))
        return true;
    outbox_close(outbox);
    return false;
}
