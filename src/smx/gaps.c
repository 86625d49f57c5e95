/* smx gaps: which messages are missing, the longest known first, and whether they were asked for. */
#include "answer.h"
#include "base/sys.h"
#include "command.h"
#include "verbs.h"

#include <stdio.h>
#include <sysexits.h>

enum { USUAL_ROWS = 100, MOST_SQL = 2048 };

static const char usage[] = "Usage: smx gaps [--limit N] [--json | --csv]\n"
                            "Shows the ranges of serial numbers that are missing, oldest first.\n";

static const char question[] =
    "SELECT r.DetectedTime, (%lld - r.DetectedTime) / 3600000000 AS \"AgeHours\", c.NetBIOSName, c.SMSIDAsSent, "
    "r.FirstMissing, r.LastMissing, r.LastMissing - r.FirstMissing + 1 AS Missing, CASE WHEN m.ResyncIssuedSerial IS "
    "NOT NULL THEN 'issued' WHEN m.ResyncReason IS NOT NULL THEN 'wanted' ELSE 'none' END AS \"Resync\", "
    "m.LastResyncIssuedTime FROM SR_MissingMessageRanges r JOIN SR_Clients c ON c.MachineID = r.MachineID "
    "LEFT JOIN SR_ClientMessageStats m ON m.MachineID = r.MachineID ORDER BY r.DetectedTime%s";

int verb_gaps(int argc, char **argv)
{
    static const struct option options[] = {COMMAND_OPTIONS};
    struct command command;
    struct db *db;
    char sql[MOST_SQL];
    char limit[COMMAND_LIMIT_SIZE];
    command_init(&command, usage, USUAL_ROWS);
    (void)command_next(&command, argc, argv, options);
    const int ended = command_end(&command);
    if (ended != COMMAND_RUN)
        return ended;
    if (optind < argc)
        return command_misuse(&command, "gaps: takes no names; smx client shows those of one client");
    const int opened = command_open(&command, &db);
    if (opened != EX_OK)
        return opened;
    (void)snprintf(sql, sizeof sql, question, (long long)sys_now(), command_limit(&command, limit));
    const int status = answer_command(&command, db, &(struct question){.sql = sql, .limit = command.limit});
    db_close(db);
    return status;
}
