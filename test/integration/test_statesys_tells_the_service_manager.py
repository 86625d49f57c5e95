"""The service manager hears when the state system is ready, reloading, alive and stopping, and may hand its socket in."""
import os
import socket
import urllib.request

import pytest

from relay import PATIENCE, free_port

# As systemd does it: the third descriptor, and the number of the process that it is for.
HAND_IN = """import os, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])"""


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        yield manager


def words(manager):
    return dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines())


def test_ready_reloading_ready_and_stopping(start_statesys, manager):
    statesys = start_statesys(environment={**os.environ, "NOTIFY_SOCKET": manager.getsockname()})
    ready = words(manager)
    assert ready["READY"] == "1" and str(statesys.inbox) in ready["STATUS"]
    statesys.process.send_signal(1)
    assert words(manager)["RELOADING"] == "1"
    assert words(manager) == {"READY": "1"}
    statesys.stop()
    assert words(manager) == {"STOPPING": "1"}


def test_the_watchdog_is_fed_while_it_lives(start_statesys, manager):
    start_statesys(environment={**os.environ, "NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "20000"})
    assert "READY" in words(manager)
    assert [words(manager) for _ in range(3)] == [{"WATCHDOG": "1"}] * 3


@pytest.mark.parametrize("address", ["", "127.0.0.1:0"])
def test_a_socket_that_is_handed_in_is_the_admin_listener(start_statesys, address):
    port = free_port()
    start_statesys(wrapper=["/usr/bin/python3", "-c", HAND_IN, str(port)], admin_listen=address)
    with urllib.request.urlopen("http://127.0.0.1:%d/livez" % port, timeout=PATIENCE) as answer:
        assert answer.read() == b"ok\n"
