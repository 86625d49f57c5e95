"""Samples A to E of the specification are loaded without an invalid record, each into its rows."""
import datetime
import xml.etree.ElementTree as ElementTree

import pytest

import wire
from relay import DATA
from reports import key

SAMPLES = sorted(path for letter in "ABCDE" for path in (DATA / "samples/reports").glob(letter + "-*.body"))
COLUMNS = ("SMSIDAsSent, NetBIOSName, ClientVersion, ClientInstalled, TopicType, TopicID, TopicIDType, StateID, "
           "t.MessageTime, t.ReportDate, SerialNumber, StateDetails, ParamCount, P1, P2, P3, P4, P5")


def text_of(sample):
    return sample.read_bytes().decode("utf-16-le").rstrip("\0")


def microseconds(cim):
    date = datetime.datetime.strptime(cim.removesuffix("+000"), "%Y%m%d%H%M%S.%f")
    return (date - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)


def row_of(text):
    """What the report says, read by another parser than ours."""
    root = ElementTree.fromstring(text[text.index("<Report"):])
    machine, sent = root.find(".//Machine"), root.find(".//StateMessage")
    topic, details, serial = sent.find("Topic"), sent.find("StateDetails"), sent.get("SerialNumber")
    params = [param.text or "" for param in sent.iter("Param")]
    return (machine.find("ClientID").text, machine.find("NetBIOSName").text, machine.find("ClientVersion").text,
            int(machine.find("ClientInstalled").text), int(topic.get("Type")), topic.get("ID"),
            int(topic.get("IDType")), int(sent.find("State").get("ID")), microseconds(sent.get("MessageTime")),
            microseconds(root.find(".//Date").text), serial and int(serial),
            None if details is None else details.text.strip(), len(params), *params, *[None] * (5 - len(params)))


def test_samples_become_rows(statesys):
    assert len(SAMPLES) == 5
    for sample in SAMPLES:
        statesys.put(sample.name[0] + ".smx", wire.smx(text_of(sample)))
    statesys.wait_until_loaded()
    for text in map(text_of, SAMPLES):
        row = row_of(text)
        assert statesys.of(key(row[0]).upper(), COLUMNS, "SR_States") == [row]
    assert statesys.files("corrupt", "retry") == []
    statesys.stop()
    assert len(statesys.said_lines("Processed 1 records with 0 invalid records.$")) == len(SAMPLES) + 1    # heartbeat


def test_only_who_counts_has_a_ledger(statesys):
    """C has no serial number; D is a distribution point, and its number is the version of a package."""
    statesys.load(*(wire.smx(text_of(sample)) for sample in SAMPLES))
    ledger = statesys.ask("SELECT NetBIOSName, FirstSerialNumber, HighSerialNumber, MessagesProcessed FROM "
                          "SR_ClientMessageStats s JOIN SR_Clients c ON c.MachineID = s.MachineID ORDER BY 1")
    assert ledger == [("CLIENT1", 1, 1, 1), ("PS1WIN7X64", 232, 232, 1), ("R613924", None, None, 1),
                      ("TestClient", 41, 41, 1)]


@pytest.mark.parametrize("blank, loaded", [("", 1), (" ", 2)], ids=["the same", "one blank more"])
def test_b_again_is_a_repeat(statesys, blank, loaded):
    """The same bytes are not loaded at all; others with the same serial number change nothing."""
    text = text_of(SAMPLES[1])
    statesys.load(wire.smx(text), wire.smx(text.replace("<ReportBody>", "<ReportBody>" + blank)))
    client = key(row_of(text)[0])
    assert statesys.of(client, "Records, InvalidRecords", "SR_ProcessedFiles") == [(1, 0)] * loaded
    assert statesys.of(client, "MessagesProcessed, FirstSerialNumber, HighSerialNumber, Restarts",
                       "SR_ClientMessageStats") == [(loaded, 1, 1, 0)]
    assert statesys.of(client, "StateID, P1", "SR_States") == [(2, "102")] and statesys.ranges(client) == []
