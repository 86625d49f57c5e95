"""A database stops, crashes, is locked, fills up or breaks while files are loaded, and comes back: all of them are loaded
then, none is put aside, and nobody has to tell the state system."""
import os

import pytest

import database_faults

FAULTS = int(os.environ.get("FAULTS", 1))       # of each kind


@pytest.mark.parametrize("fault", database_faults.FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_loader_database_faults_heal_by_themselves(fault, cluster):
    one = database_faults.run_one(fault, FAULTS, 5, cluster)
    assert not one.failed(), one
    assert one.runs == FAULTS and one.files > 0
