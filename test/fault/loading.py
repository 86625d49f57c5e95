"""A state system that something is done to while it loads a bag of files, and what must hold afterwards: the tables are
those of an undisturbed run, row by row, no file is anywhere, and the bad ones, but no other, lie in corrupt/."""
import collections
import contextlib
import os
import pathlib
import shutil
import time

import row  # noqa: F401 (finds the modules of test/integration)
import wire
from relay import wait_until
from statesys import HEARTBEAT, Statesys

CALM = {"half_written_age": 0, "admin_listen": "", "log_max_size": "1G"}    # it stands still in the tests
OURS = ("db/", "logs/", "inboxes/auth/statesys.box/outgoing/resync/")
OF_CLIENT = "LEFT JOIN SR_Clients c ON c.MachineID = t.MachineID"
# All that is known; but for MachineIDs, times of processing, what a resync check wrote, and our own numbers.
TABLES = {
    "clients": "SELECT SMSID, SMSIDAsSent, NetBIOSName, ClientVersion, ClientType, ClientInstalled, CodePage, "
               "SystemDefaultLCID FROM SR_Clients",
    "states": "SELECT SMSID, TopicType, TopicID, UserSID, TopicIDType, UserName, StateID, Criticality, MessageTime, "
              "ReportDate, SerialNumber, ParamFlags, ParamCount, P1, P2, P3, P4, P5, DetailsType, StateDetails "
              "FROM SR_States t " + OF_CLIENT,
    "statistics": "SELECT SMSID, LastMessageTime, LastReportDate, FirstSerialNumber, FirstReportDate, "
                  "HighSerialNumber, LastRestartDate, MessagesProcessed, LastResyncClientCompletedTime, ResyncReason, "
                  "Restarts FROM SR_ClientMessageStats t " + OF_CLIENT,
    "ranges": "SELECT SMSID, FirstMissing, LastMissing FROM SR_MissingMessageRanges t " + OF_CLIENT,
    "files": "SELECT SMSID, ContentHash, FileName, Records, InvalidRecords FROM SR_ProcessedFiles t " + OF_CLIENT,
    "site": "SELECT * FROM SMSData, SC_SiteDefinition, SC_Component, SR_SchemaVersion",
    "settings": "SELECT ComponentID, SiteNumber, Name FROM SC_Component_Property",
    "topics": "SELECT * FROM SR_TopicTypes",
    "names": "SELECT * FROM SR_StateNames",
}


def read_tables(database, bag):
    """{table: how often each row}. Of a content that came under several names, any of them will do."""
    def rows_of(name, sql):
        for one in database.ask(sql):
            if not str(one[0]).startswith(HEARTBEAT):
                known = name == "files" and bag.is_name_of(one[2], one[1])
                yield (*one[:2], "of the bag", *one[3:]) if known else one
    return {name: collections.Counter(rows_of(name, sql)) for name, sql in TABLES.items()}


def is_heartbeat(content):
    return wire.smx(HEARTBEAT)[2:] in content


class Guest(Statesys):
    """It may be another build, and what it says at its start may lie beside what goes away."""
    def __init__(self, root, database=None, program=None, beside=None, **settings):
        self.program, self.beside = program, beside
        super().__init__(root, database, **settings)

    def launch(self):
        self.command[0] = self.program or self.command[0]
        self.said = pathlib.Path(self.beside or self.said.parent) / self.said.name
        super().launch()

    def is_ready(self):
        return b": ready" in self.said.read_bytes() or self.process.poll() is not None


