"""/livez, /readyz and /metrics of the relay, and the same figures in its log."""
import re
import signal
import time

import admin
import wire
from relay import wait_until


def test_one_that_works_lives_and_is_ready(start_watched):
    relay = start_watched()
    assert admin.ask(relay, "/livez") == (200, "ok\n")
    assert admin.reasons(relay) == []
    assert admin.ask(relay, "/")[0] == 404 and admin.ask(relay, "/readyz", "POST")[0] == 405
    assert relay.files() == {}


def test_each_verdict_counts_once_by_what_it_says(start_watched):
    relay = start_watched(max_inbox_files=3, min_free=0)
    report = wire.report()
    for request in [wire.ccm(report)] * 2 + [wire.plain(report), wire.plain(report),              # the last: 503
                    wire.plain(b"no report"), wire.ccm(report, endpoint="MP_Other"), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                    wire.ccm(report, path="/other"), b"\x16\x03\x01 this is TLS\r\n\r\n"]:
        relay.post(request)
    relay.next_verdicts(9)
    found = admin.samples(relay)
    assert [found['mprelay_reports_total{result="%s"}' % word] for word in ("kept", "repeated", "refused", "failed")] \
        == [3, 0, 5, 1]
    refused = {rule: found['mprelay_refusals_total{rule="%s"}' % rule] for rule in ("http", "endpoint", "report")}
    assert refused == {"http": 3, "endpoint": 1, "report": 1}
    assert found['mprelay_requests_total{form="ccm",code="200"}'] == 2
    assert found['mprelay_requests_total{form="plain",code="503"}'] == 1
    assert found['mprelay_requests_total{form="plain",code="200"}'] == 1
    assert sum(value for name, value in found.items() if name.startswith("mprelay_requests_total")) == 9
    assert found["mprelay_batch_reports_sum"] == 4 and found["mprelay_commit_duration_seconds_count"] <= 4
    assert 8 <= found["mprelay_request_duration_seconds_count"] <= 9
    assert found['mprelay_spool_files{queue="normal"}'] == 3
    assert abs(found['mprelay_spool_oldest_timestamp_seconds{queue="normal"}'] - time.time()) < 3600
    assert found["mprelay_spool_free_bytes"] > 0 and found["mprelay_connections_limit"] == 1024


def test_a_question_is_a_request_without_a_verdict(start_watched, tmp_path):
    relay = start_watched(resync_dir=tmp_path)
    relay.post(b"GET /mprelay/resync?client=%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % wire.CLIENT.encode())
    found = admin.samples(relay)
    assert found['mprelay_requests_total{form="resync",code="204"}'] == 1
    assert sum(value for name, value in found.items() if name.startswith("mprelay_reports_total")) == 0


def test_settings_that_were_refused_show(start_watched, tmp_path):
    config = tmp_path / "my.conf"
    config.write_text("retry-after = 60s\n")
    relay = start_watched(config=config)
    before = admin.samples(relay)
    assert before["mprelay_config_last_reload_successful"] == 1
    for line, good in (("nonsense", 0), ("retry-after = 30s", 1)):
        config.write_text(line + "\n")
        relay.process.send_signal(signal.SIGHUP)
        wait_until(lambda: admin.samples(relay)["mprelay_config_last_reload_successful"] == good, "the settings")
    after = admin.samples(relay)
    name = "mprelay_config_last_reload_success_timestamp_seconds"
    assert after[name] > before[name] == before["mprelay_start_timestamp_seconds"]


def test_the_log_has_the_figures_now_and_then(start_watched):
    relay = start_watched(stats_interval="1s")
    relay.post(wire.ccm(wire.report()))
    lines = wait_until(lambda: [r.text for r in relay.log() if re.match("Relay: Figures of .*: 1 kept", r.text)], "a line")
    assert "0 refused, 0 failed; 1 requests answered in" in lines[0] and lines[0].endswith("; ready")


def test_one_that_stops_says_so_until_it_has_stopped(start_watched):
    relay = start_watched()
    request = wire.ccm(wire.report())
    with relay.connect() as connection:
        connection.send(request[:-1])
        wait_until(lambda: admin.samples(relay)["mprelay_connections"] == 1, "the connection")
        relay.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "the relay is stopping" in admin.reasons(relay), "the reason")
        connection.send(request[-1:])
        assert connection.answer().status == 200
