#!/usr/bin/python3
"""Real power cuts: the file system under a state system that loads into SQLite is shut down without a flush of its log,
at any moment; it is mounted again, and the state system loads on. At the end the database equals the one of an
undisturbed run: so what was gone from the inbox had been durable in the database before."""
import pathlib
import random
import sys
import tempfile
import time

import mailbag
import images
import loading
import row
from loader_kills import PACES
from relay import wait_until


def settle(image):
    """What was dropped is the relay's to make durable, and it has."""
    images.run("sync", "--file-system", image.path)


def cut_once(image, scene, chance):
    """Lets it start and load until some moment, and cuts it off there."""
    loader = scene.loader
    loader.launch()
    if chance.random() < 0.75:
        wait_until(loader.is_ready, "ready")
    time.sleep(chance.uniform(0, 0.3))
    image.cut()
    loader.kill()
    image.recover()


def live(image, scene, chance, one, most):
    """Until all is loaded; what is only in memory then does not count, and what comes back is known."""
    scene.put_some(len(scene.waiting))
    settle(image)
    for _ in range(most):
        if not scene.has_files():
            break
        cut_once(image, scene, chance)
        one.runs += 1
    scene.age_private_files()
    scene.finish(one)
    image.cut()
    image.recover()
    scene.finish(one)


def run(runs, seed, program=None):
    one = row.LoaderRow("power cut, ext4, SQLite", 0, seed=seed)
    chance, files = random.Random(seed), mailbag.Mailbag(seed)
    with tempfile.TemporaryDirectory() as folder, images.Image(pathlib.Path(folder)) as image:
        expected = loading.undisturbed(folder, files)
        while one.runs < runs and not one.failed():
            settings = {**chance.choice(PACES), "beside": folder, "program": program}
            with loading.scene(one, image.path / "root", files, **settings) as scene:
                live(image, scene, chance, one, runs - one.runs)
                scene.check(one, expected)
            settle(image)                       # else the next cut brings the root back
    return [one]


def main():
    options = row.parser(__doc__.splitlines()[0], 50)
    options.add_argument("--program", help="another statesys, such as a broken one: ends at the first loss")
    chosen = options.parse_args()
    return row.tell(run(chosen.runs, chosen.seed, chosen.program))


if __name__ == "__main__":
    sys.exit(main())
