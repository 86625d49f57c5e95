/* The decision hidden here: a file is known in the logs by its name without its end, which the state system may change
 * (.smx, .SMW). Logs are read record by record, rotated ones too. */
#include "trace.h"

#include "base/log.h"
#include "base/sys.h"
#include "show.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum { READ_ROOM = 2 * 1024 * 1024 };

struct scan {
    struct span stem;
    size_t count; /* lines shown */
    char *bytes;
    size_t len;
};

static void show_record(struct scan *scan, const struct log_record *record)
{
    char time[SHOW_TIME_SIZE];
    if (record->type == LOG_PLAIN || memmem(record->text.at, record->text.len, scan->stem.at, scan->stem.len) == NULL)
        return;
    (void)printf("  %s  ", show_utc_time(record->time, time));
    show_text(stdout, record->text, "~");
    (void)fputc('\n', stdout);
    scan->count++;
}

/* The whole records of what was read; with `last` the rest, too. */
static void take_records(struct scan *scan, bool last)
{
    struct log_record record;
    size_t taken = 0;
    size_t used;
    while (log_parse((struct span){scan->bytes + taken, scan->len - taken}, last, &record, &used) == LOG_PARSED) {
        show_record(scan, &record);
        taken += used;
    }
    scan->len = last ? 0 : scan->len - taken;
    memmove(scan->bytes, scan->bytes + taken, scan->len);
}

static void scan_open(struct scan *scan, int fd)
{
    ssize_t got;
    do {
        if (scan->len == READ_ROOM)
            take_records(scan, true); /* a record larger than our memory for it */
        got = sys.read(fd, scan->bytes + scan->len, READ_ROOM - scan->len);
        if (got > 0)
            scan->len += (size_t)got;
        take_records(scan, false);
    } while (got > 0 || (got < 0 && errno == EINTR));
    take_records(scan, true);
}

static void scan_file(struct scan *scan, int directory, const char *name)
{
    const int fd = sys.openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0) {
        show_error("cannot open '%s': %s", name, strerror(errno));
        return;
    }
    scan_open(scan, fd);
    (void)sys.close(fd); /* only read from */
}

/* MP_Relay.log, MP_Relay.lo_, MP_Relay-20261122-120000.log, and statesys's. */
static bool is_log(const char *name)
{
    const size_t len = strlen(name);
    const bool ours = strncmp(name, "MP_Relay", 8) == 0 || strncmp(name, "statesys", 8) == 0;
    return ours && len > 4 && (strcmp(name + len - 4, ".log") == 0 || strcmp(name + len - 4, ".lo_") == 0);
}

size_t trace_show_lines(const char *logs, const char *file)
{
    struct scan scan = {.stem = {file, strcspn(file, ".")}, .bytes = sys.allocate(READ_ROOM)};
    DIR *directory = opendir(logs);
    if (directory == NULL)
        show_error("cannot open the directory '%s': %s", logs, strerror(errno));
    if (directory != NULL && scan.bytes != NULL && scan.stem.len > 0)
        for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
            if (is_log(entry->d_name))
                scan_file(&scan, dirfd(directory), entry->d_name);
    if (directory != NULL)
        (void)closedir(directory);
    sys.release(scan.bytes);
    return scan.count;
}
