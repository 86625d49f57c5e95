"""A log on a full disk: reports are taken all the same, and later the log says how many records are missing."""
import re
import resource
import signal

import cmtrace
import wire
from relay import wait_until

FULL = 8192                 # bytes that a file may have: enough for a report, soon not for the log


def fill_the_disk():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)       # a write beyond then fails with EFBIG
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, resource.RLIM_INFINITY))


def test_log_that_cannot_be_written_stops_nothing(start):
    relay = start(preexec=fill_the_disk)
    reports = [wire.report(serial=n) for n in range(40)]
    assert [relay.post(wire.ccm(report)).status for report in reports] == [200] * 40
    assert set(relay.files().values()) == set(map(wire.smx, reports))
    assert relay.log_path.stat().st_size <= FULL

    resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def told():
        assert relay.post(wire.ccm(reports[0])).status == 200
        found = re.findall(rb"(\d+) [a-z ]*records? [a-z ]*lost|lost (\d+) records?", relay.log_path.read_bytes())
        return found and max(int(n) for row in found for n in row if n)
    lost = wait_until(told, "the number of lost records in the log")
    relay.stop()
    posted = len(relay.files())
    written = len(re.findall(rb"kept as", relay.log_path.read_bytes()))
    assert lost > 0 and written < posted
    tail = relay.log_path.read_bytes()
    assert cmtrace.verdict(cmtrace.parse(tail[tail.rindex(b"<![LOG[Relay: Message"):])[0][0])
