"""One run: a fresh disk, a fresh server, a warm-up, the load, the count of what was kept."""
import os
import subprocess
import time
from collections import namedtuple

import machine
import message
from servers import BenchError, HERE

IDENTIFIER_LENGTH = 12                              # load.lua: tag 2, thread 2, count 8
WARM_UP_SECONDS = 1
QUIET_SECONDS = 0.25
SETTLE_SECONDS = 10

Load = namedtuple("Load", "responses refused broken seconds p50_ms p99_ms")
Cell = namedtuple("Cell", "rate p50_ms p99_ms cpu_us refused broken kept others stolen")


def run_wrk(request_files, encoding, tag, port, connections, seconds):
    """Drives the server; returns a Load."""
    threads = 1 if connections == 1 else 2
    command = ["wrk", "--threads", str(threads), "--connections", str(connections), "--duration", "%ds" % seconds,
               "--timeout", "10s", "--latency", "--script", os.path.join(HERE, "load.lua"),
               "http://127.0.0.1:%d" % port, "--", *request_files, encoding, tag]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds + 30)
    result = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("result ")]
    if done.returncode != 0 or len(result) != 1:
        raise BenchError("wrk gave no result: " + done.stdout.strip()[-600:])
    responses, refused, broken, microseconds, p50, p99 = map(int, result[0])
    return Load(responses, refused, broken, microseconds / 1e6, p50 / 1000, p99 / 1000)


def settle(pid):
    """Waits until the server has worked off what the warm-up left in flight: slow ones would pay for it twice."""
    deadline, last = time.monotonic() + SETTLE_SECONDS, None
    while time.monotonic() < deadline:
        used = machine.tree_seconds(pid, machine.process_table())
        if used == last:
            return
        last = used
        time.sleep(QUIET_SECONDS)


def write_request(work, request):
    paths = [os.path.join(work, name) for name in ("request.before", "request.after")]
    for path, part in zip(paths, (request.before, request.after)):
        with open(path, "wb") as file:
            file.write(part)
    return paths


def kept_files(directory):
    """How many files lie there, and the first name that is not whole: every one must have the same bytes."""
    expected, count = message.kept_bytes(), 0
    with os.scandir(directory) as entries:
        for entry in entries:
            if not entry.name.endswith(".smx"):
                continue
            count += 1
            with open(entry.path, "rb") as file:
                if file.read() != expected:
                    raise BenchError("%s is not the report that was sent" % entry.name)
    return count


def wait_for_files(directory, acknowledged):
    """What was answered from a journal becomes files a moment later; the work for that belongs to the run."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        if sum(name.endswith(".smx") for name in os.listdir(directory)) >= acknowledged:
            return
        time.sleep(0.01)


def check_kept(server, place, acknowledged):
    """While the server still runs: nothing may be left for its end. Requests in flight at the end may add files."""
    kept = kept_files(os.path.join(place, server.incoming))
    if kept < acknowledged:
        raise BenchError("%s answered %d times with 2xx but kept %d files" % (server.title, acknowledged, kept))
    return kept


def measure(server, disk, work, connections, seconds, beside=None):
    """One Cell. beside(pid), if given, starts a process that watches the server and is waited for."""
    with disk.fresh() as place, server.running(place) as (port, pid):
        request = server.request(port, IDENTIFIER_LENGTH)
        files = write_request(work, request)
        warm_up = run_wrk(files, request.encoding, "AA", port, connections, WARM_UP_SECONDS)
        settle(pid)

        watcher = beside(pid) if beside else None
        before, stolen, start = machine.process_table(), machine.stolen_seconds(), time.monotonic()
        load = run_wrk(files, request.encoding, "BB", port, connections, seconds)
        good = load.responses - load.refused
        acknowledged = good + warm_up.responses - warm_up.refused
        wait_for_files(os.path.join(place, server.incoming), acknowledged)
        after, elapsed = machine.process_table(), time.monotonic() - start
        available = elapsed * os.cpu_count()
        if watcher:
            watcher.wait(timeout=seconds + 30)

        cpu = machine.tree_seconds(pid, after) - machine.tree_seconds(pid, before)
        kept = check_kept(server, place, acknowledged)
        return Cell(rate=good / load.seconds, p50_ms=load.p50_ms, p99_ms=load.p99_ms,
                    cpu_us=cpu * 1e6 / max(load.responses, 1), refused=load.refused + warm_up.refused,
                    broken=load.broken + warm_up.broken, kept=kept,
                    others=(machine.other_seconds(after) - machine.other_seconds(before)) / available,
                    stolen=(machine.stolen_seconds() - stolen) / available)
