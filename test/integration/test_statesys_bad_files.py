"""What cannot be loaded lies in corrupt/ with its reason, nothing there is written over, and the rest is loaded."""
import os
import re

import wire
from relay import wait_until
from reports import CLIENT, message, report

GOOD = report(message(1))
BAD = {
    "cut off": GOOD[:-20], "empty": "", "no xml": "Lorem ipsum", "wrong root": "<Reports/>",
    "document type": GOOD.replace("<Report>", "<!DOCTYPE Report><Report>"), "no message": report(),
    "no client": GOOD.replace(CLIENT, ""), "client too long": GOOD.replace(CLIENT, "x" * 256),
    "only invalid": report(message(1, state="x"), message(2, kind="")),
    "number too high": report(message(1 << 63)),
}


def test_bad_files_are_put_aside_with_their_reason(start_statesys, database):
    statesys = start_statesys(database=database, half_written_age="0")
    for name, text in BAD.items():
        statesys.put(name + ".smx", wire.smx(text))
    statesys.put("good.smx", wire.smx(GOOD))
    statesys.wait_until_loaded()
    assert statesys.files("corrupt") == sorted("corrupt/%s.smx" % name for name in BAD)
    for name, text in BAD.items():
        assert (statesys.inbox / "corrupt" / (name + ".smx")).read_bytes() == wire.smx(text)
        why = (statesys.inbox / "corrupt" / (name + ".smx.why")).read_text("ascii")
        assert re.fullmatch(r".*\d\d:\d\d:\d\d.* \S+.*\n", why), why
        statesys.wait_for_line("ERROR: file %s.smx cannot be loaded [(].+[)], moved to .*/corrupt$" % name)
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(1,)]
    statesys.stop()
    ends = re.findall(r"message files in this batch, with (\d+) bad files[.]", "\n".join(statesys.lines()))
    assert sum(map(int, ends)) == len(BAD)


def test_nothing_in_corrupt_is_written_over(start_statesys):
    statesys = start_statesys(half_written_age="0")
    for n in range(3):
        statesys.load()
        statesys.put("same.smx", b"no report %d" % n)
        statesys.wait_for_line("ERROR: file same.smx cannot be loaded", n + 1)
        statesys.wait_until_loaded()
    for name, content in (("same", b"0"), ("same.1", b"1"), ("same.2", b"2")):
        assert (statesys.inbox / "corrupt" / (name + ".smx")).read_bytes() == b"no report " + content
        assert (statesys.inbox / "corrupt" / (name + ".smx.why")).exists()


def test_the_oldest_go_when_there_are_too_many(start_statesys):
    statesys = start_statesys(half_written_age="0", corrupt_max_files=2)
    for n in range(4):
        statesys.put("%d.smx" % n, b"no report")
        statesys.wait_for_line("ERROR: file %d.smx cannot be loaded" % n)
        os.utime(statesys.inbox / "corrupt" / ("%d.smx" % n), (n, n))
    wait_until(lambda: statesys.files("corrupt") == ["corrupt/2.smx", "corrupt/3.smx"], "only the youngest two")
    assert len(list((statesys.inbox / "corrupt").iterdir())) == 4


def test_a_bad_message_is_an_invalid_record_and_no_bad_file(statesys):
    bad = message(2).replace('<State ID="2"', '<State ID="two"')
    statesys.put("some.smx", wire.smx(report(message(1), bad, message(3))))
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(1,), (3,)]
    statesys.wait_for_line("WARNING: file some.smx, message 2: .+, record is invalid$")
    statesys.wait_for_line("Processed 3 records with 1 invalid records.$")
    assert statesys.of(CLIENT, "Records, InvalidRecords", "SR_ProcessedFiles") == [(3, 1)]
    assert statesys.files("corrupt") == []
