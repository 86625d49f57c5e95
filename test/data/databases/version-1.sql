-- A database of schema version 1, as the first statesys made it, with what two clients have reported: for the story
-- that a new program brings it up to date. SQLite and PostgreSQL both read it. Never to be changed.
CREATE TABLE SMSData (ThisSiteCode VARCHAR(3) NOT NULL, ThisSiteName VARCHAR(256), ParentSiteCode VARCHAR(3));
CREATE TABLE SC_SiteDefinition (SiteNumber INTEGER PRIMARY KEY, SiteCode VARCHAR(3) NOT NULL UNIQUE, ParentSiteCode
    VARCHAR(3), SiteName VARCHAR(256));
CREATE TABLE SC_Component (ID INTEGER PRIMARY KEY, SiteNumber INTEGER NOT NULL, ComponentName VARCHAR(256) NOT NULL);
CREATE TABLE SC_Component_Property (ComponentID INTEGER NOT NULL, SiteNumber INTEGER NOT NULL, Name VARCHAR(256) NOT
    NULL, Value1 VARCHAR(512) NOT NULL, Value2 VARCHAR(4000) NOT NULL, Value3 INTEGER NOT NULL, PRIMARY KEY
    (ComponentID, SiteNumber, Name));
CREATE TABLE SR_TopicTypes (TopicType INTEGER PRIMARY KEY, Symbol VARCHAR(256), Description VARCHAR(512), SerialKind
    VARCHAR(16) NOT NULL);
CREATE TABLE SR_StateNames (TopicType INTEGER NOT NULL, StateID INTEGER NOT NULL, StateName VARCHAR(512) NOT NULL,
    StateDescription VARCHAR(512), PRIMARY KEY (TopicType, StateID));
CREATE VIEW v_StateNames AS SELECT TopicType, StateID, StateName, StateDescription FROM SR_StateNames;
CREATE TABLE SR_Clients (MachineID INTEGER PRIMARY KEY, SMSID VARCHAR(255) NOT NULL UNIQUE, SMSIDAsSent VARCHAR(255)
    NOT NULL, NetBIOSName VARCHAR(256), ClientVersion VARCHAR(64), ClientType INTEGER, ClientInstalled INTEGER,
    CodePage INTEGER, SystemDefaultLCID INTEGER, FirstSeen BIGINT NOT NULL, LastSeen BIGINT NOT NULL);
CREATE TABLE SR_States (MachineID INTEGER NOT NULL, TopicType INTEGER NOT NULL, TopicID VARCHAR(512) NOT NULL, UserSID
    VARCHAR(256) NOT NULL, TopicIDType INTEGER, UserName VARCHAR(256), StateID BIGINT NOT NULL, Criticality INTEGER,
    MessageTime BIGINT, ReportDate BIGINT, SerialNumber BIGINT, ParamFlags INTEGER, ParamCount INTEGER, P1 TEXT, P2
    TEXT, P3 TEXT, P4 TEXT, P5 TEXT, DetailsType INTEGER, StateDetails TEXT, ProcessedTime BIGINT NOT NULL, PRIMARY
    KEY (MachineID, TopicType, TopicID, UserSID));
CREATE INDEX SR_States_Topic ON SR_States (TopicType, TopicID, StateID, MessageTime, MachineID);
CREATE TABLE SR_ClientMessageStats (MachineID INTEGER PRIMARY KEY, LastMessageTime BIGINT, LastProcessedTime BIGINT,
    LastReportDate BIGINT, FirstSerialNumber BIGINT, FirstReportDate BIGINT, HighSerialNumber BIGINT, LastRestartDate
    BIGINT, MessagesProcessed BIGINT NOT NULL, LastResyncIssuedTime BIGINT, LastResyncClientCompletedTime BIGINT,
    ResyncIssuedSerial BIGINT, ResyncReason VARCHAR(32), Restarts INTEGER NOT NULL);
