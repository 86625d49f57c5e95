"""One running relay whose calls fail one by one, and what must hold after each: an honest answer, one verdict line a
request, nothing half written, nothing held on to, and a next report that is kept."""
import contextlib
import itertools
import os
import re
import signal
import time

import wire
from failing import NOTHING
from relay import PATIENCE, Relay, free_port

HONEST = {200, 500, 503, 507, None}             # None: closed without an answer; a client sends again after all but 200
SYNCS = {"fsync", "fdatasync", "syncfs"}
HANGS = 0
REST_SECONDS, TIMES = 1, 4                      # until it is looked whether what it holds grows each time
VERDICT = re.compile(rb"Relay: Message (\S+) from [^\n]*?(?:kept as (\S+?),|refused with|not kept, answered)")
LOST = re.compile(rb"(\d+) records were lost")
RELOADED = b"Relay: settings reloaded"


def status_of(connection):
    try:
        while connection.more():
            pass
    except TimeoutError:
        return HANGS
    return int(connection.received[9:12]) if b"\r\n\r\n" in connection.received else None


def exchange(relay, requests):
    """Sends all at the same moment, each over its own connection; their statuses."""
    connections = [relay.connect() for _ in requests]
    for connection, request in zip(connections, requests):
        connection.send(request[:-1])
    for connection, request in zip(connections, requests):
        connection.send(request[-1:])
    statuses = [status_of(connection) for connection in connections]
    for connection in connections:
        connection.sock.close()
    return statuses


class Log:
    """What was written since the last look, over all rotations; the older files are taken away. Each file is held open:
    one that another replaced is read to its end, and its number goes to no new one meanwhile."""
    def __init__(self, path):
        self.path, self.files, self.again = path, {}, b""

    def news(self):
        for path in self.path.parent.iterdir():
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:        # renamed meanwhile
                inode = os.fstat(file.fileno()).st_ino
                if inode not in self.files:
                    self.files[inode] = os.fdopen(os.dup(file.fileno()), "rb")
        text, self.again = self.again, b""
        for inode, file in list(self.files.items()):
            is_gone, begin = os.fstat(file.fileno()).st_nlink == 0, file.tell()
            lines = file.read()
            lines = lines[:lines.rfind(b"\n") + 1]
            file.seek(begin + len(lines))
            text += lines
            if is_gone:
                self.files.pop(inode).close()
        return text

    def tidy(self):
        for path in self.path.parent.glob(self.path.stem + "-*"):
            path.unlink()


