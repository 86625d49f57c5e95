/* The decision hidden here: which file holds a message shows only in the file, so the files are read, a bounded number
 * of them: an inbox may hold a million. */
#include "trace.h"

#include "base/sys.h"
#include "report/report.h"
#include "report/smx.h"
#include "spool/inbox.h"

#include <fcntl.h>
#include <stdio.h>

enum { MOST_LOOKED = 20000, MOST_FILE = 64 * 1024 * 1024, MOST_MEMORY = 8 };

struct search {
    const struct trace_message *message;
    struct xml_reader *reader;
    struct trace_found *out;
    const char *where;
};

static bool has_serial(const struct report *report, uint64_t serial)
{
    for (size_t i = 0; i < report->message_count; i++)
        if (report->messages[i].valid && report->messages[i].has_serial && report->messages[i].serial == serial)
            return true;
    return false;
}

/* What is no report holds no message. */
static bool holds(const struct search *search, struct span bytes, struct arena *arena)
{
    const struct report_limits limits = {{.depth = 200, .tag_bytes = 1024UL * 1024}, REPORT_MOST_MESSAGES};
    enum text_encoding encoding;
    struct report report;
    struct error err;
    struct span text;
    return smx_text(bytes, &text, &encoding, &err) &&
           report_parse(text, encoding, &limits, search->reader, arena, &report, &err) &&
           span_equal(report.sender.key, span_of(search->message->key)) && has_serial(&report, search->message->serial);
}

static bool file_holds(const struct search *search, const struct inbox_seen *seen)
{
    struct buffer file;
    struct error err;
    char path[DAEMON_PATH_SIZE];
    bool found = false;
    buffer_init(&file, MOST_FILE);
    struct arena *arena = arena_open((size_t)MOST_FILE * MOST_MEMORY, NULL);
    if (arena != NULL && snprintf(path, sizeof path, "%s/%s", seen->directory, seen->name) < (int)sizeof path &&
        sys_read_file(AT_FDCWD, path, &file, &err))
        found = holds(search, buffer_span(&file), arena);
    arena_close(arena);
    buffer_fini(&file);
    return found;
}

static void look_into(void *owner, const struct inbox_seen *seen)
{
    struct search *search = owner;
    struct trace_found *out = search->out;
    if (out->found)
        return;
    if (out->looked == MOST_LOOKED) {
        out->more = true;
        return;
    }
    out->looked++;
    if (!file_holds(search, seen))
        return;
    out->found = true;
    out->where = search->where;
    (void)snprintf(out->name, sizeof out->name, "%s", seen->name);
}

static void look_through(struct search *search, const char *where, const char *directory)
{
    const struct inbox_looker looker = {look_into, search};
    struct error err; /* a directory that is not there, or not ours to read, shows nothing */
    search->where = where;
    if (search->out->found)
        return;
    const bool looked = strcmp(where, "process") == 0 ? inbox_look_process(directory, looker, &err)
                                                      : inbox_look(directory, looker, &err);
    (void)looked;
}

void trace_find_file(const struct place *place, const struct trace_message *message, struct trace_found *out)
{
    struct search search = {.message = message, .out = out};
    struct error err;
    *out = (struct trace_found){.found = false};
    if (!xml_open(&search.reader, &err))
        return;
    look_through(&search, "process", place->process);
    look_through(&search, "incoming/high", place->queues[0]);
    look_through(&search, "incoming", place->queues[1]);
    look_through(&search, "incoming/low", place->queues[2]);
    look_through(&search, "retry", place->retry);
    look_through(&search, "corrupt", place->corrupt);
    xml_close(search.reader);
}
