"""A file is put aside with its reason whatever it is called, however large it is, and as soon as there is room."""
import os

import wire
from images import fill
from relay import wait_until
from reports import CLIENT, message, report, smx
from statesys import ALLOW, REFUSE, UNWANTED, Sqlite

LONGEST = "x" * 251 + ".smx"


def test_the_longest_name_can_be_bad_and_can_be_tried_again(start_statesys):
    statesys = start_statesys(half_written_age="0")
    statesys.put(LONGEST, b"no report")
    statesys.wait_until_loaded()
    bad, = statesys.files("corrupt")
    assert (statesys.inbox / bad).read_bytes() == b"no report" and len(os.listdir(statesys.inbox / "corrupt")) == 2
    statesys.ask(REFUSE["sqlite"])
    statesys.put(LONGEST, wire.smx(report(message(1, state=UNWANTED))))
    statesys.wait_until_loaded()
    refused, = statesys.files("retry")
    statesys.ask(ALLOW["sqlite"])
    (statesys.inbox / refused).rename(statesys.inbox / "retry" / LONGEST)
    wait_until(lambda: statesys.of(CLIENT, "SerialNumber", "SR_States") == [(1,)], "the row")
    statesys.wait_until_loaded()
    assert statesys.files("retry") == []


def test_a_bad_file_waits_for_room_for_its_reason(start_statesys, small_disk, tmp_path):
    statesys = start_statesys(root=small_disk / "site", database=Sqlite(tmp_path / "statesys.db"),
                              log_dir=tmp_path / "logs", half_written_age="0")
    statesys.wait_for_heartbeat()
    waiting = {"bad.smx": b"no report", "good.smx": smx(1)}
    for name, content in waiting.items():
        (statesys.inbox / name).write_bytes(content)
    fill(small_disk / "ballast")
    for name in waiting:
        (statesys.inbox / name).rename(statesys.inbox / "incoming" / name)
    statesys.wait_for_line("bad.smx cannot be moved .*No space left")
    wait_until(lambda: statesys.of(CLIENT, "SerialNumber", "SR_States") == [(1,)], "the good one")
    assert statesys.files("corrupt") == []
    (small_disk / "ballast").unlink()
    statesys.wait_until_loaded()
    assert statesys.files("corrupt") == ["corrupt/bad.smx"] and (statesys.inbox / "corrupt/bad.smx.why").read_text()


def test_a_file_that_is_too_large(start_statesys):
    statesys = start_statesys(max_file="64K", half_written_age="0")
    statesys.put("large.smx", smx(1) + bytes(65536))
    statesys.put("z.smx", smx(2))
    statesys.wait_until_loaded()
    assert statesys.files("corrupt") == ["corrupt/large.smx"]
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(2,)]
