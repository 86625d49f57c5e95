"""What cannot be right is a sentence and a status at once, the same from --check-config: nobody finds a dead daemon."""
import subprocess

import pytest

from relay import BUILD, PATIENCE, command_line
from reports import smx


def run(settings, *more):
    settings = {"admin_listen": "127.0.0.1:0", **settings}      # the usual one may be somebody's
    done = subprocess.run([BUILD / "statesys", *command_line(settings), *more], capture_output=True, text=True,
                          timeout=PATIENCE)
    return done.returncode, done.stdout + done.stderr


def test_a_database_of_a_newer_version(start_statesys, database):
    statesys = start_statesys(database=database)
    statesys.load(smx(1))
    statesys.stop()
    statesys.ask("UPDATE SR_SchemaVersion SET Version = 4711")
    for more in ((), ("--check-config",)):
        status, said = run(statesys.settings, *more)
        assert status not in (0, None) and "version 4711" in said and "newer statesys" in said
    assert statesys.ask("SELECT Version FROM SR_SchemaVersion") == [(4711,)]
    assert statesys.ask("SELECT COUNT(*) FROM SR_States WHERE TopicType = 500") == [(1,)]


def test_a_root_that_can_only_be_read(tmp_path, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for more in ((), ("--check-config",)):
        status, said = run({"root": small_disk / "site"}, *more)
        assert status != 0 and str(small_disk) in said and "Read-only" in said


@pytest.mark.parametrize("change, words", [
    ({"site_code": "P1"}, ["site-code"]), ({"parent_site": "CAS"}, ["parent-inbox"]), ({"root": "/proc/x"}, ["/proc"]),
    ({"chunk_size": 1000}, ["chunk-size", "KB"]), ({"retry_steps": "1,x"}, ["retry-steps"]),
    ({"polling_interval": "1500ms"}, ["polling-interval"]), ({"database": "/proc/x/y.db"}, ["/proc/x"]),
    ({"database": "postgresql://u@h/db?what=1"}, ["URL"]), ({"loader_threads": 65}, ["loader-"]),
    ({"loader_treads": 1}, ["did you mean", "loader-threads"])])
def test_settings_that_cannot_be(tmp_path, change, words):
    status, said = run({"root": tmp_path / "site", **change}, "--check-config")
    assert status == 78 and not [word for word in words if word not in said], said


def test_sound_settings_start_nothing(tmp_path):
    assert run({"root": tmp_path / "site"}, "--check-config")[0] == 0
    assert not list((tmp_path / "site").rglob("*.smx"))


def test_a_parent_that_is_the_site_itself(tmp_path):
    """Else each file would be loaded and delivered for ever."""
    site, link = tmp_path / "site", tmp_path / "parent"
    assert run({"root": site, "parent_site": "CAS", "parent_inbox": tmp_path / "away"}, "--check-config")[0] == 0
    link.symlink_to(site / "inboxes/auth/statesys.box/incoming")
    for more in ((), ("--check-config",)):
        status, said = run({"root": site, "parent_site": "CAS", "parent_inbox": link}, *more)
        assert status == 78 and "parent-inbox leads into this site's own inbox" in said and str(link) in said, said
