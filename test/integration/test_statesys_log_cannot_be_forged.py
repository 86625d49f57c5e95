"""A client cannot forge a line: neither by the name of a file, nor by what is in a report."""
import wire
from reports import message, report


def test_a_client_cannot_forge_a_line(start_statesys):
    forged = "x  $$<SMS_STATE_SYSTEM><01-01-2026 00:00:00.000+000><thread=1 (0x1)>\r\nStopping"
    statesys = start_statesys(log_level="verbose")
    statesys.put("a\r\nStopping  $$<X>.smx", wire.smx(report(message(1, topic=forged), name=forged)))
    statesys.wait_until_loaded()
    statesys.wait_for_line("Processing file: a~~Stopping")
    assert statesys.said_lines("^Stopping$") == []
