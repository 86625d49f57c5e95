"""SIGTERM: what is in hand is answered and kept, nothing new is taken, the end is status 0."""
import signal

import pytest

import wire
from relay import PATIENCE, wait_until


def refused(relay):
    try:
        relay.connect().sock.close()
    except (ConnectionRefusedError, ConnectionResetError):     # reset: in the backlog when the port closed
        return True


@pytest.mark.parametrize("form", [wire.ccm, wire.plain])
@pytest.mark.parametrize("sent", [0.0, 0.3, 0.99], ids=["head", "part", "most"])
def test_requests_in_hand_are_answered_and_kept(start, form, sent):
    relay, reports = start(), [wire.report(serial=n) for n in range(5)]
    connections = [relay.connect() for _ in reports]
    idle = relay.connect()
    requests = [form(report, keep=True) for report in reports]
    cuts = []
    for connection, request in zip(connections, requests):
        head = request.index(b"\r\n\r\n") + 4
        cuts.append(head + int(sent * (len(request) - head)))
        connection.send(request[:cuts[-1]])
    assert relay.post(form(wire.report(serial=9))).status == 200       # so the heads before it have been read
    relay.process.send_signal(signal.SIGTERM)
    wait_until(lambda: refused(relay), "the port to close")
    assert relay.process.poll() is None
    for connection, request, cut in zip(connections, requests, cuts):
        connection.send(request[cut:])
    for connection in connections:
        answer = connection.answer()
        assert answer.status == 200 and answer.headers["connection"].lower() == "close"
        assert connection.ends()
    assert idle.ends()
    assert relay.process.wait(PATIENCE) == 0
    assert set(map(wire.smx, reports)) < set(relay.files().values())
    assert len(relay.verdicts()) == 6


def test_who_never_ends_does_not_hold_up_the_stop(start):
    relay = start(request_timeout="1s")
    with relay.connect() as connection:
        connection.send(wire.ccm(wire.report())[:600])
        relay.stop()
    assert relay.files() == {}


def test_interrupt_ends_as_well(start):
    relay = start()
    relay.process.send_signal(signal.SIGINT)
    assert relay.process.wait(PATIENCE) == 0
