"""mprelay --dispatch: what a relay keeps in an outbox comes to the inbox of another machine, whatever happens on the way."""
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

import cmtrace
import wire
from relay import BUILD, PATIENCE, Daemon, command_line, wait_until
from reports import CLIENT, message, report


class Dispatch(Daemon):
    def __init__(self, root, outbox, inbox, **settings):
        self.log_path = pathlib.Path(root) / "logs/mpfdm.log"
        super().__init__(self.line(root, outbox, inbox, dispatch_interval="10ms", **settings),
                         pathlib.Path(str(root) + ".stderr"))

    @staticmethod
    def line(root, outbox, inbox, **settings):
        return [str(BUILD / "mprelay"), "--dispatch",
                *command_line({"root": root, "outbox": outbox, "inbox": inbox, **settings})]

    def tells(self, word):
        return [r.text for r in cmtrace.parse(self.log_path.read_bytes())[0] if word in r.text]


def once(tmp_path, outbox, inbox, **settings):
    return subprocess.run(Dispatch.line(tmp_path / "mover", outbox, inbox, **settings), stderr=subprocess.PIPE,
                          timeout=PATIENCE, text=True, check=False)


@pytest.fixture
def places(tmp_path):
    outbox, inbox = tmp_path / "out", tmp_path / "box"
    for place in outbox / "low", inbox:
        place.mkdir(parents=True)
    return outbox, inbox


@pytest.fixture
def dispatch(tmp_path, places):
    started = []

    def dispatch(outbox=places[0], inbox=places[1], **settings):
        started.append(Dispatch(tmp_path / "mover", outbox, inbox, **settings))
        return started[-1]

    yield dispatch
    for one in started:
        if one.process.returncode is None:
            one.stop()


def files(place):
    return {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()}


def put(path, priority=None, text=None):
    path.write_bytes(wire.smx(text or wire.report(priority=priority)))
    return path.read_bytes()


def age(path):
    os.utime(path, (time.time() - 3600,) * 2)


def test_all_goes_where_its_priority_belongs_and_the_half_written_stays(tmp_path, places):
    outbox, inbox = places
    wanted = {"a.SMX": put(outbox / "a.SMX", 5), "high/b.smx": put(outbox / "b.smx", 0), "low/c d.SMW": put(outbox / "c d.SMW", 16),
              "low/fsp.smx": put(outbox / "low" / "fsp.smx", 0), "old.smx": put(outbox / "old.smx", text="half")}
    age(outbox / "old.smx")
    stays = {"half.smx": put(outbox / "half.smx", text=wire.report()[:-9]), ".x.smx": put(outbox / ".x.smx"),
             "x.txt": put(outbox / "x.txt")}
    assert once(tmp_path, outbox, inbox).returncode == 0
    assert files(inbox) == wanted and files(outbox) == stays
    texts = [r.text for r in cmtrace.parse((tmp_path / "mover/logs/mpfdm.log").read_bytes())[0]]
    assert "~Moving 1 *.SMX file(s) from %s/ to %s/high/." % (outbox, inbox) in texts
    assert "Moved file %s/c d.SMW to %s/low/c d.SMW" % (outbox, inbox) in texts
    assert sum(text.startswith("Moved file") for text in texts) == 5


def test_what_cannot_start_says_why(tmp_path, places):
    outbox, inbox = places
    put(outbox / "a.smx")
    for place, why in ((outbox, "must be apart"), (outbox / "low", "must be apart"), (tmp_path / "no", "cannot find the inbox")):
        run = once(tmp_path, outbox, place)
        assert run.returncode == 75 and why in run.stderr, run
    assert once(tmp_path, tmp_path / "no", inbox).returncode == 75
    assert files(outbox).keys() == {"a.smx"} and files(inbox) == {}


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


def test_a_full_inbox_and_one_that_is_away_heal_by_themselves(places, small_disk, dispatch):
    outbox, inbox = places[0], small_disk / "box"
    mover = dispatch(outbox, inbox)
    wait_until(lambda: mover.tells("cannot find the inbox"), "the complaint")
    ballast = small_disk / "ballast"
    with open(ballast, "wb", buffering=0) as filling:
        with pytest.raises(OSError):
            while filling.write(bytes(1 << 16)):
                pass
    inbox.mkdir()
    wanted = {"%d.smx" % n: put(outbox / ("%d.smx" % n), text=wire.report() + " " * 9999) for n in range(20)}
    wait_until(lambda: mover.tells("No space left"), "the complaint")
    ballast.unlink()
    wait_until(lambda: not files(outbox), "the files")
    assert files(inbox) == wanted
    wait_until(lambda: mover.tells("Dispatch:")[-1] == "Dispatch: files are moved again", "the good news")
    assert len(mover.tells("cannot find the inbox")) == 1            # once, however often it was tried


def test_kills_and_a_second_mover_lose_nothing(tmp_path, places, dispatch):
    outbox, inbox = places
    wanted, taken, random_ = {}, {}, random.Random(5)

    def take():
        for path in inbox.rglob("*.smx"):       # as the state system does: it counts the same content once
            content = path.read_bytes()
            assert taken.setdefault(content, path.name.split(".")[0]) == path.name.split(".")[0]
            path.unlink()

    beside = Dispatch(tmp_path / "beside", outbox, inbox)
    mover = dispatch()
    for number in range(int(os.environ.get("KILLS", 20))):
        for n in range(10):
            name = "%03d%d" % (number, n)
            wanted[put(tmp_path / "new", text=wire.report(serial=number * 10 + n + 1))] = name
            (tmp_path / "new").rename(outbox / (name + ".smx"))
        time.sleep(random_.random() / 50)
        (mover if number % 2 else beside).kill()
        take()
        (mover if number % 2 else beside).start()
    wait_until(lambda: not files(outbox), "the last")
    beside.stop()
    mover.stop()
    take()
    assert taken == wanted


def test_it_stops_at_once_and_reopens_its_log(dispatch, places):
    mover = dispatch()
    mover.log_path.rename(str(mover.log_path) + ".old")
    mover.process.send_signal(signal.SIGHUP)
    put(places[0] / "a.smx")
    wait_until(lambda: mover.log_path.exists() and mover.tells("Moved file"), "the new log")
    mover.stop()
