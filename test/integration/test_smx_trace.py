"""smx trace follows one message from the relay's log to its row, and says what nobody knows."""
import os
import re
import subprocess

import pytest

import wire
from crowd import Crowd
from failing import Failing
from relay import BUILD, wait_until
from reports import CLIENT, client, message, report, smx as numbered
from smx_command import run, smx


def test_trace_leads_from_the_verdict_to_the_row(start, start_statesys, database):
    statesys = start_statesys(database=database)
    relay = start(root=str(statesys.root))
    assert relay.post(wire.ccm(report(message(1), message(3)))).status == 200
    statesys.wait_until_loaded()
    relay.stop()
    statesys.stop()
    said = run(statesys, "trace", CLIENT + ":3")
    assert "Ledger: loaded" in said and "topic 3" in said and "Update is required" in said
    assert "kept as " in said and "Processing file: " in said
    assert said.index("kept as ") > said.index("File: ")
    missing = run(statesys, "trace", "CLIENT1:2")
    assert "Ledger: missing; numbers 1 to 3 are known, this one is missed since 20" in missing and "none" in missing


def test_trace_of_what_was_replaced_or_is_not_there(statesys):
    statesys.load(numbered(1, client=client(1)), wire.smx(report(message(2, "topic 1", state=3), client=client(1))))
    said = run(statesys, "trace", client(1), "1")
    assert "Ledger: loaded" in said and "a later one of the same topic has replaced it" in said
    said = run(statesys, "trace", client(1), "9")
    assert "Ledger: not loaded yet; numbers 1 to 2" in said and "in none of the 0 files" in said


def test_trace_finds_what_waits(start_statesys):
    statesys = start_statesys()
    statesys.load(numbered(1, client=client(1)))
    statesys.stop()
    statesys.put("A.smx", b"no report", "low")
    for place in ("incoming/low", "corrupt", "process/1/2"):
        file = statesys.inbox / place / "X.smx"
        file.write_bytes(numbered(2, 3, client=client(1)))
        assert "File: in %s/X.smx" % place.removesuffix("/1/2") in run(statesys, "trace", client(1) + ":3")
        file.unlink()


def test_a_report_is_followed_by_its_id_or_its_file(start, start_statesys, database):
    statesys = start_statesys(database=database)
    relay = start(root=str(statesys.root))
    assert relay.post(wire.ccm(report(message(1)), message_id="{KEPT}")).status == 200
    assert relay.post(wire.ccm(b"<Report/>", message_id="{REFUSED}")).status == 400
    kept = relay.next_verdicts(2)[0]["file"]
    statesys.wait_for_line("Processing file: " + kept)
    statesys.wait_until_loaded()
    said = run(statesys, "trace", "{KEPT}")
    assert said.index("{KEPT} from ") < said.index("File: %s was loaded 20" % kept) < said.index("Processing file: ")
    assert said.count("kept as ") == 1 and ": 1 messages, 0 of them invalid\n" in said
    assert "{KEPT} from " in run(statesys, "trace", "incoming/" + kept)
    said = run(statesys, "trace", "{REFUSED}")
    assert "refused with 400, report: " in said and "File: " not in said
    assert "no line of a log" in smx("trace", "--root", statesys.root, "{NONE}").stdout.decode()
    run(statesys, "trace", "{NONE}", status=66)
    statesys.stop()
    assert relay.post(wire.ccm(report(message(2)), message_id="{WAITS}")).status == 200
    relay.stop()
    assert ".smx is in incoming\n" in run(statesys, "trace", "{WAITS}")


