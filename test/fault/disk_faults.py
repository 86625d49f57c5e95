#!/usr/bin/python3
"""Disks that fill up, break, turn read-only or go away under a loaded relay, and come back: answers stay honest,
nothing is lost, and the relay takes reports again by itself."""
import contextlib
import dataclasses
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import images
import load
import row
from relay import wait_until

HONEST = {200, 500, 503, 507}       # kept, or come again (wire.md 4.3)


# ---- faults: each is begun before its yield and ended after it ----

@contextlib.contextmanager
def full(scene):
    images.fill(scene.image.path / "ballast")
    yield
    (scene.image.path / "ballast").unlink()


@contextlib.contextmanager
def no_inodes(scene):
    folder = scene.image.path / "ballast"
    folder.mkdir()
    with contextlib.suppress(OSError):
        for number in range(1 << 20):
            (folder / str(number)).touch()
    yield
    shutil.rmtree(folder)


@contextlib.contextmanager
def quota(scene):
    """Room for a few reports more, and no more. The root is a subvolume, the first after the file system's own."""
    shown = images.run("btrfs", "qgroup", "show", "--raw", "--sync", scene.image.path)
    used = int(re.search(r"^0/256\s+(\d+)", shown, re.M).group(1))
    images.run("btrfs", "qgroup", "limit", used + (128 << 10), "0/256", scene.image.path)
    yield
    images.run("btrfs", "qgroup", "limit", "none", "0/256", scene.image.path)


@contextlib.contextmanager
def read_only(scene):
    """As ext4 does by itself when it finds itself damaged (errors=remount-ro)."""
    (scene.image.kernel_folder() / "trigger_fs_error").write_text("a test\n")
    yield
    scene.image.recover()


@contextlib.contextmanager
def shut_down(scene):
    scene.image.cut()
    yield
    scene.image.recover()


@contextlib.contextmanager
def taken_out(scene):
    """Shut down, unmounted although in use, and put in again."""
    scene.image.cut()
    subprocess.run(["umount", "--lazy", str(scene.image.path)], check=True)
    yield
    scene.image.wait_until_let_go()
    scene.image.mount()


@contextlib.contextmanager
def unmounted(scene):
    subprocess.run(["umount", "--lazy", str(scene.image.path)], check=True)
    yield
    scene.image.mount()


@contextlib.contextmanager
def writes_fail(scene):
    """A thin disk with no room behind it: what was written before can be written again, new blocks cannot. A loop
    device takes a write that was cut short for a whole one, so each is made no larger than a page."""
    pathlib.Path("/sys/block", pathlib.Path(scene.image.device).name, "queue/max_sectors_kb").write_text("4")
    images.run("fstrim", scene.image.path)
    images.fill(scene.folder / "thin/ballast")
    yield
    (scene.folder / "thin/ballast").unlink()
    try:
        (scene.image.path / "trial").touch()
        (scene.image.path / "trial").unlink()
    except OSError:
        scene.image.recover()           # ext4 has given itself up, because some of its own writes failed


def make_queues(box):
    for queue in (box, box / "high", box / "low"):
        queue.mkdir()


@contextlib.contextmanager
def inbox_removed(scene):
    """Renamed first, and removed when the relay has let go of it: until then it may put there what it has in hand."""
    away = scene.box.with_name("away")
    scene.box.rename(away)
    wait_until(lambda: not scene.has_open(away), "the end of the last use of the inbox")
    scene.book.take(away)
    shutil.rmtree(away)
    yield
    make_queues(scene.box)


@contextlib.contextmanager
def log_removed(scene):
    shutil.rmtree(scene.log_path.parent)
    yield
    scene.log_path.parent.mkdir()


# ---- the scene of one fault ----

@dataclasses.dataclass
class Fault:
    name: str
    act: object
    where: str = "root"                     # what lies on the disk that fails: a setting, or nothing
    file_system: str = "ext4"
    make: tuple = ()
    options: str = "defaults"
    settings: dict = dataclasses.field(default_factory=dict)
    stops: bool = True                      # reports are refused while it lasts
    clients: tuple = (3, 20)                # one of these; so many as 20 are kept in the journal


FAULTS = [
    Fault("disk full", full),
    Fault("disk full, xfs", full, file_system="xfs"),
    Fault("disk below min-free", full, settings={"min_free": "8M"}),
    Fault("quota exceeded", quota, file_system="btrfs"),
    Fault("out of inodes", no_inodes, make=("-N", "1024")),
    Fault("writes fail", writes_fail, make=("-b", "4096")),
    Fault("disk turns read-only", read_only, options="errors=remount-ro"),
    Fault("disk shut down", shut_down),
    Fault("disk shut down, xfs", shut_down, file_system="xfs"),
    Fault("disk taken out", taken_out),
    Fault("disk unmounted", unmounted),
    Fault("inbox removed", inbox_removed, where=""),
    Fault("inbox disk turns read-only", read_only, where="outbox", options="errors=remount-ro"),
    Fault("inbox disk shut down", shut_down, where="outbox"),
    Fault("journal disk full", full, where="journal_dir", stops=False, clients=(20,)),
    Fault("journal disk shut down", shut_down, where="journal_dir", stops=False, clients=(20,)),
    Fault("log disk full", full, where="log_dir", stops=False),
    Fault("log disk turns read-only", read_only, where="log_dir", options="errors=remount-ro", stops=False),
    Fault("log disk shut down", shut_down, where="log_dir", stops=False),
    Fault("log directory removed", log_removed, where="", stops=False),
]


