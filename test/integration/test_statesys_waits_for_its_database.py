"""At a start without its database the state system waits, says so, listens to its operator, and goes on by itself."""
import json
import signal
import urllib.error
import urllib.request

import pytest

from relay import PATIENCE
from reports import smx


@pytest.fixture
def waiting(start_statesys, cluster, tmp_path):
    database = cluster.create()
    cluster.stop()
    (tmp_path / "statesys.conf").write_text("log-files = yes\n")
    statesys = start_statesys(database=database, config=tmp_path / "statesys.conf", wait=False, database_retry="1s")
    statesys.wait_for_line("The database cannot be reached")
    return statesys


def test_it_says_that_it_is_not_ready_and_loads_later(waiting, cluster):
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen("http://%s/readyz" % waiting.settings["admin_listen"], timeout=PATIENCE)
    assert refusal.value.code == 503
    assert json.load(refusal.value)["reasons"] == ["the database cannot be reached: not since the start"]
    cluster.start()
    waiting.wait_for_line("successfully initialized")
    waiting.load(smx(1))
    assert waiting.ask("SELECT COUNT(*) FROM SR_States WHERE TopicType = 500") == [(1,)]


def test_it_reloads_its_settings_meanwhile(waiting, tmp_path):
    (tmp_path / "statesys.conf").write_text("log-files = no\n")
    waiting.process.send_signal(signal.SIGHUP)
    waiting.wait_for_line("Setting log-files changed from 'yes' to 'no'")
    (tmp_path / "statesys.conf").write_text("log-fils = no\n")
    waiting.process.send_signal(signal.SIGHUP)
    assert "did you mean" in waiting.wait_for_line("Settings not reloaded, the old ones stay")[0]


def test_it_stops_at_once(waiting):
    waiting.stop()
    assert not waiting.said_lines("successfully initialized")
