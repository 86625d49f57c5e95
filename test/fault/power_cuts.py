#!/usr/bin/python3
"""Real power cuts: the file system under a loaded relay is shut down without a flush of its log, at any moment of the
relay's life; it is mounted again, the relay is started again, and every report that was acknowledged is looked for."""
import pathlib
import random
import shutil
import sys
import tempfile
import time

import images
import load
import row
import wire
from relay import wait_until


class Subject(images.Guest):
    """The relay, started without waiting for it: the cut may come first."""
    def start(self):
        self.launch()

    def seconds_until_it_keeps(self, report):
        started = time.monotonic()
        super().start()
        assert self.post(wire.plain(report)).status == 200
        return time.monotonic() - started


def settings_of(chance):
    return {"min_free": 0, "sync_method": chance.choice(("auto", "fsync", "syncfs")),
            "journal_size": chance.choice((0, "256K", "32M")), "log_max_size": "1G"}


def cut_once(image, subject, book, chance):
    """Lets the relay start and work until some moment, and cuts it off there."""
    early = chance.random() < 0.25              # while it starts: it makes room, recovers, publishes, sweeps
    kept = len(book.kept)
    subject.launch()
    with load.Load(subject, book, chance.choice((2, 4, 24))):
        if not early:
            wait_until(lambda: len(book.kept) > kept, "a report that is kept")
        time.sleep(chance.uniform(0, 0.06 if early else 0.5))
        image.cut()
        subject.kill()
    image.recover()


def live(image, root, cuts, chance, one):
    """One root from its first start through some cuts to the reckoning."""
    subject, book = Subject(image.folder, root, **settings_of(chance)), load.Book()
    subject.kill()
    for _ in range(cuts):
        cut_once(image, subject, book, chance)
    one.heal_seconds = max(one.heal_seconds, round(subject.seconds_until_it_keeps(book.next_report()), 3))
    subject.stop()
    image.recover()                             # what is only in memory does not count
    book.reckon(subject, one)
    one.runs += cuts


def run(runs, seed, file_system, program=None):
    images.Guest.program, chance = program, random.Random(seed)
    one = row.Row("power cut, " + file_system, 0, seed=seed)
    with tempfile.TemporaryDirectory() as folder, images.Image(pathlib.Path(folder), file_system) as image:
        while one.runs < runs:
            root = image.path / "root"
            live(image, root, min(chance.choice((1, 1, 2, 3)), runs - one.runs), chance, one)
            shutil.rmtree(root)
            images.run("sync", "--file-system", image.path)         # else the next cut brings it back
            if program and one.failed():
                break                           # a broken build: once is enough
    return [one]


def main():
    options = row.parser(__doc__.splitlines()[0], 100)
    options.add_argument("--file-system", choices=("ext4", "xfs"), default="ext4")
    options.add_argument("--program", help="another mprelay, such as a broken one: ends at the first loss")
    chosen = options.parse_args()
    return row.tell(run(chosen.runs, chosen.seed, chosen.file_system, chosen.program))


if __name__ == "__main__":
    sys.exit(main())
