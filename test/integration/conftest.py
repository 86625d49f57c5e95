"""Fixtures: `start(**settings)` starts a relay in a fresh directory, `relay` is one with the defaults; `start_statesys`
and `statesys` are the same of the state system, the latter on each database in turn."""
import itertools
import subprocess
import sys

import pytest

import keys
from mover import Dispatch
from postgres import Cluster
from proxies import Proxy
from relay import TOP, Relay, free_port
from server import Server
from statesys import Statesys

sys.path.append(str(TOP / "test/fault"))        # some stories run a campaign briefly


def serve(directory):
    relays, numbers = [], itertools.count()

    def start(**settings):
        settings.setdefault("root", str(directory / ("relay%d" % next(numbers))))
        root = settings.pop("root")
        relays.append(Relay(root, **settings))
        return relays[-1]

    return relays, start


@pytest.fixture
def start(tmp_path):
    relays, start = serve(tmp_path)
    yield start
    for relay in relays:
        if relay.process.returncode is None:        # not stopped or killed by the test itself
            relay.stop()


@pytest.fixture
def relay(start):
    return start()


@pytest.fixture
def start_watched(start):
    """As start, with an admin listener."""
    return lambda **settings: start(**{"admin_listen": "127.0.0.1:%d" % free_port(), **settings})


@pytest.fixture(scope="module")
def module_relay(tmp_path_factory):
    relays, start = serve(tmp_path_factory.mktemp("shared"))
    yield start(log_max_size="100M", unix=True)
    relays[0].stop()


@pytest.fixture
def shared_relay(module_relay):
    """One relay with the defaults for all tests of a file; a test that kills it fails alone."""
    if module_relay.process.poll() is not None:
        module_relay.start()
    return module_relay


@pytest.fixture(scope="module")
def proxied(module_relay, tmp_path_factory):
    """`proxied("nginx")` is that proxy before the file's shared relay, `proxied("haproxy", relay)` before another."""
    proxies = {}

    def proxied(name, relay=module_relay):
        key = name, relay.port
        if key not in proxies:
            proxies[key] = Proxy(name, relay, tmp_path_factory.mktemp(name))
        return proxies[key]

    yield proxied
    for proxy in proxies.values():
        proxy.stop()


@pytest.fixture(scope="session")
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """A fresh one, for start_statesys(database=database). None is that below the root, in SQLite."""
    if request.param == "sqlite":
        return None
    cluster = request.getfixturevalue("cluster")
    cluster.clear()
    return cluster.create()


@pytest.fixture
def start_statesys(tmp_path):
    started = []

    def start(**settings):
        settings.setdefault("root", tmp_path / "site")
        started.append(Statesys(**settings))
        return started[-1]

    yield start
    for statesys in started:
        if statesys.process.returncode is None:
            statesys.stop()


@pytest.fixture
def statesys(start_statesys, database):
    """One that has nothing to do."""
    statesys = start_statesys(database=database)
    statesys.wait_for_heartbeat()
    return statesys


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """Private keys of two clients."""
    place = tmp_path_factory.mktemp("keys")
    return keys.make(place / "one.pem"), keys.make(place / "other.pem")


@pytest.fixture
def boxes(tmp_path):
    """An outbox and an inbox, empty."""
    outbox, inbox = tmp_path / "out", tmp_path / "box"
    for place in outbox / "low", inbox / "high", inbox / "low":
        place.mkdir(parents=True)
    return outbox, inbox


@pytest.fixture
def dispatch(tmp_path, boxes):
    """`dispatch()` is a mover from the one to the other that keeps going, `dispatch(outbox, inbox)` between others."""
    started = []

    def dispatch(outbox=boxes[0], inbox=boxes[1], **settings):
        started.append(Dispatch(tmp_path / "mover", outbox, inbox, **settings))
        return started[-1]

    yield dispatch
    for mover in started:
        if mover.process.returncode is None:
            mover.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def say():
    """`say(judge)` is a server that answers as `judge` says."""
    servers = []

    def say(judge):
        servers.append(Server(judge))
        return servers[-1]

    yield say
    for server in servers:
        server.stop()
