"""smx spool shows what lies where in the inbox, and puts back what could not be loaded."""
import pytest

from reports import client, smx as numbered
from smx_command import rows, run


@pytest.fixture
def site(start_statesys):
    """One file that is no report was rejected."""
    statesys = start_statesys(half_written_age="0")
    statesys.wait_for_heartbeat()
    statesys.put("BAD.smx", b"\xff\xfeno report\x00")
    statesys.wait_for_line("file BAD.smx cannot be loaded")
    statesys.wait_until_loaded()
    return statesys


def test_places_are_counted_and_reasons_told(site):
    site.stop()
    site.put("A.smx", b"12345")
    site.put("B.smx", b"123", "high")
    (site.inbox / "retry/C.retry-2-0-1700000000000000.smx").write_bytes(b"1")
    (site.inbox / "process/1/1/D.smx").write_bytes(b"1")
    told = rows(site, "spool", "ls")
    assert [(row["Place"], row["Files"], row["Bytes"]) for row in told if "Files" in row] == [
        ("incoming/high", 1, 3), ("incoming", 1, 5), ("incoming/low", 0, 0), ("retry", 1, 1), ("corrupt", 1, 12),
        ("process", 1, 1)]
    waits, bad = [row for row in told if "File" in row]
    assert (waits["File"], waits["Tries"], waits["Due"]) == (
        "C.retry-2-0-1700000000000000.smx", 2, "2023-11-14T22:13:20.000Z")
    assert (bad["File"], bad["Due"]) == ("BAD.smx", None) and "not well-formed" in bad["Reason"]
    assert "BAD.smx" in run(site, "spool", "ls")


def test_requeued_file_is_loaded(site):
    (site.inbox / "corrupt/BAD.smx").write_bytes(numbered(1, client=client(1)))     # mended by hand
    run(site, "spool", "requeue", "BAD.smx")
    site.wait_until_loaded()
    assert site.of(client(1), "SerialNumber", "SR_States") == [(1,)]
    assert list((site.inbox / "corrupt").iterdir()) == []


def test_all_are_requeued_at_once_and_nothing_is_overwritten(site):
    site.stop()
    site.put("BAD.smx", b"another")
    assert run(site, "spool", "requeue", "--all-corrupt").startswith("1 files")
    assert site.files("incoming") == ["incoming/BAD.1.smx", "incoming/BAD.smx"]
    (site.inbox / "retry/C.retry-2-0-9000000000000000.smx").write_bytes(b"1")
    assert run(site, "spool", "requeue", "--all-retry").startswith("1 files")
    assert (site.inbox / "incoming/high/C.retry-2.smx").exists()
    assert run(site, "spool", "requeue", "--all-retry").startswith("0 files")


def test_what_cannot_be_put_back_is_told(site):
    for words, status in [([], 64), (["mend"], 64), (["ls", "x"], 64), (["requeue"], 64),
                          (["requeue", "x.smx", "--all-retry"], 64), (["requeue", "NONE.smx"], 66),
                          (["requeue", "../incoming/x.smx"], 65), (["requeue", "BAD.smx.why"], 65)]:
        assert run(site, "spool", *words, status=status).startswith("smx: ")
