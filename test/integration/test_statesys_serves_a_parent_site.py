"""Each loaded file is delivered to the parent's inbox as .SMW; while that is away it waits, and nothing is lost."""
import pytest

from relay import wait_until
from reports import CLIENT, smx


@pytest.fixture
def parent(tmp_path):
    parent = tmp_path / "parent"
    parent.mkdir()
    return parent


@pytest.fixture
def child(start_statesys, database, parent):
    return start_statesys(database=database, parent_site="CAS", parent_inbox=parent)


def delivered(parent):
    """What clients sent; the heartbeat goes up, too."""
    return {path.name: path.read_bytes() for path in parent.iterdir()
            if not path.name.startswith(".") and CLIENT.encode("utf-16-le") in path.read_bytes()}


def wait_until_all_is_up(child):
    wait_until(lambda: not child.files("outgoing", "process", "outgoing"), "the way to the parent")


def test_file_arrives_as_smw(child, parent):
    for name, serial in (("A.SMX", 1), ("b.smx", 2), ("c.SMW", 3)):
        child.put(name, smx(serial))
    child.wait_until_loaded()
    names = {name.upper(): content for name, content in delivered(parent).items()}
    assert names == {"A.SMW": smx(1), "B.SMW": smx(2), "C.SMW": smx(3)}
    child.wait_for_line("^CMessageProcessor - Detected parent site 'CAS'$")
    for name in delivered(parent):
        child.wait_for_line('^CMessageProcessor - Successfully replicated file "%s" to parent site CAS[.]$' % name)
    assert child.ask("SELECT ParentSiteCode FROM SMSData") == [("CAS",)]


def test_names_that_become_the_same(child, parent):
    """None takes the other's place, here or there."""
    child.stop()
    for name, serial in (("a.smx", 1), ("a.SMX", 2), ("a.smw", 3), ("A.SMW", 4)):
        child.put(name, smx(serial))
    child.start()
    child.wait_until_loaded()
    assert child.of(CLIENT, "SerialNumber", "SR_States") == [(1,), (2,), (3,), (4,)]
    wait_until_all_is_up(child)
    assert sorted(delivered(parent).values()) == [smx(n) for n in range(1, 5)]


def test_parent_away(child, parent):
    child.wait_for_heartbeat()
    parent.rename(parent.with_suffix(".away"))
    child.load(smx(1), smx(2))
    assert child.of(CLIENT, "SerialNumber", "SR_States") == [(1,), (2,)]
    assert sorted((child.inbox / name).read_bytes() for name in child.files("outgoing")) == [smx(1), smx(2)]
    parent.with_suffix(".away").rename(parent)
    wait_until_all_is_up(child)
    assert sorted(delivered(parent).values()) == [smx(1), smx(2)]


def test_what_waits_survives_a_new_start(child, parent, start_statesys):
    parent.rename(parent.with_suffix(".away"))
    child.load(smx(1))
    child.kill()
    parent.with_suffix(".away").rename(parent)
    child.start()
    wait_until_all_is_up(child)
    assert list(delivered(parent).values()) == [smx(1)]


def test_nothing_at_the_parent_is_written_over(child, parent):
    (parent / "a.SMW").write_bytes(smx(99))
    child.put("a.smx", smx(1))
    child.wait_until_loaded()
    wait_until_all_is_up(child)
    assert (parent / "a.SMW").read_bytes() == smx(99)
    assert sorted(delivered(parent).values()) == [smx(1), smx(99)]


def test_another_parent_waits_for_the_next_start(start_statesys, parent, tmp_path):
    config, other = tmp_path / "statesys.conf", tmp_path / "other"
    other.mkdir()
    config.write_text("parent-site = CAS\nparent-inbox = %s\n" % parent)
    child = start_statesys(config=config)
    config.write_text("parent-site = CAS\nparent-inbox = %s\n" % other)
    assert child.reload() == "Settings reloaded"
    child.load(smx(1))
    wait_until_all_is_up(child)
    assert list(delivered(parent).values()) == [smx(1)] and not list(other.iterdir())


def test_a_parent_that_is_the_site_itself_is_not_taken_on_reload(start_statesys, parent, tmp_path):
    config = tmp_path / "statesys.conf"
    config.write_text("parent-site = CAS\nparent-inbox = %s\n" % parent)
    child = start_statesys(config=config)
    parent.rmdir()
    parent.symlink_to(child.inbox / "incoming" / "high")
    said = child.reload()
    assert said.startswith("Settings not reloaded, the old ones stay: parent-inbox leads into this site's own inbox")
