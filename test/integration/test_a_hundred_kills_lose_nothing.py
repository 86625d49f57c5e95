"""Killed, aborted, terminated or stopped under load (KILLS times), the relay has what it acknowledged, whole, and
nothing else."""
import os

import kills

KILLS = int(os.environ.get("KILLS", 100))


def test_a_hundred_kills_lose_nothing(tmp_path):
    rows = kills.run(KILLS, 2, tmp_path)
    assert [row for row in rows if row.failed()] == []
    assert sum(row.runs for row in rows) == KILLS and all(row.acknowledged > row.runs for row in rows)
