"""What the database holds missing is what the fleet says that it left out, run for run; when the fleet has answered the
resync requests nothing is missing any more."""
import os

import pytest

from fleet import ANSWERED, RESYNC, SENT, left_out, missing, simulate, sums
from relay import wait_until

CLIENTS = int(os.environ.get("FLEET", 200))         # 10000: two minutes
ROUNDS = 6
OPTIONS = ["--clients", CLIENTS, "--rounds", ROUNDS, "--floods", 1, "--gaps", 2, "--bad", 5, "--seed", 4]
ISSUED = "SELECT COUNT(*) FROM SR_ClientMessageStats WHERE ResyncIssuedSerial IS NOT NULL"
REPORTS = (CLIENTS + 99) * ROUNDS


@pytest.fixture
def site(start, start_statesys):
    """Relay and state system on a root of their own, with a database."""
    def site(root, database=None):
        return start(root=str(root), resync_dir=str(root / RESYNC), max_inbox_files=10000000), \
            start_statesys(root=root, database=database, resync_batch=1000000, resync_backlog=1000000000)
    return site


def settle(relay, statesys):
    """All that was acknowledged is in the database: what is in the relay's journal is in the inbox when it ends."""
    relay.stop()
    statesys.wait_until_loaded()
    relay.start()


def age_ranges(statesys):
    """As if they had been missing for three days: a check comes with each start."""
    statesys.stop()
    statesys.ask("UPDATE SR_MissingMessageRanges SET DetectedTime = DetectedTime - 259200000000")
    statesys.start()


def test_resyncs_that_are_answered_leave_nothing_missing(site, database, tmp_path):
    relay, statesys = site(tmp_path / "site", database)
    outcome = sums(SENT, simulate(relay.port, *OPTIONS, "--left-out", tmp_path / "left-out"))
    sent, messages, refused, taken, _ = outcome
    assert (sent, taken) == (REPORTS, 0) and refused > 0 and messages > sent
    settle(relay, statesys)
    expected = left_out(tmp_path / "left-out")
    assert missing(statesys) == expected and expected
    assert statesys.files("corrupt") == []

    clients = {client for client, _, _ in expected}
    age_ranges(statesys)
    wait_until(lambda: statesys.ask(ISSUED) == [(len(clients),)], "the resync requests")
    statesys.stop()
    for _ in range(2):      # who answers a request again says the same, which counts once
        assert sums(ANSWERED, simulate(relay.port, *OPTIONS, "--answer-resyncs"))[:2] == (CLIENTS, len(clients))
    statesys.start()
    settle(relay, statesys)
    assert missing(statesys) == set()
    assert statesys.ask("SELECT COUNT(*), SUM(Restarts) FROM SR_ClientMessageStats "
                        "WHERE LastResyncClientCompletedTime IS NOT NULL") == [(len(clients), 0)]


def test_the_same_seed_leaves_out_the_same_and_another_seed_something_else(site, tmp_path):
    found = []
    for seed in (11, 11, 12):
        path = tmp_path / str(len(found))
        relay, statesys = site(path)
        options = ["--clients", CLIENTS // 4, "--gaps", 10, "--seed", seed, "--plain", "--left-out", path / "left-out"]
        sums(SENT, simulate(relay.port, *options))
        settle(relay, statesys)
        assert missing(statesys) == left_out(path / "left-out")
        found.append(missing(statesys))
    assert found[0] == found[1] != found[2]
