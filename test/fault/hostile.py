#!/usr/bin/python3
"""All hostile content, again and again in another order, to one relay: each time the right answer, verdict and file,
good reports between are kept, and in the end it has no more memory, descriptors, threads and files than before."""
import pathlib
import random
import sys
import tempfile

import row
import cases
import outcomes
import wire
from relay import Relay, wait_until

MOST_GROWTH = 1.10
EVERY = 10              # hostile cases to a good report


def good(number):
    report = wire.report(serial=number)
    expect = {"form": "ccm", "status": "200", "queue": "incoming", "messages": "1", "priority": "5",
              "trust": "unsigned", "id": wire.DEFAULTS["message_id"], "host": "CLIENT1"}
    return cases.Case("good-%d" % number, "ccm", wire.ccm(report), expect, wire.smx(report))


def with_good_ones(some):
    for number, case in enumerate(some):
        if number % EVERY == 0:
            yield good(number)
        yield case


def resident_mib(relay):
    rollup = pathlib.Path("/proc/%d/smaps_rollup" % relay.process.pid).read_text()
    return int(next(line for line in rollup.splitlines() if line.startswith("Rss:")).split()[1]) / 1024


def counts(relay):
    process = pathlib.Path("/proc/%d" % relay.process.pid)
    return {"descriptors": len(list((process / "fd").iterdir())), "threads": len(list((process / "task").iterdir()))}


def other_files(relay):
    """All that lies around but in the inbox."""
    return {path for path in relay.root.parent.rglob("*") if relay.box not in path.parents}


def judge(relay, found, result):
    kept = [outcome for outcome in found if outcome.answer is not None and outcome.answer.status < 300]
    result.acknowledged += len(kept)
    result.lost += sum(1 for outcome in kept if outcome.case.kept not in outcome.files.values())
    result.half += sum(1 for outcome in found for content in outcome.files.values() if content != outcome.case.kept)
    result.wrong += outcomes.complaints(relay, found)


def judge_growth(relay, before, result):
    memory, counted, files = before
    now = resident_mib(relay)
    result.note = "memory %.1f -> %.1f MiB" % (memory, now)
    # A sanitizer keeps what was freed.
    if now > memory * MOST_GROWTH and not cases.is_sanitized(relay):
        result.wrong.append(result.note)
    wait_until(lambda: counts(relay) == counted, "descriptors and threads as before: %s" % counted)
    result.litter = len(other_files(relay) ^ files)


def repeat(relay, runs, order, result):
    everything = cases.everything(relay)
    order.shuffle(everything)
    judge(relay, outcomes.send(relay, with_good_ones(everything)), row.Row("warming up", 1))
    before = resident_mib(relay), counts(relay), other_files(relay)
    for _ in range(runs):
        order.shuffle(everything)
        judge(relay, outcomes.send(relay, with_good_ones(everything)), result)
    result.runs = len(everything) * runs
    judge_growth(relay, before, result)


def run(runs, seed):
    result = row.Row("hostile content", runs, seed=seed)
    with tempfile.TemporaryDirectory() as directory:
        relay = Relay(pathlib.Path(directory) / "relay", log_max_size="1G")
        try:
            repeat(relay, runs, random.Random(seed), result)
        finally:
            relay.stop()
    return [result]


def main():
    options = row.parser(__doc__, runs=10).parse_args()
    return row.tell(run(options.runs, options.seed))


if __name__ == "__main__":
    sys.exit(main())
