"""The heartbeat is a report as any, through the whole path: its row shows that the state system lives."""
from statesys import HEARTBEAT

ROW = "SELECT SMSID, TopicID, StateID, P1, P2, MessageTime FROM v_States WHERE TopicType = 701"
HOURS = 3600 * 1000000


def test_heartbeat_becomes_a_row(statesys):
    (client, topic, state, site, sequence, first), = statesys.ask(ROW)
    assert client.startswith(HEARTBEAT) and (topic, state, site, sequence) == ("P01", 1, "P01", "1")
    statesys.wait_for_line("^CResyncManager - Heartbeat 1 written$")
    statesys.wait_for_line("Processing file: ")
    assert statesys.ask("SELECT COUNT(*) FROM SR_ClientMessageStats") == [(0,)]        # no ledger
    assert statesys.ask("SELECT ClientInstalled FROM SR_Clients") == [(0,)]

    statesys.stop()
    statesys.start()
    statesys.stop()
    assert not statesys.said_lines("Heartbeat 2 written")           # the first is young: no other was due
    assert statesys.ask(ROW) == [(client, topic, state, site, "1", first)]

    statesys.ask("UPDATE SR_States SET MessageTime = MessageTime - %d, ProcessedTime = ProcessedTime - %d, "
                 "ReportDate = ReportDate - %d" % (2 * HOURS, 2 * HOURS, 2 * HOURS))
    statesys.start()
    statesys.wait_for_line("^CResyncManager - Heartbeat 2 written$")
    statesys.wait_until_loaded()
    assert [(row[4], row[5] > first) for row in statesys.ask(ROW)] == [("2", True)]
