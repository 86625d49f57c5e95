"""smx simulate ends with a status and a sentence where it cannot do what it is asked for."""
import pytest

from fleet import simulate
from relay import free_port


def test_who_hands_out_no_requests_is_named(relay):
    status, said = simulate(relay.port, "--clients", 2, "--answer-resyncs")
    assert status == 65 and "resync-dir" in said, said


def test_nobody_there_is_said_at_once():
    status, said = simulate(free_port(), "--clients", 2)
    assert status == 69 and "127.0.0.1" in said


@pytest.mark.parametrize("options, words", [
    (["--clients", "0"], "--clients is a number from 1"), (["--gaps", "91"], "--gaps is a number from 0 to 90"),
    (["--clients", "3", "--floods", "4"], "--floods"), (["more"], "only options"), (["--fast"], "unknown option"),
    (["--to", "ftp://x"], "URL"), (["--rounds", "1x"], "--rounds"),
])
def test_a_wrong_command_line_is_64(options, words):
    status, said = simulate(1, *options)
    assert status == 64 and words in said, said


def test_what_cannot_be_written_is_said(say, tmp_path):
    status, said = simulate(say(lambda _: (200, b"kept")).server_port, "--clients", 2, "--left-out", tmp_path)
    assert status == 71 and "cannot write" in said
