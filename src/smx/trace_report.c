/*
 * The decision hidden here: a report is followed by names, not by what is in it: its ID leads to the relay's verdict, the
 * verdict to the file, and the file lies in the inbox, or the database remembers it, or the relay's journal still has it.
 */
#include "trace.h"

#include "answer.h"
#include "show.h"
#include "spool/inbox.h"
#include "spool/spool.h"

#include <stdio.h>
#include <strings.h>
#include <sysexits.h>

enum { MOST_WHY = 4096 };

/* A file of the inbox, by its name without its end. */
struct search {
    struct span stem;
    const char *where;              /* that is looked into */
    const char *found;              /* where it is; NULL: nowhere */
    struct inbox_seen seen;         /* of it, but for the next two */
    char name[TRACE_NAME_SIZE];
    struct buffer why;
};

static struct span stem_of(const char *name)
{
    return (struct span){name, strcspn(name, ".")};
}

bool trace_is_report(const char *word)
{
    const size_t len = strlen(word);
    return (word[0] == '{' && len > 2) ||
           (len > 4 && (strcasecmp(word + len - 4, ".smx") == 0 || strcasecmp(word + len - 4, ".smw") == 0));
}

/* ---- in the inbox ---- */

static void look_at(void *owner, const struct inbox_seen *seen)
{
    struct search *search = owner;
    struct error ignored;
    if (search->found != NULL || !span_equal_nocase(stem_of(seen->name), search->stem))
        return;
    search->found = search->where;
    search->seen = *seen;
    (void)snprintf(search->name, sizeof search->name, "%s", seen->name);
    if (strcmp(search->where, "corrupt") == 0)
        (void)!inbox_read_why(seen->directory, seen->name, &search->why, &ignored); /* then it is not said */
}

static void look_through(struct search *search, const char *where, const char *directory)
{
    const struct inbox_looker looker = {look_at, search};
    struct error ignored;           /* a directory that is not there, or not ours to read, shows nothing */
    search->where = where;
    if (search->found == NULL)
        (void)!(strcmp(where, "process") == 0 ? inbox_look_process(directory, looker, &ignored)
                                              : inbox_look(directory, looker, &ignored));
}

static void look_everywhere(struct search *search, const struct place *place)
{
    look_through(search, "incoming/high", place->queues[0]);
    look_through(search, "incoming", place->queues[1]);
    look_through(search, "incoming/low", place->queues[2]);
    look_through(search, "process", place->process);
    look_through(search, "retry", place->retry);
    look_through(search, "corrupt", place->corrupt);
}

static void say_found(const struct search *search)
{
    char time[SHOW_TIME_SIZE];
    (void)printf(" is in %s", search->found);
    if (strcmp(search->found, "retry") == 0)
        (void)printf(", tried %u times, the next time %s", search->seen.tries,
                     search->seen.due == 0 ? "at once" : show_utc_time(search->seen.due, time));
    if (search->why.len > 0) {
        (void)fputs(": ", stdout);
        show_text(stdout, span_trim(buffer_span(&search->why)), "~");
    }
    (void)fputc('\n', stdout);
}

/* ---- in the database ---- */

static void ignore_columns(void *owner, const char *const *names, size_t count)
{
    (void)owner, (void)names, (void)count;
}

static bool say_loaded(void *owner, const struct db_cell *cells)
{
    char time[SHOW_TIME_SIZE];
    (void)printf(" was loaded %s: %lld messages, %lld of them invalid\n",
                 show_utc_time(answer_number(&cells[0], INT64_MIN), time), (long long)answer_number(&cells[1], 0),
                 (long long)answer_number(&cells[2], 0));
    *(bool *)owner = true;
    return true;
}

static bool ask(struct db *db, const char *pattern, bool *loaded, struct error *err)
{
    static const char sql[] = "SELECT ProcessedTime, Records, InvalidRecords FROM SR_ProcessedFiles WHERE FileName "
                              "LIKE $1 ORDER BY ProcessedTime DESC LIMIT 1";
    return db_ask(db, sql, (struct db_parameters){&pattern, 1},
                  (struct db_listener){ignore_columns, say_loaded, loaded}, err);
}

static int trace_loaded(const struct command *command, struct span stem, bool *loaded)
{
    char pattern[TRACE_NAME_SIZE + 2];
    struct error err;
    struct db *db;
    (void)fflush(stdout);           /* what is said before stands before a complaint */
    (void)snprintf(pattern, sizeof pattern, "%.*s.%%", (int)stem.len, stem.at);
    int status = command_open(command, &db);
    if (status != EX_OK)
        return status;
    if (!ask(db, pattern, loaded, &err))
        status = command_fail(&err);
    db_close(db);
    return status;
}

/* ---- the whole ---- */

/* True: it is known where it is. */
static bool say_elsewhere(const struct place *place, struct span stem)
{
    struct error err;
    bool held;
    (void)fflush(stdout);
    const bool looked = spool_journal_holds(place->journal, stem, &held, &err);
    if (!looked)
        show_error("%s", err.text);
    (void)fputs(!looked
                    ? " is not there, and not known as loaded: it may be in the relay's journal, which cannot be read\n"
                : held  ? " is in the relay's journal: safe, and a file as soon as the inbox takes it (smx status)\n"
                       : " is not there, and not known as loaded: the same content was loaded under another name, or "
                         "longer ago than processed-keep\n",
                stdout);
    return looked && held;
}

/* *known: there is such a file, or was one. */
static int trace_file(const struct command *command, const struct place *place, const char *file, bool *known)
{
    struct search search = {.stem = stem_of(file)};
    int status = EX_OK;
    buffer_init(&search.why, MOST_WHY);
    look_everywhere(&search, place);
    (void)fputs("File: ", stdout);
    show_text(stdout, span_of(search.found == NULL ? file : search.name), "~");
    *known = search.found != NULL;
    if (search.found != NULL)
        say_found(&search);
    else
        status = trace_loaded(command, search.stem, known);
    if (!*known && status == EX_OK)
        *known = say_elsewhere(place, search.stem);
    buffer_fini(&search.why);
    return status;
}

int trace_report(const struct command *command, const char *word)
{
    struct place place;
    bool known = false;
    int status = command_find(command, &place);
    if (status != EX_OK)
        return status;
    const bool is_file = word[0] != '{';
    const char *slash = is_file ? strrchr(word, '/') : NULL;
    word = slash == NULL ? word : slash + 1;
    struct trace_lines report = {.logs = place.logs, .word = word};
    size_t lines = is_file ? 0 : trace_show_lines(&report);
    const char *file = is_file ? word : report.kept;
    if (file[0] != '\0') {
        struct trace_lines more = {.logs = place.logs, .word = file, .but = is_file ? NULL : word};
        status = trace_file(command, &place, file, &known);
        lines += trace_show_lines(&more);
    }
    if (lines == 0)
        (void)puts("no line of a log names it (any more)");
    return status == EX_OK && lines == 0 && !known ? EX_NOINPUT : status;
}
