"""What one campaign found: a row of one of the tables in docs/TESTING.md."""
import argparse
import dataclasses
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
MARK = "row: "


@dataclasses.dataclass
class Row:
    fault: str                      # what was done to the relay
    runs: int                       # how often
    acknowledged: int = 0           # reports that were answered 2xx
    lost: int = 0                   # of those: not there afterwards, or not whole
    half: int = 0                   # names ending in .smx with anything but a whole report
    extra: int = 0                  # a second copy of one report: allowed, told
    litter: int = 0                 # files that are no report, after the next start
    heal_seconds: float = 0         # longest time from the end of the fault until a report was kept again
    seed: int = 0
    note: str = ""                  # one short figure more, where there is one: "412 injection points"
    wrong: list = dataclasses.field(default_factory=list)   # every promise that was broken, a sentence each

    def failed(self):
        return bool(self.lost or self.half or self.litter or self.wrong)


@dataclasses.dataclass
class LoaderRow:
    fault: str                      # what was done to the state system
    runs: int                       # how often
    files: int = 0                  # that it had to load
    lost: int = 0                   # rows of an undisturbed run that are not there afterwards
    twice: int = 0                  # rows that it does not have: what counted twice is such a one
    litter: int = 0                 # files left anywhere
    heal_seconds: float = 0         # longest time from the end of the fault, or the start, until a file was loaded
    seed: int = 0
    note: str = ""
    wrong: list = dataclasses.field(default_factory=list)

    def failed(self):
        return bool(self.lost or self.twice or self.litter or self.wrong)


KINDS = {kind.__name__: kind for kind in (Row, LoaderRow)}


def parser(description, runs):
    """Every campaign has the same options."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--runs", type=int, default=runs)
    options.add_argument("--seed", type=int, default=1)
    return options


def told(line):
    """The row in a line of a campaign; None: there is none."""
    if not line.startswith(MARK):
        return None
    kind, values = json.loads(line[len(MARK):])
    return KINDS[kind](**values)


def tell(rows):
    """Prints the rows for `campaign` to read; the exit status of the whole."""
    for row in rows:
        print(MARK + json.dumps([type(row).__name__, dataclasses.asdict(row)]), flush=True)
    return 1 if any(row.failed() for row in rows) or not rows else 0
