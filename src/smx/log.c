/* The decision hidden here: how a file that is renamed, cut or not yet there is followed. The name is looked at again
 * whenever the open file has no more to give; another file behind it is taken up after the old one was read to its
 * end. Polling does it without a limit of watches and on every file system. */
#include "verbs.h"

#include "base/log.h"
#include "base/sys.h"
#include "show.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { READ_ROOM = 2 * 1024 * 1024, POLL_MS = 100 };

struct view {
    const char *path;
    bool follow;
    bool json;
    bool color;
    int fd;                     /* -1: not there yet */
    uint64_t offset;
    char *bytes;                /* read, not yet shown */
    size_t len;
    FILE *out;
};

/* ---- showing ---- */

static const char *color_of(const struct view *view, enum log_type type)
{
    if (!view->color || type < LOG_WARNING)
        return "";
    return type == LOG_ERROR ? "\033[31m" : "\033[33m";
}

static void show_record(const struct view *view, const struct log_record *record)
{
    char time[SHOW_TIME_SIZE];
    const char *color = color_of(view, record->type);
    const int width = record->component.len < 20 ? 20 - (int)record->component.len : 0;
    (void)fprintf(view->out, "%s%-23s  ", color, show_local_time(record->time, time));
    show_text(view->out, record->component, "~");
    (void)fprintf(view->out, "%*s  %6llu  ", width, "", (unsigned long long)record->thread);
    show_text(view->out, record->text, "\n    ");   /* no line of a text begins like a record */
    (void)fputs(*color == '\0' ? "\n" : "\033[0m\n", view->out);
}

static void show_member(FILE *out, const char *name, struct span value)
{
    (void)fprintf(out, ",\"%s\":", name);
    show_json_text(out, value);
}

static void show_json(const struct view *view, const struct log_record *record)
{
    static const char *const types[] = {"plain", "information", "warning", "error"};
    char time[SHOW_TIME_SIZE];
    if (record->time == INT64_MIN)
        (void)fputs("{\"time\":null", view->out);
    else
        (void)fprintf(view->out, "{\"time\":\"%s\"", show_utc_time(record->time, time));
    (void)fprintf(view->out, ",\"type\":\"%s\",\"thread\":%llu", types[record->type],
                  (unsigned long long)record->thread);
    show_member(view->out, "component", record->component);
    show_member(view->out, "context", record->context);
    show_member(view->out, "file", record->file);
    show_member(view->out, "text", record->text);
    (void)fputs("}\n", view->out);
}

/* Shows the whole records that were read; with `last` the rest, too. */
static void show_read(struct view *view, bool last)
{
    struct log_record record;
    size_t shown = 0;
    size_t used;
    while (log_parse((struct span){view->bytes + shown, view->len - shown}, last, &record, &used) == LOG_PARSED) {
        if (view->json)
            show_json(view, &record);
        else
            show_record(view, &record);
        shown += used;
    }
    view->len = last ? 0 : view->len - shown;
    memmove(view->bytes, view->bytes + shown, view->len);
}

/* ---- reading ---- */

static int complain(const struct view *view, const char *what)
{
    show_error("log: cannot %s '%s': %s", what, view->path, strerror(errno));
    return EX_NOINPUT;
}

/* Reads to the end of the file as it is now. A record larger than our memory for it is shown in parts. */
static int read_on(struct view *view)
{
    for (;;) {
        if (view->len == READ_ROOM)
            show_read(view, true);
        const ssize_t got = sys.read(view->fd, view->bytes + view->len, READ_ROOM - view->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return complain(view, "read");
        if (got == 0)
            return 0;
        view->offset += (uint64_t)got;
        view->len += (size_t)got;
        show_read(view, false);
    }
}

static bool open_file(struct view *view)
{
    if (strcmp(view->path, "-") == 0 && !view->follow)
        view->fd = STDIN_FILENO;
    else
        view->fd = sys.openat(AT_FDCWD, view->path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    view->offset = 0;
    return view->fd >= 0;
}

/* Another file has the name now. */
static bool is_renamed(const struct view *view)
{
    struct stat named;
    struct stat open;
    return stat(view->path, &named) == 0 && sys.fstat(view->fd, &open) == 0 &&
           (named.st_ino != open.st_ino || named.st_dev != open.st_dev);
}

static bool is_cut(const struct view *view)
{
    struct stat open;
    return sys.fstat(view->fd, &open) == 0 && S_ISREG(open.st_mode) && (uint64_t)open.st_size < view->offset;
}

static void wait_a_moment(void)
{
    const struct timespec moment = {.tv_nsec = POLL_MS * 1000000L};
    (void)nanosleep(&moment, NULL);     /* interrupted: we look earlier */
}

static int flush(const struct view *view)
{
    if (fflush(view->out) == 0 && !ferror(view->out))
        return 0;
    show_error("log: cannot write: %s", strerror(errno));
    return EX_IOERR;
}

/* The old file to its end: its writer may have held it open for a moment after the rename. */
static int finish_renamed(struct view *view)
{
    wait_a_moment();
    const int status = read_on(view);
    show_read(view, true);
    (void)sys.close(view->fd);          /* only read from */
    view->fd = -1;
    return status;
}

static int follow_once(struct view *view)
{
    int status = read_on(view);
    if (status == 0)
        status = flush(view);
    if (status != 0)
        return status;
    if (is_renamed(view))
        return finish_renamed(view);
    if (is_cut(view)) {
        show_read(view, true);
        view->offset = 0;
        return lseek(view->fd, 0, SEEK_SET) < 0 ? complain(view, "read") : 0;
    }
    wait_a_moment();
    return 0;
}

static int follow(struct view *view)
{
    int status = 0;
    while (status == 0) {
        if (view->fd >= 0 || open_file(view))
            status = follow_once(view);
        else if (errno == ENOENT)
            wait_a_moment();
        else
            status = complain(view, "open");
    }
    return status;
}

static int show_once(struct view *view)
{
    if (!open_file(view))
        return complain(view, "open");
    const int status = read_on(view);
    show_read(view, true);
    (void)sys.close(view->fd);          /* only read from */
    const int flushed = flush(view);
    return status != 0 ? status : flushed;
}

/* ---- the command line ---- */

static int show_usage(FILE *out, int status)
{
    (void)fputs("Usage: smx log [-f] [--json] FILE\n"
                "Shows the records of a log in CMTrace format. FILE may be - for the standard input.\n"
                "  -f, --follow  go on as the file grows, is renamed and made anew\n"
                "      --json    one object a line for each record, time in UTC\n",
                out);
    return status;
}

static bool wants_color(void)
{
    const char *no_color = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0');
}

int verb_log(int argc, char **argv)
{
    static const struct option options[] = {
        {"follow", no_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct view view = {.fd = -1, .color = wants_color(), .out = stdout};
    optind = 0;                         /* another verb may have used getopt before */
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "fh", options, NULL)) != -1;) {
        if (option == 'h')
            return show_usage(stdout, 0);
        if (option != 'f' && option != 'j')
            return show_usage(stderr, EX_USAGE);
        view.follow = view.follow || option == 'f';
        view.json = view.json || option == 'j';
    }
    if (argc - optind != 1)
        return show_usage(stderr, EX_USAGE);
    view.path = argv[optind];
    view.bytes = sys.allocate(READ_ROOM);
    if (view.bytes == NULL)
        return complain(&view, "read");
    const int status = view.follow ? follow(&view) : show_once(&view);
    sys.release(view.bytes);
    return status;
}
