"""The power fails while files are loaded into SQLite on a real ext4, CUTS times, and as often with a parent site: what was
gone from the inbox is in the database, and at the parent, and at the end it equals the one of an undisturbed run."""
import os

import loader_power_cuts

CUTS = int(os.environ.get("CUTS", 4))


def test_loader_power_cut_loses_nothing():
    rows = loader_power_cuts.run(CUTS, 1)
    assert [row for row in rows if row.failed()] == []
    assert len(rows) == 2 and all(row.runs == CUTS and row.files > 0 for row in rows)
