"""Thousands of hostile reports and envelopes: each has the right status, one verdict, and its file or none."""
import os

import pytest

import cases

ONE_IN = int(os.environ.get("ONE_IN", 1))       # of what is swept through

pytest.register_assert_rewrite("outcomes")
import outcomes  # noqa: E402


@pytest.mark.parametrize("family", cases.FAMILIES)
def test_hostile_content_is_answered_as_specified(shared_relay, family):
    found = outcomes.send(shared_relay, cases.hostile(family)[::ONE_IN if family == "sweeps" else 1])
    assert outcomes.complaints(shared_relay, found) == []


def test_no_request_had_a_second_verdict(shared_relay):
    shared_relay.stop()
    assert len(shared_relay.verdicts()) == shared_relay.posted


def test_hostile_cases_are_600_and_more():
    """Each as a whole, in whatever forms it is sent; what is swept through byte by byte is not counted."""
    refused = {case.name.rpartition("-")[0] for family in cases.FAMILIES if family != "sweeps"
               for case in cases.hostile(family) if case.kept is None}
    assert len(refused) > 900
