"""Each limit of size: what just fits is taken, one more is refused, and nothing of it is kept."""
import json
import re
import zlib

import pytest

import cmtrace
import wire

REPORT = wire.report()
PAD = "<!--%s-->"


def padded(size):
    """A report of that many bytes of UTF-16."""
    extra = size - len((REPORT + PAD % "").encode("utf-16-le"))
    return REPORT.replace("<ReportBody>", PAD % ("x" * (extra // 2)) + "<ReportBody>")


def with_msg(old, new):
    """A CCM_POST whose envelope is edited."""
    request = wire.ccm(REPORT).replace(old.encode("utf-16-le"), new.encode("utf-16-le"), 1)
    head, _, body = request.partition(b"\r\n\r\n")
    return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head) + b"\r\n\r\n" + body


def header(lines, size):
    return wire.ccm(REPORT).replace(b"\r\n", b"\r\n" + (b"X: " + b"y" * size + b"\r\n") * lines, 1)


MESSAGE = '<StateMessage><Topic Type="1"/><State ID="1"/></StateMessage>'
BODY, PROPERTY = "<Property ", '<Property Name="a" Value="b"/>'
REPORTS = {
    "max-request": ({"max_request": "64K"}, wire.plain(b"\xff\xfe" + padded(65534).encode("utf-16-le")),
                    wire.plain(b"\xff\xfe" + padded(65536).encode("utf-16-le"))),
    "max-request-chunked": ({"max_request": "64K"},
                            wire.chunked(wire.plain(b"\xff\xfe" + padded(65534).encode("utf-16-le"))),
                            wire.chunked(wire.plain(b"\xff\xfe" + padded(65536).encode("utf-16-le")))),
    "max-inflated": ({"max_inflated": "64K"}, wire.ccm(padded(65534)), wire.ccm(padded(65536))),
    "max-inflated-gzip": ({"max_inflated": "64K"}, *(wire.plain(zlib.compress(padded(n).encode()), headers=[
        "Content-Encoding: deflate"]) for n in (131072, 131076))),
    "max-ratio": ({}, wire.ccm(padded(1000000)), wire.ccm(padded(4000000))),
    "max-inflated-bomb": ({}, wire.ccm(REPORT), wire.ccm(padded(66 << 20))),
    "max-tag": ({}, *(wire.ccm(REPORT.replace("<Report>", '<Report X="%s">' % ("x" * n))) for n in (65000, 66000))),
    "xml-depth": ({"xml_depth": 10}, *(wire.ccm(REPORT.replace("<ReportBody>", "<X>" * n + "</X>" * n + "<ReportBody>"))
                                       for n in (9, 10))),
    "messages": ({}, *(wire.plain(REPORT.replace("</ReportBody>", MESSAGE * n + "</ReportBody>"))
                       for n in (99999, 100000))),
    "max-msg": ({"max_msg": "16K"}, *(with_msg(BODY, "<X>%s</X>" % ("x" * n) + BODY) for n in (6000, 9000))),
    "max-attachments": ({}, *(with_msg(BODY, '<Attachment Type="ByteRange" Offset="0" Length="0"/>' * n + BODY)
                              for n in (16, 17))),
    "max-properties": ({}, *(with_msg(BODY, PROPERTY * n + BODY) for n in (63, 64))),
    "xml-depth-of-msg": ({}, *(with_msg(BODY, "<X>" * n + "</X>" * n + BODY) for n in (31, 32))),
}


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_too_large_is_413(start, name):
    settings, fits, too_large = REPORTS[name]
    relay = start(**settings)
    answer = relay.post(too_large)
    assert answer.status == 413 and answer.headers["connection"].lower() == "close"
    if too_large.startswith(b"POST"):
        assert json.loads(answer.body)["rule"] == "limit"
    verdict, = [v for v in map(cmtrace.verdict, relay.next_records()) if v]
    assert (verdict["refused"], verdict["rule"]) == ("413", "limit")
    assert relay.files() == {}
    assert relay.post(fits).status == 200
    assert len(relay.files()) == 1


@pytest.mark.parametrize("fits, too_large", [((1, 8000), (1, 17000)), ((80, 10), (110, 10)), ((1, 8000), (90, 300))])
def test_too_many_headers_are_431(start, fits, too_large):
    relay = start()
    assert relay.post(header(*fits)).status == 200
    answer = relay.post(header(*too_large))
    assert answer.status == 431
    assert relay.next_records(2) and len(relay.files()) == 1
