"""mprelay --dispatch as a daemon and once, and files as others put them into an outbox."""
import pathlib
import subprocess

import cmtrace
import wire
from relay import BUILD, PATIENCE, Daemon, command_line


def line(root, outbox, inbox, **settings):
    return [str(BUILD / "mprelay"), "--dispatch",
            *command_line({"root": root, "outbox": outbox, "inbox": inbox, **settings})]


class Dispatch(Daemon):
    def __init__(self, root, outbox, inbox, environment=None, **settings):
        self.log_path = pathlib.Path(root) / "logs/mpfdm.log"
        super().__init__(line(root, outbox, inbox, dispatch_interval="10ms", **settings),
                         pathlib.Path(str(root) + ".stderr"), environment)

    def tells(self, word):
        return [text for text in texts(self.log_path) if word in text]


def texts(log):
    return [record.text for record in cmtrace.parse(log.read_bytes())[0]]


def once(root, outbox, inbox, **settings):
    return subprocess.run(line(root, outbox, inbox, **settings), stderr=subprocess.PIPE, timeout=PATIENCE, text=True,
                          check=False)


def files(place):
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def put(path, priority=None, text=None):
    """As a good writer does."""
    content, hidden = wire.smx(text or wire.report(priority=priority)), path.with_name(".new")
    hidden.write_bytes(content)
    hidden.rename(path)
    return content
