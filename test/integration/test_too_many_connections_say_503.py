"""Connections over the limits are told so; those that were there are served, and places become free again."""
import pytest

import wire
from relay import wait_until

REPORT = wire.ccm(wire.report(), keep=True)


def served(connection):
    connection.send(REPORT)
    answer = connection.answer()
    return answer and answer.status


@pytest.mark.parametrize("settings, source", [
    ({"max_connections_per_address": 3}, "127.0.0.2"),
    ({"max_connections": 3}, None),
])
def test_too_many_connections_say_503(start, settings, source):
    relay = start(**settings)
    first = [relay.connect(source) for _ in range(3)]
    assert [served(connection) for connection in first] == [200] * 3
    with relay.connect(source) as late:
        late.send(REPORT)
        answer = late.answer()
        assert answer.status == 503 and int(answer.headers["retry-after"]) > 0 and late.ends()
    assert [served(connection) for connection in first] == [200] * 3
    first.pop().sock.close()

    def place():
        with relay.connect(source) as again:
            return served(again) == 200
    wait_until(place, "a free place")
    for connection in first:
        connection.sock.close()


def test_a_trusted_proxy_is_not_counted(start):
    relay = start(max_connections_per_address=3)
    connections = [relay.connect() for _ in range(10)]
    assert [served(connection) for connection in connections] == [200] * 10
    for connection in connections:
        connection.sock.close()
