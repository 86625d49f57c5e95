#!/usr/bin/python3
"""Crowds that mean no good hold hundreds or thousands of connections, drip bytes, say nothing, break off and smuggle.
Good clients are served meanwhile: how much slower than without the crowd is measured in turns, in one run."""
import dataclasses
import multiprocessing
import os
import pathlib
import random
import resource
import socket
import statistics
import struct
import sys
import tempfile
import time

import row
import wire
from load import Book
from relay import Connection, Relay, wait_until

STEP = 0.5                              # seconds between two bytes of a drip feeder
DESCRIPTORS = 15000
GOOD = 300                              # posts of each client in one measurement
GOOD_ADDRESS = "127.0.0.77"             # no trusted-proxy: it is counted
MEASURES = {"kept": "kept connection", "new": "new connection"}
REQUEST = wire.plain(wire.report())
RESET = struct.pack("ii", 1, 0)         # a close that does not wait is a reset
ABUSES = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    REQUEST[:200], REQUEST[:-1],
    REQUEST.replace(b"Content-Length:", b"Transfer-Encoding: chunked\r\nContent-Length:") + REQUEST,
    wire.chunked(REQUEST, 100, b";" + b"x" * 100000),
    REQUEST.replace(b"\r\n\r\n", b"\r\n" + b"X: y\r\n" * 5000 + b"\r\n", 1),
    REQUEST.replace(b"/request", b"/request?" + b"a" * 100000),
    wire.plain("<Report>" * 1000),
]


@dataclasses.dataclass
class Crowd:
    connections: int
    addresses: int
    begin: tuple                        # how many bytes of their requests they send at once
    drips: bool = False                 # and then one each STEP; who is cut comes back
    abuses: int = 0                     # besides, in each STEP
    settings: dict = dataclasses.field(default_factory=dict)


TIMEOUTS = {"header_timeout": "5s", "request_timeout": "8s"}
ALL = {"max_connections": 12000, "max_connections_per_address": 12000}
CROWDS = {
    "500 drip feeders": Crowd(500, 50, (20, 300), drips=True, settings=TIMEOUTS),
    "10,000 idle, default limits": Crowd(10000, 10, (0,)),
    "10,000 idle, all held": Crowd(10000, 10, (0,), settings=ALL),
    "half-open requests of 32 addresses": Crowd(640, 32, range(20, len(REQUEST))),
    "drip feeders, smugglers and aborts": Crowd(500, 32, range(20, 300), drips=True, abuses=20, settings=TIMEOUTS),
}


class Member:
    """One connection of a crowd, somewhere in its request."""
    def __init__(self, address, source, begin):
        self.address, self.source, self.begin = address, source, begin
        self.open()

    def open(self):
        self.sock, self.sent = socket.socket(), self.begin
        self.sock.bind((self.source, 0))
        self.sock.connect(self.address)
        self.sock.send(REQUEST[:self.begin])

    def drip(self):
        try:
            self.sent += self.sock.send(REQUEST[self.sent:self.sent + 1])
            if self.sent < len(REQUEST) - 1:
                return
        except OSError:
            pass                        # it was cut
        self.sock.close()
        self.open()


def source_of(number):
    return "127.0.%d.%d" % (1 + number // 250, 1 + number % 250)


def abuse(address, crowd, chance):
    with Connection(address, source_of(chance.randrange(crowd.addresses))) as connection:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.send(chance.choice(ABUSES))


def raise_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, max(hard, DESCRIPTORS)))


def live(address, crowd, seed, ready, over):
    """The crowd, in a process of its own, which leaves the processors to the good clients where it can."""
    os.nice(10)
    raise_descriptors()
    chance = random.Random(seed)
    members = [Member(address, source_of(number % crowd.addresses), chance.choice(crowd.begin))
               for number in range(crowd.connections)]
    ready.set()
    while not over.wait(STEP):
        for member in members if crowd.drips else ():
            member.drip()
        for _ in range(crowd.abuses):
            abuse(address, crowd, chance)


def post(connection, book, found):
    text, now = book.next_report(), time.monotonic()
    connection.send(wire.plain(text, keep=True))
    answer = connection.answer()
    if answer is None or answer.status != 200:
        found.wrong.append("a good client was answered %s" % (answer and answer.status))
    else:
        book.answered(text, now, answer)


def measure(relay, book, found, good):
    """Seconds of each post, over a kept connection and over a new one each time."""
    times = {name: [] for name in MEASURES}
    with relay.connect() as kept:
        for _ in range(good):
            begun = time.monotonic()
            post(kept, book, found)
            times["kept"].append(time.monotonic() - begun)
            begun = time.monotonic()
            with relay.connect(GOOD_ADDRESS) as new:
                post(new, book, found)
            times["new"].append(time.monotonic() - begun)
    return times


def measure_among(relay, crowd, seed, book, found, good):
    ready, over = multiprocessing.Event(), multiprocessing.Event()
    process = multiprocessing.Process(target=live, args=(relay.address, crowd, seed, ready, over), daemon=True)
    process.start()
    try:
        wait_until(lambda: ready.is_set() or not process.is_alive(), "the crowd")
        times = measure(relay, book, found, good)
        if crowd.drips:
            wait_until(lambda: b"answered 408" in relay.log_path.read_bytes(), "a feeder to be cut")
    finally:
        over.set()
        process.join()
    found.wrong += ["the crowd ended with status %d" % process.exitcode] if process.exitcode else []
    return times


def ratios(quiet, crowded):
    """How many times longer: the median and the 99th of a hundred, for each client."""
    def figures(times):
        return statistics.median(times), statistics.quantiles(times, n=100)[98]
    return [[among / alone for alone, among in zip(figures(quiet[name]), figures(crowded[name]))] for name in MEASURES]


def run_once(directory, crowd, seed, found, good):
    relay, book = Relay(directory, preexec=raise_descriptors, log_max_size="1G", **crowd.settings), Book()
    usual = relay.sockets()
    quiet = measure(relay, book, found, good)
    crowded = measure_among(relay, crowd, seed, book, found, good)
    wait_until(lambda: relay.sockets() == usual, "the crowd's connections to end")
    relay.stop()
    relay.start()
    relay.stop()
    book.reckon(relay, found)
    found.runs += 1
    return ratios(quiet, crowded)


def run(runs, seed, directory, crowds=CROWDS, good=GOOD):
    rows = []
    for name, crowd in crowds.items():
        found = row.Row(name, 0, seed=seed)
        slower = [run_once(pathlib.Path(directory) / ("%d-%d" % (len(rows), number)), crowd, seed + number, found, good)
                  for number in range(runs)]
        medians = [[statistics.median(values) for values in zip(*client)] for client in zip(*slower)]
        found.note = "; ".join("%s: median %.2fx, 99th %.2fx" % (what, *figures)
                               for what, figures in zip(MEASURES.values(), medians))
        rows.append(found)
    return rows


def main():
    options = row.parser(__doc__, 3).parse_args()
    with tempfile.TemporaryDirectory() as directory:
        return row.tell(run(options.runs, options.seed, directory))


if __name__ == "__main__":
    sys.exit(main())
