"""After all hostile content a second time: no more memory, descriptors, threads, nor files but those in the inbox."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fault"))
import hostile                                          # noqa: E402


def test_hostile_content_leaves_nothing_behind():
    row, = hostile.run(runs=1, seed=1)
    assert row.runs > 500 and row.acknowledged > 100 and not row.failed(), row