CREATE TABLE SR_MissingMessageRanges (MachineID INTEGER NOT NULL, FirstMissing BIGINT NOT NULL, LastMissing BIGINT NOT
    NULL, DetectedTime BIGINT NOT NULL, PRIMARY KEY (MachineID, FirstMissing));
CREATE INDEX SR_MissingMessageRanges_Age ON SR_MissingMessageRanges (DetectedTime);
CREATE VIEW SR_MissingRanges AS SELECT * FROM SR_MissingMessageRanges;
CREATE VIEW v_ClientMessageStatistics AS SELECT MachineID AS ResourceID, LastMessageTime, LastProcessedTime,
    LastResyncIssuedTime, LastResyncClientCompletedTime FROM SR_ClientMessageStats;
CREATE VIEW v_StateMessageStatistics AS SELECT TopicType, COUNT(*) AS MessageCount FROM SR_States GROUP BY TopicType;
CREATE TABLE SR_ProcessedFiles (ContentHash VARCHAR(64) PRIMARY KEY, FileName VARCHAR(255) NOT NULL, MachineID
    INTEGER, Records INTEGER NOT NULL, InvalidRecords INTEGER NOT NULL, ProcessedTime BIGINT NOT NULL);
CREATE INDEX SR_ProcessedFiles_Age ON SR_ProcessedFiles (ProcessedTime);
CREATE VIEW v_States AS SELECT c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName, s.TopicType, s.TopicID, s.UserName,
    s.UserSID, s.StateID, COALESCE(n.StateName, CAST(s.TopicType AS VARCHAR(20)) || '/' || CAST(s.StateID AS
    VARCHAR(20))) AS StateName, s.Criticality, s.MessageTime, s.SerialNumber, s.P1, s.P2, s.P3, s.P4, s.P5,
    s.ProcessedTime FROM SR_States s JOIN SR_Clients c ON c.MachineID = s.MachineID LEFT JOIN SR_StateNames n ON
    n.TopicType = s.TopicType AND n.StateID = s.StateID;
CREATE VIEW v_UpdateStatus AS SELECT TopicID AS UpdateID, COUNT(CASE WHEN StateID = 2 THEN 1 END) AS Required,
    COUNT(CASE WHEN StateID = 3 THEN 1 END) AS Installed, COUNT(CASE WHEN StateID = 1 THEN 1 END) AS NotRequired,
    (SELECT COUNT(*) FROM SR_Clients WHERE COALESCE(ClientInstalled, 1) <> 0) - COUNT(CASE WHEN StateID IN (1, 2, 3)
    THEN 1 END) AS Unknown, MAX(MessageTime) AS LastChange FROM SR_States WHERE TopicType = 500 GROUP BY TopicID;
CREATE VIEW v_UpdateRequired AS SELECT s.TopicID AS UpdateID, c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName,
    s.MessageTime AS Since FROM SR_States s JOIN SR_Clients c ON c.MachineID = s.MachineID WHERE s.TopicType = 500 AND
    s.StateID = 2;
CREATE VIEW v_UpdateEnforcement AS SELECT s.TopicID AS UpdateID, s.StateID, n.StateName, s.Systems, s.LastChange FROM
    (SELECT TopicID, StateID, COUNT(*) AS Systems, MAX(MessageTime) AS LastChange FROM SR_States WHERE TopicType = 402
    GROUP BY TopicID, StateID) s LEFT JOIN SR_StateNames n ON n.TopicType = 402 AND n.StateID = s.StateID;
CREATE VIEW v_DeploymentStatus AS SELECT s.TopicID AS DeploymentID, s.TopicType, s.StateID, n.StateName, s.Systems,
    s.LastChange FROM (SELECT TopicType, TopicID, StateID, COUNT(*) AS Systems, MAX(MessageTime) AS LastChange FROM
    SR_States WHERE TopicType IN (300, 301, 302) GROUP BY TopicType, TopicID, StateID) s LEFT JOIN SR_StateNames n ON
    n.TopicType = s.TopicType AND n.StateID = s.StateID;
