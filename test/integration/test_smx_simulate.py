"""smx simulate sends each report until it is taken, in each client's order, and keeps its pace."""
import re
import time

import pytest

from fleet import SENT, simulate, sums


def serials(body):
    text = body.decode("utf-16")
    return re.search("<ClientID>(.*?)<", text)[1], [int(n) for n in re.findall('SerialNumber="([0-9]+)"', text)]


@pytest.mark.parametrize("status, answer", [(503, b"later"), (408, b""), (200, b"")])
def test_what_was_not_taken_is_sent_again_the_same_and_in_order(say, status, answer):
    server = say(lambda bodies: (status, answer) if bodies.count(bodies[-1]) == 1 else (200, b"kept"))
    _, messages, _, _, again = sums(SENT, simulate(server.server_port, "--clients", 5, "--rounds", 2, "--gaps", 20,
                                                   "--plain"))
    assert again == 10 and all(server.bodies.count(body) == 2 for body in server.bodies)
    clients = {}
    for body in dict.fromkeys(server.bodies):
        client, numbers = serials(body)
        clients.setdefault(client, []).extend(numbers)
    assert len(clients) == 5 and sum(map(len, clients.values())) == messages
    assert all(numbers == sorted(set(numbers)) and numbers[0] == 1 for numbers in clients.values())


def test_a_sound_report_that_is_refused_ends_the_run(say):
    status, said = simulate(say(lambda _: (400, b"no")).server_port, "--clients", 3)
    assert status == 65 and "refused with 400" in said


def test_who_has_to_send_again_does_so_before_the_next_report(say):
    server = say(lambda bodies: (503 if 1 in serials(bodies[-1])[1] and bodies.count(bodies[-1]) == 1 else 200, b"x"))
    assert sums(SENT, simulate(server.server_port, "--clients", 3, "--rounds", 3, "--plain"))[4] == 3
    last = {}
    for client, numbers in map(serials, server.bodies):
        assert numbers[0] <= last.get(client, 0) + 1
        last[client] = 0 if 1 in numbers and client not in last else numbers[-1]


@pytest.mark.parametrize("status", [200, 429, 503])
def test_a_server_that_takes_nothing_is_given_up(say, status):
    got, said = simulate(say(lambda _: (status, b"")).server_port, "--clients", 3, "--patience", 1)
    assert got == 69 and "takes nothing, and answers %d" % status in said


def test_broken_reports_that_are_taken_are_counted(say):
    server = say(lambda _: (200, b"kept"))
    outcome = sums(SENT, simulate(server.server_port, "--clients", 7, "--rounds", 3, "--bad", 100, "--plain"))
    assert (outcome[0], outcome[2:]) == (21, (0, 21, 0)) and len(set(server.bodies)) == 42


def test_the_pace_is_kept(say):
    server, begin = say(lambda _: (200, b"kept")), time.monotonic()
    assert sums(SENT, simulate(server.server_port, "--reports", 60, "--rate", 30))[0] == 60
    assert time.monotonic() - begin >= 59 / 30 and len(server.bodies) == 60
