"""The state system while it loads: how fast, and with how much memory."""
import contextlib
import os
import re
import subprocess
import time
from collections import namedtuple

import servers
from servers import BenchError

LOADED = "SELECT COUNT(*) FROM SR_ProcessedFiles"
INCOMING = "inboxes/auth/statesys.box/incoming"
PATIENCE = 600                          # seconds: says only that something hangs
LOOK_SECONDS = 0.2

Drain = namedtuple("Drain", "files seconds first_rate last_rate megabytes")


@contextlib.contextmanager
def running(program, place, database):
    command = [program, "--root", place, "--database", database.url, "--notify-pause", "10ms", "--polling-interval",
               "1s", "--admin-listen", "127.0.0.1:%d" % servers.free_port()]
    with open(os.path.join(place, "statesys.output"), "w+b") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   start_new_session=True)
        try:
            yield process.pid
            if process.poll() is not None:
                raise BenchError("statesys ended while it was measured: " + servers.tail_of(output))
        finally:
            servers.stop(process)


def peak_megabytes(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) / 1024


def loaded(database):
    try:
        return int(database.run(LOADED) or 0)
    except Exception:                   # the schema is not there yet
        return 0


def write_files(loading, place, messages, count):
    incoming = os.path.join(place, INCOMING)
    os.makedirs(incoming, exist_ok=True)
    subprocess.run([loading, "write", incoming, str(messages), str(count), "0"], check=True)
    os.sync()                           # writing them back is not what is measured


def watch(database, start, enough, seconds):
    """(time, files loaded) from the first that is loaded, until there are enough or the time is over."""
    seen, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        count = loaded(database) - start
        if count > 0:
            seen.append((time.monotonic(), count))
        if count >= enough:
            break
        time.sleep(LOOK_SECONDS)
    if len(seen) < 3:
        raise BenchError("the state system loaded nothing, or all at once")
    return seen


def rate(seen):
    return (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])


def drain(program, place, database, enough, seconds=PATIENCE):
    """Loads what waits: all of it, or as long as it may take. The first files are those before the first look."""
    start = loaded(database)
    begin = time.monotonic()
    with running(program, place, database) as pid:
        seen = watch(database, start, enough, seconds)
        megabytes = peak_megabytes(pid)
    middle = len(seen) // 2
    return Drain(seen[-1][1], seen[-1][0] - begin, rate(seen[:middle + 1]), rate(seen[middle:]), megabytes)