class Tortured:
    def __init__(self, directory, failing, row, **settings):
        self.failing, self.row = failing, row
        self.config = directory / "torture.conf"
        self.config.write_text("retry-after = 60s\n")
        self.relay = Relay(directory / "relay", environment=failing.environment, config=self.config,
                           **{"max_connections": 64, "journal_size": "128K", "log_max_size": "1G", "min_free": 0,
                              "admin_listen": "127.0.0.1:%d" % free_port(), **settings})
        self.serials, self.log, self.growth = itertools.count(1), Log(self.relay.log_path), 0

    # ---- what is sent ----

    def request(self, form=wire.ccm, **changes):
        """(name in the log, content of the file, bytes of the request)"""
        number = next(self.serials)
        report = wire.report(serial=number, **changes)
        name = b"{%d}" % number if form is wire.ccm else b"-"
        request = form(report, message_id=name.decode()) if form is wire.ccm else form(report)
        return name, wire.smx(report), request

    def send(self, *requests):
        """{content: status}"""
        return dict(zip((content for _, content, _ in requests),
                        exchange(self.relay, [request for _, _, request in requests])))

    def ccm(self):
        return self.send(self.request())

    def plain(self):
        return self.send(self.request(wire.plain))

    def crowd(self):
        return self.send(*(self.request(messages=1 + n % 3) for n in range(16)))

    def long(self):
        return self.send(self.request(messages=40))

    def reload(self):
        """Reports are sent until the log has told what came of it."""
        self.relay.process.send_signal(signal.SIGHUP)
        sent, text, deadline = {}, b"", time.monotonic() + PATIENCE
        while not (b"reloaded" in text or LOST.search(text)) and time.monotonic() < deadline:
            sent.update(self.ccm())
            text += self.log.news()
        self.log.again = text                   # it is looked at once more
        return sent

    # ---- what is looked at ----

    def complain(self, what, *details):
        self.row.wrong.append(what + ": " + " ".join(map(str, details)))

    def heal(self, point):
        """Sends until one is kept: {content: status}, and its name in the log."""
        sent, started = {}, time.monotonic()
        while time.monotonic() < started + PATIENCE:
            name, content, request = self.request()
            sent.update(self.send((name, content, request)))
            if sent[content] == 200:
                self.row.heal_seconds = max(self.row.heal_seconds, round(time.monotonic() - started, 3))
                return sent, name
            time.sleep(0.01)
        self.complain("takes no report any more", *point)
        return sent, name

    def read_log(self, name):
        """All of the log, up to the verdict of that name."""
        text, deadline = b"", time.monotonic() + PATIENCE
        while b"Message " + name + b" from" not in text and time.monotonic() < deadline:
            text += self.log.news()
            time.sleep(0.001)
        text += self.log.news()                 # a file that was just renamed may have been missed
        self.log.tidy()
        return text

    def check_verdicts(self, sent, text, point):
        verdicts = len(VERDICT.findall(text))
        lost = sum(map(int, LOST.findall(text)))
        answered = sum(status is not None for status in sent.values())
        if verdicts > len(sent) or verdicts + lost < answered:
            self.complain("%d requests, %d answers, %d verdicts" % (len(sent), answered, verdicts), *point)

    def files(self):
        """{path: content} of all that a reader may take."""
        return {path: path.read_bytes() for path in self.relay.box.rglob("[!.]*") if path.is_file()}

    def hidden(self):
        """What a failed call may leave until the next start."""
        return [path.name for path in self.relay.box.rglob(".*")]

    def arrived(self, acknowledged):
        """The files, once all that must be there are: from the journal they follow."""
        deadline = time.monotonic() + PATIENCE
        while True:
            files = self.files()
            if acknowledged <= set(files.values()) or time.monotonic() > deadline:
                return files
            time.sleep(0.001)

    def check_files(self, sent, text, point):
        acknowledged = {content for content, status in sent.items() if status == 200}
        told = {name.decode() for _, name in VERDICT.findall(text) if name}
        files = self.arrived(acknowledged)
        self.row.acknowledged += len(acknowledged)
        self.row.lost += len(acknowledged - set(files.values()))
        self.row.extra += len(files) - len(set(files.values()))
        for path, content in files.items():
            self.row.half += content not in sent
            if sent.get(content) is not None and content not in acknowledged:
                self.complain("kept and answered %d" % sent[content], *point)
            if content in sent and path.name not in told and content not in acknowledged and not LOST.search(text):
                self.complain("kept without a word", *point)
            path.unlink()

    def held(self):
        """Descriptors, threads and blocks of memory."""
        process = "/proc/%d/" % self.relay.process.pid
        return [len(os.listdir(process + "fd")), len(os.listdir(process + "task")), self.failing.blocks()]

    def rest(self, wanted):
        """What it holds, as soon as that is what is wanted; else after a while."""
        deadline = time.monotonic() + REST_SECONDS
        while (held := self.held()) != wanted and time.monotonic() < deadline:
            time.sleep(0.001)
        return held

    # ---- the torture ----

    def inject(self, deed, *point):
        """Did the call fail? Afterwards all is as before, and the relay is alive."""
        self.failing.arm(*point)
        sent = deed()
        fired = self.failing.disarm()
        if dishonest := {status for status in sent.values() if status not in HONEST}:
            self.complain("hangs" if HANGS in dishonest else "answered %s" % dishonest, *point)
        if fired and point[0] in SYNCS and point[1] != "EINTR" and deed in (self.ccm, self.plain) and \
                200 in sent.values():
            self.complain("acknowledged what was not synced", *point)
        more, name = self.heal(point)
        sent.update(more)
        text = self.read_log(name)
        self.check_verdicts(sent, text, point)
        self.check_files(sent, text, point)
        self.level[2] += self.growth * (RELOADED in text or LOST.search(text) is not None)
        self.row.runs += fired
        return fired

    def settle(self, deed):
        """Warms up all that is made once and kept; finds out what is held at rest, and how often each call is made."""
        self.level = [0, 0, 0]
        for _ in range(3):
            self.inject(self.crowd, *NOTHING)
            self.inject(deed, *NOTHING)
        before = self.failing.counts()
        self.inject(deed, *NOTHING)
        self.level = self.rest(None)
        if deed == self.reload:                 # old settings are kept: requests may hold on to them
            self.inject(deed, *NOTHING)
            self.growth = self.rest(None)[2] - self.level[2]
            self.level = self.rest(None)
        return {call: count - before[call] for call, count in self.failing.counts().items()}

    def attempt(self, deed, *point):
        """Injects, and again where something seems to be left, for only a leak grows each time."""
        fired = self.inject(deed, *point)
        for _ in range(TIMES):
            held = self.rest(self.level)
            has_grown = any(now > before for now, before in zip(held, self.level))
            self.level = held
            if not has_grown:
                return fired
            self.inject(deed, *point)
        self.complain("holds more after each time", *point)
        return fired

    def survive(self, deed, *point):
        """As attempt, with another relay if this one dies."""
        try:
            return self.attempt(deed, *point)
        except OSError:
            status = self.relay.process.wait(PATIENCE)
            self.complain("died with status %s" % status, *point, self.relay.said.read_text())
            self.failing.disarm()
            self.relay.start()
            self.settle(deed)
            return True
