"""A log on a full disk: reports are loaded all the same, and later the log says that records are missing."""
import urllib.request

import exposition
from images import fill
from relay import PATIENCE, wait_until
from reports import CLIENT, smx

FILES = 20


def lines_lost(statesys):
    with urllib.request.urlopen("http://%s/metrics" % statesys.settings["admin_listen"], timeout=PATIENCE) as answer:
        return exposition.parse(answer.read().decode())["statesys_log_lines_lost_total"]


def test_log_that_cannot_be_written(start_statesys, small_disk):
    statesys = start_statesys(log_dir=small_disk)
    statesys.load(smx(1))
    ballast = small_disk / "ballast"
    fill(ballast)
    statesys.load(*(smx(n) for n in range(2, FILES + 1)))
    assert statesys.of(CLIENT, "COUNT(*)", "SR_States") == [(FILES,)]
    wait_until(lambda: lines_lost(statesys) > 0, "a record that is lost")
    ballast.unlink()
    for n in range(FILES + 1, 2 * FILES + 1):
        statesys.load(smx(n))
    statesys.stop()
    assert statesys.of(CLIENT, "COUNT(*)", "SR_States") == [(2 * FILES,)] and statesys.files("corrupt", "retry") == []
    log = statesys.log_path.read_text()
    assert "lost" in log and log.rstrip().rpartition("\n")[2].startswith("Stopping")
