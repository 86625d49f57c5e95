"""smx as an operator runs it, beside a state system of the tests."""
import json
import subprocess

from relay import BUILD, PATIENCE


def smx(*words):
    """What it says, and its status."""
    return subprocess.run([str(BUILD / "smx"), *map(str, words)], capture_output=True, timeout=PATIENCE)


def run(statesys, verb, *words, status=0):
    """A verb about that state system's site; its output. Nothing that a terminal would obey is in it."""
    done = smx(verb, "--root", statesys.root, "--database", statesys.database.url, *words)
    assert done.returncode == status, (done.stdout, done.stderr)
    text = (done.stdout + done.stderr).decode()
    assert all(c.isprintable() or c == "\n" for c in text), text
    return done.stdout.decode() if status == 0 else done.stderr.decode()


def rows(statesys, verb, *words):
    """The same as JSON, one object a line."""
    return [json.loads(line) for line in run(statesys, verb, *words, "--json").splitlines()]
