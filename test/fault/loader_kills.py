#!/usr/bin/python3
"""The state system is ended under load at random moments, also while it starts, alone and with another beside it: once
it runs again it loads on, and at the end the database equals the one of an undisturbed run, row by row."""
import pathlib
import random
import sys
import tempfile
import time

import mailbag
import kills
import loading
import row
from postgres import Cluster
from relay import wait_until

SIGNALS = [*3 * [kills.KINDS["kill -9"]], kills.KINDS["abort"], kills.KINDS["TERM"], kills.KINDS["STOP, then kill -9"]]
# Few files at once, so that a set lasts for some kills.
PACES = [{"chunk_size": "1K", "loader_threads": 4}, {"chunk_size": "4K", "loader_threads": 1, "max_chunks": 2},
         {"chunk_size": "16K", "loader_threads": 3}]


def end_one(scene, chance):
    """The others go on, as in a cluster of two; those that are gone come back first."""
    for loader in scene.loaders:
        if loader.process.poll() is not None:
            loader.launch()
    loader = chance.choice(scene.loaders)
    scene.put_some(chance.randint(0, 40))
    if chance.random() < 0.75:
        wait_until(loader.is_ready, "ready")
    time.sleep(chance.uniform(0, 0.2))
    kills.end(loader, chance.choice(SIGNALS), chance)


def besiege(scene, most, chance, one):
    """As long as there is something to load; then the reckoning."""
    for _ in range(most):
        if not scene.has_files():
            break
        end_one(scene, chance)
        one.runs += 1
    for loader in scene.loaders:
        if loader.process.poll() is None:
            kills.end(loader, kills.KINDS["kill -9"], chance)
    scene.age_private_files()
    scene.finish(one)


def check_parent(directory, files, one):
    """Each good file came there at least once, and no other; it counts a content once, too."""
    found = {path.read_bytes() for path in directory.glob("[!.]*")}
    one.lost += len(files.good() - found)
    one.twice += sum(not loading.is_heartbeat(content) for content in found - files.good())


def kill_often(runs, seed, place, name, loaders=1, create=lambda: None, above=None):
    """Sets of files, until so many kills. `above`: the parent site's settings."""
    one, chance, files = row.LoaderRow("kill -9, " + name, 0, seed=seed), random.Random(seed), mailbag.Mailbag(seed)
    above = above or {}
    expected = loading.undisturbed(place, files, **above)
    while one.runs < runs and not one.failed():
        settings = {**chance.choice(PACES), "preexec": kills.no_core, **above}
        for path in pathlib.Path(above.get("parent_inbox", place / "none")).glob("*"):
            path.unlink()
        with loading.scene(one, place / "root", files, create(), loaders, **settings) as scene:
            besiege(scene, runs - one.runs, chance, one)
            scene.check(one, expected)
            if above:
                check_parent(above["parent_inbox"], files, one)
    return one


def run(runs, seed, directory, cluster):
    """Each kind so often."""
    place = pathlib.Path(directory)
    (place / "parent").mkdir()
    return [kill_often(runs, seed, place, "SQLite"),
            kill_often(runs, seed, place, "PostgreSQL", create=cluster.create),
            kill_often(runs, seed, place, "two loaders, SQLite", 2),
            kill_often(runs, seed, place, "two loaders, PostgreSQL", 2, cluster.create),
            kill_often(runs, seed, place, "with a parent site",
                       above={"parent_site": "CEN", "parent_inbox": place / "parent"})]


def main():
    options = row.parser(__doc__, 200).parse_args()
    cluster = Cluster()
    try:
        with tempfile.TemporaryDirectory() as directory:
            return row.tell(run(options.runs, options.seed, directory, cluster))
    finally:
        cluster.remove()


if __name__ == "__main__":
    sys.exit(main())
