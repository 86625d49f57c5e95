/*
 * The decision hidden here: tables as spec/statesys.md 3 writes them, and what we add to them.
 *
 * Views for admins. Times are microseconds since 1970, UTC.
 *   v_States             each state with its client and its name
 *   v_UpdateStatus       per update: Required (systems that have to be updated), Installed, NotRequired, Unknown
 *                        (reported as such, or not at all), and when it last changed
 *   v_UpdateRequired     the systems that have to be updated, by update
 *   v_UpdateEnforcement  per update and state of its installation: systems, last change
 *   v_DeploymentStatus   per deployment, kind (300 compliance, 301 enforcement, 302 evaluation) and state: systems,
 *                        last change
 *   v_ClientsByLastHeard clients, longest silent first
 *   v_MissingByAge       missing ranges, oldest first
 *   v_TopTalkers         per topic type and client: how many states
 *
 * Indexes. SR_States_Topic serves what is asked by topic, and knows the last change of each state of it. What is asked
 * by client is served by the primary keys.
 *
 * Counts (store_count.h). The views over all states ask SR_StateSummary and SR_ClientTopics, never the states. What the
 * store writes it counts itself; what anybody deletes the triggers count.
 */
#include "store_count.h"
#include "store_schema.h"

static const char version_1[] =
    /* site control */
    "CREATE TABLE SMSData (ThisSiteCode VARCHAR(3) NOT NULL, ThisSiteName VARCHAR(256), ParentSiteCode VARCHAR(3));"
    "CREATE TABLE SC_SiteDefinition (SiteNumber INTEGER PRIMARY KEY, SiteCode VARCHAR(3) NOT NULL UNIQUE, "
    "ParentSiteCode VARCHAR(3), SiteName VARCHAR(256));"
    "CREATE TABLE SC_Component (ID INTEGER PRIMARY KEY, SiteNumber INTEGER NOT NULL, ComponentName VARCHAR(256) NOT "
    "NULL);"
    "CREATE TABLE SC_Component_Property (ComponentID INTEGER NOT NULL, SiteNumber INTEGER NOT NULL, Name VARCHAR(256) "
    "NOT NULL, Value1 VARCHAR(512) NOT NULL, Value2 VARCHAR(4000) NOT NULL, Value3 INTEGER NOT NULL, PRIMARY KEY "
    "(ComponentID, SiteNumber, Name));"
    /* names */
    "CREATE TABLE SR_TopicTypes (TopicType INTEGER PRIMARY KEY, Symbol VARCHAR(256), Description VARCHAR(512), "
    "SerialKind VARCHAR(16) NOT NULL);"
    "CREATE TABLE SR_StateNames (TopicType INTEGER NOT NULL, StateID INTEGER NOT NULL, StateName VARCHAR(512) NOT "
    "NULL, StateDescription VARCHAR(512), PRIMARY KEY (TopicType, StateID));"
    "CREATE VIEW v_StateNames AS SELECT TopicType, StateID, StateName, StateDescription FROM SR_StateNames;"
    /* clients and states */
    "CREATE TABLE SR_Clients (MachineID INTEGER PRIMARY KEY, SMSID VARCHAR(255) NOT NULL UNIQUE, SMSIDAsSent "
    "VARCHAR(255) NOT NULL, NetBIOSName VARCHAR(256), ClientVersion VARCHAR(64), ClientType INTEGER, ClientInstalled "
    "INTEGER, CodePage INTEGER, SystemDefaultLCID INTEGER, FirstSeen BIGINT NOT NULL, LastSeen BIGINT NOT NULL);"
    "CREATE TABLE SR_States (MachineID INTEGER NOT NULL, TopicType INTEGER NOT NULL, TopicID VARCHAR(512) NOT NULL, "
    "UserSID VARCHAR(256) NOT NULL, TopicIDType INTEGER, UserName VARCHAR(256), StateID BIGINT NOT NULL, Criticality "
    "INTEGER, MessageTime BIGINT, ReportDate BIGINT, SerialNumber BIGINT, ParamFlags INTEGER, ParamCount INTEGER, P1 "
    "TEXT, P2 TEXT, P3 TEXT, P4 TEXT, P5 TEXT, DetailsType INTEGER, StateDetails TEXT, ProcessedTime BIGINT NOT NULL, "
    "PRIMARY KEY (MachineID, TopicType, TopicID, UserSID));"
    "CREATE INDEX SR_States_Topic ON SR_States (TopicType, TopicID, StateID, MessageTime, MachineID);"
    /* serial numbers */
    "CREATE TABLE SR_ClientMessageStats (MachineID INTEGER PRIMARY KEY, LastMessageTime BIGINT, LastProcessedTime "
    "BIGINT, LastReportDate BIGINT, FirstSerialNumber BIGINT, FirstReportDate BIGINT, HighSerialNumber BIGINT, "
    "LastRestartDate BIGINT, MessagesProcessed BIGINT NOT NULL, LastResyncIssuedTime BIGINT, "
    "LastResyncClientCompletedTime BIGINT, ResyncIssuedSerial BIGINT, ResyncReason VARCHAR(32), Restarts INTEGER NOT "
    "NULL);"
    "CREATE TABLE SR_MissingMessageRanges (MachineID INTEGER NOT NULL, FirstMissing BIGINT NOT NULL, LastMissing "
    "BIGINT NOT NULL, DetectedTime BIGINT NOT NULL, PRIMARY KEY (MachineID, FirstMissing));"
    "CREATE INDEX SR_MissingMessageRanges_Age ON SR_MissingMessageRanges (DetectedTime);"
    "CREATE VIEW SR_MissingRanges AS SELECT * FROM SR_MissingMessageRanges;"
    "CREATE VIEW v_ClientMessageStatistics AS SELECT MachineID AS ResourceID, LastMessageTime, LastProcessedTime, "
    "LastResyncIssuedTime, LastResyncClientCompletedTime FROM SR_ClientMessageStats;"
    "CREATE VIEW v_StateMessageStatistics AS SELECT TopicType, COUNT(*) AS MessageCount FROM SR_States GROUP BY "
    "TopicType;"
    "CREATE TABLE SR_ProcessedFiles (ContentHash VARCHAR(64) PRIMARY KEY, FileName VARCHAR(255) NOT NULL, MachineID "
    "INTEGER, Records INTEGER NOT NULL, InvalidRecords INTEGER NOT NULL, ProcessedTime BIGINT NOT NULL);"
    "CREATE INDEX SR_ProcessedFiles_Age ON SR_ProcessedFiles (ProcessedTime);"
    /* views for admins */
    "CREATE VIEW v_States AS SELECT c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName, s.TopicType, s.TopicID, "
    "s.UserName, s.UserSID, s.StateID, COALESCE(n.StateName, CAST(s.TopicType AS VARCHAR(20)) || '/' || "
    "CAST(s.StateID AS VARCHAR(20))) AS StateName, s.Criticality, s.MessageTime, s.SerialNumber, s.P1, s.P2, s.P3, "
    "s.P4, s.P5, s.ProcessedTime FROM SR_States s JOIN SR_Clients c ON c.MachineID = s.MachineID LEFT JOIN "
    "SR_StateNames n ON n.TopicType = s.TopicType AND n.StateID = s.StateID;"
    "CREATE VIEW v_UpdateStatus AS SELECT TopicID AS UpdateID, COUNT(CASE WHEN StateID = 2 THEN 1 END) AS Required, "
    "COUNT(CASE WHEN StateID = 3 THEN 1 END) AS Installed, COUNT(CASE WHEN StateID = 1 THEN 1 END) AS NotRequired, "
    "(SELECT COUNT(*) FROM SR_Clients WHERE COALESCE(ClientInstalled, 1) <> 0) - COUNT(CASE WHEN StateID IN (1, 2, 3) "
    "THEN 1 END) AS Unknown, MAX(MessageTime) AS LastChange FROM SR_States WHERE TopicType = 500 GROUP BY TopicID;"
    "CREATE VIEW v_UpdateRequired AS SELECT s.TopicID AS UpdateID, c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName, "
    "s.MessageTime AS Since FROM SR_States s JOIN SR_Clients c ON c.MachineID = s.MachineID WHERE s.TopicType = 500 "
    "AND s.StateID = 2;"
    "CREATE VIEW v_UpdateEnforcement AS SELECT s.TopicID AS UpdateID, s.StateID, n.StateName, s.Systems, s.LastChange "
    "FROM (SELECT TopicID, StateID, COUNT(*) AS Systems, MAX(MessageTime) AS LastChange FROM SR_States WHERE "
    "TopicType = 402 GROUP BY TopicID, StateID) s LEFT JOIN SR_StateNames n ON n.TopicType = 402 AND n.StateID = "
    "s.StateID;"
    "CREATE VIEW v_DeploymentStatus AS SELECT s.TopicID AS DeploymentID, s.TopicType, s.StateID, n.StateName, "
    "s.Systems, s.LastChange FROM (SELECT TopicType, TopicID, StateID, COUNT(*) AS Systems, MAX(MessageTime) AS "
    "LastChange FROM SR_States WHERE TopicType IN (300, 301, 302) GROUP BY TopicType, TopicID, StateID) s LEFT JOIN "
    "SR_StateNames n ON n.TopicType = s.TopicType AND n.StateID = s.StateID;"
    "CREATE VIEW v_ClientsByLastHeard AS SELECT c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName, c.ClientVersion, "
    "c.LastSeen, m.LastMessageTime, m.MessagesProcessed FROM SR_Clients c LEFT JOIN SR_ClientMessageStats m ON "
    "m.MachineID = c.MachineID ORDER BY c.LastSeen;"
    "CREATE VIEW v_MissingByAge AS SELECT r.DetectedTime, c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName, "
    "r.FirstMissing, r.LastMissing, r.LastMissing - r.FirstMissing + 1 AS Missing, m.LastResyncIssuedTime FROM "
    "SR_MissingMessageRanges r JOIN SR_Clients c ON c.MachineID = r.MachineID LEFT JOIN SR_ClientMessageStats m ON "
    "m.MachineID = r.MachineID ORDER BY r.DetectedTime;"
    "CREATE VIEW v_TopTalkers AS SELECT t.TopicType, c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName, t.States FROM "
    "(SELECT TopicType, MachineID, COUNT(*) AS States FROM SR_States GROUP BY TopicType, MachineID) t JOIN SR_Clients "
    "c ON c.MachineID = t.MachineID ORDER BY t.States DESC";

