/* The decision hidden here: a file is known in the logs by its name without its end, which the state system may change
 * (.smx, .SMW), a message by its ID. Logs are read record by record, rotated ones too. */
#include "trace.h"

#include "base/log.h"
#include "base/sys.h"
#include "show.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_ROOM = 2 * 1024 * 1024, MOST_LOGS = 2048 * TRACE_NAME_SIZE };

struct scan {
    struct trace_lines *lines;
    struct span stem;
    size_t count; /* lines shown */
    char *bytes;
    size_t len;
};

static bool names(struct span text, struct span word)
{
    return memmem(text.at, text.len, word.at, word.len) != NULL;
}

/* The host before it cannot have the quote that ends it (relay.c). */
static void note_kept(struct trace_lines *lines, struct span text)
{
    static const char words[] = "': kept as ";
    const char *at = memmem(text.at, text.len, words, sizeof words - 1);
    size_t len = 0;
    if (at == NULL || text.len < 15 || memcmp(text.at, "Relay: Message ", 15) != 0)
        return;
    at += sizeof words - 1;
    while (at + len < text.at + text.len && at[len] != ',' && len < TRACE_NAME_SIZE - 1)
        len++;
    memcpy(lines->kept, at, len);
    lines->kept[len] = '\0';
}

static void show_record(struct scan *scan, const struct log_record *record)
{
    char time[SHOW_TIME_SIZE];
    if (record->type == LOG_PLAIN || !names(record->text, scan->stem) ||
        (scan->lines->but != NULL && names(record->text, span_of(scan->lines->but))))
        return;
    note_kept(scan->lines, record->text);
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

/* MP_Relay.log, MP_Relay.lo_, MP_Relay-20261122-120000.log, and those of the mover and the state system. */
static bool is_log(const char *name)
{
    const size_t len = strlen(name);
    const bool ours = strncmp(name, "MP_Relay", 8) == 0 || strncmp(name, "mpfdm", 5) == 0 ||
                      strncmp(name, "statesys", 8) == 0;
    return ours && len > 4 && (strcmp(name + len - 4, ".log") == 0 || strcmp(name + len - 4, ".lo_") == 0);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* In the order of their names, which is that of time: X-YYYYMMDD-HHMMSS.log, X.lo_, X.log. */
static bool list_logs(DIR *directory, struct buffer *out)
{
    struct error err;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char name[TRACE_NAME_SIZE] = "";
        (void)snprintf(name, sizeof name, "%.255s", entry->d_name);
        if (is_log(name) && !buffer_add(out, name, sizeof name, &err))
            return false;
    }
    if (out->len > 0)
        qsort(out->at, out->len / TRACE_NAME_SIZE, TRACE_NAME_SIZE, compare);
    return true;
}

static void scan_directory(struct scan *scan, DIR *directory)
{
    struct buffer found;
    buffer_init(&found, MOST_LOGS);
    if (!list_logs(directory, &found))
        show_error("not all logs are looked into: there are too many");
    for (size_t at = 0; at < found.len; at += TRACE_NAME_SIZE)
        scan_file(scan, dirfd(directory), found.at + at);
    buffer_fini(&found);
}

size_t trace_show_lines(struct trace_lines *lines)
{
    struct scan scan = {
        .lines = lines, .stem = {lines->word, strcspn(lines->word, ".")}, .bytes = sys.allocate(READ_ROOM)};
    DIR *directory = opendir(lines->logs);
    if (directory == NULL)
        show_error("cannot open the directory '%s': %s", lines->logs, strerror(errno));
    if (directory != NULL && scan.bytes != NULL && scan.stem.len > 0)
        scan_directory(&scan, directory);
    if (directory != NULL)
        (void)closedir(directory);
    sys.release(scan.bytes);
    return scan.count;
}
