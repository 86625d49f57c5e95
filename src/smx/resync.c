/*
 * smx resync: who needs a resync or was asked for one; and asking for one by hand.
 *
 * The decision hidden here: asking is one UPDATE of the client's row, under the lock that everybody takes who writes it
 * (the row of SR_Clients; SQLite's transactions exclude each other). The reason is 'asked', and a resync that is under
 * way is forgotten, so the next check of the state system (Resync Check Interval) issues one, whatever the age of what
 * is missing. The file that tells the client is the state system's alone to write.
 */
#include "answer.h"
#include "command.h"
#include "machine.h"
#include "show.h"
#include "verbs.h"

#include "base/sys.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { USUAL_ROWS = 100, MOST_SQL = 2048 };

static const char usage[] = "Usage: smx resync --list [--limit N] [--json | --csv]\n"
                            "       smx resync CLIENT...\n"
                            "Shows who needs a resync or was asked for one; asks clients, by name or GUID, at once.\n";

/* ---- the list ---- */

/* As the state system chooses (spec/statesys.md 4.3), with what it issued already. The age that counts is that of the
 * site's settings, in minutes. */
static const char question[] =
    "SELECT c.NetBIOSName, c.SMSIDAsSent, CASE WHEN m.ResyncIssuedSerial IS NOT NULL THEN 'issued' ELSE 'wanted' END AS "
    "\"Resync\", COALESCE(m.ResyncReason, CASE WHEN w.Missing > 0 THEN 'missing' END) AS ResyncReason, w.Missing, "
    "w.OldestDetected, m.LastResyncIssuedTime, m.LastResyncClientCompletedTime FROM (SELECT u.MachineID, "
    "CAST(SUM(u.Missing) AS BIGINT) AS Missing, MIN(u.Detected) AS OldestDetected, MAX(u.Wanted) AS Wanted FROM (SELECT "
    "MachineID, LastMissing - FirstMissing + 1 AS Missing, DetectedTime AS Detected, 0 AS Wanted FROM "
    "SR_MissingMessageRanges UNION ALL SELECT MachineID, NULL, NULL, 1 FROM SR_ClientMessageStats WHERE ResyncReason IS "
    "NOT NULL OR ResyncIssuedSerial IS NOT NULL) u GROUP BY u.MachineID) w JOIN SR_Clients c ON c.MachineID = "
    "w.MachineID JOIN SR_ClientMessageStats m ON m.MachineID = w.MachineID WHERE w.Wanted = 1 OR w.OldestDetected < "
    "%lld - 60000000 * COALESCE((SELECT CAST(MAX(Value3) AS BIGINT) FROM SC_Component_Property WHERE Name = 'Min "
    "Missing Message Age'), 2880) ORDER BY w.OldestDetected, c.SMSID%s";

static int list(const struct command *command)
{
    struct db *db;
    char sql[MOST_SQL];
    char limit[COMMAND_LIMIT_SIZE];
    const int opened = command_open(command, &db);
    if (opened != EX_OK)
        return opened;
    (void)snprintf(sql, sizeof sql, question, (long long)sys_now(), command_limit(command, limit));
    const int status = answer_command(command, db, &(struct question){.sql = sql, .limit = command->limit});
    db_close(db);
    return status;
}

/* ---- asking ---- */

static const struct db_statement lock_client = {
    .sql = "SELECT c.MachineID FROM @input i JOIN SR_Clients c ON c.MachineID = i.MachineID FOR UPDATE OF c",
    .input = {{"MachineID", DB_INTEGER}},
    .input_count = 1,
    .output = {DB_INTEGER},
    .output_count = 1,
};
static const struct db_statement ask_client = {
    .sql = "UPDATE SR_ClientMessageStats SET ResyncReason = 'asked', LastResyncIssuedTime = NULL, ResyncIssuedSerial = "
           "NULL FROM @input i WHERE SR_ClientMessageStats.MachineID = i.MachineID",
    .input = {{"MachineID", DB_INTEGER}},
    .input_count = 1,
};

static bool ask_in_transaction(struct db *db, const struct machine *machine, uint64_t *changed, struct error *err)
{
    const struct db_value id = {.integer = machine->id};
    const struct db_rows rows = {&id, 1};
    const struct db_reader nobody = {NULL, NULL};
    return (db_is_sqlite(db) || db_run(db, &lock_client, rows, nobody, NULL, err)) &&
           db_run(db, &ask_client, rows, nobody, changed, err) && db_commit(db, err);
}

static bool ask(struct db *db, const struct machine *machine, const char *word, struct error *err)
{
    uint64_t changed = 0;
    if (!db_begin(db, err))
        return false;
    if (!ask_in_transaction(db, machine, &changed, err)) {
        db_rollback(db);
        return false;
    }
    return changed > 0 ||
           error_set(err, ERROR_NOT_FOUND, "'%.80s' sends no numbered messages: nothing can be missing", word);
}

/* Read first: so a database that is not there is not made, and one that must not be written is said to be. */
static int ask_one(struct db *reading, struct db *writing, const char *word)
{
    struct machine machine = {.id = 0};
    struct error err;
    if (!machine_find(reading, word, &machine, &err))
        return machine_fail(reading, word, &err);
    if (!ask(writing, &machine, word, &err))
        return command_fail(&err);
    show_text(stdout, span_of(machine.key), "~");
    (void)fputs(": the next check of the state system asks for a resync\n", stdout);
    return EX_OK;
}

static int ask_all(const struct command *command, struct db *reading, char *const *words, int count)
{
    struct place place;
    struct error err;
    struct db *writing;
    int status = command_find(command, &place);
    if (status != EX_OK)
        return status;
    if (!db_open(place.database, COMMAND_LOCK_TIMEOUT_MS, &writing, &err))
        return command_fail(&err);
    for (int i = 0; i < count; i++) {
        const int one = ask_one(reading, writing, words[i]);
        status = status == EX_OK ? one : status;
    }
    db_close(writing);
    return status;
}

static int ask_clients(const struct command *command, char *const *words, int count)
{
    struct db *reading;
    const int opened = command_open(command, &reading);
    if (opened != EX_OK)
        return opened;
    const int status = ask_all(command, reading, words, count);
    db_close(reading);
    return status;
}

/* ---- the command ---- */

int verb_resync(int argc, char **argv)
{
    static const struct option options[] = {{"list", no_argument, NULL, 'l'}, COMMAND_OPTIONS};
    struct command command;
    bool lists = false;
    command_init(&command, usage, USUAL_ROWS);
    while (command_next(&command, argc, argv, options) != -1)
        lists = true;
    const int ended = command_end(&command);
    if (ended != COMMAND_RUN)
        return ended;
    if (lists == (optind < argc))
        return command_misuse(&command, "resync: --list, or name the clients that shall be asked");
    return lists ? list(&command) : ask_clients(&command, argv + optind, argc - optind);
}
