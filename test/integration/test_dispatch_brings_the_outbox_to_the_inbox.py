"""mprelay --dispatch: what a relay keeps in an outbox comes to the inbox of another machine, where its Priority wants it."""
import os
import shutil
import subprocess
import time

import wire
from mover import files, line, once, put, texts
from relay import wait_until
from reports import CLIENT, message, report


def test_all_goes_where_its_priority_belongs_and_the_half_written_stays(tmp_path, boxes):
    outbox, inbox = boxes
    wanted = {"a.SMX": put(outbox / "a.SMX", 5), "high/b.smx": put(outbox / "b.smx", 0),
              "low/c d.SMW": put(outbox / "c d.SMW", 16), "low/fsp.smx": put(outbox / "low" / "fsp.smx", 0),
              "old.smx": put(outbox / "old.smx", text="half")}
    wanted["ahead.smx"] = put(outbox / "ahead.smx", text="of a machine whose clock is wrong")
    os.utime(outbox / "old.smx", (time.time() - 3600,) * 2)
    os.utime(outbox / "ahead.smx", (time.time() + 3600,) * 2)
    stays = {"half.smx": put(outbox / "half.smx", text=wire.report()[:-9]), ".x.smx": put(outbox / ".x.smx"),
             "x.txt": put(outbox / "x.txt")}
    assert once(tmp_path / "mover", outbox, inbox).returncode == 0
    assert files(inbox) == wanted and files(outbox) == stays
    said = texts(tmp_path / "mover/logs/mpfdm.log")
    assert "~Moving 1 *.SMX file(s) from %s/ to %s/high/." % (outbox, inbox) in said
    assert "Moved file %s/c d.SMW to %s/low/c d.SMW" % (outbox, inbox) in said
    assert sum(text.startswith("Moved file") for text in said) == 6


def test_windows_paths_are_written_on_demand(tmp_path, boxes):
    put(boxes[0] / "a.SMX")
    assert once(tmp_path / "mover", *boxes, log_windows_paths="yes").returncode == 0
    paths = tuple(str(box).replace("/", "\\") for box in boxes)
    assert "Moved file %s\\a.SMX to %s\\a.SMX" % paths in texts(tmp_path / "mover/logs/mpfdm.log")


def test_what_cannot_be_moved_is_told_by_status_and_word(tmp_path, boxes):
    outbox, inbox = boxes
    put(outbox / "a.smx")
    for place, why in ((outbox, "must be apart"), (outbox / "low", "must be apart"),
                       (tmp_path / "no", "cannot find the inbox")):
        run = once(tmp_path / "mover", outbox, place)
        assert run.returncode == 75 and why in run.stderr, run
    assert once(tmp_path / "mover", tmp_path / "no", inbox).returncode == 75
    for place in (outbox, outbox / "low", inbox / "high"):          # anybody could bring reports in anybody's name
        place.chmod(0o777)
        run = once(tmp_path / "mover", outbox, inbox)
        assert run.returncode == 75 and "others may write to the directory '%s'" % place in run.stderr, run
        place.chmod(0o755)
    (outbox / "a.smx").rename(outbox / "low/a.smx")
    (inbox / "low").rmdir()
    (inbox / "low").symlink_to(tmp_path / "no")                   # the disk that it leads to is not mounted
    run = once(tmp_path / "mover", outbox, inbox)
    assert run.returncode == 75 and "cannot find the inbox's '%s/low'" % inbox in run.stderr, run
    assert files(outbox).keys() == {"low/a.smx"} and files(inbox) == {}


def test_one_that_is_too_large_stays_and_holds_nobody_up(tmp_path, boxes):
    put(boxes[0] / "a.smx")
    put(boxes[0] / "b.smx")
    os.truncate(boxes[0] / "a.smx", 4 << 20)
    os.utime(boxes[0] / "a.smx", (time.time() - 3600,) * 2)
    run = once(tmp_path / "mover", *boxes, max_request="512K", max_inflated="1M")      # no relay keeps more
    assert run.returncode == 75 and "1 files could not be moved" in run.stderr
    assert files(boxes[0]).keys() == {"a.smx"} and files(boxes[1]).keys() == {"b.smx"}
    assert any("'a.smx' cannot be moved, it stays: " in text and "max-inflated" in text
               for text in texts(tmp_path / "mover/logs/mpfdm.log"))
    assert once(tmp_path / "mover", *boxes, max_request="512K", max_inflated="2M").returncode == 0
    assert files(boxes[0]) == {}


def test_the_check_of_the_settings_is_honest(tmp_path, boxes):
    command = line(tmp_path / "mover", *boxes) + ["--check-config"]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
    shutil.rmtree(boxes[1])
    run = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 78 and "cannot find the inbox '%s'" % boxes[1] in run.stderr


def test_reports_of_a_remote_relay_become_rows(start, statesys, tmp_path, dispatch):
    outbox = tmp_path / "StateMsg.box"
    relay = start(outbox=outbox)
    relay.box = outbox
    mover = dispatch(outbox, statesys.root / "inboxes/auth/statesys.box/incoming")
    for serial, priority in enumerate([0, 5, 10, 5], 1):
        assert relay.post(wire.ccm(report(message(serial), priority=priority))).status == 200
    wait_until(lambda: relay.files() == {}, "the mover")
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "SerialNumber, StateID", "SR_States") == [(n, 2) for n in range(1, 5)]
    mover.stop()
