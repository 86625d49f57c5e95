"""The service manager hears when the relay is ready, reloading, alive and stopping, each time with one sentence for
people; and a relay whose disk hangs ends all the same."""
import signal

import pytest

import admin
import wire
from failing import Failing
from manager import Manager, Sockets
from relay import PATIENCE, wait_until


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.close()


def test_ready_reloading_ready_and_stopping(start, manager, tmp_path):
    config = tmp_path / "mprelay.conf"
    config.write_text("")
    relay = start(environment=manager.environment, config=config, listen=["127.0.0.1:0", "127.0.0.1:0"])
    ready = "taking reports on 127.0.0.1:0 and 1 other addresses, keeping them in %s" % relay.box
    assert manager.words() == {"READY": "1", "STATUS": ready}
    for text, expected in (("max-requets = 1M", "settings of before"), ("unverified-prefix = N_", ready)):
        config.write_text(text)
        relay.process.send_signal(signal.SIGHUP)
        reloading = manager.words()
        assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) > 0
        words = manager.words()
        assert words["READY"] == "1" and expected in words["STATUS"]
    relay.stop()
    assert manager.words() == {"STOPPING": "1", "STATUS": "stopping, 0 connections are still open"}


def test_the_watchdog_is_fed_while_it_lives(start, manager):
    start(environment={**manager.environment, "WATCHDOG_USEC": "20000"})
    assert "READY" in manager.words()
    assert [manager.words() for _ in range(3)] == [{"WATCHDOG": "1"}] * 3


def test_the_socket_of_the_admin_listener_takes_no_reports(start, tmp_path):
    sockets = Sockets(["admin", "reports"])
    relay = start(wrapper=sockets.wrapper, pass_fds=sockets.pass_fds, admin_listen="127.0.0.1:1")
    relay.address = ("127.0.0.1", sockets.ports[1])
    relay.admin = "127.0.0.1:%d" % sockets.ports[0]
    assert admin.reasons(relay) == []
    assert relay.post(wire.ccm(wire.report())).status == 200
    wait_until(lambda: len([r for r in relay.log() if "taking reports on" in r.text]) == 1, "one address")
    relay.stop()
    sockets.close()


def test_a_disk_that_hangs_does_not_keep_it_from_ending(start, tmp_path):
    failing = Failing(tmp_path / "failing")
    relay = start(request_timeout="100ms", journal_size=0, sync_method="fsync", environment=failing.environment)
    failing.arm("fsync", "HANGS", 1)
    with relay.connect() as connection:
        connection.send(wire.ccm(wire.report()))
        wait_until(failing.has_failed, "a sync")
        relay.process.send_signal(signal.SIGTERM)
        assert relay.process.wait(PATIENCE) == 75
        assert connection.answer() is None
    assert "although a disk or a request still hung" in relay.log()[-1].text
    assert [name for name in relay.files() if name.endswith(".smx")] == []
