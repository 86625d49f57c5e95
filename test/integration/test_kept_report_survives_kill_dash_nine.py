"""What was acknowledged is there after kill -9 and a restart, under the same name, byte for byte."""
import json

import wire


def test_kept_report_survives_kill_dash_nine(relay):
    reports = [wire.report(serial=n, priority=priority) for n, priority in enumerate((None, 0, 16))]
    names = [json.loads(relay.post(wire.plain(report)).body)["file"] for report in reports]
    relay.kill()
    relay.start()
    assert relay.files() == {queue + name: wire.smx(report) for queue, name, report
                             in zip(("", "high/", "low/"), names, reports)}
    assert relay.post(wire.ccm(wire.report(serial=4))).status == 200
    assert len(relay.files()) == 4
