"""The power fails under load, at any moment, CUTS times on each file system: what was acknowledged is there, whole."""
import os
import sys

import pytest

from relay import TOP

sys.path.append(str(TOP / "test/fault"))
import power_cuts  # noqa: E402 (found by the line above)

CUTS = int(os.environ.get("CUTS", 4))


@pytest.mark.parametrize("file_system", ["ext4", "xfs"])
def test_power_cut_loses_nothing(file_system):
    one, = power_cuts.run(CUTS, 3, file_system)
    assert not one.failed(), one
    assert one.runs == CUTS and one.acknowledged > 0
