"""Every folder of test/data/cases against one relay: the answer, the file, the log lines and the verdict."""
import json
import pathlib

import pytest

import cmtrace
import wire
from relay import DATA, NAME

FOLDERS = sorted((DATA / "cases").iterdir())
# One in.xml or in.body is a report, sent in both forms; an in.http is a whole request.
ROWS = [(folder, form) for folder in FOLDERS for form in
        (["http"] if (folder / "in.http").exists() else ["ccm", "plain"])]


def request_of(folder, form):
    if form == "http":
        return (folder / "in.http").read_bytes()
    if (folder / "in.body").exists():
        body = (folder / "in.body").read_bytes()
        return wire.ccm(body) if form == "ccm" else wire.plain(body, "application/octet-stream")
    text = (folder / "in.xml").read_bytes().decode("utf-8")
    return wire.ccm(text) if form == "ccm" else wire.plain(text)


def expected(folder, form):
    rows = dict(line.split(" = ", 1) for line in (folder / "expect").read_text().splitlines())
    return {"form": "ccm" if form == "http" else form, "id": wire.DEFAULTS["message_id"], "host": "CLIENT1",
            "trust": "unsigned", **rows}


def check_kept(relay, folder, expect, answer, new, records):
    (path, content), = new.items()
    queue, name = str(pathlib.Path("incoming", path).parent), path.rpartition("/")[2]
    assert (queue, content) == (expect["queue"], (folder / "kept.smx").read_bytes())
    assert NAME.fullmatch(name)
    if expect["form"] == "plain":
        assert answer.headers["content-type"] == "application/json"
        assert answer.body.decode() == '{"file":"%s","messages":%s,"priority":%s}' % (
            name, expect["messages"], expect["priority"])
    else:
        assert answer.headers["content-type"] == 'multipart/mixed; boundary="aAbBcCdDv1234567890VxXyYzZ"'
        assert answer.headers["content-length"] == "122" and answer.body == wire.NOREPLY
    attachments = expect.get("attachments", "0")
    *lines, last = [r for r in records if r.type != 2]
    assert [r.text for r in lines] == [
        "Inv-Relay Task: Processing message body",
        "Relay: FileType= SMX",
        "Relay: Outbox dir: %s" % (relay.box.parent / queue),
        "Relay: Received %s attachments" % attachments,
        "Relay: 0 of %s attachments successfully processed" % attachments,
        "Inv-Relay: Task completed successfully"]
    said = cmtrace.verdict(last)
    assert (said["file"], said["messages"], said["priority"], said["trust"]) == (
        name, expect["messages"], expect["priority"], expect["trust"])
    assert said["client"] == expect.get("client", said["client"]) and said["client"] != "-"
    if expect["form"] == "ccm" and not folder.name.startswith("golden"):
        assert said["id"] == expect["id"] or (expect["id"] == "any" and said["id"] not in ("", "-"))
        assert said["host"] == expect["host"]


def check_refused(relay, expect, answer, new, records):
    assert new == {}
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


@pytest.mark.parametrize("folder, form", ROWS, ids=["%s-%s" % (folder.name, form) for folder, form in ROWS])
def test_case(shared_relay, folder, form):
    relay, expect, before = shared_relay, expected(folder, form), shared_relay.files()
    relay.posted += 1
    relay.seen = relay.log_path.stat().st_size
    with relay.connect() as connection:
        connection.send(request_of(folder, form))
        answer = connection.answer()
        assert answer.status == int(expect["status"])
        assert connection.ends()
    records = relay.next_records()
    assert sum(1 for r in records if cmtrace.verdict(r)) == 1 and cmtrace.verdict(records[-1])
    assert all(r.component == "MP_RelayEndpoint" and r.context == "" for r in records)
    new = {path: content for path, content in relay.files().items() if path not in before}
    if expect["status"] == "200":
        check_kept(relay, folder, expect, answer, new, records)
    else:
        check_refused(relay, expect, answer, new, records)


def test_no_request_had_a_second_verdict(shared_relay):
    assert len(ROWS) > 400
    shared_relay.stop()
    assert len(shared_relay.verdicts()) == shared_relay.posted
