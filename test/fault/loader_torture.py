#!/usr/bin/python3
"""Torture: the 1st, 2nd, 3rd ... call of each kind fails in the real state system, in each way that it can, in a life
in which it starts, finds what one before it had in hand, loads, and stops. In place of each call that changes anything
it is killed, too. Nothing is lost or counts twice, and no good file is called bad."""
import pathlib
import random
import re
import shutil
import sys
import tempfile

import mailbag
import loading
import row
from failing import ERRORS, NOTHING, OF_MEMORY, Failing
from relay import PATIENCE, wait_until

# Where its disk fails, a database may refuse a file for no fault of it: it waits for its retry.
SETTINGS = {"retry_steps": ",".join(16 * "1"), "chunk_size": "4K", "loader_threads": 2}
KILLS = {call: "KILLED" for call in ("openat", "write", "open64", "pwrite64", "ftruncate64", "fsync", "fdatasync",
                                     "renameat", "renameat2", "linkat", "unlinkat", "unlink", "mkdirat")}
SENTENCE = re.compile("(statesys: ready.*\n)?statesys: .*(cannot|memory).*\n")


class Lives:
    """One root as it was before, given to a state system again and again."""
    def __init__(self, place, failing, bag, expected):
        self.failing, self.bag, self.expected = failing, bag, expected
        self.scene = loading.Scene(place / "root", bag, environment=failing.environment, **SETTINGS)
        self.scene.put_some(len(bag.later))
        self.loader, self.before = self.scene.loader, place / "before"
        self.leave_in_hand()
        self.scene.root.rename(self.before)

    def leave_in_hand(self):
        """As one that was killed left them."""
        process = self.loader.inbox / "process"
        for number, path in enumerate(sorted((self.loader.inbox / "incoming").glob("*.*"))[:6]):
            path.rename((process if number % 2 else process / "1/1") / path.name)

    def attempt(self, one, *point):
        """A life with the fault, and what is left to do then in another without."""
        shutil.rmtree(self.scene.root, ignore_errors=True)
        shutil.copytree(self.before, self.scene.root)
        self.failing.arm(*point)
        self.live(one, point)
        if self.failing.disarm():
            one.runs += 1
            self.scene.age_private_files()
            self.live(one, ("afterwards", *point))
        found = row.LoaderRow(one.fault, 0)
        self.scene.check(found, self.expected)
        self.add(one, found, point)

    def live(self, one, point):
        """Until all is loaded, or its own end."""
        loader = self.loader
        loader.launch()
        wait_until(lambda: loader.process.poll() is not None or (loader.is_ready() and not loader.files()),
                   "an end of the loading after %s" % (point,))
        if loader.process.poll() is None:
            loader.process.terminate()
        status, said = loader.process.wait(PATIENCE), loader.said.read_text()
        if not (status == 0 or (status == -9 and "KILLED" in point) or (status > 0 and SENTENCE.fullmatch(said))):
            one.wrong.append("ended with %d after %s: %s" % (status, point, said))

    @staticmethod
    def add(one, found, point):
        one.files += found.files
        one.lost += found.lost
        one.twice += found.twice
        one.litter += found.litter
        one.wrong += ["%s: %s" % (point, sentence) for sentence in found.wrong]


def torture(lives, fault, ways, runs, seed):
    """`ways`: how each call can fail. So many points of each at most, by chance; 0: all of an undisturbed life."""
    one, chance = row.LoaderRow(fault, 0, seed=seed), random.Random(seed)
    for call, errors in ways.items():
        points = [(call, error, nth) for error in errors.split() for nth in range(1, lives.counts[call] + 1)]
        for point in chance.sample(points, min(runs, len(points))) if runs else points:
            lives.attempt(one, *point)
    return one


def run(runs, seed):
    """runs: so many of each call; 0: all that there are."""
    with tempfile.TemporaryDirectory() as name:
        place, files = pathlib.Path(name), mailbag.Mailbag(seed, clients=4, each=3)
        lives = Lives(place, Failing(place / "failing"), files, loading.undisturbed(place, files))
        calm = row.LoaderRow("nothing", 0)
        lives.attempt(calm, *NOTHING)
        lives.counts = lives.failing.counts()
        assert not calm.failed(), calm
        calls = {call: errors for call, errors in ERRORS.items() if call not in OF_MEMORY}
        rows = [torture(lives, "kill -9 in place of each call that changes anything", KILLS, runs, seed),
                torture(lives, "each call of a life fails", calls, runs, seed)]
        if lives.failing.sees_memory:
            memory = {call: ERRORS[call] for call in OF_MEMORY}
            rows.append(torture(lives, "each allocation of a life fails", memory, runs, seed))
        return rows


if __name__ == "__main__":
    chosen = row.parser(__doc__, 0).parse_args()
    sys.exit(row.tell(run(chosen.runs, chosen.seed)))
