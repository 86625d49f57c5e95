"""/livez, /readyz and /metrics say that the state system lives, whether it is ready and why not, and its figures."""
import json
import time
import urllib.error
import urllib.request

import pytest

import exposition
from relay import PATIENCE, wait_until
from reports import smx


def ask(statesys, path, method="GET"):
    request = urllib.request.Request("http://%s%s" % (statesys.settings["admin_listen"], path), method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def reasons(statesys):
    status, said = ask(statesys, "/readyz")
    page = json.loads(said)
    assert (status == 200) == page["ready"] == (not page["reasons"])
    return page["reasons"]


def test_one_that_works_lives_and_is_ready(statesys):
    assert ask(statesys, "/livez") == (200, "ok\n")
    assert reasons(statesys) == []
    assert ask(statesys, "/")[0] == 404 and ask(statesys, "/readyz", "POST")[0] == 405
    assert ask(statesys, "/metrics", "HEAD") == (200, "")


def test_what_was_loaded_shows_in_figures_that_prometheus_reads(start_statesys, database):
    statesys = start_statesys(database=database, half_written_age="0")
    statesys.wait_for_heartbeat()
    statesys.load(smx(1), smx(2), smx(5), b"no report")
    samples = exposition.parse(ask(statesys, "/metrics")[1])
    assert samples['statesys_files_total{result="loaded"}'] == 4           # the heartbeat's is one
    assert samples['statesys_messages_total{result="loaded"}'] == 4
    assert samples['statesys_clients{heard="hour"}'] == 2
    assert samples["statesys_missing_messages"] == 2 and samples["statesys_missing_ranges"] == 1
    assert samples["statesys_batch_files_count"] == samples["statesys_batch_duration_seconds_count"] > 0
    assert abs(samples["statesys_heartbeat_timestamp_seconds"] - time.time()) < 3600
    assert samples["statesys_database_up"] == 1


def test_a_database_that_goes_away_is_a_reason_until_it_is_back(start_statesys, cluster):
    statesys = start_statesys(database=cluster.create())
    assert reasons(statesys) == []
    cluster.stop()
    wait_until(lambda: "database" in "".join(reasons(statesys)), "a reason")
    assert ask(statesys, "/livez") == (200, "ok\n")
    cluster.start()
    wait_until(lambda: not reasons(statesys), "no reason")


@pytest.mark.parametrize("place", ["incoming/high", "process"])
def test_an_inbox_without_a_directory_is_a_reason(start_statesys, place):
    statesys = start_statesys(log_level="error")
    (statesys.inbox / place).rename(statesys.root / "away")
    assert str(statesys.inbox / place) in "".join(reasons(statesys))
    (statesys.root / "away").rename(statesys.inbox / place)
