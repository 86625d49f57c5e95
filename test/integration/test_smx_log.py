"""smx log shows the relay's log readable, and with -f goes on over a rotation."""
import subprocess

import pytest

import wire
from relay import BUILD, wait_until


def test_log_shows_each_record(relay):
    assert relay.post(wire.ccm(wire.report())).status == 200
    assert relay.post(wire.ccm("<Report/>")).status == 400
    relay.stop()
    done = subprocess.run([BUILD / "smx", "log", relay.log_path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    for record in relay.log():
        assert record.text in done.stdout
    assert "<![LOG[" not in done.stdout and "\x1b" not in done.stdout      # a pipe gets no colour


def test_log_follows_over_a_rotation(start, tmp_path):
    relay, out = start(log_max_size=10000), tmp_path / "out"
    assert relay.post(wire.ccm(wire.report())).status == 200
    relay.next_records()
    with open(out, "wb") as stdout:
        follower = subprocess.Popen([BUILD / "smx", "log", "-f", relay.log_path], stdout=stdout)
    try:
        wait_until(lambda: b"kept as" in out.read_bytes(), "the first report")
        for n in range(20):
            assert relay.post(wire.ccm(wire.report(serial=n), message_id="{NUMBER-%d}" % n)).status == 200
            wait_until(lambda: b"{NUMBER-%d}" % n in out.read_bytes(), "report %d" % n)
        assert relay.log_path.with_name("MP_Relay.lo_").exists()
    finally:
        follower.terminate()
        follower.wait(60)


@pytest.mark.parametrize("arguments, status, words", [
    ([], 64, "Usage"), (["--help"], 0, "Usage"), (["--fast", "x"], 64, "Usage"), (["a", "b"], 64, "Usage"),
    (["/no/such/\x1b[31mfile"], 66, "?[31mfile"), (["/"], 66, "cannot read"),
])
def test_what_is_wrong_has_its_status(arguments, status, words):
    done = subprocess.run([BUILD / "smx", "log", *arguments], capture_output=True, text=True, timeout=60)
    assert (done.returncode, words in done.stdout + done.stderr) == (status, True)
