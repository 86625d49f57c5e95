/* The decision hidden here: when the file is renamed and what the older ones are called, and when it is given up.
 * Nothing here stops for a failure: a rename that fails leaves the file growing; a file that cannot be opened leaves the
 * old one in use, unless that was removed, or its disk went wrong: then to hold it open would only keep that disk from
 * being mounted anew. */
#include "log_file.h"

#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

static const char closing_line[] = "<MAXIMUM LOG FILE SIZE REACHED - FILE RENAMED>\r\n";

/* ---- opening and writing ---- */

static bool open_path(struct log_file *file)
{
    const int fd = sys.openat(AT_FDCWD, file->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    struct stat status;
    if (fd < 0)
        return false;
    if (sys.fstat(fd, &status) != 0) {
        (void)sys.close(fd);            /* nothing was written to it */
        return false;
    }
    if (file->fd >= 0)
        (void)sys.close(file->fd);      /* its writes have been answered; nobody is left to tell */
    file->fd = fd;
    file->regular = S_ISREG(status.st_mode);
    file->size = file->regular ? (size_t)status.st_size : 0;
    file->torn = file->torn && file->size > 0;   /* it may be the same file */
    file->reopen_due = false;
    return true;
}

bool log_file_open(struct log_file *file, const struct log_settings *settings, struct error *err)
{
    *file = (struct log_file){.fd = -1,
                              .closing_line = settings->format == LOG_SITE,
                              .local_time = settings->local_time,
                              .max_size = settings->max_size,
                              .max_history = settings->max_history};
    const int len = snprintf(file->path, sizeof file->path, "%s", settings->path);
    if (len < 0 || (size_t)len >= sizeof file->path)
        return error_set(err, ERROR_SYSTEM, "the path of the log is longer than %d bytes", PATH_MAX - 1);
    return open_path(file) || error_os(err, "cannot open the log '%s'", file->path);
}

void log_file_close(struct log_file *file)
{
    if (file->fd >= 0)
        (void)sys.close(file->fd);      /* its writes have been answered; nobody is left to tell */
    file->fd = -1;
}

/* Renamed it is somebody's rotation, and he says when we are to go on in another (log_file_reopen). */
static bool is_removed(const struct log_file *file)
{
    struct stat status;
    return file->fd >= 0 && (sys.fstat(file->fd, &status) != 0 || status.st_nlink == 0);
}

void log_file_reopen(struct log_file *file)
{
    file->reopen_due = !open_path(file);
    if (!file->reopen_due)
        return;
    file->os = file->os == 0 ? errno : file->os;
    if (is_removed(file))
        log_file_close(file);
}

static void give_up(struct log_file *file, int os)
{
    file->os = os;
    if (os != ENOSPC && os != EDQUOT && os != EFBIG)
        log_file_close(file);
}

/* Returns the bytes written; fewer than `len` means that file->os says why. */
static size_t write_bytes(struct log_file *file, const char *bytes, size_t len)
{
    size_t written = 0;
    while (file->fd >= 0 && written < len) {
        const ssize_t done = sys.write(file->fd, bytes + written, len - written);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            give_up(file, done < 0 ? errno : ENOSPC);
            break;
        }
        written += (size_t)done;
    }
    file->size += written;
    return written;
}

/* ---- rotation ---- */

/* "dir/X" of "dir/X.log". */
static int stem_of(const struct log_file *file)
{
    const size_t len = strlen(file->path);
    return (int)(len > 4 && strcmp(file->path + len - 4, ".log") == 0 ? len - 4 : len);
}

/* X-YYYYMMDD-HHMMSS.log. Files that end in the same second take the next free name. */
static bool find_free_name(const struct log_file *file, char *out, size_t room)
{
    struct stat status;
    for (unsigned step = 0; step <= file->max_history; step++) {
        const time_t when = (time_t)(sys_now() / 1000000) + (time_t)step;
        struct tm tm = {.tm_mday = 1};
        char date[32];
        (void)(file->local_time ? localtime_r(&when, &tm) : gmtime_r(&when, &tm));
        (void)strftime(date, sizeof date, "%Y%m%d-%H%M%S", &tm);
        const int len = snprintf(out, room, "%.*s-%s.log", stem_of(file), file->path, date);
        if (len > 0 && (size_t)len < room && lstat(out, &status) != 0 && errno == ENOENT)
            return true;
    }
    return false;
}

