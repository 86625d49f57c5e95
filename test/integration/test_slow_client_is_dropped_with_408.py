"""A client that drips bytes is not served for ever: the head, the whole request and the rate have bounds."""
import threading

import pytest

import cmtrace
import wire

REQUEST = wire.ccm(wire.report())
HEAD = REQUEST.index(b"\r\n\r\n") + 4


def drip(connection, data, pause):
    """A byte, a pause, a byte ... until the relay has had enough; what it answered."""
    enough = threading.Event()

    def send():
        for at in range(len(data)):
            connection.send(data[at:at + 1])
            if enough.wait(pause):
                return
    sender = threading.Thread(target=send)
    sender.start()
    answer = connection.answer()
    ended = connection.ends()
    enough.set()
    sender.join()
    return answer, ended


@pytest.mark.parametrize("at_once, settings", [
    (60, {"header_timeout": "1s"}),
    (HEAD, {"request_timeout": "2s"}),
    (HEAD + 500, {"request_timeout": "2s"}),
    (HEAD, {"min_rate": "1K"}),
], ids=["head", "body", "half-a-body", "rate"])
def test_slow_client_is_dropped_with_408(start, at_once, settings):
    relay = start(**settings)
    with relay.connect() as connection:
        connection.send(REQUEST[:at_once])
        answer, ended = drip(connection, REQUEST[at_once:], 0.2)
    assert ended and (answer is None or answer.status == 408)
    verdict, = [v for v in map(cmtrace.verdict, relay.next_records()) if v]
    assert verdict["failed"] == "408" and relay.files() == {}
    assert relay.post(REQUEST).status == 200


@pytest.mark.parametrize("sent", [0, 10])
def test_a_connection_without_a_request_line_is_closed(start, sent):
    relay = start(header_timeout="1s")
    with relay.connect() as connection:
        connection.send(REQUEST[:sent])
        assert connection.ends()
    relay.stop()
    assert relay.verdicts() == [] and relay.files() == {}


def test_idle_kept_connection_is_closed_without_a_verdict(start):
    relay = start(header_timeout="1s")
    with relay.connect() as connection:
        connection.send(wire.ccm(wire.report(), keep=True))
        assert connection.answer().status == 200
        assert connection.ends()
    relay.stop()
    assert len(relay.verdicts()) == 1
