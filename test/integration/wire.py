"""Builds requests on top of ccmpost.py, which shares no code with the relay."""
import argparse

import ccmpost

CLIENT = "GUID:9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77"
NOREPLY = (b"--aAbBcCdDv1234567890VxXyYzZ\r\n"
           b"content-type: text/plain; charset=UTF-16\r\n"
           b"\r\n"
           b"\xff\xfeN\0o\0R\0e\0p\0l\0y\0"
           b"\r\n--aAbBcCdDv1234567890VxXyYzZ--")
assert len(NOREPLY) == 122

DEFAULTS = dict(
    attachment=[], body_bom=False, body_length=None, bom=True, boundary=ccmpost.BOUNDARY, chunked=False,
    client_id=CLIENT, compress=True, crlf_junk=False, date="2026-01-02T03:04:05", endpoint="MP_RelayEndpoint",
    final_crlf=False, hash="sha256", host_header="mp.example.test", lean_auth=False,
    message_id="{0E6D5B5C-6C0B-4A6E-9B57-2B4D1E8F7A01}", messages=1, method="CCM_POST", msg_priority=0,
    no_hash_property=False, no_nul=False, no_serial=False, path="/ccm_system/request", priority=None,
    property=["FileType=SMX"], reply_compression="zlib", reply_mode="Async", same_id=False, serial=1, sign=None,
    source_host="CLIENT1", source_id=False, state_id=2, target_host="mp.example.test", topic_type=500,
    user_agent="ccmhttp")


def options(**changes):
    assert not changes.keys() - DEFAULTS.keys(), changes
    return argparse.Namespace(**{**DEFAULTS, **changes})


class Bytes:
    """A report that is bytes already: ccmpost asks a text to encode itself."""
    def __init__(self, content):
        self.content = content

    def encode(self, _encoding):
        return self.content


def report(**changes):
    """The text of a report, as a Windows client writes it."""
    return ccmpost.generate(options(**changes))


def ccm(body, keep=False, **changes):
    """A whole CCM_POST. A text goes out in UTF-16 with its NUL, bytes go out as they are."""
    if isinstance(body, bytes):
        body, changes = Bytes(body), {**changes, "no_nul": True}
    request = ccmpost.build(options(**changes), body, 0)[1]
    return request.replace(b"Connection: close\r\n", b"", 1) if keep else request


def plain(body, content_type="text/xml", headers=(), keep=False, path="/ccm_system/request"):
    """A whole POST of a bare report; a text goes out in UTF-8."""
    body = body if isinstance(body, bytes) else body.encode("utf-8")
    lines = ["POST %s HTTP/1.1" % path, "Host: mp.example.test", "Content-Length: %d" % len(body), *headers]
    lines += ["Content-Type: " + content_type] if content_type else []
    lines += [] if keep else ["Connection: close"]
    return "\r\n".join(lines + ["", ""]).encode("ascii") + body


def smx(text):
    """What the kept file must hold."""
    return b"\xff\xfe" + text.encode("utf-16-le")


def chunked(request, size=1000, extension=b""):
    """The same request with its body in chunks."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return (b"\r\n".join(lines) + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces) + b"0\r\n\r\n")
