"""SIGHUP reads SC_Component_Property again; while the database is away the old settings stay."""
import re

from reports import client, smx


def test_reload_takes_a_row_that_the_admin_has_changed(start_statesys, database):
    statesys = start_statesys(database=database)
    statesys.ask("UPDATE SC_Component_Property SET Value3 = 1 WHERE Name = 'Loader Threads'")
    assert statesys.reload() == "Settings reloaded"
    statesys.wait_for_line("terminated normally$")
    seen = len(statesys.lines())
    for n in range(32):
        statesys.put("%02d.smx" % n, smx(1, client=client(n)))
    statesys.wait_until_loaded()
    statesys.stop()
    assert set(re.findall("Thread #.", "\n".join(statesys.lines()[seen:]))) == {"Thread #0"}
    assert not statesys.said_lines("WARNING")


def test_reload_brings_a_row_back_that_is_gone(start_statesys):
    statesys = start_statesys()
    statesys.ask("DELETE FROM SC_Component_Property WHERE Name = 'Max Chunks Fetched'")
    assert statesys.reload() == "Settings reloaded"
    assert statesys.ask("SELECT Value3 FROM SC_Component_Property WHERE Name = 'Max Chunks Fetched'") == [(100,)]


def test_reload_while_the_database_is_away_changes_nothing(start_statesys, cluster):
    statesys = start_statesys(database=cluster.create())
    cluster.stop()
    assert statesys.reload().startswith("Settings not reloaded, the old ones stay: ")
    cluster.start()
    assert statesys.reload() == "Settings reloaded"
    statesys.load(smx(1))
    assert statesys.ask("SELECT COUNT(*) FROM SR_States WHERE TopicType = 500") == [(1,)]
