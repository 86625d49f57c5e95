"""smx inspect reads a request, an envelope, a body or a kept file, says what is in it, and what is wrong with it."""
import json
import subprocess
import xml.etree.ElementTree

import pytest

import wire
from relay import BUILD, DATA

REPORTS, REQUESTS = DATA / "samples/reports", DATA / "samples/requests"
A = "GUID:A1006D0E-CF56-41D1-A006-6330EFC39381"


def inspect(*arguments, stdin=b""):
    done = subprocess.run([BUILD / "smx", "inspect", *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=60)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


@pytest.mark.parametrize("path, words", [
    (REPORTS / "A-update-detection.body", [A, "PS1WIN7X64", "500", "505fda07-b4f3-45fb-83d9-8642554e2773"]),
    (REPORTS / "A-update-detection.xml", [A, "500"]),
    (REPORTS / "D-pull-dp.body", ["925b0ab0-247b-466b-be0f-93d7cb032c87", "P010000F", "902"]),
    (REQUESTS / "compressed.http", [A, "MP_RelayEndpoint", "{0E6D5B5C-6C0B-4A6E-9B57-2B4D1E8F7A01}"]),
    (REQUESTS / "uncompressed.http", ["P01PDP1.CONTOSO.COM"]),
    (REQUESTS / "signed.http", ["6F3C1E52-8A0B-4D7E-9C21-5B9A7D3E4F10", "clientauth"]),
])
def test_what_is_in_it(path, words):
    status, said, errors = inspect(path)
    assert (status, errors) == (0, "") and not [word for word in words if word not in said]
    assert inspect("-", stdin=path.read_bytes())[:2] == (0, said.replace(str(path), "-"))


def test_topic_and_state_have_their_names():
    said = inspect(REPORTS / "A-update-detection.body")[1]
    assert "Software update detection" in said and "Update is required" in said


def test_a_kept_file_as_json_and_xml(tmp_path):
    report = wire.report(messages=3, serial=7)
    (tmp_path / "a.smx").write_bytes(wire.smx(report))
    status, said, _ = inspect("--json", tmp_path / "a.smx")
    assert status == 0 and wire.CLIENT in json.dumps(json.loads(said))
    status, said, _ = inspect("--xml", tmp_path / "a.smx")
    assert status == 0
    assert len(xml.etree.ElementTree.fromstring(said.partition("?>")[2]).findall(".//StateMessage")) == 3


@pytest.mark.parametrize("content, words", [
    (b"hello", []), (b"", []), (wire.smx("<Report/>"), ["report"]), (wire.smx(wire.report())[:-40], ["line 2"]),
    (wire.smx(wire.report().replace('Type="500"', 'Type="x"')), ["line 2"]),
    (wire.ccm(wire.report(), body_length=99999), ["body"]), (wire.ccm(wire.report(), endpoint="X"), ["endpoint"]),
])
def test_what_is_wrong_is_65(tmp_path, content, words):
    (tmp_path / "in").write_bytes(content)
    status, said, errors = inspect(tmp_path / "in")
    assert status == 65 and not [word for word in words if word not in said + errors]


def test_a_missing_file_is_66():
    status, _, errors = inspect("/no/such/file.smx")
    assert status == 66 and "/no/such/file.smx" in errors
