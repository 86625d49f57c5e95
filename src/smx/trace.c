/*
 * smx trace: one message from the relay to its row. What is known is said, and what is not.
 *
 * A number alone does not say in which file it came: the database keeps the state and the files, each with the time of
 * its batch, so the file is one of those of the same client in the same batch. Where the state was replaced since, only
 * the ledger still knows of the number.
 */
#include "trace.h"

#include "answer.h"
#include "command.h"
#include "machine.h"
#include "show.h"
#include "verbs.h"

#include <stdio.h>
#include <sysexits.h>

enum { MOST_FILES = 8 };

static const char usage[] =
    "Usage: smx trace CLIENT:SERIAL | CLIENT SERIAL | {ID} | FILE.smx\n"
    "Shows where the message of a client (GUID or name) with that serial number is, and how it came; or what became of\n"
    "a report, by the ID that its sender's log has or by the name of its file.\n";

struct trace {
    struct db *db;
    struct place place;
    struct machine machine;
    uint64_t serial;
    char serial_text[24];
    bool loaded; /* the ledger or a state says so */
    char files[MOST_FILES][TRACE_NAME_SIZE];
    size_t file_count;
};

static bool ask(const struct trace *trace, const char *sql, struct db_listener listener, struct error *err)
{
    const char *const parameters[] = {trace->machine.id_text, trace->serial_text};
    return db_ask(trace->db, sql, (struct db_parameters){parameters, 2}, listener, err);
}

static void ignore_columns(void *owner, const char *const *names, size_t count)
{
    (void)owner, (void)names, (void)count;
}

/* ---- the ledger ---- */

enum { LEDGER_FIRST, LEDGER_HIGH, LEDGER_RESTARTED, LEDGER_DETECTED };

static void say_loaded(struct trace *trace, bool loaded, const char *what)
{
    trace->loaded = trace->loaded || loaded;
    (void)printf("Ledger: %s", what);
}

static bool say_ledger(void *owner, const struct db_cell *cells)
{
    struct trace *trace = owner;
    char time[SHOW_TIME_SIZE];
    const int64_t serial = (int64_t)trace->serial;
    const int64_t first = answer_number(&cells[LEDGER_FIRST], -1);
    const int64_t high = answer_number(&cells[LEDGER_HIGH], -1);
    if (high < 0)
        say_loaded(trace, false, "no numbered message of this client was ever loaded\n");
    else if (!cells[LEDGER_DETECTED].null)
        say_loaded(trace, false, "missing");
    else if (serial > high)
        say_loaded(trace, false, "not loaded yet");
    else if (serial < first)
        say_loaded(trace, false, "older than the first number that was seen: nobody kept count of it");
    else
        say_loaded(trace, true, "loaded");
    if (high >= 0)
        (void)printf("; numbers %lld to %lld are known", (long long)first, (long long)high);
    if (high >= 0 && !cells[LEDGER_DETECTED].null)
        (void)printf(", this one is missed since %s",
                     show_utc_time(answer_number(&cells[LEDGER_DETECTED], INT64_MIN), time));
    if (high >= 0 && !cells[LEDGER_RESTARTED].null)
        (void)printf(", counted anew since %s",
                     show_utc_time(answer_number(&cells[LEDGER_RESTARTED], INT64_MIN), time));
    (void)fputs(high < 0 ? "" : "\n", stdout);
    return true;
}

static bool trace_ledger(struct trace *trace, struct error *err)
{
    static const char sql[] =
        "SELECT m.FirstSerialNumber, m.HighSerialNumber, m.LastRestartDate, (SELECT MIN(r.DetectedTime) FROM "
        "SR_MissingMessageRanges r WHERE r.MachineID = c.MachineID AND $2 BETWEEN r.FirstMissing AND r.LastMissing) "
        "FROM SR_Clients c LEFT JOIN SR_ClientMessageStats m ON m.MachineID = c.MachineID WHERE c.MachineID = $1";
    return ask(trace, sql, (struct db_listener){ignore_columns, say_ledger, trace}, err);
}

/* ---- the state ---- */

