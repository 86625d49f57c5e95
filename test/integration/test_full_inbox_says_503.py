"""With max-inbox-files reached nothing more is taken; when the state system has emptied the inbox, it is."""
import pytest

import cmtrace
import wire


@pytest.mark.parametrize("form", [wire.ccm, wire.plain])
@pytest.mark.parametrize("style", ["status", "empty200"])
def test_full_inbox_says_503(start, form, style):
    relay = start(max_inbox_files=3, refuse_style=style)
    assert [relay.post(form(wire.report(serial=n))).status for n in range(3)] == [200] * 3
    relay.next_records(3)
    answer = relay.post(form(wire.report(serial=4)))
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    records = relay.next_records()
    assert cmtrace.verdict(records[-1])["failed"] == "503" and records[-1].type == 3
    assert records[-2].text == "Inv-Relay: Task failed"
    assert len(relay.files()) == 3
    relay.stop()
    for path in relay.files():
        (relay.box / path).unlink()
    relay.start()
    assert relay.post(form(wire.report(serial=4))).status == 200


def test_files_of_all_queues_count_from_the_start(start, tmp_path):
    box = tmp_path / "r/inboxes/auth/statesys.box/incoming"
    for queue in ("", "high", "low"):
        (box / queue).mkdir(parents=True, exist_ok=True)
        (box / queue / "msg00002.SMX").write_bytes(b"another writer's")
    relay = start(root=str(tmp_path / "r"), max_inbox_files=3)
    assert relay.post(wire.ccm(wire.report())).status == 503
    assert len(relay.files()) == 3
