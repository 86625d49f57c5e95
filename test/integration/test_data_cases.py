"""Every folder of test/data/cases against one relay: the answer, the file, the log lines and the verdict."""
import pytest

import cases

pytest.register_assert_rewrite("outcomes")
import outcomes  # noqa: E402

CASES = cases.in_folders()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(shared_relay, case):
    outcome, = outcomes.send(shared_relay, [case])
    outcomes.check(shared_relay, outcome)


def test_no_request_had_a_second_verdict(shared_relay):
    shared_relay.stop()
    assert len(shared_relay.verdicts()) == shared_relay.posted