def test_a_file_that_was_put_aside_is_traced_to_its_reason(start_statesys):
    statesys = start_statesys()
    statesys.load(numbered(1, client=client(1)))
    statesys.put("BAD.smx", b"no report")
    statesys.stop()
    for place, words in [("incoming/high", "incoming/high"), ("process/1/2", "process"),
                         ("corrupt", "corrupt: 2026-11-23T05:02:52Z line 1: bad")]:
        file = statesys.inbox / place / "X.SMW"
        file.write_bytes(b"no report")
        file.with_name("X.SMW.why").write_text("2026-11-23T05:02:52Z line 1: bad\n")
        assert "File: X.SMW is in %s\n" % words in run(statesys, "trace", "x.smx")
        file.unlink()
    log = statesys.root / "logs/mpfdm.log"
    log.write_text('<![LOG[Moved file /mnt/y.smx to /in/y.smx]LOG]!><time="05:00:00.000+000" date="11-23-2026" '
                   'component="SMS_MP_FILE_DISPATCH_MANAGER" context="" type="1" thread="1" file="carrier.c:1">\r\n')
    assert "  2026-11-23T05:00:00.000Z  Moved file /mnt/y.smx to /in/y.smx\n" in run(statesys, "trace", "y.smx")
    log.unlink()
    assert "File: y.smx is not there, and not known" in smx("trace", "--root", statesys.root, "y.smx").stdout.decode()


def test_a_report_that_is_in_the_journal_alone_is_safe(start, start_statesys, tmp_path):
    """Under load, while whoever makes files of what is there hangs; the next relay makes them."""
    statesys = start_statesys()
    statesys.stop()
    failing = Failing(tmp_path / "failing")
    relay = start(root=str(statesys.root), log_max_size="100M", environment=failing.environment)
    crowd = Crowd(("127.0.0.1", relay.port))
    wait_until(lambda: crowd.kept() >= 100 or crowd.failures, "reports")
    failing.arm("pread", "HANGS", 1)
    wait_until(failing.has_failed, "a look into the journal")
    before = crowd.kept()
    wait_until(lambda: crowd.kept() >= before + 100 or crowd.failures, "more reports")
    relay.kill()
    crowd.stop()
    files = {path.name for path in relay.box.glob("*.smx")}
    alone = [name for name in re.findall("kept as ([^,]*),", relay.log_path.read_text()) if name not in files]
    for file in alone[0], alone[-1], alone[0].lower():
        assert " is in the relay's journal: safe" in run(statesys, "trace", file)
    failing.disarm()
    relay.start()
    assert "File: %s is in incoming\n" % alone[0] in run(statesys, "trace", alone[0])


@pytest.mark.skipif(os.geteuid() != 0, reason="/etc of its own needs root")
@pytest.mark.parametrize("setting, place", [("root = %s", "journal"), ("journal-dir = %s", "")])
def test_where_the_journal_is_the_relay_s_own_settings_say(start_statesys, tmp_path, setting, place):
    """One that cannot be read is told, and nothing is said of what may be in it."""
    statesys = start_statesys()
    statesys.stop()
    journal = tmp_path / "relay" / place
    journal.mkdir(parents=True)
    (journal / "segment-0").symlink_to("nowhere")
    (tmp_path / "statesys.conf").write_text("root = %s\n" % statesys.root)
    (tmp_path / "mprelay.conf").write_text(setting % (tmp_path / "relay") + "\nlisten = 127.0.0.1:0\n")
    with_our_etc = "mount -t tmpfs none /etc; cp *.conf /etc; exec \"$0\" trace NONE.smx"
    done = subprocess.run(["unshare", "--mount", "sh", "-ec", with_our_etc, BUILD / "smx"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert "cannot open the journal '%s/segment-0'" % journal in done.stderr, done.stderr
    assert "not known as loaded: it may be in the relay's journal, which cannot be read\n" in done.stdout


def test_wrong_words_are_told(start_statesys):
    statesys = start_statesys()
    for words, status in [([], 64), (["x"], 64), (["x:"], 64), (["a", "b"], 64), (["--csv", "x:1"], 64),
                          (["x:9223372036854775808"], 64), (["nobody:1"], 66),
                          (["--csv", "{x}"], 64), (["{"], 64), (["{x}", "{y}"], 64)]:
        assert run(statesys, "trace", *words, status=status).startswith("smx: ")
