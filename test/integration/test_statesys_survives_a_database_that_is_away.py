"""While the database cannot be reached nothing is moved; when it is back all is loaded without anybody's help."""
import contextlib
import pathlib
import signal

import pytest

from reports import CLIENT, smx

FILES = 30


def put_all(statesys, first):
    """Serial numbers that rise with the names, so that nothing is ever missing."""
    for n in range(first, first + FILES):
        statesys.put("%04d.smx" % n, smx(n))


def check_that_nothing_moved(statesys, first):
    waiting = {pathlib.Path(name).name for name in statesys.files()}
    assert {"%04d.smx" % n for n in range(first, first + FILES)} <= waiting
    assert statesys.files("corrupt", "retry") == []


def check_that_all_is_loaded(statesys, last):
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(n,) for n in range(1, last + 1)]
    assert statesys.of(CLIENT, "MessagesProcessed, HighSerialNumber, Restarts", "SR_ClientMessageStats") == [
        (last, last, 0)]
    assert statesys.ranges(CLIENT) == [] and statesys.files("corrupt", "retry") == []


@contextlib.contextmanager
def away(statesys, cluster, how):
    """PostgreSQL stopped, or SQLite's file locked by another program."""
    if statesys.database.kind == "postgresql":
        cluster.stop(how)
        yield
        cluster.start()
    else:
        with contextlib.closing(statesys.database.connect()) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield


def test_away_at_the_start(start_statesys, database, cluster):
    first = start_statesys(database=database)
    first.stop()
    with away(first, cluster, signal.SIGINT):
        statesys = start_statesys(database=database, wait=False, lock_timeout="1s")
        statesys.wait_for_line("The database cannot be reached, tried again in 1 seconds: ")
        put_all(statesys, 1)
        statesys.wait_for_line("The database cannot be reached, tried again in 1 seconds: ", 2)
        check_that_nothing_moved(statesys, 1)
    check_that_all_is_loaded(statesys, FILES)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_away_in_the_middle(start_statesys, database, cluster, how):
    statesys = start_statesys(database=database, lock_timeout="1s")
    put_all(statesys, 1)
    check_that_all_is_loaded(statesys, FILES)
    before = len(statesys.said_lines("ERROR|cannot be reached"))
    with away(statesys, cluster, how):
        put_all(statesys, FILES + 1)
        statesys.wait_for_line("ERROR|cannot be reached", before + 1)
        check_that_nothing_moved(statesys, FILES + 1)
    check_that_all_is_loaded(statesys, 2 * FILES)


def test_stopped_while_it_waits(start_statesys, cluster):
    """It ends at once, with status 0, and the files stay where they are."""
    database = cluster.create()
    cluster.stop()
    statesys = start_statesys(database=database, wait=False)
    statesys.wait_for_line("The database cannot be reached")
    put_all(statesys, 1)
    statesys.stop()
    check_that_nothing_moved(statesys, 1)
    assert not statesys.files("process")
    cluster.start()
