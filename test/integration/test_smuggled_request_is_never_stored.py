"""A request whose length two readers could see differently is refused, and nothing behind it is read as a request."""
import re

import pytest

import cmtrace
import wire

SMUGGLED = wire.ccm(wire.report(serial=666))
BODY = b"0\r\n\r\n"                 # an end for who believes in chunks, five bytes for who believes in the length
LENGTH, CHUNKED, HOST = b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: mp\r\n"
VECTORS = {
    "length-and-chunked": HOST + LENGTH + CHUNKED,
    "chunked-and-length": HOST + CHUNKED + LENGTH,
    "two-lengths": HOST + LENGTH + b"Content-Length: 0\r\n",
    "same-length-twice": HOST + LENGTH + LENGTH,
    "two-hosts": HOST + b"Host: other\r\n" + LENGTH,
    "no-host": LENGTH,
    "nul-in-value": HOST + b"X: a\0b\r\n" + LENGTH,
    "nul-in-name": HOST + b"X\0Y: a\r\n" + LENGTH,
    "bare-cr-in-value": HOST + b"X: a\rContent-Length: 0\r\n" + LENGTH,
    "bare-lf-in-value": HOST + b"X: a\nContent-Length: 0\r\n" + LENGTH,
    "blank-before-colon": HOST + b"Content-Length : 5\r\n",
    "tab-before-colon": HOST + b"Transfer-Encoding\t: chunked\r\n" + LENGTH,
    "folded-line": HOST + b"X: a\r\n b\r\n" + LENGTH,
    "folded-encoding": HOST + b"Transfer-Encoding:\r\n chunked\r\n",
    "blank-first": b" X: a\r\n" + HOST + LENGTH,
    "name-absent-before-line-feed": HOST + b":\n" + LENGTH,
    "name-absent": HOST + b": a\r\n" + LENGTH,
    "colon-absent": HOST + b"Content-Length\r\n",
    "encoding-unknown": HOST + b"Transfer-Encoding: gzip\r\n",
    "encoding-unknown-and-length": HOST + b"Transfer-Encoding: xchunked\r\n" + LENGTH,
    "encoding-identity": HOST + b"Transfer-Encoding: identity\r\n" + LENGTH,
    "encoding-blank-behind": HOST + b"Transfer-Encoding: chunked \r\n",
    "encoding-twice": HOST + CHUNKED + CHUNKED,
    "encoding-list": HOST + b"Transfer-Encoding: chunked, chunked\r\n",
    "encoding-not-last": HOST + b"Transfer-Encoding: chunked, gzip\r\n",
    "encoding-quoted": HOST + b'Transfer-Encoding: "chunked"\r\n',
    "encoding-of-http-1.0": HOST + CHUNKED,
    "length-negative": HOST + b"Content-Length: -5\r\n",
    "length-plus": HOST + b"Content-Length: +5\r\n",
    "length-empty": HOST + b"Content-Length: \r\n",
    "length-hexadecimal": HOST + b"Content-Length: 0x5\r\n",
    "length-list": HOST + b"Content-Length: 5, 5\r\n",
    "length-of-two-words": HOST + b"Content-Length: 5 5\r\n",
    "length-of-65-bits": HOST + b"Content-Length: 18446744073709551621\r\n",
}
CHUNKS = {
    "chunk-size-overflows": b"10000000000000005\r\n0\r\n\r\n",
    "chunk-size-negative": b"-5\r\n0\r\n\r\n\r\n",
    "chunk-size-hexadecimal": b"0x5\r\n0\r\n\r\n\r\n0\r\n\r\n",
    "chunk-size-empty": b"\r\n0\r\n\r\n",
    "chunk-longer-than-said": b"1\r\n<xxxx\r\n0\r\n\r\n",
}
PATHS = {                           # what stands between method and version
    "nul-in-method": b"\0 /ccm_system/request",
    "two-blanks-before-path": b"  /ccm_system/request",
    "blank-in-query": b" /ccm_system/request?a b",
    "tab-in-path": b" /ccm_system\t/request",
    "control-in-method": b"\x7f /ccm_system/request",
    "nul-in-path": b" /ccm_system/request\0x",
}


def request_of(method, name):
    """A request of that vector, and the smuggled one behind it."""
    version = b" HTTP/1.0\r\n" if name.endswith("1.0") else b" HTTP/1.1\r\n"
    kind = b'multipart/mixed; boundary="x"' if method == b"CCM_POST" else b"text/xml"
    head = method + PATHS.get(name, b" /ccm_system/request") + version + b"Content-Type: " + kind + b"\r\n"
    framing = VECTORS.get(name, HOST + (LENGTH if name in PATHS else CHUNKED))
    return head + framing + b"\r\n" + CHUNKS.get(name, BODY) + SMUGGLED


@pytest.mark.parametrize("name", [*VECTORS, *CHUNKS, *PATHS])
@pytest.mark.parametrize("method", [b"CCM_POST", b"POST"])
def test_smuggled_request_is_never_stored(shared_relay, method, name):
    relay, before = shared_relay, shared_relay.files()
    relay.posted += 1
    with relay.connect() as connection:
        connection.send(request_of(method, name))
        while connection.more():
            pass
    answers = re.findall(rb"HTTP/1\.1 (\d+)", connection.received)
    assert set(answers) <= {b"400", b"413"}
    verdict, = [v for v in map(cmtrace.verdict, relay.next_records()) if v]
    assert verdict["refused"] in ("400", "413")
    assert relay.files() == before
