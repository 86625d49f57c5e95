"""trust-dir: a key counts from the moment when its file is there; with trust-first-use the relay puts files there."""
import contextlib
import os
import pathlib
import signal

import pytest

import keys
import wire
from keys import KNOWN, UNKNOWN, message, said
from relay import wait_until


def test_keys_come_change_and_go_without_a_restart(start, pairs):
    relay = start(signature_policy="require")
    signed, by_other = (message(KNOWN, sign=pair) for pair in pairs)
    assert said(relay, signed) == (403, "policy")
    place = keys.put(relay, KNOWN, keys.public(pairs[0]))
    assert [said(relay, signed), said(relay, by_other)] == [(200, "signed"), (403, "signature")]
    keys.put(relay, KNOWN, keys.certificate(pairs[1]))
    assert [said(relay, signed), said(relay, by_other)] == [(403, "signature"), (200, "signed")]
    place.unlink()
    assert said(relay, by_other) == (403, "policy")


def test_many_at_once_get_the_same_verdict(start, pairs):
    relay = start()
    keys.put(relay, KNOWN, keys.public(pairs[0]))
    requests = [wire.ccm(wire.report(), keep=True, sign=pair) for pair in pairs]
    connections = [relay.connect() for _ in range(16)]
    for _ in range(3):
        for number, connection in enumerate(connections):
            connection.send(requests[number % 2])
        for number, connection in enumerate(connections):
            assert connection.answer().status == (403 if number % 2 else 200)
            if number % 2:                              # a refusal ends its connection
                connection.sock.close()
                connections[number] = relay.connect()
    for connection in connections:
        connection.sock.close()


def test_the_key_of_the_first_good_message_is_kept_and_counts(start, pairs):
    relay = start(signature_policy="require", trust_first_use="yes")
    kept = relay.root / "trust" / (UNKNOWN[5:] + ".pem")
    assert said(relay, message(UNKNOWN, sign=pairs[0], lean_auth=True)) == (403, "policy")      # brings no key
    assert said(relay, message(UNKNOWN, sign=pairs[0], of=KNOWN)) == (403, "binding")
    assert not kept.exists()
    assert said(relay, message(UNKNOWN, sign=pairs[0])) == (200, "signed")
    assert kept.read_bytes() == keys.public(pairs[0])
    assert said(relay, message(UNKNOWN, sign=pairs[1])) == (403, "signature")
    assert said(relay, message(UNKNOWN, sign=pairs[0], lean_auth=True)) == (200, "signed")
    assert kept.read_bytes() == keys.public(pairs[0])
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_nobody_fills_the_disk_with_keys(start, pairs):
    relay = start(trust_first_use="yes", max_trusted_keys=2, signature_policy="require")
    clients = ["GUID:00000000-0000-0000-0000-0000000000%02d" % number for number in range(5)]
    assert [said(relay, message(client, sign=pairs[0])) for client in clients] == [(200, "signed")] * 2 + [(403, "policy")] * 3
    assert len(list((relay.root / "trust").iterdir())) == 2
    assert said(relay, message(clients[1], sign=pairs[0])) == (200, "signed")


def test_where_no_more_keys_are_added_reports_are_taken_with_an_unknown_one(start, pairs):
    relay = start(trust_first_use="yes", max_trusted_keys=1)
    assert said(relay, message(KNOWN, sign=pairs[0])) == (200, "signed")
    assert said(relay, message(UNKNOWN, sign=pairs[0])) == (200, "unknown key")


def test_what_cannot_be_read_is_our_failure_and_no_open_door(start, pairs):
    relay = start()
    place = keys.put(relay, KNOWN, b"")
    for request in message(KNOWN), message(KNOWN, sign=pairs[0]), wire.plain(wire.report()):
        assert relay.post(request).status == 500
    place.unlink()
    place.parent.rename(relay.root / "away")
    assert relay.post(message(UNKNOWN)).status == 500
    assert all(v["failed"] == "500" and "trust" in v["failure"] for v in relay.next_verdicts(4))
    (relay.root / "away").rename(place.parent)
    assert said(relay, message(UNKNOWN)) == (200, "unsigned")


def test_with_the_directory_of_keys_away_the_disk_of_the_inbox_is_let_go(start):
    """It may have been unmounted lazily: no report would reach the spool to notice, and nobody could mend the disk."""
    relay = start(journal_size=0)
    assert said(relay, message(UNKNOWN)) == (200, "unsigned")
    links = pathlib.Path("/proc/%d/fd" % relay.process.pid)

    def holds_the_inbox():
        with contextlib.suppress(FileNotFoundError):        # closed meanwhile
            return any(os.readlink(link).startswith(str(relay.box)) for link in links.iterdir())
        return True
    assert holds_the_inbox()
    (relay.root / "trust").rename(relay.root / "away")
    assert relay.post(message(UNKNOWN)).status == 500
    wait_until(lambda: not holds_the_inbox(), "the inbox to be let go")
    (relay.root / "away").rename(relay.root / "trust")
    assert relay.post(message(UNKNOWN)).status == 200


@pytest.mark.parametrize("after, words", [
    ("signature-policy = require\n", "setting signature-policy changed from 'verify' to 'require'"),
    ("signature-policy = require\ntrust-dir = /dev/null/x\n", "settings not reloaded"),
])
def test_a_reload_takes_the_policy_if_its_keys_can_be_read(start, tmp_path, after, words):
    config = tmp_path / "mprelay.conf"
    config.write_text("signature-policy = verify\n")
    relay = start(config=str(config))
    assert said(relay, message(UNKNOWN)) == (200, "unsigned")
    config.write_text(after)
    relay.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any(words in r.text for r in relay.log()), words)
    assert relay.post(message(UNKNOWN)).status == (200 if "not reloaded" in words else 403)


@pytest.mark.parametrize("before, after", [("", "trust-dir = {outside}\n"),
                                           ("signature-policy = off\ntrust-dir = {outside}\n", "trust-dir = {outside}\n"),
                                           ("trust-dir = {outside}\n", "trust-dir = {outside}\ntrust-first-use = yes\n")])
def test_a_reload_does_not_take_keys_that_the_sandbox_has_put_out_of_reach(start, tmp_path, tmp_path_factory, before, after):
    outside = tmp_path_factory.mktemp("outside")
    config = tmp_path / "mprelay.conf"
    config.write_text(before.format(outside=outside))
    relay = start(root=tmp_path / "root", config=str(config))
    config.write_text(after.format(outside=outside))
    relay.process.send_signal(signal.SIGHUP)
    told = wait_until(lambda: [r.text for r in relay.log() if "reloaded" in r.text], "the end of the reload")
    assert "settings not reloaded" in told[0] and "trust-dir" in told[0] and "in reach" in told[0]
    assert list(outside.iterdir()) == []
