"""A file that the database refuses waits in retry/ and does not hold up others; after the last try it is put aside."""
import re

import wire
from reports import CLIENT, message, report, smx
from statesys import ALLOW, REFUSE, UNWANTED


def start_refusing(start_statesys, database, **settings):
    statesys = start_statesys(database=database, **settings)
    statesys.ask(REFUSE[statesys.database.kind])
    statesys.put("b.smx", wire.smx(report(message(2, state=UNWANTED))))
    for name, serial in (("a", 1), ("c", 3)):
        statesys.put(name + ".smx", smx(serial))
    return statesys


def test_refused_file_waits_and_is_loaded_later(start_statesys, database):
    statesys = start_refusing(start_statesys, database)
    statesys.wait_for_line("WARNING: database error while loading b.smx [(].+[)], retry 1 in 7200 seconds$")
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(1,), (3,)]
    waiting, = statesys.files("retry")
    assert re.fullmatch(r"retry/b[.]retry-1-.*[.]smx", waiting)

    statesys.ask(ALLOW[statesys.database.kind])
    (statesys.inbox / waiting).rename(statesys.inbox / "retry/b.smx")      # without its mark it is due
    statesys.put("d.smx", smx(4))
    statesys.wait_for_line("Client %s: messages 2 to 2 are no longer missing" % CLIENT)
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(1,), (2,), (3,), (4,)]
    assert statesys.ranges(CLIENT) == [] and statesys.files("retry", "corrupt") == []


def test_after_the_last_try_it_is_put_aside(start_statesys, database):
    statesys = start_refusing(start_statesys, database, retry_steps="1,1")
    statesys.wait_for_line("WARNING: database error while loading b.*[.]smx [(].+[)], retry 2 in 1 seconds$")
    statesys.wait_for_line("ERROR: file b.*[.]smx failed after 2 retries, moved to .*/corrupt$")
    statesys.wait_until_loaded()
    refused, = statesys.files("corrupt")
    assert (statesys.inbox / refused).read_bytes() == wire.smx(report(message(2, state=UNWANTED)))
    assert (statesys.inbox / (refused + ".why")).read_text().strip()
    assert statesys.files("retry") == [] and statesys.of(CLIENT, "SerialNumber", "SR_States") == [(1,), (3,)]
    assert statesys.ranges(CLIENT) == [(2, 2)]
