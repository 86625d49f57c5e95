"""The real relay in a temporary directory: start it, talk to it over raw sockets, see what it kept and said."""
import os
import pathlib
import re
import socket
import subprocess
import time
from collections import namedtuple

import cmtrace

TOP = pathlib.Path(__file__).resolve().parents[2]
DATA = TOP / "test" / "data"
BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build")).resolve()
PATIENCE = int(os.environ.get("PATIENCE", 60))    # seconds until a test says that something hangs
NAME = re.compile(r"[0-9A-HJKMNP-TV-Z]{16}\.smx")

Answer = namedtuple("Answer", "status headers body")


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, "waited in vain for " + what
        time.sleep(0.01)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def command_line(settings):
    """{'max_request': '8M', 'listen': ['a', 'b']} as --max-request 8M --listen a --listen b."""
    return [word for name, value in settings.items() for one in (value if isinstance(value, list) else [value])
            for word in ("--" + name.replace("_", "-"), str(one))]


class Connection:
    """One client connection. After a refusal the relay closes, so a failing send is not an error here."""
    def __init__(self, address, source=None, tls=None):
        self.sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.sock.settimeout(PATIENCE)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        if tls:
            self.sock = tls.wrap_socket(self.sock)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        self.received += data
        return data

    def answer(self):
        """The next one, or None where the relay closed without."""
        while b"\r\n\r\n" not in self.received:
            if not self.more():
                assert not self.received, self.received
                return None
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(self.received) < length:
            assert self.more(), "the answer was cut off"
        body, self.received = self.received[:length], self.received[length:]
        return Answer(int(first.split()[1]), headers, body)

    def ends(self):
        return not self.received and not self.more()      # closed, and nothing more was said


class Daemon:
    """A program of ours: started until it says that it is ready, stopped as the service manager does it."""
    def __init__(self, command, said, environment=None, preexec=None, pass_fds=()):
        self.command, self.said, self.environment, self.preexec = command, said, environment, preexec
        self.pass_fds = pass_fds
        self.start()

    def launch(self):
        with open(self.said, "wb") as stderr:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                                            env=self.environment, preexec_fn=self.preexec, restore_signals=False,
                                            pass_fds=self.pass_fds)

    def start(self):
        self.launch()
        wait_until(lambda: b": ready" in self.said.read_bytes() or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, self.said.read_text()

    def stop(self):
        """A sanitizer's report makes the status other than 0."""
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, self.said.read_text()

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)


class Relay(Daemon):
    """Unless told otherwise it keeps what comes again: stories send the same request over and over. With `unix` it listens
    on `socket`, too, where proxies look for it."""
    def __init__(self, root, wrapper=(), environment=None, preexec=None, pass_fds=(), unix=False, **settings):
        self.root, self.port, self.seen, self.posted = pathlib.Path(root), free_port(), 0, 0
        self.address, self.admin = ("127.0.0.1", self.port), settings.get("admin_listen")
        self.socket = str(root) + ".sock"
        listen = ["127.0.0.1:%d" % self.port] + (["unix:" + self.socket] if unix else [])
        self.box = self.root / "inboxes/auth/statesys.box/incoming"
        self.log_path = self.root / "logs/MP_Relay.log"
        if "coverage" in BUILD.name:
            settings.setdefault("sandbox", "no")        # what was run is noted at the end, outside of the root
        super().__init__([*wrapper, str(BUILD / "mprelay"), *command_line(
            {"root": str(root), "listen": listen, "admin_listen": "off", "stats_interval": 0,
             "duplicate_window": 0, **settings})],
            pathlib.Path(str(root) + ".stderr"), environment, preexec, pass_fds)

    @classmethod
    def beside(cls, other, *words, starts=True):
        """Another process with the settings of that one, and more; one that is not to start is only launched."""
        relay = cls.__new__(cls)
        vars(relay).update(vars(other))
        relay.command = [*other.command, *words]
        relay.said = other.said.with_name("%s.%d" % (other.said.name, other.process.pid))
        relay.start() if starts else relay.launch()
        return relay

    def sockets(self):
        """How many it has open: the one that it listens on, and one for each connection."""
        def is_socket(link):
            try:
                return os.readlink(link).startswith("socket:")
            except FileNotFoundError:
                return False                # closed meanwhile
        return sum(map(is_socket, pathlib.Path("/proc/%d/fd" % self.process.pid).iterdir()))

    def connect(self, source=None):
        return Connection(self.address, source)

    def post(self, request):
        self.posted += 1
        with self.connect() as connection:
            connection.send(request)
            return connection.answer()

    def files(self):
        """Everything below the inboxes, hidden names too: {path below incoming: bytes}."""
        return {str(p.relative_to(self.box)): p.read_bytes() for p in self.box.rglob("*") if p.is_file()}

    def log(self):
        return cmtrace.parse(self.log_path.read_bytes())[0]

    def verdicts(self):
        """All of the log; after stop(), for the log is written a little behind the answers."""
        return [v for v in map(cmtrace.verdict, self.log()) if v]

    def next_records(self, verdicts=1):
        """The records written since the last call, once they hold that many verdicts."""
        def whole():
            with open(self.log_path, "rb") as log:
                log.seek(self.seen)
                records, used = cmtrace.parse(log.read())
            records = [r for r in records if not r.file.startswith("main.c:")]      # start, reload, stop
            return sum(1 for r in records if cmtrace.verdict(r)) >= verdicts and (records, used)
        records, used = wait_until(whole, "%d verdicts" % verdicts)
        self.seen += used
        return records

    def next_verdicts(self, count=1):
        return [verdict for verdict in map(cmtrace.verdict, self.next_records(count)) if verdict]
