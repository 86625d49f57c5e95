#!/usr/bin/python3
"""The same files under other names, in other directories, in other rounds, to a state system of another pace: the
database is the same, on SQLite and on PostgreSQL."""
import pathlib
import random
import sys
import tempfile

import mailbag
import loading
import row
from loader_kills import PACES
from postgres import Cluster


def load_somehow(scene, chance, one):
    """Round after round, some of them with another start."""
    scene.loader.start()
    while scene.waiting:
        scene.put_some(chance.randint(1, len(scene.waiting)))
        scene.loader.wait_until_loaded()
        if chance.random() < 0.3:
            scene.loader.stop()
            scene.loader.start()
    scene.finish(one)
    one.runs += 1


def run(runs, seed, directory, cluster):
    place, chance, files = pathlib.Path(directory), random.Random(seed), mailbag.Mailbag(seed)
    expected = loading.undisturbed(place, files)
    rows = [row.LoaderRow("another order of reading, " + name, 0, seed=seed) for name in ("SQLite", "PostgreSQL")]
    for number in range(runs):
        one = rows[number % 2]
        settings = {**chance.choice(PACES), "database": cluster.create() if number % 2 else None}
        with loading.scene(one, place / "root", files.shuffled(chance), **settings) as scene:
            load_somehow(scene, chance, one)
            scene.check(one, expected)
    return rows


def main():
    options, cluster = row.parser(__doc__, 50).parse_args(), Cluster()
    try:
        with tempfile.TemporaryDirectory() as directory:
            return row.tell(run(options.runs, options.seed, directory, cluster))
    finally:
        cluster.remove()


if __name__ == "__main__":
    sys.exit(main())
