"""The power fails while files are loaded into SQLite on a real ext4, CUTS times: what was gone from the inbox is in the
database, and at the end it equals the one of an undisturbed run."""
import os

import loader_power_cuts

CUTS = int(os.environ.get("CUTS", 4))


def test_loader_power_cut_loses_nothing():
    one, = loader_power_cuts.run(CUTS, 1)
    assert not one.failed(), one
    assert one.runs == CUTS and one.files > 0
