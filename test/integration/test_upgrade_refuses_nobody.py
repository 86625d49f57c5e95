"""A new relay takes the place of an old one under load: 64 clients go on, none is refused, each is answered 200, and what
was answered is there."""
import contextlib
import os
import socket

import admin
import wire
from crowd import Crowd
from failing import Failing
from manager import Sockets, hand_in
from relay import PATIENCE, Relay, free_port, wait_until

EACH = 300                              # reports before, between and after the upgrades


def go_on(crowd):
    kept = crowd.kept()
    wait_until(lambda: crowd.kept() >= kept + EACH or crowd.failures, "%d reports" % EACH)


@contextlib.contextmanager
def crowd_of(address, last):
    """The crowd; when its block ends all is compared with what lies in the inbox of the last relay."""
    crowd = Crowd(address)
    go_on(crowd)
    yield crowd
    statuses, failures = crowd.stop()
    last().stop()
    assert failures == [] and set(statuses) == {200}
    files = last().files()
    assert len(set(files.values())) == len(files) == statuses[200]


def said(relay, words):
    return [record for record in relay.log() if words in record.text]


def test_the_next_relay_takes_over_the_addresses(start, tmp_path):
    path = tmp_path / "mp.sock"
    port = free_port()
    relays = [start(root=tmp_path / "root", log_max_size="100M", take_over="yes",
                    listen=["127.0.0.1:%d" % port, "unix:%s" % path], admin_listen="127.0.0.1:%d" % free_port())]
    relays[0].address = ("127.0.0.1", port)
    with crowd_of(relays[0].address, lambda: relays[-1]) as crowd:
        for number in range(1, 4):
            relays.append(Relay.beside(relays[-1]))
            assert relays[-2].process.wait(PATIENCE) == 0
            wait_until(lambda: len(said(relays[-1], "working with the journal from now on")) == number, "the journal")
            assert path.is_socket() and admin.reasons(relays[-1]) == []
            go_on(crowd)
    assert not path.exists()
    assert len(said(relays[-1], "another relay has taken this one's place")) == 3


def test_one_that_cannot_start_leaves_the_place_to_the_other(start, tmp_path):
    relay = start(root=tmp_path / "root", log_max_size="100M")
    with crowd_of(relay.address, lambda: relay) as crowd:
        for wrong in (["--listen", "192.0.2.1:1"], ["--outbox", "/dev/null/box"], ["--max-connections", "100000000"]):
            failing = Relay.beside(relay, "--take-over", "yes", *wrong, starts=False)
            assert failing.process.wait(PATIENCE) == 78
        go_on(crowd)
        assert relay.process.poll() is None


def test_one_that_gets_no_thread_leaves_the_names_of_its_sockets(start, tmp_path):
    path = tmp_path / "mp.sock"
    relay = start(root=tmp_path / "root", listen="unix:%s" % path, take_over="yes")
    relay.address = str(path)
    failing = Failing(tmp_path / "failing")
    relay.environment = failing.environment
    for number in range(1, 1000):
        failing.arm("pthread_create", "EAGAIN", number)
        other = Relay.beside(relay, starts=False)
        wait_until(lambda: b": ready" in other.said.read_bytes() or other.process.poll() is not None, "an end")
        if other.process.poll() is None:            # no thread of ours was refused: perhaps one of a sanitizer
            assert relay.process.wait(PATIENCE) == 0
            relay = other
            if not failing.disarm():
                break
        else:
            assert other.process.returncode == 78
        assert relay.post(wire.plain(wire.report())).status == 200
    assert number > 5
    assert relay.post(wire.plain(wire.report())).status == 200
    relay.stop()


class Successor:
    """Plays the next relay up to where it has the sockets and is not ready."""
    def __init__(self, relay):
        place = relay.root.stat()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.connect("\0mprelay-%x-%x" % (place.st_dev, place.st_ino))
        names, self.fds, _, _ = socket.recv_fds(self.sock, 65536, 100)
        self.names = names.decode().split("\n")

    def close(self):
        self.sock.close()
        for fd in self.fds:
            os.close(fd)


def test_one_that_ends_too_early_leaves_the_names_of_its_sockets(start, tmp_path):
    path = tmp_path / "mp.sock"
    relay = start(root=tmp_path / "root", listen="unix:%s" % path)
    successor = Successor(relay)
    relay.stop()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        given = socket.socket(fileno=successor.fds.pop(successor.names.index("unix:%s" % path)))
        given.settimeout(PATIENCE)
        given.accept()[0].close()
    given.close()
    successor.close()


def test_the_service_manager_keeps_the_socket(start, tmp_path):
    """Stopped, and only then started anew, as `systemctl restart` does."""
    sockets = Sockets(["mprelay.socket"])
    relay = start(root=tmp_path / "root", log_max_size="100M", wrapper=sockets.wrapper, pass_fds=sockets.pass_fds)
    wait_until(lambda: said(relay, "taking reports on 127.0.0.1:%d" % sockets.ports[0]), "the address")
    with crowd_of(("127.0.0.1", sockets.ports[0]), lambda: relay) as crowd:
        for _ in range(3):
            relay.stop()
            relay.start()
            go_on(crowd)
    sockets.close()


def test_what_is_no_listening_socket_is_refused(start, tmp_path):
    reading, writing = os.pipe()
    relay = start(root=tmp_path / "root")
    relay.stop()
    relay.command = [*hand_in([reading], ["something"]), *relay.command]
    relay.pass_fds = [reading]
    relay.launch()
    assert relay.process.wait(PATIENCE) == 78 and b"no socket that listens" in relay.said.read_bytes()
    os.close(reading)
    os.close(writing)
