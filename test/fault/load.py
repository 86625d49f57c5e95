"""Clients that post distinct reports until they are stopped, and the book of what was sent, answered and found."""
import collections
import contextlib
import json
import os
import threading
import time

import row  # noqa: F401 (finds the modules of test/integration)
import wire

OURS = {"segment-0", "segment-1", "MP_Relay.log"}
MARK = "NUMBER00"
TEXTS = [wire.report(source_host=MARK, messages=messages, priority=priority)
         for messages in (1, 2, 5, 20) for priority in (0, 5, 10)]


class Book:
    """What the clients know, and what was found in the inbox; one for each root."""
    def __init__(self):
        self.sent, self.kept, self.found = set(), {}, collections.defaultdict(list)
        self.answers, self.last_kept = collections.Counter(), 0
        self.number, self.lock = 0, threading.Lock()

    def next_report(self):
        with self.lock:
            self.number += 1
            number = self.number
        text = TEXTS[number % len(TEXTS)].replace(MARK, "C%07d" % number)
        self.sent.add(wire.smx(text))
        return text

    def answered(self, text, sent_at, answer):
        with self.lock:
            self.answers[answer.status] += 1
            if answer.status == 200:
                self.kept[json.loads(answer.body)["file"]] = wire.smx(text)
                self.last_kept = max(self.last_kept, sent_at)

    def take(self, box):
        """Takes the files from an inbox, as the state system does, but reads what is on the disk, not in memory."""
        for path in sorted(box.rglob("[!.]*.smx")):
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:      # the relay may take it back
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                content = file.read()
                path.unlink()
                self.found[path.name].append(content)

    def missing(self):
        return [name for name, content in self.kept.items() if content not in self.found.get(name, ())]

    def reckon(self, relay, one):
        """Takes what is left and adds what came of all to a row; the relay has been started again and stopped."""
        self.take(relay.box)
        copies = collections.Counter(content for contents in self.found.values() for content in contents)
        one.acknowledged += len(self.kept)
        one.lost += len(self.missing())
        one.half += sum(count for content, count in copies.items() if content not in self.sent)
        one.extra += sum(count - 1 for content, count in copies.items() if content in self.sent)
        litter = [str(path) for path in {*relay.root.rglob("*"), *relay.box.rglob("*")}
                  if path.is_file() and path.name not in OURS]
        one.litter += len(litter)
        one.wrong += ["left over: " + path for path in litter]


class Client(threading.Thread):
    """Posts over a kept connection, and over a new one when that was closed, until `stop` is set."""
    def __init__(self, relay, book, stop):
        super().__init__(daemon=True)
        self.relay, self.book, self.stop = relay, book, stop

    def run(self):
        while not self.stop.is_set():
            try:
                with self.relay.connect() as connection:
                    while not self.stop.is_set() and self.post(connection):
                        pass
            except (OSError, AssertionError):
                pass                            # not there yet, or gone before or in the middle of an answer
            self.stop.wait(0.005)

    def post(self, connection):
        text, now = self.book.next_report(), time.monotonic()
        connection.send(wire.plain(text, keep=True))
        answer = connection.answer()
        if answer:
            self.book.answered(text, now, answer)
        return answer and answer.status == 200


class Load:
    """`with Load(relay, book, 4):` so many clients while the block lasts."""
    def __init__(self, relay, book, clients):
        self.stop = threading.Event()
        self.clients = [Client(relay, book, self.stop) for _ in range(clients)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for client in self.clients:
            client.join()
