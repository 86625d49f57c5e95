"""smx send builds the envelope itself and posts; its status says whether the report was taken."""
import subprocess

import pytest

import wire
from relay import BUILD, DATA, free_port

REPORTS = DATA / "samples" / "reports"


def send(*arguments):
    done = subprocess.run([BUILD / "smx", "send", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("plain", [[], ["--plain"]])
@pytest.mark.parametrize("whole_url", [True, False])
def test_send(relay, plain, whole_url):
    url = "http://127.0.0.1:%d%s" % (relay.port, "/ccm_system/request" if whole_url else "")
    status, said = send(REPORTS / "A-update-detection.body", REPORTS / "D-pull-dp.body", "--to", url, *plain)
    assert status == 0, said
    assert sorted(relay.files().values()) == sorted(
        b"\xff\xfe" + (REPORTS / name).read_bytes()[:-2] for name in ("A-update-detection.body", "D-pull-dp.body"))
    relay.stop()
    verdicts = relay.verdicts()
    assert len(verdicts) == 2 and {v["trust"] for v in verdicts} == {"unsigned"}
    assert len({v["id"] for v in verdicts}) == (1 if plain else 2)


def test_send_many_times(relay, tmp_path):
    report = wire.report(messages=2)
    (tmp_path / "r.smx").write_bytes(wire.smx(report))
    status, said = send(tmp_path / "r.smx", "--to", "http://127.0.0.1:%d" % relay.port, "--count", 25)
    assert status == 0, said
    assert list(relay.files().values()) == [wire.smx(report)] * 25
    relay.stop()
    assert len({v["id"] for v in relay.verdicts()}) == 25


def test_a_refusal_is_not_0_and_is_said(relay, tmp_path):
    (tmp_path / "bad.xml").write_text("<Report/>")
    for plain in ([], ["--plain"]):
        status, said = send(tmp_path / "bad.xml", "--to", "http://127.0.0.1:%d" % relay.port, *plain)
        assert status != 0 and "400" in said
    assert relay.files() == {}


def test_nobody_there_is_not_0_and_names_the_address():
    url = "http://127.0.0.1:%d" % free_port()
    status, said = send(REPORTS / "A-update-detection.body", "--to", url)
    assert status != 0 and "127.0.0.1" in said