/* Is `name` "X-YYYYMMDD-HHMMSS.log"? */
static bool is_older(struct span stem, const char *name)
{
    static const char shape[] = "-dddddddd-dddddd.log";
    if (strlen(name) != stem.len + strlen(shape) || memcmp(name, stem.at, stem.len) != 0)
        return false;
    name += stem.len;
    for (size_t i = 0; shape[i] != '\0'; i++)
        if (shape[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != shape[i])
            return false;
    return true;
}

static bool is_before(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec < b->st_mtim.tv_sec
                                                  : a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* Counts the older files in `directory` and finds the one written to longest ago. */
static unsigned find_oldest(DIR *directory, struct span stem, char oldest[NAME_MAX + 1])
{
    unsigned count = 0;
    struct stat least = {0};
    struct stat status;
    rewinddir(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (!is_older(stem, entry->d_name) ||
            fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (count++ == 0 || is_before(&status, &least)) {
            least = status;
            (void)snprintf(oldest, NAME_MAX + 1, "%s", entry->d_name);
        }
    }
    return count;
}

static void remove_oldest(const struct log_file *file, unsigned keep)
{
    const char *slash = strrchr(file->path, '/');
    const char *base = slash == NULL ? file->path : slash + 1;
    const struct span stem = {base, (size_t)stem_of(file) - (size_t)(base - file->path)};
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%.*s", slash == NULL ? 1 : (int)(base - file->path),
                   slash == NULL ? "." : file->path);
    DIR *directory = opendir(path);
    char oldest[NAME_MAX + 1];
    if (directory == NULL)
        return;
    while (find_oldest(directory, stem, oldest) > keep)
        if (sys.unlinkat(dirfd(directory), oldest, 0) != 0)
            break;
    (void)closedir(directory);          /* only read from */
}

/* X.log becomes X.lo_, and with a longer history what was X.lo_ gets a date. */
static bool rename_files(const struct log_file *file)
{
    char previous[PATH_MAX];
    char dated[PATH_MAX];
    const int len = snprintf(previous, sizeof previous, "%.*s.lo_", stem_of(file), file->path);
    if (len < 0 || (size_t)len >= sizeof previous)
        return false;
    if (file->max_history > 1 && find_free_name(file, dated, sizeof dated))
        (void)sys.renameat(AT_FDCWD, previous, AT_FDCWD, dated);   /* there may be none; else it is replaced */
    if (sys.renameat(AT_FDCWD, file->path, AT_FDCWD, previous) != 0)
        return false;
    if (file->max_history > 1)
        remove_oldest(file, file->max_history - 1);
    if (file->max_history == 0)
        (void)sys.unlinkat(AT_FDCWD, previous, 0);                 /* left behind at worst */
    return true;
}

static bool rotate(struct log_file *file)
{
    if (file->reopen_due || !rename_files(file))
        return false;
    if (file->closing_line)
        (void)write_bytes(file, closing_line, strlen(closing_line));   /* an ornament: readers skip it */
    log_file_reopen(file);
    return !file->reopen_due;
}

/* ---- appending ---- */

static bool fits(const struct log_file *file, size_t len)
{
    const size_t reserved = file->closing_line ? strlen(closing_line) : 0;
    return !file->regular || file->size + len + reserved <= file->max_size;
}

static size_t end_of(const struct log_batch *batch, size_t blocks)
{
    return blocks == 0 ? 0 : batch->marks[blocks - 1].end;
}

static unsigned count_records(const struct log_batch *batch, size_t from, size_t to)
{
    unsigned records = 0;
    while (from < to)
        records += batch->marks[from++].records;
    return records;
}

/* Writes blocks from..to at once; returns how many of them are whole. */
static size_t write_blocks(struct log_file *file, const struct log_batch *batch, size_t from, size_t to)
{
    const size_t begin = end_of(batch, from);
    if (file->torn && write_bytes(file, "\r\n", 2) < 2)
        return 0;
    const size_t end = begin + write_bytes(file, batch->bytes + begin, end_of(batch, to) - begin);
    size_t whole = from;
    while (whole < to && end_of(batch, whole + 1) <= end)
        whole++;
    file->torn = end > end_of(batch, whole);
    return whole - from;
}

unsigned log_file_append(struct log_file *file, const struct log_batch *batch, size_t from, size_t to)
{
    bool may_rotate = true;             /* a rename that failed is tried again with the next batch */
    if (file->reopen_due || (file->regular && is_removed(file)))
        log_file_reopen(file);
    while (from < to) {
        const size_t begin = end_of(batch, from);
        if (may_rotate && file->size > 0 && !fits(file, end_of(batch, from + 1) - begin))
            may_rotate = rotate(file);
        size_t next = from + 1;
        while (next < to && (!may_rotate || fits(file, end_of(batch, next + 1) - begin)))
            next++;
        const size_t whole = write_blocks(file, batch, from, next);
        from += whole;
        if (from < next) {
            file->reopen_due = true;    /* the file system may have gone away under it */
            return count_records(batch, from, to);
        }
    }
    return 0;
}
