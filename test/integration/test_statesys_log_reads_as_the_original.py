"""statesys.log has the lines of the original, word by word and in its order (spec/logs.md 7)."""
import re

import wire
from reports import smx

FOUND = "Found new state messages to process, starting processing thread"
STARTED = 'Thread "State Message Processing Thread #0" id:%s started'
ENDED = 'Thread "State Message Processing Thread #0" id:%s terminated normally'
PROCESSOR = "CMessageProcessor - "
OTHERS = ("Task '", "CResyncManager - ")


def lines_of_one_file(start_statesys, content, name="YCE2H3VD.SMX", **settings):
    """What is said from the moment the file comes to the end of the thread, and the thread's number. Tasks and the resync
    manager have a thread of their own, and may say something at any moment."""
    statesys = start_statesys(loader_threads=1, polling_interval="900s", **settings)
    statesys.wait_for_heartbeat()
    before = len(statesys.wait_for_line("terminated normally$"))
    seen = len(statesys.lines())
    statesys.put(name, content)
    statesys.wait_for_line("terminated normally$", before + 1)
    lines = [line for line in statesys.lines()[seen:] if not line.startswith(OTHERS)]
    thread, = {found for line in lines for found in re.findall(r"^Thread .* id:(\d+) ", line)}
    return lines, thread


def test_one_file(start_statesys):
    lines, thread = lines_of_one_file(start_statesys, smx(1))
    assert lines == [
        FOUND, STARTED % thread, "total chucks loaded (1)", PROCESSOR + "Processing file: YCE2H3VD.SMX",
        PROCESSOR + "Processed 1 records with 0 invalid records.",
        PROCESSOR + "Processed 1 message files in this batch, with 0 bad files.", "total chucks loaded (0)",
        ENDED % thread]


def test_verbose_adds_notice_and_command_line(start_statesys):
    content = wire.report()
    lines, thread = lines_of_one_file(start_statesys, wire.smx(content), log_level="verbose", notify_pause="1s")
    assert lines == [
        "Inbox notification triggered, pause for 1 seconds......", FOUND, STARTED % thread, "total chucks loaded (1)",
        PROCESSOR + "Processing file: YCE2H3VD.SMX",
        PROCESSOR + "the cmdline to DB exec dbo.spProcessStateReport N'?%s'" % re.sub("[\r\n]", "~", content),
        PROCESSOR + "Processed 1 records with 0 invalid records.",
        PROCESSOR + "Processed 1 message files in this batch, with 0 bad files.", "total chucks loaded (0)",
        ENDED % thread]


def test_without_log_files_only_a_parent_sees_names(start_statesys):
    lines, thread = lines_of_one_file(start_statesys, smx(1), log_files="no")
    assert lines == [FOUND, STARTED % thread, "total chucks loaded (1)", "total chucks loaded (0)", ENDED % thread]


def test_the_block_of_the_article(start_statesys, tmp_path):
    """KB 4459394: a site with a parent, before chunks were told of."""
    (tmp_path / "parent").mkdir()
    lines, thread = lines_of_one_file(start_statesys, smx(1), name="mdlbp169.SMX", site_code="P01", parent_site="CAS",
                                      parent_inbox=tmp_path / "parent")
    assert [line for line in lines if "chucks" not in line] == [
        FOUND, STARTED % thread, PROCESSOR + "Detected parent site 'CAS'", PROCESSOR + "Processing file: mdlbp169.SMW",
        PROCESSOR + "Processed 1 records with 0 invalid records.",
        PROCESSOR + 'Successfully replicated file "mdlbp169.SMW" to parent site CAS.',
        PROCESSOR + "Processed 1 message files in this batch, with 0 bad files.", ENDED % thread]


def test_threads_say_their_own_numbers(start_statesys):
    """Files of one client are one thread's within a round, and a record has the number of the thread that it is of."""
    statesys = start_statesys()
    for n in range(40):
        statesys.put("%02d.smx" % n, smx(n // 8 + 1, client="GUID:%036d" % (n % 8)))
    statesys.wait_until_loaded()
    assert statesys.ask("SELECT COUNT(*) FROM SR_MissingMessageRanges") == [(0,)]
    statesys.stop()
    for line in statesys.said_lines("^Thread .*started$"):
        assert re.fullmatch(r'Thread "State Message Processing Thread #[0-3]" id:\d+ started', line)
    assert len(statesys.said_lines("Processing file: ..[.]smx$")) == 40