class Scene:
    """A relay, some of it on a disk that may fail, and what its clients know."""
    def __init__(self, folder, fault, image):
        self.folder, self.fault, self.image, self.book = folder, fault, image, load.Book()
        settings = {"root": folder / "root", "min_free": 0, "journal_size": "1M", "log_max_size": "1G",
                    **fault.settings}
        if fault.where:
            settings[fault.where] = image.path / fault.where
        self.relay = images.Guest(folder, settings.pop("root"), **settings)
        self.box = self.relay.box = settings.get("outbox", self.relay.box)
        self.log_path = settings.get("log_dir", self.relay.root / "logs") / "MP_Relay.log"

    def has_open(self, folder):
        """Whether the relay has; the answer is of one moment only."""
        links = pathlib.Path("/proc/%d/fd" % self.relay.process.pid)
        with contextlib.suppress(FileNotFoundError):        # closed meanwhile: it is busy there
            return any(str(folder) in os.readlink(links / name) for name in os.listdir(links))
        return True

    def is_about_the_log(self):
        return self.fault.name.startswith("log")

    def refused(self):
        return self.book.answers.total() - self.book.answers[200]

    def wait_until_it_is_felt(self):
        refused, enough = self.refused(), self.book.answers.total() + 50
        wait_until(lambda: self.refused() > refused or
                   (not self.fault.stops and self.book.answers.total() > enough), "an answer under " + self.fault.name)

    def log_size(self):
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def seconds_until_it_is_over(self):
        ended, size = time.monotonic(), self.log_size()
        wait_until(lambda: self.book.last_kept > ended and (not self.is_about_the_log() or self.log_size() > size),
                   "the end of " + self.fault.name)
        return time.monotonic() - ended

    def suffer(self, chance):
        """The fault comes and goes once; returns how long it was felt afterwards."""
        with load.Load(self.relay, self.book, chance.choice(self.fault.clients)):
            kept = self.book.last_kept
            wait_until(lambda: self.book.last_kept > kept, "a report that is kept")
            time.sleep(chance.uniform(0, 0.2))
            with self.fault.act(self):
                self.wait_until_it_is_felt()
                time.sleep(chance.uniform(0, 0.3))
            seconds = self.seconds_until_it_is_over()
        wait_until(self.all_is_there, "the files of all that was acknowledged")
        return seconds

    def all_is_there(self):
        self.book.take(self.box)
        return not self.book.missing()

    def close(self, one):
        """Only what is on the disk counts, and after another start."""
        self.relay.stop()
        if self.image:
            self.image.recover()
        self.relay.start()
        self.relay.stop()
        self.book.reckon(self.relay, one)
        allowed = {200} if self.is_about_the_log() else HONEST
        one.wrong += ["answered %d %d times" % pair for pair in self.book.answers.items() if pair[0] not in allowed]
        if self.is_about_the_log():
            one.note = "%d lines of the log lost, and said" % self.lines_lost(one)

    def lines_lost(self, one):
        text = self.log_path.read_bytes()
        lost = sum(map(int, re.findall(rb"Log: (\d+) records were lost", text)))
        verdicts = text.count(b"Relay: Message")
        if self.fault.act is full and verdicts + lost < self.book.answers.total():
            one.wrong.append("%d answers, %d verdicts, %d lines said to be lost" % (
                self.book.answers.total(), verdicts, lost))
        return lost


@contextlib.contextmanager
def disk_of(fault, folder):
    """The file system that the fault needs, on a thin disk where its writes are to fail."""
    thin = folder / "thin"
    if not fault.where:
        yield None
        return
    thin.mkdir()
    if fault.act is writes_fail:
        images.run("mount", "-t", "tmpfs", "-o", "size=%dM" % (images.MEGABYTES["ext4"] + 4), "tmpfs", thin)
    try:
        with images.Image(thin, fault.file_system, fault.make, fault.options) as image:
            if fault.act is quota:
                images.run("btrfs", "quota", "enable", image.path)
                images.run("btrfs", "subvolume", "create", image.path / "root")
            yield image
    finally:
        if fault.act is writes_fail:
            images.run("umount", "--lazy", thin)


def run_one(fault, runs, seed):
    one, chance = row.Row(fault.name, runs, seed=seed), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, disk_of(fault, pathlib.Path(folder)) as image:
        scene = Scene(pathlib.Path(folder), fault, image)
        try:
            for _ in range(runs):
                one.heal_seconds = max(one.heal_seconds, round(scene.suffer(chance), 3))
            scene.close(one)
        except AssertionError as broken:
            one.wrong.append(str(broken))
            with contextlib.suppress(OSError):          # of a fault that could not be ended
                scene.book.reckon(scene.relay, one)
        finally:
            if scene.relay.process.returncode is None:
                scene.relay.kill()
    return one


def run(runs, seed, word="", program=None):
    images.Guest.program = program
    return [run_one(fault, runs, seed) for fault in FAULTS if word in fault.name]


def main():
    options = row.parser(__doc__.splitlines()[0], 20)
    options.add_argument("--only", default="", help="faults with this word in their names")
    options.add_argument("--program", help="another mprelay, such as a broken one")
    chosen = options.parse_args()
    return row.tell(run(chosen.runs, chosen.seed, chosen.only, chosen.program))


if __name__ == "__main__":
    sys.exit(main())
