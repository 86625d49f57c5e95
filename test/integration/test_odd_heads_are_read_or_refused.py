"""Long, odd or endless heads: the report is kept and the next request begins right behind it, or it is refused and
nothing behind it is read."""
import re

import pytest

import wire

REPORT, NEXT = wire.report(), wire.report(serial=2)
GOOD = wire.plain(REPORT, keep=True)


def head(*lines):
    return b"\r\n".join([b"POST /ccm_system/request HTTP/1.1", b"Host: mp", *lines, b"", b""])


def with_target(rest):
    return GOOD.replace(b"/request", b"/request" + rest, 1)


def with_version(version):
    return GOOD.replace(b"HTTP/1.1", version, 1)


KEPT = {
    "long-target": with_target(b"?" + b"a" * 15000),
    "many-parameters": with_target(b"?" + b"a=b&" * 63),
    "version-1.2": with_version(b"HTTP/1.2"),
    "empty-lines-before": b"\r\n" * 5 + GOOD,
    "other-expectation": GOOD.replace(b"Host", b"Expect: 200-maybe\r\nHost", 1),
    "upgrade": GOOD.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost", 1),
}
REFUSED = {
    "target-over-max-headers": (431, with_target(b"?" + b"a" * 17000)),
    "target-over-memory": (400, with_target(b"?" + b"a" * 25000)),
    "target-of-a-megabyte": (400, with_target(b"?" + b"a" * (1 << 20))),
    "too-many-parameters": (431, with_target(b"?" + b"a=b&" * 64)),
    "thousands-of-parameters": (431, with_target(b"?" + b"a=b&" * 3000)),
    "method-of-64K": (400, b"A" * 65536 + GOOD),
    "header-of-64K": (431, head(b"X: " + b"y" * 65536)),
    "header-of-a-megabyte": (431, head(b"X: " + b"y" * (1 << 20))),
    "headers-by-the-thousand": (431, head(*(b"X%d: y" % n for n in range(1000)))),
    "tiny-headers-by-the-thousand": (431, head(*[b"a:"] * 2000)),
    "endless-headers": (431, head()[:-2] + b"X: y\r\n" * 200000),
    "bare-line-feeds-in-head": (400, GOOD.replace(b"\r\n", b"\n")),
    "empty-lines-endless": (400, b"\r\n" * 20000 + GOOD),
    "version-absent": (400, b"POST /ccm_system/request\r\n\r\n"),
    "version-2.0": (400, with_version(b"HTTP/2.0")),
    "version-1.10": (400, with_version(b"HTTP/1.10")),
    "version-in-small-letters": (400, with_version(b"http/1.1")),
    "tabs-in-request-line": (400, GOOD.replace(b" ", b"\t", 2)),
    "connect": (404, GOOD.replace(b"POST /ccm_system/request", b"CONNECT mp:80", 1)),
    "options-of-all": (404, GOOD.replace(b"POST /ccm_system/request", b"OPTIONS *", 1)),
    "absolute-target": (404, GOOD.replace(b"POST ", b"POST http://mp.example.test", 1)),
}


@pytest.mark.parametrize("name", KEPT)
def test_the_next_request_begins_right_behind_it(shared_relay, name):
    before = shared_relay.files()
    with shared_relay.connect() as connection:
        connection.send(KEPT[name] + wire.plain(NEXT))
        assert [connection.answer().status, connection.answer().status] == [200, 200] and connection.ends()
    kept = [content for path, content in shared_relay.files().items() if path not in before]
    assert sorted(kept) == sorted([wire.smx(REPORT), wire.smx(NEXT)])
    assert all(verdict["file"] for verdict in shared_relay.next_verdicts(2))


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_behind_it_is_read_as_a_request(shared_relay, name):
    before, (status, request) = shared_relay.files(), REFUSED[name]
    with shared_relay.connect() as connection:
        connection.send(request + wire.plain(NEXT))
        while connection.more():
            pass
    answers = re.findall(rb"HTTP/1\.1 (\d+)", connection.received)      # the library has numbers of its own for some
    assert len(answers) <= 1 and set(answers) <= {b"%d" % status, b"414", b"505"}
    verdict, = shared_relay.next_verdicts()
    assert verdict["refused"] == str(status) and shared_relay.files() == before
