/* smx client: all that is known of one client, from one state of the database. */
#include "answer.h"
#include "command.h"
#include "machine.h"
#include "show.h"
#include "verbs.h"

#include <stdio.h>
#include <sysexits.h>

static const char usage[] = "Usage: smx client NAME|GUID [--json]\n"
                            "Shows what is known of a client: facts, statistics, what is missing, its states.\n";

/* A part of what is shown: one row as lines of name and value, or a table. */
static const struct part {
    const char *name;
    const char *title;
    bool one;
    const char *sql;
} parts[] = {
    {"client", NULL, true,
     "SELECT SMSIDAsSent, NetBIOSName, MachineID AS ResourceID, ClientVersion, ClientType, ClientInstalled, CodePage, "
     "SystemDefaultLCID, FirstSeen, LastSeen FROM SR_Clients WHERE MachineID = $1"},
    {"statistics", "Messages", true,
     "SELECT m.MessagesProcessed, m.LastMessageTime, m.LastProcessedTime, m.LastReportDate, m.FirstSerialNumber, "
     "m.HighSerialNumber, (SELECT COALESCE(CAST(SUM(r.LastMissing - r.FirstMissing + 1) AS BIGINT), 0) FROM "
     "SR_MissingMessageRanges r WHERE r.MachineID = m.MachineID) AS Missing, m.Restarts, m.LastRestartDate, "
     "m.ResyncReason, m.LastResyncIssuedTime, m.ResyncIssuedSerial, m.LastResyncClientCompletedTime "
     "FROM SR_ClientMessageStats m WHERE m.MachineID = $1"},
    {"gaps", "Missing messages", false,
     "SELECT FirstMissing, LastMissing, LastMissing - FirstMissing + 1 AS Missing, DetectedTime "
     "FROM SR_MissingMessageRanges WHERE MachineID = $1 ORDER BY FirstMissing"},
    {"states", "States", false,
     "SELECT s.TopicType, s.TopicID, s.StateID, s.StateName, s.UserName, s.MessageTime, s.SerialNumber, s.P1 FROM "
     "v_States s WHERE s.ResourceID = $1 ORDER BY s.TopicType, s.TopicID, s.UserName"},
};

enum { PARTS = sizeof parts / sizeof parts[0], USUAL_ROWS = 1000 };

/* ---- one part ---- */

static int open_table(const struct command *command, const struct part *part, struct table **out)
{
    const enum table_form people = part->one ? TABLE_RECORD : TABLE_COLUMNS;
    *out = table_open(stdout, command->form == TABLE_JSON ? TABLE_JSON : people);
    if (*out != NULL)
        return EX_OK;
    show_error("no memory");
    return EX_OSERR;
}

static void begin_part(const struct command *command, const struct part *part, struct table *table)
{
    if (command->form == TABLE_JSON) {
        (void)printf("%s\"%s\":%s", part == parts ? "{" : ",", part->name, part->one ? "" : "[");
        table_within_list(table);
    } else if (part->title != NULL) {
        (void)printf("\n%s\n", part->title);
    }
}

static void end_part(const struct command *command, const struct part *part, const struct table *table)
{
    const bool none = table_rows(table) == 0;
    if (command->form == TABLE_JSON)
        (void)fputs(!part->one ? "]" : none ? "null" : "", stdout);
}

static int show_part(const struct command *command, struct db *db, const struct machine *machine,
                     const struct part *part)
{
    const char *const parameters[] = {machine->id_text};
    const struct question question = {
        .sql = part->sql, .parameters = {parameters, 1}, .limit = part->one ? 0 : command->limit};
    struct table *table;
    struct error err;
    bool more = false;
    int status = open_table(command, part, &table);
    if (status != EX_OK)
        return status;
    begin_part(command, part, table);
    if (!answer_show(db, &question, table, &more, &err))
        status = command_fail(&err);
    end_part(command, part, table);
    table_close(table);
    if (more)
        show_error("%s: there are more than these %llu: --limit says how many are shown, 0 all", part->name,
                   (unsigned long long)question.limit);
    return status;
}

/* ---- the command ---- */

static int show_client(const struct command *command, struct db *db, const char *word)
{
    struct machine machine = {.id = 0};
    struct error err;
    if (!machine_find(db, word, &machine, &err))
        return machine_fail(db, word, &err);
    int status = EX_OK;
    for (size_t i = 0; i < PARTS && status == EX_OK; i++)
        status = show_part(command, db, &machine, &parts[i]);
    if (command->form == TABLE_JSON)
        (void)fputs("}\n", stdout);
    return status;
}

int verb_client(int argc, char **argv)
{
    static const struct option options[] = {COMMAND_OPTIONS};
    struct command command;
    struct error err;
    struct db *db;
    command_init(&command, usage, USUAL_ROWS);
    (void)command_next(&command, argc, argv, options);
    const int ended = command_end(&command);
    if (ended != COMMAND_RUN)
        return ended;
    if (argc - optind != 1 || command.form == TABLE_CSV)
        return command_misuse(&command, "client: name one client; there is no --csv of it");
    int status = command_open(&command, &db);
    if (status != EX_OK)
        return status;
    if (db_begin(db, &err)) {
        status = show_client(&command, db, argv[optind]);
        db_rollback(db);
    } else {
        status = command_fail(&err);
    }
    db_close(db);
    return status;
}