CREATE VIEW v_ClientsByLastHeard AS SELECT c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName, c.ClientVersion,
    c.LastSeen, m.LastMessageTime, m.MessagesProcessed FROM SR_Clients c LEFT JOIN SR_ClientMessageStats m ON
    m.MachineID = c.MachineID ORDER BY c.LastSeen;
CREATE VIEW v_MissingByAge AS SELECT r.DetectedTime, c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName,
    r.FirstMissing, r.LastMissing, r.LastMissing - r.FirstMissing + 1 AS Missing, m.LastResyncIssuedTime FROM
    SR_MissingMessageRanges r JOIN SR_Clients c ON c.MachineID = r.MachineID LEFT JOIN SR_ClientMessageStats m ON
    m.MachineID = r.MachineID ORDER BY r.DetectedTime;
CREATE VIEW v_TopTalkers AS SELECT t.TopicType, c.MachineID AS ResourceID, c.SMSID, c.NetBIOSName, t.States FROM
    (SELECT TopicType, MachineID, COUNT(*) AS States FROM SR_States GROUP BY TopicType, MachineID) t JOIN SR_Clients c
    ON c.MachineID = t.MachineID ORDER BY t.States DESC;

CREATE TABLE SR_SchemaVersion (Version INTEGER NOT NULL);
INSERT INTO SR_SchemaVersion VALUES (1);
INSERT INTO SMSData VALUES ('P01', 'P01', NULL);
INSERT INTO SC_SiteDefinition VALUES (1, 'P01', NULL, 'P01');
INSERT INTO SC_Component VALUES (1, 1, 'SMS_STATE_SYSTEM');
INSERT INTO SC_Component_Property VALUES (1, 1, 'Loader Threads', '', '', 7);

INSERT INTO SR_Clients VALUES
    (16777216, '9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77', 'GUID:9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77',
    'CLIENT1', '5.00.9000.1000', 1, 1, 437, 1033, 1577836800000000, 1577836800000000);
INSERT INTO SR_Clients VALUES
    (16777217, '9B2A6A3C-3C51-4E0B-9B7A-000000000002', 'GUID:9B2A6A3C-3C51-4E0B-9B7A-000000000002',
    'CLIENT2', '5.00.9000.1000', 1, 1, 437, 1033, 1577836800000000, 1577836800000000);
INSERT INTO SR_States VALUES
    (16777216, 500, 'update 1', '', 3, '', 2, 0, 1577836800000000, 1577836800000000, 1, 0, 1, '200',
    NULL, NULL, NULL, NULL, NULL, NULL, 1577836800000000);
INSERT INTO SR_States VALUES
    (16777216, 500, 'update 2', '', 3, '', 3, 0, 1577836800000000, 1577836800000000, 5, 0, 1, '200',
    NULL, NULL, NULL, NULL, NULL, NULL, 1577836800000000);
INSERT INTO SR_States VALUES
    (16777217, 500, 'update 1', '', 3, '', 2, 0, 1577836800000000, 1577836800000000, 1, 0, 1, '200',
    NULL, NULL, NULL, NULL, NULL, NULL, 1577836800000000);
INSERT INTO SR_ClientMessageStats VALUES
    (16777216, 1577836800000000, 1577836800000000, 1577836800000000, 1, 1577836800000000,
    5, NULL, 2, NULL, NULL, NULL, NULL, 0);
INSERT INTO SR_ClientMessageStats VALUES
    (16777217, 1577836800000000, 1577836800000000, 1577836800000000, 1, 1577836800000000,
    1, NULL, 1, NULL, NULL, NULL, NULL, 0);
INSERT INTO SR_MissingMessageRanges VALUES
    (16777216, 2, 4, 1577836800000000);
