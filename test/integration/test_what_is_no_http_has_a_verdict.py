"""Bytes that are no HTTP: the connection ends, the log says so once, and the next client is served."""
import pytest

import cmtrace
import wire

GARBAGE = {
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "http-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no-version": b"hello\r\n\r\n",
    "another-protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_http_has_a_verdict(shared_relay, name):
    relay, before = shared_relay, shared_relay.files()
    with relay.connect() as connection:
        connection.send(GARBAGE[name])
        while connection.more():
            pass
    assert b"HTTP/1.1 200" not in connection.received
    verdict, = [v for v in map(cmtrace.verdict, relay.next_records()) if v]
    assert (verdict["refused"], verdict["rule"]) == ("400", "http")
    assert relay.files() == before
    assert relay.post(wire.ccm(wire.report(serial=1))).status == 200
    assert len([v for v in map(cmtrace.verdict, relay.next_records()) if v]) == 1
