#!/usr/bin/python3
"""Databases that stop, crash, throw everybody out, are locked, fill up, break or turn read-only while the state system
loads, and come back: nothing is lost, no file is called bad or put off for hours, and it loads on by itself."""
import contextlib
import os
import pathlib
import random
import signal
import sys
import tempfile
import time
import types

import disk_faults
import mailbag
import loading
import row
from disk_faults import Fault
from loader_kills import PACES
from postgres import Cluster, Connection
from relay import wait_until
from statesys import Sqlite

FELT = "ERROR: nothing can be loaded now"


# ---- faults: each is begun before its yield and ended after it ----

@contextlib.contextmanager
def stopped(stage):
    stage.cluster.stop()
    yield
    stage.cluster.start()


def processes_of(cluster):
    """The server and its children."""
    children = pathlib.Path("/proc/%d/task/%d/children" % (2 * (cluster.server.pid,)))
    return [cluster.server.pid, *map(int, children.read_text().split())]


def signal_all(cluster, number):
    for pid in processes_of(cluster):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@contextlib.contextmanager
def killed(stage):
    signal_all(stage.cluster, signal.SIGSTOP)       # or one would tell the others
    signal_all(stage.cluster, signal.SIGKILL)
    stage.cluster.server.wait()
    yield
    stage.cluster.start()


@contextlib.contextmanager
def thrown_out(stage):
    """Each connection that there is, again and again."""
    with Connection(stage.cluster.url()) as administrator:
        for _ in range(10):
            administrator.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            time.sleep(0.02)
    yield


@contextlib.contextmanager
def locked(stage):
    with contextlib.closing(stage.scene.loader.database.connect()) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def refuses_files(path):
    try:
        (path / "trial").touch()
    except OSError:
        return True
    (path / "trial").unlink()
    return False


@contextlib.contextmanager
def read_only(stage):
    with disk_faults.read_only(stage):
        wait_until(lambda: refuses_files(stage.image.path), "a disk that can only be read")
        yield


SERVER = (stopped, killed, thrown_out)
# In a quiet moment: of an fdatasync that is under way ext4 may say then that all is well, and it is not.
QUIET = (read_only, disk_faults.shut_down, disk_faults.taken_out)
FAULTS = [
    Fault("PostgreSQL stopped", stopped, where=""),
    Fault("PostgreSQL kill -9", killed, where=""),
    Fault("PostgreSQL ends all connections", thrown_out, where="", stops=False),
    Fault("SQLite locked by others", locked, where=""),
    Fault("SQLite's disk full", disk_faults.full),
    Fault("SQLite's writes fail", disk_faults.writes_fail, make=("-b", "4096")),
    Fault("SQLite's disk turns read-only", read_only, options="errors=remount-ro"),
    Fault("SQLite's disk shut down", disk_faults.shut_down),
    Fault("SQLite's disk taken out", disk_faults.taken_out),
]


# ---- the scene of one fault ----

def put_aside(scene):
    """Files for which the database got the blame of its own faults."""
    return [name for name in scene.loader.files("retry", "corrupt")
            if (scene.loader.inbox / name).read_bytes() not in scene.bag.bad]


def fault_seconds(fault):
    """A disk that went away is looked for once more before it is back: nothing may be made where it was."""
    return (1.2, 1.7) if fault.act in QUIET else (0, 0.5)


def suffer(fault, stage, chance, one, seconds):
    """The fault comes and goes once, while files come."""
    scene = stage.scene
    loader = scene.loader
    loader.start()
    loader.wait_for_line("total chucks loaded")
    scene.put_some(len(scene.waiting) // 2)
    time.sleep(chance.uniform(0, 0.2))
    if fault.act in QUIET:
        loader.wait_until_loaded()
    said = len(loader.said_lines(FELT))
    with fault.act(stage):
        if fault.stops:                         # one by one: it may be a moment until the disk is what it is to be
            wait_until(lambda: scene.put_some(1) or len(loader.said_lines(FELT)) > said, "an error under " + fault.name)
        time.sleep(seconds or chance.uniform(*fault_seconds(fault)))
    scene.finish(one)
    one.runs += 1


def settings_of(fault, folder, image, cluster, chance):
    settings = {**chance.choice(PACES), "lock_timeout": "1s", "beside": folder}
    if fault.act in SERVER:
        settings["database"] = cluster.create()
    elif image:
        for path in image.path.glob("statesys.db*"):
            path.unlink()
        settings["database"] = Sqlite(image.path / "statesys.db")
    return settings


def run_one(fault, runs, seed, cluster, seconds=0):
    name = fault.name + (" for %d s" % seconds if seconds else "")
    one, chance, files = row.LoaderRow(name, 0, seed=seed), random.Random(seed), mailbag.Mailbag(seed)
    with tempfile.TemporaryDirectory() as place, disk_faults.disk_of(fault, pathlib.Path(place)) as image:
        folder = pathlib.Path(place)
        expected = loading.undisturbed(folder, files)
        while one.runs < runs and not one.failed():
            settings = settings_of(fault, folder, image, cluster, chance)
            with loading.scene(one, folder / "root", files, **settings) as scene:
                suffer(fault, types.SimpleNamespace(scene=scene, image=image, folder=folder, cluster=cluster), chance,
                       one, seconds)
                one.wrong += ["put aside: " + path for path in put_aside(scene)]
                scene.check(one, expected)
    return one


def main():
    options = row.parser(__doc__.splitlines()[0], 10)
    options.add_argument("--only", default="", help="faults with this word in their names")
    options.add_argument("--seconds", type=int, default=0, help="how long each lasts; else a moment")
    chosen, cluster = options.parse_args(), Cluster()
    try:
        return max(row.tell([run_one(fault, chosen.runs, chosen.seed, cluster, chosen.seconds)])
                   for fault in FAULTS if chosen.only in fault.name)
    finally:
        cluster.remove()


if __name__ == "__main__":
    sys.exit(main())
