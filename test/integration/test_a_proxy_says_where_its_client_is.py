"""The address of a client behind proxies is that of the last hop that is none of them: the log shows it, and the limit for
each address counts it, request by request."""
import pytest

from conftest import serve
from proxied import ask, request
from relay import wait_until


@pytest.fixture(scope="module")
def module_relay(tmp_path_factory):
    relays, start = serve(tmp_path_factory.mktemp("shared"))
    yield start(max_connections_per_address=2)
    relays[0].stop()


@pytest.mark.parametrize("hops, address", [
    ([], "127.0.0.1"),
    (["192.0.2.7"], "192.0.2.7"),
    (["2001:DB8::7"], "2001:db8::7"),
    (["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
    (["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
    (["192.0.2.7, 127.0.0.1"], "192.0.2.7"),
    (["127.0.0.1, ::1, 192.0.2.7"], "192.0.2.7"),
    (["192.0.2.7:4711, ::1"], "192.0.2.7"),
    (["198.51.100.1, unknown"], "127.0.0.1"),
    (["198.51.100.1, 192.0.2.7 client - host '-': kept"], "127.0.0.1"),
    (["\u00e4, 192.0.2.7"], "192.0.2.7"),
    (["198.51.100.1," * 1000 + "192.0.2.7"], "192.0.2.7"),
], ids=str)
def test_the_last_hop_that_is_no_proxy_is_in_the_log(shared_relay, hops, address):
    assert ask(shared_relay, request(hops=hops)) == (address, 200, "unsigned")


def begin(relay, hop):
    """A request whose head is taken."""
    connection = relay.connect()
    head, _, body = request(hops=[hop]).partition(b"\r\n\r\n")
    connection.send(head + b"\r\nExpect: 100-continue\r\n\r\n")
    assert connection.answer().status == 100
    return connection, body


def test_requests_under_way_count_for_their_client(shared_relay):
    begun = [begin(shared_relay, hop) for hop in ("192.0.2.1", "192.0.2.1", *["127.0.0.1"] * 4)]    # the proxy's own, too
    refused = "192.0.2.1", 503, "too many requests under way from this address"
    assert ask(shared_relay, request(hops=["192.0.2.1"])) == refused
    assert ask(shared_relay, request(hops=["192.0.2.2"])) == ("192.0.2.2", 200, "unsigned")
    for connection, body in begun:
        connection.send(body)
        assert connection.answer().status == 200
        connection.sock.close()
    shared_relay.next_verdicts(len(begun))
    wait_until(lambda: ask(shared_relay, request(hops=["192.0.2.1"])) != refused, "the others to have ended")
