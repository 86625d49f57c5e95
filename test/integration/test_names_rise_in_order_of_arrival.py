"""The alphabetical order of the files is the order in which the reports came."""
import json
import time

import wire
from relay import NAME

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def test_names_rise_in_order_of_arrival(relay):
    before = time.time_ns() // 1000
    names = []
    with relay.connect() as connection:
        for n in range(200):
            connection.send(wire.plain(wire.report(serial=n), keep=True))
            names.append(json.loads(connection.answer().body)["file"])
    relay.kill()
    relay.start()
    names.append(json.loads(relay.post(wire.plain(wire.report())).body)["file"])
    after = time.time_ns() // 1000
    assert names == sorted(names) and len(set(names)) == 201
    assert all(NAME.fullmatch(name) for name in names)
    for name in (names[0], names[-1]):
        arrived = 0
        for digit in name[:11]:
            arrived = arrived * 32 + ALPHABET.index(digit)
        assert before <= arrived <= after


def test_files_have_the_prefix_mode_and_case_of_the_settings(start):
    relay = start(unverified_prefix="N_")
    assert relay.post(wire.ccm(wire.report())).status == 200
    path, = relay.box.glob("*.smx")
    assert path.name.startswith("N_") and NAME.fullmatch(path.name[2:])
    assert path.stat().st_mode & 0o777 == 0o640
    for queue in ("", "high", "low"):
        assert (relay.box / queue).stat().st_mode & 0o777 == 0o750
