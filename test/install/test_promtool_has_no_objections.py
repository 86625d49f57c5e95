"""Prometheus's own promtool: the pages of both programs and the rules of etc/alerts.yml are well formed, and each alarm
rises when it should, alone, and otherwise not."""
import subprocess

import pytest
import yaml

from relay import DATA, TOP, wait_until

PROMTOOL = TOP / "build/promtool"
ALERTS = TOP / "etc/alerts.yml"
CALM = {
    'mprelay_build_info{version="1"}': "1x300", "mprelay_ready": "1x300",
    'mprelay_reports_total{result="kept"}': "0+100x300", 'mprelay_reports_total{result="refused"}': "0+1x300",
    'mprelay_reports_total{result="failed"}': "0x300", "mprelay_log_lines_lost_total": "0x300",
    'mprelay_commit_duration_seconds_bucket{le="1"}': "0+10x300",
    'mprelay_commit_duration_seconds_bucket{le="10"}': "0+10x300",
    'mprelay_commit_duration_seconds_bucket{le="+Inf"}': "0+10x300",
    "mprelay_spool_free_bytes": "100000000000x300", "mprelay_spool_free_inodes": "1000000x300",
    'mprelay_spool_oldest_timestamp_seconds{queue="incoming"}': "0+60x300",
    "mprelay_connections": "10x300", "mprelay_connections_limit": "1024x300",
    "mprelay_config_last_reload_successful": "1x300",
    'statesys_build_info{version="1"}': "1x300", "statesys_database_up": "1x300",
    "statesys_heartbeat_timestamp_seconds": "0+60x300", "statesys_missing_messages": "5x300",
    'statesys_backlog_oldest_timestamp_seconds{queue="incoming"}': "0+60x300",
    'statesys_files_total{result="bad"}': "0x300", "statesys_log_lines_lost_total": "0x300",
}
STORMS = {
    "RelayGone": {'mprelay_build_info{version="1"}': None},
    "RelayNotReady": {"mprelay_ready": "0x300"},
    "RelayTurnsReportsAway": {'mprelay_reports_total{result="failed"}': "0+1x300"},
    "RelayRefusesReports": {'mprelay_reports_total{result="refused"}': "0+10x300"},
    "RelayDiskIsSlow": {'mprelay_commit_duration_seconds_bucket{le="1"}': "0+9x300"},
    "RelayDiskFillsUp": {"mprelay_spool_free_bytes": "100000000000-100000000x300"},
    "RelayRunsOutOfInodes": {"mprelay_spool_free_inodes": "99999x300"},
    "InboxIsNotEmptied": {'mprelay_spool_oldest_timestamp_seconds{queue="incoming"}': "0x300"},
    "RelayConnectionsUsedUp": {"mprelay_connections": "1000x300"},
    "RelaySettingsRefused": {"mprelay_config_last_reload_successful": "0x300"},
    "RelayLogLosesLines": {"mprelay_log_lines_lost_total": "0+1x300"},
    "StateSystemGone": {'statesys_build_info{version="1"}': None},
    "StateSystemWithoutDatabase": {"statesys_database_up": "0x300"},
    "StateSystemHeartbeatMissing": {"statesys_heartbeat_timestamp_seconds": "0x300"},
    "StateSystemBehind": {'statesys_backlog_oldest_timestamp_seconds{queue="incoming"}': "0x300"},
    "StateSystemBadFiles": {'statesys_files_total{result="bad"}': "0+1x300"},
    "StateMessagesMissing": {"statesys_missing_messages": "5+1x300"},
    "StateSystemLogLosesLines": {"statesys_log_lines_lost_total": "0+1x300"},
}
SLOW = "StateMessagesMissing"               # looks back for days, the others for hours at most


def promtool(*words, **options):
    done = subprocess.run([PROMTOOL, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout


def case(alert):
    """Of all rules just this one's alarm is up in the end, none where the alert is None."""
    series = {**CALM, **STORMS.get(alert, {})}
    if alert == SLOW:                       # a time that rises by an hour each hour is too steep to be written down
        series = {name: values for name, values in series.items() if "+60x" not in values}
    return {"name": str(alert), "interval": "1h" if alert == SLOW else "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items() if values],
            "promql_expr_test": [{
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": "4d" if alert == SLOW else "4h",
                "exp_samples": [{"labels": '{alertname="%s"}' % alert, "value": 1}] if alert else []}]}


def write(path, alerts, interval):
    path.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": interval,
                                    "tests": [case(alert) for alert in alerts]}))
    return path


def test_the_rules_are_well_formed():
    assert "SUCCESS: %d rules found" % len(STORMS) in promtool("check", "rules", ALERTS)


def test_each_alarm_rises_when_it_should_and_alone(tmp_path):
    rules = yaml.safe_load(ALERTS.read_text())
    assert {rule["alert"] for group in rules["groups"] for rule in group["rules"]} == set(STORMS)
    quick = [None] + [alert for alert in STORMS if alert != SLOW]
    promtool("test", "rules", write(tmp_path / "quick.yml", quick, "5m"), write(tmp_path / "slow.yml", [SLOW], "1h"))


@pytest.fixture(scope="module")
def pages(machine):
    machine.run("systemctl", "start", "mprelay.socket", "mprelay-admin.socket", "statesys.socket")
    machine.run("systemctl", "start", "mprelay", "statesys")
    for path in (DATA / "samples/reports/A-update-detection.xml", TOP / "LICENSE"):     # one to keep, one to refuse
        with open(path, "rb") as report:
            machine.run("curl", "--silent", "--data-binary", "@-", "--header", "Content-Type: text/xml",
                        "http://127.0.0.1:8080/ccm_system/request", stdin=report)
    wait_until(lambda: 'result="kept"} 1' in page(machine, 8081), "the report")
    return {"mprelay": page(machine, 8081), "statesys": page(machine, 8082)}


def page(machine, port):
    return machine.run("curl", "--silent", "--show-error", "http://127.0.0.1:%d/metrics" % port)


@pytest.mark.parametrize("program", ["mprelay", "statesys"])
def test_the_pages_are_well_formed(pages, program):
    assert promtool("check", "metrics", input=pages[program]) == ""
