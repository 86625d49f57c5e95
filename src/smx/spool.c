/* smx spool: what lies where in the inbox, why it lies there, and back into the queue with it. */
#include "base/sys.h"
#include "command.h"
#include "show.h"
#include "verbs.h"

#include "spool/inbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { USUAL_ROWS = 100, MOST_REASON = 64 * 1024, MOST_NAMES = 256 * 1024 * 1024 };

static const char usage[] =
    "Usage: smx spool ls [--limit N] [--json | --csv]\n"
    "       smx spool requeue NAME... | --all-corrupt | --all-retry\n"
    "Shows the queues of the inbox, and the files that could not be loaded or wait for another try; puts such files back.\n";

/* ---- counting ---- */

struct tally {
    uint64_t files;
    uint64_t bytes;
    int64_t oldest; /* INT64_MIN: none */
};

static void count_file(void *owner, const struct inbox_seen *seen)
{
    struct tally *tally = owner;
    if (tally->files++ == 0 || seen->modified < tally->oldest)
        tally->oldest = seen->modified;
    tally->bytes += seen->size;
}

/* A directory that nobody has made yet is empty. */
static bool look(const char *directory, struct inbox_looker looker, struct error *err)
{
    return inbox_look(directory, looker, err) || err->os == ENOENT;
}

static bool count_place(const char *directory, struct tally *tally, struct error *err)
{
    *tally = (struct tally){.oldest = INT64_MIN};
    return look(directory, (struct inbox_looker){count_file, tally}, err);
}

static bool count_process(const char *process, struct tally *tally, struct error *err)
{
    *tally = (struct tally){.oldest = INT64_MIN};
    return inbox_look_process(process, (struct inbox_looker){count_file, tally}, err) || err->os == ENOENT;
}

static void show_tally(struct table *table, const char *name, const struct tally *tally)
{
    char numbers[2][TABLE_DIGITS];
    char time[SHOW_TIME_SIZE];
    const struct table_cell none = {.null = true};
    const struct table_cell row[] = {
        table_words(name),
        table_number((int64_t)tally->files, numbers[0]),
        table_number((int64_t)tally->bytes, numbers[1]),
        tally->oldest == INT64_MIN ? none : table_words(show_utc_time(tally->oldest, time)),
    };
    (void)table_row(table, row); /* what cannot be written is told at the end */
}

/* *stuck: how many lie in the last two, which are listed one by one. */
static bool show_places(struct table *table, const struct place *place, uint64_t *stuck, struct error *err)
{
    static const char *const columns[] = {"Place", "Files", "Bytes", "Oldest"};
    const char *const names[] = {"incoming/high", "incoming", "incoming/low", "retry", "corrupt"};
    const char *const paths[] = {place->queues[0], place->queues[1], place->queues[2], place->retry, place->corrupt};
    struct tally tally;
    table_columns(table, columns, 4);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!count_place(paths[i], &tally, err))
            return false;
        show_tally(table, names[i], &tally);
        *stuck = i < PLACE_QUEUES ? 0 : *stuck + tally.files;
    }
    if (!count_process(place->process, &tally, err))
        return false;
    show_tally(table, "process", &tally);
    return true;
}

/* ---- files that are stuck ---- */

struct listing {
    struct table *table;
    const char *place;
    const char *directory;
    uint64_t most; /* 0: all */
    uint64_t seen;
    struct buffer reason;
};

static struct table_cell reason_of(struct listing *listing, const char *name)
{
    struct error err;
    listing->reason.len = 0;
    if (!inbox_read_why(listing->directory, name, &listing->reason, &err))
        return (struct table_cell){.null = true};
    return table_text(span_trim(buffer_span(&listing->reason)));
}

static void show_file(void *owner, const struct inbox_seen *seen)
{
    struct listing *listing = owner;
    const bool waits = seen->due > 0;
    char numbers[2][TABLE_DIGITS];
    char times[2][SHOW_TIME_SIZE];
    const struct table_cell none = {.null = true};
    if (listing->seen++ >= listing->most && listing->most > 0)
        return;
    const struct table_cell row[] = {
        table_words(listing->place),
        table_words(seen->name),
        table_number((int64_t)seen->size, numbers[0]),
        table_words(show_utc_time(seen->modified, times[0])),
        table_number(seen->tries, numbers[1]),
        waits ? table_words(show_utc_time(seen->due, times[1])) : none,
        reason_of(listing, seen->name),
    };
    (void)table_row(listing->table, row);
}

static bool show_directory(struct listing *listing, const char *place, const char *directory, struct error *err)
{
    listing->place = place;
    listing->directory = directory;
    listing->seen = 0;
    if (!look(directory, (struct inbox_looker){show_file, listing}, err))
        return false;
    if (listing->most > 0 && listing->seen > listing->most)
        show_error("%s: there are %llu: --limit says how many are shown, 0 all", place,
                   (unsigned long long)listing->seen);
    return true;
}

static bool show_stuck(struct table *table, const struct place *place, uint64_t most, struct error *err)
{
    static const char *const columns[] = {"Place", "File", "Bytes", "Modified", "Tries", "Due", "Reason"};
    struct listing listing = {.table = table, .most = most};
    buffer_init(&listing.reason, MOST_REASON);
    table_columns(table, columns, sizeof columns / sizeof columns[0]);
    const bool shown = show_directory(&listing, "retry", place->retry, err) &&
                       show_directory(&listing, "corrupt", place->corrupt, err);
    buffer_fini(&listing.reason);
    return shown;
}

