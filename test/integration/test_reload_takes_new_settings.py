"""SIGHUP reads the settings again; a file with a fault changes nothing and is said in the log."""
import signal

import wire
from relay import wait_until

BAD = wire.ccm("<Report/>")


def reload(relay, config, text, said):
    config.write_text(text)
    relay.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any(said in r.text for r in relay.log()), "'%s' in the log" % said)


def test_reload_takes_new_settings(start, tmp_path):
    config = tmp_path / "mprelay.conf"
    config.write_text("# nothing yet\n")
    relay = start(config=str(config))
    assert relay.post(BAD).status == 400

    reload(relay, config, "refuse-style = empty200\npriority-high-max = 5\n", "refuse-style")
    answer = relay.post(BAD)
    assert (answer.status, answer.body) == (200, b"")
    assert relay.post(wire.ccm(wire.report(priority=5))).status == 200
    name, = relay.files()
    assert name.startswith("high/")

    reload(relay, config, "refuse-style = status\nmax-requets = 1M\n", "max-requets")
    fault = [r for r in relay.log() if "max-requets" in r.text]
    assert fault[0].type == 3 and "%s:2" % config in fault[0].text and "max-request" in fault[0].text
    assert relay.post(BAD).status == 200


def test_what_needs_a_new_start_stays_and_is_said(start, tmp_path):
    config = tmp_path / "mprelay.conf"
    config.write_text("sandbox = yes\ntake-over = no\n")
    relay = start(config=str(config))
    reload(relay, config, "sandbox = no\ntake-over = yes\n", "sandbox is now 'no' in the file; it stays 'yes'")
    assert [r.type for r in relay.log() if "it stays" in r.text] == [2, 2]
    assert relay.post(wire.ccm(wire.report())).status == 200


def test_requests_in_hand_survive_a_reload(start, tmp_path):
    relay = start()
    request = wire.ccm(wire.report())
    with relay.connect() as connection:
        connection.send(request[:700])
        for _ in range(3):
            relay.process.send_signal(signal.SIGHUP)
            assert relay.post(wire.ccm(wire.report(serial=2))).status == 200
        connection.send(request[700:])
        assert connection.answer().status == 200
    assert len(relay.files()) == 4
