"""A client that sends and never reads its answers holds its connection for request-timeout and no longer; what it sent
until then is kept, and others are served."""
import socket

import wire
from relay import wait_until

REQUESTS = [wire.ccm(wire.report(serial=serial), keep=True) for serial in range(40)]


def test_who_never_reads_is_cut(start, tmp_path):
    reply = tmp_path / "reply"
    reply.write_bytes(bytes(1 << 20))       # more than the buffers on the way take
    relay = start(async_reply="file:%s" % reply, request_timeout="2s", log_max_size="100M")
    usual = relay.sockets()
    with relay.connect() as deaf:
        deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.send(b"".join(REQUESTS))
        wait_until(relay.files, "the first report")
        with relay.connect() as other:
            other.send(wire.plain(wire.report(serial=99)))
            assert other.answer().status == 200
        wait_until(lambda: relay.sockets() == usual, "the connection to be cut")
    relay.stop()
    kept = relay.files().values()
    assert 2 <= len(kept) < len(REQUESTS) and wire.smx(wire.report(serial=99)) in kept
    assert len(relay.verdicts()) == len(kept)
