#!/usr/bin/python3
"""Torture: the 1st, 2nd, 3rd ... call of each kind fails in the real relay, in each way that it can, until a run has no
failure left: while it takes reports, while it starts, while it stops."""
import functools
import itertools
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sys
import tempfile

import row
from failing import ERRORS, NOTHING, OF_MEMORY, Failing
from tortured import HONEST, Tortured, status_of

IN_VAIN = 2             # runs without a failure, one after the other: threads do not always make the same calls


ONE_IN, TIMES = int(os.environ.get("ONE_IN", 1)), itertools.count()


def every_fault(call, error, attempt):
    vain = 0
    for nth in itertools.count(1):
        vain = 0 if attempt(call, error, nth) else vain + 1
        if vain == IN_VAIN:
            return


def some_faults(call, count, runs, chance, attempt):
    """The first, and others by chance."""
    for nth in [1, *(chance.randint(1, count) for _ in range(runs - 1))]:
        attempt(call, chance.choice(ERRORS[call].split()), nth)


def each_call(failing, memory, counts, runs, chance, attempt):
    """Every fault until none is left; or so many runs of each call, of one call in ONE_IN at each time."""
    for call in failing.names[next(TIMES) % ONE_IN::ONE_IN]:
        if counts[call] == 0 or (call in OF_MEMORY) != memory:
            continue
        if runs > 0:
            some_faults(call, counts[call], runs, chance, attempt)
        else:
            for error in ERRORS[call].split():
                every_fault(call, error, attempt)


# ---- while it takes reports ----

DEEDS = {"ccm": {}, "plain": {}, "crowd": {}, "reload": {},
         "long": {"log_level": "verbose", "log_vocabulary": "current", "log_max_size": 10000, "log_max_history": 1000}}


def torture_deed(tortured, deed, memory, runs, chance):
    counts = tortured.settle(deed)
    each_call(tortured.failing, memory, counts, runs, chance, functools.partial(tortured.survive, deed))
    tortured.relay.stop()
    tortured.relay.start()                      # which sweeps what was left over
    tortured.relay.stop()
    tortured.row.litter += len(tortured.hidden())


def torture_requests(directory, failing, memory, runs, seed):
    found = row.Row("each allocation of a request fails" if memory else "each call of a request fails", 0, seed=seed)
    chance = random.Random(seed)
    for name, settings in DEEDS.items():
        place = directory / (name + "-memory" * memory)
        place.mkdir()
        tortured = Tortured(place, failing, found, **settings)
        torture_deed(tortured, getattr(tortured, name), memory, runs, chance)
    found.note = "%d injection points" % found.runs
    return found


# ---- while it starts ----

