"""smx simulate sends each report until it is taken, in each client's order, and keeps its pace."""
import http.server
import re
import threading
import time

import pytest

from fleet import SENT, simulate, sums
from relay import free_port


class Server(http.server.BaseHTTPRequestHandler):
    """Says what its server's `judge` makes of a body."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.bodies.append(body)
            status, answer = self.server.judge(self.server.bodies)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_CCM_POST = do_POST

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    servers = []

    def serve(judge):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        server.judge, server.bodies, server.lock, server.daemon_threads = judge, [], threading.Lock(), True
        threading.Thread(target=server.serve_forever).start()
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def serials(body):
    text = body.decode("utf-16")
    return re.search("<ClientID>(.*?)<", text)[1], [int(n) for n in re.findall('SerialNumber="([0-9]+)"', text)]


@pytest.mark.parametrize("status, answer", [(503, b"later"), (408, b""), (200, b"")])
def test_what_was_not_taken_is_sent_again_the_same_and_in_order(serve, status, answer):
    server = serve(lambda bodies: (status, answer) if bodies.count(bodies[-1]) == 1 else (200, b"kept"))
    _, messages, _, _, again = sums(SENT, simulate(server.server_port, "--clients", 5, "--rounds", 2, "--gaps", 20,
                                                   "--plain"))
    assert again == 10 and all(server.bodies.count(body) == 2 for body in server.bodies)
    clients = {}
    for body in dict.fromkeys(server.bodies):
        client, numbers = serials(body)
        clients.setdefault(client, []).extend(numbers)
    assert len(clients) == 5 and sum(map(len, clients.values())) == messages
    assert all(numbers == sorted(set(numbers)) and numbers[0] == 1 for numbers in clients.values())


def test_a_sound_report_that_is_refused_ends_the_run(serve):
    status, said = simulate(serve(lambda _: (400, b"no")).server_port, "--clients", 3)
    assert status == 65 and "refused with 400" in said


def test_broken_reports_that_are_taken_are_counted(serve):
    server = serve(lambda _: (200, b"kept"))
    outcome = sums(SENT, simulate(server.server_port, "--clients", 7, "--rounds", 3, "--bad", 100, "--plain"))
    assert (outcome[0], outcome[2:]) == (21, (0, 21, 0)) and len(set(server.bodies)) == 42


def test_the_pace_is_kept(serve):
    server, begin = serve(lambda _: (200, b"kept")), time.monotonic()
    assert sums(SENT, simulate(server.server_port, "--reports", 30, "--rate", 100))[0] == 30
    assert time.monotonic() - begin >= 0.29 and len(server.bodies) == 30


def test_who_hands_out_no_requests_is_named(relay):
    status, said = simulate(relay.port, "--clients", 2, "--answer-resyncs")
    assert status == 65 and "resync-dir" in said


def test_nobody_there_is_said_at_once():
    status, said = simulate(free_port(), "--clients", 2)
    assert status == 69 and "127.0.0.1" in said


@pytest.mark.parametrize("options, words", [
    (["--clients", "0"], "--clients is a number from 1"), (["--gaps", "91"], "--gaps is a number from 0 to 90"),
    (["--clients", "3", "--floods", "4"], "--floods"), (["more"], "only options"), (["--fast"], "unknown option"),
    (["--to", "ftp://x"], "URL"), (["--rounds", "1x"], "--rounds"),
])
def test_a_wrong_command_line_is_64(options, words):
    status, said = simulate(1, *options)
    assert status == 64 and words in said, said


def test_what_cannot_be_written_is_said(serve, tmp_path):
    status, said = simulate(serve(lambda _: (200, b"kept")).server_port, "--clients", 2, "--left-out", tmp_path)
    assert status == 71 and "cannot write" in said
