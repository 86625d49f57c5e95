"""Below min-free nothing is taken, and the client is told to come again."""
import json
import os

import cmtrace
import wire


def test_below_min_free_says_507(start, tmp_path):
    disk = os.statvfs(tmp_path)
    relay = start(min_free=min(disk.f_blocks * disk.f_frsize, 1 << 40), refuse_style="empty200")
    answer = relay.post(wire.ccm(wire.report()))
    assert (answer.status, answer.body) == (507, b"")
    assert answer.headers["connection"].lower() == "close"
    records = relay.next_records()
    assert cmtrace.verdict(records[-1])["failed"] == "507" and records[-1].type == 3
    answer = relay.post(wire.plain(wire.report()))
    assert answer.status == 507 and json.loads(answer.body)["status"] == 507
    assert str(relay.root).encode() not in answer.body
    assert relay.files() == {}
