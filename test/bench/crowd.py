"""A database of many clients and states, made by SQL for both databases alike, and the views asked over it."""
import subprocess
import time
from statistics import median

CLIENTS, STATES_EACH = 100_000, 50
FIRST_MACHINE, NOW = 16777216, 1700000000000000
LIMIT, ASKED = 100, 5

NUMBERS = "WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x + 1 < %d) "
GUID = "'6F3C1E52-8A0B-4D7E-9C21-' || CAST(100000000000 + n.x AS VARCHAR(12))"

CLIENT_ROWS = NUMBERS + """INSERT INTO SR_Clients (MachineID, SMSID, SMSIDAsSent, NetBIOSName, ClientVersion,
    ClientType, ClientInstalled, FirstSeen, LastSeen) SELECT {first} + n.x, {guid}, 'GUID:' || {guid},
    'PC-' || CAST(n.x AS VARCHAR(12)), '5.00.9040.1015', 1, 1, {now}, {now} + n.x FROM n"""
STATISTICS_ROWS = NUMBERS + """INSERT INTO SR_ClientMessageStats (MachineID, LastMessageTime, LastProcessedTime,
    LastReportDate, FirstSerialNumber, FirstReportDate, HighSerialNumber, MessagesProcessed, Restarts)
    SELECT {first} + n.x, {now}, {now}, {now}, 1, {now}, 50, 50, 0 FROM n"""
GAP_ROWS = NUMBERS + """INSERT INTO SR_MissingMessageRanges (MachineID, FirstMissing, LastMissing, DetectedTime)
    SELECT {first} + n.x, 10, 11, {now} + n.x FROM n WHERE n.x % 50 = 0"""
# Of each client 30 updates, the installation of 10 of them, 10 deployments.
STATE_ROWS = NUMBERS + """INSERT INTO SR_States (MachineID, TopicType, TopicID, UserSID, StateID, MessageTime,
    SerialNumber, P1, ProcessedTime) SELECT c.MachineID, CASE WHEN n.x < 30 THEN 500 WHEN n.x < 40 THEN 402 ELSE 301 END,
    '505fda07-b4f3-45fb-83d9-' || CAST(n.x * 8 + c.MachineID % 8 AS VARCHAR(12)), '', 1 + (c.MachineID + n.x) % 3,
    {now} + n.x * 1000 + c.MachineID % 997, n.x + 1, '200', {now} FROM SR_Clients c CROSS JOIN n
    ORDER BY c.MachineID"""
COUNT_ROWS = """INSERT INTO SR_StateCounts (TopicType, TopicID, StateID, Writer, States)
    SELECT TopicType, TopicID, StateID, 0, COUNT(*) FROM SR_States GROUP BY TopicType, TopicID, StateID;
    INSERT INTO SR_ClientTopics (MachineID, TopicType, States)
    SELECT MachineID, TopicType, COUNT(*) FROM SR_States GROUP BY MachineID, TopicType"""


def fill(text, count):
    return text.replace(NUMBERS, NUMBERS % count).format(first=FIRST_MACHINE, now=NOW, guid=GUID)


def client_statements(count):
    return [fill(text, count) for text in (CLIENT_ROWS, STATISTICS_ROWS, GAP_ROWS)]


def state_statements():
    return [fill(STATE_ROWS, STATES_EACH), COUNT_ROWS]


def views(smx, database):
    """The views that smx knows."""
    command = [smx, "query", "--database", database, "--csv"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [line.split(",")[0].strip('"') for line in done.stdout.splitlines()[1:]]


def seconds_of(smx, database, view):
    """The whole call, with the start of the program; the middle of some, after one that nobody counts."""
    command = [smx, "query", "--database", database, "--view", view, "--limit", str(LIMIT), "--csv"]
    taken = []
    for _ in range(ASKED + 1):
        begin = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        taken.append(time.monotonic() - begin)
    return median(taken[1:])
