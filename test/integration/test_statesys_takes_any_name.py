"""A file counts if its name ends in .smx or .smw and does not begin with a dot: all else about a name is data."""
import os

from reports import CLIENT, smx

TAKEN = [b"YCE2H3VD.SMX", b"N_6RB4OA3A.SMX", b"___CMUhxpzo31n.Smx", b"mdlbp169.SMW", b"msg00002.smw", b"a b  c .smx",
         "Stra\u00dfe \u65e5\u672c.smx".encode(), b"\xff\xfe\x80 no text.smx", b"line\nbreak.smx",
         b"'; DROP TABLE x; --.smx", b"%s%n.smx", b"x" * 251 + b".smx", b"a.smx.smx"]
LEFT = [".hidden.smx", "YCE2H3VD.txt", "smx", "a.smx.part", "a.smx1"]


def test_names(statesys):
    for name in LEFT:
        (statesys.inbox / "incoming" / name).write_bytes(smx(1000))
    (statesys.inbox / "incoming" / "directory.smx").mkdir()
    for serial, name in enumerate(TAKEN, 1):
        statesys.put(name, smx(serial), queue=("high", "normal", "low")[serial % 3])
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(n,) for n in range(1, len(TAKEN) + 1)]
    assert statesys.ranges(CLIENT) == []
    names = {name for name, in statesys.of(CLIENT, "FileName", "SR_ProcessedFiles")}
    assert {os.fsdecode(name) for name in TAKEN if name.isascii()} < names and len(names) == len(TAKEN)
    assert sorted(entry.name for entry in os.scandir(statesys.inbox / "incoming")
                  if entry.name not in ("high", "low")) == sorted([*LEFT, "directory.smx"])
    assert statesys.files("corrupt", "retry") == []
