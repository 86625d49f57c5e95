"""Who misses messages for too long is asked to send all states again: not too soon, not too often, not all at once and
not while what is missing may only be waiting (spec/statesys.md 4.3)."""
import time

import wire
from reports import CLIENT, DAY, HOUR, LONG_AGO, cim, client, message, report, smx
from resyncs import SECOND, STATS, age, asked, miss, request_file, wait_until_asked


def test_request_is_written(statesys):
    miss(statesys, {CLIENT: 49})
    before = time.time() * SECOND
    statesys.start()
    line, = wait_until_asked(statesys)
    assert "requested resync, 2 messages missing since " in line
    (issued, serial, completed), = statesys.of(CLIENT, STATS, "SR_ClientMessageStats")
    assert before <= issued <= time.time() * SECOND and (serial, completed) == (5, None)
    assert request_file(statesys).read_text() == (
        "client %s\nissued %s\nfirst missing 3\ncount 2\n" % (CLIENT, cim(issued / SECOND)))
    assert statesys.ask("SELECT LastResyncIssuedTime FROM v_ClientMessageStatistics") == [(issued,)]


def test_young_gaps_are_waited_for(statesys):
    """Another client's request shows that there was a check, here and below."""
    miss(statesys, {CLIENT: 47, client(1): 49})
    statesys.start()
    wait_until_asked(statesys, client(1))
    assert not asked(statesys) and not request_file(statesys).exists()


def test_not_twice_in_the_period(statesys):
    def age_request(hours):
        age(statesys, CLIENT, hours, table="SR_ClientMessageStats", column="LastResyncIssuedTime")
    miss(statesys, {CLIENT: 49})
    statesys.start()
    wait_until_asked(statesys)
    miss(statesys, {client(1): 49})
    age_request(71)
    statesys.start()
    wait_until_asked(statesys, client(1))
    assert len(asked(statesys)) == 1
    statesys.stop()
    age_request(2)
    statesys.start()
    wait_until_asked(statesys, times=2)


def test_oldest_first_and_not_all_at_once(start_statesys, database):
    statesys = start_statesys(database=database, resync_batch=2)
    miss(statesys, {client(n): 50 + n for n in range(5)})
    for pair in ((4, 3), (2, 1)):
        before = len(statesys.said_lines("requested resync"))
        statesys.start()
        for n in pair:
            wait_until_asked(statesys, client(n))
        statesys.stop()
        assert len(statesys.said_lines("requested resync")) == before + 2


def test_after_a_restart_of_the_counter_at_once(statesys):
    statesys.load(smx(100), smx(1, date=LONG_AGO + 3 * DAY))
    statesys.stop()
    statesys.start()
    wait_until_asked(statesys)
    statesys.load(wire.smx(report(message(2), message(3, kind=700, state=1), date=time.time() + HOUR)))
    statesys.wait_for_line("^CResyncManager - Client %s: resync completed$" % CLIENT)
    assert statesys.of(CLIENT, "ResyncReason, Restarts", "SR_ClientMessageStats") == [(None, 1)]


def test_not_while_there_is_a_backlog(start_statesys, database):
    """Files that are half written wait; a heartbeat that is due shows that there was a check."""
    statesys = start_statesys(database=database, resync_backlog=3, half_written_age="24h")
    statesys.wait_for_heartbeat()
    miss(statesys, {CLIENT: 49})
    statesys.ask("UPDATE SR_States SET MessageTime = MessageTime - %d WHERE TopicType = 701" % (2 * HOUR * SECOND))
    waiting = [statesys.inbox / "incoming" / ("%d.smx" % n) for n in range(5)]
    for path in waiting:
        path.write_bytes(b"half")
    statesys.start()
    statesys.wait_for_line("Heartbeat 2 written")
    statesys.stop()
    assert not asked(statesys) and not request_file(statesys).exists()
    for path in waiting:
        path.unlink()
    statesys.start()
    wait_until_asked(statesys)
