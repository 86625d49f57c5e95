"""A client that asks first is told to go on, or the final status when the head alone decides."""
import pytest

import wire

EXPECT = b"\r\nExpect: 100-continue\r\n\r\n"


def ask(connection, request):
    head, _, body = request.partition(b"\r\n\r\n")
    connection.send(head + EXPECT)
    return connection.answer(), body


@pytest.mark.parametrize("request_", [
    wire.ccm(wire.report()), wire.plain(wire.report()), wire.chunked(wire.ccm(wire.report()))],
    ids=["ccm", "plain", "chunked"])
def test_a_good_head_is_told_to_go_on(shared_relay, request_):
    shared_relay.posted += 1
    with shared_relay.connect() as connection:
        answer, body = ask(connection, request_)
        assert answer.status == 100
        connection.send(body)
        assert connection.answer().status == 200
        assert connection.ends()


@pytest.mark.parametrize("status, old, new", [
    (413, b"Content-Length: ", b"Content-Length: 99999"),
    (415, b"multipart/mixed", b"multipart/related"),
    (404, b"/ccm_system/request", b"/ccm_system/other"),
    (405, b"CCM_POST", b"PUT"),
    (400, b"Content-Length: ", b"Content-Length: 7\r\nContent-Length: "),
])
def test_a_bad_head_gets_the_final_status_at_once(shared_relay, status, old, new):
    shared_relay.posted += 1
    with shared_relay.connect() as connection:
        answer, _ = ask(connection, wire.ccm(wire.report()).replace(old, new, 1))
        assert answer.status == status
        assert connection.ends()
