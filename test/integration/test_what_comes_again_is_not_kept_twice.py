"""duplicate-window: a CCM_POST that comes again byte for byte is answered as the first time, and kept once."""
import signal

import pytest

import admin
import wire
from relay import wait_until

ID = "{0E6D5B5C-6C0B-4A6E-9B57-2B4D1E8F7A02}"


@pytest.fixture
def relay(start_watched):
    return start_watched(duplicate_window="24h", journal_size=0)


def message(**changes):
    return wire.ccm(wire.report(), **changes)


def became(relay, request):
    """What the log says of it: kept, repeated; both are answered alike."""
    before = relay.files()
    answer = relay.post(request)
    verdict, = relay.next_verdicts()
    assert (answer.status, answer.body) == (200, wire.NOREPLY)
    assert len(relay.files()) - len(before) == (verdict["file"] is not None)
    return "repeated" if verdict["repeated"] else "kept"


def test_the_second_is_answered_as_the_first_and_counted(relay):
    assert [became(relay, message()) for _ in range(3)] == ["kept", "repeated", "repeated"]
    samples = admin.samples(relay)
    assert [samples['mprelay_reports_total{result="%s"}' % result] for result in ("kept", "repeated")] == [1, 2]


def test_the_smallest_difference_is_another_message(relay):
    others = [message(message_id=ID), message(source_id=True), wire.ccm(wire.report(serial=2)),
              wire.ccm(wire.report(), compress=False),
              wire.ccm(wire.report(), body_length=len(wire.report()) * 2)]          # without the NUL
    assert [became(relay, request) for request in (message(), *others)] == ["kept"] * 6
    assert [became(relay, request) for request in (message(), *others)] == ["repeated"] * 6


def test_without_an_id_and_in_the_plain_form_all_are_kept(relay):
    assert [became(relay, message(message_id=" ")) for _ in range(2)] == ["kept"] * 2
    for _ in range(2):
        assert relay.post(wire.plain(wire.report())).status == 200
    assert [bool(v["file"]) for v in relay.next_verdicts(2)] == [True] * 2


def test_what_was_refused_is_looked_at_again(start):
    relay = start(duplicate_window="24h", min_free="1000G")
    assert relay.post(message()).status == 507
    relay.stop()
    relay = start(root=str(relay.root), duplicate_window="24h")
    relay.seen = relay.log_path.stat().st_size
    bad = wire.ccm("<Report/>", property=["FileType=SMX"])
    assert [relay.post(bad).status for _ in range(2)] == [400, 400]
    relay.next_records(2)
    assert became(relay, message()) == "kept"


def test_it_is_known_over_a_reload_and_not_over_a_restart(start, tmp_path):
    config = tmp_path / "mprelay.conf"
    config.write_text("duplicate-window = 24h\nmax-headers = 16K\n")
    relay = start(config=str(config), duplicate_window=[])
    assert became(relay, message()) == "kept"

    def reload(text):
        before = relay.log_path.read_text().count("settings reloaded")
        config.write_text(text)
        relay.process.send_signal(signal.SIGHUP)
        wait_until(lambda: relay.log_path.read_text().count("settings reloaded") > before, "the reload")

    reload("duplicate-window = 12h\nmax-headers = 8K\n")            # the second makes all workers anew
    assert became(relay, message()) == "repeated"
    reload("duplicate-window = 0\n")
    assert [became(relay, message()) for _ in range(2)] == ["kept"] * 2
    relay.stop()
    relay.start()
    relay.seen = relay.log_path.stat().st_size
    assert became(relay, message()) == "kept"
