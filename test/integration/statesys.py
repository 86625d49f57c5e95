"""The real state system in a temporary directory: put files into its inbox, ask its database, read what it said."""
import contextlib
import itertools
import os
import pathlib
import re
import signal
import sqlite3

import cmtrace
from relay import BUILD, Daemon, command_line, free_port, wait_until

QUEUES = {"high": "incoming/high", "normal": "incoming", "low": "incoming/low"}
IN_HAND = ("incoming", "process", "incoming")     # twice: what is in hand may go back while we look
# A story does not wait for what an admin waits for.
SETTINGS = {"notify_pause": "10ms", "polling_interval": "1s", "database_retry": "1s"}
UNWANTED = 666                                  # a state that the database refuses, if a story wants it
REFUSE = {"sqlite": "CREATE TRIGGER refuse BEFORE INSERT ON SR_States WHEN NEW.StateID = %d BEGIN "
                    "SELECT RAISE(ABORT, 'not this state'); END" % UNWANTED,
          "postgresql": "ALTER TABLE SR_States ADD CONSTRAINT refuse CHECK (StateID <> %d)" % UNWANTED}
ALLOW = {"sqlite": "DROP TRIGGER refuse", "postgresql": "ALTER TABLE SR_States DROP CONSTRAINT refuse"}
HEARTBEAT = "SMS_STATE_SYSTEM"                  # begins the name of the one client that the state system is itself


class Sqlite:
    kind = "sqlite"

    def __init__(self, path):
        self.path, self.url = path, str(path)

    def connect(self):
        """One connection, to be closed. What is not there is not made."""
        return sqlite3.connect("file:%s?mode=rw" % self.path, uri=True, timeout=60, isolation_level=None)

    def ask(self, sql):
        with contextlib.closing(self.connect()) as connection:
            return connection.execute(sql).fetchall()


class Statesys(Daemon):
    numbers = itertools.count()

    def __init__(self, root, database=None, wrapper=(), environment=None, preexec=None, wait=True, **settings):
        """`wait=False`: it will not become ready yet."""
        self.root, self.waits = pathlib.Path(root), wait
        self.inbox = self.root / "inboxes/auth/statesys.box"
        self.database = database or Sqlite(self.root / "db/statesys.db")
        self.settings = {"root": root, "database": self.database.url,
                         "admin_listen": "127.0.0.1:%d" % free_port(), **SETTINGS, **settings}
        self.admin = self.settings["admin_listen"]
        self.log_path = pathlib.Path(self.settings.get("log_dir", self.root / "logs")) / "statesys.log"
        super().__init__([*wrapper, str(BUILD / "statesys"), *command_line(self.settings)],
                         pathlib.Path("%s.%d.stderr" % (root, next(self.numbers))), environment, preexec)

    def start(self):
        super().start() if self.waits else self.launch()

    # ---- files ----

    def put(self, name, content, queue="normal"):
        """As the relay does: a name that nobody takes, then its own."""
        directory = self.inbox / QUEUES[queue]
        hidden = directory / (".%d.part" % next(self.numbers))
        hidden.write_bytes(content)
        hidden.rename(directory / os.fsdecode(name))

    def files(self, *places):
        """Reports below these places of the inbox, sorted: those that nobody has loaded, unless said otherwise."""
        found = set()
        for place in places or IN_HAND:
            for folder, _, names in os.walk(self.inbox / place):
                found |= {os.path.relpath(os.path.join(folder, name), self.inbox) for name in names
                          if name.lower().endswith((".smx", ".smw")) and not name.startswith(".")}
        return sorted(found)

    def wait_until_loaded(self):
        """Nothing waits and nothing is in hand: a file goes only when it is committed, or put somewhere else."""
        wait_until(lambda: not self.files(), "an empty inbox")

    def load(self, *contents, queue="normal"):
        """Puts files of rising names, and waits for them."""
        for content in contents:
            self.put("%08d.smx" % next(self.numbers), content, queue)
        self.wait_until_loaded()

    # ---- rows ----

    def ask(self, sql):
        return self.database.ask(sql)

    def wait_for_heartbeat(self):
        """The first is written at the start: from here on nothing happens by itself."""
        wait_until(lambda: self.ask("SELECT 1 FROM SR_States WHERE TopicType = 701"), "the heartbeat")
        self.wait_until_loaded()

    def of(self, client, columns, table):
        """Rows of a client, in a table that has MachineID."""
        return self.ask("SELECT %s FROM %s t JOIN SR_Clients c ON c.MachineID = t.MachineID WHERE c.SMSID = '%s' "
                        "ORDER BY 1" % (columns, table, client.removeprefix("GUID:")))

    def ranges(self, client):
        return self.of(client, "FirstMissing, LastMissing", "SR_MissingMessageRanges")

    # ---- lines ----

    def reload(self):
        """The line that says how it went."""
        before = len(self.said_lines("Settings .*reloaded"))
        self.process.send_signal(signal.SIGHUP)
        return self.wait_for_line("Settings .*reloaded", before + 1)[-1]

    def lines(self):
        """Texts of the log's whole lines."""
        data = self.log_path.read_bytes() if self.log_path.exists() else b""
        return [record.text for record in cmtrace.parse_site(data[:data.rfind(b"\n") + 1])]

    def said_lines(self, pattern):
        return [line for line in self.lines() if re.search(pattern, line)]

    def wait_for_line(self, pattern, count=1):
        """The lines with that pattern, once there are so many."""
        def there():
            found = self.said_lines(pattern)
            return len(found) >= count and found
        return wait_until(there, "%d lines '%s' in the log" % (count, pattern))