static bool list_stuck(const struct command *command, const struct place *place, struct error *err)
{
    struct table *table = table_open(stdout, command->form);
    if (table == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    if (command->form != TABLE_JSON)
        (void)fputc('\n', stdout);
    const bool shown = show_stuck(table, place, command->limit, err);
    table_close(table);
    return shown;
}

static int list(const struct command *command, const struct place *place)
{
    struct error err;
    uint64_t stuck = 0;
    struct table *table = command_table(command);
    if (table == NULL)
        return EX_OSERR;
    const bool shown = show_places(table, place, &stuck, &err);
    table_close(table);
    if (!shown || (stuck > 0 && !list_stuck(command, place, &err)))
        return command_fail(&err);
    return EX_OK;
}

/* ---- putting back ---- */

static bool put_back(const struct place *place, const char *directory, const char *name, struct error *err)
{
    const char *const queues[PLACE_QUEUES] = {place->queues[0], place->queues[1], place->queues[2]};
    return inbox_requeue(directory, name, queues, PLACE_QUEUES, err);
}

static int put_back_one(const struct place *place, const char *name)
{
    struct error err;
    if (put_back(place, place->corrupt, name, &err))
        return EX_OK;
    const bool elsewhere = err.kind == ERROR_NOT_FOUND || err.os == ENOENT;
    if (elsewhere && put_back(place, place->retry, name, &err))
        return EX_OK;
    if (elsewhere && (err.kind == ERROR_NOT_FOUND || err.os == ENOENT))
        (void)error_set(&err, ERROR_NOT_FOUND, "'%.80s' is neither in corrupt/ nor in retry/", name);
    return command_fail(&err);
}

struct gathering {
    struct buffer names; /* each with its NUL */
    bool failed;
    struct error err;
};

static void gather_name(void *owner, const struct inbox_seen *seen)
{
    struct gathering *gathering = owner;
    if (!gathering->failed)
        gathering->failed = !buffer_add(&gathering->names, seen->name, strlen(seen->name) + 1, &gathering->err);
}

/* What somebody else took meanwhile is where it should be. */
static bool put_back_names(const struct place *place, const char *directory, struct span names, uint64_t *count,
                           struct error *err)
{
    for (size_t at = 0; at < names.len; at += strlen(names.at + at) + 1) {
        if (put_back(place, directory, names.at + at, err))
            (*count)++;
        else if (err->kind != ERROR_NOT_FOUND)
            return false;
    }
    return true;
}

static int put_back_all(const struct place *place, const char *directory)
{
    struct gathering gathering = {.failed = false};
    uint64_t count = 0;
    buffer_init(&gathering.names, MOST_NAMES);
    const struct inbox_looker looker = {gather_name, &gathering};
    const bool done = look(directory, looker, &gathering.err) && !gathering.failed &&
                      put_back_names(place, directory, buffer_span(&gathering.names), &count, &gathering.err);
    buffer_fini(&gathering.names);
    (void)printf("%llu files are back in their queues\n", (unsigned long long)count);
    return done ? EX_OK : command_fail(&gathering.err);
}

static int put_back_given(const struct place *place, char *const *names, int count)
{
    int status = EX_OK;
    for (int i = 0; i < count; i++) {
        const int one = put_back_one(place, names[i]);
        status = status == EX_OK ? one : status;
    }
    return status;
}

/* ---- the command ---- */

struct wish {
    bool all_corrupt;
    bool all_retry;
    char *const *names;
    int count;
};

static int requeue(const struct command *command, const struct place *place, const struct wish *wish)
{
    if (wish->all_corrupt + wish->all_retry + (wish->count > 0) != 1)
        return command_misuse(command, "spool requeue: names, --all-corrupt or --all-retry: one of them");
    if (wish->count > 0)
        return put_back_given(place, wish->names, wish->count);
    return put_back_all(place, wish->all_corrupt ? place->corrupt : place->retry);
}

static int run(const struct command *command, const char *what, const struct wish *wish)
{
    struct place place;
    const bool lists = strcmp(what, "ls") == 0;
    if (!lists && strcmp(what, "requeue") != 0)
        return command_misuse(command, "spool: ls or requeue");
    if (lists && (wish->count > 0 || wish->all_corrupt || wish->all_retry))
        return command_misuse(command, "spool ls: takes no names");
    const int found = command_find(command, &place);
    if (found != EX_OK)
        return found;
    return lists ? list(command, &place) : requeue(command, &place, wish);
}

int verb_spool(int argc, char **argv)
{
    static const struct option options[] = {
        {"all-corrupt", no_argument, NULL, 'c'}, {"all-retry", no_argument, NULL, 'r'}, COMMAND_OPTIONS};
    struct command command;
    struct wish wish = {.count = 0};
    command_init(&command, usage, USUAL_ROWS);
    for (int option; (option = command_next(&command, argc, argv, options)) != -1;)
        *(option == 'c' ? &wish.all_corrupt : &wish.all_retry) = true;
    const int ended = command_end(&command);
    if (ended != COMMAND_RUN)
        return ended;
    if (optind == argc)
        return command_misuse(&command, "spool: ls or requeue");
    wish.names = argv + optind + 1;
    wish.count = argc - optind - 1;
    return run(&command, argv[optind], &wish);
}
