"""A start removes temporaries of our own older than an hour, and touches nothing else."""
import os
import time

import wire


def test_leftovers_are_swept_at_start(relay):
    assert relay.post(wire.ccm(wire.report())).status == 200
    kept = relay.files()
    relay.stop()
    for name in (".old", "high/.older", "low/.oldest", ".young", "msg00002.SMX", "x.txt"):
        (relay.box / name).write_bytes(b"x")
        age = 60 if name == ".young" else 7200
        os.utime(relay.box / name, (time.time() - age,) * 2)
    relay.start()
    assert relay.files() == {**kept, ".young": b"x", "msg00002.SMX": b"x", "x.txt": b"x"}
