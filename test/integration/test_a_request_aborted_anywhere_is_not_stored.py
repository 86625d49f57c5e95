"""A client that goes away after any byte of its request has nothing stored and one verdict, and leaves no connection
behind; one that only stops sending is still answered."""
import socket
import struct

import pytest

import wire
from relay import wait_until

REPORT = wire.report()
FORMS = {"ccm": wire.ccm(REPORT), "plain": wire.plain(REPORT), "chunked": wire.chunked(wire.plain(REPORT), 100)}
RESET = struct.pack("ii", 1, 0)             # lingers for no time: the end is a reset


def abort(relay, data, reset):
    with relay.connect() as connection:
        if reset:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.send(data)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("form", FORMS)
def test_a_request_aborted_anywhere_is_not_stored(start, form, reset):
    relay, request = start(log_max_size="100M", max_connections=4000), FORMS[form]
    usual = relay.sockets()
    for length in range(len(request)):
        abort(relay, request[:length], reset)
    wait_until(lambda: relay.sockets() == usual, "the connections to end")
    assert relay.files() == {}
    assert relay.post(request).status == 200
    relay.stop()
    assert len(relay.verdicts()) == len(request) - reset        # not for no byte, nor for one that was reset at once
    assert list(relay.files().values()) == [wire.smx(REPORT)]


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("form", FORMS)
def test_who_does_not_wait_for_the_answer_leaves_nothing_behind(start, form, reset):
    relay = start()
    usual = relay.sockets()
    for _ in range(100):
        abort(relay, FORMS[form], reset)
    assert relay.post(FORMS[form]).status == 200        # it is accepted behind all of them
    wait_until(lambda: relay.sockets() == usual, "the connections to end")
    relay.stop()
    verdicts = relay.verdicts()
    kept = [verdict["file"] for verdict in verdicts if verdict["file"]]
    assert len(kept) == len(relay.files())
    # A reset takes back what was not read yet, and then there was no request. Who only closes has a verdict: kept, or
    # gone before the library was done with his request.
    assert reset or len(verdicts) == 101
    assert set(relay.files().values()) <= {wire.smx(REPORT)}


@pytest.mark.parametrize("form", FORMS)
def test_a_half_closed_connection_is_answered(shared_relay, form):
    with shared_relay.connect() as connection:
        connection.send(FORMS[form])
        connection.sock.shutdown(socket.SHUT_WR)
        assert connection.answer().status == 200 and connection.ends()
    shared_relay.next_records()


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99], ids=["line", "head", "middle", "end"])
@pytest.mark.parametrize("form", FORMS)
def test_half_a_request_of_a_half_closed_connection_is_refused(shared_relay, form, share):
    before = shared_relay.files()
    with shared_relay.connect() as connection:
        connection.send(FORMS[form][:int(share * len(FORMS[form]))])
        connection.sock.shutdown(socket.SHUT_WR)
        answer = connection.answer()
        assert (answer is None or answer.status == 400) and connection.ends()
    verdict, = shared_relay.next_verdicts()
    assert verdict["refused"] == "400" and shared_relay.files() == before
