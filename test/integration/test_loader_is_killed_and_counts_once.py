"""Killed, aborted, terminated or stopped under load (KILLS times over all), alone or with another beside it, the state
system ends up with the tables of an undisturbed run, row by row, on both databases."""
import os

import loader_kills

KILLS = int(os.environ.get("KILLS", 25))


def test_loader_is_killed_and_counts_once(tmp_path, cluster):
    rows = loader_kills.run(max(KILLS // 5, 2), 1, tmp_path, cluster)
    assert [row for row in rows if row.failed()] == []
    assert len(rows) == 5 and all(row.runs > 0 and row.files > 0 for row in rows)
