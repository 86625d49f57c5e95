"""What is missing of a client's serial numbers is known, in whatever order its reports come (spec/statesys.md 4.2)."""
import random

import wire
from reports import CLIENT, DAY, HOUR, LONG_AGO, MINUTE, client, message, report, smx


def ledger(statesys, client=CLIENT):
    return statesys.of(client, "FirstSerialNumber, HighSerialNumber, Restarts", "SR_ClientMessageStats")


def test_gaps_open_and_are_filled(statesys):
    said = "CMessageProcessor - Client %s: messages " % CLIENT
    statesys.load(smx(1), smx(2), smx(5))
    assert statesys.ranges(CLIENT) == [(3, 4)]
    statesys.wait_for_line(said + "3 to 4 are missing$")
    statesys.load(smx(4))
    assert statesys.ranges(CLIENT) == [(3, 3)]
    statesys.wait_for_line(said + "4 to 4 are no longer missing$")
    statesys.load(smx(3))
    assert statesys.ranges(CLIENT) == [] and ledger(statesys) == [(1, 5, 0)]
    statesys.wait_for_line(said + "3 to 3 are no longer missing$")
    assert statesys.ask("SELECT COUNT(*) FROM SR_MissingRanges") == [(0,)]


def test_order_does_not_matter(statesys):
    """Ten reports of each of ten clients, read in ten orders, together and one after the other."""
    rest = []
    for number in range(10):
        files = [smx(n, client=client(number), date=LONG_AGO + n * MINUTE) for n in range(1, 11)]
        random.Random(number).shuffle(files)
        for content in files[:5]:
            statesys.put("%d.smx" % next(statesys.numbers), content)
        rest += files[5:]
    statesys.wait_until_loaded()
    statesys.load(*rest)
    for number in range(10):
        (_, high, restarts), = ledger(statesys, client(number))
        assert (statesys.ranges(client(number)), high, restarts) == ([], 10, 0)
        assert statesys.of(client(number), "COUNT(*)", "SR_States") == [(10,)]


def test_a_counter_that_begins_anew(statesys):
    """An old number in a newer report: nothing is missing of the new count, what is late of the old one is stale."""
    statesys.load(smx(97), smx(100))
    assert statesys.ranges(CLIENT) == [(98, 99)]
    statesys.load(smx(1, 2, date=LONG_AGO + 3 * DAY))
    assert ledger(statesys) == [(2, 2, 1)] and statesys.ranges(CLIENT) == []
    assert statesys.of(CLIENT, "ResyncReason", "SR_ClientMessageStats") == [("restart",)]
    statesys.wait_for_line("WARNING: client %s: serial number went back from 100 to 2$" % CLIENT)
    statesys.load(smx(99, date=LONG_AGO + HOUR))
    assert ledger(statesys) == [(2, 2, 1)] and statesys.ranges(CLIENT) == []
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(1,), (2,), (97,), (99,), (100,)]   # is a state as any


def test_one_number_for_all_messages_of_a_file(statesys):
    messages = [message(5001, topic="topic %d" % n) for n in range(10)]
    statesys.load(wire.smx(report(*messages)))
    assert statesys.of(CLIENT, "COUNT(*), MIN(SerialNumber)", "SR_States") == [(10, 5001)]
    assert ledger(statesys) == [(5001, 5001, 0)] and statesys.ranges(CLIENT) == []
    statesys.wait_for_line("Processed 10 records with 0 invalid records.$")


def test_a_jump_of_more_than_max_gap_is_a_new_count(start_statesys, database):
    statesys = start_statesys(database=database, max_gap=100)
    statesys.load(smx(1), smx(101))
    assert statesys.ranges(CLIENT) == [(2, 100)]
    statesys.load(smx(300))
    assert ledger(statesys) == [(300, 300, 1)] and statesys.ranges(CLIENT) == []


def test_the_first_number_may_be_expected_to_be_1(start_statesys, database):
    statesys = start_statesys(database=database, first_serial="expect-1")
    statesys.load(smx(3))
    assert statesys.ranges(CLIENT) == [(1, 2)]


def test_reports_of_components_and_servers_are_not_counted(statesys):
    """4.1: no installed client, no GUID:, a topic type whose number is another's."""
    statesys.load(smx(1), smx(5, installed=0), wire.smx(report(message(9, kind=902, topic="P0100001"))),
                  wire.smx(report(message(11), client=CLIENT.removeprefix("GUID:"))))
    assert ledger(statesys) == [(1, 1, 0)] and statesys.ranges(CLIENT) == []
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(1,), (5,), (9,), (11,)]
