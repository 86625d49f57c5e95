"""Odd, long or endless chunks: the report is kept or refused, and nothing behind it is read as a request, for another
reader could see its end elsewhere."""
import re

import pytest

import wire

REPORT, SMUGGLED = wire.report(), wire.plain(wire.report(serial=666))
BODY = REPORT.encode()
HEAD = (b"POST /ccm_system/request HTTP/1.1\r\nHost: mp\r\nContent-Type: text/xml\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n")


def chunk(data, extension=b"", end=b"\r\n"):
    return b"%x%s%s%s%s" % (len(data), extension, end, data, end)


def chunked(*pieces, last=b"0\r\n\r\n"):
    return HEAD + b"".join(pieces) + last


KEPT = {
    "long-extension": chunked(chunk(BODY, b";" + b"x" * 10000)),
    "megabytes-of-extensions": chunked(*(chunk(BODY[i:i + 1], b";" + b"x" * 4000) for i in range(len(BODY)))),
    "zeros-before-a-size": chunked(b"0" * 4000 + chunk(BODY)),
    "zeros-as-last-chunk": chunked(chunk(BODY), last=b"0000000\r\n\r\n"),
    "extension-of-last-chunk": chunked(chunk(BODY), last=b"0;x=y\r\n\r\n"),
    "trailer": chunked(chunk(BODY), last=b"0\r\nX: y\r\n\r\n"),
    "trailer-of-a-length": chunked(chunk(BODY), last=b"0\r\nContent-Length: 5\r\n\r\n"),
    "trailer-of-an-encoding": chunked(chunk(BODY), last=b"0\r\nHost: b\r\nTransfer-Encoding: gzip\r\n\r\n"),
    "folded-trailer": chunked(chunk(BODY), last=b"0\r\nX: y\r\n z\r\n\r\n"),
    "bare-line-feeds": chunked(chunk(BODY, end=b"\n"), last=b"0\n\n"),
    "bare-line-feed-in-trailer": chunked(chunk(BODY), last=b"0\r\nX: y\n\r\n"),
    "bare-return-in-extension": chunked(chunk(BODY, b";a\rb")),
}
REFUSED = {
    "extension-over-memory": (400, chunked(chunk(BODY, b";" + b"x" * 30000))),
    "extension-of-megabytes": (400, chunked(chunk(BODY, b";" + b"x" * (4 << 20)))),
    "zeros-over-memory": (400, chunked(b"0" * 30000 + chunk(BODY))),
    "trailers-by-the-thousand": (431, chunked(chunk(BODY), last=b"0\r\n" + b"X: y\r\n" * 1000 + b"\r\n")),
    "trailer-of-64K": (431, chunked(chunk(BODY), last=b"0\r\nX: " + b"y" * 65536 + b"\r\n\r\n")),
    "trailer-of-a-megabyte": (431, chunked(chunk(BODY), last=b"0\r\nX: " + b"y" * (1 << 20) + b"\r\n\r\n")),
    "bare-line-feed-in-extension": (400, chunked(chunk(BODY, b";a\nb"))),
    "blank-behind-a-size": (400, chunked(chunk(BODY, b" "))),
    "chunk-without-its-end": (400, chunked(chunk(BODY)[:-2])),
}


@pytest.mark.parametrize("name", KEPT)
def test_nothing_behind_chunks_is_read(shared_relay, name):
    before = shared_relay.files()
    with shared_relay.connect() as connection:
        connection.send(KEPT[name] + SMUGGLED)
        answer = connection.answer()
        assert answer.status == 200 and answer.headers["connection"].lower() == "close" and connection.ends()
    kept = [content for path, content in shared_relay.files().items() if path not in before]
    assert kept == [wire.smx(REPORT)]
    verdict, = shared_relay.next_verdicts()
    assert verdict["file"]


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_behind_refused_chunks_is_read(shared_relay, name):
    before, (status, request) = shared_relay.files(), REFUSED[name]
    with shared_relay.connect() as connection:
        connection.send(request + SMUGGLED)
        while connection.more():
            pass
    answers = re.findall(rb"HTTP/1\.1 (\d+)", connection.received)      # the library has numbers of its own for some
    assert len(answers) <= 1 and set(answers) <= {b"%d" % status, b"500"}
    verdict, = shared_relay.next_verdicts()
    assert verdict["refused"] == str(status) and shared_relay.files() == before
