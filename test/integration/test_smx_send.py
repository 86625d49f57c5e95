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


def test_signed_as_the_client_in_the_report(start, pairs):
    relay = start(signature_policy="require", trust_first_use="yes")
    url = "http://127.0.0.1:%d" % relay.port
    for name in "A-update-detection.body", "D-pull-dp.body":
        status, told = send(REPORTS / name, "--to", url, "--sign", pairs[0])
        assert status == 0, told
    assert send(REPORTS / "A-update-detection.body", "--to", url, "--sign", pairs[1])[0] == 65
    assert send(REPORTS / "A-update-detection.body", "--to", url)[0] == 65
    relay.stop()
    verdicts = relay.verdicts()
    assert [v["trust"] or v["rule"] for v in verdicts] == ["signed", "signed", "signature", "policy"]
    assert len(relay.files()) == 2 and len(list((relay.root / "trust").iterdir())) == 2


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


@pytest.mark.parametrize("plain", [[], ["--plain"]])
@pytest.mark.parametrize("http_status, body, status, words", [
    (200, b"--x", 0, "200, kept"), (202, b"--x", 0, "202, kept"), (200, b"", 75, "the answer is empty"),
    (200, b"x" * 200000, 0, "200, kept"), (400, b"", 65, "relay's log"), (404, b"", 65, "404, refused"),
    (413, b'{"message":"too \x1b[31mlarge"}', 65, '{"message":"too ?[31mlarge"}'), (301, b"", 65, "301, refused"),
    (408, b"", 75, "later"), (429, b"", 75, "later"), (500, b"", 75, "later"), (503, b"", 75, "later"),
], ids=lambda value: repr(value)[:30])
def test_what_the_answer_means(say, plain, http_status, body, status, words):
    server = say(lambda _: (http_status, body))
    report = REPORTS / "A-update-detection.body"
    got, said = send(report, "--to", "http://127.0.0.1:%d" % server.server_port, *plain)
    assert (got, words in said, said.count("\n")) == (status, True, 1), said
    (method, path, kind), = server.seen
    assert (method, path) == ("POST" if plain else "CCM_POST", "/ccm_system/request")
    assert kind == ("application/xml" if plain else 'multipart/mixed; boundary="aAbBcCdDv1234567890VxXyYzZ"')


@pytest.mark.parametrize("tail, path", [
    ("", "/ccm_system/request"), ("/", "/ccm_system/request"), ("/x", "/x"), ("/x/?y=z", "/x/?y=z"),
    ("/?y", "/ccm_system/request?y"),
])
def test_a_url_without_a_path_is_completed(say, tail, path):
    server = say(lambda _: (200, b""))
    send(REPORTS / "A-update-detection.body", "--to", "127.0.0.1:%d%s" % (server.server_port, tail))
    assert [seen[1] for seen in server.seen] == [path]


A = str(REPORTS / "A-update-detection.body")


@pytest.mark.parametrize("arguments, status, words", [
    (["--help"], 0, "Usage"), ([], 64, "--to"), ([A], 64, "--to"), (["--to", "http://x"], 64, "file"), (["--to"], 64, ""),
    ([A, "--to", "http://x", "--sign", "/dev/null", "--plain"], 64, "--plain"),
    ([A, "--to", "http://x", "--sign", "/dev/null"], 66, "no private key"),
    ([A, "--to", "http://x", "--sign", "/no/such/key"], 66, "/no/such/key"),
    ([A, "--to", "ftp://x"], 64, "URL"), ([A, "--to", "http://"], 64, "URL"), ([A, "--to", "http://a b"], 64, "URL"),
    ([A, "--to", "http://x", "--count", "0"], 64, "--count"), ([A, "--to", "http://x", "--fast"], 64, "option"),
    (["/no/such/\x1b[31mfile", "--to", "http://127.0.0.1:1"], 66, "?[31mfile"),
    ([A, "--to", "http://127.0.0.1:1"], 69, "127.0.0.1"), ([A, "--to", "http://[::1]:1"], 69, "[::1]:1"),
])
def test_what_is_wrong_has_its_status(arguments, status, words):
    got, said = send(*arguments)
    assert (got, words in said) == (status, True), said


def test_what_is_no_text_is_65_and_not_sent(say, tmp_path):
    server = say(lambda _: (200, b""))
    (tmp_path / "half").write_bytes(b"\xff\xfe<\0x")
    status, said = send(tmp_path / "half", "--to", "http://127.0.0.1:%d" % server.server_port)
    assert (status, server.seen) == (65, []) and "half" in said
