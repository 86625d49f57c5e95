"""MP_Relay.log goes over to MP_Relay.lo_ at its size; SIGHUP opens it anew for a rotation from outside."""
import signal

import cmtrace
import wire
from relay import wait_until


def verdicts(path):
    records, used = cmtrace.parse(path.read_bytes())
    assert used == path.stat().st_size
    return [v["id"] for v in map(cmtrace.verdict, records) if v]


def post(relay, first, last):
    for n in range(first, last):
        assert relay.post(wire.ccm(wire.report(serial=n), message_id="{%d}" % n)).status == 200


def test_log_goes_over_to_the_old_file_at_its_size(start):
    relay = start(log_max_size=10000)
    post(relay, 0, 30)
    relay.stop()
    old = relay.log_path.with_name("MP_Relay.lo_")
    assert {p.name for p in relay.log_path.parent.iterdir()} == {"MP_Relay.log", "MP_Relay.lo_"}
    assert old.stat().st_size <= 12000 and relay.log_path.stat().st_size <= 12000
    seen = verdicts(old) + verdicts(relay.log_path)
    assert seen == ["{%d}" % n for n in range(30 - len(seen), 30)] and len(seen) > 6


def test_older_files_are_kept_with_more_history(start):
    relay = start(log_max_size=10000, log_max_history=3)
    post(relay, 0, 60)
    relay.stop()
    names = sorted(p.name for p in relay.log_path.parent.iterdir())
    assert len(names) <= 4 and {"MP_Relay.log", "MP_Relay.lo_"} <= set(names)
    assert all(n.startswith("MP_Relay-") and n.endswith(".log") for n in names[:-2])


def test_a_rotation_from_outside_loses_nothing(start):
    relay = start(log_max_size="100M")
    moved = relay.log_path.with_name("moved.log")
    post(relay, 0, 10)
    relay.next_records(10)
    relay.log_path.rename(moved)
    relay.process.send_signal(signal.SIGHUP)
    wait_until(relay.log_path.exists, "a new log")
    post(relay, 10, 20)
    relay.stop()
    assert verdicts(moved) + verdicts(relay.log_path) == ["{%d}" % n for n in range(20)]
    assert relay.log_path.stat().st_mode & 0o777 == 0o640
