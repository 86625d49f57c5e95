"""/readyz turns red while reports cannot be made durable, says what to look at, and turns green by itself."""
import contextlib
import subprocess

import pytest

import admin
import images
import wire
from failing import Failing
from relay import wait_until

SLIM = {"min_free": 0, "journal_size": 0}


@contextlib.contextmanager
def filled(disk, pieces=100):
    with open(disk / "ballast", "wb", buffering=0) as ballast, contextlib.suppress(OSError):
        for _ in range(pieces):
            ballast.write(bytes(1 << 16))
    yield
    (disk / "ballast").unlink()


def half_filled(disk):
    return filled(disk, 32)


@contextlib.contextmanager
def read_only(disk):
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    yield
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)


@contextlib.contextmanager
def without_inodes(disk):
    subprocess.run(["mount", "-o", "remount,nr_inodes=100", disk], check=True)
    with contextlib.suppress(OSError):
        for number in range(100):
            (disk / str(number)).touch()
    yield
    for path in disk.glob("[0-9]*"):
        path.unlink()


def becomes_red(relay, *words):
    wait_until(lambda: all(word in " ".join(admin.reasons(relay)) for word in words), "the reason")
    assert admin.samples(relay)["mprelay_ready"] == 0 and admin.ask(relay, "/livez")[0] == 200


def becomes_green(relay):
    wait_until(lambda: not admin.reasons(relay), "green")
    assert admin.samples(relay)["mprelay_ready"] == 1
    assert relay.post(wire.ccm(wire.report())).status == 200


@pytest.mark.parametrize("fault, settings, words", [
    (filled, SLIM, "No space left"), (half_filled, {**SLIM, "min_free": "3M"}, "min-free is 3145728"),
    (read_only, SLIM, "mounted read-only"), (without_inodes, SLIM, "no inode is free")],
    ids=["full", "below-min-free", "read-only", "without-inodes"])
def test_a_disk_that_takes_nothing(start_watched, small_disk, fault, settings, words):
    relay = start_watched(outbox=small_disk / "box", **settings)
    assert admin.reasons(relay) == []
    with fault(small_disk):
        becomes_red(relay, words, str(small_disk / "box"))
    relay.box = small_disk / "box"
    becomes_green(relay)


def test_a_sync_that_fails(start_watched, tmp_path):
    failing = Failing(tmp_path / "failing")
    relay = start_watched(environment=failing.environment)
    failing.arm("fsync", "EIO", 1)
    assert "cannot sync" in admin.reasons(relay)[0] and str(relay.box) in admin.reasons(relay)[0]
    assert failing.disarm()
    becomes_green(relay)


def test_a_keeper_that_hangs(start_watched, tmp_path):
    with images.Image(tmp_path, "ext4", (), "defaults") as image:
        relay = start_watched(outbox=image.path / "box", **SLIM)
        subprocess.run(["fsfreeze", "--freeze", image.path], check=True)
        try:
            becomes_red(relay, "hangs", str(image.path))
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", image.path], check=True)
        becomes_green(relay)
        relay.stop()


def test_a_log_that_cannot_be_written(start_watched, small_disk):
    relay = start_watched(log_dir=small_disk / "logs")
    with filled(small_disk):
        for number in range(20):            # more than fits into what the file has already
            relay.post(wire.ccm(wire.report(serial=number)))
        becomes_red(relay, "cannot write the log", str(small_disk), "No space left")
    becomes_green(relay)
