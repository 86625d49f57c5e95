"""A disk that fills up or is away, a database that another program holds: nothing is lost or put aside, and when the
trouble is over the state system goes on by itself."""
import contextlib
import signal

from images import fill
from reports import CLIENT, smx
from statesys import Sqlite

FILES = 20


def check_that_all_is_loaded(statesys, last):
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(n,) for n in range(1, last + 1)]
    assert statesys.of(CLIENT, "MessagesProcessed", "SR_ClientMessageStats") == [(last,)]
    assert statesys.files("corrupt", "retry") == [] and statesys.ranges(CLIENT) == []


def test_disk_of_the_database_is_full(start_statesys, small_disk):
    statesys = start_statesys(database=Sqlite(small_disk / "statesys.db"))
    statesys.load(smx(1))
    ballast = small_disk / "ballast"
    fill(ballast)
    for n in range(2, FILES + 1):
        statesys.put("%02d.smx" % n, smx(n))
    statesys.wait_for_line("full|No space left")
    assert statesys.files("corrupt", "retry") == []
    ballast.unlink()
    check_that_all_is_loaded(statesys, FILES)


def test_disk_of_the_database_is_away(start_statesys):
    """Where a database was, none is made anew: its disk may be mounted again, and what was loaded would be under it."""
    statesys = start_statesys()
    statesys.load(smx(1))
    place, away = statesys.root / "db", statesys.root / "away"
    place.rename(away)
    place.mkdir()
    for n in range(2, FILES + 1):
        statesys.put("%02d.smx" % n, smx(n))
    statesys.wait_for_line("unable to open")
    statesys.process.send_signal(signal.SIGHUP)
    statesys.wait_for_line("Settings not reloaded, the old ones stay: .*unable to open")
    assert not list(place.iterdir()) and statesys.files("corrupt", "retry") == []
    place.rmdir()
    away.rename(place)
    check_that_all_is_loaded(statesys, FILES)


LOCK = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN; LOCK TABLE SR_Clients IN EXCLUSIVE MODE"}


def test_another_program_holds_the_database_for_a_while(start_statesys, database):
    statesys = start_statesys(database=database, lock_timeout="1s")
    statesys.load(smx(1))
    with contextlib.closing(statesys.database.connect()) as other:
        other.execute(LOCK[statesys.database.kind])
        for n in range(2, FILES + 1):
            statesys.put("%02d.smx" % n, smx(n))
        statesys.wait_for_line("locked|lock timeout")
        assert statesys.files("corrupt", "retry") == []
    check_that_all_is_loaded(statesys, FILES)


def test_who_only_reads_sqlite_holds_up_nobody(start_statesys):
    statesys = start_statesys(lock_timeout="1s")
    with contextlib.closing(statesys.database.connect()) as other:
        other.execute("BEGIN")
        before = other.execute("SELECT COUNT(*) FROM SR_ProcessedFiles").fetchall()
        statesys.load(*(smx(n) for n in range(1, FILES + 1)))
        check_that_all_is_loaded(statesys, FILES)
        assert other.execute("SELECT COUNT(*) FROM SR_ProcessedFiles").fetchall() == before
    assert not statesys.said_lines("locked")
