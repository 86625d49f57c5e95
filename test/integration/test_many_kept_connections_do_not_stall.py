"""256 kept connections, all ready at once, again and again: every request is answered and kept."""
import time

import pytest

import wire
from relay import PATIENCE


@pytest.mark.parametrize("count", [64, 128, 256])
def test_many_kept_connections_do_not_stall(start, count):
    relay = start(log_max_size="100M")
    connections = [relay.connect() for _ in range(count)]
    began = time.monotonic()
    sent = set()
    for turn in range(4):
        for number, connection in enumerate(connections):
            report = wire.report(serial=turn * count + number)
            sent.add(wire.smx(report))
            connection.send(wire.ccm(report, keep=True))
        for connection in connections:
            answer = connection.answer()
            assert (answer.status, answer.body) == (200, wire.NOREPLY)
    assert time.monotonic() - began < PATIENCE
    for connection in connections:
        connection.sock.close()
    relay.stop()                    # what was answered from the journal are files by now
    assert set(relay.files().values()) == sent and len(sent) == len(relay.files()) == 4 * count
    assert len(relay.verdicts()) == 4 * count
