"""What is sent to the relay, and what must come of it: the folders of test/data/cases, and the hostile rows."""
import dataclasses
import functools
import importlib
import itertools
import pathlib
import sys

import wire
from relay import DATA

sys.path.insert(0, str(DATA))
from rows.case import Row, rows  # noqa: E402

FAMILIES = ("xml", "bytes", "numbers", "requests", "text", "sweeps")    # of hostile rows, a file of data/rows each


@dataclasses.dataclass
class Case:
    name: str
    form: str                       # ccm or plain: how it is answered
    request: bytes
    expect: dict
    kept: bytes | None              # the file, or None where nothing may be kept


def read_folder(folder):
    kind, = {"in.xml", "in.body", "in.http"} & {path.name for path in folder.iterdir()}
    kept = folder / "kept.smx"
    expect = dict(line.split(" = ", 1) for line in (folder / "expect").read_text("utf-8").splitlines())
    return Row(folder.name, kind, (folder / kind).read_bytes(), kept.read_bytes() if kept.exists() else None,
               expect)


def request_of(row, form):
    if form == "http":
        return row.content
    content = row.content.decode("utf-8") if row.kind == "in.xml" else row.content
    return wire.ccm(content) if form == "ccm" else wire.plain(
        content, "text/xml" if row.kind == "in.xml" else "application/octet-stream")


def cases_of(row):
    """One in.xml or in.body is a report, sent in both forms; an in.http is a whole request."""
    for form in ["http"] if row.kind == "in.http" else ["ccm", "plain"]:
        expect = {"form": "ccm" if form == "http" else form, "id": wire.DEFAULTS["message_id"], "host": "CLIENT1",
                  "trust": "unsigned", **row.expect}
        yield Case("%s-%s" % (row.name, form), expect["form"], request_of(row, form), expect, row.kept)


def all_cases_of(some):
    return list(itertools.chain.from_iterable(map(cases_of, some)))


def in_folders():
    return all_cases_of(map(read_folder, sorted((DATA / "cases").iterdir())))


def is_sanitized(relay):
    maps = pathlib.Path("/proc/%d/maps" % relay.process.pid).read_text()
    return "libasan" in maps or "libtsan" in maps


def everything(relay):
    """All of both; under a sanitizer, which is ten times as slow and is sent all of it elsewhere, every tenth."""
    found = in_folders() + [case for family in FAMILIES for case in hostile(family)]
    return found[::10] if is_sanitized(relay) else found


@functools.cache
def hostile(family):
    """Made when asked for: they are thousands."""
    before = len(rows)
    importlib.import_module("rows.hostile_" + family)
    return all_cases_of(list(rows.values())[before:])
