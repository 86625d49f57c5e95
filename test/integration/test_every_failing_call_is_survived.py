"""Whatever call fails, the relay answers honestly, keeps the next report, and holds on to nothing (test/fault/torture)."""
import os
import pathlib
import socket
import sys

import wire
from relay import Relay

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fault"))
import torture                                          # noqa: E402
from failing import Failing                             # noqa: E402

CALLS = int(os.environ.get("CALLS", 2))         # of each kind


def test_every_failing_call_is_survived():
    for row in torture.run(runs=CALLS, seed=1):
        assert row.runs > 0 and not row.failed(), row


def test_a_connection_that_is_refused_memory_takes_no_place(tmp_path):
    failing = Failing(tmp_path / "failing")
    relay = Relay(tmp_path / "relay", environment=failing.environment, max_connections=1)
    workers = max(2, os.cpu_count())
    for nth in range(1, 5) if failing.sees_memory else ():
        for _ in range(112 * workers):
            failing.arm("malloc", "ENOMEM", nth)
            with relay.connect() as connection:
                connection.sock.shutdown(socket.SHUT_WR)
                assert connection.ends() and failing.disarm()
    assert relay.post(wire.ccm(wire.report())).status == 200
    relay.stop()
