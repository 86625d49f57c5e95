"""Whatever call of the state system fails, and wherever it is killed, each file counts once and the bad ones only are put
aside (test/fault/loader_torture)."""
import loader_torture


def test_loader_every_failing_call_is_survived():
    for row in loader_torture.run(runs=1, seed=1):
        assert row.runs > 0 and not row.failed(), row
