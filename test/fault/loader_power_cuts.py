#!/usr/bin/python3
"""Real power cuts: the file system under a state system that loads into SQLite is shut down without a flush of its log,
at any moment; it is mounted again, and the state system loads on. At the end the database equals the one of an
undisturbed run: so what was gone from the inbox had been durable in the database before, and with a parent site, whose
disk fails at the same moment, there."""
import pathlib
import random
import sys
import tempfile
import time

import mailbag
import images
import loading
import row
from loader_kills import PACES, check_parent
from relay import wait_until


def settle(disks):
    """What was dropped is the relay's to make durable, and it has."""
    for image in disks:
        images.run("sync", "--file-system", image.path)


def cut(disks):
    for image in disks:
        image.cut()


def recover(disks):
    for image in disks:
        image.recover()


def cut_once(disks, scene, chance):
    """Lets it start and load until some moment, and cuts it off there."""
    loader = scene.loader
    loader.launch()
    if chance.random() < 0.75:
        wait_until(loader.is_ready, "ready")
    time.sleep(chance.uniform(0, 0.3))
    cut(disks)
    loader.kill()
    recover(disks)


def live(disks, scene, chance, one, most):
    """Until all is loaded; what is only in memory then does not count, and what comes back is known."""
    scene.put_some(len(scene.waiting))
    settle(disks)
    for _ in range(most):
        if not scene.has_files():
            break
        cut_once(disks, scene, chance)
        one.runs += 1
    scene.age_private_files()
    scene.finish(one)
    cut(disks)
    recover(disks)
    scene.finish(one)


def cut_often(runs, seed, folder, disks, program, above):
    """Sets of files on the first disk, until so many cuts of all. `above`: the parent site's settings."""
    name = "power cut, ext4, SQLite" + (", with a parent site" if above else "")
    one, chance, files = row.LoaderRow(name, 0, seed=seed), random.Random(seed), mailbag.Mailbag(seed)
    expected = loading.undisturbed(folder, files, **above)
    while one.runs < runs and not one.failed():
        settings = {**chance.choice(PACES), "beside": folder, "program": program, **above}
        for path in pathlib.Path(above.get("parent_inbox", folder / "none")).glob("*"):
            path.unlink()
        with loading.scene(one, disks[0].path / "root", files, **settings) as scene:
            live(disks, scene, chance, one, runs - one.runs)
            scene.check(one, expected)
            if above:
                check_parent(above["parent_inbox"], files, one)
        settle(disks)                           # else the next cut brings the root back
    return one


def run(runs, seed, program=None):
    """Each kind so often; the parent site has a disk of its own."""
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        with images.Image(folder / "site") as image, images.Image(folder / "above") as parent:
            inbox = parent.path / "incoming"
            inbox.mkdir()
            settle([parent])
            return [cut_often(runs, seed, folder, [image], program, {}),
                    cut_often(runs, seed, folder, [image, parent], program,
                              {"parent_site": "CEN", "parent_inbox": inbox})]


def main():
    options = row.parser(__doc__.splitlines()[0], 50)
    options.add_argument("--program", help="another statesys, such as a broken one: ends at the first loss")
    chosen = options.parse_args()
    return row.tell(run(chosen.runs, chosen.seed, chosen.program))


if __name__ == "__main__":
    sys.exit(main())
