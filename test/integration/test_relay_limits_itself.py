"""Once started the relay has given up what it does not need, in every thread, and says so in one line; what is refused
then is tried in test/unit/test_sandbox.c."""
import pathlib

import wire
from relay import wait_until


def line(relay):
    found = wait_until(lambda: [r for r in relay.log() if r.text.startswith("Relay: sandbox: ")], "the line")
    assert len(found) == 1
    return found[0]


def threads(relay):
    return [dict(line.split(":\t", 1) for line in path.read_text().splitlines())
            for path in pathlib.Path("/proc/%d/task" % relay.process.pid).glob("*/status")]


def test_every_thread_is_limited(start):
    relay = start(sandbox="yes")
    said = line(relay)
    assert said.type == 1 and "Landlock" in said.text and "no program can be started" in said.text
    assert relay.post(wire.ccm(wire.report())).status == 200
    assert len(threads(relay)) > 5
    assert {(thread["NoNewPrivs"], thread["Seccomp"]) for thread in threads(relay)} == {("1", "2")}


def test_it_can_be_switched_off(start):
    relay = start(sandbox="no")
    assert line(relay).text == "Relay: sandbox: off"
    assert {thread["Seccomp"] for thread in threads(relay)} == {"0"}