/* With numbers from a sequence nobody waits who has new clients at the same time; gaps do no harm. */
static const char version_1_postgres[] = "CREATE SEQUENCE SR_MachineID START 16777216 MAXVALUE 2147483647";

/* ---- version 2: counts ---- */

#define TEXT_OF(...) #__VA_ARGS__
#define TEXT(...) TEXT_OF(__VA_ARGS__)
#define TOPIC_AND_STATE(row)                                                                                           \
    "CASE WHEN " row                                                                                                   \
    "TopicType IN (" TEXT(STORE_SUMMARIZED) ") THEN " row "TopicID ELSE '' END, "                                      \
                                            "CASE WHEN " row                                                           \
                                            "TopicType IN (" TEXT(STORE_SUMMARIZED) ") THEN " row "StateID ELSE 0 END"

static const char version_2[] =
    "CREATE TABLE SR_StateCounts (TopicType INTEGER NOT NULL, TopicID VARCHAR(512) NOT NULL, StateID BIGINT NOT NULL, "
    "Writer INTEGER NOT NULL DEFAULT 0, States INTEGER NOT NULL, PRIMARY KEY (TopicType, TopicID, StateID, Writer));"
    "INSERT INTO SR_StateCounts (TopicType, TopicID, StateID, States) SELECT TopicType, " TOPIC_AND_STATE(
        "") ", COUNT(*) FROM SR_States GROUP BY 1, 2, 3;"
            "CREATE TABLE SR_ClientTopics (MachineID INTEGER NOT NULL, TopicType INTEGER NOT NULL, States INTEGER NOT NULL, "
            "PRIMARY KEY (MachineID, TopicType));"
            "INSERT INTO SR_ClientTopics (MachineID, TopicType, States) SELECT MachineID, TopicType, COUNT(*) FROM SR_States "
            "GROUP BY MachineID, TopicType;"
            "CREATE INDEX SR_ClientTopics_States ON SR_ClientTopics (States);"
            "CREATE VIEW SR_StateSummary AS SELECT c.TopicType, c.TopicID, c.StateID, SUM(c.States) AS Systems, (SELECT "
            "MAX(s.MessageTime) FROM SR_States s WHERE s.TopicType = c.TopicType AND s.TopicID = c.TopicID AND s.StateID = "
            "c.StateID) AS LastChange FROM SR_StateCounts c GROUP BY c.TopicType, c.TopicID, c.StateID HAVING SUM(c.States) > "
            "0;"
            "DROP VIEW v_StateMessageStatistics;"
            "CREATE VIEW v_StateMessageStatistics AS SELECT TopicType, SUM(States) AS MessageCount FROM SR_StateCounts GROUP "
            "BY TopicType HAVING SUM(States) > 0;"
            "DROP VIEW v_UpdateStatus;"
            "CREATE VIEW v_UpdateStatus AS SELECT TopicID AS UpdateID, CAST(SUM(CASE WHEN StateID = 2 THEN Systems ELSE 0 END) "
            "AS BIGINT) AS Required, CAST(SUM(CASE WHEN StateID = 3 THEN Systems ELSE 0 END) AS BIGINT) AS Installed, "
            "CAST(SUM(CASE WHEN StateID = 1 THEN Systems ELSE 0 END) AS BIGINT) AS NotRequired, CAST((SELECT COUNT(*) FROM "
            "SR_Clients WHERE COALESCE(ClientInstalled, 1) <> 0) - SUM(CASE WHEN StateID IN (1, 2, 3) THEN Systems ELSE 0 END) "
            "AS BIGINT) AS Unknown, MAX(LastChange) AS LastChange FROM SR_StateSummary WHERE TopicType = 500 GROUP BY TopicID;"
            "DROP VIEW v_UpdateEnforcement;"
            "CREATE VIEW v_UpdateEnforcement AS SELECT s.TopicID AS UpdateID, s.StateID, n.StateName, s.Systems, s.LastChange "
            "FROM SR_StateSummary s LEFT JOIN SR_StateNames n ON n.TopicType = s.TopicType AND n.StateID = s.StateID WHERE "
            "s.TopicType = 402;"
            "DROP VIEW v_DeploymentStatus;"
            "CREATE VIEW v_DeploymentStatus AS SELECT s.TopicID AS DeploymentID, s.TopicType, s.StateID, n.StateName, "
            "s.Systems, s.LastChange FROM SR_StateSummary s LEFT JOIN SR_StateNames n ON n.TopicType = s.TopicType AND "
            "n.StateID = s.StateID WHERE s.TopicType IN (300, 301, 302);"
            "DROP VIEW v_TopTalkers;"
            "CREATE VIEW v_TopTalkers AS SELECT t.TopicType, c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName, t.States FROM "
            "SR_ClientTopics t JOIN SR_Clients c ON c.MachineID = t.MachineID WHERE t.States > 0 ORDER BY t.States DESC";