static bool trace_state(struct trace *trace, struct error *err)
{
    const char *const parameters[] = {trace->machine.id_text, trace->serial_text};
    const struct question question = {
        .sql = "SELECT TopicType, TopicID, StateID, StateName, UserName, MessageTime, P1, P2, P3, ProcessedTime FROM "
               "v_States WHERE ResourceID = $1 AND SerialNumber = $2",
        .parameters = {parameters, 2},
    };
    bool more;
    struct table *table = table_open(stdout, TABLE_RECORD);
    if (table == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    (void)fputs("\nState:\n", stdout);
    const bool shown = answer_show(trace->db, &question, table, &more, err);
    const bool has_state = shown && table_rows(table) > 0;
    table_close(table);
    trace->loaded = trace->loaded || has_state;
    if (shown && !has_state)
        (void)fputs(trace->loaded ? "none has this number: a later one of the same topic has replaced it\n" : "none\n",
                    stdout);
    return shown;
}

/* ---- files and logs ---- */

static bool take_file(void *owner, const struct db_cell *cells)
{
    struct trace *trace = owner;
    if (trace->file_count == MOST_FILES)
        return false;
    (void)snprintf(trace->files[trace->file_count++], TRACE_NAME_SIZE, "%.*s", (int)cells[0].text.len,
                   cells[0].text.at);
    return true;
}

static bool find_loaded_files(struct trace *trace, struct error *err)
{
    static const char sql[] =
        "SELECT f.FileName FROM SR_ProcessedFiles f WHERE f.MachineID = $1 AND f.ProcessedTime IN (SELECT "
        "s.ProcessedTime FROM SR_States s WHERE s.MachineID = $1 AND s.SerialNumber = $2) ORDER BY f.FileName";
    return ask(trace, sql, (struct db_listener){ignore_columns, take_file, trace}, err);
}

static void say_file(const char *what, const char *name)
{
    (void)fputs(what, stdout);
    show_text(stdout, span_of(name), "~");
    (void)fputc('\n', stdout);
}

static void say_lines(const struct trace *trace, const char *file)
{
    struct trace_lines lines = {.logs = trace->place.logs, .word = file};
    if (trace_show_lines(&lines) == 0)
        (void)fputs("  no line of a log names it (any more)\n", stdout);
}

static void trace_loaded_files(const struct trace *trace)
{
    (void)fputs("\nFile:", stdout);
    if (trace->file_count == 0)
        (void)fputs(" not known any more\n", stdout);
    for (size_t i = 0; i < trace->file_count; i++) {
        say_file(trace->file_count == 1 ? " "
                 : i == 0               ? " one of these, loaded together: "
                                        : "File: or ",
                 trace->files[i]);
        say_lines(trace, trace->files[i]);
    }
}

static void trace_waiting_file(const struct trace *trace)
{
    const struct trace_message message = {trace->machine.key, trace->serial};
    struct trace_found found;
    trace_find_file(&trace->place, &message, &found);
    (void)fputs("\nFile:", stdout);
    if (!found.found) {
        (void)printf(" in none of the %zu files of the inbox that were read%s\n", found.looked,
                     found.more ? "; there are more" : "");
        return;
    }
    (void)printf(" in %s/", found.where);
    say_file("", found.name);
    say_lines(trace, found.name);
}

/* ---- the command ---- */

static bool run(struct trace *trace, struct error *err)
{
    (void)printf("Message %llu of ", (unsigned long long)trace->serial);
    say_file("", trace->machine.key);
    if (!trace_ledger(trace, err) || !trace_state(trace, err) || !find_loaded_files(trace, err))
        return false;
    if (trace->loaded)
        trace_loaded_files(trace);
    else
        trace_waiting_file(trace);
    return true;
}

static int trace_client(const struct command *command, struct trace *trace, const char *client)
{
    struct error err;
    int status = command_find(command, &trace->place);
    if (status == EX_OK)
        status = command_open(command, &trace->db);
    if (status != EX_OK)
        return status;
    if (!machine_find(trace->db, client, &trace->machine, &err))
        status = machine_fail(trace->db, client, &err);
    else if (!run(trace, &err))
        status = command_fail(&err);
    db_close(trace->db);
    return status;
}

/* CLIENT:SERIAL in one word, which is cut, or in two. */
static bool read_words(char **words, int count, uint64_t *serial)
{
    char *colon = strrchr(words[0], ':');
    if (count == 2)
        return span_to_uint64(span_of(words[1]), serial);
    if (count != 1 || colon == NULL || !span_to_uint64(span_of(colon + 1), serial))
        return false;
    *colon = '\0';
    return true;
}

int verb_trace(int argc, char **argv)
{
    static const struct option options[] = {COMMAND_OPTIONS};
    struct command command;
    struct trace trace = {.file_count = 0};
    command_init(&command, usage, 0);
    (void)command_next(&command, argc, argv, options);
    const int ended = command_end(&command);
    if (ended != COMMAND_RUN)
        return ended;
    if (argc - optind == 1 && command.form == TABLE_COLUMNS && trace_is_report(argv[optind]))
        return trace_report(&command, argv[optind]);
    if (optind == argc || command.form != TABLE_COLUMNS || !read_words(argv + optind, argc - optind, &trace.serial) ||
        trace.serial > INT64_MAX)
        return command_misuse(&command, "trace: name a client and a serial number");
    (void)snprintf(trace.serial_text, sizeof trace.serial_text, "%llu", (unsigned long long)trace.serial);
    return trace_client(&command, &trace, argv[optind]);
}
