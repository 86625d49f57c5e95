"""A disk fills up, breaks or goes away under load and comes back: nothing is lost, and nobody has to tell the relay."""
import os
import sys

import pytest

from relay import TOP

sys.path.append(str(TOP / "test/fault"))
import disk_faults  # noqa: E402 (found by the line above)

FAULTS = int(os.environ.get("FAULTS", 1))       # of each kind


@pytest.mark.parametrize("fault", disk_faults.FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_disk_fault_heals_by_itself(fault):
    one = disk_faults.run_one(fault, FAULTS, 5)
    assert not one.failed(), one
    assert one.acknowledged > 0
