"""Two state systems share an inbox and a database: each report is counted once, and no order of theirs opens a gap."""
import re

from reports import LONG_AGO, MINUTE, client, smx

CLIENTS, EACH = 20, 15


def test_each_report_is_counted_once(start_statesys, database, tmp_path):
    settings = dict(database=database, chunk_size="16K", loader_threads=2)
    both = [start_statesys(log_dir=tmp_path / log, **settings) for log in ("logs1", "logs2")]
    files = [("%02d-%02d.smx" % (n, c), smx(n, client=client(c), date=LONG_AGO + n * MINUTE))
             for n in range(1, EACH + 1) for c in range(CLIENTS)]
    for name, content in files:
        both[0].put(name, content)
    both[0].wait_until_loaded()
    of_clients = "JOIN SR_Clients c ON c.MachineID = t.MachineID WHERE c.SMSID NOT LIKE 'SMS%'"
    stats = "SELECT MessagesProcessed, HighSerialNumber, Restarts FROM SR_ClientMessageStats t "
    assert both[0].ask(stats + of_clients) == [(EACH, EACH, 0)] * CLIENTS
    assert both[0].ask("SELECT COUNT(*) FROM SR_ProcessedFiles t " + of_clients) == [(len(files),)]
    assert both[0].ask("SELECT COUNT(*) FROM SR_MissingMessageRanges") == [(0,)]
    assert both[0].files("corrupt", "retry") == []
    for one in both:
        one.stop()
    processed = [name for one in both for name in re.findall(r"Processing file: (\S+)", "\n".join(one.lines()))]
    assert sorted(name for name in processed if re.match(r"\d\d-", name)) == sorted(name for name, _ in files)


def test_all_may_start_at_once(start_statesys, database, tmp_path):
    """On a database that is not there yet: one makes it."""
    many = [start_statesys(database=database, log_dir=tmp_path / str(n), wait=False) for n in range(4)]
    for one in many:
        one.wait_for_line("successfully initialized")
    assert many[0].ask("SELECT COUNT(*) FROM SC_Component_Property") == [(8,)]
    assert many[0].ask("SELECT COUNT(*) FROM SR_SchemaVersion") == [(1,)]


def test_what_one_had_in_hand_when_it_was_killed_the_other_loads(start_statesys, database, tmp_path):
    first = start_statesys(database=database, log_dir=tmp_path / "logs1")
    first.wait_for_heartbeat()
    first.kill()
    hand, = {path.parent for path in (first.inbox / "process").rglob("lock")}
    for n in range(1, 6):
        first.put("%d.smx" % n, smx(n))
        queue, = [path for path in hand.iterdir() if path.is_dir() and path.name == "1"]    # the normal one
        (first.inbox / "incoming" / ("%d.smx" % n)).rename(queue / ("%d.smx" % n))
    second = start_statesys(database=database, log_dir=tmp_path / "logs2")
    second.wait_until_loaded()
    assert second.ask("SELECT COUNT(*) FROM SR_States WHERE TopicType = 500") == [(5,)]