static const char version_2_sqlite[] =
    "CREATE TRIGGER SR_States_Deleted AFTER DELETE ON SR_States BEGIN "
    "UPDATE SR_StateCounts SET States = States - 1 WHERE TopicType = OLD.TopicType AND (TopicID, StateID) = "
    "(" TOPIC_AND_STATE(
        "OLD.") ");"
                "UPDATE SR_ClientTopics SET States = States - 1 WHERE MachineID = OLD.MachineID AND TopicType = OLD.TopicType;"
                "END";

static const char version_2_postgres[] =
    "ALTER TABLE SR_StateCounts ALTER Writer SET DEFAULT pg_backend_pid();"
    "CREATE FUNCTION SR_CountDeleted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "INSERT INTO SR_StateCounts (TopicType, TopicID, StateID, States) SELECT TopicType, " TOPIC_AND_STATE(
        "") ", -COUNT(*) FROM deleted GROUP BY 1, 2, 3 ON CONFLICT (TopicType, TopicID, StateID, Writer) DO UPDATE SET States "
            "= SR_StateCounts.States + excluded.States;"
            "UPDATE SR_ClientTopics t SET States = t.States - d.States FROM (SELECT MachineID, TopicType, COUNT(*) AS States "
            "FROM deleted GROUP BY MachineID, TopicType) d WHERE t.MachineID = d.MachineID AND t.TopicType = d.TopicType;"
            "RETURN NULL; END $$;"
            "CREATE FUNCTION SR_CountTruncated() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "DELETE FROM SR_StateCounts; DELETE FROM SR_ClientTopics; RETURN NULL; END $$;"
            "CREATE TRIGGER SR_States_Deleted AFTER DELETE ON SR_States REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT "
            "EXECUTE FUNCTION SR_CountDeleted();"
            "CREATE TRIGGER SR_States_Truncated AFTER TRUNCATE ON SR_States FOR EACH STATEMENT EXECUTE FUNCTION "
            "SR_CountTruncated()";

const struct store_step store_steps[STORE_SCHEMA_VERSION] = {
    {version_1, "", version_1_postgres},
    {version_2, version_2_sqlite, version_2_postgres},
};
