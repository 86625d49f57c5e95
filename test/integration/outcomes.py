"""Sends cases to a relay and compares what came of each: the answer, the file, the lines of the log, the verdict."""
import dataclasses
import json

import cmtrace
import wire
from cases import Case
from relay import NAME

# Controls, line separators and what turns the direction of writing: never in a line of the log (logs.md 1.3).
UNSAFE = {chr(code) for first, last in ((0, 8), (10, 31), (0x7F, 0x9F), (0x2028, 0x202E), (0x2066, 0x2069))
          for code in range(first, last + 1)}


@dataclasses.dataclass
class Outcome:
    case: Case
    answer: object                  # None: the relay hung up
    files: dict                     # {path below incoming: bytes}
    records: list = ()              # of the log, up to its verdict


def take_files(relay):
    """{path below incoming: bytes} of what was kept since the last time; takes it away, as the state system does."""
    files = relay.files()
    for path in files:
        (relay.box / path).unlink()
    return files


def send_one(relay, case, connect):
    relay.posted += 1
    with connect() as connection:
        connection.send(case.request)
        answer = connection.answer()
        assert connection.ends(), case.name + ": more was said"
    assert relay.process.poll() is None, case.name + " killed the relay"
    return Outcome(case, answer, take_files(relay))


def send(relay, some):
    """One after the other; the log, which is written a little behind, is read once for all."""
    take_files(relay)
    relay.seen = relay.log_path.stat().st_size
    outcomes = [send_one(relay, case, relay.connect) for case in some]
    records = iter(relay.next_records(len(outcomes)))
    for outcome in outcomes:
        outcome.records = []
        while not outcome.records or not cmtrace.verdict(outcome.records[-1]):
            outcome.records.append(next(records))
    assert not list(records), "more lines than requests have"
    return outcomes


def check(relay, outcome):
    case = outcome.case
    assert outcome.answer is not None, case.name
    assert outcome.answer.status == int(case.expect["status"])
    assert list(outcome.files.values()) == ([] if case.kept is None else [case.kept])
    assert all(r.component == "MP_RelayEndpoint" and r.context == "" for r in outcome.records)
    assert not UNSAFE & set("".join(r.text for r in outcome.records))
    if case.kept is None:
        check_refused(relay, case.expect, outcome.answer, outcome.records)
    else:
        check_kept(relay, outcome)


def check_refused(relay, expect, answer, records):
    assert answer.headers["connection"].lower() == "close"
    assert answer.headers.get("allow") == expect.get("allow")
    said = cmtrace.verdict(records[-1])
    assert (said["refused"], said["rule"], records[-1].type) == (expect["status"], expect["rule"], 2)
    assert str(relay.root) not in said["why"]
    assert [r.text for r in records if r.text.startswith("Inv-Relay: Task")] in ([], ["Inv-Relay: Task failed"])
    if expect["form"] == "plain":
        assert answer.headers["content-type"] == "application/json"
        told = json.loads(answer.body)
        assert (told["status"], told["rule"]) == (int(expect["status"]), expect["rule"])
        assert told["message"] and str(relay.root) not in told["message"] and len(told) == 3
    else:
        assert answer.body == b""


def check_kept(relay, outcome):
    expect, (path,) = outcome.case.expect, outcome.files
    directory, _, name = ("incoming/" + path).rpartition("/")
    assert directory == expect["queue"] and NAME.fullmatch(name)
    if expect["form"] == "plain":
        assert outcome.answer.headers["content-type"] == "application/json"
        assert outcome.answer.body.decode() == '{"file":"%s","messages":%s,"priority":%s}' % (
            name, expect["messages"], expect["priority"])
    else:
        assert outcome.answer.headers["content-type"] == 'multipart/mixed; boundary="aAbBcCdDv1234567890VxXyYzZ"'
        assert outcome.answer.headers["content-length"] == "122" and outcome.answer.body == wire.NOREPLY
    check_kept_records(relay, outcome, name)


def check_kept_records(relay, outcome, name):
    expect, attachments = outcome.case.expect, outcome.case.expect.get("attachments", "0")
    *lines, last = [r for r in outcome.records if r.type != 2]
    assert [r.text for r in lines] == [
        "Inv-Relay Task: Processing message body",
        "Relay: FileType= SMX",
        "Relay: Outbox dir: %s" % (relay.box.parent / expect["queue"]),
        "Relay: Received %s attachments" % attachments,
        "Relay: 0 of %s attachments successfully processed" % attachments,
        "Inv-Relay: Task completed successfully"]
    said = cmtrace.verdict(last)
    assert (said["file"], said["messages"], said["priority"], said["trust"]) == (
        name, expect["messages"], expect["priority"], expect["trust"])
    assert said["client"] == expect.get("client", said["client"]) and said["client"] != "-"
    if expect["form"] == "ccm" and not outcome.case.name.startswith("golden"):
        assert said["id"] == expect["id"] or (expect["id"] == "any" and said["id"] not in ("", "-"))
        assert said["host"] == expect["host"]


def complaints(relay, outcomes):
    """What is not as it should be, a sentence each."""
    found = []
    for outcome in outcomes:
        try:
            check(relay, outcome)
        except AssertionError as wrong:
            found.append("%s: %s" % (outcome.case.name, wrong))
    return found
