"""mprelay --dispatch goes on where a disk was full or away, and whatever kills it; nothing is lost, half, or another's."""
import os
import random
import signal
import time

import pytest

import wire
from manager import Manager
from mover import Dispatch, files, once, put
from relay import wait_until


def test_a_full_inbox_and_one_that_is_away_heal_by_themselves(boxes, small_disk, dispatch):
    outbox, inbox = boxes[0], small_disk / "box"
    mover = dispatch(outbox, inbox)
    wait_until(lambda: mover.tells("cannot find the inbox"), "the complaint")
    ballast = small_disk / "ballast"
    for place in "high", "low":
        (small_disk / "away" / place).mkdir(parents=True)
    with open(ballast, "wb", buffering=0) as filling, pytest.raises(OSError):
        while filling.write(bytes(1 << 16)):
            pass
    (small_disk / "away").rename(inbox)
    wanted = {"%d.smx" % n: put(outbox / ("%d.smx" % n), text=wire.report() + " " * 9999) for n in range(20)}
    wait_until(lambda: mover.tells("No space left"), "the complaint")
    ballast.unlink()
    wait_until(lambda: not list(outbox.glob("*.smx")), "the files")
    assert files(inbox) == wanted
    wait_until(lambda: mover.tells("Dispatch:")[-1] == "Dispatch: files are moved again", "the good news")
    assert len(mover.tells("cannot find the inbox")) == 1            # once, however often it was tried


def test_a_full_outbox_is_emptied(boxes, small_disk, tmp_path):
    wanted = {"a.smx": put(small_disk / "a.smx")}
    with open(small_disk / "ballast", "wb", buffering=0) as filling, pytest.raises(OSError):
        while filling.write(bytes(1 << 10)):
            pass
    assert once(tmp_path / "mover", small_disk, boxes[1]).returncode == 0
    assert files(boxes[1]) == wanted and files(small_disk).keys() == {"ballast"}


def test_below_the_mount_point_of_an_inbox_that_is_away_nothing_is_put(boxes, dispatch, tmp_path):
    outbox, inbox = boxes
    mover = dispatch()
    inbox.rename(tmp_path / "away")
    inbox.mkdir()                                                    # what is there while no disk is
    wait_until(lambda: mover.tells("is its disk mounted?"), "the complaint")
    wanted = {"a.smx": put(outbox / "a.smx")}
    assert not any(inbox.iterdir())
    inbox.rmdir()
    (tmp_path / "away").rename(inbox)
    wait_until(lambda: files(outbox) == {}, "the file")
    assert files(inbox) == wanted


def test_files_that_stay_are_told_of_once(boxes, dispatch):
    outbox = boxes[0]
    for name in "x.smx", "y.smx":
        put(outbox / name)
        os.truncate(outbox / name, 4 << 20)
    mover = dispatch(max_request="1M", max_inflated="1M")
    for name in "a.smx", "b.smx", "c.smx":                           # several turns
        put(outbox / name)
        wait_until(lambda: files(outbox).keys() == {"x.smx", "y.smx"}, "the others")
    assert len(mover.tells("cannot be moved")) == 2


def test_kills_and_a_second_mover_lose_nothing(tmp_path, boxes, dispatch):
    outbox, inbox = boxes
    wanted, taken, random_ = {}, {}, random.Random(5)

    def take():
        for path in inbox.rglob("*.smx"):       # as the state system does: it counts the same content once
            content, name = path.read_bytes(), path.name.split(".")[0]
            assert taken.setdefault(content, name) == name
            path.unlink()

    movers = [dispatch(), Dispatch(tmp_path / "beside", outbox, inbox)]
    for number in range(int(os.environ.get("KILLS", 20))):
        for n in range(10):
            name = "%03d%d" % (number, n)
            wanted[put(outbox / (name + ".smx"), text=wire.report(serial=number * 10 + n + 1))] = name
        time.sleep(random_.random() / 50)
        movers[number % 2].kill()
        take()
        movers[number % 2].start()
    wait_until(lambda: not list(outbox.glob("*.smx")), "the last")     # what was under way is swept an hour later
    for mover in movers:
        mover.stop()
    take()
    assert taken == wanted


def test_the_service_manager_hears_how_it_is(boxes, dispatch, tmp_path):
    manager = Manager(tmp_path / "notify")
    mover = dispatch(environment=manager.environment)
    assert manager.words() == {"READY": "1", "STATUS": "Moving files from %s to %s" % boxes}
    boxes[1].rename(tmp_path / "away")
    away = "Files wait: cannot find the inbox '%s': No such file or directory" % boxes[1]
    wait_until(lambda: manager.words() == {"STATUS": away}, "the complaint")       # it may have gone between two steps
    assert not boxes[1].exists()
    (tmp_path / "away").rename(boxes[1])
    assert manager.words() == {"STATUS": "Moving files"}
    mover.stop()
    assert manager.words() == {"STOPPING": "1"}
    manager.close()


def test_it_stops_at_once_and_opens_its_log_anew(dispatch, boxes):
    mover = dispatch()
    mover.log_path.rename(str(mover.log_path) + ".old")
    mover.process.send_signal(signal.SIGHUP)
    put(boxes[0] / "a.smx")
    wait_until(lambda: mover.log_path.exists() and mover.tells("Moved file"), "the new log")
    mover.stop()
