"""Kept connections, pipelined requests, chunks of any size, and HTTP/1.0."""
import pytest

import wire

REPORTS = [wire.report(serial=n) for n in range(20)]
BOTH = pytest.mark.parametrize("form", [wire.ccm, wire.plain])


@BOTH
def test_one_connection_serves_many_requests(relay, form):
    with relay.connect() as connection:
        for report in REPORTS:
            connection.send(form(report, keep=True))
            answer = connection.answer()
            assert answer.status == 200 and answer.headers.get("connection", "").lower() != "close"
    assert set(relay.files().values()) == set(map(wire.smx, REPORTS))


@BOTH
def test_pipelined_requests_are_answered_in_order(relay, form):
    with relay.connect() as connection:
        connection.send(b"".join(form(report, keep=True) for report in REPORTS))
        assert [connection.answer().status for _ in REPORTS] == [200] * len(REPORTS)
    kept = [content for _, content in sorted(relay.files().items())]
    assert kept == list(map(wire.smx, REPORTS))


def test_a_refusal_ends_the_connection_and_what_was_pipelined_behind_it(relay):
    bad = wire.ccm("<Report/>", keep=True)
    with relay.connect() as connection:
        connection.send(wire.ccm(REPORTS[0], keep=True) + bad + wire.ccm(REPORTS[1], keep=True))
        assert [connection.answer().status, connection.answer().status] == [200, 400]
        assert connection.ends()
    assert list(relay.files().values()) == [wire.smx(REPORTS[0])]


@BOTH
@pytest.mark.parametrize("size", [1, 7, 1000, 100000])
def test_chunks_of_any_size(relay, form, size):
    for extension in (b"", b";name=value"):
        assert relay.post(wire.chunked(form(REPORTS[0]), size, extension)).status == 200
    assert list(relay.files().values()) == [wire.smx(REPORTS[0])] * 2


@BOTH
@pytest.mark.parametrize("pause", [b"Connection: close\r\n", b"Connection: keep-alive\r\n", b""])
def test_http_1_0_is_served_and_closed(relay, form, pause):
    request = form(REPORTS[0]).replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Connection: close\r\n", pause)
    with relay.connect() as connection:
        connection.send(request.replace(b"Host: mp.example.test\r\n", b""))
        answer = connection.answer()
        assert answer.status == 200 and answer.headers["connection"].lower() == "close"
        assert connection.ends()