class Scene:
    """A root and its database, with as many loaders as wanted, all stopped, after the first files of a bag."""
    def __init__(self, root, bag, database=None, loaders=1, **settings):
        self.root, self.bag = pathlib.Path(root), bag
        self.waiting = list(bag.later)            # not put there yet
        self.loaders = [Guest(self.root, database, log_dir=self.root / "logs" / str(number), **{**CALM, **settings})
                        for number in range(loaders)]
        self.loader = self.loaders[0]
        self.put(bag.first)
        self.loader.wait_until_loaded()
        self.stop()

    def stop(self):
        for loader in self.loaders:
            loader.stop()

    def put(self, files):
        for file in files:
            self.loader.put(file.name, file.content, file.queue)

    def put_some(self, count):
        self.put(self.waiting[:count])
        del self.waiting[:count]

    def has_files(self):
        return bool(self.waiting or self.loader.files())

    def finish(self, one):
        """All that is left is loaded, and all loaders are stopped; notes the time until the first file was."""
        self.put_some(len(self.waiting))
        left, began = len(self.loader.files()), time.monotonic()
        for loader in self.loaders:
            if loader.process.poll() is not None:
                loader.start()
        wait_until(lambda: len(self.loader.files()) < max(left, 1), "a file to be loaded")
        one.heal_seconds = max(one.heal_seconds, round(time.monotonic() - began, 3))
        self.loader.wait_until_loaded()
        self.stop()

    # ---- what must hold ----

    def check(self, one, expected):
        """Adds to a row what is not as it should be; all loaders have stopped."""
        one.files += len(self.bag.first) + len(self.bag.later)
        found = read_tables(self.loader.database, self.bag)
        for table, rows in expected.items():
            missing, extra = rows - found[table], found[table] - rows
            one.lost += missing.total()
            one.twice += extra.total()
            one.wrong += ["%s: %s: %s" % (table, word, some) for word, rows in (("missing", missing), ("extra", extra))
                          for some in list(rows)[:1]]
        self.check_corrupt(one)
        litter = self.litter()
        one.litter += len(litter)
        one.wrong += ["left over: " + name for name in litter]

    def check_corrupt(self, one):
        corrupt = self.loader.inbox / "corrupt"
        found = collections.Counter(path.read_bytes() for path in corrupt.glob("*.[sS][mM]?"))
        one.wrong += ["%s in corrupt/: %r" % (word, list(some)[0][:80])
                      for word, some in (("not", collections.Counter(self.bag.bad) - found),
                                         ("wrongly", found - collections.Counter(self.bag.bad))) if some]
        one.wrong += ["no reason beside " + path.name for path in corrupt.glob("*.[sS][mM]?")
                      if not pathlib.Path(str(path) + ".why").exists()]

    def litter(self):
        """A heartbeat that was written in the last moment is none."""
        files = (path for path in self.root.rglob("*") if path.is_file())
        return [place for path in files if not (place := str(path.relative_to(self.root))).startswith(OURS) and
                "/corrupt/" not in place and not (path.name == "lock" and "/process/" in place) and
                not is_heartbeat(path.read_bytes())]

    def age_private_files(self):
        """What was being delivered when the end came is swept an hour later."""
        for path in self.root.rglob(".deliver-*"):
            os.utime(path, (0, 0))


@contextlib.contextmanager
def scene(one, root, *arguments, **settings):
    """With its root, and its loaders, gone afterwards; what was waited for in vain is told in the row."""
    made = Scene(root, *arguments, **settings)
    try:
        yield made
    except AssertionError as broken:
        one.wrong.append(str(broken))
    finally:
        for loader in made.loaders:
            if loader.process.poll() is None:
                loader.kill()
        shutil.rmtree(root, ignore_errors=True)


known = {}                      # what undisturbed found before; it is always the same


def undisturbed(directory, bag, **settings):
    """The tables as they are if nothing happens."""
    key = (bag.seed, len(bag.later), *settings)
    if key not in known:
        one = row.LoaderRow("nothing", 0)
        with scene(one, pathlib.Path(directory) / "undisturbed", bag, **settings) as calm:
            calm.finish(one)
            known[key] = read_tables(calm.loader.database, bag)
            calm.check(one, known[key])
        assert not one.failed() and key in known, one
    return known[key]
