"""A client that was asked and has sent its states again is done: what was missing is forgotten, and only that
(spec/statesys.md 4.4)."""
import time

import pytest

import wire
from relay import Connection, Relay, wait_until
from reports import CLIENT, HOUR, LONG_AGO, client, key, message, report, smx
from resyncs import STATS, miss, request_file, wait_until_asked


@pytest.fixture
def under_way(statesys):
    miss(statesys, {CLIENT: 49})
    statesys.start()
    wait_until_asked(statesys)
    return statesys


def answer(*messages):
    """Written later than the request, whatever the clocks."""
    return wire.smx(report(*messages, date=time.time() + HOUR))


def ask(relay, client):
    with Connection(relay.address) as connection:
        connection.send(b"GET /mprelay/resync?client=%s HTTP/1.1\r\nHost: mp\r\n\r\n" % client.encode())
        return connection.answer()


def test_relay_hands_the_request_out_until_then(under_way):
    relay = Relay(under_way.root, resync_dir=under_way.inbox / "outgoing/resync")
    try:
        got = ask(relay, CLIENT)
        assert (got.status, got.body) == (200, request_file(under_way).read_bytes())
        assert ask(relay, key(CLIENT).lower()).body == got.body and ask(relay, client(1)).status == 204
        under_way.load(answer(message(6, kind=700, state=1)))
        wait_until(lambda: ask(relay, CLIENT).status == 204, "the end of the request")
    finally:
        relay.stop()


@pytest.mark.parametrize("last", [
    message(9, kind=700, state=1),                      # it says so
    message(9, topic="topic 1", time=LONG_AGO),         # an old state again, with its old time and a fresh number
], ids=["message 700", "raised again"])
def test_answer_completes_it(under_way, last):
    """6 and 7 were not what was asked for."""
    under_way.load(smx(8))
    under_way.load(answer(last))
    under_way.wait_for_line("^CResyncManager - Client %s: resync completed$" % CLIENT)
    assert under_way.ranges(CLIENT) == [(6, 7)]
    (_, serial, completed), = under_way.of(CLIENT, STATS, "SR_ClientMessageStats")
    assert serial is None and completed > 0
    wait_until(lambda: not request_file(under_way).exists(), "the end of the request")


def test_other_reports_do_not(under_way):
    under_way.load(
        wire.smx(report(message(6, kind=700, state=1), date=LONG_AGO)),     # written before it was asked
        answer(message(6, kind=700, state=2)),                              # it does not say so
        answer(message(6, topic="topic 1", time=LONG_AGO + 1)),             # a state of now
        answer(message(7, topic="topic 7", time=LONG_AGO)))                 # one that was not there
    assert under_way.ranges(CLIENT) == [(3, 4)]
    assert under_way.of(CLIENT, STATS, "SR_ClientMessageStats")[0][1:] == (5, None)
    assert request_file(under_way).exists() and not under_way.said_lines("resync completed")
