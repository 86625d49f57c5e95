#!/usr/bin/python3
"""The relay is ended under load at random moments, also while it starts: what was acknowledged is there, whole, once it
runs again, and nothing else is. After SIGTERM it is there without another start."""
import collections
import pathlib
import random
import resource
import signal
import sys
import tempfile
import time

import row
import wire
from load import Book, Load
from relay import PATIENCE, Relay

MILLISECOND = 0.001
KINDS = {"kill -9": [signal.SIGKILL], "abort": [signal.SIGABRT], "TERM": [signal.SIGTERM],
         "STOP, then kill -9": [signal.SIGSTOP, signal.SIGKILL]}
CLIENTS = (3, 30)                   # a few get files at once, a crowd goes through the journal


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end(relay, signals, chance):
    for number in signals:
        relay.process.send_signal(number)
        if number == signal.SIGSTOP:
            time.sleep(chance.uniform(0, 50) * MILLISECOND)
    return relay.process.wait(PATIENCE)


def end_while_it_starts(relay, signals, chance):
    relay.launch()
    time.sleep(chance.uniform(0, 40) * MILLISECOND)
    end(relay, signals, chance)


def start(relay, book, found):
    begun = time.monotonic()
    relay.start()
    text = book.next_report()
    book.answered(text, begun, relay.post(wire.plain(text)))
    found.heal_seconds = max(found.heal_seconds, round(time.monotonic() - begun, 3))


def run_once(relay, book, found, signals, chance):
    """How many reports were acknowledged and no files yet when the relay was gone."""
    with Load(relay, book, chance.choice(CLIENTS)):
        time.sleep(chance.uniform(5, 150) * MILLISECOND)
        status = end(relay, signals, chance)
    book.take(relay.box)
    missing = len(book.missing())
    if signals == [signal.SIGTERM]:
        found.lost += missing
        found.wrong += ["status %d after SIGTERM" % status] if status else []
    elif chance.random() < 0.3:
        end_while_it_starts(relay, signals, chance)
    start(relay, book, found)
    found.wrong += ["a good report was answered %d" % status for status in book.answers if status not in (200, 503)]
    book.reckon(relay, found)
    found.runs += 1
    return missing


def run(runs, seed, directory):
    chance, journal = random.Random(seed), collections.Counter()
    rows = {kind: row.Row(kind, 0, seed=seed) for kind in KINDS}
    relay = Relay(pathlib.Path(directory) / "relay", min_free=0, log_max_size="1G", preexec=no_core)
    for number in range(runs):
        kind, book = list(KINDS)[number % len(KINDS)], Book()
        book.number = number * 10000        # no two runs send the same report
        journal[kind] += run_once(relay, book, rows[kind], KINDS[kind], chance)
    relay.stop()
    for kind, found in rows.items():
        found.note = "%d came out of the journal" % journal[kind]
    return list(rows.values())


def main():
    options = row.parser(__doc__, 1000).parse_args()
    with tempfile.TemporaryDirectory() as directory:
        return row.tell(run(options.runs, options.seed, directory))


if __name__ == "__main__":
    sys.exit(main())
