"""A bag of files from a fleet, made from a seed. What the database holds after them is defined, in whatever order they
are loaded and however often that is broken off: only then must it equal the one of an undisturbed run. Why it is:
- the first report of each client is loaded in the calm, before the others: else the first serial is an accident;
- a serial is seen twice only in reports of the same Date, and in those of senders that do not count: so no order makes
  a repeated one look like a restart; nor is any so high that it could be one;
- a client that restarts sends one report of the new numbering, of the latest Date of all, and of serials that came in
  the calm: what is older either comes before, and its ranges are dropped, or after, and is stale;
- of a state no two messages have one time; nothing is raised again, so no resync can end;
- what is told of a client changes with the Date only, and only where its reports count.
"""
import copy
import dataclasses
import hashlib
import pathlib
import random

import row  # noqa: F401 (finds the modules of test/integration)
import reports
import wire

CALM = 3                            # messages of a client's first report
PRIORITIES = {"high": 1, "normal": 5, "low": 10}
QUEUES = ["high", *["normal"] * 5, "low"]
NAMES = ["%07dZZ.smx", "%cB%06d.SMX", "%cmsg %06d.smx", "N_%06d\u00e4.Smx", "%c%07x.SMW"]
TOPICS = [*("505fda07-b4f3-45fb-83d9-8642554e277%d" % n for n in range(6)), "P010000F", "Cache add C15.1 <&\">", None]


@dataclasses.dataclass(frozen=True)
class File:
    queue: str
    name: str
    content: bytes


class Names:
    """Of all that ever wrote into an inbox; neither in the order of sending nor in that of its opposite."""
    def __init__(self, chance):
        self.chance, self.count = chance, 0

    def next(self):
        self.count += 1
        form = self.chance.choice(NAMES)
        letter = (self.chance.choice("ABMZabz"),) if form.startswith("%c") else ()
        return form % (*letter, self.count)


class Client:
    """A sender that counts, with the life of its states: few topics, each message another time."""
    settings = {}

    def __init__(self, number, chance, names):
        self.number, self.chance, self.names = number, chance, names
        self.id, self.serial, self.date = reports.client(number), 0, reports.LONG_AGO + number

    def message(self):
        self.serial += 1
        time = reports.LONG_AGO + 10 * self.serial + self.chance.choice((0, 0, 0, -55))     # each of its own
        params = ("200", "\u00e4\u6f22 <&>")[:self.chance.randint(0, 2)]
        return reports.message(self.serial, self.chance.choice(TOPICS), self.chance.choice((300, 402, 500, 99999)),
                               self.chance.randint(1, 12), time, params)

    def report(self, messages, queue):
        self.date += 900
        return reports.report(*messages, client=self.id, date=self.date, priority=PRIORITIES[queue],
                              name="%d-%d" % (self.number, self.date), **self.settings)

    def file(self, text, queue):
        content = text.encode() if self.chance.random() < 0.1 else wire.smx(text)
        return File(queue, self.names.next(), content)

    def first(self):
        return self.file(self.report([self.message() for _ in range(CALM)], "normal"), "normal")

    def later(self, count):
        """Some are lost on the way, some come twice, some come again with a blank more."""
        found = []
        for _ in range(count):
            queue = self.chance.choice(QUEUES)
            messages = [self.message() for _ in range(self.chance.choice((1, 1, 2, 3, 5, 100)))]
            text, fate = self.report(messages, queue), self.chance.random()
            if fate < 0.1:
                continue
            found.append(self.file(text, queue))
            if fate < 0.17:
                found.append(dataclasses.replace(found[-1], name=self.names.next(), queue=self.chance.choice(QUEUES)))
            elif fate < 0.24:
                found.append(self.file(text + " ", queue))
        return found


class Restarting(Client):
    def later(self, count):
        found = super().later(count)
        self.date, times = self.date + reports.DAY, reports.LONG_AGO + reports.DAY
        messages = [reports.message(serial, TOPICS[serial], 500, 3, times + serial) for serial in range(1, CALM)]
        return [*found, self.file(self.report(messages, "normal"), "normal")]


class Careless(Client):
    """Some of its messages are no good, and one serial is no number for a database."""
    def message(self):
        good = super().message()
        return good + self.chance.choice(("", reports.message(None, kind="x"), reports.message(1 << 63, state=1)))


class Script(Client):
    """Writes the same serial everywhere."""
    def message(self):
        return super().message().replace(' SerialNumber="%d"' % self.serial, ' SerialNumber="5001"')


class Uncounted(Client):
    """A distribution point: not counted, and its name stays."""
    settings = {"installed": 0}

    def report(self, messages, queue):
        text, plain = super().report(messages, queue), reports.key(self.id).lower()
        text = text.replace("<ClientID>" + self.id, '<ClientID IDType="0" IDFlag="1">' + plain)
        return text.replace("%d-%d" % (self.number, self.date), "P01PDP%d.EXAMPLE.TEST" % self.number)


KINDS = [Client, Restarting, Careless, Client, Script, Client, Uncounted, Restarting]


def bad_contents():
    good = reports.smx(1)
    return [b"", b"\xff\xfe", good[:-200], good[:301], b"\0\1\2" * 100, b"<Report/>", wire.smx(reports.report()),
            wire.smx(reports.report(reports.message(1, kind="x"))), b"<!DOCTYPE Report><Report/>"]


class Mailbag:
    """`first`: to be loaded in the calm; `later`: what is then waiting, in no order; among it the contents of `bad`."""
    def __init__(self, seed, clients=8, each=20):
        self.seed, chance = seed, random.Random(seed)
        names = Names(chance)
        members = [KINDS[number % len(KINDS)](number, chance, names) for number in range(clients)]
        self.first = [member.first() for member in members]
        self.bad = bad_contents()
        self.later = [file for member in members for file in member.later(each)]
        self.later += [File(chance.choice(QUEUES), names.next(), content) for content in self.bad]
        chance.shuffle(self.later)

    def shuffled(self, chance):
        """The same, but for what decides when a file is read."""
        names, other = Names(chance), copy.copy(self)
        other.later = [File(chance.choice(QUEUES), "z" + names.next(), file.content) for file in self.later]
        chance.shuffle(other.later)
        return other

    def is_name_of(self, name, content_hash):
        """A content that came more than once was loaded under one of its names; a parent site changes the end."""
        return any(pathlib.Path(file.name).stem == pathlib.Path(name).stem for file in (*self.first, *self.later)
                   if hashlib.sha256(file.content).hexdigest() == content_hash)

    def good(self):
        return {file.content for file in (*self.first, *self.later)} - set(self.bad)
