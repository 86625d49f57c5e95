"""Whoever reaches the admin listener may be slow, hold connections, or send anything: reports are taken meanwhile, and
others are answered."""
import contextlib
import socket
import threading
import time

import admin
import wire
from relay import PATIENCE

HELD = 50
HOSTILE = [b"\x16\x03\x01\x02\x00\x01\x00", b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n",
           b"POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + bytes(100000),
           b"GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", b"\r\n" * 1000]


@contextlib.contextmanager
def held(address, count):
    """So many connections that drip, and so many that ask again and again and never read."""
    sockets, ends = [socket.create_connection(address) for _ in range(2 * count)], threading.Event()

    def go_on():
        while not ends.is_set():
            for number, sock in enumerate(sockets):
                with contextlib.suppress(OSError):
                    sock.send(b"x" if number % 2 else b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", socket.MSG_DONTWAIT)
            time.sleep(0.01)

    thread = threading.Thread(target=go_on)
    thread.start()
    yield
    ends.set()
    thread.join()
    for sock in sockets:
        sock.close()


def test_who_holds_connections_keeps_nobody_out(start_watched):
    relay = start_watched()
    host, port = relay.admin.split(":")
    with held((host, int(port)), HELD):
        for number in range(20):
            assert relay.post(wire.ccm(wire.report(serial=number))).status == 200
            assert admin.ask(relay, "/livez") == (200, "ok\n")
        assert admin.samples(relay)['mprelay_reports_total{result="kept"}'] == 20


def test_what_is_sent_there_is_answered_or_dropped(start_watched):
    relay = start_watched()
    host, port = relay.admin.split(":")
    for request in HOSTILE:
        with socket.create_connection((host, int(port)), PATIENCE) as sock, contextlib.suppress(OSError):
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):             # until the end, whatever it is
                pass
    assert admin.reasons(relay) == [] and relay.post(wire.ccm(wire.report())).status == 200
