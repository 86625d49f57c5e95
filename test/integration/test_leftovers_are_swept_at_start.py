"""A start removes what a killed relay of its own kind left behind, and touches nothing of other writers."""
import os
import time

import wire


def test_leftovers_are_swept_at_start(relay):
    assert relay.post(wire.ccm(wire.report())).status == 200
    kept = relay.files()
    relay.stop()
    ours = [".1K0VZ7MCG8A00BG9.part", "high/.1K0VZ7MCG8A00BG8.part", "low/.1K0VZ7MCG8A00BG7.part"]
    others = [".nfs0001", "high/.rsync.part", "msg00002.SMX", "low/x.txt", "1K0VZ7MCG8A00BG9.part"]
    for name in ours + others:
        (relay.box / name).write_bytes(b"x")
        os.utime(relay.box / name, (time.time() - 7200,) * 2)
    relay.start()
    assert relay.files() == {**kept, **dict.fromkeys(others, b"x")}
