/*
 * The bare loop: what anybody would write to bring the rows of reports into the database, and no more: nothing is read,
 * compared, counted or settled, no ledger, no summaries. Who is measured against it does all of that.
 *
 * It writes the same rows into the same tables: the state messages, the client, its statistics, the processed file, as
 * upserts of one transaction. In SQLite by statements prepared once, in PostgreSQL by arrays, one call for each table.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include "fleet.h"

struct bare {
    void *connection;
    void (*load)(void *connection, const struct fleet_report *reports, size_t count);
    void (*close)(void *connection);
};

void bare_open_sqlite(const char *path, struct bare *out);
void bare_open_postgres(const char *url, struct bare *out);

/* The hash as it is stored. */
void bare_write_hash(const struct fleet_report *report, char out[65]);
_Noreturn void bare_fail(const char *why);

/* A machine's number without looking for it. */
static inline int64_t bare_machine(const struct fleet_report *report)
{
    return 16777216 + (int64_t)report->client;
}

#define BARE_UPSERT_STATE                                                                                              \
    "ON CONFLICT (MachineID, TopicType, TopicID, UserSID) DO UPDATE SET TopicIDType = excluded.TopicIDType, "          \
    "UserName = excluded.UserName, StateID = excluded.StateID, Criticality = excluded.Criticality, "                   \
    "MessageTime = excluded.MessageTime, ReportDate = excluded.ReportDate, SerialNumber = excluded.SerialNumber, "     \
    "ParamFlags = excluded.ParamFlags, ParamCount = excluded.ParamCount, P1 = excluded.P1, P2 = excluded.P2, "         \
    "P3 = excluded.P3, P4 = excluded.P4, P5 = excluded.P5, DetailsType = excluded.DetailsType, "                       \
    "StateDetails = excluded.StateDetails, ProcessedTime = excluded.ProcessedTime "                                    \
    "WHERE excluded.MessageTime > SR_States.MessageTime OR (excluded.MessageTime = SR_States.MessageTime "             \
    "AND excluded.SerialNumber > SR_States.SerialNumber)"
#define BARE_UPSERT_CLIENT                                                                                             \
    "ON CONFLICT (MachineID) DO UPDATE SET SMSIDAsSent = excluded.SMSIDAsSent, NetBIOSName = excluded.NetBIOSName, "   \
    "ClientVersion = excluded.ClientVersion, ClientType = excluded.ClientType, "                                       \
    "ClientInstalled = excluded.ClientInstalled, CodePage = excluded.CodePage, "                                       \
    "SystemDefaultLCID = excluded.SystemDefaultLCID, LastSeen = excluded.LastSeen"
#define BARE_UPSERT_STATISTICS                                                                                         \
    "ON CONFLICT (MachineID) DO UPDATE SET LastMessageTime = excluded.LastMessageTime, "                               \
    "LastProcessedTime = excluded.LastProcessedTime, LastReportDate = excluded.LastReportDate, "                       \
    "HighSerialNumber = excluded.HighSerialNumber, "                                                                   \
    "MessagesProcessed = SR_ClientMessageStats.MessagesProcessed + excluded.MessagesProcessed"
#define BARE_STATE                                                                                                     \
    "INSERT INTO SR_States (MachineID, TopicType, TopicID, UserSID, TopicIDType, UserName, StateID, Criticality, "     \
    "MessageTime, ReportDate, SerialNumber, ParamFlags, ParamCount, P1, ProcessedTime) "
#define BARE_CLIENT                                                                                                    \
    "INSERT INTO SR_Clients (MachineID, SMSID, SMSIDAsSent, NetBIOSName, ClientVersion, ClientType, ClientInstalled, " \
    "CodePage, SystemDefaultLCID, FirstSeen, LastSeen) "
#define BARE_STATISTICS                                                                                                \
    "INSERT INTO SR_ClientMessageStats (MachineID, LastMessageTime, LastProcessedTime, LastReportDate, "               \
    "FirstSerialNumber, FirstReportDate, HighSerialNumber, MessagesProcessed, Restarts) "
#define BARE_FILE                                                                                                      \
    "INSERT INTO SR_ProcessedFiles (ContentHash, FileName, MachineID, Records, InvalidRecords, ProcessedTime) "
#define BARE_ONCE "ON CONFLICT DO NOTHING"

#endif
