"""What nginx and HAProxy let through is kept or refused: each 200 that a client sees is a file, each request that
reaches the relay has a verdict, and nothing else is kept."""
import re

import pytest

import wire
from relay import wait_until
from test_smuggled_request_is_never_stored import CHUNKS, PATHS, VECTORS, request_of

PROXIES = pytest.mark.parametrize("name", ["nginx", "haproxy"])
REPORT = wire.report()
FORMS = {"ccm": wire.ccm(REPORT, keep=True), "plain": wire.plain(REPORT, keep=True),
         "chunked": wire.chunked(wire.plain(REPORT, keep=True), 100)}
HUGE = wire.plain(REPORT + " " * (9 << 20))


def exchange(proxy, data):
    """All that came back until the connection ended: the last request says that it is."""
    with proxy.connect() as connection:
        connection.send(data)
        while connection.more():
            pass
        return connection.received


@PROXIES
@pytest.mark.parametrize("method", [b"CCM_POST", b"POST"])
@pytest.mark.parametrize("vector", [*VECTORS, *CHUNKS, *PATHS])
def test_a_smuggled_request_is_an_answered_one_or_none(shared_relay, proxied, name, method, vector):
    before = shared_relay.files()
    received = exchange(proxied(name), request_of(method, vector))
    answers = re.findall(rb"HTTP/1\.[01] (\d+)", received)
    assert answers[0] in (b"400", b"413", b"415", b"501") and set(answers[1:]) <= {b"200"}
    ours = len(answers) - received.count(b"<html>")         # the proxies' own refusals have a page
    verdicts = shared_relay.next_verdicts(ours)
    new = [content for path, content in shared_relay.files().items() if path not in before]
    assert len(verdicts) == ours and len(new) == answers.count(b"200")


@PROXIES
@pytest.mark.parametrize("form", FORMS)
def test_an_aborted_request_is_not_stored(shared_relay, proxied, name, form):
    before, proxy = shared_relay.files(), proxied(name)
    for length in range(0, len(FORMS[form]), 20):
        with proxy.connect() as connection:
            connection.send(FORMS[form][:length])
    assert proxy.post(FORMS[form]).status == 200
    assert len(shared_relay.files()) == len(before) + 1


@PROXIES
@pytest.mark.parametrize("form", FORMS)
def test_pipelined_requests_are_answered_in_order(shared_relay, proxied, name, form):
    before = shared_relay.files()
    with proxied(name).connect() as connection:
        connection.send(FORMS[form] * 10)
        assert [connection.answer().status for _ in range(10)] == [200] * 10
    assert len(shared_relay.files()) == len(before) + 10


@PROXIES
@pytest.mark.parametrize("request_", [HUGE, wire.chunked(HUGE, 1 << 16)], ids=["length", "chunked"])
def test_what_is_too_large_is_413(shared_relay, proxied, name, request_):
    before = shared_relay.files()
    received = exchange(proxied(name), request_)
    assert received == b"" or b"HTTP/1.1 413" in received       # reset with the answer unread
    wait_until(lambda: shared_relay.post(wire.plain(REPORT)).status == 200, "the relay to serve others")
    assert len(shared_relay.files()) == len(before) + 1
