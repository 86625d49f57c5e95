"""A file that another program has not written to its end is left, and loaded once when it is whole (spec/smx.md 3)."""
from reports import CLIENT, smx


def test_a_half_written_file_is_left_and_then_loaded_once(start_statesys, database):
    statesys = start_statesys(database=database, half_written_age="1h")
    content = smx(1, 2, 3)
    with open(statesys.inbox / "incoming" / "half.smx", "wb", buffering=0) as half:
        half.write(content[:len(content) // 2])
        statesys.put("other.smx", smx(4))
        statesys.wait_for_line("Processing file: other.smx$")
        statesys.put("third.smx", smx(5))                   # another round has seen it
        statesys.wait_for_line("Processing file: third.smx$")
        half.write(content[len(content) // 2:])
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(n,) for n in range(1, 6)]
    assert statesys.of(CLIENT, "FileName, Records", "SR_ProcessedFiles") == [
        ("half.smx", 3), ("other.smx", 1), ("third.smx", 1)]
    assert statesys.files("corrupt") == []
