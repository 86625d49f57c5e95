"""Requests in one packet are answered in their order up to the first that is refused; nothing behind it is read."""
import random

import pytest

import wire

CHUNKED = b"Transfer-Encoding: chunked\r\nContent-Length:"
BAD = {
    "report": (400, wire.ccm("<Report/>", keep=True)),
    "path": (404, wire.plain(wire.report(), keep=True, path="/elsewhere")),
    "method": (405, wire.plain(wire.report(), keep=True).replace(b"POST", b"BREW", 1)),
    "type": (415, wire.plain(wire.report(), "image/png", keep=True)),
    "size": (413, wire.plain(wire.report()).replace(b"Content-Length: ", b"Content-Length: 99999", 1)),
    "smuggled": (400, wire.plain(wire.report()).replace(b"Content-Length:", CHUNKED, 1)),
}


@pytest.mark.parametrize("count", [2, 3, 10, 50])
@pytest.mark.parametrize("name", BAD)
def test_pipelined_requests_end_at_the_first_refusal(shared_relay, name, count):
    before, (status, bad) = shared_relay.files(), BAD[name]
    at = random.Random(count).randrange(count)
    requests = [(wire.ccm, wire.plain)[serial % 2](wire.report(serial=serial), keep=True) for serial in range(count)]
    requests[at] = bad
    with shared_relay.connect() as connection:
        connection.send(b"".join(requests))
        assert [connection.answer().status for _ in range(at)] == [200] * at
        last = connection.answer()          # may be lost: a connection that ends with bytes unread is reset
        assert (last is None or last.status == status) and connection.ends()
    kept = [content for path, content in sorted(shared_relay.files().items()) if path not in before]
    assert sorted(kept) == sorted(wire.smx(wire.report(serial=serial)) for serial in range(at))
    verdicts = shared_relay.next_verdicts(at + 1)
    assert [verdict["refused"] for verdict in verdicts] == [None] * at + [str(status)]
