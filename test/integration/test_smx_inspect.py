"""smx inspect reads a request, an envelope, a body or a kept file, says what is in it, and what is wrong with it."""
import json
import re
import subprocess
import unicodedata
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


STATE_REPORTS = sorted(p for p in REPORTS.glob("*.body") if not p.name.startswith("F-"))


def tree(path):
    text = path.read_bytes().decode("utf-16-le").rstrip("\0")
    return xml.etree.ElementTree.fromstring(re.sub(r"^<\?xml.*?\?>", "", text))


def shape(element):
    """Names, attributes and texts; blanks between elements do not count, blanks in a text do."""
    text = element.text if element.text and (element.text.strip() or not len(element)) else ""
    return element.tag, element.attrib, text.replace("\r\n", "\n"), [shape(child) for child in element]


@pytest.mark.parametrize("path", STATE_REPORTS, ids=lambda path: path.stem)
def test_json_says_what_another_reader_of_xml_sees(path):
    report, (status, said, _) = tree(path), inspect("--json", path)
    found = json.loads(said)
    assert status == 0 and found["valid"] and found["file"] == str(path) and found["problems"] == []
    assert found["client"] == report.findtext(".//ClientID") and found["name"] == report.findtext(".//NetBIOSName")
    assert len(found["messages"]) == len(report.findall(".//StateMessage"))
    for message, sent in zip(found["messages"], report.findall(".//StateMessage")):
        topic, state = sent.find("Topic"), sent.find("State")
        assert message.get("serial") == (int(sent.get("SerialNumber")) if sent.get("SerialNumber") else None)
        assert (message["topic_type"], message["topic_id"]) == (int(topic.get("Type")), topic.get("ID"))
        assert message["state"] == int(state.get("ID")) and message["user"] == topic.get("User", "")
        assert message["params"] == [param.text or "" for param in sent.iter("Param")]
        assert message["details"].replace("\n", "").replace("\r", "") == re.sub(
            r"[\r\n]", "", sent.findtext("StateDetails") or "")


@pytest.mark.parametrize("path", STATE_REPORTS, ids=lambda path: path.stem)
def test_xml_is_the_report_itself(path):
    status, said, errors = inspect("--xml", path)
    assert (status, errors) == (0, "") and said.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<Report>\n  <Rep')
    assert shape(xml.etree.ElementTree.fromstring(said.partition("?>")[2])) == shape(tree(path))


@pytest.mark.parametrize("state_message", [
    '<Topic Type="500" ID="a>b &lt;/Report>"/><State ID="2"/>',
    "<Topic Type='500' ID='\"a>'/><State ID='2'></State>",
    '<Topic Type="500"/><State ID="2"/><!-- a > b --><UserParameters><Param>  a  b </Param><Param> </Param></UserParameters>',
    '<Topic Type="500"/><State ID="2"/><StateDetails><![CDATA[<x> ]] > </x>]]></StateDetails>',
    '<Topic Type="500"/><State ID="2"/><?x y > ?><StateDetails>a?b</StateDetails>\n\n',
])
def test_xml_changes_no_text(tmp_path, state_message):
    report = re.sub(r"<StateMessage.*</StateMessage>", "<StateMessage>%s</StateMessage>" % state_message,
                    wire.report(), flags=re.S)
    (tmp_path / "in").write_bytes(wire.smx(report))
    said = inspect("--xml", tmp_path / "in")[1]
    assert shape(xml.etree.ElementTree.fromstring(said.partition("?>")[2])) == shape(
        xml.etree.ElementTree.fromstring(report.partition("?>")[2]))


HOSTILE = "a&#x85;b&#x9b;31m&#x202e;c&#x2028;d&#x7f;\U0001f600"


@pytest.mark.parametrize("form", [[], ["--json"], ["--xml"]])
def test_nothing_hostile_reaches_the_terminal(tmp_path, form):
    report = wire.report().replace("PS1", HOSTILE)
    for tag in ("NetBIOSName", "ReportContent"):
        report = re.sub("<%s>.*?<" % tag, lambda _: "<%s>%s<" % (tag, HOSTILE), report)
    report = re.sub(r'Topic ID="[^"]*"', lambda _: 'Topic ID="%s"' % HOSTILE, report)
    request = wire.ccm(report, message_id=HOSTILE, source_host=HOSTILE)
    (tmp_path / "in\x1b[31m").write_bytes(request.replace(b"/ccm_system/request", b"/\x1b]0;title\x07/request", 1))
    (tmp_path / "bad\x1b[31m").write_bytes(wire.smx(report)[:-20])
    for name, expected in (("in", 0), ("bad", 65), ("none", 66)):
        status, said, errors = inspect(*form, tmp_path / (name + "\x1b[31m"))
        assert status == expected
        shown = [c for c in said + errors if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
        assert shown == []
        assert form != ["--json"] or expected == 66 or json.loads(said)["valid"] == (expected == 0)


@pytest.mark.parametrize("arguments, status", [
    ([], 64), (["--yaml", "x"], 64), (["--xml"], 64), (["--help"], 0), ([REPORTS / "A-update-detection.body"], 0),
    ([REPORTS / "A-update-detection.body", "/no/such/file"], 66), (["/no/such/file", REPORTS / "README.md"], 66),
    ([REPORTS / "README.md", "/no/such/file"], 65), (["/"], 66),
])
def test_the_first_failure_is_the_status(arguments, status):
    assert inspect(*arguments)[0] == status
