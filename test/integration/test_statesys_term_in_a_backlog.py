"""SIGTERM in the middle of a backlog: what is committed counts, all else is back in the inbox, the end is status 0."""
import signal

import pytest

from relay import PATIENCE, wait_until
from reports import LONG_AGO, client, smx

CLIENTS, EACH = 40, 25
COUNT = "SELECT COUNT(*) FROM SR_ProcessedFiles"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_lost_or_left_in_hand(start_statesys, database, how):
    statesys = start_statesys(database=database, chunk_size="8K", loader_threads=3)
    statesys.wait_for_heartbeat()
    statesys.stop()
    for n in range(EACH):
        for c in range(CLIENTS):
            statesys.put("%03d-%03d.smx" % (n, c), smx(n + 1, client=client(c), date=LONG_AGO + n))
    statesys.start()
    wait_until(lambda: statesys.ask(COUNT)[0][0] > 20, "some of the backlog")
    statesys.process.send_signal(how)
    assert statesys.process.wait(PATIENCE) == 0
    assert statesys.files("process", "retry", "corrupt") == []
    loaded, left = statesys.ask(COUNT)[0][0] - 1, len(statesys.files())         # less the heartbeat
    assert loaded + left == CLIENTS * EACH
    statesys.wait_for_line("^Stopping$", 2)
    started, ended = (len(statesys.said_lines("^Thread .*" + word)) for word in ("started$", "terminated normally$"))
    assert started == ended

    statesys.start()
    statesys.wait_until_loaded()
    assert statesys.ask(COUNT)[0][0] - 1 == CLIENTS * EACH
    assert statesys.ask("SELECT DISTINCT MessagesProcessed, HighSerialNumber, Restarts FROM SR_ClientMessageStats") == [
        (EACH, EACH, 0)]
    assert statesys.ask("SELECT COUNT(*) FROM SR_MissingMessageRanges") == [(0,)]
