"""log-level leaves out what is below; log-windows-paths and log-time change how a line is written."""
import os

import wire

REPORT = wire.report(priority=1)


def test_log_levels_leave_out_what_is_below(start):
    for level, taken, refused in (("warning", 0, 1), ("error", 0, 0)):
        relay = start(log_level=level)
        assert relay.post(wire.ccm(REPORT)).status == 200
        assert relay.post(wire.ccm("<Report/>")).status == 400
        relay.stop()
        assert [r.type for r in relay.log() if "Relay: Message" in r.text] == [2] * (taken + refused)


def test_windows_paths_and_local_time(start):
    relay = start(log_windows_paths="yes", log_time="local", environment={**os.environ, "TZ": "EST5"})
    assert relay.post(wire.ccm(REPORT)).status == 200
    records = relay.next_records()
    assert any(r.text == "Relay: Outbox dir: %s" % str(relay.box / "high").replace("/", "\\") for r in records)
    assert {r.time[12:] for r in records} == {"+300"}