class Starts:
    """A relay that was killed behind a crowd, what it had answered in its journal; then it starts, again and again."""
    def __init__(self, directory, failing, found):
        self.failing, self.found, self.started, self.before = failing, found, 0, directory / "before"
        self.tortured = Tortured(directory, failing, found)
        self.relay = self.tortured.relay
        self.kept = self.tortured.crowd()
        self.relay.kill()
        (self.relay.box / ".0123456789ABCDEF.part").write_bytes(b"half")
        self.relay.root.rename(self.before)
        self.socket = directory / "socket"
        self.relay.command += ["--listen", "unix:%s" % self.socket]

    def prepare(self, fresh):
        """What was acknowledged before: {content: status}"""
        shutil.rmtree(self.relay.root, ignore_errors=True)
        self.socket.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(self.socket))         # its file stays, as after a kill
        if not fresh:
            shutil.copytree(self.before, self.relay.root)
        return {} if fresh else dict(self.kept)

    def start(self):
        """None, or what it said at its end."""
        try:
            self.relay.start()
        except AssertionError:
            status = self.relay.process.poll()
            return "%s: %s" % ("hangs" if status is None else status, self.relay.said.read_text())
        return None

    def stop(self, point):
        try:
            self.relay.stop()
        except AssertionError:
            self.tortured.complain("stopped with %s" % self.relay.process.poll(), *point, self.relay.said.read_text())

    def attempt(self, fresh, *point):
        sent = self.prepare(fresh)
        self.failing.arm(*point)
        said = self.start()
        fired, self.counts = self.failing.disarm(), self.failing.counts()
        self.found.runs += fired
        self.started += fired and said is None
        if said is not None:
            self.check_end(said, point)
        self.go_on(sent, point)
        return fired

    def check_end(self, said, point):
        """One sentence of what failed, a status that is no signal's."""
        status, _, text = said.partition(": ")
        if not status.isdigit() or status == "0" or not text.startswith("mprelay: ") or text.count("\n") != 1 or \
                not re.search("cannot|memory", text, re.I):
            self.tortured.complain("ended with " + said, *point)
        self.relay.kill()

    def go_on(self, sent, point):
        """Without a fault it starts, keeps the next report, has all that was acknowledged, and sweeps what was left."""
        if self.relay.process.poll() is not None and (said := self.start()) is not None:
            self.tortured.complain("does not start without a fault: " + said, *point)
            return
        sent.update(self.tortured.heal(point)[0])
        self.stop(point)
        if (self.tortured.hidden() or self.missing(sent)) and self.start() is None:
            self.stop(point)                    # what could not be read or removed was left for the next start
        self.check_files(sent, point)

    def missing(self, sent):
        acknowledged = {content for content, status in sent.items() if status == 200}
        return acknowledged - set(self.tortured.files().values())

    def check_files(self, sent, point):
        contents = list(self.tortured.files().values())
        missing, litter = self.missing(sent), self.tortured.hidden()
        self.found.acknowledged += sum(status == 200 for status in sent.values())
        self.found.lost += len(missing)
        self.found.half += len(set(contents) - sent.keys())
        self.found.extra += len(contents) - len(set(contents))
        self.found.litter += len(litter)
        if missing or litter:
            self.tortured.complain("%d lost, left over: %s" % (len(missing), litter), *point)


def torture_starts(directory, failing, runs, seed):
    found, chance = row.Row("each call of the start fails", 0, seed=seed), random.Random(seed)
    starts = Starts(directory, failing, found)
    for fresh in (True, False):
        starts.attempt(fresh, *NOTHING)
        for memory in (True, False):
            each_call(failing, memory, starts.counts, runs, chance, functools.partial(starts.attempt, fresh))
    found.note = "%d injection points, started all the same %d times" % (found.runs, starts.started)
    return found


# ---- while it stops ----

class Stops(Starts):
    """A crowd was just answered from the journal, and one request is half there."""
    def attempt(self, *point):
        sent = self.prepare(True)
        self.relay.start()
        _, content, request = self.tortured.request()
        with self.relay.connect() as connection:
            connection.send(request[:600])
            sent.update(self.tortured.crowd())
            before = self.failing.counts()
            self.failing.arm(*point)
            self.relay.process.send_signal(signal.SIGTERM)
            connection.send(request[600:])
            sent[content] = status_of(connection)
        self.stop(point)
        fired, after = self.failing.disarm(), self.failing.counts()
        self.counts = {call: after[call] - before[call] for call in after}
        self.found.runs += fired
        if sent[content] not in HONEST:
            self.tortured.complain("answered %s" % sent[content], *point)
        self.go_on(sent, point)
        return fired


def torture_stops(directory, failing, runs, seed):
    found, chance = row.Row("each call of the stop fails", 0, seed=seed), random.Random(seed)
    stops = Stops(directory, failing, found)
    stops.attempt(*NOTHING)
    for memory in (True, False):
        each_call(failing, memory, stops.counts, runs, chance, stops.attempt)
    found.note = "%d injection points" % found.runs
    return found


def run(runs, seed):
    """runs: so many of each call, for each of what the relay is doing; 0: all that there are."""
    with tempfile.TemporaryDirectory() as name:
        places = [pathlib.Path(name) / part for part in ("requests", "starts", "stops")]
        for place in places:
            place.mkdir()
        failing = Failing(pathlib.Path(name) / "failing")
        rows = [torture_requests(places[0], failing, memory, runs, seed)
                for memory in ([False, True] if failing.sees_memory else [False])]
        return [*rows, torture_starts(places[1], failing, runs, seed), torture_stops(places[2], failing, runs, seed)]


if __name__ == "__main__":
    options = row.parser(__doc__, 0).parse_args()
    sys.exit(row.tell(run(options.runs, options.seed)))
