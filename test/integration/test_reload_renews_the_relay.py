"""Also settings that decide which directories, threads and buffers there are take effect on reload: what is in hand ends
under the old ones, nobody is refused meanwhile, and what cannot be done changes nothing."""
import signal

import pytest

import admin
import cmtrace
import wire
from crowd import Crowd
from relay import free_port, wait_until

FRESH = """outbox = {root}/other/incoming
journal-dir = {root}/other/journal
journal-size = 64K
sync-method = fsync
unverified-prefix = N_
max-connections = 500
max-headers = 8K
trusted-proxy = 127.0.0.1
log-dir = {root}/other/logs
log-format = site
log-time = local
"""


def texts(path):
    return [record.text for record in cmtrace.parse(path.read_bytes())[0]] if path.exists() else []


class Reloading:
    def __init__(self, start, tmp_path, **settings):
        self.config = tmp_path / "mprelay.conf"
        self.config.write_text("")
        self.relay = start(config=str(self.config), log_max_size="100M", **settings)
        self.log = self.relay.log_path

    def reload(self, text, said):
        seen = len(texts(self.log))
        self.config.write_text(text)
        self.relay.process.send_signal(signal.SIGHUP)
        wait_until(lambda: [t for t in texts(self.log)[seen:] if said in t], "'%s' in the log" % said)


@pytest.fixture
def reloading(start, tmp_path):
    return Reloading(start, tmp_path)


def test_all_that_is_built_anew_takes_effect_under_load(reloading):
    relay = reloading.relay
    crowd = Crowd(relay.address)
    wait_until(lambda: crowd.kept() > 300 or crowd.failures, "reports")
    fresh = FRESH.format(root=relay.root)
    reloading.config.write_text(fresh)
    relay.process.send_signal(signal.SIGHUP)
    moved = relay.root / "other/logs/MP_Relay.log"
    wait_until(lambda: moved.exists() and b"Relay: settings reloaded  $$<" in moved.read_bytes(), "the log's new place")
    kept = crowd.kept()
    wait_until(lambda: crowd.kept() > kept + 300 or crowd.failures, "reports")
    statuses, failures = crowd.stop()
    assert failures == [] and set(statuses) == {200}
    relay.stop()
    others = list((relay.root / "other/incoming").glob("*.smx"))
    assert len(others) >= 300 - 64 and all(path.name.startswith("N_") for path in others)
    assert len(relay.files()) + len(others) == statuses[200]
    said = texts(reloading.log)
    names = [line.partition(" =")[0] for line in fresh.splitlines()]
    assert [n for n in names if not [t for t in said if t.startswith("Relay: setting %s changed from" % n)]] == []
    assert b"Relay: all that came under the old settings is answered  $$<" in moved.read_bytes()


def test_the_old_settings_hold_for_what_is_in_hand(reloading):
    relay = reloading.relay
    request = wire.ccm(wire.report(serial=1))
    with relay.connect() as connection:
        connection.send(request[:-1])
        reloading.reload("unverified-prefix = N_\n", "settings reloaded")
        assert relay.post(wire.ccm(wire.report(serial=2))).status == 200
        connection.send(request[-1:])
        answer = connection.answer()
        assert answer.status == 200 and answer.headers["connection"].lower() == "close"
    assert sorted(name[:2] == "N_" for name in relay.files()) == [False, True]


def test_the_operator_is_told_of_the_new_inbox(start, tmp_path):
    reloading = Reloading(start, tmp_path, admin_listen="127.0.0.1:%d" % free_port())
    relay = reloading.relay
    relay.post(wire.ccm(wire.report(serial=1)))
    reloading.reload("outbox = %s/other\n" % relay.root, "settings reloaded")
    for serial in (2, 3):
        relay.post(wire.ccm(wire.report(serial=serial)))
    assert admin.reasons(relay) == []
    page = admin.samples(relay)
    assert page['mprelay_reports_total{result="kept"}'] == 3
    assert page['mprelay_spool_files{queue="normal"}'] == 2
    (relay.root / "other").rename(relay.root / "gone")
    wait_until(lambda: any("/other" in reason for reason in admin.reasons(relay)), "the reason")


@pytest.mark.parametrize("line", ["outbox = /dev/null/box", "max-connections = 90000", "log-dir = /dev/null/logs",
                                  "outbox = {outside}", "log-dir = {outside}", "resync-dir = {outside}"])
def test_what_cannot_be_done_changes_nothing(start, tmp_path, tmp_path_factory, line):
    outside = tmp_path_factory.mktemp("outside")
    reloading = Reloading(start, tmp_path, root=tmp_path / "root", max_connections_per_address=7)
    reloading.relay.stop()
    reloading.relay.command = ["prlimit", "--nofile=4000:4000", *reloading.relay.command]
    reloading.relay.start()
    reloading.reload("unverified-prefix = N_\n" + line.format(outside=outside), "settings not reloaded")
    if "outside" in line:
        assert "in reach" in texts(reloading.log)[-1] and list(outside.iterdir()) == []
    assert reloading.relay.post(wire.ccm(wire.report())).status == 200
    assert [name[:2] for name in reloading.relay.files() if name.startswith("N_")] == []


def test_fewer_connections_and_smaller_heads(reloading):
    relay = reloading.relay
    head = b"X: " + b"x" * 4000 + b"\r\n"
    request = wire.plain(wire.report(), headers=[head[:-2].decode()])
    assert relay.post(request).status == 200
    reloading.reload("max-headers = 2K\nmax-connections = 2\n", "settings reloaded")
    assert relay.post(request).status == 431

    def two_are_too_many():
        with relay.connect() as first, relay.connect() as second:
            for connection in (first, second):
                connection.send(b"POST /ccm_system/request HTTP/1.1\r\n")
            return relay.post(wire.ccm(wire.report())).status == 503
    wait_until(two_are_too_many, "503")             # while one of before is not quite closed there is room for one more
