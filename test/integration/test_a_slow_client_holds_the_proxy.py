"""Behind nginx and HAProxy the relay sees a request only once it is whole; who asks first is told to go on."""
import pytest

import wire

PROXIES = pytest.mark.parametrize("name", ["nginx", "haproxy"])
REPORT = wire.report()
FORMS = {"ccm": wire.ccm(REPORT, keep=True), "plain": wire.plain(REPORT, keep=True),
         "chunked": wire.chunked(wire.plain(REPORT, keep=True), 100)}


@PROXIES
@pytest.mark.parametrize("form", FORMS)
def test_a_slow_client_holds_the_proxy_and_not_the_relay(start, proxied, name, form):
    relay = start(unix=True)
    usual, proxy = relay.sockets(), proxied(name, relay)
    with proxy.connect() as connection:
        for at in range(0, len(FORMS[form]) - 1, 50):
            connection.send(FORMS[form][at:min(at + 50, len(FORMS[form]) - 1)])
        assert relay.sockets() == usual
        connection.send(FORMS[form][-1:])
        assert connection.answer().status == 200
    assert list(relay.files().values()) == [wire.smx(REPORT)]


@PROXIES
def test_who_expects_to_continue_is_told_to(shared_relay, proxied, name):
    before = shared_relay.files()
    head, _, body = wire.plain(REPORT, headers=["Expect: 100-continue"]).partition(b"\r\n\r\n")
    with proxied(name).connect() as connection:
        connection.send(head + b"\r\n\r\n")
        assert connection.answer().status == 100
        connection.send(body)
        assert connection.answer().status == 200
    assert len(shared_relay.files()) == len(before) + 1
