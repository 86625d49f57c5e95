"""smx status tells whether both daemons are well and why not; smx top tells it again and again."""
import contextlib
import json
import re
import socket
import subprocess
import threading

import pytest

import wire
from relay import BUILD, free_port


def smx(verb, relay_port, admin, root, *options):
    done = subprocess.run([BUILD / "smx", verb, "--root", root, "--url", admin, "--relay",
                           "127.0.0.1:%d" % relay_port, "--relay-admin", "", *options], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def site(start_watched, start_statesys, tmp_path):
    """status() of a relay and a state system on one root, where a report has come through."""
    relay, statesys = start_watched(root=str(tmp_path / "site")), start_statesys(root=tmp_path / "site")
    statesys.wait_for_heartbeat()
    assert relay.post(wire.plain(wire.report(messages=2))).status == 200
    statesys.wait_until_loaded()

    def site(verb="status", *options):
        return smx(verb, relay.port, statesys.admin, statesys.root, "--relay-admin", relay.admin, *options)
    site.relay, site.statesys = relay, statesys
    return site


def test_a_site_that_is_well_has_status_0_and_its_figures(site):
    site.statesys.wait_for_line("Processed 2 records with 0 invalid")
    status, said = site()
    assert status == 0 and said.endswith("healthy\n"), said
    for words in ("mprelay    ready\n", "reports  kept 1, repeated 0, refused 0, failed 0; 0 a minute\n", "kept as", "Message Records Processed/min 0", "Message File Records PreProcessed/min 0",
                  "heartbeat ", "backlog    high 0, normal 0, low 0", "missing    0 messages in 0 ranges"):
        assert words in said, said
    status, said = site("status", "--json")
    facts = json.loads(said)
    assert (status, facts["healthy"], facts["relay_ready"], facts["reasons"]) == (0, True, True, [])
    assert "kept as" in facts["relay_verdict"]
    assert facts["metrics"]["statesys_messages_total loaded"] == 3      # with the heartbeat


def test_who_does_not_answer_is_a_reason(site):
    site.statesys.stop()
    status, said = site()
    assert status == 1 and "NOT healthy" in said and "statesys does not answer" in said
    site.relay.stop()
    status, said = site("status", "--json")
    assert status == 1 and len(json.loads(said)["reasons"]) == 2
    assert "mprelay does not answer" in said


def test_the_reasons_of_the_state_system_are_shown(say, tmp_path):
    server = say(lambda bodies: (503, b'{"ready": false, "reasons": ["disk \\"inbox\\" full", "no \x1b[31mdatabase"]}'))
    status, said = smx("status", server.server_port, "http://127.0.0.1:%d" % server.server_port, tmp_path)
    assert status == 1 and 'statesys: disk "inbox" full\n  statesys: no ?[31mdatabase\n' in said, said


def test_a_relay_that_cannot_keep_reports_is_a_reason(site):
    site.statesys.stop()
    box = site.relay.box
    box.rename(box.with_name("away"))
    box.write_text("no directory")
    assert site.relay.post(wire.plain(wire.report())).status in (500, 503)
    status, said = site()
    assert status == 1 and "mprelay    not ready\n" in said and "\n  mprelay: reports cannot be kept: " in said, said
    assert json.loads(site("status", "--json")[1])["relay_ready"] is False


def test_a_relay_without_admin_listener_is_not_blamed(site):
    status, said = site("status", "--relay-admin", "127.0.0.1:%d" % free_port())
    assert status == 0 and said.startswith("mprelay    answers, but its admin listener does not\n"), said


def test_a_relay_that_takes_connections_to_its_admin_listener_but_does_not_answer_is_a_reason(site):
    """It hangs, or it cannot start and the service manager holds its sockets. Here without the five seconds of patience."""
    def take_and_close():
        with contextlib.suppress(OSError):
            while True:
                held.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as held:
        taker = threading.Thread(target=take_and_close)
        taker.start()
        status, said = site("status", "--relay-admin", "127.0.0.1:%d" % held.getsockname()[1])
        held.shutdown(socket.SHUT_RDWR)
        taker.join()
    assert status == 1 and said.startswith("mprelay    does not answer\n"), said
    assert "\n  mprelay does not answer: " in said, said


def test_a_relay_that_takes_reports_elsewhere_is_well(start_watched, start_statesys, tmp_path):
    relay = start_watched(root=str(tmp_path / "site"), listen="unix:%s" % (tmp_path / "socket"))
    statesys = start_statesys(root=tmp_path / "site")
    statesys.wait_for_heartbeat()
    where = "--root", statesys.root, "--url", statesys.admin, "--relay-admin", relay.admin
    done = subprocess.run([BUILD / "smx", "status", *where], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("mprelay    ready\n"), done.stdout
    done = subprocess.run([BUILD / "smx", "status", *where, "--relay", "127.0.0.1:%d" % relay.port],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "mprelay does not answer: " in done.stdout, done.stdout


def test_a_report_that_was_not_kept_is_a_reason(site):
    log = site.relay.log_path
    site.relay.stop()
    line, = (line for line in log.read_text().splitlines() if "Relay: Message" in line)
    log.write_text(line.replace('type="1"', 'type="3"').replace("kept as", "not kept, answered 507: x,") + "\r\n")
    site.relay.start()
    status, said = site()
    assert status == 1 and "the last report was not kept" in said, said


def test_a_report_that_was_not_kept_long_ago_is_no_reason_where_the_relay_is_ready(site):
    log = site.relay.log_path
    site.relay.stop()
    line, = (line for line in log.read_text().splitlines() if "Relay: Message" in line)
    line = re.sub('date="[^"]*"', 'date="01-31-2024"', line.replace('type="1"', 'type="3"'))
    log.write_text(line.replace("kept as", "not kept, answered 507: x,") + "\r\n")
    site.relay.start()
    status, said = site()
    assert status == 0 and "not kept, answered 507" in said, said
    status, said = site("status", "--relay-admin", "")
    assert status == 1 and "the last report was not kept" in said, said


def test_top_shows_as_many_looks_as_wanted(site):
    status, said = site("top", "-b", "-n", "2", "-d", "1")
    assert status == 0 and said.count("healthy") == 2 and said.startswith("time"), said


@pytest.mark.parametrize("verb, options, status", [
    ("status", ["--help"], 0), ("top", ["--help"], 0), ("status", ["-b"], 64), ("top", ["-n", "0"], 64),
    ("status", ["more"], 64), ("top", ["--json"], 64), ("status", ["--url", "ftp://x"], 64), ("status", ["--relay-admin", "ftp://x"], 64),
])
def test_how_it_is_used(tmp_path, verb, options, status):
    got, said = smx(verb, free_port(), "127.0.0.1:%d" % free_port(), tmp_path, *options)
    assert got == status, said
