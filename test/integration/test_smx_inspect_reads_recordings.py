"""smx inspect reads a request as it was recorded, chunked, compressed, plain or its body alone, and says what is odd."""
import gzip
import json
import subprocess

import pytest

import wire
from relay import BUILD

REPORT = wire.report(serial=7)
REQUEST = wire.ccm(REPORT)
PLAIN = wire.plain(REPORT)
BODY = REQUEST.partition(b"\r\n\r\n")[2]
GOOD = '<StateMessage><Topic Type="500" ID="a"/><State ID="2"/></StateMessage>'


def inspect(content, *form):
    done = subprocess.run([BUILD / "smx", "inspect", *form, "-"], input=content, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode("utf-8") + done.stderr.decode("utf-8")


def with_message(state_message):
    begin, end = REPORT.index("<StateMessage "), REPORT.index("</StateMessage>")
    return wire.smx(REPORT[:begin] + state_message + REPORT[end + len("</StateMessage>"):])


def test_a_chunked_recording_is_the_same_as_a_whole_one():
    status, said = inspect(REQUEST)
    assert status == 0 and wire.CLIENT in said and "MP_RelayEndpoint" in said
    for size in (1, 15, 16, 255, 100000):
        assert inspect(wire.chunked(REQUEST, size)) == inspect(wire.chunked(REQUEST, size, b";x=y")) == (status, said)


def test_what_follows_the_request_is_not_read():
    for request in (REQUEST, PLAIN):
        assert inspect(request + b"GET / HTTP/1.1\r\n\r\n") == inspect(request)


@pytest.mark.parametrize("recording", [
    PLAIN, wire.plain(gzip.compress(REPORT.encode(), mtime=0), headers=["Content-Encoding: gzip"]), BODY,
    PLAIN.replace(b"\r\n", b"\n", 5)])
def test_plain_and_bodies_alone_are_read(recording):
    status, said = inspect(recording)
    assert status == 0 and wire.CLIENT in said


@pytest.mark.parametrize("recording, words", [
    (REQUEST.replace(b"\r\nHost:", b"\r\nHost", 1), "a header line has no colon"),
    (REQUEST.replace(b"Content-Length: ", b"Content-Length: x", 1), "Content-Length is not a number"),
    (REQUEST[:-1], "Content-Length says"),
    (wire.chunked(REQUEST)[:-5], "the last chunk of the body is missing"),
    (wire.chunked(REQUEST)[:-50], "the last chunk of the body is missing"),
    (wire.chunked(REQUEST).replace(b"\r\n3e8\r\n", b"\r\nfffff\r\n", 1), "the last chunk of the body is missing"),
    (wire.plain(REPORT, content_type="image/png"), "'image/png' is not taken"),
    (wire.plain(REPORT, headers=["Content-Encoding: br"]), "'br' is not taken"),
    (b"--\r\n" + BODY, "is not a boundary"), (b"--" + b"x" * 71 + b"\r\n", "is not a boundary"),
    (b"--x", "is not a boundary"),
])
def test_a_bad_recording_is_65_and_says_why(recording, words):
    status, said = inspect(recording)
    assert (status, words in said) == (65, True), said


@pytest.mark.parametrize("state_message, text, member", [
    (GOOD, "Message 1", ("serial", None)),
    ('<StateMessage MessageTime="never"><Topic Type="500"/><State ID="2"/></StateMessage>', "Problem", ("time", None)),
    ('<StateMessage><Topic Type="99999"/><State ID="2"/></StateMessage>', "state 99999/2", ("topic_type", 99999)),
    ('<StateMessage><Topic Type="500"/><State ID="2"/><StateDetails>%s</StateDetails></StateMessage>' % ("d" * 300),
     "d" * 200 + "...", ("details", "d" * 300)),
    ('<StateMessage><Topic Type="x"/><State ID="2"/></StateMessage>' + GOOD, "INVALID", ("valid", False)),
])
def test_what_is_odd_in_a_message_is_said(state_message, text, member):
    said, found = inspect(with_message(state_message))[1], json.loads(inspect(with_message(state_message), "--json")[1])
    assert text in said
    assert found["messages"][0].get(member[0]) == member[1]


def test_only_so_many_problems_are_shown():
    status, said = inspect(with_message('<StateMessage MessageTime="never"><Topic Type="500"/><State ID="2"/>'
                                        '</StateMessage>' * 300))
    assert status == 0 and "200 problems more" in said
